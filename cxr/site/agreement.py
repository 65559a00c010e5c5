"""Two readers' calls of the same films: how far they agree, and which films to look at together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ..stats.kappa import Kappa, kappa

__all__ = ["ReaderAgreement", "reader_agreement"]


@dataclass(frozen=True, eq=False)
class ReaderAgreement:
    """How far two readers agree on the films that both have called.

    Attributes
    ----------
    kappa : Kappa
        Cohen's, with its interval.
    agreed : int
        Films that both call alike.
    adjudicate : pandas.DataFrame
        Films on which they differ: ``path``, ``first``, ``second`` (bool), and ``score`` where
        there are scores; films that the model is surest of first, since one of the readers differs
        from it there.
    only_one : int
        Films that one of them alone has called; they count for nothing.
    """

    kappa: Kappa
    agreed: int
    adjudicate: pd.DataFrame
    only_one: int

    @property
    def films(self) -> int:
        """Films that both have called."""
        return self.kappa.n


def reader_agreement(
    paths: ArrayLike,
    first: ArrayLike,
    second: ArrayLike,
    *,
    scores: ArrayLike | None = None,
    threshold: float = 0.5,
) -> ReaderAgreement:
    """Compare two readers' calls.

    Parameters
    ----------
    paths : array_like
        Names of the films, shape (n,).
    first, second : array_like
        Whether each reader calls the finding: 0, 1, or NaN where a reader has not called the film;
        shape (n,).
    scores : array_like, optional
        The model's, in [0, 1], shape (n,); NaN where there is none.
    threshold : float
        Of the operating point: films are the surer the farther their score is from it.

    Raises
    ------
    ValueError
        If the shapes differ or a call is neither 0 nor 1.
    """
    names = np.asarray(paths, dtype=object)
    one, other = (np.asarray(calls, dtype=np.float64) for calls in (first, second))
    if not names.shape == one.shape == other.shape or names.ndim != 1:
        raise ValueError(
            f"Expected names and calls of one shape (n,). Received: {names.shape}, {one.shape} and "
            f"{other.shape}"
        )
    both = ~np.isnan(one) & ~np.isnan(other)
    alone = int((np.isnan(one) != np.isnan(other)).sum())
    films = pd.DataFrame({"path": names[both], "first": one[both] == 1, "second": other[both] == 1})
    measured = kappa(one[both], other[both])
    if scores is not None:
        films["score"] = np.asarray(scores, dtype=np.float64)[both]
    differ = films[films["first"] != films["second"]]
    if "score" in differ:
        order = (differ["score"] - threshold).abs().sort_values(ascending=False, kind="stable")
        differ = differ.loc[order.index]
    return ReaderAgreement(
        measured, int((films["first"] == films["second"]).sum()), differ.reset_index(drop=True),
        alone,
    )  # fmt: skip
