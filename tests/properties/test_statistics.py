"""Intervals lie in [0, 1] around what they are of, whatever the counts and scores."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr.stats.curves import auc
from cxr.stats.intervals import wilson
from cxr.stats.kappa import kappa
from cxr.stats.paired_tests import mcnemar_test

SETTINGS = settings(max_examples=150, deadline=None, derandomize=True)
calls = st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=1, max_size=60)


@SETTINGS
@given(st.integers(1, 10**7), st.floats(0, 1), st.floats(0.5, 0.999))
def test_that_of_a_share(n: int, share: float, level: float) -> None:
    hits = round(share * n)
    low, high = wilson(hits, n, level)
    assert 0 <= low <= hits / n <= high <= 1
    narrower = wilson(hits, n, level / 2)
    assert low <= narrower[0] <= narrower[1] <= high


# In steps that doubling keeps apart; ties are among them.
scores = st.lists(st.integers(-240, 240).map(lambda n: n / 8), min_size=2, max_size=40)


@SETTINGS
@given(scores, scores)
def test_that_of_an_area(positives: list[float], negatives: list[float]) -> None:
    scores = np.array(positives + negatives)
    labels = np.array([1] * len(positives) + [0] * len(negatives))
    area, (low, high) = auc(scores, labels)
    assert 0 <= low <= area <= high <= 1
    # The other way round it is the rest, and no monotone change of the scores moves it.
    assert np.isclose(auc(-scores, labels)[0], 1 - area)
    assert np.isclose(auc(scores * 2 + 1, labels)[0], area)


@SETTINGS
@given(calls)
def test_those_of_two_that_call_the_same_films(rows: list[tuple[bool, bool, bool]]) -> None:
    one, other, labels = (np.array(column, int) for column in zip(*rows, strict=True))
    agreement = kappa(one, other)
    if agreement.value is not None:
        low, high = agreement.interval
        assert -1 <= low <= agreement.value <= high <= 1
        assert np.isclose(kappa(other, one).value, agreement.value)
    assert 0 <= mcnemar_test(one, other, labels).p_value <= 1
