"""A model's figures on a site's films: at operating points, and by subgroup, with intervals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ..scoring.evaluation import Confusion, Evaluation
from ..scoring.operating_points import Calibration, OperatingPoint
from ..stats.bootstrap import owners
from ..stats.clustered import rate_interval
from ..stats.curves import auc
from ..stats.intervals import paired
from .truth import TruthError

__all__ = [
    "AGE_BANDS",
    "ALL",
    "FEWEST",
    "Refusals",
    "SiteEvaluation",
    "Subgroup",
    "age_band",
    "evaluate_at",
    "evaluate_films",
    "subgroups",
]

#: What a set of films without splits is called.
ALL = "all"
#: Films of a class without which no rate of a subgroup is given.
FEWEST = 20
TOO_FEW = "too few"
#: First years of age bands, and what they are called.
AGE_BANDS = ((0, "0-4"), (5, "5-14"), (15, "15-39"), (40, "40-64"), (65, "65 and over"))
#: What subgroups are made by.
BY = ("sex", "age", "scanner", "site", "subtype")
#: Different values that a column of subgroups may have; more identify films, not groups.
MOST_GROUPS = 30

Interval = tuple[float, float]


@dataclass(frozen=True)
class Subgroup:
    """Figures on the films of one subgroup at an operating point, with 95 % intervals.

    Attributes
    ----------
    by : str
        What the films are grouped by: "sex", "age", "scanner", "site" or "subtype".
    group : str
        Which films; "not known" for those that do not say.
    n, positives, negatives : int
        Films with a score.
    auc, sensitivity, specificity : float or None
        None where there are too few films (`FEWEST`) of a class.
    auc_ci, sensitivity_ci, specificity_ci : tuple of float or None
        Their intervals.
    note : str
        "too few" where a figure is missing for that, else "".
    """

    by: str
    group: str
    n: int
    positives: int
    negatives: int
    auc: float | None
    auc_ci: Interval | None
    sensitivity: float | None
    sensitivity_ci: Interval | None
    specificity: float | None
    specificity_ci: Interval | None
    note: str

    def to_json(self) -> dict[str, Any]:
        """Return plain values; pairs become lists."""
        return _plain(asdict(self))


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
    subgroups : tuple of Subgroup
        At that of `main`.
    positives, negatives : int
        Films with a score.
    patients : int or None
        Of them; None if not known.
    refused : Refusals
        Films that are in none of the figures.
    """

    main: Evaluation
    points: tuple[Evaluation, ...]
    subgroups: tuple[Subgroup, ...]
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
            "subgroups": [group.to_json() for group in self.subgroups],
        }


def evaluate_films(
    films: pd.DataFrame,
    *,
    model: str,
    points: Sequence[tuple[OperatingPoint, Calibration]],
    split: str = ALL,
) -> SiteEvaluation:
    """Measure a model on a site's films.

    Parameters
    ----------
    films : pandas.DataFrame
        As `cxr.site.films.with_scores` returns them.
    model : str
        Its name.
    points : sequence of (OperatingPoint, Calibration)
        Operating points, each with the calibration that its threshold is on; the first is the main
        one.
    split : str, optional
        What to call the films.

    Raises
    ------
    TruthError
        ``one_class`` if the films that have a score are of one class.
    """
    kept = films[films["logit"].notna()].reset_index(drop=True)
    if kept["truth"].nunique() < 2:
        raise TruthError(
            f"Of the films with a label, {len(films) - len(kept):,} were refused; those that have "
            "a score are not of both classes.",
            code="one_class",
        )
    patients = _patients(kept)
    figures = tuple(
        evaluate_at(
            calibration.score(kept["logit"]),
            kept["truth"].to_numpy(),
            point,
            model=model,
            split=split,
            patients=patients,
        )
        for point, calibration in points
    )
    main, calibration = points[0]
    scores = calibration.score(kept["logit"])
    refused = films[films["logit"].isna()]
    codes = refused.get("refusal_code", pd.Series(dtype=str)).value_counts()
    return SiteEvaluation(
        main=figures[0],
        points=figures,
        subgroups=tuple(subgroups(kept, scores, main.threshold)),
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


def _patients(films: pd.DataFrame) -> NDArray[np.str_] | None:
    """Name each film's patient; None where no patient is known."""
    named = films["patient"].astype(str) if "patient" in films else pd.Series(dtype=str)
    return owners(films.assign(patient=named)) if (named != "").any() else None


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


def subgroups(films: pd.DataFrame, scores: ArrayLike, threshold: float) -> Iterator[Subgroup]:
    """Measure the films of each subgroup that they tell of.

    Parameters
    ----------
    films : pandas.DataFrame
        With ``truth``, and where known ``patient``, ``sex``, ``age`` (years), ``scanner``, ``site``
        and ``subtype``.
    scores : array_like
        Of each film.
    threshold : float
        On these scores.

    Yields
    ------
    Subgroup
        By each column that tells more than one thing; a subtype of one class alone has figures of
        that class.
    """
    table = films.assign(score=np.asarray(scores, np.float64), patient_=_patients(films))
    if "age" in table:
        table["age"] = [age_band(age) for age in table["age"].astype(float)]
    for by in BY:
        if by not in table:
            continue
        groups = table[by].astype(str)
        known = groups[groups != ""].unique()
        if not 1 < len(known) <= MOST_GROUPS and not (len(known) == 1 and (groups == "").any()):
            continue
        order = [name for _, name in AGE_BANDS] if by == "age" else sorted(known)
        for name in [*(name for name in order if name in set(known)), ""]:
            if (groups == name).any():
                yield _subgroup(by, name, table[groups == name], threshold)


def age_band(age: float) -> str:
    """Return the name of an age band; "" for an age that is not known."""
    names = [name for first, name in AGE_BANDS if age >= first]
    return names[-1] if names else ""


def _subgroup(by: str, name: str, films: pd.DataFrame, threshold: float) -> Subgroup:
    scores, truth = films["score"].to_numpy(), films["truth"].to_numpy()
    known = films["patient_"].notna().all()
    patients: NDArray[Any] | None = films["patient_"].to_numpy(str) if known else None
    positives, negatives = int(truth.sum()), int((1 - truth).sum())

    def rate(hits: NDArray[np.bool_], of: NDArray[np.bool_]) -> tuple[float | None, Any]:
        if of.sum() < FEWEST:
            return None, None
        return float(hits[of].mean()), rate_interval(
            hits[of], None if patients is None else patients[of]
        )

    enough = min(positives, negatives) >= FEWEST
    area, area_ci = auc(scores, truth, patients) if enough else (None, None)
    sensitivity, sensitivity_ci = rate(scores >= threshold, truth == 1)
    specificity, specificity_ci = rate(scores < threshold, truth == 0)
    return Subgroup(
        by=by,
        group=name or "not known",
        n=len(films),
        positives=positives,
        negatives=negatives,
        auc=area,
        auc_ci=area_ci,
        sensitivity=sensitivity,
        sensitivity_ci=sensitivity_ci,
        specificity=specificity,
        specificity_ci=specificity_ci,
        note="" if enough else TOO_FEW,
    )


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {key: list(v) if isinstance(v, tuple) else v for key, v in values.items()}
