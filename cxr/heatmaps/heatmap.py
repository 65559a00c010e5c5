"""A heatmap as a value: the map, what it is of, by which method and at what price."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .geometry import interpolation, over_film
from .methods import METHODS

__all__ = ["CAPTION", "EPSILON", "Cost", "Heatmap", "interpolation"]

#: The words under every heatmap.
CAPTION = "Where the score came from, not where disease is."
#: Added to the range when a map is stretched, as tf-keras-vis adds it; a smaller range is none.
EPSILON = 1e-7


class Cost(NamedTuple):
    """What it took to compute a heatmap.

    Attributes
    ----------
    seconds : float
        Wall time: this film's share of the call that made it.
    passes : int
        Forward passes of the network over the film; a gradient down to the film counts as one more.
    """

    seconds: float
    passes: int


@dataclass(frozen=True, eq=False)
class Heatmap:
    """A map of where a film's score came from, which is not where disease is.

    Attributes
    ----------
    grid : numpy.ndarray of float32
        Shape (rows, columns), not negative, in the method's own unit. `array` has it at the film's
        size; `density` allows two to be compared.
    height, width : int
        Of the film, in pixels.
    method : str
        One of `cxr.heatmaps.methods.METHODS`.
    layer : str
        The layer that was looked at; "" for a method that looks at the film itself.
    finding : str
        The class that higher values speak for.
    margin : float
        Share of the height and width at each edge that the network does not see.
    cost : Cost or None
        What it took; None if it was not measured.
    """

    grid: NDArray[np.float32]
    height: int
    width: int
    method: str
    layer: str
    finding: str
    margin: float = 0.0
    cost: Cost | None = None

    @property
    def title(self) -> str:
        """The method's name for people."""
        return METHODS[self.method].title if self.method in METHODS else self.method

    @property
    def sign(self) -> str:
        """What a high value means, in plain words."""
        return METHODS[self.method].sign if self.method in METHODS else ""

    @cached_property
    def array(self) -> NDArray[np.float32]:
        """(H, W) at the film's size, in [0, 1]: 0 the least, 1 the most; all 0 if none is.

        Over what the network sees, interpolated linearly with the corners aligned, then stretched
        to its own range, as tf-keras-vis does. The margin, which it does not see, is 0.
        """
        return over_film(self.grid, self.height, self.width, self.margin, _stretched)

    @cached_property
    def density(self) -> NDArray[np.float32]:
        """(rows, columns): the grid over its own mean, so 1 is an even share; all 0 if none is.

        Has no unit, so that maps of different methods and films can be shown on one scale.
        """
        # A mean of float64, and never over next to nothing: that would blow rounding up.
        mean = float(self.grid.mean(dtype=np.float64)) if self.grid.size else 0.0
        if self.grid.max(initial=0.0) <= EPSILON:
            return np.zeros(self.grid.shape, np.float32)
        return np.asarray(self.grid / mean, np.float32)


def _stretched(inside: NDArray[Any]) -> NDArray[np.float32]:
    """Return the values stretched to [0, 1]; 0 where they are all alike."""
    inside = np.asarray(inside, np.float32)
    low, high = float(inside.min()), float(inside.max())
    # With nothing positive anywhere, stretching would paint noise.
    if not high - low > EPSILON:
        return np.zeros_like(inside)
    return np.asarray((inside - low) / (high - low + EPSILON), np.float32)
