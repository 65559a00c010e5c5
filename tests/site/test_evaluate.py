"""Figures on a site's films."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cxr.scoring.operating_points import Calibration
from cxr.site.evaluate import age_band, evaluate_films, subgroups
from cxr.site.truth import TruthError
from tests.cards import POINT


def films(n: int = 80, **more: object) -> pd.DataFrame:
    truth = np.arange(n) % 2
    logit = np.where(truth == 1, 2.0, -2.0)
    logit[:4] = [2.0, -2.0, 2.0, -2.0]  # two false positives, two false negatives
    table = pd.DataFrame(
        {"path": [f"{k}.png" for k in range(n)], "truth": truth, "logit": logit, "patient": ""}
    )
    return table.assign(**more)


def of(table: pd.DataFrame, **more: object):
    points = [(POINT, Calibration(1.0))]
    return evaluate_films(table, model="m", points=points, **more)


def test_counts_and_rates():
    result = of(films())
    assert result.main.confusion_matrix == ((38, 2), (2, 38))
    assert result.main.sensitivity == result.main.specificity == 38 / 40
    assert (result.positives, result.negatives, result.patients) == (40, 40, None)
    assert result.to_json()["intervals_by"] == "film"
    assert result.subgroups == ()


def test_the_order_of_films_does_not_matter():
    table = films(sex=["F", "M", "M", "F"] * 20)
    assert of(table) == of(table.sample(frac=1, random_state=1))


def test_intervals_widen_where_films_are_of_few_patients():
    alone = of(films()).main
    shared = of(films(patient=[f"p{k // 8}" for k in range(80)]))
    assert shared.patients == 10
    assert shared.main.sensitivity_ci[0] < alone.sensitivity_ci[0]
    assert shared.main.sensitivity == alone.sensitivity


def test_refused_films_are_counted_apart():
    table = films(refusal_code=["lateral", "lateral", "size", *[""] * 77])
    table.loc[:2, "logit"] = np.nan
    result = of(table)
    assert result.main.n == 77
    refused = result.refused
    assert (refused.n, refused.positives, refused.negatives) == (3, 1, 2)
    assert refused.codes == {"lateral": 2, "size": 1}


def test_all_films_of_a_class_refused():
    table = films()
    table.loc[table["truth"] == 1, "logit"] = np.nan
    with pytest.raises(TruthError, match="40 were refused") as caught:
        of(table)
    assert caught.value.code == "one_class"


class TestSubgroups:
    def groups(self, table: pd.DataFrame) -> dict:
        scores = Calibration(1.0).score(table["logit"])
        return {(g.by, g.group): g for g in subgroups(table, scores, 0.5)}

    def test_each_with_its_number_or_too_few(self):
        found = self.groups(films(200, sex=["F"] * 120 + ["M"] * 60 + [""] * 20))
        assert list(found) == [("sex", "F"), ("sex", "M"), ("sex", "not known")]
        assert [(g.n, g.note) for g in found.values()] == [(120, ""), (60, ""), (20, "too few")]
        few = found["sex", "not known"]
        assert few.sensitivity is few.specificity is few.auc is few.sensitivity_ci is None
        assert found["sex", "M"].sensitivity == 1

    def test_a_subtype_of_one_class_has_that_class_alone(self):
        table = films(200)
        found = self.groups(table.assign(subtype=np.where(table["truth"] == 1, "virus", "none")))
        virus = found["subtype", "virus"]
        assert virus.sensitivity is not None
        assert (virus.specificity, virus.auc, virus.negatives) == (None, None, 0)

    def test_ages_are_banded_in_order(self):
        found = self.groups(films(200, age=[3.0, 30.0, 70.0, np.nan] * 50))
        assert [group for _, group in found] == ["0-4", "15-39", "65 and over", "not known"]
        assert [age_band(age) for age in (0, 4.9, 5, 14, 15, 64, 65, 120, np.nan)] == [
            *("0-4", "0-4", "5-14", "5-14", "15-39", "40-64", "65 and over", "65 and over", ""),
        ]

    def test_a_column_that_tells_films_apart_is_no_subgroup(self):
        assert self.groups(films(site="North")) == {}
        assert self.groups(films(scanner=[f"s{k}" for k in range(80)])) == {}
