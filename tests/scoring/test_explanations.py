"""The table of how far heatmaps hold up, as it is read."""

from __future__ import annotations

import pandas as pd
import pytest

from cxr.scoring.explanations import COLUMNS, parse

ROW = dict.fromkeys(COLUMNS[:6], "a") | {"layer": "", "stage": None, "n": 3, "value": 1}


def test_nothing_measured_is_an_empty_table():
    table = parse(None)
    assert table.columns.tolist() == COLUMNS
    assert table.empty


def test_texts_are_texts_and_numbers_numbers():
    rows = [ROW | {"method": "007"}, ROW | {"stage": 0.5, "low": 0.1, "high": 2, "more": "x"}]
    table = parse(pd.DataFrame(rows).to_csv(index=False).encode())
    assert table.columns.tolist() == COLUMNS
    assert table["method"].tolist() == ["007", "a"]
    assert table["layer"].tolist() == ["", ""]
    assert table["n"].tolist() == [3, 3]
    assert table["value"].dtype == float
    assert table["stage"].isna().tolist() == [True, False]


@pytest.mark.parametrize("content", ["", "nothing", ",".join(COLUMNS) + "\n" + "x," * 10 + "x\n"])
def test_a_damaged_file(content):
    with pytest.raises(ValueError):  # noqa: PT011 - the words are pandas's own
        parse(content.encode())
