import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from cxr.evidence.comparison import (
    compare_pair,
    delong_test,
    disagreements,
    mcnemar_test,
    paired_rates,
    sentences,
    shared_films,
)
from cxr.evidence.evaluation import confusion
from cxr.scoring.operating_points import Calibration, OperatingPoint
from cxr.scoring.scores import labels_of
from cxr.stats import paired_tests as significance
from cxr.stats.wording import p_value, percent
from tests.stored import stored

LABELS = np.repeat([0, 1], [40, 60])


def bundle(name, *, threshold=0.5, temperature=1.0, **columns):
    """What the comparison takes of a bundle: its name, predictions, calibration and point."""
    rng = np.random.default_rng(sum(map(ord, name)))
    table = pd.DataFrame(
        {
            "split": "test",
            "path": [f"test/film{i:03}.png" for i in range(100)],
            "patient": [f"p{i // 2}" for i in range(100)],
            "label": np.where(LABELS == 1, "pneumonia", "normal"),
            "subtype": np.where(LABELS == 1, "virus", ""),
            "logit": rng.normal(0, 1.3, 100) + 2 * LABELS - 1,
        }
    ).assign(**columns)
    point = OperatingPoint(
        name="youden", rule="A rule.", threshold=threshold, near=(0.0, 1.0), n=10,
        sensitivity=0.9, sensitivity_ci=(0.8, 1.0), specificity=0.7, specificity_ci=(0.6, 0.8),
    )  # fmt: skip
    card = SimpleNamespace(
        name=name,
        classes=("normal", "pneumonia"),
        calibration=Calibration(temperature),
        operating_point=lambda: point,
    )
    return stored(card, table)


def cut(one, *rows):
    """The bundle with only some of its predictions."""
    return stored(one.card, one.predictions.iloc[list(rows)])


def test_it_offers_the_tests_of_significance():
    assert delong_test is significance.delong_test
    assert mcnemar_test is significance.mcnemar_test
    assert paired_rates is significance.paired_rates


# films


def test_films_are_matched_by_path_and_scored_by_each_calibration():
    one, other = bundle("a", temperature=2.0), bundle("b", temperature=0.5)
    films = shared_films(cut(one, 7, 3, 5, 0), cut(other, 5, 9, 7, 3), "test")
    assert films.columns.tolist() == [
        "path", "patient", "label", "subtype", "score_one", "score_other",
    ]  # fmt: skip
    assert films["path"].tolist() == [f"test/film00{i}.png" for i in (3, 5, 7)]
    for column, model in (("score_one", one), ("score_other", other)):
        logits = model.predictions["logit"].iloc[[3, 5, 7]]
        assert films[column].tolist() == model.card.calibration.score(logits).tolist()


def test_only_the_split_that_was_asked_for_counts():
    split = np.where(np.arange(100) % 2, "test", "validation")
    films = shared_films(bundle("a", split=split), bundle("b"), "test")
    assert len(films) == 50
    assert films["path"].iloc[0] == "test/film001.png"


def test_no_shared_film_says_what_to_do():
    with pytest.raises(ValueError, match=r"2 of a and 3 of b, none of them shared\. Choose"):
        shared_films(cut(bundle("a"), 0, 1), cut(bundle("b"), 2, 3, 4), "test")
    with pytest.raises(ValueError, match="Expected films of adults that both models scored"):
        shared_films(bundle("a"), bundle("b"), "adults")


def test_labels_that_contradict_are_refused():
    labels = bundle("b").predictions["label"].where(np.arange(100) != 8, "pneumonia")
    message = r"1 of 100 films labelled differently, among them test/film008\.png"
    with pytest.raises(ValueError, match=message):
        shared_films(bundle("a"), bundle("b", label=labels), "test")


def test_a_film_scored_twice_is_refused():
    message = r"Expected one prediction of b a film\. Received: 1 films with more"
    with pytest.raises(ValueError, match=message):
        shared_films(bundle("a"), cut(bundle("b"), 0, 1, 1), "test")


# the comparison


