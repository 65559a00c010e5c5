"""Compare the open film with another one of the list, or with itself by another method."""

from __future__ import annotations

import streamlit as st

from ..heatmaps.methods import METHODS
from ..reading_room.entry import Entry
from ..reading_room.session import ReadingSession
from .film import Beside
from .methods import title, work_view
from .prior import priors_view

__all__ = ["beside_of", "compare_view"]


def beside_of(session: ReadingSession, entry: Entry) -> Beside | None:
    """Return what the open film is compared with, if anything.

    Parameters
    ----------
    session : ReadingSession
        The reader's.
    entry : Entry
        The film that is open.
    """
    maps = session.maps
    if other := session.compared(entry):
        film = session.film(other)
        return Beside(film, maps.shown(other), other.name, session.outlines.of(other.sha256))
    shown = maps.shown(entry)
    if maps.beside is None or shown is None or shown.method == maps.beside:
        return None
    heatmap = maps.state(entry, maps.beside).heatmap
    if heatmap is None:
        return None
    return Beside(session.film(entry), heatmap, entry.name, session.outlines.of(entry.sha256))


def compare_view(session: ReadingSession, entry: Entry) -> None:
    """Let the reader choose what to compare the open film with; zoom and position are linked.

    Parameters
    ----------
    session : ReadingSession
        The reader's.
    entry : Entry
        The film that is open.
    """
    maps = session.maps
    others = {e.number: e for e in session.worklist.entries if e.thumbnail and e is not entry}
    chosen = session.compared(entry)
    allowed = maps.allowed(entry)
    methods = [method for method in METHODS if method != maps.method]

    def choose(film: bool) -> None:
        # One thing is compared with, the one chosen last.
        session.picked = True
        session.beside = st.session_state["beside"] if film else None
        maps.beside = None if film else st.session_state["beside_method"]

    st.session_state["beside"] = chosen.number if chosen else None
    with st.popover("Compare", width="stretch", disabled=not (others or allowed)):
        priors_view(session, entry)
        st.selectbox(
            "Another film",
            list(others),
            index=None,
            format_func=lambda number: _name(others[number]),
            key="beside",
            placeholder="Choose a film",
            on_change=choose,
            args=(True,),
            disabled=not others,
            help="Zoom and position are linked. C shows the film's own heatmap next to it.",
        )
        if not allowed:
            return
        st.session_state["beside_method"] = maps.beside if maps.beside in methods else None
        st.selectbox(
            "This film by another method",
            methods,
            index=None,
            format_func=title,
            key="beside_method",
            placeholder="Choose a method",
            on_change=choose,
            args=(False,),
            help="Both heatmaps at once. S puts them on one scale.",
        )
        if maps.beside in methods and not chosen:
            work_view(session, entry, maps.beside, "beside")


def _name(entry: Entry) -> str:
    return f"{entry.number}: {entry.name}"
