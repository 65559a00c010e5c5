"""A film's values on their way to the browser: raw, once, by address, in memory alone.

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
from ..films.values import look_up
from .film_scale import film_scale, tables
from .streamlit_hooks import keep_media, media

__all__ = ["depth", "film_address", "film_key", "grey_levels", "sent"]

ROWS = 64  # converted at a time, so that they stay in the processor's cache
REMEMBERED = 64  # addresses, not films

_addresses: OrderedDict[tuple[str, int], str] = OrderedDict()
_lock = threading.Lock()


def depth(film: Radiograph) -> int:
    """Return the bits per level in which a film is sent: 8, or 16 where it has more than 8."""
    return film_scale(film).bits


def grey_levels(film: Radiograph) -> bytes:
    """Return a film as integers: its own values as `film_scale` numbers them, else its pixels.

    Parameters
    ----------
    film : Radiograph
        The film.

    Returns
    -------
    bytes
        Row after row, the higher the brighter: one byte per pixel, or two, the low one first, as
        `depth` says. A film without values of its own that was read from 8 or 16 bits has exactly
        its file's levels.
    """
    if film.values is not None:
        of_level = film_scale(film).levels(film.values)
        return look_up(of_level, film.values.levels).tobytes()
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


def film_key(film: Radiograph) -> str:
    """Return a hash of all that the browser gets of a film: its values too, where it has some."""
    return film.values.sha256 if film.values else film.sha256


def sent(film: Radiograph) -> bytes:
    """Return `grey_levels`, and after them, at an even place, the tables among the windows."""
    levels = grey_levels(film)
    parts = [levels, b"\0" * (len(levels) % 2)]
    parts += [table.astype("<u2").tobytes() for table in tables(film)]
    return b"".join(parts) if len(parts) > 2 else levels


def film_address(film: Radiograph, place: str) -> str:
    """Make what is `sent` of a film available to the browser.

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
    key = film_key(film)
    kept = key, depth(film)
    with _lock:
        known = _addresses.get(kept)
    levels = (media(known) if known else None) or sent(film)
    # Films may share their ends and middle; the hash of every pixel tells them apart.
    address = keep_media(levels, place, key)
    if address is None:  # in the message itself: slow, and right all the same
        return f"data:application/octet-stream;base64,{base64.b64encode(levels).decode()}"
    with _lock:
        _addresses[kept] = address
        _addresses.move_to_end(kept)
        while len(_addresses) > REMEMBERED:
            _addresses.popitem(last=False)
    return address
