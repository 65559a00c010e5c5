"""One film's score against the operating point, in words and on a scale."""

from __future__ import annotations

import streamlit as st

from ..evidence.card_tables import rates
from ..reading_room.entry import Entry
from ..scoring.operating_points import OperatingPoint
from ..stats.wording import count
from .look import theme
from .messages import NOT_MEASURED
from .plain_text import plain
from .score_scale import score_scale
from .worklist import BANDS, state_of

__all__ = ["score_view"]


def score_view(entry: Entry, point: OperatingPoint, finding: str) -> None:
    """Show a film's score, the scale that waits for it, or why there is none.

    Parameters
    ----------
    entry : Entry
        The film.
    point : OperatingPoint
        The operating point that it was scored against.
    finding : str
        What the score is for.
    """
    prediction = entry.prediction
    sign, word = BANDS[state_of(entry, finding, hidden=False)]
    if prediction and prediction.score is None:
        st.markdown(f"{sign} {word}")
        if prediction.refusal:
            st.caption(plain(prediction.refusal.reason))
        return
    if prediction and prediction.refusal:
        cross = BANDS["refused"][0]
        reason = plain(prediction.refusal.reason)
        st.caption(f"{cross} **Scored although it was refused.** {reason}")
    score = prediction.score if prediction else None
    st.html(score_scale(score, point, theme=theme()))
    if score is None:  # the scale stands where the score will come
        st.markdown(f"{sign} {word} for the score")
    else:
        st.markdown(f"{sign} **{word}** the operating point for {plain(finding)}")
    if not point.n:
        st.caption(NOT_MEASURED, help=plain(point.rule))
        return
    # A figure and its sign stay on one line.
    sensitivity, specificity = (r.replace(" %", "\u00a0%") for r in rates(point, ".1%"))
    noun, _, more = point.measured_on.partition(" of ")
    films = f"{count(point.n, noun)} of {more}" if more else count(point.n, noun)
    st.caption(
        f"There, on {films}, sensitivity {sensitivity}, specificity {specificity}.",
        help=f"{plain(point.rule)} In brackets the 95 % intervals.",
    )
