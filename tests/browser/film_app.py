"""The film viewer alone, on films made here: what tests/browser/test_viewer.py drives."""

from __future__ import annotations

import json

import numpy as np
import streamlit as st

from cxr.films.radiograph import Radiograph, read
from cxr.lungs.outline import Outline
from cxr.scoring.explain import Heatmap
from cxr.web import film_view
from cxr.web.film import Beside, Drawing
from tests.film_files import dicom

FIELD = 480


@st.cache_resource
def small() -> Radiograph:
    """300 x 200 pixels of 8 bits: a ramp, and a white square in the upper left corner."""
    levels = np.tile(np.linspace(40, 200, 300), (200, 1))
    levels[:40, :40] = 255
    return Radiograph(np.rint(levels).astype(np.float32) / 255, bits=8)


@st.cache_resource
def large(mark: int = 0) -> Radiograph:
    """1200 x 900 pixels of 12 bits with their spacing: waves, and a bright disc; one is marked."""
    y, x = np.mgrid[:900, :1200]
    levels = 1800 + 900 * np.sin(x / 60) * np.cos(y / 45)
    levels[(x - 300) ** 2 + (y - 300) ** 2 < 80**2] = 4095
    levels[0, 0] = mark
    pixels = np.rint(levels).astype(np.float32) / 4095
    return Radiograph(pixels, format="dicom", bits=12, pixel_spacing=(0.2, 0.15))


@st.cache_resource
def windowed() -> Radiograph:
    """900 x 700 values from -1024 to 3071 in a collimated field, with two windows of its file."""
    y, x = np.mgrid[:700, :900]
    stored = np.full((700, 900), 4095)
    inner = np.s_[100:600, 150:750]
    stored[0, 0] = 0
    stored[inner] = (2000 + 1500 * np.sin(x / 70) * np.cos(y / 55))[inner]
    return read(
        dicom(
            stored.astype(np.uint16),
            BitsStored=12,
            RescaleSlope=1,
            RescaleIntercept=-1024,
            WindowCenter=[500, 2200],
            WindowWidth=[400, 900],
            WindowCenterWidthExplanation=["LUNG", "BONE"],
        )
    )


def heatmap(film: Radiograph) -> Heatmap:
    """Two hills, with a margin that the network does not see."""
    grid = np.zeros((7, 7), np.float32)
    grid[2:4, 1:3], grid[4:6, 4:6] = 0.7, 0.6
    grid[2, 1] = 1.0  # a peak that stands out on its own scale, and not on the common one
    return Heatmap(grid, film.height, film.width, "gradcam", "top", "pneumonia", margin=0.05)


def lungs(film: Radiograph) -> Outline:
    """Two boxes, each with a border between zones."""
    across, down = film.width // 10, film.height // 10

    def box(left: int) -> tuple[tuple[int, int], ...]:
        corners = ((left, 2), (left + 3, 2), (left + 3, 8), (left, 8))
        return tuple((across * x, down * y) for x, y in corners)

    borders = tuple(((across * x, down * 5), (across * (x + 3), down * 5)) for x in (1, 6))
    return Outline((box(1), box(6)), borders, ("A lung is cut off.",))


def spread(film: Radiograph) -> Heatmap:
    """The whole film almost alike, by another method."""
    grid = np.linspace(0.9, 1.1, 36, dtype=np.float32).reshape(6, 6)
    return Heatmap(grid, film.height, film.width, "layercam", "top", "pneumonia", margin=0.05)


st.set_page_config(layout="wide")
st.session_state["runs"] = st.session_state.get("runs", 0) + 1
columns = st.columns(4)
films = ["small", "large", "windowed"]
first = films.index(st.query_params.get("film", "small"))
shown = columns[0].radio("Film", films, index=first, horizontal=True)
scored = columns[1].checkbox("Score", value=True)
paired = columns[2].checkbox("Beside")
by_method = columns[2].checkbox("Method")
columns[3].text_input("Typed")
st.markdown(f"Runs: {st.session_state['runs']}")
film, other = small(), large(int(st.query_params.get("mark", 0)))
if shown == "large":
    film, other = other, film
elif shown == "windowed":
    film = windowed()
beside = Beside(other, heatmap(other), "other film") if paired else None
if by_method:
    beside = Beside(film, spread(film), f"{shown} film")
drawn = st.session_state.setdefault("drawn", {})
shown_films = [film, *([beside.film] if beside else [])]
drawing = Drawing(
    {one.sha256: drawn.get(one.sha256, ()) for one in shown_films},
    {one.sha256: "pneumonia" for one in shown_films},
    drawn.__setitem__,
)
draw = st.query_params.get("draw", "auto")
asked = st.query_params.get("lungs", "")
outlined = lungs(film) if asked == "yes" else asked or None
film_view(
    film,
    heatmap(film) if scored else None,
    name=f"{shown} film",
    height=FIELD,
    beside=beside,
    keys=["agree", "next", "previous"],
    lungs=outlined,
    draw=draw if draw in ("gpu", "cpu") else "auto",
    drawing=drawing if "draw_regions" in st.query_params else None,
)
regions = [[r.shape, r.label, *r.box] for r in drawn.get(film.sha256, ())]
st.html(f'<div class="drawn">{json.dumps(regions)}</div>')
