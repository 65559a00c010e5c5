"""Drift: how far the incoming films differ from those that a model was validated on.

Measured on scores and on films' gray values by the population stability index, with what chance
alone would give.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ..films.statistics import STATISTICS
from ..scoring.operating_points import SITE_MARK
from ..scoring.site_file import SiteFile, is_of_site

if TYPE_CHECKING:
    from ..scoring.bundle import Bundle

__all__ = [
    "CUTS",
    "FEWEST",
    "SCORE",
    "Drift",
    "Spread",
    "as_table",
    "drift",
    "drifts",
    "logged_films",
    "psi",
    "spread",
    "validation_films",
]

#: Films on each side without which nothing is said.
FEWEST = 30
#: Where PSI is said to be some and to be much, by convention (Siddiqi 2006): no more than that.
CUTS = (0.1, 0.25)
SCORE = "score"
VALIDATION, OF_SITE = "validation films", "films of the site"
#: What the columns of a film table that hold `STATISTICS` begin with.
PREFIX = "stat_"
TOO_FEW, NOT_KNOWN, CHANCE = "too few", "not known", "no more than by chance"
LITTLE, SOME, MUCH = "little", "some", "much"
BINS = 10
HISTOGRAM_BINS = 20
# As film tables store them; a value must not change its bin by having been stored.
DECIMALS = 4

_Array = NDArray[np.float64]


@dataclass(frozen=True)
class Drift:
    """How far one quantity of the logged films differs from that of the validation films.

    Attributes
    ----------
    name : str
        ``score`` or one of `STATISTICS`.
    psi : float or None
        Population stability index, at least 0; None with too few films, or if nothing is known of
        validation.
    chance : float or None
        What `psi` stays under 95 times in 100 if nothing has changed; None if `psi` is.
    n_validation, n_logged : int
        Number of films of each.
    note : str
        ``too few`` (under `FEWEST` on a side), ``not known``, ``no more than by chance``, or, where
        it is more than that, ``little``, ``some`` (from 0.1) or ``much`` (from 0.25).
    against : str
        What the logged films are compared with, which `n_validation` counts: `VALIDATION`, or
        `OF_SITE` where a site's file was chosen.
    """

    name: str
    psi: float | None
    chance: float | None
    n_validation: int
    n_logged: int
    note: str
    against: str = VALIDATION

    @property
    def moved(self) -> bool:
        """Whether there is drift that counts: beyond chance, and by convention at least some."""
        return self.beyond_chance and (self.psi or 0) >= CUTS[0]

    @property
    def beyond_chance(self) -> bool:
        """Whether the index is more than chance alone would give."""
        return self.psi is not None and self.chance is not None and self.psi > self.chance

    @property
    def text(self) -> str:
        """The note, with the number of films where they are too few."""
        if self.note != TOO_FEW:
            return self.note
        side = "" if self.n_logged < FEWEST else f" {self.against}"
        return f"n = {self.n_validation if side else self.n_logged:,}{side}, {TOO_FEW}"


@dataclass(frozen=True, eq=False)
class Spread:
    """The scores of validation and those logged, as shares of films in equal bins.

    Attributes
    ----------
    edges : numpy.ndarray of float64
        Shape (bins + 1,), from 0 to 1.
    validation, logged : numpy.ndarray of float64
        Shape (bins,), summing to 1; zeros without films.
    n_validation, n_logged : int
        Number of films of each.
    against : str
        As for `Drift`.
    """

    edges: _Array
    validation: _Array
    logged: _Array
    n_validation: int
    n_logged: int
    against: str = VALIDATION


def psi(expected: ArrayLike, actual: ArrayLike, bins: int = BINS) -> float:
    """Return the population stability index of one sample against another.

    It is the sum over bins of (q - p) ln(q / p), p and q the shares of `expected` and `actual`.
    The bins are bounded by quantiles of `expected` (deciles), so that each holds about as many;
    where many values are equal, there are fewer. An empty bin counts as half a value: a fixed
    small number in its place would make much of one bin in a small sample.

    Parameters
    ----------
    expected, actual : array_like
        Finite, shapes (n,) and (m,), neither empty.
    bins : int, default: BINS
        At least 2.

    Returns
    -------
    float
        At least 0; NaN if `expected` is one value, which has no bins.

    Raises
    ------
    ValueError
        For values that are not finite, another shape, no values, or fewer than 2 bins.

    References
    ----------
    Siddiqi, Credit risk scorecards, Wiley 2006 (the index, and the cuts at 0.1 and 0.25, which
    are convention). Kullback and Leibler, Ann Math Stat 22:79, 1951 (J-divergence, which it is).
    """
    return _index(_values(expected), _values(actual), bins)[0]


def drift(
    name: str, validation: ArrayLike, logged: ArrayLike, *, site: SiteFile | None = None
) -> Drift:
    """Measure the drift of one quantity.

    Where nothing has changed, the index is about (1 / n + 1 / m) times a chi-squared variable of
    one degree of freedom fewer than bins: 0.3 on average for 30 films on each side. Only what is
    above the 95 % point of that is called drift.

    Parameters
    ----------
    name : str
        Of the quantity.
    validation, logged : array_like
        Shapes (n,) and (m,); NaN is left out. Either may be empty.
    site : SiteFile, optional
        Whose quantiles stand for the validation films.

    References
    ----------
    Yurdakul and Naranjo, Statistical properties of the population stability index, Journal of
    Risk Model Validation 14(4), 2020.
    """
    before, now = (_known(values) for values in (validation, logged))
    value = limit = None
    note = TOO_FEW
    number = site.films.n if site and before.size else int(before.size)
    if not before.size or (number >= FEWEST and before.min() == before.max()):
        note = NOT_KNOWN
    elif min(number, now.size) >= FEWEST:
        value, bins = _index(before, now, BINS)
        limit = _chance(bins, number, now.size)
        note = MUCH if value >= CUTS[1] else SOME if value >= CUTS[0] else LITTLE
        note = note if value > limit else CHANCE
    against = OF_SITE if site else VALIDATION
    return Drift(name, value, limit, number, int(now.size), note, against)


def drifts(table: pd.DataFrame, bundle: Bundle, site: SiteFile | None = None) -> list[Drift]:
    """Measure the drift of scores and of films' gray values from those of a model's validation.

    Parameters
    ----------
    table : pandas.DataFrame
        The log's events of this model's weights (`cxr.monitoring.measures.of_model`).
    bundle : Bundle
        The model.
    site : SiteFile, optional
        Whose films are compared with in their place.

    Returns
    -------
    list of Drift
        Of the score, then of each of `STATISTICS`.
    """
    now, before = logged_films(table, site), _known_films(bundle, site)
    return [
        drift(name, before[name], now[name].to_numpy(), site=site) for name in (SCORE, *STATISTICS)
    ]


def _known_films(bundle: Bundle, site: SiteFile | None) -> dict[str, ArrayLike]:
    """Return what logged films are compared with: of a site its quantiles stand for its films."""
    if site is None:
        films = validation_films(bundle)
        return {name: films[name].to_numpy() for name in (SCORE, *STATISTICS)}
    known = {name: site.reference.get(name, ()) for name in (SCORE, *STATISTICS)}
    return {
        name: np.round(values, DECIMALS) if name in STATISTICS else values
        for name, values in known.items()
    }


def as_table(found: Sequence[Drift]) -> pd.DataFrame:
    """Return drift as a table for people, one row per quantity; NaN if there is no figure."""
    return pd.DataFrame(
        {
            "quantity": measured.name,
            "PSI": math.nan if measured.psi is None else measured.psi,
            "by chance up to": math.nan if measured.chance is None else measured.chance,
            measured.against: measured.n_validation,
            "logged films": measured.n_logged,
            "drift": measured.text,
        }
        for measured in found
    )


def spread(table: pd.DataFrame, bundle: Bundle, site: SiteFile | None = None) -> Spread:
    """Count the scores of a model's validation films and those logged, in equal bins.

    Parameters
    ----------
    table : pandas.DataFrame
        The log's events of this model's weights (`cxr.monitoring.measures.of_model`).
    bundle : Bundle
        The model.
    site : SiteFile, optional
        Whose films are compared with in their place.
    """
    edges = np.linspace(0, 1, HISTOGRAM_BINS + 1)
    before, now = _known_films(bundle, site)[SCORE], logged_films(table, site)[SCORE]
    sides = [_known(scores) for scores in (before, now)]
    shares = [np.histogram(side, edges)[0] / max(side.size, 1) for side in sides]
    number = site.films.n if site else sides[0].size
    against = OF_SITE if site else VALIDATION
    return Spread(edges, shares[0], shares[1], number, sides[1].size, against)


def logged_films(table: pd.DataFrame, site: SiteFile | None = None) -> pd.DataFrame:
    """Return what was logged of each film that was scored, once per film however often it was read.

    Parameters
    ----------
    table : pandas.DataFrame
        Events of one model's weights.
    site : SiteFile, optional
        Whose calibration scores must be on (default: the model's own).

    Returns
    -------
    pandas.DataFrame
        Columns ``score`` and those of `STATISTICS`, one row for each film (by its pixels) and
        weights, as it was scored last; a score on another calibration is NaN.
    """
    rows = table[(table["event"] == "scored") & table["score"].notna()]
    point = rows["operating_point"].astype(str)
    on_scale = point.str.endswith(SITE_MARK + site.label) if site else ~point.map(is_of_site)
    rows = rows.assign(score=rows["score"].where(on_scale.astype(bool)))
    rows = rows.drop_duplicates(["film_sha256", "model_sha256"], keep="last")
    return _rounded(rows[[SCORE, *STATISTICS]].reset_index(drop=True))


def validation_films(bundle: Bundle) -> pd.DataFrame:
    """Return what is stored of a model's validation films.

    Returns
    -------
    pandas.DataFrame
        Columns ``score`` (calibrated) and those of `STATISTICS`, one row per film; NaN if it is
        not known. The rows of scores and statistics do not belong together.
    """
    films = bundle.films[bundle.films["split"] == "validation"]
    columns = {SCORE: bundle.scored("validation")["score"]}
    for name in STATISTICS:
        if PREFIX + name in films:
            columns[name] = films[PREFIX + name].astype(float).reset_index(drop=True)
    return _rounded(pd.DataFrame(columns, columns=[SCORE, *STATISTICS], dtype=float))


def _rounded(films: pd.DataFrame) -> pd.DataFrame:
    return films.round(dict.fromkeys(STATISTICS, DECIMALS))


def _known(values: ArrayLike) -> _Array:
    numbers = np.asarray(values, dtype=np.float64)
    return numbers[np.isfinite(numbers)]


def _values(values: ArrayLike) -> _Array:
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.ndim != 1 or not numbers.size or not np.isfinite(numbers).all():
        raise ValueError(
            f"Expected finite values of shape (n,), n > 0. Received: shape {numbers.shape}"
        )
    return numbers


def _index(expected: _Array, actual: _Array, bins: int) -> tuple[float, int]:
    """Return the index and the number of bins."""
    if bins < 2:
        raise ValueError(f"Expected at least 2 bins. Received: {bins}")
    # Cut at values that are there, and a bin holds its lower edge: none is empty by construction,
    # but for one below the smallest value.
    edges = np.unique(np.quantile(expected, np.arange(1, bins) / bins, method="higher"))
    edges = edges[edges > expected.min()]
    if not edges.size:
        return math.nan, 1
    p, q = (
        np.maximum(np.bincount(np.searchsorted(edges, v, "right"), minlength=edges.size + 1), 0.5)
        / v.size
        for v in (expected, actual)
    )
    return float(np.sum((q - p) * np.log(q / p))), edges.size + 1


def _chance(bins: int, n: int, m: int) -> float:
    from scipy.stats import chi2

    return float(chi2.ppf(0.95, bins - 1) * (1 / n + 1 / m))
