"""A site's figures by sex, age, scanner and the like, with how many films each stands on."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ..stats.clustered import rate_interval
from ..stats.curves import auc

__all__ = ["AGES", "COLUMNS", "FEWEST", "GROUPS", "TOO_FEW", "age_band", "share_with", "subgroups"]

#: Films of a class without which no rate is given.
FEWEST = 20
TOO_FEW = "too few"
#: What films are grouped by, where it is known.
GROUPS = ("sex", "age", "scanner", "site", "subtype")
#: First years of the bands of age.
AGES = (0, 5, 15, 25, 45, 65)
#: Groups of one kind at most; the smallest go.
MOST = 20
COLUMNS = (
    *("by", "group", "n", "positives", "negatives", "sensitivity", "sensitivity_low"),
    *("sensitivity_high", "specificity", "specificity_low", "specificity_high", "auc", "note"),
)


def share_with(values: ArrayLike, patients: ArrayLike) -> tuple[float, tuple[float, float]]:
    """Return the share of films that something holds of, with its 95 % interval.

    Wilson's where each film is of a patient of its own; wider where some have several films, since
    those are alike: `cxr.stats.clustered.rate_interval`.

    Parameters
    ----------
    values : array_like
        bool, shape (n,), n > 0.
    patients : array_like
        Names, shape (n,); "" where not known.
    """
    holds = np.asarray(values, dtype=bool)
    names = np.asarray(patients).astype(str)
    part = int(holds.sum())
    alone = np.array([f"film {k}" if name == "" else f"patient {name}"
                      for k, name in enumerate(names)])  # fmt: skip
    return part / holds.size, rate_interval(holds, alone)


def age_band(age: float) -> str:
    """Return the band of an age in years, such as "25 to 44"; "" where it is not known."""
    if math.isnan(age) or age < 0:
        return ""
    first = max(start for start in AGES if start <= age)
    later = [start for start in AGES if start > first]
    return f"{first} to {later[0] - 1}" if later else f"{first} and over"


def subgroups(films: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """Measure sensitivity and specificity in the groups that a site's films fall into.

    Parameters
    ----------
    films : pandas.DataFrame
        One row per film: ``truth`` (0 or 1), ``score``, and, where known, ``patient``, ``age`` in
        years, and the others of `GROUPS` as texts.
    threshold : float
        A film is positive when its score is at or above it.

    Returns
    -------
    pandas.DataFrame
        `COLUMNS`. Rates are NaN where fewer than `FEWEST` films of the class are there, the AUC
        where one of the classes has fewer; the note then says `TOO_FEW`. A kind of group that all
        films are alike in is left out; films of which it is not known are "not known".
    """
    rows: list[tuple[object, ...]] = []
    for by in GROUPS:
        if by not in films:
            continue
        names = films[by].map(age_band) if by == "age" else films[by].fillna("").astype(str)
        names = names.where(names != "", "not known")
        counted = names.value_counts()
        if len(counted) < 2:
            continue
        kept = sorted(counted.index[:MOST], key=lambda name: _order(by, str(name)))
        rows += [(by, name, *_measured(films[names == name], threshold)) for name in kept]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _order(by: str, name: str) -> tuple[bool, int, str]:
    first = int(name.split(" ", maxsplit=1)[0]) if by == "age" and name[0].isdecimal() else 0
    return name == "not known", first, name


def _measured(films: pd.DataFrame, threshold: float) -> tuple[object, ...]:
    truth, score = films["truth"].to_numpy(), films["score"].to_numpy(float)
    owners = (
        films["patient"].fillna("").astype(str).to_numpy()
        if "patient" in films
        else np.full(len(films), "")
    )
    positives, negatives = truth == 1, truth == 0
    rates: list[float] = []
    for of_class, right in ((positives, score >= threshold), (negatives, score < threshold)):
        if of_class.sum() < FEWEST:
            rates += [math.nan] * 3
        else:
            share, (low, high) = share_with(right[of_class], owners[of_class])
            rates += [share, low, high]
    enough = min(positives.sum(), negatives.sum()) >= FEWEST
    area = auc(score, truth)[0] if enough else math.nan
    note = "" if enough else TOO_FEW
    return (len(films), int(positives.sum()), int(negatives.sum()), *rates, area, note)
