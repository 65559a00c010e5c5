"""The scores of another tool: one of each film."""

import pandas as pd
import pytest

from cxr.site.other_scores import score_of_each
from cxr.site.sheet import TruthError


def scores(*values: float | None) -> pd.Series:
    return pd.Series(values, dtype=float, name="score")


def test_equal_scores_of_a_film_are_one_and_rows_of_no_film_are_none():
    found = score_of_each(scores(0.1, 0.2, 0.1, 0.3), pd.Series(["b", "a", "b", ""]))
    assert found.to_dict() == {"b": 0.1, "a": 0.2}


@pytest.mark.parametrize("second", [0.2, None])
def test_two_scores_of_a_film_are_none(second):
    with pytest.raises(TruthError) as caught:
        score_of_each(scores(0.1, second), pd.Series(["a", "a"]))
    assert caught.value.code == "repeated_scores"
