"""The outline of the lungs, and the borders of their zones, as lines to draw over a film."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .segment import CUT_OFF, Lungs

__all__ = ["Outline", "outline"]

Point = tuple[float, float]

#: Pixels along a side of the grid that is traced: the network sees fewer, so that nothing is lost.
FINEST = 512
#: How far a line may lie from the mask's edge, in pixels of the grid: a jog of one pixel is none.
TOLERANCE = 1.0
#: A polygon with fewer corners, or a border of fewer pixels, is a fleck.
LEAST = 4


class Outline(NamedTuple):
    """Lines in the film's pixels, from its upper left corner.

    Attributes
    ----------
    lungs : tuple
        Polygons, each a tuple of points (x, y), closed without repeating the first.
    borders : tuple
        Straight lines between zones, each of two points (x, y).
    said : tuple of str
        What is to be said of these lungs, as sentences for people.
    box : tuple of float or None
        Left, top, right and bottom edge of both lungs together; None where one of them is missing
        or cut off, so that films cannot be matched by it.
    """

    lungs: tuple[tuple[Point, ...], ...]
    borders: tuple[tuple[Point, Point], ...]
    said: tuple[str, ...] = ()
    box: tuple[float, float, float, float] | None = None


def outline(lungs: Lungs) -> Outline:
    """Trace the lungs of a film.

    Parameters
    ----------
    lungs
        As `cxr.find_lungs` gives them.

    Returns
    -------
    Outline
    """
    height, width = lungs.mask.shape
    step = max(1, -(-max(height, width) // FINEST))
    edge = np.array([width, height])

    def to_film(points: NDArray[Any]) -> list[Point]:
        # The last pixel of the grid may reach beyond the film.
        return [(float(x), float(y)) for x, y in np.minimum(points * step, edge)]

    polygons = [
        tuple(to_film(_simplified(ring)))
        for side in lungs.sides
        for ring in _rings(side[::step, ::step])
    ]
    borders = [tuple(to_film(line)) for line in _borders(lungs.zones[::step, ::step])]
    rings = tuple(ring for ring in polygons if len(ring) >= LEAST)
    whole = lungs.sides.right.any() and lungs.sides.left.any() and CUT_OFF not in lungs.remarks
    return Outline(
        rings,
        tuple((start, end) for start, end in borders),
        tuple(remark.reason for remark in lungs.remarks),
        _box(rings) if whole and rings else None,
    )


def _box(rings: tuple[tuple[Point, ...], ...]) -> tuple[float, float, float, float]:
    xs, ys = zip(*(point for ring in rings for point in ring), strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def _rings(mask: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
    """Return the closed edges of a mask, each (points, 2) of x and y.

    The points are the middles of the pixels' sides, so that a slope is one and no stairs.
    """
    padded = np.pad(mask, 1)
    inside = padded[1:-1, 1:-1]
    # Clockwise around each pixel: where a side begins, and the step along it.
    sides = (
        (padded[:-2, 1:-1], (0, 0), (1, 0)),
        (padded[1:-1, 2:], (1, 0), (0, 1)),
        (padded[2:, 1:-1], (1, 1), (-1, 0)),
        (padded[1:-1, :-2], (0, 1), (0, -1)),
    )
    following: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for neighbor, (dx, dy), (along, down) in sides:
        for y, x in np.argwhere(inside & ~neighbor).tolist():
            following[x + dx, y + dy].append((x + dx + along, y + dy + down))
    rings = []
    while following:
        start = at = next(iter(following))
        ring = []
        while at in following:
            ring.append(at)
            nexts = following[at]
            onward = nexts.pop()
            if not nexts:
                del following[at]
            at = onward
            if at == start:
                break
        corners = np.array(ring)
        rings.append((corners + np.roll(corners, -1, axis=0)) / 2)
    return rings


def _simplified(ring: NDArray[np.float64]) -> NDArray[np.float64]:
    """Leave out the points of a closed line that lie near the line between others.

    References
    ----------
    Douglas and Peucker, Algorithms for the reduction of the number of points required to represent
    a digitized line, Cartographica 1973.
    """
    far = int(np.linalg.norm(ring - ring[0], axis=1).argmax())
    closed = np.concatenate([ring, ring[:1]])
    keep = np.zeros(len(closed), bool)
    keep[[0, far]] = True
    open_ = [(0, far), (far, len(closed) - 1)]
    while open_:
        first, last = open_.pop()
        if last - first < 2:
            continue
        distances = _distances(closed[first + 1 : last], closed[first], closed[last])
        if distances.max() > TOLERANCE:
            middle = first + 1 + int(distances.argmax())
            keep[middle] = True
            open_ += [(first, middle), (middle, last)]
    return closed[keep]


def _distances(
    points: NDArray[np.float64], start: NDArray[np.float64], end: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return how far points lie from the line between two others."""
    way, away = end - start, points - start
    length = float(way @ way)
    along = np.clip(away @ way / length, 0, 1) if length else np.zeros(len(points))
    return np.asarray(np.linalg.norm(away - along[:, None] * way, axis=1))


def _borders(zones: NDArray[np.uint8]) -> list[NDArray[np.int64]]:
    """Return the level lines between the zones of a lung, each ((x, y), (x, y))."""
    above, below = zones[:-1], zones[1:]
    same_lung = (above > 0) & (below > 0) & ((above - 1) // 3 == (below - 1) // 3)
    meets = np.pad(same_lung & (above != below), ((0, 0), (1, 1))).astype(np.int8)
    turns = np.diff(meets, axis=1)
    lines = [
        np.array([(start, row + 1), (end, row + 1)])
        for row in np.flatnonzero(meets.any(axis=1)).tolist()
        for start, end in zip(
            np.flatnonzero(turns[row] == 1), np.flatnonzero(turns[row] == -1), strict=True
        )
    ]
    return [line for line in lines if line[1, 0] - line[0, 0] >= LEAST]
