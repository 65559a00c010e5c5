"""The film on black, with its heatmap over it on asking."""

from __future__ import annotations

import base64
import io
from html import escape
from pathlib import Path

import numpy as np
import streamlit as st
from PIL import Image

from ..explanation import CAPTION, METHODS, Heatmap
from ..overlay import CUT, OPACITY, colour_table
from ..radiograph import Radiograph

__all__ = ["empty_field", "film_view"]

HERE = Path(__file__).parent
_component = st.components.v2.component(
    "cxr_film",
    html=(HERE / "film.html").read_text(encoding="utf-8"),
    css=(HERE / "film.css").read_text(encoding="utf-8"),
    js=(HERE / "film.js").read_text(encoding="utf-8"),
)


def film_view(
    film: Radiograph, heatmap: Heatmap | None, *, name: str, height: int = 620, key: str = "film"
) -> None:
    """Show a film; zoom, pan and everything about the heatmap happen in the browser.

    Parameters
    ----------
    film
        The film.
    heatmap
        Its heatmap, off until the reader asks for it; None for a refused film.
    name
        What to call the film, for screen readers.
    height
        Of the film's field in CSS pixels.
    key
        Of the Streamlit element. Zoom and overlay settings are kept while it stays the same;
        the zoom starts anew with another film.
    """
    overlay = None
    if heatmap is not None:
        overlay = {
            "grid": heatmap.grid.astype(float).round(6).tolist(),
            "margin": heatmap.margin,
            "method": METHODS[heatmap.method],
            "colours": base64.b64encode(colour_table().tobytes()).decode(),
            "opacity": OPACITY,
            "cut": CUT,
            "caption": CAPTION,
        }
    _component(
        key=key,
        height="content",
        data={
            "sha256": film.sha256,
            "name": name,
            "picture": _picture(film),
            "width": film.width,
            "height": film.height,
            "field": height,
            "heatmap": overlay,
        },
    )


def empty_field(text: str, *, height: int = 620) -> None:
    """Hold the film's place with a sentence on black: what to do, or why there is no film."""
    st.html(f'<div class="film-note" style="height:{height}px">{escape(text)}</div>')


def _picture(film: Radiograph) -> str:
    """Return the film as a data address: lossless, 8 bit, quick to pack."""
    image = Image.fromarray(np.rint(film.pixels * 255).astype(np.uint8))
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()
