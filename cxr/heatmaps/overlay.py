"""A heatmap as colors over a film: which map, transparent where, how strongly."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..films.radiograph import Radiograph
from .geometry import over_film
from .heatmap import Heatmap

__all__ = ["COLOUR_MAPS", "CUT", "LEAST_TOP", "OPACITY", "colour_table", "common_top", "overlay"]

#: Sequential and readable without color vision. Jet is not among them: it draws edges where the
#: values have none.
COLOUR_MAPS = ("inferno", "viridis", "cividis")
#: Below this value a heatmap is transparent, so that it does not veil the film.
CUT = 0.2
OPACITY = 0.5
#: A common scale reaches at least this many times the mean of a map, so that an even map, which is
#: 1 everywhere, stays faint although there is no other map to compare it with.
LEAST_TOP = 4.0
#: Share of a map that may lie above the top of a common scale, in percent: the grain of a map of
#: many cells has peaks that would darken every other map.
ABOVE_TOP = 5


@cache
def colour_table(name: str = "inferno") -> NDArray[np.uint8]:
    """Return a color map as a table.

    Parameters
    ----------
    name : str, default: "inferno"
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
    return np.asarray(np.rint(np.stack(columns, axis=1)), np.uint8)


def overlay(
    film: Radiograph,
    heatmap: Heatmap,
    *,
    opacity: float = OPACITY,
    cut: float = CUT,
    colours: str = "inferno",
    top: float | None = None,
) -> Image.Image:
    """Lay a heatmap over its film.

    Parameters
    ----------
    film, heatmap : Radiograph or Heatmap
        Of the same size.
    opacity : float, default: OPACITY
        In [0, 1], of the heatmap where it is not cut.
    cut : float, default: CUT
        In [0, 1]: what lies below is transparent.
    colors : str, default: "inferno"
        One of `COLOUR_MAPS`.
    top : float, optional
        Times the mean of the map that is drawn as 1, as is whatever is above it; 0 is drawn as 0,
        so that several maps can be compared: see `common_top`. If none is given, the map is
        stretched to its own range.

    Returns
    -------
    PIL.Image.Image
        RGB, the film's size.

    Raises
    ------
    ValueError
        If the sizes differ, a share is outside [0, 1] or `top` is not positive.
    """
    shape = heatmap.height, heatmap.width
    if shape != film.pixels.shape:
        raise ValueError(f"Expected a heatmap of {film.pixels.shape}. Received: {shape}")
    for name, share in (("opacity", opacity), ("cut", cut)):
        if not 0 <= share <= 1:
            raise ValueError(f"Expected {name} in [0, 1]. Received: {share}")
    if top is not None and not top > 0:
        raise ValueError(f"Expected top above 0. Received: {top}")
    values = heatmap.array if top is None else _on_common_scale(heatmap, top)
    grey = np.rint(film.pixels * 255)[..., None]
    colour = colour_table(colours)[np.rint(values * 255).astype(np.uint8)]
    alpha = np.where(values >= cut, opacity, 0.0)[..., None]
    return Image.fromarray(np.rint(grey * (1 - alpha) + colour * alpha).astype(np.uint8))


def common_top(heatmaps: Iterable[Heatmap]) -> float:
    """Return where a common scale of several maps ends.

    Returns
    -------
    float
        In times the mean of a map, see `cxr.heatmaps.heatmap.Heatmap.density`: what at most
        `ABOVE_TOP` percent of each map exceed, rounded up to a tenth, and at least `LEAST_TOP`.
    """
    high = (float(np.percentile(heatmap.density, 100 - ABOVE_TOP)) for heatmap in heatmaps)
    return max(LEAST_TOP, float(np.ceil(max(high, default=0.0) * 10) / 10))


def _on_common_scale(heatmap: Heatmap, top: float) -> NDArray[np.float32]:
    """Return the density at the film's size, laid as `Heatmap.array` is: 1 from `top` on."""
    return over_film(
        heatmap.density,
        heatmap.height,
        heatmap.width,
        heatmap.margin,
        lambda inside: np.clip(inside / top, 0, 1),
    )
