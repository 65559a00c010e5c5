"""Films dropped onto a page, taken into a list once, and how far their scoring is."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st
from streamlit.runtime.uploaded_file_manager import DeletedFile

from ..reading_room.budget import came_in_vain
from ..reading_room.scorer import Scorer
from ..reading_room.worklist import Worklist
from ..stats.wording import count
from .arrivals import NO_ROOM
from .messages import A_FOLDER, UPLOADED
from .plain_text import plain
from .streamlit_hooks import forget_uploads

__all__ = ["film_uploader", "page_uploader", "scoring_progress"]


def film_uploader(worklist: Worklist, prefix: str = "upload", **options: Any) -> None:
    """Take films, folders and zips into a list.

    Parameters
    ----------
    worklist : Worklist
    prefix : str
        Of the keys of Streamlit's elements; another for each list.
    **options : object
        To `st.file_uploader`.
    """
    folder = st.session_state.get(f"{prefix}_folder", False)
    # A new uploader, empty, after each upload: the list has the films, and they are not kept twice.
    key = f"{prefix}s_{st.session_state.setdefault(f'{prefix}_turn', 0)}_{folder}"
    st.file_uploader(
        "PNG, JPEG, DICOM or zip",
        accept_multiple_files="directory" if folder else True,
        key=key,
        # Before the page is drawn again, so that it is drawn once, with the film.
        on_change=partial(_take, worklist, prefix, key, folder),
        help=UPLOADED,
        **options,
    )
    st.toggle("A folder or disc", key=f"{prefix}_folder", help=A_FOLDER)


def page_uploader(worklist: Worklist) -> None:
    """Take what is dropped anywhere on the page, or pasted; out of sight, the browser fills it.

    Parameters
    ----------
    worklist : Worklist
    """
    key = f"drops_{st.session_state.setdefault('drop_turn', 0)}"
    with st.container(key="page_drop"):
        st.file_uploader(
            "Dropped on the page",
            accept_multiple_files=True,
            key=key,
            on_change=partial(_take, worklist, "drop", key, False),
        )


def _take(worklist: Worklist, prefix: str, key: str, folder: bool) -> None:
    # A browser may tell of the same files once more: nothing is taken twice.
    taken: set[str] = st.session_state.setdefault(f"{prefix}s_taken", set())
    uploads = [
        upload
        for upload in st.session_state[key]
        if upload.file_id not in taken and not isinstance(upload, DeletedFile)
    ]
    files = [(upload.name, upload.getvalue()) for upload in uploads]
    taken.update(upload.file_id for upload in uploads)
    if not files:
        return
    # What is taken counts with the list, and no longer as on its way to it.
    forget_uploads(upload.file_id for upload in uploads)
    worklist.begin_upload()
    for name in [name for name, content in files if content == NO_ROOM]:
        worklist.refuse(name.rpartition("/")[2], came_in_vain())
    files = [(name, content) for name, content in files if content != NO_ROOM]
    # The files of a folder that was dropped on the page have its path before their names.
    if folder or any("/" in name for name, _ in files):
        worklist.add_folder(files)
    else:
        for name, content in files:
            worklist.add(name, content)
    st.session_state[f"{prefix}_turn"] += 1


def scoring_progress(scorer: Scorer, *, key: str = "") -> None:
    """Show how far the scoring of a list is, with a button that stops it or goes on.

    Parameters
    ----------
    scorer : Scorer
    key : str
        Put before the keys of the buttons, where a page has several.
    """
    now = scorer.progress
    left = "" if now.seconds_left is None else f", {_time(now.seconds_left)} left"
    st.progress(now.done / now.total, f"{now.done} of {count(now.total)} scored{left}")
    if scorer.error:
        st.error(plain(scorer.error))
    name = f"{key}_scoring" if key else None
    if scorer.busy and not scorer.paused:
        st.button("Stop", on_click=scorer.pause, width="stretch", key=name)
    else:
        st.button("Go on", on_click=scorer.go_on, width="stretch", key=name)


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
