"""Training runs compared."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from cxr.evidence.runs import kept_epochs, recipe_lines, runs
from cxr.scoring.bundle import Bundle
from cxr.scoring.card import Architecture, Base, Card, TrainingStep
from cxr.training.recipes import RECIPES
from tests.cards import a_card


def changed(bundle: Bundle, architecture: Architecture | None = None, **training) -> Card:
    """The bundle's card with other facts."""
    card = bundle.card
    facts = dataclasses.replace(card.training, **training)
    return dataclasses.replace(card, training=facts, architecture=architecture or card.architecture)


def test_a_run_without_a_base_and_a_first_step(made_bundle, made_recipe):
    (row,) = runs([made_bundle.card], {made_bundle.name: made_bundle.history}).to_dict("records")
    assert (row["run"], row["first step"], row["base features"]) == (
        made_bundle.name, "none", "none",
    )  # fmt: skip
    assert (row["epochs"], row["batch"], row["seed"]) == (
        made_recipe.epochs, made_recipe.batch_size, made_recipe.seed,
    )  # fmt: skip
    assert row["best epoch"] in made_bundle.history["epoch"].tolist()


def test_what_the_epochs_leave_out_is_said(made_bundle):
    transfer = Architecture("vgg16_transfer", {}, 1, Base("VGG16", "ImageNet"))
    step = TrainingStep(1000, 224, 3, 0.9, 0.95, 90.0)
    unknown = changed(made_bundle, transfer, feature_seconds=None, first_step=step)
    known = changed(made_bundle, transfer, feature_seconds=90.0)
    table = runs([unknown, known], {made_bundle.name: made_bundle.history})
    assert table["base features"].tolist() == ["time not recorded", "1.5 min"]
    assert table["first step"].tolist() == ["3 epochs, 1000 films at 224 pixels, 1.5 min", "none"]


def test_an_imported_model_has_no_run():
    with pytest.raises(ValueError, match="trained here"):
        runs([a_card()], {})


def test_a_run_that_did_not_score_validation_films_has_no_best_epoch(made_bundle):
    blind = made_bundle.history.assign(val_loss=np.nan, val_accuracy=np.nan, val_auc=np.nan)
    table = runs([made_bundle.card], {made_bundle.name: blind})
    assert table["best epoch"].isna().tolist() == [True]


def test_what_an_epoch_cost_is_the_median(made_bundle):
    history = made_bundle.history.assign(seconds=[100.0, *[3.0] * (len(made_bundle.history) - 1)])
    table = runs([made_bundle.card], {made_bundle.name: history})
    assert table["seconds an epoch"].tolist() == [round(float(history["seconds"].median()), 1)]
    unknown = history.drop(columns="seconds")
    assert runs([made_bundle.card], {made_bundle.name: unknown})["seconds an epoch"].isna().all()


def test_the_epochs_kept_are_one_or_those_that_were_averaged(made_bundle):
    last = made_bundle.card.training.kept_epoch
    assert kept_epochs(made_bundle.card) == (last, last)
    recipe = RECIPES["pneumonia-efficientnet-lite0"]  # averages four
    card = dataclasses.replace(changed(made_bundle, kept_epoch=8), recipe=recipe)
    assert kept_epochs(card) == (5, 8)


def test_a_recipe_is_told_in_short_lines(made_bundle, made_recipe):
    lines = recipe_lines(made_bundle.card, made_bundle.history)
    assert lines[0].startswith(made_bundle.card.architecture.name)
    assert f"batch {made_recipe.batch_size}" in lines[1]
    assert lines[-1].endswith("an epoch")
    assert len(recipe_lines(made_bundle.card, made_bundle.history.drop(columns="seconds"))) == 3
    with pytest.raises(ValueError, match="trained here"):
        recipe_lines(a_card(), made_bundle.history)
