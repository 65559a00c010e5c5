"""The lung fields divided as a report names them: right and left, upper, middle and lower zone."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["ZONES", "Sides", "divide", "zone_map"]

#: In the order of `zone_map`'s numbers, from 1.
ZONES = (
    "right upper",
    "right middle",
    "right lower",
    "left upper",
    "left middle",
    "left lower",
)
#: A part smaller than this share of the largest is a fleck and no lung.
FLECK = 0.1
#: Lungs that run into each other are parted in this share of their width, about its middle.
MIDDLE = 0.4
#: A side with less than this share of the area is no lung of its own.
ONE_SIDED = 0.12
#: Between two lungs the mask is at most this share as high as where it is highest.
VALLEY = 0.6


class Sides(NamedTuple):
    """The patient's two lungs, as the film is hung: the right one to the viewer's left.

    Attributes
    ----------
    right : numpy.ndarray
        (height, width).
    left : numpy.ndarray
        The same, for the left lung.
    """

    right: NDArray[np.bool_]
    left: NDArray[np.bool_]


def around(mask: NDArray[np.bool_], margin: int) -> tuple[slice, slice]:
    """Return the rows and columns that a mask takes up, and so many more on each side."""
    found = []
    for axis in (1, 0):
        places = np.flatnonzero(mask.any(axis=axis))
        low, high = (int(places[0]), int(places[-1]) + 1) if len(places) else (0, 0)
        found.append(slice(max(0, low - margin), high + margin))
    return found[0], found[1]


def without_holes(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Fill what a mask encloses: what no path of pixels, side by side, leads out of.

    The same as ``scipy.ndimage.binary_fill_holes``, in a third of the time.
    """
    from scipy.ndimage import label

    parts, count = label(~mask)
    outside = np.zeros(count + 1, np.bool_)
    for edge in (parts[0], parts[-1], parts[:, 0], parts[:, -1]):
        outside[edge] = True
    outside[0] = False  # the mask itself
    return np.asarray(~outside[parts])


def divide(mask: NDArray[np.bool_]) -> Sides:
    """Part a mask of both lungs into the two, without flecks and holes.

    Parameters
    ----------
    mask
        (height, width).

    Returns
    -------
    Sides
        One of them is empty where the film shows one lung.
    """
    from scipy.ndimage import label, sum_labels

    if not mask.any():
        return Sides(np.zeros_like(mask), np.zeros_like(mask))
    box = around(mask, 1)
    parts = np.zeros(mask.shape, np.int32)
    parts[box], count = label(mask[box])
    areas = sum_labels(mask, parts, np.arange(1, count + 1))
    large = np.flatnonzero(areas >= FLECK * areas.max())
    large = large[np.argsort(areas[large])[::-1][:2]] + 1
    kept = np.zeros(mask.shape, np.bool_)
    kept[box] = without_holes(np.isin(np.arange(count + 1), large)[parts[box]])
    columns = np.flatnonzero(kept.any(axis=0))
    first, last = int(columns[0]), int(columns[-1])
    if len(large) == 2:
        centers = [np.nonzero(parts == part)[1].mean() for part in large]
        whole = np.zeros(mask.shape, np.int32)
        whole[box], _ = label(kept[box])
        sides = [whole == whole[parts == part][0] for part in large[np.argsort(centers)]]
        if not (sides[0] & sides[1]).any():
            return Sides(*sides)
    reach = (last - first) * MIDDLE / 2
    middle = (first + last) / 2
    low, high = int(middle - reach), int(middle + reach) + 1
    heights = kept[:, low:high].sum(axis=0)
    cut = low + int(np.flatnonzero(heights == heights.min()).mean())
    right, left = kept.copy(), kept.copy()
    right[:, cut:] = False
    left[:, :cut] = False
    area = kept.sum()
    valley = heights.min() <= VALLEY * kept.sum(axis=0).max()
    if valley and min(right.sum(), left.sum()) >= ONE_SIDED * area:
        return Sides(right, left)
    # One lung: it is the side of the film that it lies on.
    empty = np.zeros_like(kept)
    return Sides(kept, empty) if middle < mask.shape[1] / 2 else Sides(empty, kept)


def zone_map(sides: Sides) -> NDArray[np.uint8]:
    """Number the zones: each lung's height in thirds.

    Parameters
    ----------
    sides
        The two lungs.

    Returns
    -------
    numpy.ndarray
        (height, width): 0 outside, else one more than the place in `ZONES`.
    """
    zones = np.zeros(sides.right.shape, np.uint8)
    for first, side in ((1, sides.right), (4, sides.left)):
        rows = np.flatnonzero(side.any(axis=1))
        if not len(rows):
            continue
        edges = np.linspace(rows[0], rows[-1] + 1, 4)[1:3]
        third = np.searchsorted(edges, np.arange(side.shape[0]), side="right")
        zones = np.where(side, (first + third)[:, None], zones).astype(np.uint8)
    return zones
