"""Two readers' calls of the same films."""

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from cxr.site.agreement import reader_agreement


def test_kappa_is_that_of_the_films_that_both_have_called():
    rng = np.random.default_rng(0)
    first = rng.integers(2, size=100).astype(float)
    second = np.where(rng.random(100) < 0.8, first, 1 - first)
    second[:10] = np.nan
    first[95:] = np.nan
    found = reader_agreement(np.arange(100).astype(str), first, second)
    both = slice(10, 95)
    assert found.films == 85
    assert found.only_one == 15
    assert found.kappa.value == pytest.approx(cohen_kappa_score(first[both], second[both]))
    assert found.agreed == (first[both] == second[both]).sum()
    assert len(found.adjudicate) == 85 - found.agreed


def test_films_to_look_at_together_begin_with_those_that_the_model_is_surest_of():
    found = reader_agreement(
        ["a", "b", "c", "d"], [1, 1, 0, 0], [0, 1, 1, 1], scores=[0.55, 0.9, 0.99, 0.2]
    )
    assert found.adjudicate["path"].tolist() == ["c", "d", "a"]
    assert found.adjudicate["first"].tolist() == [False, False, True]
    assert found.agreed == 1


def test_readers_of_different_films_have_no_kappa():
    found = reader_agreement(["a", "b"], [1, np.nan], [np.nan, 0])
    assert found.kappa.value is None
    assert found.only_one == 2
    assert found.adjudicate.empty


def test_calls_that_are_none_are_an_error():
    with pytest.raises(ValueError, match="0 or 1"):
        reader_agreement(["a", "b"], [1, 2], [0, 1])
    with pytest.raises(ValueError, match="one shape"):
        reader_agreement(["a", "b"], [1], [0, 1])
