"""Who a run of a page is for, and what they may open: the pages' side of the sign-in.

The layer around the server (`cxr.web.gate`) lets nobody else in; this asks once more, of what
Streamlit itself knows of the connection, and stops a run that is for nobody.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import streamlit as st

from ..access import (
    LOCAL,
    AccessError,
    Act,
    Reader,
    is_guarded,
    may,
    may_open,
    read_settings,
    running,
)
from .streamlit_hooks import kept_secrets

__all__ = [
    "can",
    "opens",
    "reader",
    "sign_out_button",
    "signed_in",
    "signed_out",
    "trail_required",
]

NOBODY = "Sign in to open this page."
NO_GATE = (
    "This server was started in a way that lets in whoever reaches it. Start it with: "
    "streamlit run streamlit_app.py"
)


def signed_in() -> Reader:
    """Return who this run is for; without sign-in, the one person at this machine.

    A run that is for nobody says so and stops.
    """
    access = running()
    if access is None:
        # A browser asks, and nothing stands between it and this page; a test has no browser.
        if not is_guarded() and (st.context.headers or _is_configured()):
            st.error(NO_GATE)
            st.stop()
        return LOCAL
    who = access.live(st.context.cookies)
    # What Streamlit took from the same cookies; it takes nothing from a page of elsewhere.
    same = bool(st.user.get("is_logged_in")) and who is not None
    if not same or who is None or who.role is None or access.pseudonym(st.user) != who.pseudonym:
        st.error(NOBODY)
        st.stop()
    return Reader(who.role, who.pseudonym)


def _is_configured() -> bool:
    try:
        return read_settings(kept_secrets(), os.environ) is not None
    except AccessError:  # half of it is there
        return True


def reader() -> str | None:
    """Return what the log of readings knows this run's reader by; None without sign-in."""
    return signed_in().pseudonym


def trail_required() -> bool:
    """Whether a film is shown only once the audit trail holds that it is."""
    access = running()
    return access is not None and access.settings.audit_required


def opens(page: str) -> bool:
    """Whether this run's reader may open a page, by its name in the address."""
    return may_open(signed_in().role, page)


def can(act: Act) -> bool:
    """Whether this run's reader may do something."""
    return may(signed_in().role, act)


def sign_out_button() -> None:
    """Let this run's reader sign out; nothing without sign-in."""
    if running() is None:
        return
    role = signed_in().role
    st.button(
        "Sign out",
        key="sign_out",
        type="tertiary",
        icon=":material/logout:",
        on_click=_sign_out,
        help=f"Your role: {role}. Your list and its films are freed.",
    )


def _sign_out() -> None:
    access = running()
    if access is not None:
        # Where the browser does not say which page leads it, what it is led to asks the server.
        access.sessions.leave(access.key(st.context.cookies))
    st.logout()


def signed_out() -> Callable[[], bool]:
    """Return what tells, from any thread, whether this run's reader has signed out since.

    A sign-in that ran out is another matter: its reader may come back to the list.
    """
    access = running()
    if access is None:
        return lambda: False
    key = access.key(st.context.cookies)
    return lambda: not access.sessions.live(key) and not access.sessions.ran_out(key)
