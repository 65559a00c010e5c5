"""Whether a heatmap follows the network and the film: measures on maps.

What is compared are maps as arrays; what runs a network over them is
`cxr.evidence.audit.sanity_checks`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, uniform_filter
from scipy.stats import spearmanr

from ...heatmaps.geometry import enlarged

__all__ = [
    "BLUR",
    "EDGE",
    "STEPS",
    "altered",
    "area",
    "blurred",
    "edge_share",
    "order",
    "rank_correlation",
    "shown",
    "ssim",
]

Map = NDArray[np.float32]
#: Of each side of the film, what counts as its edge: where markers, text and collimation lie.
EDGE = 0.1
#: Steps of a deletion or insertion curve.
STEPS = 20
#: Standard deviation of the blur, as a share of the picture's sides: what is as large as a lesion
#: must vanish, and no new edge appear, as it would around gray or black.
BLUR = 1 / 16
# A map whose values differ by less than this share of their maximum is flat: rounding alone.
FLAT = 1e-6
# Of the similarity of Wang et al.: the window's side in pixels, and the two stabilisers for values
# in [0, 1].
WINDOW, STABLE = 7, (0.01**2, 0.03**2)


def shown(grid: Map, size: tuple[int, int]) -> Map | None:
    """Bring a map to the size of the network's input, stretched to [0, 1].

    As `Heatmap.array` does, but whatever the map's unit: behind randomized weights the values of
    a map may be very small and still be one.

    Parameters
    ----------
    grid : Map
        (rows, columns).
    size : tuple of int
        Height and width, pixels.

    Returns
    -------
    numpy.ndarray or None
        float32 (height, width); None if the map is the same everywhere or not finite: then it
        has no order, and nothing to compare.
    """
    grid = np.asarray(grid, np.float64)
    low, high = float(grid.min()), float(grid.max())
    if not np.isfinite(high - low) or high - low <= FLAT * max(abs(high), abs(low)):
        return None
    inside = enlarged((grid - low) / (high - low), *size)
    low, high = float(inside.min()), float(inside.max())
    if high - low <= FLAT:
        return None
    return np.asarray((inside - low) / (high - low), np.float32)


def rank_correlation(one: Map, other: Map) -> float:
    """Return Spearman's rank correlation of two maps of one size, ties sharing their mean rank.

    In [-1, 1]: 1 where both rank all pixels alike.

    Raises
    ------
    ValueError
        If the sizes differ or a map is flat, which has no order.
    """
    if one.shape != other.shape or np.ptp(one) == 0 or np.ptp(other) == 0:
        raise ValueError(
            "Expected two maps of one size with an order. "
            f"Received: {one.shape} and {other.shape}, ranges {np.ptp(one)} and {np.ptp(other)}"
        )
    return float(spearmanr(one, other, axis=None).statistic)


def ssim(one: Map, other: Map) -> float:
    """Return the structural similarity of two maps in [0, 1], averaged over the picture.

    In [-1, 1]: 1 where they are equal. Over windows of 7 x 7 pixels, all weighted alike, that lie
    in the picture.

    Raises
    ------
    ValueError
        If the sizes differ or no window fits.

    References
    ----------
    Wang et al., Image quality assessment: from error visibility to structural similarity, IEEE
    Transactions on Image Processing 13:600, 2004, equation 13.
    """
    if one.shape != other.shape or min(one.shape) < WINDOW:
        raise ValueError(
            f"Expected two maps of one size, at least {WINDOW} pixels on a side. "
            f"Received: {one.shape} and {other.shape}"
        )
    a, b = (np.asarray(grid, np.float64) for grid in (one, other))

    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        half = WINDOW // 2
        filtered = uniform_filter(values, WINDOW)
        return np.asarray(filtered[half : -half or None, half : -half or None])

    over = WINDOW**2 / (WINDOW**2 - 1)  # sample variance and covariance, as published
    ma, mb = mean(a), mean(b)
    va, vb = over * (mean(a * a) - ma * ma), over * (mean(b * b) - mb * mb)
    both = over * (mean(a * b) - ma * mb)
    light, contrast = STABLE
    top = (2 * ma * mb + light) * (2 * both + contrast)
    return float((top / ((ma * ma + mb * mb + light) * (va + vb + contrast))).mean())


def edge_share(array: Map) -> float:
    """Return the share of a map's sum that lies on the outer tenth of the picture, in [0, 1].

    Parameters
    ----------
    array : Map
        (H, W) at the film's size, not negative: a strip of `EDGE` of its height along the upper
        and the lower side and of its width along the others counts.

    Raises
    ------
    ValueError
        If the map is 0 everywhere.
    """
    total = float(array.sum(dtype=np.float64))
    if total <= 0:
        raise ValueError("Expected a map with something in it. Received: 0 everywhere")
    top, left = (round(side * EDGE) for side in array.shape)
    inner = array[top : array.shape[0] - top, left : array.shape[1] - left]
    return 1 - float(inner.sum(dtype=np.float64)) / total


def blurred(film: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a prepared film without detail: (height, width, channels), blurred by `BLUR`."""
    widths = (film.shape[0] * BLUR, film.shape[1] * BLUR, 0)
    soft = gaussian_filter(film.astype(np.float32), widths, mode="nearest")
    return np.asarray(np.rint(soft).clip(0, 255), np.uint8)


def order(array: Map, seed: int) -> NDArray[np.intp]:
    """Rank the pixels of a map, the highest first: flat places, (height * width,).

    Equal ones, of which a map that is 0 on half the film has many, come in a random order: by
    their place, they would go from the upper left to the lower right.
    """
    chance = np.random.default_rng(seed).random(array.size)
    return np.lexsort((chance, -array.ravel()))


def altered(
    film: NDArray[np.uint8], other: NDArray[np.uint8], ranks: NDArray[np.intp]
) -> NDArray[np.uint8]:
    """Replace a film's pixels by another picture's, step by step.

    With the blurred film as the other this is deletion; with the two exchanged, insertion.

    Parameters
    ----------
    film, other : numpy.ndarray of uint8
        uint8 (height, width, channels).
    ranks : numpy.ndarray of int
        Flat places of the pixels, those to be replaced first in front (`order`).

    Returns
    -------
    numpy.ndarray
        uint8 (`STEPS` + 1, height, width, channels): first the film, last the other.

    References
    ----------
    Petsiuk et al., RISE: randomized input sampling for explanation of black-box models, BMVC 2018.
    """
    channels = film.shape[-1]
    result = np.repeat(film.reshape(1, -1, channels), STEPS + 1, axis=0)
    source = other.reshape(-1, channels)
    for step in range(1, STEPS + 1):
        places = ranks[: round(step / STEPS * ranks.size)]
        result[step, places] = source[places]
    return result.reshape(STEPS + 1, *film.shape)


def area(scores: NDArray[np.float64]) -> float:
    """Return the area under a curve of scores at equal steps from 0 to 1, by trapezoids."""
    return float((scores[:-1] + scores[1:]).mean() / 2)
