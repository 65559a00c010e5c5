"""The reader's call: made blind, agreement or override, a refusal overridden."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from ..exports import call_words
from ..reading_room.entry import Entry
from ..reading_room.session import ReadingSession
from ..scoring.reader import Agreement, Call, Reason
from .plain_text import plain
from .trail import backlog_view

__all__ = ["call_view"]

#: Refusals of films that may be negatives.
TURNABLE = ("negative", "not_chest")
BLIND = "Your call, before the score"
KEPT = (
    "Goes out with the exports, and into the log of readings: hashes, scores, calls and regions, "
    "no name, no identifier, no file name, no picture. See Monitoring."
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
    # First of all, and at the same place for every film: a button that is left over from the film
    # before, further down or up, would take the same key as the new one, and call both films.
    judged = not session.worklist.hidden(entry) and (
        entry.prediction is None or entry.prediction.score is not None
    )
    said, acts = st.container(gap="xsmall"), st.container() if judged else st.empty()
    with said:
        _log(session)
        if judged:
            _said(session, entry)
        elif session.worklist.hidden(entry):
            _blind(session, entry)
        else:
            _refused(session, entry)
    if judged:
        with acts:
            _judge(session, entry)


def _log(session: ReadingSession) -> None:
    """Say what is not in the log of readings, if that is not only a moment's work."""
    if session.log_error:
        st.warning(f"Readings are not kept. {plain(session.log_error)}")
    if session.log:
        backlog_view(session.log.backlog)


def _refused(session: ReadingSession, entry: Entry) -> None:
    if not entry.sha256:
        return  # no picture, nothing to score
    refusal = entry.prediction.refusal if entry.prediction else None
    if entry.turned or (refusal and refusal.code in TURNABLE):
        _turn(session, entry)
    st.button(
        "Score it all the same",
        key=f"score_anyway_{entry.number}",
        on_click=_override,
        args=(session, entry),
        width="stretch",
        help="The model was not made for such films. The row and every export will say so.",
    )


def _turn(session: ReadingSession, entry: Entry) -> None:
    st.button(
        "Turn back" if entry.turned else "Turn to positive",
        key=f"turn_{entry.number}",
        on_click=session.turn,
        args=(entry,),
        width="stretch",
        help="Changes black and white over, and scores the film so. Your call of it as it was is "
        "taken back, what you drew stays. The row and every export will say that it was turned by "
        "hand.",
    )


def _override(session: ReadingSession, entry: Entry) -> None:
    session.choose(entry.number)
    session.worklist.override(entry)


def _blind(session: ReadingSession, entry: Entry) -> None:
    for finding, assessment in entry.assessments.items():
        if not assessment.scored:
            continue
        key = f"call_{entry.number}_{finding}"
        st.radio(
            "Your call; its score was shown before" if assessment.seen else BLIND,
            list(Call),
            index=None,
            format_func=partial(_words, finding=finding),
            key=key,
            # Noted before the page is drawn again, so that score and list show at once.
            on_change=partial(_call, session, entry, finding, key),
            disabled=assessment.call is not None,
            help=f"Score and heatmap appear once you have called. {KEPT}",
        )


def _words(call: Call, finding: str) -> str:
    return plain(call_words(call, finding))


def _call(session: ReadingSession, entry: Entry, finding: str, key: str) -> None:
    call = st.session_state[key]
    _noted(entry, partial(session.call, entry, call, finding), finding)


def _noted(entry: Entry, say: Callable[[], None], finding: str = "") -> None:
    """Note what the reader says, and tell so for a moment."""
    say()
    assessment = entry.assessments[finding or entry.finding]
    words = call_words(assessment.call, finding or entry.finding) if assessment.call else ""
    st.toast(plain(f"Film {entry.number}: {words or 'noted'}"))


def _undo(session: ReadingSession) -> None:
    if entry := session.undo():
        st.toast(f"Film {entry.number}: your last call is taken back")


def _said(session: ReadingSession, entry: Entry) -> None:
    words = call_words(entry.call, entry.finding) if entry.call else ""
    if entry.blind:
        st.markdown(f"Called blind: **{plain(words)}**")
    said = words if words and not entry.blind else "none yet"
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="said_row"):
        st.caption("Do you agree?" if entry.blind else f"Your call: {plain(said)}", help=KEPT)
        st.button(
            "Undo",
            key="undo_call",
            type="tertiary",
            icon=":material/undo:",
            on_click=_undo,
            args=(session,),
            disabled=not session.can_undo,
            width="content",
            help="Takes your last call back, of whichever film. The log keeps both.",
        )
    if entry.turned:
        _turn(session, entry)


def _judge(session: ReadingSession, entry: Entry) -> None:
    waits = entry.prediction is None
    agree, override, unsure = st.columns([1.2, 1.45, 1.2], gap="xsmall")
    for column, judgement, word in (
        (agree, Agreement.AGREE, "Agree"),
        (override, Agreement.OVERRIDE, "Disagree"),
    ):
        column.button(
            word,
            key=f"{judgement}_{entry.number}",
            type="primary" if entry.judgement is judgement else "secondary",
            on_click=_noted,
            args=(entry, partial(session.judge, entry, judgement)),
            width="stretch",
            disabled=waits,
        )
    unsure.button(
        "Unsure",
        key=f"unsure_{entry.number}",
        type="primary" if entry.call is Call.UNSURE and not entry.blind else "secondary",
        on_click=_noted,
        args=(entry, partial(session.call, entry, Call.UNSURE)),
        width="stretch",
        disabled=entry.blind or waits,
    )
    if entry.judgement is Agreement.OVERRIDE:
        key, reasons = f"reason_{entry.number}", list(Reason)
        st.selectbox(
            "Why",
            reasons,
            index=reasons.index(entry.reason) if entry.reason else None,
            key=key,
            placeholder="Why? Choose a reason",
            label_visibility="collapsed",
            on_change=lambda: session.judge(entry, Agreement.OVERRIDE, st.session_state[key]),
        )
