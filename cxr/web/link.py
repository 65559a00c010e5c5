"""The open film in the browser's address, by its hash: a link opens it in the tab that holds it."""

from __future__ import annotations

from urllib.parse import urlencode

import streamlit as st

from ..reading_room.entry import Entry
from ..reading_room.session import ReadingSession
from .address import asked, put
from .messages import NOT_IN_LIST

__all__ = ["link_of", "linked_film", "open_linked"]

FILM, WANTED = "film", "film_wanted"


def open_linked(session: ReadingSession) -> None:
    """Open the film that the address names, if it says something new and the list has it.

    Parameters
    ----------
    session : ReadingSession
        The reader's.
    """
    new, said = asked(FILM)
    if new:
        st.session_state[WANTED] = said, _choice(session)
        if said is None:  # back to where the reader had chosen none
            session.choose_none()
    wanted, chosen_then = st.session_state.get(WANTED, (None, None))
    if wanted is None:
        return
    entry = next((e for e in session.worklist.entries if e.sha256 == wanted), None)
    if entry:
        session.choose(entry.number)
    if entry or _choice(session) != chosen_then:
        st.session_state.pop(WANTED, None)


def _choice(session: ReadingSession) -> int | None:
    return session.worklist.chosen if session.picked else None


def linked_film(session: ReadingSession, entry: Entry | None) -> str:
    """Put the film that the reader chose into the address.

    Parameters
    ----------
    session : ReadingSession
        The reader's.
    entry : Entry
        The film that is open, if any.

    Returns
    -------
    str
        What to say of a film that the address names and the list has not; "" else.
    """
    wanted, _ = st.session_state.get(WANTED, (None, None))
    if wanted is not None:
        put(FILM, wanted)
        # A list whose films are still read, or one that this tab has from before, may have it yet.
        known = not any(e.waits for e in session.worklist.entries)
        return NOT_IN_LIST if known else ""
    put(FILM, entry.sha256 if entry and entry.sha256 and session.picked else None)
    return ""


def link_of(entry: Entry, model: str) -> str:
    """Return the end of the address that opens a film: hash and model, "" before it was read.

    Parameters
    ----------
    entry : Entry
        The film.
    model : str
        Name of the model that was chosen, or of the automatic choice.
    """
    return f"?{urlencode({FILM: entry.sha256, 'model': model})}" if entry.sha256 else ""
