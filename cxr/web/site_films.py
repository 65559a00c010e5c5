"""Validation, first step: a site's films, or a table of scores."""

from __future__ import annotations

import time

import streamlit as st

from ..model import Model
from ..monitoring import ReadingsError
from ..reading_room.prepare import prepare
from ..reading_room.site_session import SiteSession, SiteSessions
from ..reading_room.trail import Trail
from ..stats.wording import count
from .plain_text import plain
from .reading_session import recorder
from .sign_in import reader, trail_required
from .streamlit_hooks import session_is_open
from .tab import watch_closed_tab
from .uploads import film_uploader, scoring_progress

__all__ = ["films_step", "site_session"]

#: Of the session: what is kept for the chosen model, and for all that were chosen last.
KEY, KEPT = "site_session", "site_sessions"
BEAT = 0.5
LET_GO = (
    "Each film is let go once it is scored; a small picture stays until the tab is closed. "
    "Thousands can be added, some at a time. Nothing is stored on the server."
)
OTHER_MODEL = (
    "The films that {} scored are kept while this tab is open. They are back with that model."
)


def site_session(model: Model) -> SiteSession:
    """Return what this tab keeps for a model: its films are there again when it is chosen again."""
    state = st.session_state
    if KEPT not in state or state[KEPT].is_closed:  # closed of a tab that was away, and is back
        state[KEPT] = SiteSessions()
        watch_closed_tab(state[KEPT].close)
    before: SiteSession | None = state.get(KEY)
    session: SiteSession = state[KEPT].of(model, lambda: _made(model))
    if session is not before:
        state[KEY] = session
        prepare([model])
        if before and len(before.films):
            st.toast(OTHER_MODEL.format(plain(before.model.name)))
    return session


def _made(model: Model) -> SiteSession:
    try:
        log = recorder()
    except ReadingsError:  # Monitoring says why; a trail that is required shows no film then
        log = None
    return SiteSession(model, session_is_open(), Trail(log, reader(), required=trail_required()))


def films_step(session: SiteSession) -> None:
    """Take films and score them in the background; refused ones are counted."""
    left, right = st.columns([1.15, 1], gap="large")
    with left:
        film_uploader(session.films, "site_film")
        st.caption(LET_GO)
    with right:
        if not len(session.films):
            st.caption("No films yet. Drop a zip, a folder or single files: 50 to 2,000 films.")
            return
        session.scorer.start()
        busy = session.scorer.pending
        st.fragment(_state, run_every=BEAT if busy else None)(session, busy)


def _state(session: SiteSession, was_busy: bool) -> None:
    """Say how far the films are; once they are done, the page is drawn with what comes next."""
    if st.session_state.get(KEY) is not session:
        st.rerun(scope="app")  # cleared just now: the page begins anew
    films = session.films
    waiting = len(films.waiting)
    if waiting or session.scorer.error:
        scoring_progress(session.scorer, key="site")
    refused = films.refusals
    without = sum(refused.values())
    told = f"{count(len(films) - waiting - without)} scored, {without:,} without a score"
    st.markdown(f"**{told}**" + (f", {waiting:,} waiting" if waiting else ""))
    st.caption(films.account)
    if refused:
        with st.expander("Why films have no score"):
            for reason, number in refused.items():
                st.caption(f"{count(number)}: {plain(reason)}")
    st.button("Clear all films", key="site_clear", on_click=_clear, args=(session,))
    # Done, stopped, or gone on: the rest of the page says something else then.
    if was_busy != session.scorer.pending:
        time.sleep(0.05)
        st.rerun(scope="app")


def _clear(session: SiteSession) -> None:
    st.session_state[KEPT].let_go(session)
    if st.session_state.get(KEY) is session:
        del st.session_state[KEY]
