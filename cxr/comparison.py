"""Models beside each other on the same films; rates with their intervals."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from .bundle import Bundle
from .curves import PrecisionRecall, Reliability, RocCurve
from .evaluation import Confusion, labels_of
from .operating_points import wilson

__all__ = ["Comparison", "Rate", "compare", "rates"]


@dataclass(frozen=True)
class Rate:
    """A share of films, with its 95 % interval (Wilson)."""

    name: str
    meaning: str
    part: int
    whole: int

    @property
    def value(self) -> float | None:
        """In [0, 1]; None where there is no film to count."""
        return self.part / self.whole if self.whole else None

    @property
    def interval(self) -> tuple[float, float]:
        """In [0, 1]."""
        return wilson(self.part, self.whole)


def rates(counts: Confusion) -> list[Rate]:
    """Return the five rates of a confusion matrix: accuracy to NPV."""
    c = counts
    return [
        Rate("Accuracy", "Share of films called rightly", c.tn + c.tp, c.n),
        Rate("Sensitivity", "Share of films with the finding that were called", c.tp, c.tp + c.fn),
        Rate("Specificity", "Share of normal films that were not called", c.tn, c.tn + c.fp),
        Rate("PPV", "Share of calls that were right, among these films", c.tp, c.tp + c.fp),
        Rate("NPV", "Share of films not called that were normal", c.tn, c.tn + c.fn),
    ]


@dataclass(frozen=True)
class Comparison:
    """Curves of several models on one split, by model name."""

    roc: dict[str, RocCurve] = field(default_factory=dict)
    precision_recall: dict[str, PrecisionRecall] = field(default_factory=dict)
    reliability: dict[str, Reliability] = field(default_factory=dict)
    thresholds: dict[str, dict[str, float]] = field(default_factory=dict)
    """Of each model's default operating point, by that point's name."""


def compare(bundles: Iterable[Bundle], split: str) -> Comparison:
    """Draw up the curves of all models that have stored predictions of a split.

    Films of one class alone have no curves: models with no others there are left out.
    """
    result = Comparison()
    for bundle in bundles:
        table = bundle.predictions[bundle.predictions["split"] == split]
        scores, labels = bundle.card.calibration.score(table["logit"]), labels_of(table)
        if len(set(labels)) < 2:
            continue
        point = bundle.card.operating_point()
        result.roc[bundle.name] = RocCurve.from_scores(scores, labels)
        result.precision_recall[bundle.name] = PrecisionRecall.from_scores(scores, labels)
        result.reliability[bundle.name] = Reliability.from_scores(scores, labels)
        result.thresholds[bundle.name] = {point.name: point.threshold}
    return result
