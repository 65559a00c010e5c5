"""Weights that were trained elsewhere become a bundle."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cxr
from cxr.networks import build
from cxr.training.callbacks import HISTORY_COLUMNS
from cxr.training.recipes import RECIPES
from cxr.training.store_candidate import store_candidate

SIDE = 64


@pytest.fixture(scope="module")
def recipe():
    return dataclasses.replace(
        RECIPES["pneumonia-efficientnet-lite0"], name="pneumonia-lungs", input_size=SIDE, epochs=4
    )


@pytest.fixture(scope="module")
def run(recipe, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    network = build(recipe.architecture, input_size=SIDE, **recipe.arguments)
    half = [np.asarray(weight, np.float16) for weight in network.get_weights()]
    np.savez(folder / "one-averaged.weights.npz", *half)
    note = {"versions": {"jax": "0.7", "keras": "3.15.1"}}
    (folder / "one-averaged.json").write_text(json.dumps(note))
    epochs = pd.DataFrame({"epoch": [1, 2, 3, 4], "loss": [0.9, 0.5, 0.4, 0.3]})
    epochs.assign(learning_rate=1e-4, seconds=[2.0, 3.0, 4.5, 6.0]).to_csv(
        folder / "one.history.csv", index=False
    )
    return folder


def test_the_bundle_scores_films_and_says_how_long_each_epoch_took(
    run, recipe, made_bundle, made_films, tmp_path
):
    lines: list[str] = []
    films = made_bundle.films
    store_candidate(recipe, run, "one-averaged", made_films, films, tmp_path, say=lines.append)
    model = cxr.load("pneumonia-lungs", folder=tmp_path)
    assert lines
    assert model.card.recipe == recipe
    assert list(model.history) == HISTORY_COLUMNS
    assert model.history["seconds"].tolist() == [2.0, 1.0, 1.5, 1.5]
    assert model.history["val_auc"].isna().all()
    assert model.card.training.kept_epoch == 4
    assert model.card.training.versions == {"jax": "0.7", "keras": "3.15.1"}
    held = films[films["split"] != "train"]
    assert set(model.predictions["path"]) == set(held["path"])
    evidence = model.model.get_layer("evidence").get_weights()[1]
    assert evidence == pytest.approx([-recipe.lungs.origin], abs=1e-3)


def test_what_is_not_of_the_recipe_is_refused(run, recipe, made_bundle, made_films, tmp_path):
    plain = RECIPES["pneumonia-efficientnet-lite0-v1"]
    given = (run, "one-averaged", made_films, made_bundle.films, tmp_path)
    with pytest.raises(ValueError, match="lung supervision"):
        store_candidate(plain, *given)
    with pytest.raises(ValueError, match="Expected 5 epochs"):
        store_candidate(dataclasses.replace(recipe, epochs=5), *given)
    assert not list(tmp_path.iterdir())
