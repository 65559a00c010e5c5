"""Which browser may fetch which film: those whose tabs show it."""

from __future__ import annotations

import threading
from collections import OrderedDict

import streamlit as st

from .guard import COOKIE
from .streamlit_hooks import session_id, tell_media

__all__ = ["note_browser", "owners"]

#: Tabs and media files that are remembered, the last ones: some megabytes.
TABS, FILES = 10_000, 50_000

_lock = threading.Lock()
_browser_of: OrderedDict[str, str] = OrderedDict()
_tabs_of: OrderedDict[str, set[str]] = OrderedDict()


def note_browser() -> None:
    """Remember which browser this run's tab is in; to be called before a run shows anything."""
    tell_media(_note_media)
    tab, browser = session_id(), st.context.cookies.get(COOKIE, "")
    if not tab or not browser:
        return
    with _lock:
        _browser_of[tab] = browser
        _browser_of.move_to_end(tab)
        while len(_browser_of) > TABS:
            _browser_of.popitem(last=False)


def _note_media(name: str, tab: str) -> None:
    with _lock:
        _tabs_of.setdefault(name, set()).add(tab)
        _tabs_of.move_to_end(name)
        while len(_tabs_of) > FILES:
            _tabs_of.popitem(last=False)


def owners(name: str) -> list[str]:
    """Return the cookies of the browsers in whose tabs a media file was shown.

    Parameters
    ----------
    name : str
        The file's, without its ending, as in its address.
    """
    with _lock:
        tabs = _tabs_of.get(name, ())
        return [_browser_of[tab] for tab in tabs if tab in _browser_of]
