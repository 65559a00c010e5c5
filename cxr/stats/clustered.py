"""Intervals where several films are of one patient, and so say less than films of several."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .intervals import wilson

__all__ = ["rate_interval"]


def rate_interval(
    hits: ArrayLike, patients: ArrayLike | None = None, level: float = 0.95
) -> tuple[float, float]:
    """Return the interval of a share of films, wider where films are of the same patients.

    It is Wilson's, of as many films as would be worth the same if each were of another patient:
    their number over the design effect, which is what patients vary by, over what films would.
    Without an effect, or with one film a patient, it is Wilson's of the films; where all films are
    alike nothing can be told of the effect, and each patient counts once.

    Parameters
    ----------
    hits : array_like
        0 or 1 per film, shape (n,); (0, 1) where there is none.
    patients : array_like, optional
        Each film's patient (default: each film is of another).
    level : float
        Of the interval, in (0, 1).

    Raises
    ------
    ValueError
        If the shapes differ.

    References
    ----------
    Rao and Scott, A simple method for the analysis of clustered binary data, Biometrics 48:577,
    1992.
    """
    hit = np.asarray(hits, np.float64)
    n, k = hit.size, float(hit.sum())
    if patients is None or n == 0:
        return wilson(k, n, level)
    names = np.asarray(patients)
    if names.shape != hit.shape:
        got = f"{hit.shape} and {names.shape}"
        raise ValueError(f"Expected one patient a film. Received: shapes {got}")
    _, owner = np.unique(names, return_inverse=True)
    films, found = np.bincount(owner), np.bincount(owner, weights=hit)
    many = films.size
    if many == n:
        return wilson(k, n, level)
    share = k / n
    worth = float(many)
    if 0 < share < 1 and many > 1:
        between = many / (many - 1) * float(((found - share * films) ** 2).sum()) / n**2
        effect = between / (share * (1 - share) / n)
        worth = min(float(n), n / effect) if effect > 0 else float(n)
    return wilson(share * worth, worth, level)
