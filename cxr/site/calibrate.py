"""A site's file from scores and labels of the site's films: calibration, threshold, band."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from .. import __version__
from ..errors import CxrError
from ..films.age import date_of
from ..films.statistics import STATISTICS
from ..scoring.bundle import Bundle
from ..scoring.operating_points import Rule, choose
from ..scoring.site_file import (
    QUANTILES,
    Platt,
    SiteBand,
    SiteFile,
    SiteFilms,
    SiteSide,
    card_hash,
)
from ..stats.band import Band, band_in_between
from ..stats.bootstrap import owners
from ..stats.intervals import Array
from ..stats.platt import fit_platt
from ..stats.wording import count, percent

__all__ = [
    "FEWEST",
    "CalibrationError",
    "band_of",
    "calibrate",
    "data_hash",
    "expected_sensitivity",
    "fitted",
    "inputs_hash",
]

#: Films of each class without which no threshold is chosen.
FEWEST = 10
ROUND = 6
#: Columns of what is known of films that figures and a site's file are made of.
INPUTS = ("truth", "score", "logit", "sha256", "patient", "date")


class CalibrationError(CxrError, ValueError):
    """Films that no threshold can be chosen on; the code says why.

    ``one_class``, ``too_few`` for under `FEWEST` films of a class, ``too_few_for_sensitivity``
    where no threshold can be expected to keep the sensitivity asked, ``no_better_than_chance``.
    """

    code = "calibration"


def calibrate(
    bundle: Bundle,
    films: pd.DataFrame,
    *,
    site: str,
    sensitivity: float = 0.95,
    refused: int = 0,
    level: float | None = 0.95,
    probability: float = 0.9,
    seed: int = 0,
) -> SiteFile:
    """Make a site's file.

    The scores are calibrated anew (Platt, on the network's output), and thresholds chosen on them.
    That of a sensitivity is the highest that is expected to keep it on further films, not only on
    these: chosen at exactly 95 % of these films, it would find fewer than 95 % of others.

    Parameters
    ----------
    bundle : Bundle
        The model, with its own card.
    films : pandas.DataFrame
        One row per film with a score and a label: ``logit``, ``truth`` (0 or 1), ``path``, and,
        where known, ``patient``, ``date``, ``sha256`` (of the pixels) and the film's statistics
        (`cxr.films.statistics.STATISTICS`).
    site : str
        What to call the site: up to 40 letters, digits, dots, dashes and underscores.
    sensitivity : float, default: 0.95
        Of the default operating point, from 0.5 to 0.99.
    refused : int, default: 0
        Films with a label that the model refused.
    level : float or None, default: 0.95
        Least NPV below and PPV above the band in which a person decides; None for no band.
    probability : float, default: 0.9
        With which both are to hold (`cxr.stats.band.band_in_between`).
    seed : int, default: 0
        Of the bootstrap.

    Returns
    -------
    SiteFile

    Raises
    ------
    CalibrationError
        See there.
    ValueError
        If the sensitivity or the site's name is none.
    """
    if not 0.5 <= sensitivity <= 0.99:
        raise ValueError(f"Expected a sensitivity from 0.5 to 0.99. Received: {sensitivity}")
    logits = films["logit"].to_numpy(np.float64)
    truth = films["truth"].to_numpy(np.int64)
    _check(truth)
    table = films.assign(patient=films.get("patient", ""))
    named = table["patient"].astype(str)
    patients = owners(table.assign(patient=named))
    platt = fitted(logits, truth)
    scores = platt.score(logits)
    positives = int(np.unique(patients[truth == 1]).size)
    points = choose(scores, truth, patients, seed=seed, rules=_rules(sensitivity, positives))
    return SiteFile(
        site=site,
        model=bundle.card.name,
        finding=bundle.card.finding,
        weights_sha256=bundle.card.weights.sha256,
        card_sha256=card_hash(bundle.card),
        calibration=platt,
        operating_points=tuple(points),
        default_operating_point=points[0].name,
        films=SiteFilms(
            positives=int(truth.sum()),
            negatives=int((1 - truth).sum()),
            refused=refused,
            patients=int(named.nunique()) if len(named) and (named != "").all() else None,
            **_days(films),
            data_sha256=data_hash(films),
        ),
        made=datetime.now(UTC).date().isoformat(),
        versions=_versions(),
        band=None
        if level is None
        else band_of(
            band_in_between(scores, truth, patients, level=level, probability=probability)
        ),
        reference=_reference(films, scores),
    )


def fitted(logits: ArrayLike, truth: ArrayLike) -> Platt:
    """Fit a site's calibration.

    Raises
    ------
    CalibrationError
        ``no_better_than_chance`` if the scores rank positives no higher than negatives.
    """
    try:
        slope, intercept = fit_platt(logits, truth)
    except ValueError as error:
        raise CalibrationError(str(error), code="no_better_than_chance") from error
    if slope <= 0:
        raise CalibrationError(
            "The model ranks this site's positive films no higher than the negative ones. No "
            "threshold is of use: check the labels, or do not use this model here.",
            code="no_better_than_chance",
        )
    return Platt(slope, intercept)


def band_of(found: Band) -> SiteBand | None:
    """Write a band on the site's calibrated scores as a site's file has it; None if it is none."""
    if not found.promised:
        return None
    below, above = (
        SiteSide(float(side.threshold), int(side.films), int(side.wrong)) if side else None
        for side in (found.below, found.above)
    )
    return SiteBand(
        float(found.level), float(found.probability), int(found.films), below, above, found.between
    )


def expected_sensitivity(sensitivity: float, positives: int) -> float:
    """Return the share of the positives at hand that a threshold must find.

    The threshold above the k-th lowest of n scores is expected to find 1 - k / (n + 1) of further
    positives; so of those at hand it must find a little more than is asked.

    Parameters
    ----------
    sensitivity : float
        Asked for, in (0, 1).
    positives : int
        Patients with the finding at hand.

    Raises
    ------
    CalibrationError
        ``too_few_for_sensitivity`` if even a threshold below all of them is not expected to.

    References
    ----------
    Vovk, Gammerman and Shafer, Algorithmic learning in a random world, 2005 (the quantile of split
    conformal prediction).
    """
    asked = sensitivity * (positives + 1) / positives
    if asked > 1:
        least = int(np.ceil(sensitivity / (1 - sensitivity) - 1e-9))
        raise CalibrationError(
            f"{count(positives, 'positive patient')} are too few for a threshold of "
            f"{percent(sensitivity, 0)} sensitivity: at least {least} are needed.",
            code="too_few_for_sensitivity",
        )
    return asked


def _rules(sensitivity: float, positives: int) -> Mapping[str, Rule]:
    asked = expected_sensitivity(sensitivity, positives)
    name = f"sensitivity-{100 * sensitivity:.4g}"
    return {
        name: (
            f"The highest threshold that is expected to keep a sensitivity of "
            f"{100 * sensitivity:.4g} % on further films of the site.",
            lambda sens, spec: int(np.argmax(sens >= asked - 1e-9)),
        ),
        "youden": (
            "The threshold with the highest sum of sensitivity and specificity on these films.",
            lambda sens, spec: int(np.flatnonzero(sens + spec >= (sens + spec).max() - 1e-9)[-1]),
        ),
    }


def _check(truth: NDArray[np.int64]) -> None:
    positives, negatives = int(truth.sum()), int((1 - truth).sum())
    if not positives or not negatives:
        raise CalibrationError(
            f"There are {count(positives, 'positive film')} and "
            f"{count(negatives, 'negative film')}: films of both classes are needed.",
            code="one_class",
        )
    if min(positives, negatives) < FEWEST:
        raise CalibrationError(
            f"There are {count(positives, 'positive film')} and "
            f"{count(negatives, 'negative film')}: at least {FEWEST} of each are needed.",
            code="too_few",
        )


def _days(films: pd.DataFrame) -> dict[str, str | None]:
    days = [day for day in map(date_of, films["date"]) if day] if "date" in films else []
    ends = (min(days).isoformat(), max(days).isoformat()) if days else (None, None)
    return dict(zip(("first", "last"), ends, strict=True))


def data_hash(films: pd.DataFrame) -> str:
    """Hash films by their pixels and labels, whatever their order and names.

    Parameters
    ----------
    films : pandas.DataFrame
        ``truth``, and ``sha256`` of the pixels; where there are none, ``logit`` stands for them.
    """
    given = "sha256" in films and (films["sha256"] != "").all()
    told = films["sha256"] if given else films["logit"].map(lambda logit: f"{logit:.6f}")
    lines = sorted(f"{film} {truth}\n" for film, truth in zip(told, films["truth"], strict=True))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def inputs_hash(films: pd.DataFrame) -> str:
    """Hash all that a site's figures and its file are made of, in the order of the films.

    In addition to `data_hash` it changes with whose films they are, their dates, and with those
    that were refused.

    Parameters
    ----------
    films : pandas.DataFrame
        With those that were refused: any of `INPUTS`.
    """
    rows = pd.util.hash_pandas_object(films[[n for n in INPUTS if n in films]], index=False)
    return hashlib.sha256(rows.to_numpy().tobytes()).hexdigest()


def _versions() -> dict[str, str]:
    return {"cxr": __version__, "python": platform.python_version(), "numpy": np.__version__}


def _reference(films: pd.DataFrame, scores: Array) -> dict[str, tuple[float, ...]]:
    columns = {"score": scores} | {
        name: films[name].to_numpy(np.float64) for name in STATISTICS if name in films
    }
    return {
        name: _quantiles(values) for name, values in columns.items() if np.isfinite(values).any()
    }


def _quantiles(values: Iterable[float]) -> tuple[float, ...]:
    known = np.asarray(values, np.float64)
    ends = np.quantile(known[np.isfinite(known)], np.linspace(0, 1, QUANTILES))
    return tuple(np.round(np.maximum.accumulate(ends), ROUND).tolist())
