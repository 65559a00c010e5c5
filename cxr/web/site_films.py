"""Validation, first step: a site's films, or a table of scores."""

from __future__ import annotations

import time

import streamlit as st

from ..model import Model
from ..reading_room.prepare import prepare
from ..reading_room.site_session import SiteSession
from ..stats.wording import count
from .plain_text import plain
from .streamlit_hooks import session_is_open
from .tab import watch_closed_tab
from .uploads import film_uploader, scoring_progress

__all__ = ["films_step", "site_session"]

KEY = "site_session"
BEAT = 0.5
KEPT = (
    "Each film is let go once it is scored; a small picture stays until the tab is closed. "
    "Thousands can be added, some at a time. Nothing is stored on the server."
)


def site_session(model: Model) -> SiteSession:
    """Return what this tab keeps; another model begins anew, since the films are gone."""
    kept: SiteSession | None = st.session_state.get(KEY)
    if kept and kept.model.card.weights.sha256 == model.card.weights.sha256:
        return kept
    if kept:
        kept.close()
        if len(kept.films):
            st.toast("Another model: drop the films again, since they were let go.")
    made = SiteSession(model, session_is_open())
    st.session_state[KEY] = made
    watch_closed_tab(made.close)
    prepare([model])
    return made


def films_step(session: SiteSession) -> None:
    """Take films and score them in the background; refused ones are counted."""
    left, right = st.columns([1.15, 1], gap="large")
    with left:
        film_uploader(session.films, "site_film")
        st.caption(KEPT)
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
    if was_busy and not session.scorer.pending:
        time.sleep(0.05)
        st.rerun(scope="app")


def _clear(session: SiteSession) -> None:
    session.close()
    if st.session_state.get(KEY) is session:
        del st.session_state[KEY]
