"""Stored logits as calibrated scores, with the truth as a number: what figures are computed of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .operating_points import Calibration

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["labels_of", "scored"]


def labels_of(predictions: pd.DataFrame) -> NDArray[np.int64]:
    """Return 0 for each film labeled "normal" and 1 for any finding, shape (n,)."""
    return np.asarray(predictions["label"] != "normal", dtype=np.int64)


def scored(predictions: pd.DataFrame, calibration: Calibration) -> pd.DataFrame:
    """Put calibrated scores and numbered labels next to the logits of films.

    Parameters
    ----------
    predictions : pandas.DataFrame
        One row per film, with the columns ``logit`` and ``label`` at least.
    calibration : Calibration
        Of the card.

    Returns
    -------
    pandas.DataFrame
        The same rows and columns, and ``score``, float64 within (0, 1), and ``truth``, int64: see
        `labels_of`.
    """
    return predictions.assign(
        score=calibration.score(predictions["logit"]), truth=labels_of(predictions)
    )
