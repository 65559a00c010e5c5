"""How well a map and the boxes on its film agree: measures on arrays, and trivial maps."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...heatmaps.heatmap import EPSILON

__all__ = [
    "CENTRE_WIDTH",
    "CUTS",
    "FOLDS",
    "Agreement",
    "agreement",
    "centre_map",
    "cross_fitted",
    "stretched",
]

#: Where a map may be cut, as shares of its maximum.
CUTS = np.arange(1, 20, dtype=np.float32) / np.float32(20)
FOLDS = 5
#: Standard deviation of the centre's Gaussian, as a share of the film's height and width.
CENTRE_WIDTH = 0.25


class Agreement(NamedTuple):
    """How well one map agrees with the boxes on its film.

    Attributes
    ----------
    hit : float
        1 where its highest pixel is inside a box, else 0. The mean over several maps is between the
        two.
    ious : numpy.ndarray of float64
        Shape (cuts,): intersection over union of the boxes and the area at or above each of `CUTS`.
    share : float
        Share of the map's sum that is inside the boxes, in [0, 1].
    """

    hit: float
    ious: NDArray[np.float64]
    share: float


def agreement(array: NDArray[np.float32], inside: NDArray[np.bool_]) -> Agreement:
    """Compare a map with the boxes on its film.

    A map that is 0 everywhere points nowhere: no hit, no intersection, no share. A hit is one
    without the tolerance of 15 pixels that the pointing game was published with.

    Parameters
    ----------
    array : numpy.ndarray of float32
        (H, W) in [0, 1].
    inside : numpy.ndarray of bool
        bool (H, W): where the boxes are (`cxr.datasets.boxes.mask`).

    Raises
    ------
    ValueError
        If the shapes differ or no pixel is inside.

    References
    ----------
    Zhang et al., Top-down neural attention by excitation backprop, IJCV 126:1084, 2018 (the
    pointing game).
    """
    if array.shape != inside.shape or not inside.any():
        raise ValueError(
            f"Expected boxes on a map of shape {array.shape}. Received: {inside.sum()} pixels "
            f"of {inside.shape}"
        )
    total = float(array.sum(dtype=np.float64))
    if total <= 0:
        return Agreement(0.0, np.zeros(CUTS.size), 0.0)
    # How many of the cuts each pixel reaches; from these counts follow the areas at every cut.
    reached = np.searchsorted(CUTS, array.ravel(), side="right")
    within = reached[inside.ravel()]
    above, both = (
        np.bincount(counted, minlength=CUTS.size + 1)[::-1].cumsum()[::-1][1:]
        for counted in (reached, within)
    )
    union = above + int(inside.sum()) - both
    share = float(array[inside].sum(dtype=np.float64)) / total
    return Agreement(float(inside.flat[int(array.argmax())]), both / union, share)


def cross_fitted(
    ious: ArrayLike, patients: ArrayLike, *, seed: int = 0
) -> tuple[NDArray[np.float64], list[float]]:
    """Take each film's intersection over union at the cut that is best on other patients.

    Patients are dealt into `FOLDS` parts, or as many as there are patients; the films of a part
    are measured at the cut with the highest mean over the other parts, the lowest of equals.

    Parameters
    ----------
    ious : array_like, shape (films, cuts)
        At each of `CUTS`.
    patients : array_like, shape (films,)
        Each film's patient by name.
    seed : int
        Of the dealing.

    Returns
    -------
    values : numpy.ndarray
        (films,)
    cuts : list of float
        One per part.

    Raises
    ------
    ValueError
        If there are not two patients.
    """
    per_film, names = np.asarray(ious, np.float64), np.asarray(patients)
    unique, owner = np.unique(names, return_inverse=True)
    if unique.size < 2:
        raise ValueError(f"Expected films of two patients at least. Received: {unique.size}")
    parts = min(FOLDS, unique.size)
    part = np.random.default_rng(seed).permutation(np.arange(unique.size) % parts)[owner]
    values, cuts = np.zeros(len(per_film)), []
    for k in range(parts):
        best = int(per_film[part != k].mean(axis=0).argmax())
        values[part == k] = per_film[part == k, best]
        cuts.append(round(float(CUTS[best]), 2))
    return values, cuts


def centre_map(height: int, width: int) -> NDArray[np.float32]:
    """Return a Gaussian at the film's center, `CENTRE_WIDTH` wide: (H, W) in [0, 1]."""
    y, x = (
        np.exp(-0.5 * (((np.arange(size) + 0.5) / size - 0.5) / CENTRE_WIDTH) ** 2)
        for size in (height, width)
    )
    return np.asarray(np.outer(y, x), np.float32)


def stretched(grid: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bring a map to [0, 1] by its own range, so that no film outweighs another in a mean.

    All 0 if it has none, as `Heatmap.array` is.
    """
    low, high = float(grid.min()), float(grid.max())
    if high - low <= EPSILON:
        return np.zeros_like(grid)
    return np.asarray((grid - low) / (high - low), np.float32)
