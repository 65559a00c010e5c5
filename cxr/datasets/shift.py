"""Shift: how well one split of a data set can be told from another, which should not be possible.

Films of one label should look alike whatever split they are in. Where a thumbnail tells the
splits apart, they come from different sources, and what is measured on one holds less for the
other.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..stats.bootstrap import owners
from ..stats.curves import auc

__all__ = ["FEWEST", "SIDE", "shift", "tell_apart"]

#: Pixels a side of the thumbnail.
SIDE = 16
#: Films of each side without which nothing is said.
FEWEST = 20
FOLDS = 5
# The pixels of a thumbnail say much the same as their neighbors: a weaker penalty fits noise.
PENALTY = 0.01
TOO_FEW = "too few"
# The smallest AUC for each note, once the interval lies above 0.5.
NOTES = (
    (0.85, "told apart nearly always, as films of different sources are"),
    (0.7, "told apart often"),
    (0.0, "told apart a little"),
)
ALIKE = "not told apart"


def tell_apart(
    thumbnails: NDArray[np.uint8],
    table: pd.DataFrame,
    splits: tuple[str, str] = ("train", "test"),
    seed: int = 0,
) -> pd.Series[float]:
    """Guess which of two splits each film is in, from a thumbnail alone.

    For each label by itself: a logistic regression on the standardized pixels, cross-validated
    in 5 folds with all films of a patient in one of them, so that no film is guessed by a model
    that has seen its patient.

    Parameters
    ----------
    thumbnails : numpy.ndarray of uint8
        uint8 of shape (n, 16, 16), in the order of the table.
    table : pandas.DataFrame
        A film table of n rows.
    splits : tuple of str
        The two splits. Films of ``validation`` count as ``train``, from which they were drawn.
    seed : int, default: 0
        Of the folds.

    Returns
    -------
    pandas.Series
        float, with the table's index: the log-odds that the film is of the second split. NaN
        for films of other splits, and for labels with fewer than `FEWEST` films, or fewer than
        5 patients, on a side.

    Raises
    ------
    ValueError
        If the thumbnails have another shape or number.

    References
    ----------
    Lopez-Paz and Oquab, Revisiting classifier two-sample tests, ICLR 2017. Rabanser et al.,
    Failing loudly, NeurIPS 2019.
    """
    if np.shape(thumbnails) != (len(table), SIDE, SIDE):
        raise ValueError(
            f"Expected thumbnails of shape ({len(table)}, {SIDE}, {SIDE}). "
            f"Received: {np.shape(thumbnails)}"
        )
    side = _side(table, splits).to_numpy()
    labels = table["label"].to_numpy()
    patients = owners(table)
    logits = np.full(len(table), np.nan)
    for label in pd.unique(labels):
        rows = np.flatnonzero((labels == label) & (side >= 0))
        if _enough(side[rows], patients[rows]):
            pixels = np.asarray(thumbnails)[rows].reshape(len(rows), -1)
            logits[rows] = _guess(pixels.astype(np.float64), side[rows], patients[rows], seed)
    return pd.Series(logits, table.index, name="shift_logit")


def shift(table: pd.DataFrame) -> pd.DataFrame:
    """Measure how well train and test can be told apart, for each label.

    Parameters
    ----------
    table : pandas.DataFrame
        A film table with ``shift_logit``, as `tell_apart` returns it for train and test.

    Returns
    -------
    pandas.DataFrame
        label (normal first); auc with the ends of its 95 % interval, low and high (DeLong,
        `cxr.stats.curves.auc`; NaN if films are too few); train and test, the films of each;
        note, the same in words. 0.5 is right. Empty if there is no train or no test.

    Raises
    ------
    ValueError
        If there is no column ``shift_logit``.
    """
    if "shift_logit" not in table:
        has = ", ".join(table.columns)
        raise ValueError(f"Expected a column shift_logit. Received: columns {has}")
    side = _side(table, ("train", "test"))
    columns = ["label", "auc", "low", "high", "train", "test", "note"]
    if {0, 1} - set(side):
        return pd.DataFrame(columns=columns)
    rows = []
    for label in sorted(set(table["label"]), key=lambda name: (name != "normal", name)):
        ours = (table["label"] == label) & (side >= 0)
        train, test = (int((side[ours] == k).sum()) for k in (0, 1))
        known = ours & table["shift_logit"].notna()
        value, low, high, note = np.nan, np.nan, np.nan, TOO_FEW
        if min((side[known] == k).sum() for k in (0, 1)) >= FEWEST:
            value, (low, high) = auc(table.loc[known, "shift_logit"], side[known])
            note = next(text for least, text in NOTES if value >= least) if low > 0.5 else ALIKE
        rows.append((label, value, low, high, train, test, note))
    return pd.DataFrame(rows, columns=columns)


def _side(table: pd.DataFrame, splits: tuple[str, str]) -> pd.Series[int]:
    """Return 0 for films of the first split, 1 for the second, -1 for others."""
    names = table["split"]
    if "validation" not in splits:
        names = names.replace("validation", "train")
    return names.map({splits[0]: 0, splits[1]: 1}).fillna(-1).astype(int)


def _enough(side: NDArray[np.integer], patients: NDArray[np.str_]) -> bool:
    many = (len(set(patients[side == k])) for k in (0, 1))
    return min((side == k).sum() for k in (0, 1)) >= FEWEST and min(many) >= FOLDS


def _guess(
    pixels: NDArray[np.float64],
    side: NDArray[np.integer],
    patients: NDArray[np.str_],
    seed: int,
) -> NDArray[np.float64]:
    """Return out-of-fold log-odds of side 1, shape (n,), from pixels of shape (n, 256)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    logits = np.zeros(len(side))
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    for seen, held in folds.split(pixels, side, groups=patients):
        model = make_pipeline(
            StandardScaler(), LogisticRegression(C=PENALTY, solver="newton-cholesky")
        )
        logits[held] = model.fit(pixels[seen], side[seen]).decision_function(pixels[held])
    return logits
