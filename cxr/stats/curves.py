"""Curves over all thresholds: ROC and its area, precision and recall, reliability."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .intervals import paired, wilson

__all__ = ["PrecisionRecall", "Reliability", "RocCurve", "auc", "placements"]

Array = NDArray[np.float64]


def _midranks(values: Array) -> Array:
    _, group, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[group]


def _ranked(scores: ArrayLike, labels: ArrayLike) -> tuple[Array, Array, Array]:
    """Return the midranks among all films of those with the finding, and both placements."""
    s, y = paired(scores, labels, both=True)
    positives, negatives = s[y == 1], s[y == 0]
    m, n = positives.size, negatives.size
    ranks = _midranks(np.concatenate([positives, negatives]))
    of_positives = (ranks[:m] - _midranks(positives)) / n
    return ranks[:m], of_positives, 1 - (ranks[m:] - _midranks(negatives)) / m


def placements(scores: ArrayLike, labels: ArrayLike) -> tuple[Array, Array]:
    """Return each film's share of films of the other class that it is ranked rightly against.

    Equal scores count half. The mean of either array is the area under the ROC curve; how
    they vary gives its variance, and with a second model's the covariance.

    Parameters
    ----------
    scores, labels : array_like, shape (n,)
        Finite scores, labels 0 or 1.

    Returns
    -------
    tuple of ndarray
        Of films with the finding, shape (m,), and of the normal ones, shape (n - m,), each
        within 0 to 1 and in the order of the films.

    Raises
    ------
    ValueError
        When the arrays do not match or a class is missing.

    References
    ----------
    DeLong et al., Biometrics 44:837, 1988 (structural components). Sun and Xu, IEEE Signal
    Processing Letters 21:1389, 2014 (from midranks, without going through all pairs).
    """
    _, of_ill, of_well = _ranked(scores, labels)
    return of_ill, of_well


def auc(
    scores: ArrayLike, labels: ArrayLike, patients: ArrayLike | None = None
) -> tuple[float, tuple[float, float]]:
    """Area under the ROC curve with its 95 % interval.

    The variance is DeLong's, from `placements`, or Obuchowski's where several films are of one
    patient; the interval is symmetric on the logit scale, so it stays within 0 and 1. Where that
    variance is 0 (classes apart without error) or undefined (one film in a class), Wilson's
    interval for the smaller class's number of films stands in: wide, where DeLong's would claim
    certainty.

    Parameters
    ----------
    scores, labels : array_like, shape (n,)
        Finite scores, labels 0 or 1.
    patients : array_like, shape (n,), optional
        Each film's patient (default: each film is of another).

    Raises
    ------
    ValueError
        When the arrays do not match or a class is missing.

    References
    ----------
    DeLong et al., Biometrics 44:837, 1988. Sun and Xu, IEEE Signal Processing Letters
    21:1389, 2014. Obuchowski, Nonparametric analysis of clustered ROC curve data, Biometrics
    53:567, 1997.
    """
    ranks, of_ill, of_well = _ranked(scores, labels)
    m, n = of_ill.size, of_well.size
    value = float((ranks.sum() / m - (m + 1) / 2) / n)
    fewer = min(m, n)
    if fewer > 1:
        error = math.sqrt(of_ill.var(ddof=1) / m + of_well.var(ddof=1) / n)
        if patients is not None:
            ill, names = np.asarray(labels) == 1, np.asarray(patients)
            by_patient = _clustered(of_ill, of_well, names[ill], names[~ill], value)
            error = max(error, by_patient)
            fewer = min(np.unique(names[ill]).size, np.unique(names[~ill]).size)
        if error > 0 and 0 < value < 1:
            half = NormalDist().inv_cdf(0.975) * error / (value * (1 - value))
            middle = math.log(value / (1 - value))
            return value, (_expit(middle - half), _expit(middle + half))
    return value, wilson(min(value * fewer, fewer), fewer)


def _clustered(
    of_ill: Array, of_well: Array, ill: ArrayLike, well: ArrayLike, value: float
) -> float:
    """Return the standard error of an area whose films are of patients; 0 if there are too few."""
    ill, well = np.asarray(ill), np.asarray(well)
    known = np.unique(np.concatenate([ill, well]))
    sums = [
        np.bincount(np.searchsorted(known, names), weights=part - value, minlength=known.size)
        for part, names in ((of_ill, ill), (of_well, well))
    ]
    counts = [np.unique(names).size for names in (ill, well)]
    if min(counts) < 2:
        return 0.0
    parts = [
        many / (many - 1) * float((total**2).sum()) / names.size**2
        for many, total, names in zip(counts, sums, (ill, well), strict=True)
    ]
    both = known.size / (known.size - 1) * float((sums[0] * sums[1]).sum())
    return math.sqrt(max(sum(parts) + 2 * both / (ill.size * well.size), 0.0))


def _expit(x: float) -> float:
    return 0.5 * (1 + math.tanh(x / 2))


@dataclass(frozen=True, eq=False)
class RocCurve:
    """Sensitivity against false positive rate, one point per distinct score.

    Attributes
    ----------
    false_positive_rate, true_positive_rate, thresholds : numpy.ndarray of float64
        Shape (k,), from (0, 0) to (1, 1); thresholds fall from infinity.
    auc : float
        Area under the curve.
    auc_ci : tuple of float
        Its 95 % interval, low and high.
    n : int
        Number of films.
    """

    false_positive_rate: Array
    true_positive_rate: Array
    thresholds: Array
    auc: float
    auc_ci: tuple[float, float]
    n: int

    @classmethod
    def from_scores(cls, scores: ArrayLike, labels: ArrayLike) -> RocCurve:
        """Compute the curve from scores and labels 0/1, shape (n,); needs both classes."""
        from sklearn.metrics import roc_curve  # takes seconds to import

        s, y = paired(scores, labels, both=True)
        false_positive, true_positive, thresholds = roc_curve(y, s, drop_intermediate=False)
        return cls(false_positive, true_positive, thresholds, *auc(s, y), y.size)

    def at(self, threshold: float) -> tuple[float, float]:
        """Return (false positive rate, true positive rate) where films at or above
        `threshold` are called positive.
        """
        i = int(np.count_nonzero(self.thresholds >= threshold)) - 1
        return float(self.false_positive_rate[i]), float(self.true_positive_rate[i])


@dataclass(frozen=True, eq=False)
class PrecisionRecall:
    """Precision against recall, one point per distinct score.

    Attributes
    ----------
    precision, recall, thresholds : numpy.ndarray of float64
        Shape (k,); thresholds fall from infinity, where recall is 0 and precision is taken as 1.
    average_precision : float
        Area under the curve, as a sum of steps.
    prevalence : float
        Share of positive films: the precision of a coin.
    n : int
        Number of films.
    """

    precision: Array
    recall: Array
    thresholds: Array
    average_precision: float
    prevalence: float
    n: int

    @classmethod
    def from_scores(cls, scores: ArrayLike, labels: ArrayLike) -> PrecisionRecall:
        """Compute the curve from scores and labels 0/1, shape (n,); needs both classes.

        Average precision is the sum of precision times the step in recall, without
        interpolation, which would flatter.
        """
        from sklearn.metrics import precision_recall_curve

        s, y = paired(scores, labels, both=True)
        # Its thresholds rise, and the last point, where no film is called, has none.
        precision, recall, rising = (values[::-1] for values in precision_recall_curve(y, s))
        thresholds = np.concatenate([[np.inf], rising])
        average = float(np.sum(np.diff(recall) * precision[1:]))
        return cls(precision, recall, thresholds, average, float(y.mean()), y.size)

    def at(self, threshold: float) -> tuple[float, float]:
        """Return (recall, precision) where films at or above `threshold` are called."""
        i = int(np.count_nonzero(self.thresholds >= threshold)) - 1
        return float(self.recall[i]), float(self.precision[i])


@dataclass(frozen=True, eq=False)
class Reliability:
    """How often films of about one score had the finding.

    Attributes
    ----------
    mean_score, fraction_positive : numpy.ndarray of float64
        Shape (bins,): mean score and share of positive films, scores rising.
    interval_low, interval_high : numpy.ndarray of float64
        Shape (bins,): 95 % interval of the share (Wilson).
    count : numpy.ndarray of int64
        Shape (bins,): number of films.
    ece : float
        Expected calibration error over these bins.
    brier : float
        Mean squared error of the scores.
    """

    mean_score: Array
    fraction_positive: Array
    interval_low: Array
    interval_high: Array
    count: NDArray[np.int64]
    ece: float
    brier: float

    @classmethod
    def from_scores(cls, scores: ArrayLike, labels: ArrayLike, bins: int = 10) -> Reliability:
        """Group films into bins of about equal count and compare score with outcome.

        Films of one score share a bin, so there are fewer bins where many scores agree.

        Parameters
        ----------
        scores : array_like, shape (n,)
            Calibrated scores within 0 to 1.
        labels : array_like, shape (n,)
        bins : int
            At least 1.

        References
        ----------
        Naeini et al., Obtaining well calibrated probabilities using Bayesian binning,
        AAAI 2015 (the error).
        """
        s, y = paired(scores, labels)
        if s.min() < 0 or s.max() > 1:
            raise ValueError(f"Expected scores within 0 to 1. Received: {s.min()} to {s.max()}")
        if bins < 1:
            raise ValueError(f"Expected at least 1 bin. Received: {bins}")
        ordered = np.sort(s)
        middle = (np.searchsorted(ordered, s, "left") + np.searchsorted(ordered, s, "right")) / 2
        _, bin_of = np.unique((middle * bins / s.size).astype(int), return_inverse=True)
        count = np.bincount(bin_of)
        mean, fraction = np.bincount(bin_of, s) / count, np.bincount(bin_of, y) / count
        limits = np.array(
            [wilson(k, n) for k, n in zip(np.bincount(bin_of, y), count, strict=True)]
        )
        return cls(
            mean_score=mean,
            fraction_positive=fraction,
            interval_low=limits[:, 0],
            interval_high=limits[:, 1],
            count=count.astype(np.int64),
            ece=float(np.sum(count * np.abs(mean - fraction)) / s.size),
            brier=float(np.mean((s - y) ** 2)),
        )
