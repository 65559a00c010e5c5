"""The scores of another tool: one of each film."""

import pandas as pd
import pytest

from cxr.site.other_scores import evaluate_scores, score_of_each
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


def test_a_score_equal_to_the_threshold_is_positive(tmp_path):
    sheet = tmp_path / "tool.csv"
    sheet.write_text("file,score,label\na.png,0.9,TB\nb.png,0.8,normal\nc.png,,TB\nd.png,1,TB\n")
    _, result = evaluate_scores(sheet, "tuberculosis", threshold=0.9)
    assert result.main.confusion_matrix == ((1, 0), (0, 2))
    assert (result.refused.n, result.refused.codes) == (1, {"no_score": 1})
