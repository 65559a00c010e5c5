"""Another film of the list beside the open one."""

from __future__ import annotations

import streamlit as st

from ..entry import Entry
from .desk import Desk

__all__ = ["compare_view"]


def compare_view(desk: Desk, entry: Entry) -> None:
    """Let the reader choose a film to be shown beside the open one; zoom and place are linked.

    Parameters
    ----------
    desk
        The reader's.
    entry
        The film that is open.
    """
    others = {e.number: e for e in desk.worklist.entries if e.thumbnail and e is not entry}
    if not others:
        return
    chosen = desk.compared(entry)

    def choose() -> None:
        desk.picked = True
        desk.beside = st.session_state["beside"]

    st.session_state["beside"] = chosen.number if chosen else None
    st.selectbox(
        "Beside it",
        [None, *others],
        format_func=lambda number: "no other film" if number is None else _name(others[number]),
        key="beside",
        on_change=choose,
        help="Another film of the list, side by side. Its own heatmap beside a film: C.",
    )


def _name(entry: Entry) -> str:
    return f"{entry.number}: {entry.name}"
