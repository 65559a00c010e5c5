"""One film's score on a scale, with the operating point marked."""

from __future__ import annotations

import plotly.graph_objects as go

from ..scoring.operating_points import OperatingPoint
from .theme import colours, empty

__all__ = ["score_scale"]


def score_scale(score: float | None, point: OperatingPoint, *, theme: str = "dark") -> go.Figure:
    """Draw a score from 0 to 1, the operating point as a line and its `near` zone as a band.

    Parameters
    ----------
    score : float or None
        Calibrated, within 0 to 1; None for a scale that waits for its score.
    point : OperatingPoint
    theme : {"dark", "light"}
    """
    look = colours(theme)
    figure = empty(theme, "", height=118)
    figure.add_shape(type="rect", x0=0, x1=1, y0=-0.12, y1=0.12, line_width=0, fillcolor=look.grid)
    figure.add_shape(
        type="rect", x0=point.near[0], x1=point.near[1], y0=-0.3, y1=0.3, line_width=0,
        fillcolor=look.accent_wash,
    )  # fmt: skip
    figure.add_shape(
        type="line", x0=point.threshold, x1=point.threshold, y0=-0.45, y1=0.45,
        line={"color": look.accent, "width": 2},
    )  # fmt: skip
    figure.add_annotation(
        x=point.threshold, y=-0.5, yanchor="top", showarrow=False,
        xanchor="left" if point.threshold < 0.5 else "right",
        text=f"operating point {point.threshold:.2f}", font={"size": 11, "color": look.accent},
    )  # fmt: skip
    if score is not None:
        _mark(figure, score, look.text)
    figure.update_xaxes(
        range=[-0.08, 1.08], tickvals=[0, 1], showgrid=False, zeroline=False, fixedrange=True
    )
    figure.update_yaxes(range=[-1.05, 1.1], visible=False, fixedrange=True)
    figure.update_layout(margin={"l": 4, "r": 4, "t": 4, "b": 18}, showlegend=False)
    return figure


def _mark(figure: go.Figure, score: float, colour: str) -> None:
    # Next to the mark if the number would leave the scale.
    side = "left" if score > 0.85 else "right" if score < 0.15 else "center"
    figure.add_trace(
        go.Scatter(
            x=[score], y=[0], mode="markers+text", text=[f"<b>{score:.2f}</b>"],
            textposition=f"top {side}", textfont={"size": 22, "color": colour},
            marker={"symbol": "diamond", "size": 13, "color": colour}, cliponaxis=False,
            hovertemplate="score %{x:.3f}<extra></extra>",
        )
    )  # fmt: skip
