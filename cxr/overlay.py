"""A heatmap as colours over a film: which map, transparent where, how strongly."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .explanation import Heatmap
from .radiograph import Radiograph

__all__ = ["COLOUR_MAPS", "CUT", "OPACITY", "colour_table", "overlay"]

#: Sequential and readable without colour vision. Jet is not among them: it draws edges where the
#: values have none.
COLOUR_MAPS = ("inferno", "viridis", "cividis")
#: Below this value a heatmap is transparent, so that it does not veil the film.
CUT = 0.2
OPACITY = 0.5


@cache
def colour_table(name: str = "inferno") -> NDArray[np.uint8]:
    """Return a colour map as a table.

    Parameters
    ----------
    name
        One of `COLOUR_MAPS`.

    Returns
    -------
    numpy.ndarray
        uint8 (256, 3): red, green, blue of the values 0, 1/255, ..., 1.

    Raises
    ------
    ValueError
        If there is no such map.
    """
    if name not in COLOUR_MAPS:
        raise ValueError(f"Expected one of {', '.join(COLOUR_MAPS)}. Received: {name!r}")
    from plotly.colors import hex_to_rgb, sequential

    anchors = np.array([hex_to_rgb(c) for c in getattr(sequential, name.capitalize())], float)
    at = np.linspace(0, len(anchors) - 1, 256)
    columns = [np.interp(at, np.arange(len(anchors)), anchors[:, k]) for k in range(3)]
    return np.rint(np.stack(columns, axis=1)).astype(np.uint8)


def overlay(
    film: Radiograph,
    heatmap: Heatmap,
    *,
    opacity: float = OPACITY,
    cut: float = CUT,
    colours: str = "inferno",
) -> Image.Image:
    """Lay a heatmap over its film.

    Parameters
    ----------
    film, heatmap
        Of the same size.
    opacity
        In [0, 1], of the heatmap where it is not cut.
    cut
        In [0, 1]: what lies below is transparent.
    colours
        One of `COLOUR_MAPS`.

    Returns
    -------
    PIL.Image.Image
        RGB, the film's size.

    Raises
    ------
    ValueError
        If the sizes differ or a share is outside [0, 1].
    """
    if heatmap.array.shape != film.pixels.shape:
        raise ValueError(
            f"Expected a heatmap of {film.pixels.shape}. Received: {heatmap.array.shape}"
        )
    for name, share in (("opacity", opacity), ("cut", cut)):
        if not 0 <= share <= 1:
            raise ValueError(f"Expected {name} in [0, 1]. Received: {share}")
    grey = np.rint(film.pixels * 255)[..., None]
    colour = colour_table(colours)[np.rint(heatmap.array * 255).astype(np.uint8)]
    alpha = np.where(heatmap.array >= cut, opacity, 0.0)[..., None]
    return Image.fromarray(np.rint(grey * (1 - alpha) + colour * alpha).astype(np.uint8))
