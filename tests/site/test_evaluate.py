"""Figures on a site's films."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from cxr.scoring.operating_points import Calibration
from cxr.site.evaluate import evaluate_films
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


def test_subgroups_are_plain_values_for_json():
    result = of(films(200, sex=["F"] * 180 + ["M"] * 20))
    women, men = result.to_json()["subgroups"]
    assert json.loads(json.dumps([women, men])) == [women, men]
    assert (women["group"], women["n"], women["note"]) == ("F", 180, "")
    assert women["sensitivity_ci"][0] < women["sensitivity"] < women["sensitivity_ci"][1]
    assert men["note"] == "too few"
    assert men["sensitivity"] is men["sensitivity_ci"] is men["auc"] is None
