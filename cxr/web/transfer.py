"""A film's gray levels on their way to the browser: raw, once, by address, in memory alone.

The bytes lie in Streamlit's own store of media files, under an address that is a hash. Streamlit
drops them when a run of the script ends that did not show the film, and when the session ends.
"""

from __future__ import annotations

import base64
import threading
from collections import OrderedDict

import numpy as np
from streamlit import runtime

from ..films.radiograph import Radiograph
from .streamlit_hooks import keep_media, media

__all__ = ["depth", "film_address", "grey_levels"]

ROWS = 64  # converted at a time, so that they stay in the processor's cache
REMEMBERED = 64  # addresses, not films

_addresses: OrderedDict[tuple[str, int], str] = OrderedDict()
_lock = threading.Lock()


def depth(film: Radiograph) -> int:
    """Return the bits per sample in which a film is sent: 8, or 16 where it has more than 8."""
    return 8 if film.bits <= 8 else 16


def grey_levels(film: Radiograph) -> bytes:
    """Return a film's pixels as integers.

    Parameters
    ----------
    film : Radiograph
        The film.

    Returns
    -------
    bytes
        Row after row, white = dense: one byte per pixel of 0 to 255, or two, the low one first, of
        0 to 65535, as `depth` says. A film read from 8 or 16 bits has exactly its file's levels.
    """
    most = 2 ** depth(film) - 1
    levels = np.empty(film.pixels.shape, "u1" if most == 255 else "<u2")
    part = np.empty((ROWS, film.width), np.float32)
    for top in range(0, film.height, ROWS):
        rows = film.pixels[top : top + ROWS]
        scaled = np.multiply(rows, np.float32(most), out=part[: len(rows)])
        # Cutting off after adding a half rounds, in half the time of numpy.rint.
        scaled += np.float32(0.5)
        levels[top : top + ROWS] = scaled
    return levels.tobytes()


def film_address(film: Radiograph, place: str) -> str:
    """Make a film's `grey_levels` available to the browser.

    Call it in every run of the script that shows the film: what a run does not ask for is freed
    when it ends.

    Parameters
    ----------
    film : Radiograph
        The film.
    place : str
        Where on the page it is shown; unique within it.

    Returns
    -------
    str
        An address below that of the dashboard, of hexadecimal figures that tell nothing; the film
        itself as a ``data:`` address where this Streamlit cannot store it; empty if no server
        runs.
    """
    if not runtime.exists():
        return ""
    kept = film.sha256, depth(film)
    with _lock:
        known = _addresses.get(kept)
    levels = (media(known) if known else None) or grey_levels(film)
    # Films may share their ends and middle; the hash of every pixel tells them apart.
    address = keep_media(levels, place, film.sha256)
    if address is None:  # in the message itself: slow, and right all the same
        return f"data:application/octet-stream;base64,{base64.b64encode(levels).decode()}"
    with _lock:
        _addresses[kept] = address
        _addresses.move_to_end(kept)
        while len(_addresses) > REMEMBERED:
            _addresses.popitem(last=False)
    return address
