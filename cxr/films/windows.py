"""Windows and tables of values of interest: from a film's own values to gray in [0, 1]."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["ValueRange", "ValuesOfInterest", "Window", "WindowTable", "apply_window"]


Function: TypeAlias = Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"]


def apply_window(values: NDArray[Any], center: float, width: float, function: str) -> NDArray[Any]:
    """Apply a window by PS3.3 C.11.2.1.2.1 (LINEAR), C.11.2.1.3.2 (LINEAR_EXACT) or SIGMOID.

    Parameters
    ----------
    values : numpy.ndarray
        In the unit of the window.
    center, width : float
        The width is above 0. One below 1, which LINEAR does not allow, is taken as exact.
    function : str
        Any other word than those above is taken as LINEAR.

    Returns
    -------
    numpy.ndarray
        float64 in [0, 1].
    """
    values = values.astype(np.float64)
    if function == "SIGMOID":  # C.11.2.1.3.1
        return 1 / (1 + np.exp(np.clip(-4 * (values - center) / width, -700, 700)))
    if function != "LINEAR_EXACT" and width >= 1:
        center, width = center - 0.5, width - 1
    if width == 0:
        return (values > center).astype(np.float64)
    return np.clip((values - center) / width + 0.5, 0, 1)


@dataclass(frozen=True)
class Window:
    """A window of PS3.3 C.11.2.1.2.

    Attributes
    ----------
    center, width : float
        In the unit of the values; the width is above 0.
    function : {"LINEAR", "LINEAR_EXACT", "SIGMOID"}
        See `apply_window`.
    explanation : str
        What the file calls it, see `cxr.films.window_words`; "" if it does not say.
    """

    center: float
    width: float
    function: Function = "LINEAR"
    explanation: str = ""

    def grey(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return the gray in [0, 1] of each value, as float64."""
        return apply_window(values, self.center, self.width, self.function)


@dataclass(frozen=True, eq=False)
class WindowTable:
    """A lookup table of values of interest, PS3.3 C.11.2.1.1.

    Attributes
    ----------
    first : int
        The value that the first entry is for; smaller ones take it too, and values beyond the
        last entry take that.
    entries : numpy.ndarray of uint16
        One per whole value.
    top : int
        The entry that is white.
    explanation : str
        What the file calls it, see `cxr.films.window_words`; "" if it does not say.
    """

    first: int
    entries: NDArray[np.uint16]
    top: int
    explanation: str = ""

    def grey(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return the gray in [0, 1] of each value, as float32."""
        return self.looked_up(values) / np.float32(self.top)

    def looked_up(self, values: NDArray[Any]) -> NDArray[np.uint16]:
        """Return the entry for each value."""
        index = np.rint(values).astype(np.int64) - self.first
        looked_up: NDArray[np.uint16] = np.take(self.entries, index, mode="clip")
        return looked_up


@dataclass(frozen=True)
class ValueRange:
    """A stretch of values from black to white, where a file brings neither window nor table.

    Attributes
    ----------
    low, high : float
        What is black and what is white; all is black where they are the same.
    """

    low: float
    high: float

    def grey(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return the gray in [0, 1] of each value, as float64."""
        if self.low == self.high:
            return np.zeros(values.shape)
        return np.clip((values - np.float64(self.low)) / (self.high - self.low), 0, 1)


ValuesOfInterest: TypeAlias = Window | WindowTable | ValueRange
