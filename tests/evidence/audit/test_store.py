"""What is known of a bundle's heatmaps: kept, replaced, and of these weights alone."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from cxr.evidence.audit.store import (
    BOXES,
    COLUMNS,
    FILE,
    SANITY,
    store,
)
from cxr.model import Model, load
from cxr.scoring.bundle import BundleError
from tests.bundles import copy_bundle


@pytest.fixture
def bundle(made_bundle: Model, tmp_path: Path) -> Model:
    return load(str(copy_bundle(made_bundle.folder, tmp_path / "bundle")))


def row(value: float, **others) -> dict:
    facts = {"kind": SANITY, "films": "validation", "method": "gradcam", "layer": "conv"}
    return facts | {"measure": "flip_rank", "n": 5, "value": value} | others


def test_nothing_measured_is_an_empty_table(bundle):
    assert bundle.explanations.empty
    assert bundle.explanations.columns.tolist() == COLUMNS


def test_what_is_stored_is_read(bundle):
    rows = [
        row(0.5, low=0.25, high=0.75),
        row(0.125, measure="randomization_rank", stage=0.2),
        row(float("nan"), method="occlusion", layer="", n=0),
    ]
    store(bundle, rows)
    for table in (bundle.explanations, load(str(bundle.folder)).explanations):
        assert table.columns.tolist() == COLUMNS
        assert set(table["weights"]) == {bundle.card.weights.sha256}
        assert table["value"].iloc[:2].tolist() == [0.5, 0.125]
        assert table["layer"].tolist() == ["conv", "conv", ""]
        assert table["stage"].isna().tolist() == [True, False, True]
        assert table["n"].tolist() == [5, 5, 0]
        assert table["low"].iloc[0] == 0.25


def test_measured_again_replaces_what_was_there_and_leaves_the_rest(bundle):
    store(bundle, [row(0.1), row(0.2, measure="old"), row(0.3, method="occlusion", layer="")])
    store(bundle, [row(0.4, kind=BOXES, films="test")])
    store(bundle, [row(0.9)])
    table = bundle.explanations
    assert sorted(table["value"]) == [0.3, 0.4, 0.9]


def test_rows_of_other_weights_tell_of_another_model(bundle):
    store(bundle, [row(0.1)])
    weights = dataclasses.replace(bundle.card.weights, sha256="0" * 64)
    other = Model(bundle.folder, dataclasses.replace(bundle.card, weights=weights))
    assert other.explanations.empty
    store(other, [row(0.2)])
    assert other.explanations["value"].tolist() == [0.2]
    assert load(str(bundle.folder)).explanations.empty


@pytest.mark.parametrize("text", ["", "weights,kind\na,b\n", "\x00"])
def test_a_damaged_file_is_said(bundle, text):
    store(bundle, [row(0.1)])
    (bundle.folder / FILE).write_text(text)
    with pytest.raises(BundleError, match=r"explanations\.csv of pneumonia-made is damaged"):
        _ = bundle.explanations
