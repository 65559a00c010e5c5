from __future__ import annotations

import csv
import io

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr.storage.csv_text import cell, csv_line, from_cell, table_text, texts_of

FORMULAS = [
    *("=1+1", '=HYPERLINK("http://a.b","x")', "+1+1", "-2+3", "@SUM(1)", "=cmd|' /c calc'!A1"),
    *("\uff1d1+1", "\uff0b1", "\uff0d1+2", "\uff20SUM(1)", "\u22122+3", " =1+1", "'=1+1", "''-x"),
    *("-0.1 (1 to 2)+3", "-0.1 (1+2 to 3)"),
]
HARMLESS = ["a-b.png", "IM=1.png", "12", "-5", "+1.5e-3", "1+1", "'tis", "", "Müller"]
FIGURES = ["-0.15 (-0.23 to -0.06)", "-4% (-10% to +2%)", "-4 % (-10 % to +2 %)"]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_is_a_formula(text):
    assert cell(text) == f"'{text}"
    assert from_cell(cell(text)) == text


@pytest.mark.parametrize("text", ["\t=1+1", "\r=1+1", "\n=1+1", "\x00=1+1", "\u202e=1+1"])
def test_what_comes_before_a_formula_is_shown(text):
    assert cell(text).startswith("\\u")
    assert from_cell(cell(text)) == text


@pytest.mark.parametrize("text", HARMLESS + FIGURES)
def test_other_texts_and_numbers_stay(text):
    assert cell(text) == text
    assert from_cell(text) == text


@pytest.mark.parametrize("number", [-1.5, 0, -7, True, None])
def test_numbers_stay_numbers(number):
    assert cell(number) is number


def test_separators_of_every_country_are_quoted():
    line = csv_line(["a;=1+1", "b\t=1", "c|d", 'say "x"', -1.5, None, "d"])
    assert line.startswith('"a;=1+1",')
    assert line.endswith(",-1.5,,d\n")
    assert next(csv.reader([line])) == [
        *("a;=1+1", "b\\u0009=1", "c|d", 'say "x"', "-1.5", "", "d")
    ]


@given(st.lists(st.text(st.characters(codec="utf-8")) | st.floats(), min_size=1))
def test_a_line_is_one_row_of_csv(values):
    line = csv_line(values)
    (row,) = csv.reader(io.StringIO(line), strict=True) if line != "\n" else ([""],)
    assert row == [str(cell(value)) for value in values]


def test_tables_there_and_back():
    table = pd.DataFrame(
        {
            "path": ["=1+1.png", "a;b.png", "\u202egnp", None],
            "score": [-0.5, 0.25, 1.0, None],
            "split": pd.Categorical(["test", "test", "train", "train"]),
        }
    )
    text = table_text(table)
    assert text.splitlines()[1] == "'=1+1.png,-0.5,test"
    back = texts_of(pd.read_csv(io.StringIO(text)))
    assert list(back["path"][:3]) == list(table["path"][:3])
    assert back["path"].isna()[3]
    assert list(back["score"][:3]) == [-0.5, 0.25, 1.0]
