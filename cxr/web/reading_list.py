"""The left side of Triage: upload, progress of scoring, the list to work through."""

from __future__ import annotations

import streamlit as st

from ..reading_room.entry import BANDS
from ..reading_room.samples import sample_films
from ..reading_room.session import ReadingSession
from ..reading_room.worklist import ORDERS
from ..stats.wording import count
from .messages import A_FOLDER, ADD_FILMS, NO_SAMPLES, UPLOADED
from .worklist import BANDS as SIGNS
from .worklist import worklist_view

__all__ = ["add_films", "reading_list"]

#: Seconds between two looks at how far the scoring is.
BEAT = 0.7


def add_films(session: ReadingSession) -> None:
    """Take uploads and sample films into the list."""
    worklist = session.worklist
    turn = st.session_state.setdefault("upload_turn", 0)
    with st.popover("Add films", width="stretch") if len(worklist) else st.container():
        folder = st.toggle("A folder or disc", key="upload_folder", help=A_FOLDER)
        uploads = st.file_uploader(
            "PNG, JPEG, DICOM or zip",
            accept_multiple_files="directory" if folder else True,
            key=f"uploads_{turn}_{folder}",
            help=UPLOADED,
        )
        if st.button("Sample films", width="stretch", help="Films that are on this machine"):
            samples = sample_films()
            if not samples:
                st.info(NO_SAMPLES)
            for path in samples:
                worklist.add(path.name, path)
            session.scorer.start()
        if len(worklist) and st.button("Clear the list", width="stretch"):
            session.scorer.pause()
            session.maps.explainer.stop()
            del st.session_state["reading_session"]
            st.rerun()
    if uploads:
        files = [(upload.name, upload.getvalue()) for upload in uploads]
        if folder:
            worklist.add_folder(files)
        else:
            for name, content in files:
                worklist.add(name, content)
        session.scorer.start()
        # A new uploader, empty: the list has the films now, and they are not kept twice.
        st.session_state["upload_turn"] = turn + 1
        st.rerun()


def reading_list(session: ReadingSession, *, height: int) -> None:
    """Show the list; while films are scored it updates by itself, and the open film is not redrawn.

    Parameters
    ----------
    session : ReadingSession
        The reader's.
    height : int
        Of the list in CSS pixels.
    """
    if not len(session.worklist):
        st.caption(ADD_FILMS)
        return
    st.fragment(_list, run_every=BEAT if session.scorer.busy else None)(session, height)


def _list(session: ReadingSession, height: int) -> None:
    worklist = session.worklist
    if worklist.waiting:
        _progress(session)
        height -= 74
    blind = worklist.blind
    order = st.segmented_control(
        "Order",
        ORDERS,
        default="arrival" if blind else "score",
        key=f"order_{blind}",
        label_visibility="collapsed",
        required=True,
        disabled=blind,
        help="A blind list stays as it arrived: a rank would give scores away." if blind else None,
    )
    bands = tuple(BANDS)
    if not blind:
        picked = st.pills(
            "Bands",
            BANDS[:4],
            selection_mode="multi",
            format_func=lambda band: f"{SIGNS[band][0]} {_count(session, band)}",
            key="bands",
            label_visibility="collapsed",
            help=", ".join(f"{SIGNS[band][0]} {SIGNS[band][1]}" for band in BANDS[:4]),
        )
        bands = (*picked, "waiting") if picked else bands
    if order != session.order:
        session.order = order
        st.rerun(scope="app")
    unread = sum(not entry.opened for entry in worklist.entries)
    st.caption(f"{count(len(worklist))}, {unread} unread")
    worklist_view(
        worklist.ordered(order, bands),
        worklist.chosen,
        finding=worklist.bundle.card.finding,
        hidden=worklist.hidden,
        on_choose=session.choose,
        height=height - 84,
    )
    if session.seen() != session.drawn:
        st.rerun(scope="app")


def _count(session: ReadingSession, band: str) -> int:
    return sum(entry.band == band for entry in session.worklist.entries)


def _progress(session: ReadingSession) -> None:
    scorer = session.scorer
    now = scorer.progress
    left = "" if now.seconds_left is None else f", {_time(now.seconds_left)} left"
    st.progress(now.done / now.total, f"{now.done} of {count(now.total)} read{left}")
    if scorer.error:
        st.error(scorer.error)
    if scorer.busy and not scorer.paused:
        st.button("Stop", on_click=scorer.pause, width="stretch")
    else:
        st.button("Go on", on_click=scorer.go_on, width="stretch")


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
