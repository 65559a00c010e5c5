"""Films that a model learned from: they say nothing of other films, and count in no figure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..evidence.score_split import learned_from
from ..scoring.bundle import Bundle
from ..stats.wording import count
from .truth import Matched, Remark

__all__ = ["LEARNED", "without_learned"]

#: Code of the remark that tells of them.
LEARNED = "learned_from"


def without_learned(
    bundle: Bundle,
    films: pd.DataFrame,
    matched: Matched,
    known: NDArray[np.bool_] | None = None,
) -> tuple[pd.DataFrame, Matched]:
    """Leave out the films that a model learned from, or was chosen on.

    Parameters
    ----------
    bundle : Bundle
        The model.
    films : pandas.DataFrame
        One row per film with a truth, in the order of `Matched.films`; ``path``, and ``sha256`` of
        the pixels and ``phash``, "" where a film is not read.
    matched : Matched
    known : numpy.ndarray, optional
        What `learned_from` said of the films (default: it is asked).

    Returns
    -------
    films : pandas.DataFrame
    matched : Matched
        With a remark `LEARNED` that names the films, if there are any.
    """
    if known is None:
        known = learned_from(bundle, films)
    if not known.any():
        return films, matched
    names = tuple(films.loc[known, "path"])
    told = f"{count(len(names))} that the model learned from or was chosen on, or copies, left out."
    return films[~known].reset_index(drop=True), replace(
        matched,
        films=matched.films[~known].reset_index(drop=True),
        remarks=(*matched.remarks, Remark(LEARNED, told, names)),
    )
