"""The reading session of a browser tab, and the log of readings that all tabs share."""

from __future__ import annotations

import os
from collections.abc import Sequence

import streamlit as st

from ..monitoring import LateReadings, Readings, ReadingsError
from ..reading_room.prepare import prepare
from ..reading_room.session import ReadingSession
from ..reading_room.worklist import Worklist
from ..scoring.card import Card
from .page import bundle
from .tab import SESSION, new_tab, tab_has

__all__ = ["reading_session", "readings", "recorder"]

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


def reading_session(cards: Sequence[Card], operating_point: str | None) -> ReadingSession:
    """Return this tab's session, with the models and the operating point that were chosen.

    What the models need is loaded in the background meanwhile; scoring starts once the caller
    starts `ReadingSession.scorer`.
    """
    models = [bundle(card) for card in cards]
    if SESSION not in st.session_state:
        log, problem = None, ""
        try:
            log = recorder()
        except ReadingsError as error:
            problem = str(error)
        tab = new_tab()
        made = ReadingSession(Worklist(models, operating_point), log, tab.is_open)
        made.log_error = problem
        tab_has(tab, made)
        prepare(models)
    session: ReadingSession = st.session_state[SESSION]
    worklist = session.worklist
    before = [model.name for model in worklist.models], worklist.operating_point
    if before != ([card.name for card in cards], operating_point):
        worklist.rescore(models, operating_point)
    return session
