"""Facts of a film: the sheet's, and the film's own where the sheet is silent."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cxr.site.facts import with_facts


def sheet(**changes: list[object]) -> pd.DataFrame:
    columns: dict[str, list[object]] = {
        "path": ["a", "b"],
        "truth": [1, 0],
        "patient": ["", ""],
        "sex": ["F", ""],
        "age": [np.nan, 40.0],
        "date": ["", "2026-01-02"],
    }
    return pd.DataFrame(columns | changes, index=[7, 3])


KNOWN = pd.DataFrame(
    {
        "path": ["x", "y"],
        "score": [0.9, 0.1],
        "patient": ["k1", "k1"],
        "sex": ["M", "M"],
        "age": [30.0, 31.0],
        "date": ["2025-05-05", ""],
    }
)


def test_the_sheet_goes_first_and_the_film_fills_in() -> None:
    table = with_facts(sheet(), KNOWN)
    assert table["path"].tolist() == ["a", "b"]
    assert table["score"].tolist() == [0.9, 0.1]
    assert table["sex"].tolist() == ["F", "M"]
    assert table["age"].tolist() == [30.0, 40.0]
    assert table["date"].tolist() == ["2025-05-05", "2026-01-02"]
    assert table.columns.is_unique


@pytest.mark.parametrize(
    ("told", "expected"),
    [(["", ""], ["k1", "k1"]), (["p", ""], ["k1", "k1"]), (["p", "q"], ["p", "q"])],
)
def test_patients_are_all_of_the_sheet_or_all_of_the_films(told, expected) -> None:
    assert with_facts(sheet(patient=told), KNOWN)["patient"].tolist() == expected


def test_films_of_which_nothing_is_known_keep_what_the_sheet_says() -> None:
    table = with_facts(sheet(), KNOWN[["score"]])
    assert table["sex"].tolist() == ["F", ""]
    assert table["patient"].tolist() == ["", ""]
