"""Text of files in figures: Plotly takes texts for HTML with links, and more."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

from cxr import figures
from cxr.figures.theme import verbatim

HOSTILE = '<a href="http://a.b">x</a> <b>y</b> %{x} $z$ &lt;'
SAFE = verbatim(HOSTILE)


def films(split: str = "test") -> pd.DataFrame:
    return pd.DataFrame({
        "path": [HOSTILE] * 4, "label": ["normal", HOSTILE] * 2, "split": [split] * 4,
        "patient": [HOSTILE] * 4, "subtype": [HOSTILE] * 4, "width": [8, 9, 8, 9], "height": 8,
    })  # fmt: skip


BALANCE = pd.DataFrame({
    "split": [HOSTILE, "test"], "label": [HOSTILE, "normal"], "films": [1, 2], "patients": [1, 1],
    "share": [1.0, 1.0],
})  # fmt: skip
SUBTYPES = pd.DataFrame({
    "label": [HOSTILE], "subtype": [HOSTILE], "n": [4], "called_positive": [2], "rate": [0.5],
    "low": [0.1], "high": [0.9],
})  # fmt: skip
HISTORY = pd.DataFrame({
    "epoch": [1, 2], "auc": [0.5, 0.6], "val_auc": [0.5, 0.6], "loss": [1.0, 0.9],
    "val_loss": [1.0, 0.9], "accuracy": [0.5, 0.6], "val_accuracy": [0.5, 0.6],
    "learning_rate": [1e-3, 1e-3], "auc_gap": [0.0, 0.0],
})  # fmt: skip
USE = pd.DataFrame({
    "day": [pd.Timestamp("2026-01-01")], "model": [HOSTILE], "films": [1], "refused": [0],
    "called": [0], "lists": [1],
})  # fmt: skip
SCORES, LABELS = np.array([0.1, 0.9]), np.array([0, 1])


def strings(value: object) -> Iterator[str]:
    """All texts of a figure."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for part in [*value, *(value.values() if isinstance(value, dict) else ())]:
            yield from strings(part)


@pytest.mark.parametrize(
    "figure",
    [
        lambda: figures.class_balance_bars(BALANCE),
        lambda: figures.class_balance_pie(BALANCE, HOSTILE),
        lambda: figures.film_sizes(films()),
        lambda: figures.mean_film(np.zeros((4, 4)), HOSTILE),
        lambda: figures.subtypes(SUBTYPES),
        lambda: figures.training_curves({HOSTILE: HISTORY}, "auc"),
        lambda: figures.learning_rate({HOSTILE: HISTORY}),
        lambda: figures.gap({HOSTILE: HISTORY}),
        lambda: figures.use_by_day(USE, 1),
        lambda: figures.score_histogram(
            SCORES, LABELS, ("normal", HOSTILE), 0.5, (0.4, 0.6), paths=[HOSTILE] * 2
        ),
    ],
)
def test_a_text_of_a_file_is_no_markup(figure):
    texts = list(strings(json.loads(figure().to_json())))
    assert any(SAFE in text for text in texts)
    for part in ("<a ", "</a>", "<b>y", "%{x} $z$", "$z$"):
        assert not [text for text in texts if part in text]


def test_what_plotly_would_take_for_something_is_written_otherwise():
    assert verbatim("<b> %{x} $y$ & \u202e") == "&lt;b&gt; %&#123;x} &#36;y&#36; &amp; \\u202e"
    assert verbatim("pneumonia ≥ 0.5, 95 %") == "pneumonia ≥ 0.5, 95 %"
