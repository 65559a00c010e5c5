import json

import numpy as np
import pandas as pd
import pytest

import cxr
from cxr.lungs.agreement import agreement, figures
from cxr.storage.hashes import file_hash
from cxr.storage.models import models_folder

FOLDER = models_folder() / "lungs"


def test_counts_and_boundary_distance_of_two_masks():
    drawn = np.zeros((1, 50, 50), bool)
    drawn[0, 10:40, 10:40] = True
    moved = np.roll(drawn, 2, axis=2)
    found = agreement(moved, drawn).iloc[0]
    assert found["overlap"] == 30 * 28
    assert found["predicted"] == found["drawn"] == 900
    assert found["boundary_95"] == pytest.approx(2)
    same = agreement(drawn, drawn).iloc[0]
    assert same["boundary_95"] == 0
    assert np.isnan(agreement(np.zeros_like(drawn), drawn).iloc[0]["boundary_95"])


def test_the_cards_figures_follow_from_the_stored_counts():
    card = json.loads((FOLDER / "card.json").read_text())
    table = pd.read_csv(FOLDER / "predictions.csv", keep_default_na=False)
    assert figures(table) == card["figures"]
    for name in ("weights", "history", "predictions"):
        assert file_hash(FOLDER / card[name]["file"]) == card[name]["sha256"]
    assert card["architecture"]["parameters"] <= 500_000


def test_the_shipped_network_is_as_good_as_is_said():
    table = pd.read_csv(FOLDER / "predictions.csv", keep_default_na=False)
    found = figures(table)
    assert found["validation"]["dice"] >= 0.95
    assert found["validation, normal"]["dice"] >= 0.96
    assert found["adults held out"]["dice"] >= 0.93
    assert found["adults held out"]["films"] == 90


def test_no_patient_is_learned_from_and_held_out():
    table = pd.read_csv(FOLDER / "predictions.csv", keep_default_na=False)
    adults = table[table["split"] == "adults-held-out"]
    assert adults.groupby("patient")["fold"].nunique().max() == 1


def test_the_lung_network_is_no_classifier():
    assert "lungs" not in [card.name for card in cxr.available()]


def test_films_without_a_distance_are_beyond_the_limit_and_leave_no_nan():
    empty = agreement(np.zeros((2, 8, 8), bool), np.ones((2, 8, 8), bool))
    table = empty.assign(split="validation", certain=True, label="normal")
    found = figures(table)["validation"]
    assert found["dice"] == found["boundary_within"] == 0
    assert found["boundary_95"] is found["boundary_95_median"] is None
