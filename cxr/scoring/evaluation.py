"""A model's figures on one split of films, as the card keeps them; `cxr.evidence` measures them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from ..storage.records import Bounds, encode
from .operating_points import Count, Score, Share

__all__ = ["Confusion", "Evaluation", "share"]

Interval = tuple[Share, Share]


def share(part: int, whole: int) -> float | None:
    """Return part / whole; None if there is no whole."""
    return part / whole if whole else None


@dataclass(frozen=True)
class Confusion:
    """Number of films in each cell of the confusion matrix. A rate without films is None.

    Attributes
    ----------
    tn, fp, fn, tp : int
        True negatives, false positives, false negatives, true positives.
    """

    tn: int
    fp: int
    fn: int
    tp: int

    @property
    def n(self) -> int:
        """All films."""
        return self.tn + self.fp + self.fn + self.tp

    @property
    def matrix(self) -> list[list[int]]:
        """``[[tn, fp], [fn, tp]]``: one row per label, one column per side of the threshold."""
        return [[self.tn, self.fp], [self.fn, self.tp]]

    @property
    def accuracy(self) -> float | None:
        """Share of films on the right side of the threshold."""
        return share(self.tn + self.tp, self.n)

    @property
    def sensitivity(self) -> float | None:
        """Share of positive films that are at or above the threshold."""
        return share(self.tp, self.tp + self.fn)

    @property
    def specificity(self) -> float | None:
        """Share of negative films that are below the threshold."""
        return share(self.tn, self.tn + self.fp)

    @property
    def ppv(self) -> float | None:
        """Share of films at or above the threshold that are positive, at this prevalence."""
        return share(self.tp, self.tp + self.fp)

    @property
    def npv(self) -> float | None:
        """Share of films below the threshold that are negative, at this prevalence."""
        return share(self.tn, self.tn + self.fn)


@dataclass(frozen=True)
class Evaluation:
    """A model's figures on one split at one operating point, with 95 % intervals.

    `auc`, `sensitivity` and `specificity` and their intervals are None if the split lacks the
    films for them (an external set with one class).

    Attributes
    ----------
    model : str
        Name of the model.
    split : str
        The split.
    n : int
        Number of films.
    auc : float or None
        Area under the ROC curve, in [0, 1].
    auc_ci : tuple of float or None
        Its interval, low and high.
    operating_point : str
        Name of the operating point.
    threshold : float
        Its threshold, on the calibrated score.
    accuracy : float
        Share of films on the right side of the threshold.
    accuracy_ci : tuple of float
        Its interval, low and high.
    sensitivity : float or None
        Share of positive films at or above the threshold.
    sensitivity_ci : tuple of float or None
        Its interval, low and high.
    specificity : float or None
        Share of negative films below the threshold.
    specificity_ci : tuple of float or None
        Its interval, low and high.
    confusion_matrix : tuple of tuple of int
        ((tn, fp), (fn, tp)): one row per label, one column per side of the threshold.
    """

    model: str
    split: str
    n: Annotated[int, Bounds(least=1)]
    auc: Share | None
    auc_ci: Interval | None
    operating_point: str
    threshold: Score
    accuracy: Share
    accuracy_ci: Interval
    sensitivity: Share | None
    sensitivity_ci: Interval | None
    specificity: Share | None
    specificity_ci: Interval | None
    confusion_matrix: tuple[tuple[Count, Count], tuple[Count, Count]]

    @property
    def confusion(self) -> Confusion:
        """The cells of `confusion_matrix` by name."""
        (tn, fp), (fn, tp) = self.confusion_matrix
        return Confusion(tn, fp, fn, tp)

    def to_json(self) -> dict[str, Any]:
        """Return plain values, the keys in the order of the fields; tuples become lists."""
        plain: dict[str, Any] = encode(self)
        return plain
