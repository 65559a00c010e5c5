"""What networks of a bundle's recipe say of sources that they did not learn from.

A network of several sources is tried by leaving sources out: in each fold a network learns as the
bundle's did, from all other sources, and scores the films of those left out. What ships has learned
from all of them, so the figures are of its folds. The scores are kept in ``folds.csv``.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..datasets.folders import NORMAL
from ..scoring.bundle import Bundle
from ..scoring.operating_points import OperatingPoint, choose_left_out, fit_temperature
from ..scoring.scores import labels_of
from ..stats.bootstrap import owners
from ..stats.curves import auc
from ..stats.intervals import wilson

__all__ = ["COLUMNS", "FILE", "figures", "folds_measured", "left_out_point"]

FILE = "folds.csv"
#: Of the table: one row for each film of a fold's validation and of the sources left out.
COLUMNS = ["fold", "path", "patient", "source", "label", "left_out", "logit"]


class _Fold(NamedTuple):
    name: str
    films: pd.DataFrame
    """Those left out, with score."""


def folds_measured(bundle: Bundle) -> pd.DataFrame:
    """Read what the folds scored: `COLUMNS`; no rows where the bundle has none."""
    content = bundle.evidence(FILE)
    if content is None:
        return pd.DataFrame(columns=COLUMNS)
    return pd.read_csv(io.BytesIO(content), dtype={"patient": str}, keep_default_na=False)


def figures(bundle: Bundle) -> pd.DataFrame:
    """Return how each source scores where it was left out.

    A fold's scores are calibrated on its own validation films, and compared with the bundle's
    default threshold.

    Returns
    -------
    pandas.DataFrame
        One row for each source with the finding and each with normal films that were left out
        together: left_out (the sources), trained_on (those of the fold), ill and well
        (``source/label``), positives, negatives (films), auc, sensitivity and specificity, each
        with ``_low`` and ``_high``.
    """
    threshold = bundle.card.operating_point().threshold
    rows = []
    for fold in _folds(folds_measured(bundle)):
        films = fold.films
        sources = sorted(films["source"].unique())
        learned = bundle.films
        learned = learned[(learned["split"] == "train") & ~learned["source"].isin(sources)]
        trained = sorted(set(learned["source"] + "/" + learned["label"]))
        ill, well = films[films["label"] != NORMAL], films[films["label"] == NORMAL]
        for one in sorted(ill["source"].unique()):
            for other in sorted(well["source"].unique()):
                pair = pd.concat([ill[ill["source"] == one], well[well["source"] == other]])
                labels = labels_of(pair)
                area, (low, high) = auc(pair["score"].to_numpy(), labels)
                called = (pair["score"] >= threshold).to_numpy()
                row: dict[str, object] = {
                    "left_out": ", ".join(sources),
                    "trained_on": ", ".join(trained),
                    "ill": f"{one}/{bundle.card.finding}",
                    "well": f"{other}/{NORMAL}",
                    "positives": int(labels.sum()),
                    "negatives": int((1 - labels).sum()),
                    "auc": area,
                    "auc_low": low,
                    "auc_high": high,
                }
                for name, right in (
                    ("sensitivity", called[labels == 1]),
                    ("specificity", ~called[labels == 0]),
                ):
                    low, high = wilson(int(right.sum()), len(right))
                    row |= {name: float(right.mean()), f"{name}_low": low, f"{name}_high": high}
                rows.append(row)
    return pd.DataFrame(rows)


def left_out_point(films: pd.DataFrame, *, seed: int = 0) -> OperatingPoint:
    """Choose the operating point that holds on sources left out.

    Parameters
    ----------
    films : pandas.DataFrame
        The table, see `COLUMNS`.
    seed : int
        Of the bootstrap.

    Returns
    -------
    OperatingPoint
        See `cxr.scoring.operating_points.choose_left_out`.
    """
    groups: list[tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.str_]]] = []
    for fold in _folds(films):
        part = fold.films
        groups.append((part["score"].to_numpy(), labels_of(part), owners(part)))
    return choose_left_out(groups, seed=seed)


def _folds(films: pd.DataFrame) -> Iterator[_Fold]:
    """Give each fold the calibrated scores of what it left out."""
    for name, fold in films.groupby("fold", sort=True):
        out = fold["left_out"].astype(str).eq("True")
        held = fold[~out]
        calibration = fit_temperature(held["logit"].to_numpy(), labels_of(held))
        left = fold[out]
        yield _Fold(str(name), left.assign(score=calibration.score(left["logit"].to_numpy())))
