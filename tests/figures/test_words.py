"""What a figure shows in words and as a table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cxr import figures
from tests.figures.test_figures import DRAWN, HISTORY, ONE

HOSTILE = '<a href="http://a.b">x</a> %{x} $z$'


@pytest.mark.parametrize("name", DRAWN)
def test_every_figure_is_described_without_markup(name: str) -> None:
    text = figures.alt_text(DRAWN[name](theme="dark"))
    assert len(text) > 10
    assert not any(part in text for part in ("<b", "&#", "&amp;", "\n"))


@pytest.mark.parametrize("name", [name for name in DRAWN if name != "mean_film"])
def test_every_figure_but_a_picture_has_its_values_as_a_table(name: str) -> None:
    table = figures.values(DRAWN[name](theme="dark"))
    assert len(table)
    assert len(table.columns) >= 2
    assert figures.values(DRAWN["mean_film"](theme="dark")).empty


def test_the_table_has_the_points_under_the_names_of_the_axes():
    table = figures.values(figures.training_curves({ONE: HISTORY}, "auc"))
    assert list(table.columns) == ["series", "Epoch", "AUC"]
    assert table.loc[table["series"] == "validation", "AUC"].tolist() == [0.75, 0.9, 0.88]


def test_intervals_are_in_the_table():
    table = figures.values(DRAWN["reliability"](theme="dark"))
    assert {"low", "high"} <= set(table.columns)
    assert (table["low"] <= table["Films with the finding"] + 1e-9).all()
    assert (table["high"] >= table["Films with the finding"] - 1e-9).all()


def test_texts_of_files_are_as_they_were():
    rate = pd.DataFrame({"epoch": [1, 2], "learning_rate": [1e-3, 1e-4]})
    figure = figures.learning_rate({HOSTILE: rate})
    assert set(figures.values(figure)["series"]) == {HOSTILE}
    assert HOSTILE in figures.alt_text(figure)


def test_a_matrix_is_a_row_for_each_cell():
    figure = DRAWN["confusion_matrix"](theme="dark")
    assert len(figures.values(figure)) >= 4


def test_a_chart_without_a_title_is_a_chart():
    assert figures.alt_text(figures.mean_film(np.zeros((4, 4)), "")) == "A chart"
