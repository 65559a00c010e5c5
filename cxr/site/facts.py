"""What is known of films with a truth: by the sheet, and by the film where the sheet is silent."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..stats.bootstrap import owners

__all__ = ["patients_of", "with_facts"]


def with_facts(truth: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Put what is known of films next to their truth.

    Parameters
    ----------
    truth : pandas.DataFrame
        As `cxr.site.truth.Matched.films`.
    known : pandas.DataFrame
        Of the same films in the same order, any columns: ``patient``, ``sex`` and ``date`` are
        texts, "" where unknown, ``age`` is in years, NaN where unknown.

    Returns
    -------
    pandas.DataFrame
        The columns of both, each once. ``sex``, ``date`` and ``age`` are the sheet's, and the
        film's where the sheet has none; ``patient`` is the sheet's if it names that of every film,
        else the film's.
    """
    table, known = truth.reset_index(drop=True), known.reset_index(drop=True)
    others = known.drop(columns=[name for name in table if name in known])
    # A sheet that names some patients, and not others, would make one patient of the others.
    if "patient" in known and (table["patient"] == "").any():
        table["patient"] = known["patient"]
    for name in ("sex", "date"):
        if name in known:
            table[name] = table[name].where(table[name] != "", known[name])
    if "age" in known:
        table["age"] = table["age"].fillna(known["age"])
    return pd.concat([table, others], axis="columns")


def patients_of(films: pd.DataFrame) -> NDArray[np.str_] | None:
    """Name each film's patient, see `cxr.stats.bootstrap.owners`; None where no patient is known.

    Parameters
    ----------
    films : pandas.DataFrame
        ``patient``, "" where unknown, and ``path``.
    """
    named = films["patient"].astype(str) if "patient" in films else pd.Series(dtype=str)
    return owners(films.assign(patient=named)) if (named != "").any() else None
