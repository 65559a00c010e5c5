import numpy as np
import pytest
from sklearn import metrics

from cxr.evidence import evaluation
from cxr.stats.curves import (
    PrecisionRecall,
    Reliability,
    RocCurve,
    auc,
    placements,
)
from cxr.stats.intervals import wilson


def sample(n=200, seed=0, decimals=2):
    rng = np.random.default_rng(seed)
    labels = rng.integers(2, size=n)
    scores = 1 / (1 + np.exp(-rng.normal(0, 1, n) - 1.5 * labels + 0.7))
    return np.round(scores, decimals), labels  # rounded, so that some scores are equal


def direct_delong(scores, labels):
    """AUC and DeLong's variance straight from the 1988 paper: every pair of films."""
    ill, well = scores[labels == 1], scores[labels == 0]
    kernel = np.array([[1.0 if x > y else 0.5 if x == y else 0.0 for y in well] for x in ill])
    of_ill, of_well = kernel.mean(axis=1), kernel.mean(axis=0)
    theta = kernel.mean()
    s10 = sum((v - theta) ** 2 for v in of_ill) / (len(ill) - 1)
    s01 = sum((v - theta) ** 2 for v in of_well) / (len(well) - 1)
    return theta, s10 / len(ill) + s01 / len(well)


def logit(p):
    return np.log(p / (1 - p))


@pytest.mark.parametrize(("n", "decimals"), [(40, 1), (150, 2), (150, 6)])
def test_auc_and_its_interval_agree_with_delong_written_out(n, decimals):
    scores, labels = sample(n=n, seed=n, decimals=decimals)
    value, (low, high) = auc(scores, labels)
    theta, variance = direct_delong(scores, labels)
    assert value == pytest.approx(theta)
    assert value == pytest.approx(metrics.roc_auc_score(labels, scores))
    # The variance, read back from the width of the interval on the logit scale.
    error = (logit(high) - logit(low)) / (2 * 1.959963985) * theta * (1 - theta)
    assert error**2 == pytest.approx(variance, rel=1e-6)
    assert (logit(low) + logit(high)) / 2 == pytest.approx(logit(theta))


def test_auc_interval_covers_about_95_percent():
    truth = 0.8555778  # of two unit normals 1.5 apart: Phi(1.5 / sqrt 2)
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 60)
    inside = 0
    for _ in range(400):
        low, high = auc(rng.normal(0, 1, 120) + 1.5 * labels, labels)[1]
        inside += low <= truth <= high
    assert 0.92 <= inside / 400 <= 0.98


def test_a_perfect_auc_claims_no_certainty():
    assert auc([0.1, 0.2, 0.8, 0.9, 0.95], [0, 0, 1, 1, 1]) == (1.0, wilson(2, 2))
    assert auc([0.9, 0.8, 0.2, 0.1], [0, 0, 1, 1]) == (0.0, wilson(0, 2))
    value, (low, high) = auc([0.1, 0.5, 0.9], [0, 1, 0])
    assert value == 0.5
    assert low == pytest.approx(wilson(0.5, 1)[0])
    assert high < 1


@pytest.mark.parametrize("decimals", [1, 6])
def test_placements_are_shares_of_the_other_class_ranked_rightly_against(decimals):
    scores, labels = sample(n=60, decimals=decimals)
    of_ill, of_well = placements(scores, labels)
    ill, well = scores[labels == 1], scores[labels == 0]
    assert of_ill == pytest.approx([np.mean((x > well) + 0.5 * (x == well)) for x in ill])
    assert of_well == pytest.approx([np.mean((ill > x) + 0.5 * (ill == x)) for x in well])
    assert of_ill.mean() == pytest.approx(auc(scores, labels)[0])
    assert of_well.mean() == pytest.approx(auc(scores, labels)[0])


def test_both_classes_are_needed():
    for compute in (auc, placements, RocCurve.from_scores, PrecisionRecall.from_scores):
        with pytest.raises(ValueError, match="Expected films of both classes"):
            compute([0.2, 0.3], [1, 1])


