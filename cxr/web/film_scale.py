"""How a film's own values are numbered on their way to the browser, and its windows told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..films.radiograph import Radiograph
from ..films.values import FilmValues
from ..films.windows import ValuesOfInterest, Window, WindowTable

__all__ = ["FilmScale", "film_scale", "tables", "windows"]

MOST = 65535
"""Steps between values; one fewer where there is padding, which has a level of its own."""


@dataclass(frozen=True)
class FilmScale:
    """What the levels mean that a film is sent in: brighter ones are higher.

    Attributes
    ----------
    offset, step : float
        The value of a level is offset + step x level; the step is below 0 where small values are
        bright.
    padding : bool
        Whether level 0 is padding, which is black whatever the window.
    low, high : float
        The least and the greatest value.
    unit : float
        What is told apart of the values.
    bits : int
        8 or 16: of a level.
    """

    offset: float
    step: float
    padding: bool
    low: float
    high: float
    unit: float
    bits: int

    def levels(self, values: FilmValues) -> NDArray[np.uint8 | np.uint16]:
        """Return the level that each of a film's stored levels is sent as."""
        known = np.nan_to_num(values.scale, nan=self.low)
        level = np.rint((np.clip(known, self.low, self.high) - self.offset) / self.step)
        level[np.isnan(values.scale)] = 0
        return level.astype("u1" if self.bits == 8 else "<u2")


def film_scale(film: Radiograph) -> FilmScale:
    """Choose the levels that a film is sent in.

    A film without values of its own is sent as it was read, of 8 or of 16 bits, and its values are
    the gray levels of its file. Of any other, all values that occur are told apart, unless there
    are more than `MOST`: then as many even steps.
    """
    values = film.values
    if values is None:
        # The reader counts in the file's own gray levels, in whatever depth they are sent.
        top, bits = 2 ** min(16, max(8, film.bits)) - 1, 8 if film.bits <= 8 else 16
        return FilmScale(0.0, top / (2**bits - 1), False, 0.0, float(top), 1.0, bits)
    seen = values.seen if values.seen.size else np.zeros(1)
    low, high = float(seen[0]), float(seen[-1])
    padding = bool(np.isnan(values.scale[values.counts > 0]).any())
    step = _step(values, seen, MOST - padding)
    count = round((high - low) / step) + padding
    bits = 8 if count <= 255 else 16
    if values.inverted:
        return FilmScale(high + step * padding, -step, padding, low, high, step, bits)
    return FilmScale(low - step * padding, step, padding, low, high, step, bits)


def _step(values: FilmValues, seen: NDArray[np.float64], most: int) -> float:
    span = float(seen[-1] - seen[0])
    if not span:
        return 1.0
    apart = np.diff(np.unique(values.scale[np.isfinite(values.scale)]))
    for candidate in (np.diff(seen).min(), apart.min()):
        count = round(span / float(candidate))
        if 0 < count <= most:
            steps = (seen - seen[0]) * (count / span)
            if np.abs(steps - np.rint(steps)).max() < 1e-3:
                return span / count
    return span / most


def windows(film: Radiograph) -> list[dict[str, object]]:
    """Tell the browser how a film is shown: first at the start, then all windows of its file.

    Returns
    -------
    list of dict
        Each with a kind, "range", "linear", "exact", "sigmoid" or "table"; a center and a width in
        the unit of the values; what the file calls it. A table says which of `tables` it is.
    """
    values = film.values
    if values is None:
        scale = film_scale(film)
        return [_told_range(scale.low, scale.high)]
    numbers = {id(window): number for number, window in enumerate(_tables(values))}
    return [_told(window, numbers) for window in _shown(values)]


def tables(film: Radiograph) -> list[NDArray[np.uint16]]:
    """Return the entries of the lookup tables among `windows`."""
    return [table.entries for table in _tables(film.values)] if film.values else []


def _shown(values: FilmValues) -> tuple[ValuesOfInterest, ...]:
    return values.windows or (values.start,)


def _tables(values: FilmValues) -> Iterator[WindowTable]:
    return (window for window in _shown(values) if isinstance(window, WindowTable))


def _told(window: ValuesOfInterest, numbers: dict[int, int]) -> dict[str, object]:
    if isinstance(window, Window):
        exact = window.function == "LINEAR_EXACT" or window.width < 1
        kind = {"SIGMOID": "sigmoid"}.get(window.function, "exact" if exact else "linear")
        return {
            "kind": kind,
            "center": window.center,
            "width": window.width,
            "name": window.explanation,
        }
    if isinstance(window, WindowTable):
        count = len(window.entries)
        return {
            "kind": "table",
            "center": window.first + (count - 1) / 2,
            "width": count,
            "name": window.explanation,
            "table": numbers[id(window)],
            "first": window.first,
            "top": window.top,
        }
    return _told_range(window.low, window.high)


def _told_range(low: float, high: float) -> dict[str, object]:
    return {"kind": "range", "center": (low + high) / 2, "width": high - low, "name": ""}
