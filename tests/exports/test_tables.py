"""Rows of a worklist, and overlays as PNG."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from cxr.exports import (
    EXPORTED,
    rows_of,
    to_csv,
    to_json,
    write_overlay,
)
from cxr.heatmaps.overlay import overlay
from cxr.reading_room.worklist import Worklist
from cxr.scoring.explain import CAPTION, Heatmap
from cxr.scoring.population import INTENDED_USE
from cxr.scoring.predict import FIELDS
from cxr.scoring.reader import Agreement, Call
from tests.conftest import chest_like, film_like, png


class TestOverlay:
    def test_png_carries_the_caption_and_the_intended_use(self, tmp_path):
        film = film_like(1)
        grid = np.random.default_rng(0).uniform(0, 1, (5, 5)).astype(np.float32)
        heatmap = Heatmap(grid, 160, 160, "gradcam", "conv", "pneumonia")
        path = tmp_path / "new" / "film.png"
        write_overlay(film, heatmap, path)
        with Image.open(path) as image:
            assert image.format == "PNG"
            assert image.text["Description"] == CAPTION
            assert INTENDED_USE in image.text["Disclaimer"]
            np.testing.assert_array_equal(np.asarray(image), np.asarray(overlay(film, heatmap)))


class TestRowsOfAWorklist:
    @pytest.fixture(scope="class")
    def worklist(self, made_bundle) -> Worklist:
        made = Worklist(made_bundle)
        for k in range(3):
            made.add(f"film-{k}.png", png(chest_like(k, ill=k == 2)))
        made.add("damaged.png", b"no film")
        made.add("blank.png", png(np.full((200, 200), 90, np.uint8)))
        list(made.score())
        return made

    def test_in_the_lists_order_with_the_call_and_the_intended_use(self, worklist):
        worklist.judge(worklist.ordered()[1], Agreement.OVERRIDE)
        worklist.call(worklist.ordered()[2], Call.UNSURE)
        entries, rows = zip(*rows_of(worklist), strict=True)
        assert [tuple(row) for row in rows] == [(*FIELDS, *EXPORTED)] * 5
        assert list(entries) == worklist.ordered()
        assert [row["path"] for row in rows] == [entry.name for entry in entries]
        assert rows[0]["call"] is None
        assert rows[1]["call"] in ("pneumonia seen", "no pneumonia seen")
        assert rows[2]["call"] == "unsure"
        assert [row["judgement"] for row in rows[:3]] == [None, "override", None]
        assert {row["intended_use"] for row in rows} == {
            f"{INTENDED_USE} Population: children of 1 to 5 years."
        }
        assert next(rows_of(worklist, "arrival"))[1]["path"] == "film-0.png"
        written = json.loads(to_json(rows, EXPORTED))
        assert [row["judgement"] for row in written[:3]] == [None, "override", None]
        assert to_csv(rows, EXPORTED).count(",override,") == 1

    def test_refused_rows_have_no_score(self, worklist):
        rows = {row["path"]: row for _, row in rows_of(worklist)}
        for name in ("damaged.png", "blank.png"):
            assert rows[name]["score"] is None
            assert rows[name]["band"] is None
            assert rows[name]["refusal_reason"]
