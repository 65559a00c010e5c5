import math

import numpy as np
import pytest
from scipy.stats import binomtest

from cxr.stats.curves import auc, placements
from cxr.stats.paired_tests import (
    McNemar,
    delong_test,
    mcnemar_test,
    paired_rates,
)


def sample(n=150, seed=0, decimals=2, shift=1.5):
    """Scores of a better and a worse model that err on the same films, and labels."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(2, size=n)
    common = rng.normal(0, 1, n) + shift * labels
    one = common + rng.normal(0, 0.4, n)
    other = common + rng.normal(0, 1.2, n)
    return np.round(one, decimals), np.round(other, decimals), labels


def direct_delong(one, other, labels):
    """Difference and variance straight from the 1988 paper: every pair of films, S10 and S01."""
    components = []
    for scores in (one, other):
        ill, well = scores[labels == 1], scores[labels == 0]
        psi = np.array([[1.0 if x > y else 0.5 if x == y else 0.0 for y in well] for x in ill])
        components.append((psi.mean(), psi.mean(axis=1), psi.mean(axis=0)))
    m, n = int(labels.sum()), int((1 - labels).sum())
    s10, s01 = np.zeros((2, 2)), np.zeros((2, 2))
    for r, (theta_r, ill_r, well_r) in enumerate(components):
        for s, (theta_s, ill_s, well_s) in enumerate(components):
            s10[r, s] = sum((ill_r - theta_r) * (ill_s - theta_s)) / (m - 1)
            s01[r, s] = sum((well_r - theta_r) * (well_s - theta_s)) / (n - 1)
    contrast = np.array([1, -1])
    variance = contrast @ (s10 / m + s01 / n) @ contrast
    return components[0][0] - components[1][0], variance


# DeLong


@pytest.mark.parametrize(("n", "decimals"), [(24, 0), (40, 1), (150, 2), (151, 6)])
def test_delong_agrees_with_the_paper_written_out(n, decimals):
    one, other, labels = sample(n=n, seed=n, decimals=decimals)
    got = delong_test(one, other, labels)
    difference, variance = direct_delong(one, other, labels)
    error = math.sqrt(variance)
    assert got.difference == pytest.approx(difference)
    assert got.difference_ci == pytest.approx(
        (difference - 1.959963985 * error, difference + 1.959963985 * error)
    )
    assert got.p_value == pytest.approx(math.erfc(abs(difference) / error / math.sqrt(2)))
    assert (got.auc_one, got.auc_other, got.n) == (auc(one, labels)[0], auc(other, labels)[0], n)


def test_delong_worked_by_hand():
    # Placements of the three ill films: 1, 1, 1/2 and 1/2, 1/2, 1/2; of the two well: 1, 2/3 and
    # 1, 0. Their differences are 1/2, 1/2, 0 (variance 1/12) and 0, 2/3 (variance 2/9).
    labels = [1, 1, 1, 0, 0]
    got = delong_test([0.9, 0.8, 0.4, 0.1, 0.5], [0.5, 0.6, 0.4, 0.1, 0.9], labels)
    assert (got.auc_one, got.auc_other) == pytest.approx((5 / 6, 1 / 2))
    error = math.sqrt(1 / 12 / 3 + 2 / 9 / 2)
    assert got.difference_ci == pytest.approx((1 / 3 - 1.959964 * error, 1))  # stops at 1
    assert got.p_value == pytest.approx(0.3711, abs=1e-4)  # z = 0.8944


def test_delong_spreads_as_redrawn_films_do():
    one, other, labels = sample(n=200, seed=5)
    got = delong_test(one, other, labels)
    rng = np.random.default_rng(0)
    classes = [np.flatnonzero(labels == label) for label in (0, 1)]
    drawn = []
    for _ in range(1500):
        films = np.concatenate([rng.choice(films, films.size) for films in classes])
        drawn.append(
            placements(one[films], labels[films])[0].mean()
            - placements(other[films], labels[films])[0].mean()
        )
    width = got.difference_ci[1] - got.difference_ci[0]
    assert np.subtract(*np.quantile(drawn, [0.975, 0.025])) == pytest.approx(width, rel=0.08)


def test_delong_finds_equal_models_different_in_about_5_percent():
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1], 50)
    found = 0
    for _ in range(400):
        common = rng.normal(0, 1, 100) + 1.2 * labels
        one, other = (common + rng.normal(0, 0.7, 100) for _ in range(2))
        found += delong_test(one, other, labels).p_value < 0.05
    assert 0.025 <= found / 400 <= 0.08


def test_swapping_the_models_turns_the_difference_round():
    one, other, labels = sample()
    there, back = delong_test(one, other, labels), delong_test(other, one, labels)
    assert back.difference == -there.difference
    assert back.difference_ci == pytest.approx((-there.difference_ci[1], -there.difference_ci[0]))
    assert back.p_value == there.p_value


def test_one_order_of_films_differs_by_nothing():
    one, _, labels = sample()
    got = delong_test(one, np.exp(one / 3), labels)
    assert (got.difference, got.difference_ci, got.p_value) == (0.0, (0.0, 0.0), 1.0)


def test_two_perfect_models_claim_no_certainty():
    labels = [0, 0, 0, 1, 1, 1]
    got = delong_test([1, 2, 3, 4, 5, 6], [3, 2, 1, 6, 5, 4], labels)
    low, high = auc([1, 2, 3, 4, 5, 6], labels)[1]
    assert (got.difference, got.p_value) == (0.0, 1.0)
    assert got.difference_ci == pytest.approx((low - high, high - low))


def test_a_difference_without_variance_has_an_interval_but_no_p():
    got = delong_test([1, 2, 3, 4], [7, 7, 7, 7], [0, 0, 1, 1])
    assert got.difference == 0.5
    assert math.isnan(got.p_value)
    assert got.difference_ci[0] < 0.25
    assert got.difference_ci[1] > 0.5


def test_delong_says_what_it_cannot_compare():
    with pytest.raises(ValueError, match="Expected at least two films of each class"):
        delong_test([1, 2, 3], [1, 2, 3], [0, 1, 1])
    with pytest.raises(ValueError, match="Expected films of both classes"):
        delong_test([1, 2], [1, 2], [1, 1])
    with pytest.raises(ValueError, match="Expected scores and labels of one shape"):
        delong_test([1, 2, 3, 4], [1, 2, 3], [0, 0, 1, 1])


# McNemar


@pytest.mark.parametrize(
    ("only_one", "only_other"), [(0, 0), (1, 0), (5, 5), (12, 35), (9, 5), (3, 400)]
)
def test_mcnemar_is_the_exact_binomial_test(only_one, only_other):
    one = [1] * 7 + [1] * only_one + [0] * only_other + [0] * 4
    other = [1] * 7 + [0] * only_one + [1] * only_other + [0] * 4
    got = mcnemar_test(one, other, np.ones(len(one)))
    told = only_one + only_other
    expected = binomtest(only_one, told).pvalue if told else 1.0
    assert got.p_value == pytest.approx(expected, rel=1e-9)
    assert (got.both_right, got.both_wrong) == (7, 4)
    assert (got.only_one_right, got.only_other_right) == (only_one, only_other)
    assert got.n == len(one)
    assert got.difference == pytest.approx(got.rate_one - got.rate_other)


def test_mcnemar_worked_by_hand():
    # 5 heads of 6 coins: 2 * (1 + 6) / 64.
    got = mcnemar_test([True] * 5 + [False], [False] * 5 + [True], [1] * 6)
    assert got.p_value == 14 / 64
    assert (got.rate_one, got.rate_other) == pytest.approx((5 / 6, 1 / 6))


def test_many_films_do_not_overflow():
    ones = np.ones(40_000)
    other = np.r_[np.zeros(15_000), np.ones(25_000)]
    labels = np.r_[np.ones(30_000), np.zeros(10_000)]
    got = mcnemar_test(ones, other, labels)
    assert got.only_one_right == 15_000
    assert got.p_value == 0.0


def test_a_call_on_a_normal_film_is_wrong():
    got = mcnemar_test([1, 0], [0, 0], [0, 0])
    assert got == McNemar(1, 0, 1, 0, 1.0)


def test_the_table_names_the_models():
    got = McNemar(554, 35, 12, 23, 0.001).table("a", "b")
    assert got.loc["a right"].tolist() == [554, 35]
    assert got.loc["a wrong"].tolist() == [12, 23]
    assert list(got.columns) == ["b right", "b wrong"]


def test_calls_are_0_or_1():
    with pytest.raises(ValueError, match=r"Expected calls 0 or 1\. Received: \[0\.3, 1\.0\]"):
        mcnemar_test([0, 1], [0.3, 1], [0, 1])
    with pytest.raises(ValueError, match="Expected labels 0 or 1"):
        paired_rates([0, 1], [0, 1], [0, 2])


def test_paired_rates_test_each_class_alone():
    one, other, labels = sample()
    calls = one > 0.7, other > 0.7
    got = paired_rates(*calls, labels)
    assert got.index.tolist() == ["accuracy", "sensitivity", "specificity"]
    for name, among in (("accuracy", labels >= 0), ("sensitivity", labels == 1)):
        test = mcnemar_test(calls[0][among], calls[1][among], labels[among])
        rates, alone = (
            (test.rate_one, test.rate_other),
            (test.only_one_right, test.only_other_right),
        )
        assert got.loc[name].tolist() == [among.sum(), *rates, *alone, test.p_value]
    assert got.loc["specificity", "rate_one"] == np.mean(~calls[0][labels == 0])
    counts = got[["only_one_right", "only_other_right", "n"]]
    assert (counts.loc["accuracy"] == counts.iloc[1:].sum()).all()


def test_a_class_without_films_has_no_rate():
    got = paired_rates([1, 0], [1, 1], [1, 1])
    assert got.loc["specificity", "n"] == 0
    assert got.loc["specificity", ["rate_one", "rate_other", "p_value"]].isna().all()
    assert got.loc["sensitivity", "rate_one"] == 0.5
