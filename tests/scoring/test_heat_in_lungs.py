"""How much of a heatmap lies in the lungs: made maps inside and outside, no lungs, no network."""

from __future__ import annotations

import numpy as np
import pytest

import cxr
from cxr.heatmaps.heatmap import Heatmap
from cxr.lungs.segment import NO_LUNGS, LungsError, Search
from cxr.lungs.share import share_in_lungs
from cxr.lungs.zones import ZONES
from cxr.scoring import heat_in_lungs as module
from cxr.scoring.heat_in_lungs import SIDE, heat_in_lungs, no_lung_network
from cxr.scoring.predict import FIELDS, predict
from tests.conftest import film_like
from tests.heat import a_map, found, lungs_found, measured


def test_a_map_wholly_inside_has_figures_and_no_sentence(monkeypatch):
    found(monkeypatch)
    heat = heat_in_lungs(film_like(1), a_map(1, 0))
    assert heat.remark is None
    assert not heat.warns
    assert heat.share.inside == pytest.approx(1)
    assert heat.share.peak_inside
    figures = heat.figures()
    assert list(figures) == ["method", "share", "peak_inside", "area", "zones"]
    assert (figures["method"], figures["share"]) == ("gradcam", 1.0)
    assert list(figures["zones"]) == list(ZONES)
    assert figures["zones"]["right upper"] == 1.0
    assert "100 %" in heat.words
    assert "right upper 100 %" in heat.zones.lower()


@pytest.mark.parametrize(
    ("inside", "outside", "code"),
    [
        (0, 1, "heat_and_peak_outside"),
        (0.5, 1, "heat_and_peak_outside"),
        (1, 0.9, None),
    ],
)
def test_the_sentence_follows_from_the_figures(monkeypatch, inside, outside, code):
    found(monkeypatch)
    heat = heat_in_lungs(film_like(1), a_map(inside, outside))
    assert (heat.remark and heat.remark.code) == code
    assert heat.share.inside == pytest.approx(inside / (inside + outside), abs=1e-6)
    assert heat.warns == (code is not None)


@pytest.mark.parametrize(
    ("inside", "peak_inside", "code"),
    [
        (0.499, True, "heat_outside"),
        (0.5, True, None),
        (0.9, False, "peak_outside"),
        (0.2, False, "heat_and_peak_outside"),
    ],
)
def test_one_sentence_by_code(inside, peak_inside, code):
    heat = measured(inside, peak_inside=peak_inside)
    assert (heat.remark and heat.remark.code) == code
    assert heat.sentence.count(".") == (code is not None)
    assert "50 %" not in heat.sentence
    assert heat.row()["heat_remark_code"] == code


@pytest.mark.parametrize(
    ("search", "code"),
    [
        (Search(None, NO_LUNGS), "none"),
        (LungsError("The card of the lung network is missing or damaged."), "no_network"),
    ],
)
def test_without_lungs_there_is_a_reason_and_no_figure(monkeypatch, search, code):
    found(monkeypatch, search)
    heat = heat_in_lungs(film_like(1), a_map(1, 0))
    assert heat.share is None
    assert heat.figures() is None
    assert heat.words == heat.zones == ""
    assert heat.remark.code == code
    assert heat.statement == heat.sentence != ""
    assert not heat.warns


def test_a_map_without_heat_has_no_share(monkeypatch):
    found(monkeypatch)
    assert heat_in_lungs(film_like(1), a_map(0, 0)).remark.code == "no_heat"


def test_the_lungs_are_sought_once_per_film(monkeypatch):
    calls = found(monkeypatch)
    film, other = film_like(1), film_like(2)
    for _ in range(3):
        heat_in_lungs(film, a_map(1, 0))
    heat_in_lungs(other, a_map(1, 0))
    assert len(calls) == 2


def test_a_large_film_is_compared_smaller_and_its_map_stays_small(monkeypatch):
    found(monkeypatch)
    film = cxr.Radiograph(np.full((3 * SIDE, 2 * SIDE), 0.5, np.float32))
    size = film.height, film.width
    heatmap = Heatmap(a_map(1, 0.5).grid, *size, "gradcam", "", "")
    heat = heat_in_lungs(film, heatmap)
    assert "array" not in vars(heatmap)
    exact = share_in_lungs(heatmap.array, lungs_found(size).lungs)
    assert heat.share.peak_inside == exact.peak_inside
    assert heat.share.inside == pytest.approx(exact.inside, abs=2e-3)
    assert heat.share.area == pytest.approx(exact.area, abs=2e-3)
    with pytest.raises(ValueError, match="3072 x 2048"):
        heat_in_lungs(film, a_map(1, 0))


def test_a_folder_of_models_without_lungs_says_so(tmp_path, monkeypatch):
    assert no_lung_network() == ""
    monkeypatch.setenv("CXR_MODELS", str(tmp_path))
    assert no_lung_network()
    film = film_like(3)
    assert heat_in_lungs(film, a_map(1, 0)).remark.code == "no_network"


def test_the_lungs_are_sought_by_the_network_that_the_gate_takes(made_bundle, monkeypatch):
    """That of the model's own folder, whatever the folder of the bundles is."""
    asked = []

    def find(film, models=None):
        asked.append(models)
        return lungs_found((film.height, film.width))

    monkeypatch.setattr(module, "find_once", find)
    monkeypatch.setenv("CXR_MODELS", "elsewhere")
    made_bundle.predict(film_like(1), heatmap=True)
    assert asked == [made_bundle.folder.parent]


def test_a_prediction_with_a_heatmap_brings_it(made_bundle, monkeypatch):
    calls = found(monkeypatch)
    film = film_like(1)
    bare, mapped = made_bundle.predict(film), made_bundle.predict(film, heatmap=True)
    assert len(calls) == 1
    assert bare.heat_in_lungs is None
    assert bare.row("a")["heat_in_lungs"] is None
    row = mapped.row("a")
    assert tuple(row) == FIELDS
    assert row["heat_in_lungs"] == mapped.heat_in_lungs.figures()
    made_bundle.explain(film_like(2))
    assert len(calls) == 1
    (quiet,) = predict(made_bundle, [film_like(2)], heatmaps=True, lungs=False)
    assert quiet.heat_in_lungs is None
    assert len(calls) == 1


def test_the_network_that_ships_finds_lungs_for_it():
    film = film_like(1)
    heat = cxr.heat_in_lungs(film, a_map(1, 1))
    assert heat.share is not None or heat.remark.code in ("none", "unsure")
