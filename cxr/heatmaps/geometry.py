"""How a map of few cells is laid over a film: linear, corners aligned, the margin left out.

The one place where this is written in Python. ``web/static/film_heat.js`` does the same in the
browser, and a test compares the two.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..films.preprocessing import without_margin

__all__ = ["enlarged", "interpolation", "over_film"]


def interpolation(size: int, nodes: int) -> NDArray[np.float32]:
    """Return the weights of a linear interpolation with the corners aligned.

    Parameters
    ----------
    size : int
        Pixels along one axis.
    nodes : int
        Cells of the map along it. The outermost cells lie on the outermost pixels.

    Returns
    -------
    numpy.ndarray
        float32 (size, nodes); each row sums to 1.
    """
    at = np.linspace(0, nodes - 1, size, dtype=np.float32)
    weights = 1 - np.abs(at[:, None] - np.arange(nodes, dtype=np.float32))
    return np.asarray(np.maximum(weights, 0), np.float32)


def enlarged(grid: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    """Return a map at another size.

    Parameters
    ----------
    grid : numpy.ndarray
        (rows, columns).
    height, width : int
        Pixels.

    Returns
    -------
    numpy.ndarray
        (height, width), of the grid's precision, float32 at least.
    """
    rows, columns = interpolation(height, grid.shape[0]), interpolation(width, grid.shape[1])
    return np.asarray(rows @ grid @ columns.T)


def over_film(
    grid: NDArray[Any],
    height: int,
    width: int,
    margin: float,
    scale: Callable[[NDArray[Any]], NDArray[Any]] = lambda inside: inside,
) -> NDArray[np.float32]:
    """Lay a map over what the network sees of a film; the margin is 0.

    Parameters
    ----------
    grid : numpy.ndarray
        (rows, columns).
    height, width : int
        Of the film, pixels.
    margin : float
        Share of the height and width at each edge that the network does not see.
    scale : callable
        What is done with the values at the film's size, before the margin is put around them.

    Returns
    -------
    numpy.ndarray
        float32 (height, width).
    """
    result = np.zeros((height, width), np.float32)
    seen = result[without_margin((height, width), margin)]
    seen[:] = scale(enlarged(grid, *seen.shape))
    return result
