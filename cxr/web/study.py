"""The study of the open film: its films, and pictures joined by hand."""

from __future__ import annotations

from functools import partial

import streamlit as st

from ..reading_room.entry import Entry
from ..reading_room.session import ReadingSession
from ..stats.wording import count
from .plain_text import plain
from .worklist import BANDS, date_words, state_of, view_words

__all__ = ["study_view"]


def study_view(session: ReadingSession, entry: Entry) -> None:
    """Show the films of the open film's study, and let the reader join pictures to one.

    Parameters
    ----------
    session : ReadingSession
        The reader's.
    entry : Entry
        The film that is open.
    """
    worklist = session.worklist
    study = worklist.study(entry)
    others = {
        e.number: e
        for e in worklist.entries
        if e not in study.entries and not e.identity.study_key and e.source
    }
    may_join = not entry.identity.study_key and bool(entry.source)
    nothing = len(study.entries) < 2 and not may_join
    with st.popover("Study", key="study", width="stretch", disabled=nothing):
        told = [date_words(study), count(len(study.entries))]
        st.caption(" · ".join(filter(None, told)))
        for film in study.entries:
            st.button(
                _title(session, film),
                key=f"study_film_{film.number}",
                type="primary" if film is entry else "secondary",
                on_click=session.choose,
                args=(film.number,),
                width="stretch",
            )
        if study.joined:
            st.button(
                "Part these films",
                key="part_films",
                on_click=partial(_part, session, entry),
                width="stretch",
                help="Each is a row of its own again.",
            )
        if not may_join:
            st.caption("The files say that these films are one study.")
            return
        st.multiselect(
            "Join with",
            list(others),
            format_func=lambda number: f"{number}: {others[number].name}",
            key=f"join_{entry.number}",
            placeholder="Choose films",
            disabled=not others,
            help="Films of one examination that came as pictures become one row.",
        )
        st.button(
            "Join",
            key="join_films",
            on_click=partial(_join, session, entry),
            disabled=not st.session_state.get(f"join_{entry.number}"),
            width="stretch",
        )


def _title(session: ReadingSession, film: Entry) -> str:
    hidden = session.worklist.hidden(film)
    states = dict.fromkeys(state_of(film, finding, hidden=hidden) for finding in film.assessments)
    signs = " ".join(BANDS[state][0] for state in states)
    return f"{signs} {plain(view_words(film))} · {plain(film.name)}"


def _join(session: ReadingSession, entry: Entry) -> None:
    session.choose(entry.number)
    session.worklist.join([entry.number, *st.session_state[f"join_{entry.number}"]])


def _part(session: ReadingSession, entry: Entry) -> None:
    session.choose(entry.number)
    session.worklist.part(entry)
