"""A model's figures on a site's films: at operating points, and by subgroup, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ..scoring.evaluation import Confusion, Evaluation
from ..scoring.operating_points import Calibration, OperatingPoint
from ..stats.clustered import rate_interval
from ..stats.curves import auc
from ..stats.intervals import Array, paired
from .facts import patients_of
from .sheet import TruthError
from .subgroups import subgroups

__all__ = ["ALL", "Refusals", "SiteEvaluation", "evaluate_at", "evaluate_films"]

#: What a set of films without splits is called.
ALL = "all"
Interval = tuple[float, float]


@dataclass(frozen=True)
class Refusals:
    """Films with a label that have no score.

    Attributes
    ----------
    n, positives, negatives : int
        Their number.
    codes : dict of str to int
        Why, the most frequent first.
    """

    n: int
    positives: int
    negatives: int
    codes: dict[str, int]


@dataclass(frozen=True)
class SiteEvaluation:
    """All figures of a model on a site's films.

    Attributes
    ----------
    main : Evaluation
        At the operating point that was asked for.
    points : tuple of Evaluation
        At each operating point.
    subgroups : tuple of dict
        At that of `main`: the rows of `cxr.site.subgroups.subgroups`, with intervals as pairs and
        None where there are too few films.
    positives, negatives : int
        Films with a score.
    patients : int or None
        Of them; None if not known.
    refused : Refusals
        Films that are in none of the figures.
    """

    main: Evaluation
    points: tuple[Evaluation, ...]
    subgroups: tuple[dict[str, Any], ...]
    positives: int
    negatives: int
    patients: int | None
    refused: Refusals

    def to_json(self) -> dict[str, Any]:
        """Return plain values: those of `main`, then the rest."""
        return {
            **self.main.to_json(),
            "positives": self.positives,
            "negatives": self.negatives,
            "patients": self.patients,
            "intervals_by": "film" if self.patients is None else "patient",
            "refused": asdict(self.refused),
            "operating_points": [point.to_json() for point in self.points],
            "subgroups": list(self.subgroups),
        }


def evaluate_films(
    films: pd.DataFrame,
    *,
    model: str,
    points: Sequence[tuple[OperatingPoint, Calibration | None]],
    split: str = ALL,
) -> SiteEvaluation:
    """Measure a model on a site's films.

    Parameters
    ----------
    films : pandas.DataFrame
        As `cxr.site.films.with_scores` returns them; of another tool with ``score``, and without
        ``logit``.
    model : str
        Its name.
    points : sequence of (OperatingPoint, Calibration or None)
        Operating points, each with the calibration that its threshold is on, or None where it is on
        the films' own ``score``; the first is the main one.
    split : str, optional
        What to call the films.

    Raises
    ------
    TruthError
        ``one_class`` if the films that have a score are of one class.
    """
    has_score = films["logit" if "logit" in films else "score"].notna()
    kept = films[has_score].reset_index(drop=True)
    if kept["truth"].nunique() < 2:
        raise TruthError(
            f"Of the films with a label, {len(films) - len(kept):,} were refused; those that have "
            "a score are not of both classes.",
            code="one_class",
        )
    patients = patients_of(kept)
    figures = tuple(
        evaluate_at(
            _scores(kept, calibration),
            kept["truth"].to_numpy(),
            point,
            model=model,
            split=split,
            patients=patients,
        )
        for point, calibration in points
    )
    main, calibration = points[0]
    scores = _scores(kept, calibration)
    refused = films[~has_score]
    codes = refused.get("refusal_code", pd.Series(dtype=str)).value_counts()
    return SiteEvaluation(
        main=figures[0],
        points=figures,
        subgroups=tuple(_groups(kept, scores, main.threshold)),
        positives=int(kept["truth"].sum()),
        negatives=int((1 - kept["truth"]).sum()),
        patients=None if patients is None else int(np.unique(patients).size),
        refused=Refusals(
            len(refused),
            int(refused["truth"].sum()),
            int((1 - refused["truth"]).sum()),
            {str(code): int(n) for code, n in codes.items()},
        ),
    )


def _scores(films: pd.DataFrame, calibration: Calibration | None) -> Array:
    if calibration is None:
        return films["score"].to_numpy(np.float64)
    return calibration.score(films["logit"])


def evaluate_at(
    scores: ArrayLike,
    truth: ArrayLike,
    point: OperatingPoint,
    *,
    model: str,
    split: str = ALL,
    patients: NDArray[np.str_] | None = None,
) -> Evaluation:
    """Measure scores at an operating point.

    Parameters
    ----------
    scores, truth : array_like
        On the scale of the point's threshold, and 0 or 1; shape (n,), both classes.
    point : OperatingPoint
    model, split : str
        To name the figures by.
    patients : numpy.ndarray of str, optional
        Each film's patient: the intervals are then by patient.
    """
    s, y = paired(scores, truth, both=True)
    called = s >= point.threshold
    tn, fp, fn, tp = np.bincount(2 * y + called, minlength=4).tolist()
    area, area_ci = auc(s, y, patients)
    right = called == (y == 1)

    def interval(hits: NDArray[np.bool_], of: NDArray[np.bool_]) -> Interval:
        return rate_interval(hits[of], None if patients is None else patients[of])

    counts = Confusion(tn, fp, fn, tp)
    every = np.ones(y.size, bool)
    return Evaluation(
        model=model,
        split=split,
        n=counts.n,
        auc=area,
        auc_ci=area_ci,
        operating_point=point.name,
        threshold=point.threshold,
        accuracy=float(right.mean()),
        accuracy_ci=interval(right, every),
        sensitivity=counts.sensitivity,
        sensitivity_ci=interval(called, y == 1),
        specificity=counts.specificity,
        specificity_ci=interval(~called, y == 0),
        confusion_matrix=((tn, fp), (fn, tp)),
    )


def _groups(films: pd.DataFrame, scores: Array, threshold: float) -> list[dict[str, Any]]:
    """Return the rows of `subgroups` as plain values: intervals as pairs, None for no figure."""
    rows = []
    for row in subgroups(films.assign(score=scores), threshold).to_dict("records"):
        plain: dict[str, Any] = {
            str(key): None if value != value else value for key, value in row.items()
        }
        for rate in ("sensitivity", "specificity"):
            ends = [plain.pop(f"{rate}_{end}") for end in ("low", "high")]
            plain[f"{rate}_ci"] = None if plain[rate] is None else ends
        rows.append(plain)
    return rows
