"""Figures at a threshold: the confusion matrix, the scores around it, subtypes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from ..evidence.evaluation import Confusion
from ..stats.intervals import Array, paired
from ..stats.wording import count, interval, percent
from .theme import (
    SCORE_AXIS,
    SHARE_AXIS,
    class_fill,
    colours,
    empty,
    hovered_interval,
    need_columns,
    plain_texts,
)

__all__ = ["class_bar", "confusion_matrix", "count_axis", "score_histogram", "subtypes"]

BINS = 40


@plain_texts
def confusion_matrix(
    counts: Confusion,
    classes: Sequence[str],
    *,
    threshold: float | None = None,
    split: str = "",
    theme: str = "dark",
) -> go.Figure:
    """Draw the confusion matrix: one row per label, with the share of the row in each cell.

    Parameters
    ----------
    counts : Confusion
    classes : sequence of two str
        Negative class first.
    threshold : float, optional
        Named in the title and on the columns.
    split : str
        Named in the title.
    theme : {"dark", "light"}

    Returns
    -------
    plotly.graph_objects.Figure
        The trace "cells" holds one invisible marker per cell, which hover and selection
        find; its customdata is ``[code, name, sentence]``, code one of tn, fp, fn, tp.
        (A heatmap cannot be selected in Streamlit.)
    """
    negative, positive = _two(classes)
    look = colours(theme)
    films = count(counts.n, " ".join(filter(None, [split, "film"])))
    fall = "falls" if counts.n == 1 else "fall"
    at = "" if threshold is None else f" at {threshold:.3f}"
    columns = ("negative", "positive")
    if threshold is not None:
        columns = (f"below {threshold:.3f}", f"{threshold:.3f} or above")
    codes = (("tn", "fp"), ("fn", "tp"))
    names = (("true negative", "false positive"), ("false negative", "true positive"))
    rates = (counts.specificity, counts.sensitivity)
    shares = [
        [float("nan")] * 2 if rate is None else ([rate, 1 - rate] if row == 0 else [1 - rate, rate])
        for row, rate in enumerate(rates)
    ]
    figure = empty(theme, f"Where the {films} {fall}{at}", height=360)
    figure.add_heatmap(
        x=[0, 1], y=[0, 1], z=shares, zmin=0, zmax=1, xgap=4, ygap=4, showscale=False,
        colorscale=[[0, look.scale[0]], [1, look.scale[1]]], hoverinfo="skip",
    )  # fmt: skip
    cells = []
    for row, label in enumerate((negative, positive)):
        total = sum(counts.matrix[row])
        for column, call in enumerate(columns):
            number, name = counts.matrix[row][column], names[row][column]
            share = f"{percent(shares[row][column])} of row" if total else "no films"
            sentence = f"{number:,} of {count(total, f'{label} film')}: {call}"
            cells.append((column, row, codes[row][column], name, sentence))
            for text, size, shift in ((f"{number:,}", 34, 14), (share, 14, -18), (name, 12, -38)):
                figure.add_annotation(
                    x=column, y=row, text=text, showarrow=False, yshift=shift,
                    font={"size": size, "color": look.text},
                )  # fmt: skip
    figure.add_scatter(
        x=[c[0] for c in cells], y=[c[1] for c in cells], customdata=[c[2:] for c in cells],
        mode="markers", name="cells", showlegend=False,
        marker={"size": 104, "symbol": "square-open", "color": look.text, "opacity": 0,
                "line": {"width": 2}},
        selected={"marker": {"opacity": 0.9}}, unselected={"marker": {"opacity": 0}},
        hovertemplate="<b>%{customdata[1]}</b><br>%{customdata[2]}<extra></extra>",
    )  # fmt: skip
    plain = {"showgrid": False, "showline": False, "ticks": "", "tickmode": "array",
             "tickvals": [0, 1], "fixedrange": True}  # fmt: skip
    figure.update_xaxes(**plain, ticktext=columns, range=[-0.5, 1.5], title_text="Score")
    figure.update_yaxes(**plain, ticktext=[negative, positive], range=[1.5, -0.5])
    # Anywhere in a cell finds its marker, not only near the middle.
    return figure.update_layout(hoverdistance=400, clickmode="event+select", dragmode=False)


@plain_texts
def score_histogram(
    scores: ArrayLike,
    labels: ArrayLike,
    classes: Sequence[str],
    threshold: float,
    near: tuple[float, float],
    *,
    paths: Sequence[str] | None = None,
    theme: str = "dark",
) -> go.Figure:
    """Draw the distribution of scores: the finding upwards, normal downwards.

    Parameters
    ----------
    scores, labels : array_like, shape (n,)
        Scores within 0 to 1 and labels 0 or 1.
    classes : sequence of two str
        Negative class first.
    threshold : float
        Drawn as a line, with the zone `near` shaded.
    near : tuple of float
        (low, high).
    paths : sequence of str, optional
        The films' names: adds a tick for each film, named on hover, with its path as
        customdata.
    theme : {"dark", "light"}
    """
    s, y = paired(scores, labels)
    look = colours(theme)
    figure = empty(theme, f"Scores of {count(s.size)} around {threshold:.3f}", height=400)
    tallest = 1
    for label, name in reversed(list(enumerate(_two(classes)))):
        tallest = max(tallest, class_bar(figure, s[y == label], label, name, theme))
        if paths is not None:
            figure.add_scatter(
                x=s[y == label], y=np.full(int((y == label).sum()), label), yaxis="y2",
                mode="markers", showlegend=False, name=f"films, {name}",
                marker={"symbol": "line-ns-open", "size": 9, "color": look.classes[label]},
                customdata=np.asarray(paths)[y == label],
                hovertemplate=f"<b>%{{customdata}}</b><br>{name}, score %{{x:.3f}}<extra></extra>",
            )  # fmt: skip
    figure.add_vrect(*near, fillcolor=look.accent_wash, line_width=0, layer="below")
    figure.add_vline(threshold, line={"color": look.accent, "width": 2})
    figure.add_annotation(
        x=threshold, y=1, yref="paper", yanchor="bottom", showarrow=False,
        # Kept inside the figure where the threshold is near an end.
        xanchor="left" if threshold < 0.25 else "right" if threshold > 0.75 else "center",
        text=f"threshold {threshold:.3f}, near {interval(near)}",
        font={"color": look.accent, "size": 12},
    )  # fmt: skip
    count_axis(figure, tallest, theme)
    if paths is not None:
        figure.update_layout(
            yaxis_domain=[0.14, 1],
            yaxis2={"domain": [0, 0.1], "range": [-0.8, 1.8], "visible": False},
        )
        figure.update_xaxes(anchor="y2")
    return figure


def class_bar(figure: go.Figure, s: Array, label: int, name: str, theme: str) -> int:
    """Add the bars of one class: the finding (1) upwards, normal (0) downwards; return the tallest.

    Parameters
    ----------
    figure : plotly.graph_objects.Figure
    s : numpy.ndarray
        The class's scores, shape (n,).
    label : int
    name : str
        Of the class.
    theme : {"dark", "light"}
    """
    edges = np.linspace(0, 1, BINS + 1)
    films, _ = np.histogram(s, edges)
    figure.add_bar(
        x=(edges[:-1] + edges[1:]) / 2, y=films * (1 if label else -1), width=1 / BINS,
        name=f"{name}, {'upwards' if label else 'downwards'}",
        marker=class_fill(label, theme),
        customdata=np.column_stack([films, edges[:-1], edges[1:]]),
        hovertemplate=f"<b>{name}</b><br>%{{customdata[0]:,d}} films score "
        f"{hovered_interval(1, 2, '.3f')}<extra></extra>",
    )  # fmt: skip
    return int(films.max())


def count_axis(figure: go.Figure, tallest: int, theme: str) -> None:
    """Set the axes of `class_bar`: films count upwards and downwards."""
    step = _step(tallest)
    ticks = np.arange(-(tallest // step) - 1, tallest // step + 2) * step
    figure.update_layout(barmode="relative", bargap=0, margin_t=66)
    figure.update_xaxes(**SCORE_AXIS)
    figure.update_yaxes(
        title_text="Films", tickvals=ticks, ticktext=[f"{abs(t):,}" for t in ticks], zeroline=True,
        zerolinecolor=colours(theme).muted,
    )  # fmt: skip


@plain_texts
def subtypes(table: pd.DataFrame, *, theme: str = "dark") -> go.Figure:
    """Draw the share of films positive at the threshold of each subtype, from `by_subtype`.

    Findings are filled circles, normal an open square: there a positive is a false alarm.
    """
    need_columns(table, ["label", "subtype", "n", "called_positive", "rate", "low", "high"])
    look = colours(theme)
    known = table[table["rate"].notna()]
    positives = known[known["label"] != "normal"].sort_values("rate")
    title = "Positive at the threshold, by subtype"
    if not positives.empty:
        least = positives.iloc[0]
        title = f"Found least often: {least['subtype']}, {percent(least['rate'])}"
    height = 150 + 44 * len(table)
    figure = empty(theme, title, "Share positive at the threshold, 95 % intervals", height=height)
    for normal in (False, True):
        rows = known[(known["label"] == "normal") == normal]
        if rows.empty:
            continue
        figure.add_scatter(
            x=rows["rate"], y=_row_names(rows), mode="markers",
            name="normal: false alarms" if normal else "with the finding: found",
            marker={"symbol": "square-open" if normal else "circle", "size": 11,
                    "color": look.text, "line": {"width": 2}},
            error_x={"array": rows["high"] - rows["rate"], "arrayminus": rows["rate"] - rows["low"],
                     "thickness": 1.5, "width": 4, "color": look.muted},
            customdata=rows[["called_positive", "n", "low", "high"]].to_numpy(),
            hovertemplate="<b>%{y}</b><br>%{customdata[0]:,d} of %{customdata[1]:,d} "
            f"positive<br>%{{x:.1%}} ({hovered_interval(2, 3)})<extra></extra>",
        )  # fmt: skip
    for name in _row_names(table[table["rate"].isna()]):
        figure.add_annotation(
            x=0.5, y=name, text="too few films for a rate", showarrow=False, font_color=look.muted
        )
    figure.update_xaxes(**SHARE_AXIS, title_text="Positive at the threshold")
    order = _row_names(table)[::-1]
    return figure.update_yaxes(
        type="category", categoryorder="array", categoryarray=order, range=[-0.6, len(order) - 0.4]
    )


def _row_names(table: pd.DataFrame) -> list[str]:
    return [f"{s}, {count(n)}" for s, n in zip(table["subtype"], table["n"], strict=True)]


def _two(classes: Sequence[str]) -> tuple[str, str]:
    if len(classes) != 2:
        raise ValueError(f"Expected two classes, negative first. Received: {list(classes)}")
    return classes[0], classes[1]


def _step(tallest: int) -> int:
    """Return a round step that gives at most about four ticks to one side."""
    for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000):
        if tallest / step <= 4:
            return step
    return int(10 ** (len(str(tallest)) - 1))
