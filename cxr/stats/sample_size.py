"""How many films an interval of a share takes: the size of a site's own study."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from .intervals import wilson

__all__ = ["FilmsNeeded", "films_for_interval", "films_needed"]


@dataclass(frozen=True)
class FilmsNeeded:
    """How many films of each class an interval of the width asked takes.

    Attributes
    ----------
    positives, negatives : int
        Films with and without the finding.
    films : int
        Films to collect so that as many of both are to be expected at the prevalence.
    """

    positives: int
    negatives: int
    films: int


def films_for_interval(share: float, width: float, level: float = 0.95) -> int:
    """Return the fewest films whose interval of a share is no wider than asked.

    Parameters
    ----------
    share : float
        Expected sensitivity, specificity or the like, in [0, 1].
    width : float
        Of the whole interval, from its low to its high end, in (0, 1).
    level : float, default: 0.95
        Of the interval, in (0, 1).

    Returns
    -------
    int
        At least 1. The interval is Wilson's, as everywhere (`cxr.stats.intervals.wilson`), at the
        share expected: another draw of films gives a somewhat narrower or wider one.

    Raises
    ------
    ValueError
        If a number is outside its range.

    References
    ----------
    Wilson, J Am Stat Assoc 22:209, 1927. Buderer, Acad Emerg Med 3:895, 1996 (sample size for
    sensitivity and specificity).
    """
    if not 0 <= share <= 1:
        raise ValueError(f"Expected a share between 0 and 1. Received: {share}")
    for name, value in (("width", width), ("level", level)):
        if not 0 < value < 1:
            raise ValueError(f"Expected a {name} between 0 and 1. Received: {value}")
    z2 = NormalDist().inv_cdf(0.5 + level / 2) ** 2
    spread, half = share * (1 - share), width * width / 4
    # The width of Wilson's interval as a quadratic in n, whose larger root is the answer.
    b, c = 2 * half * z2 - z2 * spread, z2 * z2 * (half - 0.25)
    root = (-b + math.sqrt(b * b - 4 * half * c)) / (2 * half)
    n = max(1, math.floor(root))
    while _width(share, n, level) > width:  # rounding alone: one step at most
        n += 1
    return n


def _width(share: float, n: int, level: float) -> float:
    low, high = wilson(share * n, n, level)
    return high - low


def films_needed(
    sensitivity: float,
    specificity: float,
    width: float,
    prevalence: float,
    level: float = 0.95,
) -> FilmsNeeded:
    """Return how many films give intervals of sensitivity and specificity of the width asked.

    Parameters
    ----------
    sensitivity, specificity : float
        As expected, in [0, 1].
    width : float
        Of each interval, in (0, 1).
    prevalence : float
        Share of positive films among those to be collected, in (0, 1).
    level : float, default: 0.95
        Of the intervals, in (0, 1).

    Raises
    ------
    ValueError
        If a number is outside its range.
    """
    if not 0 < prevalence < 1:
        raise ValueError(f"Expected a prevalence between 0 and 1. Received: {prevalence}")
    positives = films_for_interval(sensitivity, width, level)
    negatives = films_for_interval(specificity, width, level)
    films = max(positives / prevalence, negatives / (1 - prevalence))
    return FilmsNeeded(positives, negatives, math.ceil(films - 1e-9))
