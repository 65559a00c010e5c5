"""Figures of the log of readings: use, refusals, agreement, drift."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from ..monitoring.drift import CUTS, VALIDATION, Drift, Spread
from ..stats.wording import count, percent
from .theme import (
    SCORE_AXIS,
    SHARE_AXIS,
    colours,
    empty,
    hovered_interval,
    model_colour,
    need_columns,
    plain_texts,
    share_ticks,
)

__all__ = ["agreement_by_week", "drift_bars", "refusal_shares", "score_spread", "use_by_day"]

DAY = pd.Timedelta(days=1)
# Fewer days than this would make one bar as wide as the page.
LEAST_DAYS = 14
# As many are named below a figure.
MOST_WEEKS = 9
# The mark of each kind of call and its day of the week, so that none hides another.
MARKS = {"before": ("circle", 2), "after": ("square-open", 4)}
CUT_NAMES = ("some", "much")
# Much is much: a longer bar runs out of the figure, so that the cuts can be told apart.
LONGEST_BAR = 1.0


@plain_texts
def use_by_day(use: pd.DataFrame, films: int, *, theme: str = "dark") -> go.Figure:
    """Draw films read each day, stacked by model.

    Parameters
    ----------
    use : pandas.DataFrame
        As `cxr.monitoring.measures.use` returns it: a film that two models read counts for both.
    films : int
        How many there are in all (`cxr.monitoring.measures.films_read`).
    theme : {"dark", "light"}
    """
    need_columns(use, ["day", "model", "films", "refused", "called", "lists"])
    several = "" if use["films"].sum() == films else ", once in each"
    figure = empty(theme, f"{count(films)} read", f"By day (UTC) and model{several}")
    for model, rows in use.groupby("model"):
        figure.add_bar(
            x=rows["day"], y=rows["films"], name=str(model), showlegend=True,
            width=0.8 * DAY / pd.Timedelta(milliseconds=1),
            marker={"color": model_colour(str(model)), "line_width": 0},
            customdata=rows[["refused", "called", "lists"]].to_numpy(),
            hovertemplate=f"<b>{model}</b>, %{{x|%d %b %Y}}<br>%{{y:,d}} films in "
            "%{customdata[2]:,d} lists<br>%{customdata[0]:,d} refused, %{customdata[1]:,d} called "
            "by their reader<extra></extra>",
        )  # fmt: skip
    first, last = use["day"].min(), use["day"].max()
    first = min(first, last - (LEAST_DAYS - 1) * DAY)
    figure.update_layout(barmode="stack")
    figure.update_xaxes(type="date", range=[first - DAY / 2, last + DAY / 2], tickformat="%d %b")
    return figure.update_yaxes(title_text="Films", tickformat=",d", rangemode="tozero")


@plain_texts
def refusal_shares(refusals: pd.DataFrame, *, theme: str = "dark") -> go.Figure:
    """Draw the share of films refused by code with its interval.

    From `cxr.monitoring.measures.refusals`.

    A code whose refusals were overridden, at least one of them, says how many.
    """
    need_columns(refusals, ["code", "films", "n", "share", "low", "high", "overridden"])
    look = colours(theme)
    total, n = refusals["films"].sum(), refusals["n"].iloc[0]
    height = 150 + 40 * len(refusals)
    figure = empty(theme, f"{total:,} of {count(n)} refused", "95 % intervals", height=height)
    refused = zip(refusals["code"], refusals["films"], refusals["overridden"], strict=True)
    names = [_code(*one) for one in refused]
    share = refusals["share"]
    figure.add_scatter(
        x=share, y=names, mode="markers", name="refused", showlegend=False,
        marker={"symbol": "circle", "size": 11, "color": look.text},
        error_x={"array": refusals["high"] - share, "arrayminus": share - refusals["low"],
                 "symmetric": False, "thickness": 1.5, "width": 4, "color": look.muted},
        customdata=refusals[["films", "n", "low", "high"]].to_numpy(),
        hovertemplate="<b>%{y}</b><br>%{customdata[0]:,d} of %{customdata[1]:,d} films<br>%{x:.1%} "
        f"({hovered_interval(2, 3)})<extra></extra>",
    )  # fmt: skip
    top = min(1.0, 1.1 * float(refusals["high"].max()))
    figure.update_xaxes(range=[0, top], title_text="Share of films", **share_ticks(top))
    return figure.update_yaxes(
        type="category", categoryorder="array", categoryarray=names[::-1],
        range=[-0.6, len(names) - 0.4],
    )  # fmt: skip


def _code(code: str, films: int, overridden: int) -> str:
    more = f", {overridden:,} scored all the same" if overridden else ""
    return f"{code.replace('_', ' ')}, n = {films:,}{more}"


@plain_texts
def agreement_by_week(weeks: pd.DataFrame, *, theme: str = "dark") -> go.Figure:
    """Draw how often readers and the operating point agree, from `cxr.monitoring.measures.by_week`.

    Calls made before the score was shown are filled circles, those made after it open squares.
    ValueError where no week has a call to count.
    """
    need_columns(weeks, ["week", "called", "n", "agreed", "rate", "low", "high", "note"])
    known = weeks[weeks["n"] > 0]
    if known.empty:
        raise ValueError("Expected a week with a call. Received: none")
    look = colours(theme)
    figure = empty(theme, "Agreement by week", "95 % intervals", height=340)
    for called, (symbol, day) in MARKS.items():
        rows = known[known["called"] == called]
        if rows.empty:
            continue
        figure.add_scatter(
            x=rows["week"] + day * DAY, y=rows["rate"], mode="markers", showlegend=True,
            name=f"{called} the score was shown",
            marker={"symbol": symbol, "size": 10, "color": look.text, "line": {"width": 2}},
            error_y={"array": rows["high"] - rows["rate"], "arrayminus": rows["rate"] - rows["low"],
                     "symmetric": False, "thickness": 1.5, "width": 4, "color": look.muted},
            customdata=np.column_stack([
                rows["week"].dt.strftime("%d %b %Y"), rows[["agreed", "n", "low", "high"]],
                [f", {note}" if note else "" for note in rows["note"]],
            ]),
            hovertemplate=f"<b>Called {called} the score was shown</b><br>week of "
            f"%{{customdata[0]}}<br>%{{y:.1%}} ({hovered_interval(3, 4)})<br>"
            "%{customdata[1]} of %{customdata[2]} films%{customdata[5]}<extra></extra>",
        )  # fmt: skip
    _weeks_axis(figure, known["week"])
    return figure.update_yaxes(**SHARE_AXIS, title_text="Agreement")


@plain_texts
def shares_by_week(weeks: pd.DataFrame, expected: float, *, theme: str = "dark") -> go.Figure:
    """Draw week by week the share of films above a site's operating point, over what it expects.

    Parameters
    ----------
    weeks : pandas.DataFrame
        As `cxr.monitoring.site_watch.shares_by_week` returns it, not empty.
    expected : float
        Share above the point among the site's own films, in [0, 1].
    theme : {"dark", "light"}
    """
    need_columns(weeks, ["week", "n", "above", "share", "low", "high", "note"])
    look = colours(theme)
    figure = empty(theme, "Above the site's point by week", "95 % intervals", height=340)
    figure.add_scatter(
        x=weeks["week"] + 3 * DAY, y=weeks["share"], mode="markers", name="logged", showlegend=True,
        marker={"size": 10, "color": look.text},
        error_y={"array": weeks["high"] - weeks["share"],
                 "arrayminus": weeks["share"] - weeks["low"], "symmetric": False,
                 "thickness": 1.5, "width": 4, "color": look.muted},
        customdata=np.column_stack([
            weeks["week"].dt.strftime("%d %b %Y"), weeks[["above", "n", "low", "high"]],
            [f", {note}" if note else "" for note in weeks["note"]],
        ]),
        hovertemplate=f"week of %{{customdata[0]}}<br>%{{y:.1%}} ({hovered_interval(3, 4)})<br>"
        "%{customdata[1]} of %{customdata[2]} films%{customdata[5]}<extra></extra>",
    )  # fmt: skip
    figure.add_hline(expected, line={"color": look.accent, "width": 2, "dash": "dash"})
    figure.add_annotation(
        x=1, xref="paper", y=expected, yanchor="bottom", xanchor="right", showarrow=False,
        text=f"expected {percent(expected, 0)}", font={"color": look.accent, "size": 12},
    )  # fmt: skip
    _weeks_axis(figure, weeks["week"])
    return figure.update_yaxes(**SHARE_AXIS, title_text="Share of films")


def _weeks_axis(figure: go.Figure, weeks: pd.Series) -> None:
    """Name whole weeks in the middle of each: few of them would be named by the hour."""
    named = pd.date_range(weeks.min(), weeks.max(), freq="7D")
    named = named[:: -(-len(named) // MOST_WEEKS)]
    figure.update_xaxes(
        type="date",
        tickvals=named + 3 * DAY,
        ticktext=[week.strftime("%d %b") for week in named],
        range=[weeks.min(), weeks.max() + 6 * DAY],
        title_text="Week of",
    )


@plain_texts
def drift_bars(drifts: Sequence[Drift], *, theme: str = "dark") -> go.Figure:
    """Draw the drift of each quantity, with the customary limits and what chance alone would give.

    A bar beyond chance is filled, another is an outline; the row's name has its value, since bars
    longer than 1 are cut. Where there is no value, the row says why.
    """
    if not drifts:
        raise ValueError("Expected at least one quantity. Received: none")
    look = colours(theme)
    names = [_quantity(drift) for drift in drifts]
    known = [
        (name, drift) for name, drift in zip(names, drifts, strict=True) if drift.psi is not None
    ]
    many = sum(drift.beyond_chance for _, drift in known)
    title = f"{many} of {len(known)} beyond chance" if known else "Drift is not known"
    against = drifts[0].against
    figure = empty(theme, title, f"Logged against {against}", height=150 + 40 * len(names))
    for filled, what in ((True, "beyond chance"), (False, "no more than by chance")):
        rows = [row for row in known if row[1].beyond_chance == filled]
        if not rows:
            continue
        figure.add_bar(
            x=[drift.psi for _, drift in rows], y=[name for name, _ in rows], orientation="h",
            name=what, showlegend=True, width=0.55,
            marker={"color": look.text if filled else "rgba(0, 0, 0, 0)",
                    "line": {"width": 1.5, "color": look.text}},
            customdata=[[drift.chance, drift.n_validation, drift.n_logged, drift.note]
                        for _, drift in rows],
            hovertemplate="<b>%{y}</b>, %{customdata[3]}<br>PSI %{x:.3f}, by chance up to "
            "%{customdata[0]:.3f}<br>%{customdata[2]:,d} logged and %{customdata[1]:,d} "
            f"{against}<extra></extra>",
        )  # fmt: skip
    if known:
        figure.add_scatter(
            x=[drift.chance for _, drift in known], y=[name for name, _ in known], mode="markers",
            name="95 % of what chance gives", showlegend=True, hoverinfo="skip",
            marker={"symbol": "line-ns-open", "size": 24, "color": look.muted,
                    "line": {"width": 2.5}},
        )  # fmt: skip
    longest = 1.15 * max(CUTS[1], *(max(drift.psi or 0, drift.chance or 0) for drift in drifts))
    longest = min(longest, LONGEST_BAR)
    for cut, word, side in zip(CUTS, CUT_NAMES, ("right", "left"), strict=True):
        figure.add_vline(cut, line={"color": look.accent, "width": 1.5, "dash": "dash"})
        figure.add_annotation(
            x=cut, y=1, yref="paper", yanchor="bottom", showarrow=False, text=f"{cut:g} {word}",
            xanchor=side, font={"color": look.accent, "size": 12},
        )  # fmt: skip
    for name, drift in zip(names, drifts, strict=True):
        if drift.psi is None:
            figure.add_annotation(
                x=longest / 2, y=name, text=drift.text, showarrow=False, font_color=look.muted
            )
    figure.update_layout(margin_t=86)
    figure.update_xaxes(range=[0, longest], title_text="Population stability index (PSI)")
    return figure.update_yaxes(
        type="category", categoryorder="array", categoryarray=names[::-1],
        range=[-0.6, len(names) - 0.4],
    )  # fmt: skip


def _quantity(drift: Drift) -> str:
    value = "" if drift.psi is None else f" {drift.psi:.2f}"
    return f"{drift.name}{value}, n = {drift.n_logged:,}"


@plain_texts
def score_spread(
    spread: Spread, threshold: float | None = None, *, theme: str = "dark"
) -> go.Figure:
    """Draw the distribution of the logged scores, as a line over the bars of validation.

    Parameters
    ----------
    spread : Spread
    threshold : float, optional
        Of the operating point, drawn as a line.
    theme : {"dark", "light"}
    """
    look = colours(theme)
    figure = empty(theme, f"Scores of {count(spread.n_logged)}", "Share of films", height=360)
    edges, before = spread.edges, "validation" if spread.against == VALIDATION else "the site"
    limits = np.column_stack([edges[:-1], edges[1:]])
    score = f"score {hovered_interval(0, 1, '.2f')}<extra></extra>"
    figure.add_bar(
        x=limits.mean(axis=1), y=spread.validation, width=np.diff(edges),
        name=f"{before}, {count(spread.n_validation)}", showlegend=True,
        marker={"color": look.classes[0], "line_width": 0}, customdata=limits,
        hovertemplate=f"<b>{before}</b><br>%{{y:.1%}} of films, {score}",
    )  # fmt: skip
    figure.add_scatter(
        # The last share once more, so that its step reaches the end.
        x=edges, y=np.append(spread.logged, spread.logged[-1]), mode="lines",
        name=f"logged, {count(spread.n_logged)}", showlegend=True,
        line={"color": look.text, "width": 2, "shape": "hv"},
        customdata=np.vstack([limits, limits[-1]]),
        hovertemplate="<b>logged</b><br>%{y:.1%} of films, " + score,
    )  # fmt: skip
    if threshold is not None:
        figure.add_vline(threshold, line={"color": look.accent, "width": 2})
        figure.add_annotation(
            x=threshold, y=1, yref="paper", yanchor="bottom", showarrow=False,
            xanchor="left" if threshold < 0.25 else "right" if threshold > 0.75 else "center",
            text=f"threshold {threshold:.3f}", font={"color": look.accent, "size": 12},
        )  # fmt: skip
    figure.update_layout(bargap=0, margin_t=86)
    figure.update_xaxes(**SCORE_AXIS)
    top = max(spread.validation.max(), spread.logged.max())
    return figure.update_yaxes(title_text="Share of films", rangemode="tozero", **share_ticks(top))
