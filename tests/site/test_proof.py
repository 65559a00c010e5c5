"""Films joined with their truth, and what they say."""

import numpy as np
import pandas as pd
import pytest

from cxr.evidence.evaluation import confusion
from cxr.scoring.operating_points import Calibration
from cxr.site.proof import calibrations, errors, joined, needed, prove
from cxr.site.truth import FACTS, Matched
from cxr.stats.curves import auc
from cxr.stats.intervals import wilson
from cxr.stats.sample_size import films_for_interval


def films(n=100, seed=0, **more):
    rng = np.random.default_rng(seed)
    truth = np.arange(n) % 2
    logit = rng.normal(2.0 * truth - 1)
    score = 1 / (1 + np.exp(-logit))
    facts = {"path": [f"{k}.png" for k in range(n)], "patient": "", **more}
    return pd.DataFrame({"truth": truth, "logit": logit, "score": score, **facts})


def test_figures_are_those_of_the_scored_films():
    table = films()
    table.loc[:3, "score"] = np.nan
    proof, scored = prove(table, 0.5), table[4:]
    counts = confusion(scored["score"], scored["truth"], 0.5)
    assert (proof.films, proof.refused) == (96, 4)
    assert proof.counts == counts
    assert (proof.auc, proof.auc_ci) == auc(scored["score"], scored["truth"])
    assert proof.sensitivity.value == counts.sensitivity
    assert proof.specificity.value == counts.specificity
    assert proof.sensitivity.interval == wilson(counts.tp, 48)
    assert proof.prevalence == 0.5


def test_films_of_a_patient_widen_the_interval():
    table = films()
    alone = prove(table, 0.5)
    table["patient"] = [f"p{k // 20}" for k in range(100)]
    together = prove(table, 0.5)
    assert together.sensitivity.value == alone.sensitivity.value
    assert together.sensitivity.interval != alone.sensitivity.interval
    assert together.auc_ci == auc(table["score"], table["truth"], table["patient"])[1]
    assert together.auc_ci != alone.auc_ci


def test_one_class_alone_cannot_be_measured():
    with pytest.raises(ValueError, match="both classes"):
        prove(films()[lambda t: t["truth"] == 1], 0.5)


def test_errors_come_worst_first():
    table = films()
    missed, alarms = errors(table, 0.5, "fn"), errors(table, 0.5, "fp")
    counts = prove(table, 0.5).counts
    assert (len(missed), len(alarms)) == (counts.fn, counts.fp)
    assert missed["score"].is_monotonic_increasing
    assert alarms["score"].is_monotonic_decreasing
    assert set(missed["truth"]) == {1}
    with pytest.raises(ValueError, match="fn or fp"):
        errors(table, 0.5, "tp")


def test_the_films_needed_are_those_of_the_rates_measured():
    proof = prove(films(), 0.5)
    wanted = needed(proof, 0.1)
    assert wanted.positives == films_for_interval(proof.sensitivity.value, 0.1)
    assert wanted.films == 2 * max(wanted.positives, wanted.negatives)


def test_a_rate_of_1_on_few_films_is_not_taken_at_its_word():
    table = films(10)
    table["score"] = table["truth"] * 0.8 + 0.1
    assert needed(prove(table, 0.5), 0.1).positives == films_for_interval(0.9, 0.1)


def matched(places, **facts):
    n = len(places)
    table = pd.DataFrame({"film": places, "path": [f"s{p}" for p in places], "truth": 1})
    table["said"] = "yes"
    for fact in FACTS:
        table[fact] = facts.get(fact, np.nan if fact == "age" else [""] * n)
    return Matched(table)


def test_films_are_joined_with_their_truth_by_their_place():
    known = pd.DataFrame(
        {
            "path": ["a", "b", "c"],
            "score": [0.1, 0.2, np.nan],
            "refusal": ["", "", "lateral"],
            "age": [30.0, 40.0, np.nan],
            "sex": ["F", "M", ""],
        }
    )
    table = joined(known, matched([2, 0], sex=["", "M"], age=[50.0, np.nan]))
    assert table["path"].tolist() == ["s2", "s0"]
    assert table["score"].isna().tolist() == [True, False]
    assert table["refusal"].tolist() == ["lateral", ""]
    assert table["sex"].tolist() == ["", "M"]
    assert table["age"].tolist() == [50, 30]
    assert not table.columns.duplicated().any()


class Bundle:
    class card:
        calibration = Calibration(1.0)


def test_calibrating_here_mends_scores_that_are_off():
    table = films(600)
    table["logit"] += 3
    found = calibrations(table, Bundle())
    assert list(found) == ["as it ships", "calibrated here"]
    assert found["calibrated here"].ece < found["as it ships"].ece / 2


def test_a_score_is_calibrated_without_its_patient(monkeypatch):
    table = films(60)
    table["patient"] = [f"p{k // 6}" for k in range(60)]
    of = dict(zip(table["logit"], table["patient"], strict=True))
    seen = []

    class Fit:
        def __init__(self, logits):
            self.patients = {of[logit] for logit in logits}

        def score(self, logits):
            assert self.patients.isdisjoint(of[logit] for logit in logits)
            seen.extend(logits)
            return np.full(len(logits), 0.5)

    monkeypatch.setattr("cxr.site.proof.fitted", lambda logits, truth: Fit(logits))
    calibrations(table, Bundle())
    assert sorted(seen) == sorted(of)


def test_scores_that_rank_the_wrong_way_are_not_calibrated():
    table = films(200)
    table["logit"] *= -1
    assert list(calibrations(table, Bundle())) == ["as it ships"]
