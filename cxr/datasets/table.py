"""A folder of labeled films as a table: splits by patient, balance, duplicates, leakage.

The table itself is described in `cxr.datasets.folders`, which reads it from a folder; how it is
split, in `cxr.datasets.splits`. Both can be imported from here as well.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..films.preprocessing import Preprocessing
from ..films.radiograph import Radiograph, RadiographError, read
from ..progress import Progress
from ..stats.bootstrap import owners
from .folders import (
    COLUMNS,
    NORMAL,
    DatasetError,
    scan,
)
from .splits import (
    draw,
    hold_out,
    split_by_patient,
    splits,
    subset,
)

__all__ = [
    "COLUMNS",
    "NORMAL",
    "DatasetError",
    "across_splits",
    "at_hand",
    "balance",
    "by_split",
    "class_weights",
    "draw",
    "duplicates",
    "hold_out",
    "imbalance_ratio",
    "mean_films",
    "read_films",
    "scan",
    "split_by_patient",
    "splits",
    "subset",
    "subtypes",
]


def read_films(
    table: pd.DataFrame,
    root: str | Path,
    *,
    prepare: Preprocessing | None = None,
    measure: Callable[[Radiograph], dict[str, float]] | None = None,
    progress: Progress | None = None,
) -> tuple[pd.DataFrame, NDArray[np.uint8] | None]:
    """Open every film of a table once.

    Parameters
    ----------
    table : pandas.DataFrame
        A film table.
    root : str or pathlib.Path
        The folder that its paths start from.
    prepare : Preprocessing, optional
        What brings each film to the pixels that are kept; None keeps none.
    measure : callable, optional
        Gives further columns of each film.
    progress : Progress, optional
        Called with the films read and the films in all.

    Returns
    -------
    table : pandas.DataFrame
        A copy with ``width``, ``height`` and ``sha256`` filled in, and what `measure` gives.
    pixels : numpy.ndarray or None
        uint8 of shape (films, height, width, channels), in the order of the table.

    Raises
    ------
    DatasetError
        If films cannot be read; the first few are named with the reason.
    """
    root = Path(root)
    pixels = (
        np.zeros((len(table), prepare.height, prepare.width, prepare.channels), np.uint8)
        if prepare
        else None
    )
    table = table.copy()

    def open_film(job: tuple[int, str]) -> dict[str, Any] | str:
        row, path = job
        try:
            film = read(root / path)
        except RadiographError as error:
            return f"{path}: {error.reason}"
        if pixels is not None and prepare is not None:
            pixels[row] = prepare(film.pixels)
        facts = {"width": film.width, "height": film.height, "sha256": film.sha256}
        return facts | (measure(film) if measure else {})

    if progress and len(table):
        progress(0, len(table))
    facts: list[dict[str, Any]] = []
    problems: list[str] = []
    with ThreadPoolExecutor() as pool:  # decoding a picture releases Python's lock
        for done, outcome in enumerate(pool.map(open_film, enumerate(table["path"])), start=1):
            if isinstance(outcome, str):
                problems.append(outcome)
            else:
                facts.append(outcome)
            if progress:
                progress(done, len(table))
    if problems:
        shown = "\n".join(problems[:5])
        raise DatasetError(f"{len(problems)} films cannot be read. The first:\n{shown}")
    for column in facts[0] if facts else ():
        table[column] = [fact[column] for fact in facts]
    return table, pixels


def class_weights(labels: NDArray[np.integer]) -> dict[int, float]:
    """Weigh the classes 0 and 1 so that both count the same in a loss.

    ``n / (2 n_class)``, which keeps the mean weight at 1.

    Raises
    ------
    ValueError
        If one of the classes is not there.
    """
    counts = np.bincount(labels, minlength=2)
    if len(counts) != 2 or counts.min() == 0:
        raise ValueError(f"Expected films of both classes. Received: {counts.tolist()}")
    return {k: float(counts.sum() / (2 * counts[k])) for k in (0, 1)}


def balance(table: pd.DataFrame) -> pd.DataFrame:
    """Count films and patients per split and label; a film of no known patient is of one alone.

    Returns
    -------
    pandas.DataFrame
        split, label, films, patients, share (of the films of the split, in [0, 1]).
    """
    known = table.assign(patient=owners(table))
    counts = known.groupby(["split", "label"], as_index=False).agg(
        films=("path", "size"), patients=("patient", "nunique")
    )
    counts["share"] = counts["films"] / counts.groupby("split")["films"].transform("sum")
    return counts


def subtypes(table: pd.DataFrame) -> pd.DataFrame:
    """Count films and patients per split and subtype, of the labels that have any.

    Returns
    -------
    pandas.DataFrame
        split (train, validation, test, then others), label, subtype (``unknown`` where a film
        gives none), films, patients, share (of the films of the split and label, in [0, 1]);
        empty if no film tells a subtype.
    """
    told = table.loc[table["subtype"] != "", "label"]
    known = table[table["label"].isin(told)]
    counts = (
        known.assign(subtype=known["subtype"].replace("", "unknown"), patient=owners(known))
        .groupby(["split", "label", "subtype"], as_index=False)
        .agg(films=("path", "size"), patients=("patient", "nunique"))
    )
    whole = counts.groupby(["split", "label"])["films"].transform("sum")
    return by_split(counts.assign(share=counts["films"] / whole), table)


def by_split(counts: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Return counts of films in the order of `splits`: train, validation, test, then others."""
    order = {name: position for position, name in enumerate(splits(table))}
    return counts.sort_values("split", key=lambda s: s.map(order), kind="stable", ignore_index=True)


