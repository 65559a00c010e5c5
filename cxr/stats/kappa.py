"""Cohen's kappa of a reader's calls and a model's, with its standard error and interval."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from .intervals import paired, wilson
from .wording import with_interval

__all__ = ["Kappa", "kappa"]

# Shares are multiples of 1 / n, so that a true standard error is far above.
NO_ERROR = 1e-9


@dataclass(frozen=True)
class Kappa:
    """Cohen's kappa of a reader's calls and a model's on the same films.

    Attributes
    ----------
    counts : tuple[tuple of int, tuple of int]
        ``[[neither, reader alone], [model alone, both]]``: films by who was positive.
    value : float or None
        In [-1, 1]: 1 if all calls agree, 0 if as many as by chance. None without films, or if both
        call all films the same way, so that all would agree by chance.
    error : float or None
        Standard error; None with the value.
    interval : tuple of float or None
        95 %, low and high; None with the value.
    """

    counts: tuple[tuple[int, int], tuple[int, int]]
    value: float | None
    error: float | None
    interval: tuple[float, float] | None

    @property
    def text(self) -> str:
        """For people: ``kappa 0.62 (0.41 to 0.83)``."""
        return f"kappa {with_interval(self.value, self.interval, '.2f', missing='not known')}"

    @property
    def n(self) -> int:
        """Films."""
        return sum(map(sum, self.counts))


def kappa(reader: ArrayLike, model: ArrayLike) -> Kappa:
    """Measure the agreement of two that call the same films, less what chance would give.

    The standard error is that of large samples; its interval is cut at -1 and 1. Where it is 0
    (all calls agree) it would claim certainty: the interval is then that of the share of calls
    that agree (Wilson), at the same agreement by chance.

    Parameters
    ----------
    reader, model : array_like
        Whether each called the finding: bool or 0/1, shape (n,).

    Raises
    ------
    ValueError
        When the shapes differ or a call is neither 0 nor 1.

    References
    ----------
    Cohen, Educational and Psychological Measurement 20:37, 1960. Fleiss, Cohen and Everitt,
    Psychological Bulletin 72:323, 1969 (the standard error).
    """
    from sklearn.metrics import cohen_kappa_score  # takes seconds to import

    if np.shape(reader) == np.shape(model) == (0,):
        return Kappa(((0, 0), (0, 0)), None, None, None)
    one, other = paired(model, reader)[1], paired(reader, model)[1]
    count = np.bincount(2 * other + one, minlength=4).reshape(2, 2)
    counts = ((int(count[0, 0]), int(count[0, 1])), (int(count[1, 0]), int(count[1, 1])))
    n = int(count.sum())
    p = count / n
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    agreed, chance = float(np.trace(p)), float(rows @ columns)
    if 1 - chance < NO_ERROR:
        return Kappa(counts, None, None, None)
    value = float(cohen_kappa_score(other, one))
    variance = sum(p[i, i] * (1 - (rows[i] + columns[i]) * (1 - value)) ** 2 for i in (0, 1))
    variance += (1 - value) ** 2 * sum(
        p[i, 1 - i] * (columns[i] + rows[1 - i]) ** 2 for i in (0, 1)
    )
    variance -= (value - chance * (1 - value)) ** 2
    error = math.sqrt(max(float(variance), 0.0) / n) / (1 - chance)
    if error > NO_ERROR:
        half = NormalDist().inv_cdf(0.975) * error
        interval = max(value - half, -1.0), min(value + half, 1.0)
    else:
        error = 0.0
        low, high = wilson(agreed * n, n)
        interval = max((low - chance) / (1 - chance), -1.0), (high - chance) / (1 - chance)
    return Kappa(counts, value, error, interval)
