"""What a site's films with their truth say of a model: films joined with their truth, figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..evidence.evaluation import Confusion, confusion
from ..scoring.bundle import Bundle
from ..scoring.operating_points import Calibration
from ..stats.clustered import rate_interval
from ..stats.curves import Reliability, auc
from ..stats.sample_size import FilmsNeeded, films_needed
from .calibrate import CalibrationError, fitted
from .facts import patients_of, with_facts
from .truth import Matched

__all__ = ["Measured", "Proof", "calibrations", "errors", "joined", "needed", "prove"]

FOLDS = 5
#: What is expected of a rate that could not be measured, to say how many films it takes.
EXPECTED = 0.9


@dataclass(frozen=True)
class Measured:
    """A share of films.

    Attributes
    ----------
    value : float
        In [0, 1].
    interval : tuple of float
        95 %: Wilson's, wider where some patients have several films
        (`cxr.stats.clustered.rate_interval`).
    part, whole : int
        Films that count, and of how many.
    """

    value: float
    interval: tuple[float, float]
    part: int
    whole: int


@dataclass(frozen=True)
class Proof:
    """A model's figures on a site's films at a threshold.

    Attributes
    ----------
    films : int
        Films with a score and a label.
    refused : int
        Films with a label that the model refused.
    threshold : float
        On the score that the figures are of.
    counts : Confusion
    auc : float
        Area under the ROC curve.
    auc_ci : tuple of float
        Its 95 % interval, by patient where patients are known (`cxr.stats.curves.auc`).
    sensitivity, specificity : Measured
        At the threshold.
    """

    films: int
    refused: int
    threshold: float
    counts: Confusion
    auc: float
    auc_ci: tuple[float, float]
    sensitivity: Measured
    specificity: Measured

    @property
    def prevalence(self) -> float:
        """Share of positives among these films."""
        return (self.counts.tp + self.counts.fn) / self.films


def joined(films: pd.DataFrame, matched: Matched) -> pd.DataFrame:
    """Give films with a truth what is known of them: their scores, and facts of sheet and file.

    Parameters
    ----------
    films : pandas.DataFrame
        What is known of each film, in the order that was matched; with ``score`` and ``refusal``.
    matched : Matched

    Returns
    -------
    pandas.DataFrame
        The rows of `Matched.films` with the other columns of `films`, see
        `cxr.site.facts.with_facts`. Refused films have no score.
    """
    return with_facts(matched.films, films.iloc[matched.films["film"].to_numpy()])


def prove(films: pd.DataFrame, threshold: float) -> Proof:
    """Measure a model on a site's films.

    Parameters
    ----------
    films : pandas.DataFrame
        ``path``, ``truth`` (0 or 1), ``score`` (NaN of a refused film), ``patient`` where known;
        scored films of both classes.
    threshold : float
        A film is positive when its score is at or above it.

    Raises
    ------
    ValueError
        If the scored films are of one class.
    """
    scored = films[films["score"].notna()]
    truth, score = scored["truth"].to_numpy(np.int64), scored["score"].to_numpy(float)
    patients = patients_of(scored)
    area, interval = auc(score, truth, patients)

    def share(right: NDArray[np.bool_], of_class: NDArray[np.bool_]) -> Measured:
        part, whole = int(right[of_class].sum()), int(of_class.sum())
        ends = rate_interval(right[of_class], None if patients is None else patients[of_class])
        return Measured(part / whole, ends, part, whole)

    return Proof(
        films=len(scored),
        refused=len(films) - len(scored),
        threshold=threshold,
        counts=confusion(score, truth, threshold),
        auc=area,
        auc_ci=interval,
        sensitivity=share(score >= threshold, truth == 1),
        specificity=share(score < threshold, truth == 0),
    )


def errors(films: pd.DataFrame, threshold: float, kind: str) -> pd.DataFrame:
    """Return the films on the wrong side of a threshold, the worst first.

    Parameters
    ----------
    films : pandas.DataFrame
        ``truth`` and ``score``.
    threshold : float
    kind : {"fn", "fp"}
        Positives below it, or negatives at or above it.
    """
    if kind not in ("fn", "fp"):
        raise ValueError(f"Expected fn or fp. Received: {kind}")
    if kind == "fn":
        wrong = films[(films["truth"] == 1) & (films["score"] < threshold)]
    else:
        wrong = films[(films["truth"] == 0) & (films["score"] >= threshold)]
    return wrong.sort_values("score", ascending=kind == "fn", kind="stable")


def needed(proof: Proof, width: float) -> FilmsNeeded:
    """Return how many films give intervals of the width asked, at these rates and prevalence.

    A rate of 0 or 1 was measured on too few films to be taken at its word: `EXPECTED` stands for it
    then, or what is that far from it.
    """
    rates = [
        min(max(rate.value, 1 - EXPECTED), EXPECTED) if rate.value in (0, 1) else rate.value
        for rate in (proof.sensitivity, proof.specificity)
    ]
    prevalence = min(max(proof.prevalence, 0.001), 0.999)
    return films_needed(rates[0], rates[1], width, prevalence)


def calibrations(
    films: pd.DataFrame, bundle: Bundle, *, seed: int = 0
) -> Mapping[str, Reliability]:
    """Compare what a score means before and after it is calibrated on the site's films.

    After: each film's score by a calibration that was fitted on the other parts of 5, with no film
    of the same patient, so that it is not flattered.

    Parameters
    ----------
    films : pandas.DataFrame
        Scored films: ``path``, ``logit``, ``truth``, and ``patient`` where known.
    bundle : Bundle
        The model, with the card's calibration.
    seed : int
        Of the parts.

    Returns
    -------
    mapping of str to Reliability
        ``as it ships`` and, where one could be fitted, ``calibrated here``.
    """
    logits, truth = films["logit"].to_numpy(float), films["truth"].to_numpy(np.int64)
    calibration: Calibration = bundle.card.calibration
    told = {"as it ships": Reliability.from_scores(calibration.score(logits), truth)}
    part = _parts(truth, patients_of(films), seed)
    after = np.empty(truth.size)
    try:
        for fold in range(FOLDS):
            held = part == fold
            after[held] = fitted(logits[~held], truth[~held]).score(logits[held])
    except (CalibrationError, ValueError):
        return told
    return told | {"calibrated here": Reliability.from_scores(after, truth)}


def _parts(
    truth: NDArray[np.int64], patients: NDArray[np.str_] | None, seed: int
) -> NDArray[np.int64]:
    """Deal patients into `FOLDS` parts, those with a positive film apart from the others."""
    owner = np.arange(truth.size) if patients is None else pd.factorize(patients)[0]
    positive = np.zeros(owner.max() + 1, np.int64)
    np.maximum.at(positive, owner, truth)
    part = np.empty(positive.size, np.int64)
    for label in (0, 1):
        dealt = np.flatnonzero(positive == label)
        order = np.random.default_rng(seed + label).permutation(dealt)
        part[order] = np.arange(dealt.size) % FOLDS
    return part[owner]
