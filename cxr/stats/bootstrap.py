"""Intervals of a mean over films, by a bootstrap that draws patients."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

__all__ = ["DRAWS", "mean_interval", "owners"]

DRAWS = 1000


def owners(films: pd.DataFrame) -> NDArray[np.str_]:
    """Name the patient of each film of a table; one without a name counts as a patient alone."""
    return films["patient"].where(films["patient"] != "", films["path"]).to_numpy(np.str_)


def mean_interval(
    values: ArrayLike, patients: ArrayLike, *, seed: int = 0
) -> tuple[float, float] | None:
    """Return the 95 % interval of the mean of one value per film.

    Patients are drawn, not films, since the films of a patient are alike; the interval is the
    percentile one of `DRAWS` draws. Two sets of values of the same films get the same draws, so
    that the interval of their differences is a paired one. Where all values are equal, so are its
    ends: a bootstrap sees no more than what it draws from.

    Parameters
    ----------
    values, patients : array_like, shape (films,)
        Finite values, and each film's patient by name.
    seed : int
        The same seed gives the same draws.

    Returns
    -------
    tuple of float or None
        None if there are not two patients: one says nothing of others.

    Raises
    ------
    ValueError
        If the shapes differ.

    References
    ----------
    Efron and Tibshirani, An introduction to the bootstrap, 1993, section 13.3; Field and Welsh,
    Bootstrapping clustered data, JRSS B 69:369, 2007.
    """
    per_film, names = np.asarray(values, np.float64), np.asarray(patients)
    if per_film.ndim != 1 or names.shape != per_film.shape:
        got = f"{per_film.shape} and {names.shape}"
        raise ValueError(f"Expected values and patients of one shape (films,). Received: {got}")
    unique, owner = np.unique(names, return_inverse=True)
    if unique.size < 2:
        return None
    sums = np.bincount(owner, weights=per_film)
    films = np.bincount(owner)
    draws = np.random.default_rng(seed).integers(unique.size, size=(DRAWS, unique.size))
    means = sums[draws].sum(axis=1) / films[draws].sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
