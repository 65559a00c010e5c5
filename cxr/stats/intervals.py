"""Scores and labels that belong together, and the interval of a share."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Array", "Labels", "paired", "wilson"]

Array = NDArray[np.float64]
Labels = NDArray[np.int64]


def paired(scores: ArrayLike, labels: ArrayLike, *, both: bool = False) -> tuple[Array, Labels]:
    """Check that scores and labels belong together and return them as arrays.

    Both have shape (n,): finite scores, and labels 0 or 1. ValueError when the shapes
    differ, there is no film, a score is not finite, a label is neither 0 nor 1, or, where
    `both` classes are wanted, one is missing.
    """
    s = np.asarray(scores, dtype=np.float64)
    y = np.asarray(labels)
    if s.ndim != 1 or y.shape != s.shape or s.size == 0:
        got = f"{s.shape} and {y.shape}"
        raise ValueError(f"Expected scores and labels of one shape (n,), n > 0. Received: {got}")
    if not np.isfinite(s).all():
        bad = int((~np.isfinite(s)).sum())
        raise ValueError(f"Expected finite scores. Received: {bad} of {s.size} not finite")
    if not np.isin(y, (0, 1)).all():
        raise ValueError(f"Expected labels 0 or 1. Received: {np.unique(y)[:5].tolist()}")
    if both and y.min() == y.max():
        raise ValueError(f"Expected films of both classes. Received: only label {y[0]}")
    return s, y.astype(np.int64)


def wilson(successes: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Return Wilson's score interval of a proportion; (0, 1) where `n` is 0.

    ValueError when `successes` is not within 0 to `n`, or `level` not within (0, 1).
    Source: Wilson, Probable inference, J Am Stat Assoc 22:209, 1927.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"Expected successes between 0 and n. Received: {successes} of {n}")
    if not 0 < level < 1:
        raise ValueError(f"Expected a level between 0 and 1. Received: {level}")
    if n == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + level / 2)
    p = successes / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    # At 0 and n the limits are 0 and 1 exactly; rounding would leave 1e-17 or so.
    return (centre - half if successes else 0.0, centre + half if successes < n else 1.0)
