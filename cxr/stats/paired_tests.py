"""Tests of what differs between two models on the same films beyond chance.

Each film is scored by both, so the tests are paired: DeLong's for the areas under the ROC
curves, McNemar's for the calls at a threshold each. Both take films as independent; where a
patient has several, they are alike, and the intervals are too narrow and p too small.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from .curves import auc, placements
from .intervals import paired

__all__ = [
    "AucDifference",
    "McNemar",
    "delong_test",
    "mcnemar_test",
    "paired_rates",
]

# Placements of n films differ by 1 / (2 n) at least, so a true standard error is far above.
NO_ERROR = 1e-12


@dataclass(frozen=True)
class AucDifference:
    """Areas under two ROC curves on the same films, and their difference.

    Attributes
    ----------
    auc_one, auc_other : float
        The two areas.
    difference : float
        `auc_one` less `auc_other`.
    difference_ci : tuple of float
        Its 95 % interval, within -1 to 1.
    p_value : float
        Two-sided; NaN if the areas differ and no film tells how surely.
    n : int
        Number of films.
    """

    auc_one: float
    auc_other: float
    difference: float
    difference_ci: tuple[float, float]
    p_value: float
    n: int


@dataclass(frozen=True)
class McNemar:
    """How often two models were right on the same films.

    Attributes
    ----------
    both_right, only_one_right, only_other_right, both_wrong : int
        Number of films.
    p_value : float
        Two-sided.
    """

    both_right: int
    only_one_right: int
    only_other_right: int
    both_wrong: int
    p_value: float

    @property
    def n(self) -> int:
        """All films."""
        return self.both_right + self.only_one_right + self.only_other_right + self.both_wrong

    @property
    def rate_one(self) -> float:
        """Share of films that the first model called rightly; NaN without films."""
        return (self.both_right + self.only_one_right) / self.n if self.n else math.nan

    @property
    def rate_other(self) -> float:
        """Share of films that the second model called rightly; NaN without films."""
        return (self.both_right + self.only_other_right) / self.n if self.n else math.nan

    @property
    def difference(self) -> float:
        """Of the two rates, the first less the second."""
        return (self.only_one_right - self.only_other_right) / self.n if self.n else math.nan

    def table(self, one: str, other: str) -> pd.DataFrame:
        """Return the counts, a row what `one` did and a column what `other` did."""
        counts = [
            [self.both_right, self.only_one_right],
            [self.only_other_right, self.both_wrong],
        ]
        index, columns = ([f"{name} right", f"{name} wrong"] for name in (one, other))
        return pd.DataFrame(counts, index=index, columns=columns)


def delong_test(scores_one: ArrayLike, scores_other: ArrayLike, labels: ArrayLike) -> AucDifference:
    """Test whether two areas under the ROC curve on the same films differ.

    The difference is taken as normally distributed, its variance from both models' placements
    and so with their covariance. Where that variance is 0 (both models set the classes apart
    without error, say), it would claim certainty: unless both rank the films alike, the
    interval is then square-and-add of the two areas' own, which is wide.

    Parameters
    ----------
    scores_one, scores_other : array_like, shape (n,)
        Finite scores; only their order counts.
    labels : array_like, shape (n,)
        0 or 1.

    Raises
    ------
    ValueError
        When the arrays do not match or a class has fewer than two films.

    References
    ----------
    DeLong et al., Biometrics 44:837, 1988. Sun and Xu, IEEE Signal Processing Letters
    21:1389, 2014 (from midranks). Newcombe, Statistics in Medicine 17:873, 1998
    (square-and-add).
    """
    one, y = paired(scores_one, labels, both=True)
    other, _ = paired(scores_other, labels)
    fewest = min(int(y.sum()), int((1 - y).sum()))
    if fewest < 2:
        raise ValueError(f"Expected at least two films of each class. Received: {fewest} of one")
    (area, ci), (other_area, other_ci) = auc(one, y), auc(other, y)
    difference = area - other_area
    apart = [a - b for a, b in zip(placements(one, y), placements(other, y), strict=True)]
    error = math.sqrt(sum(float(d.var(ddof=1)) / d.size for d in apart))
    if error > NO_ERROR:
        half = NormalDist().inv_cdf(0.975) * error
        low, high = difference - half, difference + half
        p = math.erfc(abs(difference) / error / math.sqrt(2))
    else:
        low = difference - math.hypot(area - ci[0], other_ci[1] - other_area)
        high = difference + math.hypot(ci[1] - area, other_area - other_ci[0])
        p = 1.0 if abs(difference) <= NO_ERROR else math.nan
        if np.array_equal(_order(one), _order(other)):
            low = high = difference
    interval = max(low, -1.0), min(high, 1.0)
    return AucDifference(area, other_area, difference, interval, p, int(y.size))


def _order(scores: NDArray[np.float64]) -> NDArray[np.intp]:
    return np.unique(scores, return_inverse=True)[1]


def mcnemar_test(calls_one: ArrayLike, calls_other: ArrayLike, labels: ArrayLike) -> McNemar:
    """Test whether two models call the same films rightly equally often.

    Only films on which one is right and the other wrong tell; were the models equal, each
    kind would come up as heads and tails do. The test is the exact binomial one, without the
    chi-squared approximation; p is 1 where no film tells.

    Parameters
    ----------
    calls_one, calls_other : array_like of bool or 0/1, shape (n,)
        Whether a film was called positive.
    labels : array_like, shape (n,)
        0 or 1.

    Raises
    ------
    ValueError
        When the arrays do not match, or a call or a label is neither 0 nor 1.

    References
    ----------
    McNemar, Psychometrika 12:153, 1947.
    """
    right_one, right_other = _right(calls_one, labels), _right(calls_other, labels)
    return _mcnemar(right_one, right_other)


def _right(calls: ArrayLike, labels: ArrayLike) -> NDArray[np.bool_]:
    called, y = paired(calls, labels)
    if not np.isin(called, (0, 1)).all():
        raise ValueError(f"Expected calls 0 or 1. Received: {np.unique(called)[:5].tolist()}")
    return np.asarray(called == y)


def _mcnemar(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> McNemar:
    from scipy.stats import binomtest  # takes a second to import

    cells = np.bincount(2 * one + other, minlength=4).tolist()
    both_wrong, only_other, only_one, both_right = cells
    n = only_one + only_other
    p = float(binomtest(only_one, n).pvalue) if n else 1.0
    return McNemar(both_right, only_one, only_other, both_wrong, p)


def paired_rates(calls_one: ArrayLike, calls_other: ArrayLike, labels: ArrayLike) -> pd.DataFrame:
    """Set two models' accuracy, sensitivity and specificity side by side.

    Returns
    -------
    pandas.DataFrame
        Index: accuracy (all films), sensitivity (those with the finding), specificity (the
        normal ones). Columns: n, rate_one, rate_other, only_one_right, only_other_right,
        p_value, each as from `mcnemar_test`; rates and p are NaN if there is no film.

    Raises
    ------
    ValueError
        As `mcnemar_test`.
    """
    one, other = _right(calls_one, labels), _right(calls_other, labels)
    y = np.asarray(labels)
    rows = {}
    for name, among in (("accuracy", y >= 0), ("sensitivity", y == 1), ("specificity", y == 0)):
        test = _mcnemar(one[among], other[among])
        rows[name] = {
            "n": test.n,
            "rate_one": test.rate_one,
            "rate_other": test.rate_other,
            "only_one_right": test.only_one_right,
            "only_other_right": test.only_other_right,
            "p_value": test.p_value if test.n else math.nan,
        }
    table = pd.DataFrame.from_dict(rows, orient="index")
    counts = ["n", "only_one_right", "only_other_right"]
    return table.astype(dict.fromkeys(counts, int))
