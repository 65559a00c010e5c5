"""What one call of a network returns, whatever runs it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["Forward", "Inputs", "Numbers", "Outputs"]

Inputs = NDArray[np.uint8] | NDArray[np.float32]


class Outputs(NamedTuple):
    """What one call of a network returns.

    Attributes
    ----------
    logits : numpy.ndarray of float32
        Shape (films,).
    maps : numpy.ndarray of float32
        Shape (films, rows, columns) at the layer's size, not negative; see
        `cxr.networks.class_activation` for the unit. No rows and columns if no map was asked for.
    features : numpy.ndarray of float32
        Shape (films, features): averages over the picture of the layers that were asked for, in
        order.
    """

    logits: NDArray[np.float32]
    maps: NDArray[np.float32]
    features: NDArray[np.float32]

    @classmethod
    def of(
        cls,
        logits: NDArray[np.float32],
        features: NDArray[np.float32],
        maps: NDArray[np.float32] | None = None,
    ) -> Self:
        """Put them together, with maps of no rows and columns where there are none."""
        none = np.zeros((len(logits), 0, 0), np.float32)
        return cls(logits, none if maps is None else maps, features)


Forward = Callable[[Inputs], Outputs]
#: Takes films, gives numbers of each: features, activations.
Numbers = Callable[[Inputs], NDArray[np.float32]]
