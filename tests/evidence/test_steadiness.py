"""How far scores move: films disturbed, what is kept of each, the figures computed from it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cxr.datasets.folders import DatasetError
from cxr.evidence.card_tables import steadiness_table
from cxr.evidence.steadiness import (
    COLUMNS,
    DISTURBANCES,
    FILE,
    disturbed,
    figures,
    films_measured,
    measure,
    steadiness,
)
from cxr.model import load
from cxr.scoring.store import replace_evidence
from tests.bundles import copy_bundle


@pytest.fixture
def bundle(made_models, tmp_path):
    copy_bundle(made_models / "pneumonia-made", tmp_path / "models" / "pneumonia-made")
    return load("pneumonia-made", folder=tmp_path / "models")


def kept(bundle, moved: dict[str, list[float]]) -> pd.DataFrame:
    """Store logits as if they had been measured."""
    rows = pd.DataFrame({"clean": [-2.0, 0.0, 2.0, 4.0]} | moved)
    rows = rows.assign(weights=bundle.card.weights.sha256, path="a", patient="b")
    replace_evidence(bundle, FILE, rows[COLUMNS])
    return rows


def test_a_disturbed_film_is_nearly_the_same():
    film = np.random.default_rng(0).integers(60, 200, (40, 30)).astype(np.uint8)
    made = disturbed(film, np.random.default_rng(1))
    assert set(made) == set(DISTURBANCES)
    assert all(one.shape == film.shape and one.dtype == np.uint8 for one in made.values())
    np.testing.assert_array_equal(made["right"][:, 2:], film[:, :-2])
    np.testing.assert_array_equal(made["down"][2:], film[:-2])
    spread = np.std(made["noise"].astype(float) - film)
    assert 1.8 < spread < 2.2
    assert 0 < np.abs(made["jpeg"].astype(int) - film).mean() < 20


def test_what_is_measured_is_kept_and_gives_the_same_figures(bundle, made_films):
    told: list[tuple[float, float]] = []
    table = measure(bundle, made_films, progress=lambda done, total: told.append((done, total)))
    films = films_measured(bundle)
    held = bundle.predictions[bundle.predictions["split"] == "validation"]
    assert set(films["path"]) == set(held["path"])
    stored = held.set_index("path")["logit"].loc[films["path"]].to_numpy()
    np.testing.assert_allclose(films["clean"], stored, atol=2e-3)
    pd.testing.assert_frame_equal(figures(bundle), table)
    assert told[-1] == (len(films), len(films))
    again = measure(bundle, made_films)
    pd.testing.assert_frame_equal(again, table)


def test_figures_count_films_that_cross_and_change_their_band(bundle):
    point = bundle.card.operating_point()
    at = float(
        np.log(point.threshold / (1 - point.threshold)) * bundle.card.calibration.temperature
    )
    same = [-2.0, 0.0, 2.0, 4.0]
    kept(bundle, dict.fromkeys(DISTURBANCES, same) | {"clean": [at - 1, at + 1, at + 9, at - 9]})
    films = pd.read_csv(bundle.folder / FILE)
    for kind in DISTURBANCES:
        films[kind] = films["clean"]
    films.loc[0, "noise"] = at + 0.01
    replace_evidence(bundle, FILE, films)
    table = figures(bundle).set_index("disturbance")
    noise, jpeg = table.loc[DISTURBANCES["noise"]], table.loc[DISTURBANCES["jpeg"]]
    assert noise["crosses"] == 0.25
    assert noise["crosses_low"] < 0.25 < noise["crosses_high"]
    assert noise["moves"] > 0
    assert not noise["steady"]
    assert (jpeg["crosses"], jpeg["bands"], jpeg["moves"]) == (0, 0, 0)
    assert jpeg["steady"]
    shown = steadiness_table(figures(bundle))
    assert shown["steady"].tolist() == ["no", "yes", "yes", "yes"]


def test_films_that_are_not_there_are_told(bundle, tmp_path):
    with pytest.raises(DatasetError, match="no folder 'gone'"):
        measure(bundle, tmp_path / "gone")
    with pytest.raises(DatasetError, match="not in"):
        measure(bundle, tmp_path)
    assert not (bundle.folder / FILE).exists()


def test_logits_of_other_weights_count_for_nothing(bundle):
    rows = kept(bundle, dict.fromkeys(DISTURBANCES, [0.0] * 4))
    replace_evidence(bundle, FILE, rows.assign(weights="others"))
    assert films_measured(bundle).empty
    assert figures(bundle).empty
    assert steadiness_table(figures(bundle)).empty


def test_steadiness_is_of_the_films_that_move_most():
    found = steadiness(np.array([0.2, 0.6]), np.array([0.2, 0.4]), 0.5)
    assert found["crosses"] == 0.5
    assert found["moves_95"] == pytest.approx(0.19)
