"""The lung network's training on a handful of made films, and what is stored of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import cxr
from cxr.lungs.agreement import figures
from cxr.lungs.segment import LungNetwork, find_lungs
from cxr.storage.checksum import was_changed
from cxr.storage.hashes import file_hash
from cxr.training.lungs import LungRecipe, lung_films, predict_whole, train_lungs, whole_batches
from cxr.training.store_lungs import store_lungs
from tests.conftest import chest_like

SIDE = 32
RECIPE = LungRecipe(
    input_size=SIDE, batch_size=4, epochs=1, adult_epochs=1, adult_times=1, folds=2, seed=3
)


def draw(folder: Path, film: str, seed: int) -> str:
    """Store a film and its mask; return the mask's path in the folder of masks."""
    picture = chest_like(seed, size=64)
    mask = Image.fromarray(np.where(picture < 110, 255, 0).astype(np.uint8))
    path = folder / film
    drawn = path.with_suffix(".png").relative_to(folder).as_posix().replace("/", "-")
    for where, image in ((path, Image.fromarray(picture)), (folder / "lungs" / drawn, mask)):
        where.parent.mkdir(parents=True, exist_ok=True)
        image.save(where)
    return drawn


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight children, two of them in validation, one in test, and four adults of three papers."""
    folder = tmp_path_factory.mktemp("sets")
    children = [f"kermany/{number}.jpeg" for number in range(9)]
    adults = [f"lungs/adults/{name}.jpeg" for name in ("a_Fig1", "a_Fig2", "b_Fig1", "c_Fig1")]
    pairs = [("kermany", film) for film in children]
    pairs += [("covid_image_data", film) for film in adults]
    rows = [
        {"source": source, "film": film, "mask": draw(folder, film, seed), "matched_by": "size"}
        for seed, (source, film) in enumerate(pairs)
    ]
    pd.DataFrame(rows).to_csv(folder / "lungs" / "masks.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def films() -> pd.DataFrame:
    splits = ["train"] * 6 + ["validation"] * 2 + ["test"]
    return pd.DataFrame(
        {
            "path": [f"{number}.jpeg" for number in range(9)],
            "split": splits,
            "label": ["normal", "pneumonia"] * 4 + ["normal"],
            "patient": [f"p{number}" for number in range(9)],
        }
    )


@pytest.fixture(scope="module")
def run(data: Path, films: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run")
    train_lungs(RECIPE, data, films, out, say=lambda line: None)
    return out


def test_test_films_are_left_out_and_a_papers_adults_are_held_out_together(data, films):
    table = lung_films(data, films, RECIPE.folds, RECIPE.seed)
    assert table["split"].value_counts().to_dict() == {"train": 6, "adults": 4, "validation": 2}
    adults = table[table["split"] == "adults"]
    assert set(adults["fold"]) == {1, 2}
    assert adults.groupby("patient")["fold"].nunique().max() == 1
    assert adults["patient"].nunique() == 3
    assert set(table.loc[table["split"] != "adults", "fold"]) == {0}


def test_batches_are_whole_but_for_a_set_smaller_than_one():
    assert len(whole_batches(np.arange(11), RECIPE)) == 8
    assert sorted(whole_batches(np.arange(3), RECIPE)) == [0, 1, 2]


def test_predictions_are_of_the_films_alone_whatever_fills_the_last_batch():
    class Doubled:
        def predict(self, films, batch_size, verbose):
            assert len(films) % batch_size == 0
            return films * 2

    films = np.arange(5.0)
    np.testing.assert_array_equal(predict_whole(Doubled(), films, 4), films * 2)


def test_every_adult_is_compared_once_before_and_once_after_adults_were_learned_from(run):
    table = pd.read_csv(run / "predictions.csv")
    assert table["split"].value_counts().to_dict() == {
        "adults-unseen": 4,
        "adults-held-out": 4,
        "validation": 2,
    }
    held = table[table["split"] == "adults-held-out"]
    assert held["film"].is_unique
    history = pd.read_csv(run / "history.csv")
    assert list(history["run"]) == ["children", "all", "fold 1", "fold 2"]
    assert np.isfinite(history["loss"]).all()


def test_a_run_becomes_a_bundle_that_finds_lungs_and_has_its_figures(run, data, films, tmp_path):
    out = tmp_path / "models" / "lungs"
    card = store_lungs(run, data, films, out)
    stored = json.loads((out / "card.json").read_text())
    assert not was_changed(stored)
    assert stored == card | {"checksum": stored["checksum"]}
    for name in ("weights", "history", "predictions"):
        assert file_hash(out / card[name]["file"]) == card[name]["sha256"]
    assert card["recipe"]["folds"] == RECIPE.folds
    table = pd.read_csv(
        out / "predictions.csv", keep_default_na=False, na_values={"boundary_95": ""}
    )
    assert figures(table) == card["figures"]
    assert card["figures"]["adults held out"]["films"] == 4
    network = LungNetwork(out)
    assert network(np.zeros((SIDE, SIDE), np.uint8)).shape == (SIDE, SIDE)
    search = find_lungs(cxr.read(data / films["path"].radd("kermany/").iloc[0]), network)
    assert (search.lungs is None) == (search.remark is not None)
    assert cxr.available(out.parent) == []
