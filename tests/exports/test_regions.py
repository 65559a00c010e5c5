"""Regions as tables, and as boxes that a model is evaluated with."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

from cxr.datasets.boxes import boxes_of, read_boxes
from cxr.exports import EXPORTED, boxes_csv, items_of, regions_csv, rows_of, to_csv, to_json
from cxr.exports.regions import BOXES, REGIONS
from cxr.films.radiograph import read
from cxr.reading_room.worklist import Worklist
from cxr.scoring.population import INTENDED_USE
from tests.conftest import chest_like, png
from tests.scoring.test_region import a_region

BOX = a_region()
MISSED = a_region(
    shape="ellipse", label="missed by the heatmap", left=0.5, top=0.25, right=1.0, bottom=0.5,
    model_sha256="c" * 64, method="gradcam",
)  # fmt: skip
NOTHING, OTHER = a_region(label="nothing there"), a_region(label="other", top=0.0)


@pytest.fixture(scope="module")
def worklist(made_bundle) -> Worklist:
    made = Worklist(made_bundle)
    for name, seed in (("a, b.png", 1), ("=c.png", 2), ("plain.png", 3)):
        made.add(name, png(chest_like(seed)))
    list(made.score())
    made.mark(made.entries[0], [BOX, MISSED, NOTHING])
    made.mark(made.entries[1], [OTHER])
    return made


def test_one_row_per_region(worklist: Worklist) -> None:
    rows = list(csv.DictReader(io.StringIO(regions_csv(worklist.entries))))
    assert [(row["number"], row["label"]) for row in rows] == [
        ("1", "finding"),
        ("1", "missed by the heatmap"),
        ("1", "nothing there"),
        ("2", "other"),
    ]
    assert tuple(rows[0]) == REGIONS
    film = read(png(chest_like(1)))
    missed = rows[1]
    assert missed["file"] == "a, b.png"
    assert missed["film_sha256"] == film.sha256
    assert (missed["height"], missed["width"]) == (str(film.height), str(film.width))
    assert [float(missed[side]) for side in ("left", "top", "right", "bottom")] == [
        0.5,
        0.25,
        1,
        0.5,
    ]
    assert (missed["heatmap"], missed["model_sha256"]) == ("gradcam", "c" * 64)
    assert {row["intended_use"] for row in rows} == {INTENDED_USE}


def test_boxes_are_read_as_evaluate_reads_them(worklist: Worklist, tmp_path: Path) -> None:
    path = tmp_path / "boxes.csv"
    path.write_text(boxes_csv(worklist.entries))
    assert path.read_text().splitlines()[0] == ",".join(BOXES)
    boxes = read_boxes(path)
    # What is not there, and what is something else, is no box of the finding.
    assert boxes["file"].tolist() == ["a, b.png"] * 2
    found = boxes_of(boxes, ["test/PNEUMONIA/a, b.png", "test/NORMAL/plain.png"], "pneumonia")
    (corners,) = found.values()
    height, width = worklist.entries[0].size
    drawn = [region.pixels(height, width) for region in (BOX, MISSED)]
    np.testing.assert_allclose(corners, drawn, atol=0.01)


def test_without_a_region_there_are_headers_alone(worklist: Worklist) -> None:
    assert regions_csv(worklist.entries[2:]).count("\n") == 1
    assert boxes_csv(worklist.entries[1:]).count("\n") == 1


def test_the_list_says_what_was_drawn(worklist: Worklist) -> None:
    rows = [row for _, row in rows_of(worklist, "arrival")]
    assert rows[0]["regions"] == (
        "box of pneumonia at 0.1000 0.2000 0.5000 0.6000; "
        "ellipse of pneumonia, missed by the heatmap at 0.5000 0.2500 1.0000 0.5000; "
        "box of nothing there at 0.1000 0.2000 0.5000 0.6000"
    )
    assert rows[2]["regions"] is None
    assert "ellipse of pneumonia" in to_csv(rows, EXPORTED)
    assert json.loads(to_json(rows, EXPORTED))[1]["regions"].startswith("box of other")


def test_items_have_the_regions(worklist: Worklist) -> None:
    assert [item.regions for item in items_of(worklist.entries)] == [
        (BOX, MISSED, NOTHING),
        (OTHER,),
        (),
    ]
