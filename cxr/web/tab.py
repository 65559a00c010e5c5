"""The browser tab and its list, which outlives the tab's connection to the server.

A network breaks, a laptop sleeps, a page is loaded anew: the list stays, and the page says so
when it is back. What the browser knows the tab by lies in its storage for that tab alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from ..heatmaps.methods import METHODS
from ..reading_room.closed_tabs import ClosedTabs, Signs, Tab
from ..reading_room.session import ReadingSession
from ..stats.wording import count
from .assets import component, showing
from .messages import LIST_BACK, LIST_LOST
from .sign_in import reader, signed_out
from .streamlit_hooks import (
    forget_media,
    forget_session,
    leave_uploads,
    session_is_open,
    tab_mark,
)

__all__ = [
    "LOST",
    "SESSION",
    "clear_tab",
    "new_tab",
    "tab_has",
    "watch_closed_tab",
    "watch_tab",
]

#: Of the state of a connection: its list, its tab, what the browser knows the tab by, and words.
SESSION = "reading_session"
TAB, KEY = "reading_tab", "tab_key"
LOST = "list_lost"
WORD = "tab_word"
PROBE, MARK, IS_COPY, METHOD = "tab_probe", "tab_mark", "tab_is_copy", "tab_method"
#: Seconds beyond those in which Streamlit lets a closed tab come back.
PATIENCE = 15

_probe = component("cxr_tab", "tab.js")


@st.cache_resource(show_spinner=False)
def _closed_tabs() -> ClosedTabs:
    return ClosedTabs(float(st.get_option("server.disconnectedSessionTTL")) + PATIENCE)


def new_tab() -> Tab:
    """Return what tells how this run's tab is doing, over all of its connections."""
    return Tab(_signs())


def tab_has(tab: Tab, session: ReadingSession) -> None:
    """Have a session's films freed once its tab is gone and would not come back."""
    tab.kept, tab.let_go = session, session.close
    if method := st.session_state.get(METHOD):
        session.maps.choose(method)
    st.session_state[SESSION], st.session_state[TAB] = session, tab
    _closed_tabs().watch(tab)
    if KEY in st.session_state:
        _closed_tabs().name(tab, st.session_state[KEY])


def clear_tab() -> None:
    """Let the list of this run's tab go; from then on the tab comes back to its next one.

    What is on its way to the list goes too, since its uploaders do; what stands in an uploader, as
    a site's file does, stays.
    """
    state = st.session_state
    if SESSION in state:
        state.pop(SESSION).close()
    if TAB in state:
        _closed_tabs().drop(state.pop(TAB))
    forget_media()
    leave_uploads(_standing())


def _standing() -> list[str]:
    """Return the uploads that this run's uploaders have told."""
    values = st.session_state.values()
    told = [each for value in values for each in (value if isinstance(value, list) else [value])]
    return [upload.file_id for upload in told if isinstance(upload, UploadedFile)]


def watch_closed_tab(close: Callable[[], None]) -> None:
    """Have other films freed once this tab is gone, or is loaded anew: they are not claimed."""
    _closed_tabs().watch(Tab(_signs(), close))


def watch_tab() -> None:
    """Have the browser say which tab this is, that it is closed, and that it is connected again."""
    state = st.session_state
    mark = tab_mark()
    if state.get(MARK) != mark.address:
        state[MARK] = mark.address
        mark.put()
    session = state.get(SESSION)
    _probe(
        key=PROBE,
        data={
            "mark": mark.address,
            "films": len(session.worklist) if session else 0,
            "copy": state.get(IS_COPY, False),
            "method": session.maps.method if session else None,
            "blind": state.get("blind"),
            "made": showing(),
        },
        on_said_change=_heard,
    )
    if word := state.pop(WORD, ""):
        st.toast(word, duration="long")


def _heard() -> None:
    """Take what the browser said of its tab."""
    state = st.session_state
    said = (state.get(PROBE) or {}).get("said") or {}
    key = str(said.get("key", ""))
    if not re.fullmatch("[0-9a-f]{32}", key):
        return
    key += reader() or ""  # whoever signs in next at this screen has no list of another
    tab_mark().put()
    if KEY not in state:
        _take_habits(said.get("method"), said.get("blind"))
    state[IS_COPY], state[KEY] = False, key
    session, tabs = state.get(SESSION), _closed_tabs()
    if session and len(session.worklist):
        if said.get("cut"):
            state[WORD] = _back(session)
    elif tab := tabs.claim(key, _signs()):
        _take_over(tab)
        return
    elif said.get("films"):
        state[WORD] = state[LOST] = LIST_LOST
    if TAB in state and not tabs.name(state[TAB], key):
        state[IS_COPY] = True  # the browser copied its storage with the tab


def _take_habits(method: object, blind: object) -> None:
    """Begin with the method of heatmaps, and blind or not, as the reader chose them last."""
    state = st.session_state
    if isinstance(method, str) and method in METHODS:
        state[METHOD] = method
        if SESSION in state:
            state[SESSION].maps.choose(method)
    if isinstance(blind, bool):
        state["blind"] = blind


def _take_over(tab: Tab) -> None:
    """Give this connection the list of its tab's last one."""
    state = st.session_state
    if SESSION in state:
        state[SESSION].close()
    session = tab.kept
    assert isinstance(session, ReadingSession)
    state[SESSION], state[TAB] = session, tab
    state["blind"] = session.worklist.blind  # nothing shows that the reader did not want to see
    if len(session.worklist):
        state[WORD] = _back(session)


def _back(session: ReadingSession) -> str:
    return LIST_BACK.format(count(len(session.worklist)))


def _signs() -> Signs:
    is_removed, left = tab_mark().is_removed, signed_out()
    return Signs(session_is_open(), lambda: is_removed() or left(), forget_session())
