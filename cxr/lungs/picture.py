"""A film as a small picture with its lungs outlined."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from ..films.radiograph import Radiograph
from .once import find_once
from .outline import outline

__all__ = ["outlined"]

#: Longest side of the picture.
SIDE = 512
#: Light blue: told from gray without color vision too.
COLOUR = (86, 180, 233)


def outlined(film: Radiograph) -> Image.Image | None:
    """Draw the outline of the lungs over a film.

    Parameters
    ----------
    film : Radiograph

    Returns
    -------
    PIL.Image.Image or None
        RGB, its longer side at most `SIDE` pixels; None where no lungs are found.

    Raises
    ------
    LungsError
        If the lung network is missing or damaged.
    """
    lungs, _ = find_once(film)
    if lungs is None:
        return None
    scale = min(1.0, SIDE / max(film.width, film.height))
    size = max(1, round(scale * film.width)), max(1, round(scale * film.height))
    grey = Image.fromarray(np.rint(film.pixels * 255).astype(np.uint8))
    picture = grey.convert("RGB").resize(size, Image.Resampling.BILINEAR)
    draw = ImageDraw.Draw(picture)
    for ring in outline(lungs).lungs:
        points = [(x * scale, y * scale) for x, y in ring]
        draw.line([*points, points[0]], fill=COLOUR, width=max(1, round(max(size) / 160)))
    return picture