def test_evaluation_offers_the_same_auc():
    assert evaluation.auc is auc


def test_roc_agrees_with_sklearn():
    scores, labels = sample()
    curve = RocCurve.from_scores(scores, labels)
    expected = metrics.roc_curve(labels, scores, drop_intermediate=False)
    assert curve.false_positive_rate == pytest.approx(expected[0])
    assert curve.true_positive_rate == pytest.approx(expected[1])
    assert curve.thresholds.tolist() == expected[2].tolist()
    assert (curve.auc, curve.auc_ci) == auc(scores, labels)
    assert curve.n == 200


@pytest.mark.parametrize("threshold", [0.0, 0.41, 0.415, 0.9999, 2.0])
def test_a_point_on_a_curve_is_what_its_threshold_gives(threshold):
    scores, labels = sample()
    called = scores >= threshold
    fpr, tpr = called[labels == 0].mean(), called[labels == 1].mean()
    assert RocCurve.from_scores(scores, labels).at(threshold) == pytest.approx((fpr, tpr))
    recall, precision = PrecisionRecall.from_scores(scores, labels).at(threshold)
    assert recall == pytest.approx(tpr)
    assert precision == pytest.approx(labels[called].mean() if called.any() else 1.0)


def test_precision_and_recall_agree_with_sklearn():
    scores, labels = sample(seed=3)
    curve = PrecisionRecall.from_scores(scores, labels)
    precision, recall, thresholds = metrics.precision_recall_curve(labels, scores)
    assert curve.precision == pytest.approx(precision[::-1])
    assert curve.recall == pytest.approx(recall[::-1])
    assert curve.thresholds[1:].tolist() == thresholds[::-1].tolist()
    assert curve.average_precision == pytest.approx(metrics.average_precision_score(labels, scores))
    assert curve.prevalence == labels.mean()
    assert curve.n == 200


def test_reliability_of_known_bins():
    scores = np.array([0.1, 0.1, 0.2, 0.2, 0.7, 0.7, 0.8, 0.8])
    labels = np.array([0, 0, 0, 1, 1, 1, 1, 0])
    got = Reliability.from_scores(scores, labels, bins=2)
    assert got.mean_score == pytest.approx([0.15, 0.75])
    assert got.fraction_positive == pytest.approx([0.25, 0.75])
    assert got.count.tolist() == [4, 4]
    assert (got.interval_low[0], got.interval_high[0]) == pytest.approx(wilson(1, 4))
    assert got.ece == pytest.approx(0.05)
    assert got.brier == pytest.approx(metrics.brier_score_loss(labels, scores))


def test_bins_hold_equally_many_films():
    scores, labels = sample(n=203, decimals=9)
    got = Reliability.from_scores(scores, labels)
    assert got.count.sum() == 203
    assert set(got.count.tolist()) <= {20, 21}
    assert (np.diff(got.mean_score) > 0).all()


def test_equal_scores_share_a_bin():
    got = Reliability.from_scores(np.full(20, 0.5), np.repeat([0, 1], 10))
    assert got.count.tolist() == [20]
    assert got.ece == 0
    # The three of one score reach into both halves; their middle lies in the upper one.
    assert Reliability.from_scores([0.1, 0.5, 0.5, 0.5], [0, 0, 1, 1], 2).count.tolist() == [1, 3]


def test_calibrated_scores_have_a_small_error_and_others_a_large_one():
    rng = np.random.default_rng(0)
    scores = rng.random(20_000)
    labels = (rng.random(20_000) < scores).astype(int)
    assert Reliability.from_scores(scores, labels).ece < 0.02
    assert Reliability.from_scores(scores**3, labels).ece > 0.1


def test_reliability_refuses_what_it_cannot_bin():
    with pytest.raises(ValueError, match="Expected scores within 0 to 1"):
        Reliability.from_scores([0.2, 3.0], [0, 1])
    with pytest.raises(ValueError, match=r"Expected at least 1 bin\. Received: 0"):
        Reliability.from_scores([0.2, 0.3], [0, 1], bins=0)
