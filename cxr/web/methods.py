"""The method of the open film's heatmap: the choice, what it costs, how far it is."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from ..heatmaps.heatmap import Heatmap
from ..heatmaps.methods import METHODS
from ..reading_room.entry import Entry
from ..reading_room.explainer import State
from ..reading_room.session import ReadingSession
from ..scoring.heat_in_lungs import HeatInLungs
from ..stats.wording import count
from .plain_text import plain

__all__ = ["about", "cost", "doubt", "duration", "heat_view", "method_view", "title", "work_view"]

#: Seconds between two looks at how far a map is.
BEAT = 0.5
#: Of the session: how often the method was chosen by key or button.
TURN = "method_turn"


def title(method: str) -> str:
    """Return a method's name for people."""
    return METHODS[method].title


def duration(seconds: float) -> str:
    """Return how long something takes, in words; more than one figure is not known."""
    if seconds < 1:
        return "less than 1 s"
    return f"about {seconds:.0f} s" if seconds < 90 else f"about {seconds / 60:.0f} min"


def cost(heatmap: Heatmap) -> str:
    """Return what a map took, in words; "" if it was not measured."""
    if heatmap.cost is None:
        return ""
    seconds, passes = heatmap.cost
    said = f"{seconds:.2f} s" if seconds < 1 else f"{seconds:.1f} s"
    return f"{count(passes, 'pass', 'passes')}, {said}"


def doubt(failed: list[str] | None) -> str:
    """Return how many checks of the audit a method failed, in words; "" if none."""
    if failed is None:
        return "not audited"
    return f"{count(len(failed), 'check')} failed" if failed else ""


def about(method: str, layer: str = "") -> str:
    """Return what a method's values mean, where it looks, and the paper, in words."""
    where = f"Layer: {plain(layer)}." if layer else "Looks at the film itself, not at a layer."
    known = METHODS[method]
    return f"{known.sign}\n\n{'' if known.layered and not layer else where}\n\n{known.reference}"


def method_view(session: ReadingSession, entry: Entry) -> None:
    """Let the reader choose the method of heatmaps, and say what the one shown costs.

    Parameters
    ----------
    session : ReadingSession
        The reader's.
    entry : Entry
        The film that is open. Without a score, or with one that is hidden, there is no choice;
        before it is scored the choice is shown, and cannot be made.
    """
    maps = session.maps
    waits = entry.waits and not session.worklist.blind
    if not maps.allowed(entry) and not waits:
        return

    # Another element after each choice by key: what the browser still says of the one before, if a
    # key is pressed again before the page is drawn, takes the choice back no more.
    turn = st.session_state.get(TURN, 0)
    key = f"method_{turn}"

    def choose() -> None:
        session.picked = True
        maps.choose(st.session_state[key])

    def choose_next() -> None:
        # Of the method that is chosen by then.
        session.picked = True
        maps.choose(maps.next_fast())
        st.session_state[TURN] = turn + 1

    st.session_state[key] = maps.method
    with st.container(horizontal=True, gap="xxsmall", key="method_row"):
        st.selectbox(
            "Heatmap by",
            list(METHODS),
            format_func=title,
            key=key,
            on_change=choose,
            label_visibility="collapsed",
            help="Of this film, and of those that follow.",
            disabled=waits,
        )
        st.button(
            "Next",
            key="next_method",
            on_click=choose_next,
            width="content",
            help="By the next method that takes one pass of the network",
            disabled=waits,
        )
    if waits:
        return
    work_view(session, entry, maps.method, "method")
    heat_view(maps.heat(entry))
    st.fragment(_watch, run_every=BEAT if maps.are_coming else None)(session, entry)


def heat_view(heat: HeatInLungs | None) -> None:
    """Say how much of the map lies in the lungs, and what is to be said where it is little.

    Parameters
    ----------
    heat : HeatInLungs or None
        Of the map that is shown; None where none is. Nothing is said where nothing can find lungs:
        that is the same for all films, and the Models page says it.
    """
    if heat is None or (heat.remark and heat.remark.code == "no_network"):
        return
    with st.container(key="heat_in_lungs", gap="xxsmall"):
        figures = f"{heat.words}. {heat.zones}" if heat.share else None
        if heat.sentence:
            sign = "◆ " if heat.warns else ""
            st.caption(f"{sign}{plain(heat.sentence)}", help=figures)
        else:
            st.caption(plain(heat.words), help=figures)


def _watch(session: ReadingSession, entry: Entry) -> None:
    if session.maps.states(entry) != session.maps.drawn:
        st.rerun(scope="app")


def work_view(
    session: ReadingSession,
    entry: Entry,
    method: str,
    place: str,
    show: Callable[[], None] | None = None,
) -> None:
    """Say what a map took, how far it is, or how long it will take, with a button to begin.

    Parameters
    ----------
    session : ReadingSession
        The reader's.
    entry : Entry
        The film that is open, and may have a heatmap.
    method : str
        One of `cxr.heatmaps.methods.METHODS`.
    place : str
        Where on the page this is shown; unique within it.
    show : callable, optional
        What the button does that is shown once the map is ready.
    """
    going = session.maps.explainer.working == method
    st.fragment(_work, run_every=BEAT if going else None)(session, entry, method, place, show)


def _work(
    session: ReadingSession, entry: Entry, method: str, place: str, show: Callable[[], None] | None
) -> None:
    _watch(session, entry)
    maps = session.maps
    state, slow = maps.state(entry, method), METHODS[method].slow
    row = st.container(
        horizontal=True, vertical_alignment="center", gap="xsmall", key=f"work_{place}"
    )
    if state.kind == "running" and slow:
        row.progress(state.share, _words(state))
        row.button("Stop", key=f"stop_{place}", on_click=maps.explainer.stop, width="content")
        return
    heatmap = state.heatmap
    failed = maps.doubts(entry, method)
    lungs = [plain(state.heat.statement)] if state.heat and state.heat.statement else []
    row.caption(
        " · ".join(filter(None, [_words(state), doubt(failed)])),
        help="\n\n".join(
            [*(failed or ()), about(method, heatmap.layer if heatmap else ""), *lungs]
        ),
    )
    if heatmap and show:
        if row.button("Show", key=f"show_{place}", on_click=show, width="content"):
            st.rerun(scope="app")
    elif slow and state.kind in ("offered", "stopped", "failed"):
        other = maps.explainer.working
        row.button(
            "Work out",
            key=f"start_{place}",
            on_click=partial(_begin, session, entry, method),
            disabled=bool(other),
            width="content",
            help=f"{title(other)} is being computed." if other else None,
        )


def _begin(session: ReadingSession, entry: Entry, method: str) -> None:
    session.picked = True
    session.maps.work_out(entry, method)


def _words(state: State) -> str:
    """Say in a few words how far a method is."""
    takes = duration(state.seconds) if state.seconds is not None else ""
    if state.heatmap:
        return cost(state.heatmap)
    if state.kind == "running":
        left = duration((1 - state.share) * state.seconds) if state.seconds is not None else ""
        return f"{left.capitalize()} left" if left else "Working it out"
    if state.kind == "timing":
        return "Measuring how long it takes"
    if state.kind == "stopped":
        return f"Stopped. {takes.capitalize()}" if takes else "Stopped"
    return plain(state.message) or takes.capitalize()
