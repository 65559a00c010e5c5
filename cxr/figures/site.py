"""Figures of a site's own films: scores against validation's, subgroups, costs, band, waiting."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from ..stats.band import Band
from ..stats.intervals import paired
from ..stats.waiting import Waiting
from ..stats.wording import count, percent
from .calls import class_bar, count_axis
from .theme import (
    SCORE_AXIS,
    SHARE_AXIS,
    colours,
    empty,
    hovered_interval,
    need_columns,
    plain_texts,
    share_ticks,
)

__all__ = ["band_of_scores", "class_scores", "programme", "subgroup_rates", "waiting_times"]

BINS = 20
#: Words for what `programme` draws, in its order, with the dash of each line.
_COUNTED = {
    "sent_on": ("sent on", "solid"),
    "found": ("found", "dash"),
    "missed": ("missed", "dot"),
    "needless": ("needless tests", "dashdot"),
}


@plain_texts
def class_scores(
    site: tuple[ArrayLike, ArrayLike],
    own: tuple[ArrayLike, ArrayLike],
    classes: tuple[str, str],
    threshold: float,
    *,
    theme: str = "dark",
) -> go.Figure:
    """Draw the scores of a site's films over those of the model's validation films, by class.

    Parameters
    ----------
    site, own : tuple of array_like
        Scores in [0, 1] and labels 0 or 1, shape (n,) each; those of `own` may be empty.
    classes : tuple of str
        Negative class first.
    threshold : float
        Drawn as a line.
    theme : {"dark", "light"}
    """
    look = colours(theme)
    s, y = paired(*site)
    figure = empty(theme, f"Scores of {count(s.size)} and of validation", "Share of a class")
    edges = np.linspace(0, 1, BINS + 1)
    limits = np.column_stack([edges[:-1], edges[1:]])
    score = f"score {hovered_interval(0, 1, '.2f')}<extra></extra>"
    before, truth = np.asarray(own[0], np.float64), np.asarray(own[1])
    top = 0.0
    for place, scores, labels, dash, width in (
        ("validation", before, truth, "dot", 1.5),
        ("here", s, y, "solid", 2.5),
    ):
        for label, name in enumerate(classes):
            films = scores[labels == label]
            if not films.size:
                continue
            shares = np.histogram(films, edges)[0] / films.size
            top = max(top, shares.max())
            figure.add_scatter(
                x=edges, y=np.append(shares, shares[-1]), mode="lines",
                name=f"{name}, {place}, {count(films.size)}", showlegend=True,
                line={"color": look.text if label else look.muted, "width": width, "dash": dash,
                      "shape": "hv"},
                customdata=np.vstack([limits, limits[-1]]),
                hovertemplate=f"<b>{name}, {place}</b><br>%{{y:.1%}} of films, " + score,
            )  # fmt: skip
    _threshold(figure, threshold, look.accent, f"threshold {threshold:.3f}")
    figure.update_layout(margin_t=86)
    figure.update_xaxes(**SCORE_AXIS)
    return figure.update_yaxes(title_text="Share of films", rangemode="tozero", **share_ticks(top))


@plain_texts
def subgroup_rates(table: pd.DataFrame, *, theme: str = "dark") -> go.Figure:
    """Draw sensitivity and specificity by group, from `cxr.site.subgroups.subgroups`."""
    need_columns(table, ["by", "group", "n", "sensitivity", "specificity", "note"])
    look = colours(theme)
    names = [f"{r.by}: {r.group}, n = {r.n:,}" for r in table.itertuples()]
    height = 150 + 44 * len(names)
    figure = empty(theme, "By group", "95 % intervals", height=height)
    for rate, symbol, shift in (
        ("sensitivity", "circle", 0.14),
        ("specificity", "square-open", -0.14),
    ):
        known = table[rate].notna().to_numpy()
        rows = table[known]
        if rows.empty:
            continue
        films = rows["positives" if rate == "sensitivity" else "negatives"]
        figure.add_scatter(
            x=rows[rate], y=np.flatnonzero(known) * -1 + shift, mode="markers", name=rate,
            showlegend=True,
            marker={"symbol": symbol, "size": 10, "color": look.text, "line": {"width": 2}},
            error_x={"array": rows[f"{rate}_high"] - rows[rate],
                     "arrayminus": rows[rate] - rows[f"{rate}_low"], "symmetric": False,
                     "thickness": 1.5, "width": 4, "color": look.muted},
            customdata=np.column_stack([
                np.array(names, object)[known], rows[[f"{rate}_low", f"{rate}_high"]], films,
            ]),
            hovertemplate=f"<b>%{{customdata[0]}}</b><br>{rate} %{{x:.1%}} "
            f"({hovered_interval(1, 2)})<br>%{{customdata[3]:,d}} films<extra></extra>",
        )  # fmt: skip
    for row, (name, note) in enumerate(zip(names, table["note"], strict=True)):
        del name
        if note and table["sensitivity"].isna().iloc[row] and table["specificity"].isna().iloc[row]:
            figure.add_annotation(
                x=0.5, y=-row, text=f"{note} films", showarrow=False, font_color=look.muted
            )
    figure.update_xaxes(**SHARE_AXIS, title_text="Share of films on the right side")
    return figure.update_yaxes(
        tickvals=[-row for row in range(len(names))], ticktext=names,
        range=[-len(names) + 0.4, 0.6],
    )  # fmt: skip


@plain_texts
def programme(table: pd.DataFrame, threshold: float, *, theme: str = "dark") -> go.Figure:
    """Draw what comes of 1,000 people over all thresholds, from `cxr.site.costs.over_thresholds`.

    Parameters
    ----------
    table : pandas.DataFrame
    threshold : float
        Drawn as a line.
    theme : {"dark", "light"}
    """
    need_columns(table, ["threshold", *_COUNTED])
    look = colours(theme)
    figure = empty(theme, "Of 1,000 people", "By threshold", height=360)
    for column, (name, dash) in _COUNTED.items():
        main = column in ("sent_on", "missed")
        figure.add_scatter(
            x=table["threshold"], y=table[column], mode="lines", name=name, showlegend=True,
            line={"color": look.text if main else look.muted, "dash": dash, "width": 2},
            hovertemplate=f"<b>{name}</b><br>%{{y:.1f}} of 1,000 people<br>threshold %{{x:.3f}}"
            "<extra></extra>",
        )  # fmt: skip
    _threshold(figure, threshold, look.accent, f"threshold {threshold:.3f}")
    figure.update_layout(margin_t=86)
    figure.update_xaxes(**{**SCORE_AXIS, "title": {"text": "Threshold"}})
    return figure.update_yaxes(title_text="People", rangemode="tozero")


@plain_texts
def band_of_scores(
    scores: ArrayLike,
    labels: ArrayLike,
    classes: tuple[str, str],
    band: Band,
    *,
    theme: str = "dark",
) -> go.Figure:
    """Draw the scores of a site's films, and the band between which a person decides.

    Parameters
    ----------
    scores, labels : array_like
        Scores in [0, 1] and labels 0 or 1, shape (n,), as the band was found on.
    classes : tuple of str
        Negative class first.
    band : Band
    theme : {"dark", "light"}
    """
    look = colours(theme)
    s, y = paired(scores, labels)
    title = f"A person decides {percent(band.width)} of films"
    figure = empty(theme, title, f"{count(s.size)} of this site", height=380)
    tallest = max(
        class_bar(figure, s[y == label], label, name, theme)
        for label, name in reversed(list(enumerate(classes)))
    )
    low = band.below.threshold if band.below else 0.0
    high = band.above.threshold if band.above else 1.0
    figure.add_vrect(low, high, fillcolor=look.accent_wash, line_width=0, layer="below")
    for side, text, anchor in (
        (band.below, f"ruled out below {low:.3f}", "right" if low > 0.3 else "left"),
        (band.above, f"ruled in from {high:.3f}", "left" if high < 0.7 else "right"),
    ):
        if side:
            _threshold(figure, side.threshold, look.accent, text, anchor)
    count_axis(figure, tallest, theme)
    return figure.update_layout(margin_t=86)


@plain_texts
def waiting_times(waiting: Waiting, *, theme: str = "dark") -> go.Figure:
    """Draw mean waiting times in order of arrival and with flagged films first."""
    if waiting.arrival_order is None:
        raise ValueError("Expected readers who keep up. Received: a queue that grows without end")
    look = colours(theme)
    figure = empty(theme, "Minutes until a film is read", "On average", height=300)
    films = ["positive films", "negative films"]
    for name, minutes, symbol in (
        ("in order of arrival", [waiting.arrival_order] * 2, "square-open"),
        ("flagged films first", [waiting.positives, waiting.negatives], "circle"),
    ):
        figure.add_scatter(
            x=minutes, y=films, mode="markers", name=name, showlegend=True,
            marker={"symbol": symbol, "size": 13, "color": look.text, "line": {"width": 2}},
            hovertemplate=f"<b>%{{y}}</b>, {name}<br>%{{x:.1f}} minutes<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(title_text="Minutes", rangemode="tozero")
    return figure.update_yaxes(
        type="category", categoryorder="array", categoryarray=films[::-1], range=[-0.6, 1.6]
    )


def _threshold(
    figure: go.Figure, at: float, colour: str, text: str, anchor: str | None = None
) -> None:
    if anchor is None:
        anchor = "left" if at < 0.25 else "right" if at > 0.75 else "center"
    figure.add_vline(at, line={"color": colour, "width": 2})
    figure.add_annotation(
        x=at, y=1, yref="paper", yanchor="bottom", showarrow=False, xanchor=anchor, text=text,
        font={"color": colour, "size": 12},
    )  # fmt: skip
