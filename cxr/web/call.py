"""What the reader says: the call made blind, agreement or override, a refusal overridden."""

from __future__ import annotations

import streamlit as st

from ..monitoring import REASONS
from ..reading_room.entry import Entry
from ..reading_room.session import ReadingSession

__all__ = ["call_view"]

KEPT = (
    "Goes out with the exports, and into the log of readings: hashes, scores and calls, no name, "
    "no identifier, no file name, no picture. See Monitoring."
)


def call_view(session: ReadingSession, entry: Entry) -> None:
    """Ask for the reader's call of a film, or show it.

    Parameters
    ----------
    session : ReadingSession
        The reader's.
    entry : Entry
        A film that was read.
    """
    if session.log_error:
        st.warning(f"Readings are not kept. {session.log_error}")
    if entry.prediction is None:
        return
    if entry.prediction.score is None:
        _refused(session, entry)
    elif session.worklist.hidden(entry):
        _blind(session, entry)
    else:
        _judge(session, entry)


def _refused(session: ReadingSession, entry: Entry) -> None:
    if not entry.thumbnail:
        return  # no picture, nothing to score
    st.button(
        "Score it all the same",
        key=f"override_{entry.number}",
        on_click=_override,
        args=(session, entry),
        width="stretch",
        help="The model was not made for such films. The row and every export will say so.",
    )


def _override(session: ReadingSession, entry: Entry) -> None:
    session.choose(entry.number)
    session.worklist.override(entry)
    session.scorer.start()


def _blind(session: ReadingSession, entry: Entry) -> None:
    key = f"call_{entry.number}"
    st.radio(
        "Your call, before the score",
        session.worklist.calls,
        index=None,
        key=key,
        # Noted before the page is drawn again, so that score and list show at once.
        on_change=lambda: session.call(entry, st.session_state[key]),
        help=f"Score and heatmap appear once you have called. {KEPT}",
    )


def _judge(session: ReadingSession, entry: Entry) -> None:
    worklist = session.worklist
    if entry.blind:
        st.markdown(f"Called blind: **{entry.call}**")
    said = entry.call if entry.call and not entry.blind else "none yet"
    st.caption("Do you agree?" if entry.blind else f"Your call: {said}", help=KEPT)
    agree, override, unsure = st.columns([1.2, 1.45, 1.2], gap="xsmall")
    for column, judgement, word, key in (
        (agree, "agree", "Agree", "a"),
        (override, "override", "Disagree", "d"),
    ):
        column.button(
            word,
            key=f"{judgement}_{entry.number}",
            type="primary" if entry.judgement == judgement else "secondary",
            on_click=session.judge,
            args=(entry, judgement),
            width="stretch",
            shortcut=key,
        )
    doubt = worklist.calls[-1]
    unsure.button(
        "Unsure",
        key=f"unsure_{entry.number}",
        type="primary" if entry.call == doubt and not entry.blind else "secondary",
        on_click=session.call,
        args=(entry, doubt),
        width="stretch",
        disabled=entry.blind,
    )
    if entry.judgement == "override":
        key = f"reason_{entry.number}"
        st.selectbox(
            "Why",
            REASONS,
            index=REASONS.index(entry.reason) if entry.reason else None,
            key=key,
            placeholder="Choose a reason",
            on_change=lambda: session.judge(entry, "override", st.session_state[key]),
        )
