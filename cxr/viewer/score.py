"""One film's score against the operating point, in words and on a scale."""

from __future__ import annotations

import streamlit as st

from ..figures import score_scale
from ..operating_points import OperatingPoint
from ..worklist import Entry
from .look import theme
from .session import plot
from .worklist import BANDS

__all__ = ["score_view"]


def score_view(entry: Entry, point: OperatingPoint, finding: str) -> None:
    """Show what the model says of a film, or why it says nothing.

    Parameters
    ----------
    entry
        The film.
    point
        The operating point that it was scored against.
    finding
        What the score is for.
    """
    prediction = entry.prediction
    sign, word = BANDS[entry.band]
    if prediction is None or prediction.score is None:
        st.markdown(f"{sign} {word}")
        if prediction and prediction.refusal:
            st.caption(prediction.refusal.reason)
        return
    plot(score_scale(prediction.score, point, theme=theme()), "scale")
    st.markdown(f"{sign} **{word}** the operating point for {finding}")
    st.caption(
        f"There, on {point.n} validation films, sensitivity {point.sensitivity:.1%} "
        f"({point.sensitivity_ci[0]:.1%} to {point.sensitivity_ci[1]:.1%}), specificity "
        f"{point.specificity:.1%} ({point.specificity_ci[0]:.1%} to "
        f"{point.specificity_ci[1]:.1%}).",
        help=f"{point.rule} In brackets the 95 % intervals.",
    )
