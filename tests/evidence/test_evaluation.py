import json
import math

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from cxr.evidence.evaluation import (
    Confusion,
    best_epoch,
    by_subtype,
    cell,
    classification_report,
    confusion,
    confusion_table,
    evaluate,
    generalisation_gap,
)
from cxr.scoring.operating_points import Calibration, OperatingPoint
from cxr.scoring.scores import labels_of
from cxr.stats.intervals import wilson

POINT = OperatingPoint(
    name="youden", rule="A rule.", threshold=0.5, near=(0.4, 0.6), n=10,
    sensitivity=0.9, sensitivity_ci=(0.8, 1.0), specificity=0.7, specificity_ci=(0.6, 0.8),
)  # fmt: skip


def sample(n=200, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(2, size=n)
    return np.round(1 / (1 + np.exp(-rng.normal(0, 1, n) - 1.5 * labels + 0.7)), 2), labels


def table(n=120, seed=0):
    rng = np.random.default_rng(seed)
    positive = rng.random(n) < 0.6
    subtype = np.where(positive, rng.choice(["bacteria", "virus"], n), "")
    return pd.DataFrame(
        {
            "split": rng.choice(["validation", "test"], n),
            "path": [f"film{i}.jpeg" for i in range(n)],
            "patient": [f"p{i // 2}" for i in range(n)],
            "label": np.where(positive, "pneumonia", "normal"),
            "subtype": subtype,
            "logit": rng.normal(0, 1.5, n) + 2 * positive - 1,
        }
    )


def history(**columns):
    return pd.DataFrame({"epoch": range(1, 1 + len(next(iter(columns.values())))), **columns})


# counts


def test_confusion_agrees_with_sklearn():
    scores, labels = sample()
    counts = confusion(scores, labels, 0.5)
    expected = metrics.confusion_matrix(labels, scores >= 0.5)
    assert counts.matrix == expected.tolist()
    assert [counts.tn, counts.fp, counts.fn, counts.tp] == expected.ravel().tolist()
    assert counts.accuracy == pytest.approx(metrics.accuracy_score(labels, scores >= 0.5))
    assert counts.sensitivity == pytest.approx(metrics.recall_score(labels, scores >= 0.5))
    assert counts.ppv == pytest.approx(metrics.precision_score(labels, scores >= 0.5))
    assert counts.specificity == pytest.approx(expected[0, 0] / expected[0].sum())
    assert counts.npv == pytest.approx(expected[0, 0] / expected[:, 0].sum())


def test_a_film_on_the_threshold_is_positive():
    assert confusion([0.5, 0.5], [0, 1], 0.5) == Confusion(tn=0, fp=1, fn=0, tp=1)


def test_rates_without_films_are_none():
    empty = Confusion(0, 0, 0, 0)
    assert [empty.accuracy, empty.sensitivity, empty.specificity, empty.ppv, empty.npv] == [
        None
    ] * 5
    assert Confusion(tn=3, fp=0, fn=2, tp=0).ppv is None


# one split's figures


def test_evaluate_measures_the_split_that_was_asked_for():
    frame = table()
    films = frame[frame["split"] == "test"]
    scores = 1 / (1 + np.exp(-films["logit"] / 2.0))
    got = evaluate(frame, model="m", split="test", calibration=Calibration(2.0), point=POINT)
    counts = confusion(scores, labels_of(films), 0.5)
    assert got.n == len(films)
    assert got.confusion == counts
    assert got.auc == pytest.approx(metrics.roc_auc_score(labels_of(films), scores))
    assert got.auc_ci[0] < got.auc < got.auc_ci[1]
    assert got.accuracy_ci == wilson(counts.tn + counts.tp, counts.n)
    assert got.sensitivity_ci == wilson(counts.tp, counts.tp + counts.fn)
    assert got.specificity_ci == wilson(counts.tn, counts.tn + counts.fp)


def test_evaluation_speaks_json_with_the_agreed_keys():
    got = evaluate(table(), model="m", split="test", calibration=Calibration(1.0), point=POINT)
    entry = json.loads(json.dumps(got.to_json()))
    assert set(entry) == {
        "model", "split", "n", "auc", "auc_ci", "operating_point", "threshold", "accuracy",
        "accuracy_ci", "sensitivity", "sensitivity_ci", "specificity", "specificity_ci",
        "confusion_matrix",
    }  # fmt: skip
    assert entry["confusion_matrix"] == got.confusion.matrix
    assert entry["auc_ci"] == list(got.auc_ci)
    assert entry["operating_point"] == "youden"


def test_a_split_of_one_class_has_no_auc():
    frame = table()
    frame = frame[frame["label"] != "normal"].assign(split="tbx11k")
    got = evaluate(frame, model="m", split="tbx11k", calibration=Calibration(1.0), point=POINT)
    assert got.auc is None
    assert got.auc_ci is None
    assert got.specificity is None
    assert got.specificity_ci is None
    assert got.sensitivity == got.accuracy
    json.dumps(got.to_json())


def test_an_unknown_split_names_those_there_are():
    message = "Expected one of the splits test, validation. Received: nih"
    with pytest.raises(ValueError, match=message):
        evaluate(table(), model="m", split="nih", calibration=Calibration(1.0), point=POINT)


def test_a_missing_logit_is_an_error():
    frame = table()
    frame.loc[frame["split"] == "test", "logit"] = math.nan
    with pytest.raises(ValueError, match="not finite"):
        evaluate(frame, model="m", split="test", calibration=Calibration(1.0), point=POINT)


# tables


def test_classification_report_agrees_with_sklearn():
    scores, labels = sample(seed=4)
    got = classification_report(scores, labels, 0.45, ["normal", "pneumonia"])
    expected = metrics.classification_report(
        labels, scores >= 0.45, target_names=["normal", "pneumonia"], output_dict=True
    )
    assert list(got.index) == ["normal", "pneumonia", "macro average", "weighted average"]
    assert list(got.columns) == ["precision", "recall", "f1", "n"]
    for ours, theirs in zip(
        got.index, ["normal", "pneumonia", "macro avg", "weighted avg"], strict=True
    ):
        row = expected[theirs]
        wanted = [row["precision"], row["recall"], row["f1-score"], row["support"]]
        assert got.loc[ours].tolist() == pytest.approx(wanted)


def test_classification_report_leaves_the_undefined_open():
    got = classification_report([0.1, 0.2], [0, 1], 0.9, ["normal", "pneumonia"])
    assert math.isnan(got.loc["pneumonia", "precision"])
    assert math.isnan(got.loc["macro average", "precision"])
    assert got.loc["pneumonia", "recall"] == 0
    with pytest.raises(ValueError, match="Expected two classes"):
        classification_report([0.1, 0.2], [0, 1], 0.9, ["normal"])


def test_by_subtype_counts_and_keeps_quiet_on_few_films():
    label = ["normal"] * 30 + ["pneumonia"] * 47
    subtype = [""] * 30 + ["virus"] * 25 + ["bacteria"] * 19 + [None] * 3
    scores = np.concatenate([np.full(27, 0.1), np.full(3, 0.9), np.full(20, 0.9), np.full(27, 0.1)])
    got = by_subtype(pd.DataFrame({"label": label, "subtype": subtype}), scores, 0.5)
    assert got["subtype"].tolist() == ["normal", "bacteria", "pneumonia", "virus"]
    assert got["n"].tolist() == [30, 19, 3, 25]
    assert got["called_positive"].tolist() == [3, 0, 0, 20]
    assert got["note"].tolist() == ["", "too few", "too few", ""]
    assert got["rate"].tolist() == pytest.approx([0.1, math.nan, math.nan, 0.8], nan_ok=True)
    assert (got.loc[3, "low"], got.loc[3, "high"]) == wilson(20, 25)


def test_cells_hold_each_film_once_farthest_first():
    frame = table()
    scores = Calibration(1.0).score(frame["logit"])
    counts = confusion(scores, labels_of(frame), 0.4)
    found = {name: cell(frame, scores, 0.4, name) for name in ("tn", "fp", "fn", "tp")}
    assert {name: len(films) for name, films in found.items()} == {
        name: getattr(counts, name) for name in found
    }
    assert sorted(pd.concat(found.values())["path"]) == sorted(frame["path"])
    for films in found.values():
        assert (np.diff((films["score"] - 0.4).abs()) <= 0).all()
    assert (found["fp"]["label"] == "normal").all()
    assert (found["fp"]["score"] >= 0.4).all()
    assert (found["fn"]["label"] == "pneumonia").all()
    assert (found["fn"]["score"] < 0.4).all()
    paths = dict(zip(frame["path"], scores, strict=True))
    assert found["tp"]["score"].tolist() == [paths[path] for path in found["tp"]["path"]]
    assert "score" not in frame


def test_cell_refuses_an_unknown_name():
    with pytest.raises(ValueError, match=r"Expected a cell of tn, fp, fn, tp\. Received: xx"):
        cell(table(), np.zeros(120), 0.5, "xx")


# training


def test_best_epoch_is_the_highest_val_auc_then_the_lowest_val_loss():
    assert best_epoch(history(val_auc=[0.7, 0.9, 0.8], val_loss=[0.1, 0.3, 0.2])) == 2
    assert best_epoch(history(val_auc=[0.9, 0.7, 0.9], val_loss=[0.3, 0.1, 0.2])) == 3
    assert best_epoch(history(val_auc=[0.9, 0.9], val_loss=[0.2, 0.2])) == 1
    assert best_epoch(history(val_auc=[math.nan, 0.6], val_loss=[0.1, 0.2])) == 2
    with pytest.raises(ValueError, match="Expected a history with val_auc"):
        best_epoch(history(val_auc=[math.nan], val_loss=[0.1]))


def test_gap_is_positive_where_validation_is_worse():
    got = generalisation_gap(
        history(loss=[0.5, 0.2], val_loss=[0.6, 0.1], auc=[0.9, 0.8], val_auc=[0.7, 0.9])
    )
    assert got["epoch"].tolist() == [1, 2]
    assert got["loss_gap"].tolist() == pytest.approx([0.1, -0.1])
    assert got["auc_gap"].tolist() == pytest.approx([0.2, -0.1])


def test_films_of_several_sources_are_told_apart_by_source():
    films = pd.DataFrame(
        {
            "label": ["normal"] * 25 + ["tuberculosis"] * 30,
            "subtype": [""] * 55,
            "source": ["nih"] * 25 + ["qatar"] * 22 + ["tbx11k"] * 8,
        }
    )
    table = by_subtype(films, np.linspace(0, 1, 55), 0.5)
    assert list(table["subtype"]) == [
        "normal, nih",
        "tuberculosis, qatar",
        "tuberculosis, tbx11k",
    ]
    assert list(table["n"]) == [25, 22, 8]
    assert list(table["note"]) == ["", "", "too few"]


def test_a_confusion_matrix_is_a_row_per_class():
    table = confusion_table(confusion([0.1, 0.9, 0.2, 0.8], [0, 0, 1, 1], 0.5), ("normal", "ill"))
    assert table["films of"].tolist() == ["normal", "ill"]
    assert table.iloc[:, 1:].to_numpy().tolist() == [[1, 1], [1, 1]]
