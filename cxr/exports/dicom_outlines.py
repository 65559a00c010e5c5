"""The line around a region, as DICOM has it. Loaded with a DICOM export."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..scoring.reader import RegionShape
from ..scoring.region import Region

__all__ = ["outline"]


def outline(region: Region, height: int, width: int) -> tuple[str, NDArray[np.float64]]:
    """Return the line around a region (PS3.3 C.10.5.1.2, C.18.6.1.2).

    Parameters
    ----------
    region : Region
        The region.
    height, width : int
        Of the film, pixels.

    Returns
    -------
    kind : {"POLYLINE", "ELLIPSE"}
    points : numpy.ndarray
        float64 (points, 2): column and row, the upper left corner of the film being 0, 0. Of a box
        its corners and the first one again; of an ellipse the ends of its longer axis, then those
        of its shorter one.
    """
    left, top, right, bottom = region.pixels(height, width)
    if region.shape is RegionShape.BOX:
        corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
        return "POLYLINE", np.array(corners)
    x, y = (left + right) / 2, (top + bottom) / 2
    axes = [[(left, y), (right, y)], [(x, top), (x, bottom)]]
    if bottom - top > right - left:
        axes.reverse()
    return "ELLIPSE", np.array([point for axis in axes for point in axis])
