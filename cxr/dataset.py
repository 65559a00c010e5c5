"""A folder of labelled films as a table: splits by patient, balance, duplicates, leakage.

The table itself is described in `cxr.layouts`, which reads it from a folder.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .layouts import COLUMNS, NORMAL, DatasetError, scan
from .radiograph import RadiographError, Resample, read, to_input

__all__ = [
    "COLUMNS",
    "NORMAL",
    "DatasetError",
    "across_splits",
    "balance",
    "class_weights",
    "draw",
    "duplicates",
    "imbalance_ratio",
    "mean_films",
    "read_films",
    "scan",
    "split_by_patient",
    "splits",
    "subset",
]


def read_films(
    table: pd.DataFrame,
    root: str | Path,
    *,
    size: tuple[int, int] | None = None,
    channels: int = 1,
    resample: Resample = "nearest",
    progress: Callable[[int, int], None] | None = None,
) -> tuple[pd.DataFrame, NDArray[np.uint8] | None]:
    """Open every film of a table once.

    Parameters
    ----------
    table
        A film table.
    root
        The folder that its paths start from.
    size
        (height, width) in pixels to bring every film to; None keeps no pixels.
    channels
        1 or 3, of the pixels kept.
    resample
        How they are brought to that size, see `cxr.radiograph.to_input`.
    progress
        Called with (films read, films in all).

    Returns
    -------
    table : pandas.DataFrame
        A copy with ``width``, ``height`` and ``sha256`` filled in.
    pixels : numpy.ndarray or None
        uint8 of shape (films, height, width, channels), in the order of the table.

    Raises
    ------
    DatasetError
        If films cannot be read; the first few are named with the reason.
    """
    root = Path(root)
    pixels = np.zeros((len(table), *size, channels), np.uint8) if size else None
    table = table.copy()

    def open_film(job: tuple[int, str]) -> tuple[int, int, str, str]:
        row, path = job
        try:
            film = read(root / path)
        except RadiographError as error:
            return 0, 0, "", f"{path}: {error.reason}"
        if pixels is not None and size is not None:
            pixels[row] = to_input(film.pixels, size, channels, resample=resample)
        return film.width, film.height, film.sha256, ""

    facts = []
    with ThreadPoolExecutor() as pool:  # decoding a picture releases Python's lock
        for fact in pool.map(open_film, enumerate(table["path"])):
            facts.append(fact)
            if progress:
                progress(len(facts), len(table))
    if problems := [fact[3] for fact in facts if fact[3]]:
        shown = "\n".join(problems[:5])
        raise DatasetError(f"{len(problems)} films cannot be read. The first:\n{shown}")
    table["width"], table["height"], table["sha256"], _ = zip(*facts, strict=True)
    return table, pixels


def split_by_patient(
    table: pd.DataFrame, fraction: float = 0.1, *, seed: int = 0, into: str = "validation"
) -> pd.DataFrame:
    """Move a share of the patients of ``train`` into another split.

    All films of a patient go together, and so do patients who share a film with equal pixels:
    drawn film by film, 40 % of a validation split of the Kermany films has its patient in
    training. Stratified by label and subtype.

    Parameters
    ----------
    table
        A film table with patients, and hashes where known.
    fraction
        Share of the films to move, in (0, 0.5].
    seed
        Of the draw.
    into
        The name of the new split.

    Returns
    -------
    pandas.DataFrame
        A copy with ``split`` changed.

    Raises
    ------
    ValueError
        If the fraction is out of range, a split of that name is already there, or no film is in
        ``train``.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    if not 0 < fraction <= 0.5:
        raise ValueError(f"Expected a fraction in (0, 0.5]. Received: {fraction}")
    if (table["split"] == into).any():
        raise ValueError(f"The table has a split named {into!r} already.")
    table = table.copy()
    train = table[table["split"] == "train"]
    if train.empty:
        raise ValueError(
            f"Expected films in the split 'train'. Received: {', '.join(map(repr, splits(table)))}"
        )
    strata = train["label"] + "/" + train["subtype"].fillna("")
    # 0.1 is one fold of ten, 0.4 two of five.
    part = Fraction(fraction).limit_denominator(20) or Fraction(1, round(1 / fraction))
    folds = StratifiedGroupKFold(part.denominator, shuffle=True, random_state=seed)
    drawn = islice(folds.split(train, strata, groups=_linked_patients(train)), part.numerator)
    moved = np.concatenate([rows for _, rows in drawn])
    table.loc[train.index[moved], "split"] = into
    return table


