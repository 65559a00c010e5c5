"""The reading session of a browser tab, and the log of readings that all tabs share."""

from __future__ import annotations

import os

import streamlit as st

from ..monitoring import Readings, ReadingsError
from ..reading_room.session import ReadingSession
from ..reading_room.worklist import Worklist
from ..scoring.card import Card
from .page import bundle
from .streamlit_hooks import session_is_open

__all__ = ["reading_session", "readings"]


@st.cache_resource(max_entries=2, show_spinner=False)
def _log(url: str | None) -> Readings:
    return Readings(url)


def readings() -> Readings:
    """Return the log of readings.

    Raises
    ------
    ReadingsError
        If it cannot be opened.
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
            Worklist(bundle(card), operating_point), log, session_is_open()
        )
        made.log_error = problem
    session: ReadingSession = st.session_state["reading_session"]
    worklist = session.worklist
    if (worklist.bundle.name, worklist.operating_point.name) != (card.name, operating_point):
        worklist.rescore(bundle(card), operating_point)
    session.scorer.start()
    return session
