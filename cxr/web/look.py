"""Which theme the reader sees, so that plots have the colours of the page around them.

Streamlit tells the theme of the browser, not that of the page, until the page is used for the
first time; the page itself knows better.
"""

from __future__ import annotations

import streamlit as st

__all__ = ["theme", "watch_theme"]

KEY = "theme_probe"
_probe = st.components.v2.component(
    "cxr_theme",
    html="<span></span>",
    js="""
export default function ({ data, parentElement, setStateValue }) {
  const look = () => {
    const host = parentElement.host ?? parentElement;
    const colour = getComputedStyle(host).getPropertyValue("--st-background-color").trim();
    const context = document.createElement("canvas").getContext("2d");
    context.fillStyle = colour || "#000";
    context.fillRect(0, 0, 1, 1);
    const [r, g, b] = context.getImageData(0, 0, 1, 1).data;
    const theme = 0.299 * r + 0.587 * g + 0.114 * b > 128 ? "light" : "dark";
    if (theme !== data.assumed) setStateValue("theme", theme);
  };
  look();
  const timer = setInterval(look, 1000);
  return () => clearInterval(timer);
}
""",
)


def theme() -> str:
    """Return ``dark`` or ``light``, whichever the reader sees."""
    seen = (st.session_state.get(KEY) or {}).get("theme")
    return seen or st.session_state.get("theme") or "dark"


def watch_theme() -> None:
    """Ask the page for its theme; where plots have another, the page is drawn once more."""
    st.session_state["theme"] = theme()  # outlives the probe when the reader changes the page
    _probe(key=KEY, data={"assumed": theme()}, on_theme_change=lambda: None)
