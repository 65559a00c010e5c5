"""How far maps are from those of tf-keras-vis: measured, and seen where there is a difference."""

from __future__ import annotations

import numpy as np
import pytest

import cxr
from cxr.evidence.audit import reference
from cxr.evidence.audit.reference import (
    REFERENCES,
    difference,
    reference_maps,
    reference_rows,
)
from cxr.evidence.audit.store import REFERENCE
from cxr.evidence.audit.verdict import EQUAL
from cxr.heatmaps.methods import FAST
from tests.conftest import ROOT, chest_like


@pytest.fixture(scope="module")
def films() -> np.ndarray:
    """More than go into one call."""
    n = reference.BATCH + 1
    return np.stack([chest_like(seed, ill=seed % 2 == 0, size=64) for seed in range(n)])[..., None]


def test_every_method_that_takes_one_pass_but_hirescam():
    assert set(REFERENCES) == set(FAST) - {"hirescam"}


class TestDifference:
    ONE = np.array([[[0.0, 1.0], [2.0, 4.0]]], np.float32)

    def test_of_equal_maps_is_0_in_any_unit(self):
        assert difference(self.ONE, self.ONE) == 0
        assert difference(self.ONE, 1000 * self.ONE) == 0

    def test_is_the_largest_over_all_films(self):
        other = np.array([[[0.0, 1.0], [3.0, 4.0]]], np.float32)
        pair = np.concatenate([self.ONE, self.ONE])
        assert difference(pair, np.concatenate([self.ONE, other])) == pytest.approx(0.25)

    def test_of_a_map_and_none_is_1(self):
        empty = np.zeros_like(self.ONE)
        assert difference(self.ONE, empty) == difference(empty, self.ONE) == 1
        assert difference(empty, empty) == 0

    def test_of_a_map_that_is_not_finite_is_none(self):
        assert np.isnan(difference(self.ONE, np.full_like(self.ONE, np.nan)))

    @pytest.mark.parametrize("shape", [(1, 2, 3), (2, 2, 2)])
    def test_of_other_films_or_sizes(self, shape):
        with pytest.raises(ValueError, match="same films and size"):
            difference(self.ONE, np.zeros(shape, np.float32))
        with pytest.raises(ValueError, match="same films and size"):
            difference(self.ONE[:0], self.ONE[:0])


def test_a_trained_network_has_the_maps_of_the_reference(made_bundle, films):
    rows = reference_rows(made_bundle.network, films, FAST, "validation")
    assert [row["method"] for row in rows] == list(REFERENCES)
    for row in rows:
        assert row["layer"] == "block5_conv"
        assert 0 < row["n"] <= len(films)  # an empty map on both sides proves nothing
        assert row["value"] < 1e-4
    maps = reference_maps(made_bundle.network.model, films, method="gradcam", layer="block5_conv")
    assert maps.shape[0] == len(films)
    assert maps.max() > 0  # so there was something to compare


def test_another_map_is_seen(made_bundle, films, monkeypatch):
    def turned(network, films, *, method):
        return attribute(network, films, method=method)[:, ::-1]

    attribute = reference.attribute
    monkeypatch.setattr(reference, "attribute", turned)
    (row,) = reference_rows(made_bundle.network, films, ["gradcam"], "validation")
    assert row["value"] > 0.1


def test_without_any_map_there_is_nothing_to_compare(made_bundle, films, monkeypatch):
    empty = np.zeros((len(films), 4, 4), np.float32)
    monkeypatch.setattr(reference, "attribute", lambda *_, **__: empty)
    monkeypatch.setattr(reference, "reference_maps", lambda *_, **__: empty)
    (row,) = reference_rows(made_bundle.network, films, ["gradcam"], "validation")
    assert row["n"] == 0
    assert np.isnan(row["value"])


#: With convolutions.
SHIPPED = [card.name for card in cxr.available(ROOT / "models") if not card.baseline]


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_networks_were_compared_and_have_the_maps_of_the_reference(name: str):
    table = cxr.load(name, folder=ROOT / "models").explanations
    rows = table[table["kind"] == REFERENCE]
    assert rows["method"].tolist() == list(REFERENCES)
    assert (rows["n"] >= 8).all()
    assert (rows["value"] <= EQUAL).all()
