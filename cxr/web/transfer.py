"""A film's values on their way to the browser: raw, once, by address, in memory alone.

The bytes lie in Streamlit's own store of media files, under an address that is a hash. Streamlit
drops them when a run of the script ends that did not show the film, and when the session ends.
"""

from __future__ import annotations

import base64
import threading
from collections import OrderedDict
from dataclasses import asdict, dataclass, field

import numpy as np
from streamlit import runtime

from ..films.radiograph import Radiograph
from ..films.values import look_up
from .film_scale import film_scale, tables, windows
from .streamlit_hooks import keep_media, media

__all__ = [
    "ReadyFilm",
    "depth",
    "film_address",
    "film_key",
    "film_told",
    "grey_levels",
    "ready_film",
    "sent",
]

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


def film_told(film: Radiograph) -> dict[str, object]:
    """Return what the browser is told of a film's levels: their scale, windows and tables."""
    return {
        "sha256": film.sha256,
        "key": film_key(film),
        "width": film.width,
        "height": film.height,
        "scale": asdict(film_scale(film)),
        "inverted": film.values is not None and film.values.inverted,
        "windows": windows(film),
        "own": film.values is not None and bool(film.values.windows),
        "tables": [len(table) for table in tables(film)],
        "spacing": film.pixel_spacing,
        # A ruler says so: what lies before the detector is smaller than its shadow.
        "at_detector": film.spacing_at == "detector",
    }


@dataclass(frozen=True)
class ReadyFilm:
    """All that the browser gets of a film, without the film: a third of its memory, or less.

    Attributes
    ----------
    told : dict
        See `film_told`.
    levels : bytes
        See `sent`.
    """

    told: dict[str, object] = field(repr=False)
    levels: bytes = field(repr=False)

    @property
    def sha256(self) -> str:
        """Hash of the film's pixels."""
        return str(self.told["sha256"])

    @property
    def size(self) -> int:
        """Bytes that it takes."""
        return len(self.levels)


def ready_film(film: Radiograph) -> ReadyFilm:
    """Make all that the browser gets of a film before it is asked for."""
    return ReadyFilm(film_told(film), sent(film))


def film_address(film: Radiograph | ReadyFilm, place: str) -> str:
    """Make what is `sent` of a film available to the browser.

    Call it in every run of the script that shows the film: what a run does not ask for is freed
    when it ends.

    Parameters
    ----------
    film : Radiograph or ReadyFilm
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
    if isinstance(film, ReadyFilm):
        return keep_media(film.levels, place, str(film.told["key"])) or _in_message(film.levels)
    key = film_key(film)
    kept = key, depth(film)
    with _lock:
        known = _addresses.get(kept)
    levels = (media(known) if known else None) or sent(film)
    # Films may share their ends and middle; the hash of every pixel tells them apart.
    address = keep_media(levels, place, key)
    if address is None:
        return _in_message(levels)
    with _lock:
        _addresses[kept] = address
        _addresses.move_to_end(kept)
        while len(_addresses) > REMEMBERED:
            _addresses.popitem(last=False)
    return address


def _in_message(levels: bytes) -> str:
    """Return levels as an address that holds them: slow, and right all the same."""
    return f"data:application/octet-stream;base64,{base64.b64encode(levels).decode()}"