def _linked_patients(table: pd.DataFrame) -> NDArray[np.int64]:
    """Number the patients so that those who share equal pixels have one number."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    patient, _ = pd.factorize(table["patient"])
    # A film without a hash is like no other: give it one of its own.
    hashes = table["sha256"].where(table["sha256"] != "", table["path"])
    picture, _ = pd.factorize(hashes)
    nodes = patient.max() + 1 + picture.max() + 1
    links = (np.ones(len(table)), (patient, patient.max() + 1 + picture))
    _, component = connected_components(coo_array(links, shape=(nodes, nodes)), directed=False)
    return component[patient].astype(np.int64)


def subset(table: pd.DataFrame, fraction: float, *, seed: int = 0) -> pd.DataFrame:
    """Draw a share of the films without replacement, the same share of every split and label.

    Raises
    ------
    ValueError
        If the fraction is not in (0, 1].
    """
    if not 0 < fraction <= 1:
        raise ValueError(f"Expected a fraction in (0, 1]. Received: {fraction}")
    groups = table.groupby(["split", "label"], group_keys=False)
    return groups.sample(frac=fraction, random_state=seed).sort_index()


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


def splits(table: pd.DataFrame) -> list[str]:
    """Name the splits of a table: train, validation, test, then any others."""
    usual = ["train", "validation", "test"]
    found = set(table["split"])
    return [name for name in usual if name in found] + sorted(found - set(usual))


def balance(table: pd.DataFrame) -> pd.DataFrame:
    """Count films and patients per split and label.

    Returns
    -------
    pandas.DataFrame
        split, label, films, patients, share (of the films of the split, in [0, 1]).
    """
    counts = table.groupby(["split", "label"], as_index=False).agg(
        films=("path", "size"), patients=("patient", "nunique")
    )
    counts["share"] = counts["films"] / counts.groupby("split")["films"].transform("sum")
    return counts


def imbalance_ratio(table: pd.DataFrame) -> float:
    """Films of the commonest label for each film of the rarest (1 is balanced)."""
    counts = table["label"].value_counts()
    return float(counts.max() / counts.min())


def duplicates(table: pd.DataFrame) -> pd.DataFrame:
    """Films whose pixels are equal, one row a film, with the number of their group first."""
    known = table[table["sha256"] != ""]
    twins = known[known.duplicated("sha256", keep=False)].copy()
    twins.insert(0, "group", pd.factorize(twins["sha256"])[0] + 1)
    return twins.sort_values(["group", "path"], ignore_index=True)


def across_splits(table: pd.DataFrame, column: str = "patient") -> pd.DataFrame:
    """Patients (or, with ``sha256``, pictures) that stand in more than one split: leakage.

    Returns
    -------
    pandas.DataFrame
        The column, ``splits`` (their names joined by a comma) and ``films``; empty where a split
        shares nothing with another.
    """
    known = table[table[column] != ""]
    found = known.groupby(column).agg(
        splits=("split", lambda s: ", ".join(sorted(set(s)))),
        count=("split", "nunique"),
        films=("path", "size"),
    )
    return found[found["count"] > 1].drop(columns="count").reset_index()


def mean_films(
    pixels: NDArray[np.uint8], labels: pd.Series[str] | list[str]
) -> dict[str, NDArray[np.float32]]:
    """Average the films of each label.

    Parameters
    ----------
    pixels
        uint8 (films, height, width, channels), as `read_films` returns them.
    labels
        One label a film.

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


def draw(table: pd.DataFrame, split: str, each: int, *, seed: int = 0) -> pd.DataFrame:
    """Draw films of a split without replacement, equally many of each label where there are.

    Raises
    ------
    ValueError
        If the table has no such split.
    """
    films = table[table["split"] == split]
    if films.empty:
        raise ValueError(f"Expected one of {sorted(set(table['split']))}. Received: {split!r}")
    drawn = [
        group.sample(min(each, len(group)), random_state=seed)
        for _, group in films.groupby("label")
    ]
    return pd.concat(drawn, ignore_index=True)
