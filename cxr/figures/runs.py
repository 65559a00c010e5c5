"""Figures of training runs, from their stored histories."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from ..evidence.evaluation import best_epoch
from ..stats.wording import count
from .theme import (
    SYMBOLS,
    Theme,
    colours,
    empty,
    model_colour,
    need_columns,
    need_some,
    plain_texts,
)

__all__ = ["gap", "learning_rate", "metric_span", "training_curves"]

METRICS = {"loss": "Loss", "accuracy": "Accuracy", "auc": "AUC"}
# Whole numbers: Plotly itself names 0.2 on such an axis "2".
LOSSES = [float(f"{factor}e{power}") for power in range(-6, 4) for factor in (1, 2, 5)]
LOG_TICKS = {"tickvals": LOSSES, "ticktext": [f"{loss:g}" for loss in LOSSES]}


@plain_texts
def training_curves(
    histories: Mapping[str, pd.DataFrame],
    metric: str,
    *,
    best: Mapping[str, int] | None = None,
    kept: Mapping[str, tuple[int, int]] | None = None,
    notes: Mapping[str, Sequence[str]] | None = None,
    span: tuple[float, float] | None = None,
    theme: str = "dark",
) -> go.Figure:
    """Draw a metric over the epochs: training dashed, validation solid, best epoch ringed.

    The axis of a loss is logarithmic.

    Parameters
    ----------
    histories : mapping of str to pandas.DataFrame
        Histories by model name.
    metric : {"loss", "accuracy", "auc"}
    best : mapping of str to int, optional
        The epoch to mark for each model; `cxr.evidence.evaluation.best_epoch` where not given.
    kept : mapping of str to tuple of int, optional
        The first and last of the epochs whose weights ship, by model name: they are shaded.
    notes : mapping of str to sequence of str, optional
        Lines that hover adds, such as the run's recipe, by model name.
    span : tuple of float, optional
        Ends of the axis, so that several figures can be compared: see `metric_span`.
    theme : {"dark", "light"}
    """
    need_some(histories, "history")
    if metric not in METRICS:
        raise ValueError(f"Expected a metric of {', '.join(METRICS)}. Received: {metric}")
    look = colours(theme)
    figure = empty(theme, "", height=360 + 40 * len(histories))
    values: list[float] = []
    epoch = 0
    for i, (name, history) in enumerate(histories.items()):
        need_columns(history, ["epoch", metric, f"val_{metric}"])
        for column, what, dash in (
            (metric, "training", "dash"),
            (f"val_{metric}", "validation", "solid"),
        ):
            if history[column].isna().all():
                continue  # else the legend names a line that is not there
            figure.add_scatter(
                x=history["epoch"], y=history[column], mode="lines+markers",
                name=what if len(histories) == 1 else f"{name}, {what}", legendgroup=name,
                showlegend=True,  # of the only line too: panels next to each other are as high
                line={"color": model_colour(name), "width": 2, "dash": dash},
                marker={"symbol": SYMBOLS[i % len(SYMBOLS)], "size": 5},
                hovertemplate=f"<b>{name}</b>, {what}<br>epoch %{{x}}<br>"
                f"{METRICS[metric]} %{{y:.4f}}{_hovered((notes or {}).get(name, ()))}"
                "<extra></extra>",
            )  # fmt: skip
        if kept and name in kept:
            _shade(figure, kept[name], look)
        if history[f"val_{metric}"].isna().all():
            continue  # nobody scored the validation films in that run: no epoch of it is the best
        epoch = (best or {}).get(name) or best_epoch(history)
        at_best = history.loc[history["epoch"] == epoch, f"val_{metric}"]
        if at_best.empty:
            raise ValueError(f"Expected an epoch of {name}'s history. Received: {epoch}")
        value = float(at_best.iloc[0])
        values.append(value)
        figure.add_scatter(
            x=[epoch], y=[value], mode="markers", name="best epoch", legendgroup="best epoch",
            showlegend=len(values) == 1,
            marker={"symbol": "circle-open", "size": 15, "color": look.text, "line": {"width": 2}},
            hovertemplate=f"<b>{name}</b>, best epoch %{{x}}<br>validation "
            f"{METRICS[metric]} %{{y:.4f}}<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(title_text="Epoch", **_epochs(histories))
    title = f"Validation {_small(metric)}"
    subtitle = "Validation was not scored"
    if values:
        title += f" {min(values):.3f}"
        subtitle = f"At the best epoch, {epoch}"
    if len(histories) > 1:
        title += f" to {max(values):.3f}" if len(values) > 1 else ""
        subtitle = f"{len(values)} runs, each at its best epoch"
    if 0 < len(values) < len(histories):
        subtitle = f"{len(values)} of {len(histories)} runs with validation, each at its best epoch"
    figure.update_layout(title={"text": title, "subtitle": {"text": subtitle}}, margin_t=66)
    axis = _metric_axis(metric, span)
    return figure.update_yaxes(title_text=METRICS[metric], **axis)


def metric_span(histories: Iterable[pd.DataFrame], metric: str) -> tuple[float, float] | None:
    """Return the least and most of a metric and its validation twin; None where there are none."""
    columns = (metric, f"val_{metric}")
    parts = [history[c].to_numpy(float) for history in histories for c in columns if c in history]
    values = np.concatenate(parts) if parts else np.empty(0)
    values = values[np.isfinite(values)]
    if metric == "loss":
        values = values[values > 0]  # the others are on no logarithmic axis
    return (float(values.min()), float(values.max())) if values.size else None


def _metric_axis(metric: str, span: tuple[float, float] | None) -> dict[str, object]:
    """Return the axis of a metric, with room around what is drawn."""
    axis: dict[str, object] = {"type": "log", **LOG_TICKS} if metric == "loss" else {}
    if span is None:
        return axis
    low, high = np.log10(span) if metric == "loss" else span
    room = max(0.05 * (high - low), 1e-3)
    return axis | {"range": [low - room, high + room]}


def _shade(figure: go.Figure, kept: tuple[int, int], look: Theme) -> None:
    """Shade the epochs whose weights ship."""
    first, last = kept
    figure.add_vrect(
        x0=first - 0.4, x1=last + 0.4, fillcolor=look.muted, opacity=0.18, line_width=0,
        layer="below", annotation={"text": "kept", "font": {"size": 11, "color": look.muted}},
        annotation_position="top left",
    )  # fmt: skip


def _hovered(lines: Sequence[str]) -> str:
    return "".join(f"<br>{line}" for line in lines)


@plain_texts
def learning_rate(histories: Mapping[str, pd.DataFrame], *, theme: str = "dark") -> go.Figure:
    """Draw the learning rate of each epoch, on a logarithmic axis, by model name."""
    need_some(histories, "history")
    figure = empty(theme, f"Learning rate of {count(len(histories), 'run')}", height=300)
    for i, (name, history) in enumerate(histories.items()):
        need_columns(history, ["epoch", "learning_rate"])
        rates = history["learning_rate"]
        figure.add_scatter(
            x=history["epoch"], y=rates, mode="lines+markers", name=name, showlegend=True,
            line={"color": model_colour(name), "width": 2},
            marker={"symbol": SYMBOLS[i % len(SYMBOLS)], "size": 6},
            hovertemplate=f"<b>{name}</b><br>epoch %{{x}}<br>learning rate %{{y:.2e}}"
            "<extra></extra>",
        )  # fmt: skip
        if len(histories) == 1:
            first, last = (f"{rate:.1e}".replace("e-0", "e-") for rate in rates.iloc[[0, -1]])
            figure.update_layout(title_text=f"Learning rate from {first} to {last}")
    figure.update_xaxes(title_text="Epoch", **_epochs(histories))
    return figure.update_yaxes(title_text="Learning rate", type="log", tickformat=".0e", dtick=1)


@plain_texts
def gap(gaps: Mapping[str, pd.DataFrame], metric: str = "auc", *, theme: str = "dark") -> go.Figure:
    """Draw how much worse validation is than training, from `generalisation_gap` tables.

    `metric` is "auc" or "loss"; above 0 validation is worse.
    """
    need_some(gaps, "gap table")
    if metric not in ("auc", "loss"):
        raise ValueError(f"Expected a metric of auc, loss. Received: {metric}")
    figure = empty(
        theme, f"Gap in {_small(metric)}, training to validation",
        "Above 0: validation is worse", height=320,
    )  # fmt: skip
    for i, (name, table) in enumerate(gaps.items()):
        need_columns(table, ["epoch", f"{metric}_gap"])
        if table[f"{metric}_gap"].isna().all():
            continue
        figure.add_scatter(
            x=table["epoch"], y=table[f"{metric}_gap"], mode="lines+markers", name=name,
            showlegend=True, line={"color": model_colour(name), "width": 2},
            marker={"symbol": SYMBOLS[i % len(SYMBOLS)], "size": 6},
            hovertemplate=f"<b>{name}</b><br>epoch %{{x}}<br>gap %{{y:.4f}}<extra></extra>",
        )  # fmt: skip
    figure.add_hline(0, line={"color": colours(theme).muted, "width": 1, "dash": "dot"})
    figure.update_xaxes(title_text="Epoch", **_epochs(gaps))
    return figure.update_yaxes(title_text=f"Gap in {_small(metric)}")


def _small(metric: str) -> str:
    return METRICS[metric] if metric == "auc" else METRICS[metric].lower()


def _epochs(tables: Mapping[str, pd.DataFrame]) -> dict[str, object]:
    """Ticks on whole epochs only, at most about twelve."""
    last = max(int(table["epoch"].max()) for table in tables.values())
    return {"dtick": max(1, -(-last // 12)), "tick0": 1, "range": [0.5, last + 0.5]}
