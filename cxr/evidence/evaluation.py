"""What stored predictions say: counts, rates, intervals, and the films behind them.

It measures and draws nothing; curves are in `cxr.stats.curves` (`auc` too, which can be
imported from here), figures in `cxr.figures`. A film is positive when its calibrated score is
at or above the threshold. A predictions table has the columns split, path, patient,
label, subtype and logit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ..scoring.evaluation import Confusion, Evaluation, share
from ..scoring.operating_points import Calibration, OperatingPoint
from ..scoring.scores import labels_of, scored
from ..stats.curves import auc
from ..stats.intervals import paired, wilson

__all__ = [
    "Confusion",
    "Evaluation",
    "auc",
    "best_epoch",
    "by_subtype",
    "cell",
    "classification_report",
    "confusion",
    "confusion_table",
    "evaluate",
    "generalisation_gap",
    "labels_of",
]

# Below this many films a rate says more about chance than about the subtype.
FEWEST_FILMS = 20


def confusion(scores: ArrayLike, labels: ArrayLike, threshold: float) -> Confusion:
    """Count the four cells at a threshold; labels are 0 or 1, shapes (n,)."""
    s, y = paired(scores, labels)
    tn, fp, fn, tp = np.bincount(2 * y + (s >= threshold), minlength=4).tolist()
    return Confusion(tn, fp, fn, tp)


def evaluate(
    predictions: pd.DataFrame,
    *,
    model: str,
    split: str,
    calibration: Calibration,
    point: OperatingPoint,
) -> Evaluation:
    """Measure a model on one split of its predictions at an operating point.

    Accuracy, sensitivity and specificity carry Wilson's interval, the AUC DeLong's.

    Raises
    ------
    ValueError
        When the table has no film of `split`; the message names the splits it has.
    """
    films = scored(predictions[predictions["split"] == split], calibration)
    if films.empty:
        known = ", ".join(sorted(predictions["split"].unique())) or "none"
        raise ValueError(f"Expected one of the splits {known}. Received: {split}")
    scores, labels = films["score"].to_numpy(), films["truth"].to_numpy()
    counts = confusion(scores, labels, point.threshold)
    positives, negatives = counts.tp + counts.fn, counts.tn + counts.fp
    area, area_ci = auc(scores, labels) if positives and negatives else (None, None)
    right = counts.tn + counts.tp
    return Evaluation(
        model=model,
        split=split,
        n=counts.n,
        auc=area,
        auc_ci=area_ci,
        operating_point=point.name,
        threshold=point.threshold,
        accuracy=right / counts.n,
        accuracy_ci=wilson(right, counts.n),
        sensitivity=counts.sensitivity,
        sensitivity_ci=wilson(counts.tp, positives) if positives else None,
        specificity=counts.specificity,
        specificity_ci=wilson(counts.tn, negatives) if negatives else None,
        confusion_matrix=((counts.tn, counts.fp), (counts.fn, counts.tp)),
    )


def confusion_table(counts: Confusion, classes: Sequence[str]) -> pd.DataFrame:
    """Return a confusion matrix as a table.

    Parameters
    ----------
    counts : Confusion
    classes : sequence of two str
        Negative class first.

    Returns
    -------
    pandas.DataFrame
        One row per class: films of, below the threshold, at the threshold or above.
    """
    columns = ["films of", "below the threshold", "at the threshold or above"]
    rows = [[name, *row] for name, row in zip(classes, counts.matrix, strict=True)]
    return pd.DataFrame(rows, columns=columns)


def classification_report(
    scores: ArrayLike, labels: ArrayLike, threshold: float, classes: Sequence[str]
) -> pd.DataFrame:
    """Precision, recall, F1 and number of films for each class at a threshold.

    Parameters
    ----------
    scores, labels : array_like, shape (n,)
    threshold : float
    classes : sequence of two str
        Negative class first.

    Returns
    -------
    pandas.DataFrame
        Index: the two classes, "macro average", "weighted average". Columns: precision,
        recall, f1, n. NaN if there is nothing to divide by.
    """
    if len(classes) != 2:
        raise ValueError(f"Expected two classes, negative first. Received: {list(classes)}")
    c = confusion(scores, labels, threshold)
    rows = []
    for hit, alarm, missed in ((c.tn, c.fn, c.fp), (c.tp, c.fp, c.fn)):
        rates = share(hit, hit + alarm), share(hit, hit + missed)
        rows.append([*rates, share(2 * hit, 2 * hit + alarm + missed), hit + missed])
    table = np.array(rows, dtype=np.float64)  # None becomes NaN
    weighted = table[:, 3] @ table[:, :3] / c.n
    report = pd.DataFrame(
        [*table[:, :3], table[:, :3].mean(axis=0), weighted],
        index=[*classes, "macro average", "weighted average"],
        columns=["precision", "recall", "f1"],
    )
    return report.assign(n=[*table[:, 3].astype(int), c.n, c.n])


def _scored(predictions: pd.DataFrame, scores: ArrayLike) -> pd.DataFrame:
    checked, _ = paired(scores, labels_of(predictions))
    return predictions.assign(score=checked)


def by_subtype(predictions: pd.DataFrame, scores: ArrayLike, threshold: float) -> pd.DataFrame:
    """Share of films at or above the threshold, by subtype, or by source if the films name it.

    For a finding that share is the sensitivity, for "normal" the false alarm rate. Films
    without a subtype are under their label.

    Returns
    -------
    pandas.DataFrame
        Columns label, subtype (or the source, as ``label, source``), n, called_positive, rate,
        low, high (Wilson, 95 %), note; normal first, then by name. With fewer than 20 films rate,
        low and high are NaN and the note is "too few".
    """
    films = _scored(predictions, scores)
    given = films["subtype"].fillna("").astype(str)
    films["subtype"] = given.where(given != "", films["label"])
    if "source" in films and (films["source"].fillna("") != "").any():
        films["subtype"] = films["label"] + ", " + films["source"]
    rows = []
    for (label, subtype), group in films.groupby(["label", "subtype"]):
        n, k = len(group), int((group["score"] >= threshold).sum())
        enough = n >= FEWEST_FILMS
        rate, (low, high) = (k / n, wilson(k, n)) if enough else (math.nan, (math.nan, math.nan))
        rows.append((label, subtype, n, k, rate, low, high, "" if enough else "too few"))
    rows.sort(key=lambda row: (row[0] != "normal", row[0], row[1]))
    columns = ["label", "subtype", "n", "called_positive", "rate", "low", "high", "note"]
    return pd.DataFrame(rows, columns=columns)


def cell(predictions: pd.DataFrame, scores: ArrayLike, threshold: float, name: str) -> pd.DataFrame:
    """Return the films behind a cell of the confusion matrix.

    Parameters
    ----------
    predictions : pandas.DataFrame
    scores : array_like, shape (n,)
        Calibrated scores, one per row.
    threshold : float
    name : {"tn", "fp", "fn", "tp"}

    Returns
    -------
    pandas.DataFrame
        Those rows with a `score` column, the farthest from the threshold first.
    """
    cells = ("tn", "fp", "fn", "tp")
    if name not in cells:
        raise ValueError(f"Expected a cell of {', '.join(cells)}. Received: {name}")
    films = _scored(predictions, scores)
    code = 2 * labels_of(films) + (films["score"] >= threshold)
    films = films[code == cells.index(name)]
    farthest = (films["score"] - threshold).abs().sort_values(ascending=False, kind="stable")
    ranked: pd.DataFrame = films.loc[farthest.index].reset_index(drop=True)
    return ranked


def best_epoch(history: pd.DataFrame) -> int:
    """Return the epoch (1-based) of the highest val_auc; of equals that of lowest val_loss.

    ValueError when no epoch has a val_auc.
    """
    known = history.dropna(subset=["val_auc"])
    if known.empty:
        raise ValueError("Expected a history with val_auc. Received: none in any epoch")
    order = known.sort_values(["val_auc", "val_loss", "epoch"], ascending=[False, True, True])
    return int(order["epoch"].iloc[0])


def generalisation_gap(history: pd.DataFrame) -> pd.DataFrame:
    """Return epoch, loss_gap (val_loss - loss) and auc_gap (auc - val_auc).

    Both are above 0 where validation is worse than training.
    """
    return pd.DataFrame(
        {
            "epoch": history["epoch"],
            "loss_gap": history["val_loss"] - history["loss"],
            "auc_gap": history["auc"] - history["val_auc"],
        }
    )
