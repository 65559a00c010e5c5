"""A site's file made from scores and labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxr.scoring.bundle import Bundle
from cxr.scoring.site_file import read_site
from cxr.site.calibrate import (
    CalibrationError,
    calibrate,
    data_hash,
    expected_sensitivity,
    inputs_hash,
)
from tests.cards import a_card

BUNDLE = Bundle(Path("nowhere"), a_card())


def films(seed: int = 0, n: int = 200, share: float = 0.4, apart: float = 2.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    truth = (np.arange(n) < share * n).astype(int)
    return pd.DataFrame(
        {
            "path": [f"{k}.png" for k in range(n)],
            "truth": truth,
            "logit": rng.normal(apart * truth - 3, 1),
        }
    )


def code_of(table: pd.DataFrame, **more) -> str:
    with pytest.raises(CalibrationError) as caught:
        calibrate(BUNDLE, table, site="north", **more)
    return caught.value.code


def test_the_file_says_what_it_was_made_of():
    table = films().assign(
        patient=[f"p{k // 2}" for k in range(200)],
        date=["20260105", "2026-03-02", *["unknown"] * 198],
        mean=np.linspace(0.2, 0.8, 200),
    )
    site = calibrate(BUNDLE, table, site="north", refused=7)
    assert read_site(site.to_bytes()) == site
    assert (site.films.positives, site.films.negatives, site.films.refused) == (80, 120, 7)
    assert (site.films.patients, site.films.first, site.films.last) == (
        100,
        "2026-01-05",
        "2026-03-02",
    )
    assert site.default_operating_point == "sensitivity-95"
    assert set(site.reference) == {"score", "mean"}
    assert site.reference["mean"][0] == 0.2
    site.check(BUNDLE.card)
    applied = site.apply(BUNDLE).card
    point = applied.operating_point()
    assert point.n == 200
    called = applied.calibration.score(table["logit"]) >= point.threshold
    assert called[table["truth"] == 1].mean() == point.sensitivity >= 0.95


def test_a_band_is_on_the_sites_own_scores():
    table = films(n=1000, apart=4.0)
    site = calibrate(BUNDLE, table, site="north")
    assert site.band.films == 1000
    sides = [site.band.side(score) for score in site.calibration.score(table["logit"])]
    for side, truth in (("below", 0), ("above", 1)):
        outside = table["truth"][[name == side for name in sides]]
        assert (outside == truth).mean() >= 0.95
    assert site.band.between == sides.count("between")
    assert calibrate(BUNDLE, films(n=60), site="north", sensitivity=0.9).band is None


def test_scores_become_shares_of_positives():
    table = films(n=4000, share=0.1)
    scores = calibrate(BUNDLE, table, site="north").calibration.score(table["logit"])
    assert scores.mean() == pytest.approx(0.1, abs=0.005)
    for low, high in ((0.05, 0.2), (0.2, 0.5), (0.5, 0.9)):
        within = (scores >= low) & (scores < high)
        assert scores[within].mean() == pytest.approx(table["truth"][within].mean(), abs=0.07)


@pytest.mark.parametrize("asked", [0.8, 0.95])
def test_a_sensitivity_is_kept_on_further_films(asked):
    kept = []
    for seed in range(25):
        table = films(seed, 120, 0.5)
        site = calibrate(BUNDLE, table, site="north", sensitivity=asked, level=None)
        further = films(1000 + seed, 400, 0.5)
        scores = site.calibration.score(further["logit"][further["truth"] == 1])
        kept.append((scores >= site.point().threshold).mean())
    assert np.mean(kept) >= asked - 0.015
    assert np.mean(kept) < asked + 0.03


def test_films_of_a_patient_count_as_one_where_a_threshold_is_expected_to_hold():
    table = films(n=60, share=0.5)
    assert calibrate(BUNDLE, table, site="north", level=None)
    few = table.assign(patient=[f"p{k // 3}" for k in range(60)])
    assert code_of(few, level=None) == "too_few_for_sensitivity"


def test_the_same_films_in_another_order_have_the_same_hash():
    table = films(n=40)
    assert data_hash(table) == data_hash(table.sample(frac=1, random_state=0))
    assert data_hash(table) != data_hash(table.assign(truth=1 - table["truth"]))


def test_expected_sensitivity_is_that_of_an_order_statistic():
    assert expected_sensitivity(0.95, 19) == pytest.approx(1)
    assert expected_sensitivity(0.95, 99) == pytest.approx(0.95 * 100 / 99)
    with pytest.raises(CalibrationError, match="at least 19"):
        expected_sensitivity(0.95, 18)


class TestRefusals:
    def test_one_class(self):
        assert code_of(films().assign(truth=1)) == "one_class"

    def test_too_few(self):
        assert code_of(films(n=40, share=0.1)) == "too_few"

    def test_too_few_for_the_sensitivity(self):
        assert code_of(films(n=100, share=0.15)) == "too_few_for_sensitivity"
        assert calibrate(BUNDLE, films(n=100, share=0.15), site="north", sensitivity=0.9)

    def test_no_better_than_chance(self):
        assert code_of(films(apart=-2.0)) == "no_better_than_chance"
        assert code_of(films().assign(logit=1.0)) == "no_better_than_chance"

    @pytest.mark.parametrize("more", [{"sensitivity": 1.0}, {"sensitivity": 0.1}])
    def test_a_sensitivity_that_is_none(self, more):
        with pytest.raises(ValueError, match="sensitivity"):
            calibrate(BUNDLE, films(), site="north", **more)


def test_another_model_refuses_it():
    site = calibrate(BUNDLE, films(), site="north")
    other = Bundle(Path("nowhere"), replace(BUNDLE.card, name="other"))
    assert site.apply(other)  # the same weights under another name


def test_what_a_file_is_made_of_changes_with_whose_films_they_are_when_and_what_was_refused():
    table = films().assign(patient="", date="", score=0.5, sha256="a")
    refused = table.iloc[:1].assign(score=np.nan, logit=np.nan)
    others = [
        table.assign(patient=[f"p{k // 2}" for k in range(200)]),
        table.assign(date="2026-01-01"),
        pd.concat([table, refused], ignore_index=True),
    ]
    assert len({inputs_hash(other) for other in (table, *others)}) == 4
    assert inputs_hash(table) == inputs_hash(table.assign(said="TB", sex="F"))
    # Of all these the site's file has the same data.
    assert len({data_hash(other.dropna(subset="score")) for other in (table, *others)}) == 1


def test_the_films_of_few_patients_promise_no_band():
    table = films(n=1000, apart=4.0)
    few = table.assign(patient=[f"p{k // 25}" for k in range(1000)])
    assert calibrate(BUNDLE, table, site="north", sensitivity=0.8).band is not None
    assert calibrate(BUNDLE, few, site="north", sensitivity=0.8).band is None
