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
    chosen = desk.compared(entry)

    def choose() -> None:
        desk.picked = True
        desk.beside = st.session_state["beside"]

    st.session_state["beside"] = chosen.number if chosen else None
    with st.popover("Beside", width="stretch", disabled=not others):
        st.selectbox(
            "Another film beside this one",
            list(others),
            index=None,
            format_func=lambda number: _name(others[number]),
            key="beside",
            placeholder="Choose a film",
            on_change=choose,
            help="Zoom and place are linked. The film's own heatmap beside it: C.",
        )


def _name(entry: Entry) -> str:
    return f"{entry.number}: {entry.name}"
