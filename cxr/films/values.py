"""The values of a film as its file means them, before any window cuts them off."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .windows import ValuesOfInterest, WindowTable

__all__ = ["FilmValues", "level_counts", "look_up"]

GRID = 32  # pixels on a side


@dataclass(frozen=True, eq=False)
class FilmValues:
    """A film's values after the modality lookup table, and how the file wants them shown.

    Kept as the file stores them, in two bytes a pixel at most, with what each stored level means.

    Attributes
    ----------
    levels : numpy.ndarray of uint8 or uint16
        (height, width); read-only.
    scale : numpy.ndarray of float64
        The value of each level; NaN for padding, which holds nothing that was measured and is
        black whatever the window.
    start : Window or WindowTable
        What the film is shown at first with: the first of `windows`, or the range of its values.
    windows : tuple of Window or WindowTable
        All that the file brings, in its order, tables first.
    inverted : bool
        Whether the smallest value is white.
    """

    levels: NDArray[Any]
    scale: NDArray[np.float64]
    start: ValuesOfInterest
    windows: tuple[ValuesOfInterest, ...] = ()
    inverted: bool = False

    def __post_init__(self) -> None:
        if len(self.scale) < 2 ** (8 * self.levels.dtype.itemsize) or self.levels.dtype.kind != "u":
            raise ValueError(
                "Expected levels of 8 or 16 bits and the value of each. "
                f"Received: {self.levels.dtype} and {len(self.scale)} values"
            )
        levels = self.levels.view()
        levels.flags.writeable = False
        object.__setattr__(self, "levels", levels)

    @property
    def array(self) -> NDArray[np.float64]:
        """The values, float64 of (height, width); NaN where there is padding. Made anew."""
        return look_up(self.scale, self.levels)

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """How many pixels have each level."""
        return level_counts(self.levels)

    @cached_property
    def sha256(self) -> str:
        """Hash of all that is here: the same one, and any view of the film is the same."""
        digest = hashlib.sha256(struct.pack("<II?", *self.levels.shape, self.inverted))
        for window in (self.start, *self.windows):
            digest.update(repr(window).encode())
            if isinstance(window, WindowTable):
                digest.update(window.entries.tobytes())
        digest.update(np.ascontiguousarray(self.scale).data)
        digest.update(np.ascontiguousarray(self.levels).data)
        return digest.hexdigest()

    @cached_property
    def seen(self) -> NDArray[np.float64]:
        """The values that occur, in ascending order, each once."""
        return np.unique(self.scale[(self.counts > 0) & np.isfinite(self.scale)])

    def pixels(self, shown: ValuesOfInterest | None = None) -> NDArray[np.float32]:
        """Return gray in [0, 1], white = dense.

        Parameters
        ----------
        shown : Window or WindowTable, optional
            Instead of `start`.

        Returns
        -------
        numpy.ndarray
            float32 of (height, width).
        """
        return look_up(self.greys(shown), self.levels)

    def give(self, pixels: NDArray[np.float32]) -> bool:
        """Tell whether these are the pixels that the values give, from a grid of them."""
        if pixels.shape != self.levels.shape:
            return False
        grid = tuple(slice(None, None, max(1, side // GRID)) for side in pixels.shape)
        return np.allclose(self._start_greys[self.levels[grid]], pixels[grid], atol=1e-5)

    @cached_property
    def _start_greys(self) -> NDArray[np.float32]:
        return self._greys(self.start)

    def greys(self, shown: ValuesOfInterest | None = None) -> NDArray[np.float32]:
        """Return the gray of each level, see `pixels`."""
        return self._start_greys if shown is None else self._greys(shown)

    def _greys(self, shown: ValuesOfInterest) -> NDArray[np.float32]:
        padding = np.isnan(self.scale)
        grey = shown.grey(np.where(padding, 0.0, self.scale))
        grey = (1 - grey if self.inverted else grey).astype(np.float32)
        grey[padding] = 0
        return grey


def look_up(table: NDArray[Any], levels: NDArray[Any]) -> NDArray[Any]:
    """Return the entry of a table for each level."""
    entries = np.empty(levels.shape, table.dtype)
    for rows in _strips(levels):
        np.take(table, levels[rows], out=entries[rows], mode="clip")
    return entries


def level_counts(levels: NDArray[Any]) -> NDArray[np.int64]:
    """Count the pixels of each level of 8 or 16 bits."""
    size = 2 ** (8 * levels.dtype.itemsize)
    counts = np.zeros(size, np.int64)
    for rows in _strips(levels):
        counts += np.bincount(levels[rows].ravel(), minlength=size)
    return counts


def _strips(levels: NDArray[Any]) -> Iterator[slice]:
    # numpy takes indices in 8 bytes a pixel: a few rows at a time, so that these are never many.
    step = max(1, 2**18 // max(1, levels.shape[1]))
    return (slice(top, top + step) for top in range(0, len(levels), step))
