"""Models compared on the same films; rates with their intervals."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ..scoring.bundle import Bundle
from ..scoring.scores import labels_of
from ..stats.bootstrap import owners
from ..stats.curves import PrecisionRecall, Reliability, RocCurve
from ..stats.intervals import wilson
from ..stats.paired_tests import (
    AucDifference,
    McNemar,
    delong_test,
    mcnemar_test,
    paired_rates,
)
from ..stats.wording import count, p_value, percent, with_interval
from .evaluation import Confusion

__all__ = [
    "AucDifference",
    "Comparison",
    "McNemar",
    "PairedComparison",
    "Rate",
    "compare",
    "compare_pair",
    "delong_test",
    "disagreements",
    "mcnemar_test",
    "paired_rates",
    "rates",
    "sentences",
    "shared_films",
]


@dataclass(frozen=True)
class Rate:
    """A share of films, with its 95 % interval (Wilson).

    Attributes
    ----------
    name : str
        Name of the rate, such as "sensitivity".
    meaning : str
        What it says, in words.
    part : int
        Films that count.
    whole : int
        Films it is a share of.
    """

    name: str
    meaning: str
    part: int
    whole: int

    @property
    def value(self) -> float | None:
        """In [0, 1]; None if there is no film to count."""
        return self.part / self.whole if self.whole else None

    @property
    def interval(self) -> tuple[float, float]:
        """In [0, 1]."""
        return wilson(self.part, self.whole)


def rates(counts: Confusion) -> list[Rate]:
    """Return the five rates of a confusion matrix: accuracy to NPV."""
    c = counts
    return [
        Rate("Accuracy", "Films on the right side of the threshold", c.tn + c.tp, c.n),
        Rate("Sensitivity", "Positive films at or above the threshold", c.tp, c.tp + c.fn),
        Rate("Specificity", "Negative films below the threshold", c.tn, c.tn + c.fp),
        Rate("PPV", "Positive films, of those at or above the threshold", c.tp, c.tp + c.fp),
        Rate("NPV", "Negative films, of those below the threshold", c.tn, c.tn + c.fn),
    ]


@dataclass(frozen=True)
class Comparison:
    """Curves of several models on one split, by model name.

    Attributes
    ----------
    roc : dict of str to RocCurve
        ROC curve of each model.
    precision_recall : dict of str to PrecisionRecall
        Precision-recall curve of each model.
    reliability : dict of str to Reliability
        Reliability curve of each model.
    thresholds : dict of str to dict of str to float
        For each model the threshold of its default operating point, by that point's name.
    """

    roc: dict[str, RocCurve] = field(default_factory=dict)
    precision_recall: dict[str, PrecisionRecall] = field(default_factory=dict)
    reliability: dict[str, Reliability] = field(default_factory=dict)
    thresholds: dict[str, dict[str, float]] = field(default_factory=dict)


def compare(bundles: Iterable[Bundle], split: str) -> Comparison:
    """Compute the curves of all models that have stored predictions of a split.

    Films of one class alone have no curves: models with no others there are left out.
    """
    result = Comparison()
    for bundle in bundles:
        films = bundle.scored(split)
        scores, labels = films["score"].to_numpy(), films["truth"].to_numpy()
        if len(set(labels)) < 2:
            continue
        point = bundle.card.operating_point()
        result.roc[bundle.name] = RocCurve.from_scores(scores, labels)
        result.precision_recall[bundle.name] = PrecisionRecall.from_scores(scores, labels)
        result.reliability[bundle.name] = Reliability.from_scores(scores, labels)
        result.thresholds[bundle.name] = {point.name: point.threshold}
    return result


FACTS = ["path", "patient", "label", "subtype"]


@dataclass(frozen=True, eq=False)
class PairedComparison:
    """Two models compared on the films of one split that both have scored.

    Attributes
    ----------
    one, other : str
        Names of the two models.
    split : str
        The split.
    classes : tuple of str
        The negative class, then the positive one.
    thresholds : tuple of float
        Threshold of each model, on the calibrated score.
    films : pandas.DataFrame
        The table of `shared_films` with `call_one` and `call_other`: true where the score is at or
        above the threshold.
    auc : AucDifference or None
        The difference of the areas; None if a class has fewer than two films.
    mcnemar : McNemar
        How often each was right.
    rates : pandas.DataFrame
        The table of `paired_rates`.
    """

    one: str
    other: str
    split: str
    classes: tuple[str, str]
    thresholds: tuple[float, float]
    films: pd.DataFrame
    auc: AucDifference | None
    mcnemar: McNemar
    rates: pd.DataFrame


def shared_films(one: Bundle, other: Bundle, split: str) -> pd.DataFrame:
    """Match the stored predictions of two bundles in a split, film by film.

    Returns
    -------
    pandas.DataFrame
        Columns path, patient, label, subtype, score_one, score_other, by path. Scores are
        calibrated, each by its own bundle's card.

    Raises
    ------
    ValueError
        When no film was scored by both, the two label a film differently, or a bundle has
        two predictions of one film.
    """
    tables = []
    for bundle, score in ((one, "score_one"), (other, "score_other")):
        rows = bundle.scored(split)
        twice = rows["path"][rows["path"].duplicated()]
        if not twice.empty:
            raise ValueError(
                f"Expected one prediction of {bundle.name} a film. "
                f"Received: {twice.nunique()} films with more, among them {twice.iloc[0]}"
            )
        tables.append(rows[[*FACTS, "score"]].rename(columns={"score": score}))
    films = tables[0].merge(tables[1][["path", "label", "score_other"]], on="path")
    if films.empty:
        had = " and ".join(
            f"{len(table)} of {bundle.name}"
            for table, bundle in zip(tables, (one, other), strict=True)
        )
        raise ValueError(
            f"Expected films of {split} that both models scored. Received: {had}, none of them "
            "shared. Choose another split, or a second model that has predictions of it."
        )
    against = films[films["label_x"] != films["label_y"]]
    if not against.empty:
        raise ValueError(
            f"Expected the same labels from both models. Received: {len(against)} of {len(films)} "
            f"films labelled differently, among them {against['path'].iloc[0]}. Score both models "
            "on one table of films."
        )
    films = films.rename(columns={"label_x": "label"})[[*FACTS, "score_one", "score_other"]]
    return films.sort_values("path").reset_index(drop=True)


def compare_pair(
    one: Bundle,
    other: Bundle,
    split: str,
    *,
    thresholds: tuple[float, float] | None = None,
) -> PairedComparison:
    """Compare two models on the films of a split that both scored.

    Parameters
    ----------
    one, other : Bundle
    split : str
    thresholds : tuple of float, optional
        On the calibrated score, within 0 to 1, the first model's and the second's; each
        model's default operating point if none are given.

    Raises
    ------
    ValueError
        As `shared_films`, and when a threshold is not within 0 to 1.
    """
    films = shared_films(one, other, split)
    points = one.card.operating_point(), other.card.operating_point()
    cuts = thresholds or (points[0].threshold, points[1].threshold)
    if not all(0 <= cut <= 1 for cut in cuts):
        raise ValueError(f"Expected thresholds within 0 to 1. Received: {cuts[0]} and {cuts[1]}")
    labels = labels_of(films)
    films["call_one"] = films["score_one"] >= cuts[0]
    films["call_other"] = films["score_other"] >= cuts[1]
    enough = min(labels.sum(), (1 - labels).sum()) > 1
    return PairedComparison(
        one=one.name,
        other=other.name,
        split=split,
        classes=one.card.classes,
        thresholds=cuts,
        films=films,
        auc=delong_test(films["score_one"], films["score_other"], labels) if enough else None,
        mcnemar=mcnemar_test(films["call_one"], films["call_other"], labels),
        rates=paired_rates(films["call_one"], films["call_other"], labels),
    )


def disagreements(found: PairedComparison) -> pd.DataFrame:
    """Return the films for which one model is positive and the other is not.

    Returns
    -------
    pandas.DataFrame
        Columns path, patient, label, subtype, score_one, score_other, right (the name of
        the model that called the film rightly); scores farthest apart first, then by path.
    """
    films = found.films[found.films["call_one"] != found.films["call_other"]]
    right = np.where(films["call_one"] == labels_of(films), found.one, found.other)
    apart = (films["score_one"] - films["score_other"]).abs()
    order = apart.sort_values(ascending=False, kind="stable").index
    films = films[[*FACTS, "score_one", "score_other"]].assign(right=right)
    return films.loc[order].reset_index(drop=True)


def sentences(found: PairedComparison) -> list[str]:
    """Return the result of the comparison in plain sentences.

    The area's, the calls', and, where patients have several films, what that does to both.
    """
    n, said = len(found.films), ["AUC not compared: it needs two films of each class."]
    films = count(n)
    if (area := found.auc) is not None:
        difference = with_interval(area.difference, area.difference_ci, "z.3f")
        said = [
            f"AUC {area.auc_one:.3f} against {area.auc_other:.3f}: difference {difference}, "
            f"{p_value(area.p_value)}, DeLong, {films}."
        ]
    calls = found.mcnemar
    said.append(
        f"Accuracy {percent(calls.rate_one)} against {percent(calls.rate_other)}: "
        f"{found.one} alone is right on {calls.only_one_right:,}, "
        f"{found.other} alone on {calls.only_other_right:,}, "
        f"{p_value(calls.p_value)}, McNemar, {films}."
    )
    patients = len(set(owners(found.films)))
    if patients < n:
        said.append(
            f"The films are of {count(patients, 'patient')}. Both tests take films as "
            "independent, so the interval is somewhat too narrow and p too small."
        )
    return said
