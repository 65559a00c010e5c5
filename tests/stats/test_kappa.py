from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score

from cxr.stats.intervals import wilson
from cxr.stats.kappa import Kappa, kappa


def from_counts(neither: int, reader: int, model: int, both: int) -> Kappa:
    one = np.repeat([0, 1, 0, 1], [neither, reader, model, both])
    other = np.repeat([0, 0, 1, 1], [neither, reader, model, both])
    return kappa(one, other)


TABLES = [(15, 5, 10, 20), (40, 3, 9, 8), (5, 40, 30, 6), (100, 1, 0, 2), (0, 4, 5, 11)]


@pytest.mark.parametrize("table", TABLES)
def test_is_that_of_scikit_learn(table):
    neither, reader, model, both = table
    one = np.repeat([0, 1, 0, 1], table)
    other = np.repeat([0, 0, 1, 1], table)
    found = kappa(one, other)
    assert found.value == pytest.approx(cohen_kappa_score(one, other))
    assert found.n == sum(table)
    assert found.counts == ((neither, reader), (model, both))


@pytest.mark.parametrize("table", TABLES)
def test_the_error_is_that_of_the_delta_method(table):
    """Worked out anew from the multinomial covariance and a numeric slope, not by the formula."""
    n = sum(table)
    p = np.array(table) / n

    def value(p):
        p = p / p.sum()
        agreed = p[0] + p[3]
        chance = (p[0] + p[1]) * (p[0] + p[2]) + (p[2] + p[3]) * (p[1] + p[3])
        return (agreed - chance) / (1 - chance)

    step = 1e-6
    slope = np.array([(value(p + step * e) - value(p - step * e)) / 2 / step for e in np.eye(4)])
    error = np.sqrt(slope @ (np.diag(p) - np.outer(p, p)) @ slope / n)
    assert from_counts(*table).error == pytest.approx(error, rel=1e-4)


def test_worked_by_hand():
    found = from_counts(15, 5, 10, 20)
    assert found.value == pytest.approx(0.4)  # 0.7 agree, 0.5 would by chance
    assert found.error == pytest.approx(0.1262, abs=1e-3)
    low, high = found.interval
    assert (low + high) / 2 == pytest.approx(0.4)
    assert (high - low) / 2 == pytest.approx(1.959964 * found.error)
    assert found.text == f"kappa 0.40 ({low:.2f} to {high:.2f})"


def test_the_interval_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    cells = np.array([0.5, 0.1, 0.08, 0.32])
    truth = from_counts(*(int(c) for c in cells * 1000)).value
    held = 0
    for _ in range(400):
        low, high = from_counts(*rng.multinomial(150, cells)).interval
        held += low <= truth <= high
    assert 0.91 <= held / 400 <= 0.98


def test_the_interval_is_cut_where_kappa_ends():
    assert from_counts(100, 1, 0, 2).interval[1] == 1
    found = from_counts(0, 3, 2, 0)
    assert found.value >= -1
    assert found.interval[0] >= -1


def test_where_all_agree_the_interval_is_not_a_point():
    found = from_counts(6, 0, 0, 4)
    assert (found.value, found.error) == (1, 0)
    chance = 0.6**2 + 0.4**2
    assert found.interval == pytest.approx(((wilson(10, 10)[0] - chance) / (1 - chance), 1))
    assert found.interval[0] < 0.6
    more = from_counts(600, 0, 0, 400)
    assert more.interval[0] > 0.98
    for n in (2, 10, 10**6):  # one film of the finding says little, however many there are
        low, high = from_counts(n - 1, 0, 0, 1).interval
        assert -1 < low < 0 < high <= 1


def test_where_none_agrees_the_interval_is_not_a_point():
    found = from_counts(0, 5, 5, 0)
    assert (found.value, found.error) == (-1, 0)
    assert found.interval[0] == -1
    assert -1 < found.interval[1] < 0


@pytest.mark.parametrize("table", [(9, 0, 0, 0), (0, 0, 0, 3), (1, 0, 0, 0)])
def test_nothing_is_known_where_all_calls_are_one(table):
    found = from_counts(*table)
    assert found.n == sum(table)
    assert (found.value, found.error, found.interval) == (None, None, None)
    assert found.text == "kappa not known"


def test_no_agreement_beyond_chance_is_zero():
    assert from_counts(4, 4, 4, 4).value == pytest.approx(0)
    one_says_the_same_always = from_counts(6, 0, 4, 0)
    assert one_says_the_same_always.value == pytest.approx(0)


def test_takes_lists_arrays_and_columns_none_of_them_changed():
    reader, model = [True, False, True, True], [1, 0, 0, 1]
    expected = from_counts(1, 1, 0, 2)
    assert kappa(reader, model) == expected
    assert kappa(np.array(reader), np.array(model, dtype=float)) == expected
    assert kappa(pd.Series(reader, index=[9, 2, 3, 5]), pd.Series(model)) == expected
    assert kappa([], []) == Kappa(((0, 0), (0, 0)), None, None, None)
    assert kappa(pd.Series([], dtype=bool), np.zeros(0)).n == 0


@pytest.mark.parametrize(
    ("reader", "model", "message"),
    [
        ([1, 0], [1], "one shape"),
        ([1], [], "one shape"),
        ([2, 0], [1, 0], "labels 0 or 1"),
        ([1, 0], [0, 0.5], "labels 0 or 1"),
        ([float("nan"), 0], [0, 1], "finite|0 or 1"),
    ],
)
def test_says_what_is_wrong(reader, model, message):
    with pytest.raises(ValueError, match=message):
        kappa(reader, model)
