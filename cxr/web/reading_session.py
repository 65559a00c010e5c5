"""The reading session of a browser tab, and the log of readings that all tabs share."""

from __future__ import annotations

import os
from collections.abc import Callable

import streamlit as st
from streamlit.runtime import get_instance
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ..monitoring import Readings, ReadingsError
from ..reading_room.session import ReadingSession
from ..reading_room.worklist import Worklist
from ..scoring.card import Card
from .page import bundle

__all__ = ["reading_session", "readings"]


def _tab_is_open() -> Callable[[], bool]:
    context = get_script_run_ctx()
    session = context.session_id if context else ""

    def is_open() -> bool:
        try:
            return get_instance().is_active_session(session)
        except RuntimeError:  # no server: a script that is run by itself has no tabs
            return True

    return is_open


@st.cache_resource(max_entries=2, show_spinner=False)
def _log(url: str | None) -> Readings:
    return Readings(url)


def readings() -> Readings:
    """Return the log of readings.

    Raises
    ------
    ReadingsError
        If it cannot be had.
    """
    return _log(os.environ.get("CXR_READINGS_URL"))


def reading_session(card: Card, operating_point: str) -> ReadingSession:
    """Return this tab's session, with the model and the operating point that were chosen."""
    if "reading_session" not in st.session_state:
        log, problem = None, ""
        try:
            log = readings()
        except ReadingsError as error:
            problem = str(error)
        st.session_state["reading_session"] = made = ReadingSession(
            Worklist(bundle(card), operating_point), log, _tab_is_open()
        )
        made.log_error = problem
    found: ReadingSession = st.session_state["reading_session"]
    worklist = found.worklist
    if (worklist.bundle.name, worklist.operating_point.name) != (card.name, operating_point):
        worklist.rescore(bundle(card), operating_point)
    found.scorer.start()
    return found
