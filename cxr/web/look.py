"""Which theme the reader sees, so that plots have the colors of the page around them.

Streamlit tells the theme of the browser, not that of the page, until the page is used for the
first time; the page itself knows better.
"""

from __future__ import annotations

import streamlit as st

from .assets import component

__all__ = ["theme", "watch_theme"]

KEY = "theme_probe"
_probe = component("cxr_theme", "theme.js")


def theme() -> str:
    """Return ``dark`` or ``light``, whichever the reader sees."""
    seen = (st.session_state.get(KEY) or {}).get("theme")
    return seen or st.session_state.get("theme") or "dark"


def watch_theme() -> None:
    """Ask the page for its theme; where plots have another, the page is drawn once more."""
    st.session_state["theme"] = theme()  # outlives the probe when the reader changes the page
    _probe(key=KEY, data={"assumed": theme()}, on_theme_change=lambda: None)
