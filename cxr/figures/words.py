"""What a figure shows, for those who do not see it: in words, and as a table."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import unescape
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

__all__ = ["alt_text", "values"]

#: A picture has a value for each of its pixels: no table for a reader.
MOST_CELLS = 400


def alt_text(figure: go.Figure) -> str:
    """Describe a figure in words: its title, its axes and what is drawn.

    Parameters
    ----------
    figure : plotly.graph_objects.Figure
        Of this package.

    Returns
    -------
    str
        One line of text without markup; never empty.
    """
    layout = figure.layout
    parts = [_text(layout.title.text), _text(layout.title.subtitle.text)]
    axes = [_text(layout.xaxis.title.text), _text(layout.yaxis.title.text)]
    if all(axes):
        parts.append(f"{axes[1]} against {axes[0]}")
    names = dict.fromkeys(_text(trace.name) for trace in figure.data if trace.hoverinfo != "skip")
    parts.append(", ".join(filter(None, names)))
    return ". ".join(part.rstrip(".") for part in parts if part) or "A chart"


def values(figure: go.Figure) -> pd.DataFrame:
    """Return what a figure draws as a table.

    Parameters
    ----------
    figure : plotly.graph_objects.Figure
        Of this package.

    Returns
    -------
    pandas.DataFrame
        One row per point, bar, slice or cell; the columns are called as the axes are, with the name
        of what is drawn first and the ends of intervals last, where there are any. Empty for a
        picture.
    """
    rows = [row for trace in figure.data for row in _rows(trace, figure.layout)]
    table = pd.DataFrame(rows)
    return table.dropna(axis="columns", how="all") if rows else table


def _rows(trace: Any, layout: go.Layout) -> Iterable[dict[str, Any]]:
    if trace.hoverinfo == "skip":
        return []
    name = _text(trace.name) or None
    x = _text(layout.xaxis.title.text) or "x"
    y = _text(layout.yaxis.title.text) or "y"
    if trace.type == "pie":
        return [
            {"series": label, "films": value}
            for label, value in zip(map(_text, trace.labels), trace.values, strict=True)
        ]
    if trace.type == "heatmap":
        return _cells(trace, x, y)
    if trace.x is None or trace.y is None:
        return []
    low, high = _ends(trace)
    points = zip(trace.x, trace.y, low, high, strict=True)
    return [
        {"series": name, x: _value(a), y: _value(b), "low": below, "high": above}
        for a, b, below, above in points
    ]


def _cells(trace: Any, x: str, y: str) -> Iterable[dict[str, Any]]:
    cells = np.asarray(trace.z)
    if trace.x is None or trace.y is None or cells.size > MOST_CELLS:
        return []
    return [
        {y: _value(down), x: _value(across), "value": _value(cells[i, j])}
        for i, down in enumerate(trace.y)
        for j, across in enumerate(trace.x)
    ]


def _ends(trace: Any) -> tuple[Iterable[Any], Iterable[Any]]:
    """Return the ends of the intervals of a trace's points; None where it has none."""
    for bar, middle in ((trace.error_y, trace.y), (trace.error_x, trace.x)):
        if bar is not None and bar.array is not None:
            at = np.asarray(middle, dtype=float)
            below = bar.array if bar.arrayminus is None else bar.arrayminus
            return at - np.asarray(below, float), at + np.asarray(bar.array, float)
    none = [None] * len(trace.x)
    return none, none


def _text(text: object) -> str:
    """Return a text of a figure as it is read: without breaks, bold and codes."""
    return unescape(re.sub(r"<br>|</?b>", " ", str(text or ""))).strip()


def _value(value: Any) -> Any:
    return _text(value) if isinstance(value, str) else value
