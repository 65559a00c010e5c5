"""The open film by all methods at once, small, to be looked at side by side."""

from __future__ import annotations

import dataclasses
from functools import partial

import numpy as np
import streamlit as st
from PIL import Image, ImageOps

from ..exports.pictures import bounded, grey
from ..films.radiograph import Radiograph
from ..heatmaps.heatmap import CAPTION, Heatmap
from ..heatmaps.methods import METHODS
from ..heatmaps.overlay import colour_table, common_top, overlay
from ..reading_room.entry import Entry
from ..reading_room.session import ReadingSession
from .methods import title, work_view
from .plain_text import plain

__all__ = ["overview_button"]

#: Width and height of a small film, pixels; shown half as large.
SIZE = 560, 368
ACROSS = 4
#: How bright a film without a map is, so that it does not look like one whose map is empty.
DIM = 0.35


def overview_button(session: ReadingSession, entry: Entry) -> None:
    """Offer the open film by all methods.

    Parameters
    ----------
    session : ReadingSession
        The reader's.
    entry : Entry
        The film that is open.
    """
    maps = session.maps
    allowed = maps.allowed(entry)
    st.button(
        "Methods",
        key="methods",
        on_click=partial(_open, session, True),
        disabled=not allowed,
        width="stretch",
        help="This film by all methods, side by side" if allowed else None,
    )
    if maps.overview and allowed:
        close = partial(_open, session, False)
        st.dialog("All methods", width="large", on_dismiss=close)(_overview)(session, entry)


def _open(session: ReadingSession, shown: bool) -> None:
    session.picked = True
    session.maps.overview = shown


def _overview(session: ReadingSession, entry: Entry) -> None:
    maps = session.maps
    heatmaps = {method: maps.state(entry, method).heatmap for method in METHODS}
    top = common_top(heatmap for heatmap in heatmaps.values() if heatmap)
    with st.container(horizontal=True, vertical_alignment="center", key="overview_head"):
        st.caption(CAPTION)
        common = st.toggle(
            "One scale",
            key="overview_scale",
            help="All maps in times the mean of each, so that an even map looks even; else each "
            "on its own range.",
        )
        st.html(_bar(top if common else None), width="content")
    film = _small(session.film(entry))
    names = list(METHODS)
    for start in range(0, len(names), ACROSS):
        for column, method in zip(
            st.columns(ACROSS, gap="small"), names[start : start + ACROSS], strict=False
        ):
            with column.container(gap="xxsmall", key=f"tile_{method}"):
                _tile(session, entry, film, method, heatmaps[method], top if common else None)


def _tile(
    session: ReadingSession,
    entry: Entry,
    film: Radiograph,
    method: str,
    heatmap: Heatmap | None,
    top: float | None,
) -> None:
    st.image(_picture(film, heatmap, top), width="stretch")
    layer = f" · {plain(heatmap.layer)}" if heatmap and heatmap.layer else ""
    st.markdown(f"**{title(method)}**{layer}")
    st.caption(METHODS[method].sign)
    work_view(session, entry, method, f"tile_{method}", partial(_show, session, method))


def _show(session: ReadingSession, method: str) -> None:
    session.maps.choose(method)
    _open(session, False)


def _small(film: Radiograph) -> Radiograph:
    """Return a film that fits into `SIZE`, so that overlays are quickly drawn."""
    scale = min(SIZE[0] / film.width, SIZE[1] / film.height)
    return bounded(film, None, max(1, round(scale * max(film.width, film.height))))[0]


def _picture(film: Radiograph, heatmap: Heatmap | None, top: float | None) -> Image.Image:
    if heatmap:
        # Another object: what it works out at this size goes with it.
        fitting = dataclasses.replace(heatmap, height=film.height, width=film.width)
        picture = overlay(film, fitting, top=top)
    else:
        picture = grey(dataclasses.replace(film, pixels=film.pixels * np.float32(DIM)))
    return ImageOps.pad(picture.convert("RGB"), SIZE, color="black")


def _bar(top: float | None) -> str:
    """Return the colors of the maps from least to most, and what the ends are."""
    table = colour_table()[:: 255 // 15]
    colours = ",".join(f"rgb({red},{green},{blue})" for red, green, blue in table)
    least, most = (
        ("least, 0", "most of each map, 1") if top is None else ("0", f"≥ {top:.1f} × mean")
    )
    return (
        f'<div class="colour-bar"><span>{least}</span>'
        f'<i style="background:linear-gradient(90deg,{colours})"></i><span>{most}</span></div>'
    )