def test_each_model_is_taken_at_its_own_default_point():
    one, other = bundle("a", threshold=0.3), bundle("b", threshold=0.7)
    found = compare_pair(one, other, "test")
    films, y = found.films, labels_of(found.films)
    assert (found.one, found.other, found.split) == ("a", "b", "test")
    assert found.thresholds == (0.3, 0.7)
    assert found.classes == ("normal", "pneumonia")
    assert films["call_one"].tolist() == (films["score_one"] >= 0.3).tolist()
    assert films["call_other"].tolist() == (films["score_other"] >= 0.7).tolist()
    assert found.auc == delong_test(films["score_one"], films["score_other"], y)
    assert found.mcnemar == mcnemar_test(films["call_one"], films["call_other"], y)
    for column, score, threshold in (
        ("rate_one", "score_one", 0.3),
        ("rate_other", "score_other", 0.7),
    ):
        counts = confusion(films[score], y, threshold)
        assert found.rates[column].tolist() == pytest.approx(
            [counts.accuracy, counts.sensitivity, counts.specificity]
        )


def test_thresholds_can_be_given():
    found = compare_pair(bundle("a"), bundle("b"), "test", thresholds=(0.0, 1.0))
    assert found.films["call_one"].all()
    assert not found.films["call_other"].any()
    assert found.mcnemar.only_one_right == 60
    assert found.mcnemar.only_other_right == 40
    with pytest.raises(ValueError, match=r"Expected thresholds within 0 to 1\. Received: 0\.5 and"):
        compare_pair(bundle("a"), bundle("b"), "test", thresholds=(0.5, math.nan))


def test_a_film_on_the_threshold_is_called():
    found = compare_pair(
        bundle("a", logit=0.0), bundle("b", logit=0.0), "test", thresholds=(0.5, 0.51)
    )
    assert found.films["call_one"].all()
    assert not found.films["call_other"].any()


@pytest.mark.parametrize("rows", [range(40, 100), [0, *range(40, 100)]])
def test_films_of_one_class_have_calls_but_no_area(rows):
    found = compare_pair(cut(bundle("a"), *rows), bundle("b"), "test")
    assert found.auc is None
    assert found.mcnemar.n == len(rows)
    assert sentences(found)[0] == "AUC not compared: it needs two films of each class."


def test_disagreements_are_the_films_called_by_one_alone():
    found = compare_pair(bundle("a"), bundle("b"), "test", thresholds=(0.4, 0.6))
    films = disagreements(found)
    y = labels_of(films)
    one, other = films["score_one"] >= 0.4, films["score_other"] >= 0.6
    assert 0 < len(films) < 100
    assert (one != other).all()
    assert len(films) == found.mcnemar.only_one_right + found.mcnemar.only_other_right
    assert films["right"].tolist() == np.where(one == y, "a", "b").tolist()
    assert (films["right"] == "a").sum() == found.mcnemar.only_one_right
    apart = (films["score_one"] - films["score_other"]).abs()
    assert apart.is_monotonic_decreasing
    assert films.columns.tolist() == [
        "path", "patient", "label", "subtype", "score_one", "score_other", "right",
    ]  # fmt: skip


def test_a_model_agrees_with_itself():
    found = compare_pair(bundle("a"), bundle("a"), "test")
    assert disagreements(found).empty
    assert (found.auc.difference, found.auc.p_value, found.mcnemar.p_value) == (0.0, 1.0, 1.0)


# words


def test_sentences_say_what_was_found():
    found = compare_pair(bundle("a"), bundle("b"), "test")
    area, calls = found.auc, found.mcnemar
    low, high = area.difference_ci
    assert sentences(found) == [
        f"AUC {area.auc_one:.3f} against {area.auc_other:.3f}: difference {area.difference:.3f} "
        f"({low:.3f} to {high:.3f}), {p_value(area.p_value)}, DeLong, 100 films.",
        f"Accuracy {percent(calls.rate_one)} against {percent(calls.rate_other)}: "
        f"a alone is right on {calls.only_one_right}, b alone on {calls.only_other_right}, "
        f"{p_value(calls.p_value)}, McNemar, 100 films.",
        "The films are of 50 patients. Both tests take films as independent, so the interval is "
        "somewhat too narrow and p too small.",
    ]


def test_sentences_of_one_film_a_patient_leave_the_patients_out():
    for patient in ([f"p{i}" for i in range(100)], ""):
        found = compare_pair(bundle("a", patient=patient), bundle("b"), "test")
        assert len(sentences(found)) == 2


def test_no_difference_has_no_sign():
    found = compare_pair(bundle("a"), bundle("a"), "test")
    assert "difference 0.000 (0.000 to 0.000), p = 1.000" in sentences(found)[0]
