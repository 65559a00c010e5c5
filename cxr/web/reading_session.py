"""The reading session of a browser tab, and the log of readings that all tabs share."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import streamlit as st

from ..monitoring import LateReadings, Readings, ReadingsError
from ..reading_room.closed_tabs import ClosedTabs
from ..reading_room.prepare import prepare
from ..reading_room.session import ReadingSession
from ..reading_room.worklist import Worklist
from ..scoring.card import Card
from .page import bundle
from .streamlit_hooks import forget_session, session_is_open

__all__ = ["reading_session", "readings", "recorder", "watch_closed_tab"]

#: Seconds beyond those in which Streamlit lets a closed tab come back.
PATIENCE = 15
#: Seconds that the log is waited for before it is read: it is written in less, unless it is locked.
MOMENT = 1.0


@st.cache_resource(max_entries=2, show_spinner=False)
def _log(url: str | None) -> Readings:
    return Readings(url)


@st.cache_resource(max_entries=2, show_spinner=False, on_release=LateReadings.close)
def _recorder(url: str | None) -> LateReadings:
    return LateReadings(url)


def recorder() -> LateReadings:
    """Return what notes the readings of all tabs: it is never waited for.

    Raises
    ------
    ReadingsError
        If the log's address is none.
    """
    return _recorder(os.environ.get("CXR_READINGS_URL"))


def readings() -> Readings:
    """Return the log of readings, to be read: what was noted a moment ago is in it.

    Raises
    ------
    ReadingsError
        If it cannot be opened.
    """
    recorder().wait(MOMENT)
    return _log(os.environ.get("CXR_READINGS_URL"))


@st.cache_resource(show_spinner=False)
def _closed_tabs() -> ClosedTabs:
    return ClosedTabs(float(st.get_option("server.disconnectedSessionTTL")) + PATIENCE)


def watch_closed_tab(close: Callable[[], None]) -> None:
    """Have films freed once this tab is gone and Streamlit would not take it back."""
    forget = forget_session()

    def let_go() -> None:
        close()
        forget()

    _closed_tabs().watch(session_is_open(), let_go)


def reading_session(cards: Sequence[Card], operating_point: str | None) -> ReadingSession:
    """Return this tab's session, with the models and the operating point that were chosen.

    What the models need is loaded in the background meanwhile; scoring starts once the caller
    starts `ReadingSession.scorer`.
    """
    models = [bundle(card) for card in cards]
    if "reading_session" not in st.session_state:
        log, problem = None, ""
        try:
            log = recorder()
        except ReadingsError as error:
            problem = str(error)
        st.session_state["reading_session"] = made = ReadingSession(
            Worklist(models, operating_point), log, session_is_open()
        )
        made.log_error = problem
        watch_closed_tab(made.close)
        prepare(models)
    session: ReadingSession = st.session_state["reading_session"]
    worklist = session.worklist
    before = [model.name for model in worklist.models], worklist.operating_point
    if before != ([card.name for card in cards], operating_point):
        worklist.rescore(models, operating_point)
    return session
