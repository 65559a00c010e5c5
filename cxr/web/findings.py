"""Which finding of the open film is shown, where it is read for several."""

from __future__ import annotations

import streamlit as st

from ..reading_room.entry import Entry
from ..reading_room.session import ReadingSession
from .plain_text import plain
from .worklist import BANDS, state_of

__all__ = ["finding_view"]

#: Of the session: how often the finding was chosen by key or button.
TURN = "finding_turn"


def finding_view(session: ReadingSession, entry: Entry) -> None:
    """Let the reader choose the finding whose score and heatmap are shown, if there are several.

    Parameters
    ----------
    session : ReadingSession
        The reader's.
    entry : Entry
        The film that is open.
    """
    findings = list(entry.assessments)
    if len(findings) < 2:
        return
    hidden = session.worklist.hidden(entry)

    def title(finding: str) -> str:
        sign, _ = BANDS[state_of(entry, finding, hidden=hidden)]
        return f"{sign} {plain(finding.capitalize())}"

    # Another element after each choice by key: see `method_view`.
    turn = st.session_state.get(TURN, 0)
    key = f"finding_{entry.number}_{turn}"

    def choose() -> None:
        session.show(entry, st.session_state[key] or entry.finding)

    def choose_next() -> None:
        # Of the one that is shown by then: a key may be pressed again before the page is drawn.
        following = findings[(findings.index(entry.finding) + 1) % len(findings)]
        session.show(entry, following)
        st.session_state[TURN] = turn + 1

    # The one that the film is ranked by is known only with its scores.
    st.session_state[key] = entry.finding
    with st.container(horizontal=True, gap="xxsmall", key="finding_row"):
        st.segmented_control(
            "Finding",
            findings,
            format_func=title,
            key=key,
            on_change=choose,
            label_visibility="collapsed",
            required=True,
            width="stretch",
        )
        st.button(
            ":material/swap_horiz:",
            key="next_finding",
            on_click=choose_next,
            width="content",
            help="Score and heatmap of the next finding",
        )
