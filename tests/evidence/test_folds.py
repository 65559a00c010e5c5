"""Figures of sources left out, from the stored scores of the folds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cxr.evidence.card_tables import folds_table
from cxr.evidence.folds import COLUMNS, FILE, figures, folds_measured, left_out_point
from cxr.scoring.bundle import Bundle
from cxr.scoring.operating_points import Calibration, OperatingPoint, choose
from cxr.scoring.scores import labels_of


def films(fold: str, source: str, left_out: bool, seed: int, gap: float = 3.0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    labels = np.array(["normal", "tuberculosis"] * 40)
    logits = random.normal(np.where(labels == "normal", -gap / 2, gap / 2), 1.0)
    return pd.DataFrame(
        {
            "fold": fold,
            "path": [f"{source}/{k}.png" for k in range(80)],
            "patient": [f"{source}-{k // 2}" for k in range(80)],
            "source": source,
            "label": labels,
            "left_out": left_out,
            "logit": logits,
        }
    )[COLUMNS]


def choose_on_validation(table: pd.DataFrame) -> OperatingPoint:
    held = table[~table["left_out"]]
    return choose(Calibration(1.0).score(held["logit"]), labels_of(held), held["patient"])[0]


@pytest.fixture
def table() -> pd.DataFrame:
    return pd.concat(
        [
            films("one", "north", False, 0),
            films("one", "south", True, 1),
            films("two", "south", False, 2),
            films("two", "north", True, 3, gap=1.0),
        ],
        ignore_index=True,
    )


def test_the_operating_point_finds_nine_of_ten_on_the_average_of_what_was_left_out(table):
    point = left_out_point(table)
    assert point.name == "left-out-90"
    assert point.n == 160
    assert point.measured_on != choose_on_validation(table).measured_on
    assert point.sensitivity == pytest.approx(0.9, abs=0.03)
    assert point.near[0] <= point.threshold <= point.near[1]
    assert point == left_out_point(table.sample(frac=1, random_state=0))


def test_a_fold_is_calibrated_on_its_own_validation_alone(table):
    sharper = table.assign(logit=table["logit"].where(table["fold"] != "two", table["logit"] * 5))
    assert left_out_point(sharper).threshold == pytest.approx(
        left_out_point(table).threshold, abs=0.02
    )


def test_each_source_left_out_has_a_row(table, monkeypatch, tmp_path):
    bundle = Bundle.load("tuberculosis-efficientnet-lite0")
    learned = pd.DataFrame(
        {
            "path": ["a", "b", "c"],
            "split": ["train", "train", "test"],
            "source": ["north", "south", "south"],
            "label": ["tuberculosis", "normal", "tuberculosis"],
        }
    )
    monkeypatch.setattr(Bundle, "films", learned, raising=False)
    table.to_csv(tmp_path / FILE, index=False)
    found = figures(Bundle(tmp_path, replace(bundle.card, evidence=None))).set_index("left_out")
    assert list(found.index) == ["south", "north"]
    assert found.loc["south", "trained_on"] == "north/tuberculosis"
    assert found.loc["north", "trained_on"] == "south/normal"
    assert found.loc["south", "auc"] > 0.95 > found.loc["north", "auc"]
    assert (found["auc_low"] <= found["auc"]).all()
    shown = folds_table(found.reset_index())
    assert len(shown) == 2


def test_a_bundle_of_one_source_has_no_folds():
    bundle = Bundle.load("pneumonia-grey-cnn")
    assert folds_measured(bundle).empty
    assert figures(bundle).empty
    assert folds_table(figures(bundle)).empty


def test_nothing_of_a_source_left_out_was_learned_from_in_its_fold():
    bundle = Bundle.load("tuberculosis-efficientnet-lite0")
    table = folds_measured(bundle)
    assert len(table)
    for _, fold in table.groupby("fold"):
        out = fold["left_out"].astype(str) == "True"
        assert not set(fold[out]["source"]) & set(fold[~out]["source"])
        assert not set(fold[out]["patient"]) & set(fold[~out]["patient"])
    tested = bundle.films.loc[bundle.films["split"] == "test", "path"]
    assert not set(table["path"]) & set(tested)


def test_the_card_s_operating_point_is_that_of_its_folds():
    bundle = Bundle.load("tuberculosis-efficientnet-lite0")
    point = left_out_point(folds_measured(bundle), seed=bundle.card.seed)
    assert point == bundle.card.operating_point("left-out-90")
