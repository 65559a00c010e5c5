"""Figures over all thresholds: ROC, precision and recall, calibration."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from ..stats.curves import PrecisionRecall, Reliability, RocCurve
from ..stats.wording import count, interval, percent, with_interval
from .theme import (
    DASHES,
    SCORE_AXIS,
    SHARE_AXIS,
    SYMBOLS,
    colours,
    empty,
    hovered_interval,
    model_colour,
    need_some,
    plain_texts,
)

__all__ = ["precision_recall", "reliability", "roc"]


@plain_texts
def roc(
    curves: Mapping[str, RocCurve],
    thresholds: Mapping[str, Mapping[str, float]] | None = None,
    *,
    theme: str = "dark",
) -> go.Figure:
    """Draw ROC curves by model name; hover gives the threshold.

    `thresholds` marks points on the curves: for a model's name, the threshold of each
    operating point by its name.
    """
    need_some(curves, "curve")
    title = "Positives found against false alarms"
    subtitle = _span("AUC", [c.auc for c in curves.values()])
    if len(curves) == 1:
        (only,) = curves.values()
        title = f"AUC {only.auc:.3f} on {count(only.n)}"
        subtitle = f"95 % interval {interval(only.auc_ci)}"
    figure = empty(theme, title, subtitle, height=_height(curves))
    _line(figure, [0, 1], [0, 1], "chance", theme)
    for i, (name, curve) in enumerate(curves.items()):
        figure.add_scatter(
            x=curve.false_positive_rate, y=curve.true_positive_rate, mode="lines",
            name=f"{name}<br>AUC {with_interval(curve.auc, curve.auc_ci)}", legendgroup=name,
            line={"color": model_colour(name), "width": 2, "dash": DASHES[i % len(DASHES)]},
            customdata=_threshold_names(curve.thresholds),
            hovertemplate=f"<b>{name}</b><br>threshold %{{customdata}}<br>"
            "sensitivity %{y:.1%}<br>false positive rate %{x:.1%}<extra></extra>",
        )  # fmt: skip
    _mark(figure, curves, thresholds, "sensitivity %{y:.1%}<br>false positive rate %{x:.1%}", theme)
    figure.update_xaxes(**SHARE_AXIS, title_text="False positive rate (1 − specificity)")
    return figure.update_yaxes(**SHARE_AXIS, title_text="Sensitivity")


@plain_texts
def precision_recall(
    curves: Mapping[str, PrecisionRecall],
    thresholds: Mapping[str, Mapping[str, float]] | None = None,
    *,
    theme: str = "dark",
) -> go.Figure:
    """Draw precision against recall by model name; `thresholds` as in `roc`."""
    need_some(curves, "curve")
    title = "True alarms against positives found"
    subtitle = _span("average precision", [c.average_precision for c in curves.values()])
    if len(curves) == 1:
        (only,) = curves.values()
        title = f"Average precision {only.average_precision:.3f}"
        subtitle = f"{count(only.n)}, {percent(only.prevalence)} with the finding"
    figure = empty(theme, title, subtitle, height=_height(curves))
    for prevalence in sorted({curve.prevalence for curve in curves.values()}):
        _line(figure, [0, 1], [prevalence] * 2, "chance", theme)
    for i, (name, curve) in enumerate(curves.items()):
        figure.add_scatter(
            x=curve.recall, y=curve.precision, mode="lines", legendgroup=name,
            name=f"{name}<br>average precision {curve.average_precision:.3f}",
            # Flat back to the last point: precision does not change between two thresholds.
            line={"color": model_colour(name), "width": 2, "dash": DASHES[i % len(DASHES)],
                  "shape": "vh"},
            customdata=_threshold_names(curve.thresholds),
            hovertemplate=f"<b>{name}</b><br>threshold %{{customdata}}<br>"
            "precision %{y:.1%}<br>recall %{x:.1%}<extra></extra>",
        )  # fmt: skip
    _mark(figure, curves, thresholds, "precision %{y:.1%}<br>recall %{x:.1%}", theme)
    figure.update_xaxes(**SHARE_AXIS, title_text="Recall (sensitivity)")
    return figure.update_yaxes(**SHARE_AXIS, title_text="Precision (PPV)")


@plain_texts
def reliability(
    bins: Mapping[str, Reliability], *, theme: str = "dark", noun: str = "models"
) -> go.Figure:
    """Draw the share of films with the finding against their mean score, by model name.

    `noun` says what there are several of, where it is not models.
    """
    need_some(bins, "reliability")
    title = "Does a score mean what it says?"
    subtitle = _span("off on average by", [curve.ece for curve in bins.values()], noun)
    if len(bins) == 1:
        (only,) = bins.values()
        title = f"Scores are off by {only.ece:.3f} on average"
        subtitle = f"Brier score {only.brier:.3f}, {count(only.count.sum())}, 95 % intervals"
    figure = empty(theme, title, subtitle, height=_height(bins))
    _line(figure, [0, 1], [0, 1], "score = share", theme)
    for i, (name, curve) in enumerate(bins.items()):
        figure.add_scatter(
            x=curve.mean_score, y=curve.fraction_positive, mode="lines+markers",
            name=f"{name}<br>error {curve.ece:.3f}",
            line={"color": model_colour(name), "width": 1.5, "dash": DASHES[i % len(DASHES)]},
            marker={"symbol": SYMBOLS[i % len(SYMBOLS)], "size": 9},
            error_y={
                "array": curve.interval_high - curve.fraction_positive,
                "arrayminus": curve.fraction_positive - curve.interval_low,
                "thickness": 1, "width": 3,
            },
            customdata=np.column_stack([curve.count, curve.interval_low, curve.interval_high]),
            hovertemplate=f"<b>{name}</b><br>mean score %{{x:.3f}}<br>%{{y:.1%}} with the finding "
            f"({hovered_interval(1, 2)})<br>%{{customdata[0]:,d}} films"
            "<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(**{**SCORE_AXIS, "range": [-0.01, 1.01]}, title_text="Mean score of a bin")
    return figure.update_yaxes(**SHARE_AXIS, title_text="Films with the finding")


def _span(what: str, values: list[float], noun: str = "models") -> str:
    return f"{len(values)} {noun}, {what} {interval((min(values), max(values)))}"


def _height(models: Mapping[str, object]) -> int:
    # The legend has two lines a model, one below the other where the figure is narrow.
    return 390 + 36 * len(models)


def _line(figure: go.Figure, x: list[float], y: list[float], name: str, theme: str) -> None:
    figure.add_scatter(
        x=x, y=y, mode="lines", name=name, hoverinfo="skip", showlegend=False,
        line={"color": colours(theme).muted, "width": 1, "dash": "dot"},
    )  # fmt: skip


def _threshold_names(thresholds: NDArray[np.float64]) -> list[str]:
    return [f"{t:.3f}" if np.isfinite(t) else "above every score" for t in thresholds]


def _mark(
    figure: go.Figure,
    curves: Mapping[str, RocCurve] | Mapping[str, PrecisionRecall],
    thresholds: Mapping[str, Mapping[str, float]] | None,
    rates: str,
    theme: str,
) -> None:
    """Mark operating points on curves; one symbol, and one legend entry, for each name."""
    symbols: dict[str, str] = {}
    for model, points in (thresholds or {}).items():
        if model not in curves:
            known = ", ".join(curves)
            raise ValueError(f"Expected thresholds of {known}. Received: {model}")
        for name, threshold in points.items():
            first = name not in symbols
            symbol = symbols.setdefault(name, SYMBOLS[len(symbols) % len(SYMBOLS)])
            x, y = curves[model].at(threshold)
            figure.add_scatter(
                x=[x], y=[y], mode="markers", name=name, legendgroup=f"point {name}",
                showlegend=first, customdata=[[model, name]],
                marker={"symbol": symbol, "size": 11, "color": colours(theme).accent,
                        "line": {"width": 1.5, "color": colours(theme).text}},
                hovertemplate=f"<b>{name}</b> of {model}<br>threshold {threshold:.3f}<br>{rates}"
                "<extra></extra>",
            )  # fmt: skip