def imbalance_ratio(table: pd.DataFrame) -> float:
    """Films of the most common label for each film of the rarest (1 is balanced)."""
    counts = table["label"].value_counts()
    return float(counts.max() / counts.min())


def duplicates(table: pd.DataFrame) -> pd.DataFrame:
    """Films whose pixels are equal, one row per film, with the number of their group first."""
    known = table[table["sha256"] != ""]
    twins = known[known.duplicated("sha256", keep=False)].copy()
    twins.insert(0, "group", pd.factorize(twins["sha256"])[0] + 1)
    return twins.sort_values(["group", "path"], ignore_index=True)


def across_splits(table: pd.DataFrame, column: str = "patient") -> pd.DataFrame:
    """Patients (or, with ``sha256``, pictures) that are in more than one split: leakage.

    Returns
    -------
    pandas.DataFrame
        The column, ``splits`` (their names joined by a comma) and ``films``; empty if a split
        shares nothing with another.
    """
    known = table[table[column] != ""]
    shared = known.groupby(column).agg(
        splits=("split", lambda s: ", ".join(sorted(set(s)))),
        count=("split", "nunique"),
        films=("path", "size"),
    )
    return shared[shared["count"] > 1].drop(columns="count").reset_index()


def at_hand(table: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Keep the films whose file is in a folder, numbered from 0."""
    there = [(folder / path).is_file() for path in table["path"]]
    return table[there].reset_index(drop=True)


def mean_films(
    pixels: NDArray[np.uint8], labels: pd.Series[str] | list[str]
) -> dict[str, NDArray[np.float32]]:
    """Average the films of each label.

    Parameters
    ----------
    pixels : numpy.ndarray of uint8
        uint8 (films, height, width, channels), as `read_films` returns them.
    labels : pd.Series[str] or list of str
        One label per film.

    Returns
    -------
    dict of str to numpy.ndarray
        float32 (height, width) in [0, 1] for each label.
    """
    names = np.asarray(labels)
    return {
        str(name): (pixels[names == name][..., 0].mean(axis=0) / 255).astype(np.float32)
        for name in np.unique(names)
    }
