"""How maps lie to the lungs: measured film by film, kept often, computed anew from what is kept."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxr.evidence.audit import lungs as module
from cxr.evidence.audit.lungs import FILE, FILM_COLUMNS, figures, films_measured
from cxr.evidence.audit.sanity_checks import audit
from cxr.evidence.audit.store import LUNGS, SANITY, store
from cxr.evidence.audit.tables import lung_table
from cxr.evidence.audit.verdict import failures
from cxr.lungs.segment import NO_LUNGS, LungsError, Search
from cxr.model import Model
from cxr.scoring.bundle import models_folder
from tests import planted
from tests.heat import found
from tests.planted import N, plant

FILMS = 4


@pytest.fixture(scope="module", autouse=True)
def _few() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cxr.evidence.audit.sanity_checks.FILMS", FILMS)
        patch.setattr("cxr.evidence.audit.run.FILMS", FILMS)
        patch.setattr("cxr.evidence.audit.run.FEWEST", 2)
        patch.setattr("cxr.evidence.audit.run.BUDGET", 1)
        yield


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    return plant(tmp_path_factory.mktemp("planted"))


@pytest.fixture
def seeing(made_bundle, tmp_path) -> Model:
    return planted.seeing(made_bundle, tmp_path / "bundle")


def a_film(path: str, **values: object) -> dict:
    texts = {"weights": "w", "lung_weights": "l", "films": "validation", "method": "gradcam"}
    usual = texts | {"layer": "top", "path": path, "patient": path}
    return usual | {"lungs": 0.25, "inside": 0.75, "peak_inside": 1.0, "area": 0.2} | values


def by_measure(rows: list[dict]) -> dict[str, dict]:
    return {row["measure"]: row for row in rows}


def test_figures_of_films():
    films = [
        a_film("a"),
        a_film("b", inside=0.25, peak_inside=0.0, area=0.4),
        a_film("c", lungs=0.35, area=0.3),
        a_film("none", lungs=math.nan, inside=math.nan, peak_inside=math.nan, area=math.nan),
        a_film("flat", inside=math.nan, peak_inside=math.nan, area=math.nan),
    ]
    rows = by_measure(figures(pd.DataFrame(films)))
    assert {row["kind"] for row in rows.values()} == {LUNGS}
    assert rows["peak_inside"]["value"] == pytest.approx(2 / 3)
    assert rows["share_inside"]["value"] == pytest.approx(1.75 / 3)
    assert rows["lungs_area"]["value"] == pytest.approx(0.85 / 3)
    assert rows["peak_gain"]["value"] == pytest.approx((2 - 0.85) / 3)
    assert rows["hot_area"]["value"] == pytest.approx(0.3)
    assert rows["peak_inside"]["n"] == 3
    assert (rows["no_lungs"]["value"], rows["no_lungs"]["n"]) == (1, 5)
    assert (rows["flat_maps"]["value"], rows["flat_maps"]["n"]) == (1, 5)
    assert rows["share_inside"]["low"] <= rows["share_inside"]["value"]
    assert figures(pd.DataFrame(films).iloc[:0]) == []


def test_an_audit_measures_the_lungs_and_keeps_each_film(seeing, root, monkeypatch):
    found(monkeypatch)
    rows = audit(seeing, root, methods=["gradcam", "occlusion"], checks=["lungs"])
    assert [row["method"] for row in rows[::8]] == ["gradcam", "occlusion"]
    kept = films_measured(seeing)
    assert kept.columns.tolist() == FILM_COLUMNS
    assert kept.groupby("method")["path"].count().to_dict() == {"gradcam": FILMS, "occlusion": 2}
    assert kept["inside"].between(0, 1).all()
    table = Model(seeing.folder, seeing.card).explanations
    stored = table[table["kind"] == LUNGS]
    for method, films in kept.groupby("method"):
        for row in figures(films):
            mine = stored[(stored["method"] == method) & (stored["measure"] == row["measure"])]
            np.testing.assert_allclose(mine["value"], row["value"], atol=1e-6)
    (line, _) = lung_table(table).to_dict("records")
    assert line["n"] == FILMS


def test_what_was_measured_is_not_measured_again(seeing, root, monkeypatch):
    found(monkeypatch)
    audited = {"kind": SANITY, "films": "validation", "measure": "flat_maps", "value": 0.0}
    layer = seeing.network.layer()
    store(
        seeing,
        [
            audited | {"method": "gradcam", "layer": layer, "n": 3},
            audited | {"method": "occlusion", "layer": "", "n": 1},
        ],
    )
    seen = []
    real = module.heatmaps

    def stopped(bundle, films, *, method):
        seen.append((method, len(films)))
        if method == "occlusion":
            raise KeyboardInterrupt
        return real(bundle, films, method=method)

    scores = seeing.scored("validation").assign(score=1.0)
    names = sorted(f"val/PNEUMONIA/person{i}_virus_val.png" for i in range(N))
    scores = pd.DataFrame({"path": names, "patient": names, "score": 1.0})
    monkeypatch.setattr(Model, "scored", lambda self, split: scores)
    monkeypatch.setattr(module, "heatmaps", stopped)
    monkeypatch.setattr(module, "BATCH", 2)
    with pytest.raises(KeyboardInterrupt):
        audit(seeing, root, checks=["lungs"])
    assert seen == [("gradcam", 2), ("gradcam", 1), ("occlusion", 1)]
    assert len(films_measured(seeing)) == 3
    seen.clear()
    monkeypatch.setattr(module, "heatmaps", real)
    rows = audit(seeing, root, checks=["lungs"])
    assert by_measure(rows[:8])["no_lungs"]["n"] == 3
    assert len(films_measured(seeing)) == 4
    again = audit(seeing, root, checks=["lungs"])
    pd.testing.assert_frame_equal(pd.DataFrame(again), pd.DataFrame(rows))


def test_without_lungs_there_are_counts_and_no_figures(seeing, root, monkeypatch):
    found(monkeypatch, Search(None, NO_LUNGS))
    rows = by_measure(audit(seeing, root, methods=["gradcam"], checks=["lungs"]))
    assert rows["no_lungs"]["value"] == FILMS
    assert rows["peak_inside"]["n"] == 0
    (said,) = failures(Model(seeing.folder, seeing.card).explanations)
    assert "no film has both lungs and a map" in said


def test_without_a_network_it_is_left_out_unless_it_is_asked_for(seeing, root, monkeypatch):
    monkeypatch.setenv("CXR_MODELS", str(seeing.folder.parent))
    assert models_folder() == seeing.folder.parent
    rows = audit(seeing, root, methods=["gradcam"])
    assert LUNGS not in {row["kind"] for row in rows}
    with pytest.raises(LungsError):
        audit(seeing, root, methods=["gradcam"], checks=["lungs"])
    assert not (seeing.folder / FILE).exists()


def a_row(measure: str, value: float, low: float = math.nan, **more: object) -> dict:
    row = {"kind": LUNGS, "films": "validation", "method": "gradcam", "layer": "top"}
    row |= {"measure": measure, "stage": math.nan, "n": 8, "value": value, "low": low}
    return row | {"high": math.nan} | more


@pytest.mark.parametrize(("low", "fails"), [(0.1, False), (0.0, True), (math.nan, True)])
def test_a_map_that_peaks_in_the_lungs_no_more_than_chance_fails(low, fails):
    rows = [a_row("peak_inside", 0.4), a_row("lungs_area", 0.35), a_row("peak_gain", 0.05, low)]
    assert bool(failures(pd.DataFrame(rows))) == fails


def test_the_table_says_what_was_not_measured():
    rows = [
        a_row("flip_rank", 0.9, kind=SANITY),
        a_row("flip_rank", 0.9, kind=SANITY, method="occlusion", layer=""),
        a_row("peak_inside", 0.4, 0.3, high=0.5),
        a_row("lungs_area", 0.35),
        a_row("hot_area", 0.2),
        a_row("no_lungs", 2.0),
    ]
    measured, other = lung_table(pd.DataFrame(rows)).to_dict("records")
    assert measured["peak inside"] == "0.40 (0.30 to 0.50)"
    assert (measured["n"], measured["no lungs found"]) == (8, "2")
    assert other["peak inside"] == other["random place"] == "not measured"
