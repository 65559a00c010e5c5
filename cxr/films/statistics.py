"""Five numbers of a film's gray values, to tell whether films of another kind come in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["LEAST", "STATISTICS", "film_statistics"]

#: What `film_statistics` tells, in this order.
STATISTICS = ("mean", "spread", "dark", "bright", "sharpness")
#: Longest side at which a film is measured, pixels.
SIDE = 256
#: Shortest side that leaves a pixel with all its neighbors.
LEAST = 3
# As in the gate: within 2 % of black or of white.
NEAR = 0.02


def film_statistics(pixels: NDArray[np.float32]) -> dict[str, float]:
    """Measure a film's gray values.

    The film is first reduced to `SIDE` pixels on its longer side, each the mean of a block, so
    that two exports of one film in different sizes measure alike. A smaller film stays as it is.

    Parameters
    ----------
    pixels : numpy.ndarray of float32
        float32 of shape (height, width) in [0, 1], white = dense; at least 3 pixels on a side.

    Returns
    -------
    dict
        ``mean`` and ``spread`` (standard deviation) of the gray values, in [0, 1]; ``dark`` and
        ``bright``, the shares of pixels within 2 % of black and of white, in [0, 1];
        ``sharpness``, the standard deviation of the film less the mean of 3 x 3 pixels, at least
        0: low for a blurred film, high for a noisy one.

    Raises
    ------
    ValueError
        For another shape, a side under 3 pixels, or values outside [0, 1].
    """
    film = np.asarray(pixels, dtype=np.float32)
    if film.ndim != 2 or min(film.shape) < LEAST:
        raise ValueError(f"Expected at least {LEAST} x {LEAST} pixels. Received: {film.shape}")
    if not (film.min() >= 0 and film.max() <= 1):  # also refuses NaN
        raise ValueError(f"Expected pixels within 0 to 1. Received: {film.min()} to {film.max()}")
    small = _reduced(film).astype(np.float64)
    height, width = small.shape
    around = np.zeros((height - 2, width - 2))
    for row in range(3):
        for column in range(3):
            around += small[row : row + height - 2, column : column + width - 2] / 9
    return {
        "mean": float(small.mean()),
        "spread": float(small.std()),
        "dark": float((small <= NEAR).mean()),
        "bright": float((small >= 1 - NEAR).mean()),
        "sharpness": float((small[1:-1, 1:-1] - around).std()),
    }


def _reduced(film: NDArray[np.float32]) -> NDArray[np.float32]:
    height, width = film.shape
    longest = max(height, width)
    if longest <= SIDE:
        return film
    size = [max(LEAST, round(side * SIDE / longest)) for side in (width, height)]
    image = Image.fromarray(film)
    small = image.resize((size[0], size[1]), Image.Resampling.BOX)
    return np.clip(np.asarray(small, dtype=np.float32), 0, 1)
