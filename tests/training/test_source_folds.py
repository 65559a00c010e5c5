"""Networks tried on sources left out: which film is where, and what is measured."""

from __future__ import annotations

import dataclasses
from itertools import count

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cxr.training.lung_supervision import film_weights
from cxr.training.recipes import RECIPES
from cxr.training.source_folds import CANDIDATES, FOLDS, SHIPS, film_table, main, pointing
from tests.conftest import chest_like


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    root = tmp_path_factory.mktemp("sets")
    seeds = count()
    for folder, source, labels in (
        ("tuberculosis", "tbx11k", ["tuberculosis"]),
        ("tuberculosis", "qatar", ["tuberculosis", "normal"]),
        ("nih", "nih", ["no_finding"]),
        ("shenzhen_128", "shenzhen", ["tuberculosis", "normal"]),
    ):
        rows = []
        for label in labels:
            # Three of four of that site are withheld.
            for k in range(160 if source == "shenzhen" else 60):
                path = f"{source}/{label}/{source}-{label}-{k}.png"
                (root / folder / path).parent.mkdir(parents=True, exist_ok=True)
                film = chest_like(next(seeds), ill=label == "tuberculosis", size=32)
                Image.fromarray(film).save(root / folder / path)
                rows.append({"path": path, "source": source, "label": label})
        table = root / folder / "manifest.csv"
        before = [pd.read_csv(table)] if table.is_file() else []
        pd.concat([*before, pd.DataFrame(rows)]).to_csv(table, index=False)
    boxes = pd.DataFrame(
        {
            "file": [f"tbx11k-tuberculosis-{k}.png" for k in range(60)],
            "finding": "ActiveTuberculosis",
            "xmin": 10.0,
            "ymin": 12.0,
            "xmax": 30.0,
            "ymax": 34.0,
        }
    )
    boxes.to_csv(root / "tuberculosis" / "boxes.csv", index=False)
    return root


def quiet(line: str) -> None:
    """Say nothing."""


def test_a_film_stays_in_the_split_that_another_bundle_gave_it(sets):
    told = pd.DataFrame(
        {"path": [f"qatar/normal/qatar-normal-{k}.png" for k in (0, 1)], "split": "test"}
    )
    table = film_table(sets, SHIPS, [told], say=quiet).set_index("path")
    assert set(table.loc["tuberculosis/" + told["path"], "split"]) == {"test"}
    assert set(table["split"]) == {"train", "validation", "test"}
    parts = table.groupby(["source", "label"])["split"].agg(set)
    assert set(parts.index) == {tuple(part.split("/")) for part in SHIPS.films}
    assert all("train" in part for part in parts)


def test_only_what_may_be_learned_from_is_prepared(sets, tmp_path, monkeypatch):
    small = dataclasses.replace(SHIPS, films=SHIPS.films)
    monkeypatch.setattr("cxr.training.source_folds.find_recipe", lambda name: small)
    # Children's films come along where they are there.
    monkeypatch.setattr("cxr.training.source_folds.CHILDREN", ())
    given = ["prepare", "--data", str(sets), "--table", str(tmp_path / "table.csv")]
    main([*given, "--out", str(tmp_path / "films.npz")])
    table = pd.read_csv(tmp_path / "table.csv")
    with np.load(tmp_path / "films.npz") as stored:
        boxes = np.unpackbits(stored["boxes"], axis=-1)
        text = stored["table"].tobytes().decode()
        assert len(stored["ends"]) == len(boxes) == (table["split"] != "test").sum()
    assert "test," not in text
    kept = table[table["split"] != "test"].reset_index(drop=True)
    np.testing.assert_array_equal(boxes.any(axis=(1, 2)), kept["source"] == "tbx11k")


def test_a_fold_is_tried_on_what_it_left_out():
    for left_out, pairs in FOLDS.values():
        for pair in pairs:
            assert {part.split("/")[0] for part in pair} <= set(left_out)
    assert CANDIDATES["heavy"] == RECIPES["tuberculosis-efficientnet-lite0"]


def test_both_labels_count_the_same_and_large_sources_less_a_film():
    table = pd.DataFrame(
        {
            "path": [str(k) for k in range(130)],
            "label": ["normal"] * 110 + ["tuberculosis"] * 20,
            "source": ["a"] * 100 + ["b"] * 10 + ["a"] * 20,
        }
    )
    weights = film_weights(table)
    assert weights.mean() == pytest.approx(1)
    assert weights[:110].sum() == pytest.approx(weights[110:].sum(), rel=1e-5)
    assert weights[105] / weights[0] == pytest.approx(10**0.5, rel=1e-5)


def test_a_map_points_where_its_hottest_pixel_lies():
    evidence = np.full((3, 4, 4), -1.0, np.float32)
    evidence[0, 0, 0], evidence[1, 3, 3] = 2.0, 2.0  # and none in the third
    boxes = np.zeros((3, 64, 64), bool)
    boxes[:, :20, :20] = True
    own, mean = pointing(evidence, boxes)
    assert list(own) == [True, False, False]
    assert list(mean) == [False, True, True]
