"""All that is stored of a film apart from its label, read once: ``films.csv`` of a bundle."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..films.preprocessing import Preprocessing
from ..films.radiograph import Radiograph
from ..films.statistics import STATISTICS, film_statistics
from ..stats.wording import count, interval
from . import near_duplicates, shift
from . import table as dataset
from .folders import DatasetError

__all__ = ["FACTS", "as_text", "describe", "store", "summary"]

#: The columns that `describe` adds to those of `cxr.datasets.folders.COLUMNS`.
FACTS = ["phash", "shift_logit", *(f"stat_{name}" for name in STATISTICS)]
DECIMALS = 4


def describe(
    table: pd.DataFrame,
    root: str | Path,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Open every film of a table once and note what near duplicates and shift are found by.

    Parameters
    ----------
    table : pandas.DataFrame
        A film table.
    root : str or pathlib.Path
        The folder that its paths start from.
    progress : callable, optional
        Called with (films read, films in all).

    Returns
    -------
    pandas.DataFrame
        A copy with ``width``, ``height``, ``sha256``, ``phash`` (`cxr.datasets.near_duplicates`),
        ``shift_logit`` (`cxr.datasets.shift`; NaN if there is no train or no test) and what
        `cxr.films.statistics` measures, as ``stat_mean`` and so on. Numbers have 4 decimals.

    Raises
    ------
    DatasetError
        If films cannot be read.
    """
    side = near_duplicates.SIDE
    table, pixels = dataset.read_films(
        table,
        root,
        prepare=Preprocessing(side, side, 1, "bilinear"),
        measure=_statistics,
        progress=progress,
    )
    assert pixels is not None
    table["phash"] = [near_duplicates.fingerprint(film) for film in pixels]
    cell = side // shift.SIDE
    cells = pixels.reshape(len(table), shift.SIDE, cell, shift.SIDE, cell)
    thumbnails = np.rint(cells.mean(axis=(2, 4))).astype(np.uint8)
    # Rounded as they are stored, so that figures are those of the file.
    table["shift_logit"] = shift.tell_apart(thumbnails, table).round(DECIMALS)
    return table


def _statistics(film: Radiograph) -> dict[str, float]:
    found = film_statistics(film.pixels)
    return {f"stat_{name}": round(value, DECIMALS) for name, value in found.items()}


def store(table: pd.DataFrame, file: Path) -> None:
    """Fill the columns `FACTS` into a ``films.csv``; all else in it stays as it is.

    Parameters
    ----------
    table : pandas.DataFrame
        As `describe` returns it.
    file : pathlib.Path
        A bundle's ``films.csv``. It is replaced as a whole or not at all.

    Raises
    ------
    DatasetError
        If one of the file's films is not in the table with the same path and pixels.
    OSError
        If the file cannot be read or written.
    """
    kept = pd.read_csv(file, dtype=str, keep_default_na=False)
    kept = kept.drop(columns=FACTS, errors="ignore")
    new = table[["path", "sha256", *FACTS]].drop_duplicates("path")
    kept = kept.merge(new, how="left", on=["path", "sha256"], validate="many_to_one")
    if lost := kept.loc[kept["phash"].isna(), "path"].tolist():
        are = "is" if len(lost) == 1 else "are"
        raise DatasetError(
            f"{count(len(lost))} of {file.parent.name} {are} not in that folder with the same "
            f"pixels. The first: {lost[0]}."
        )
    handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    os.close(handle)
    new_file = Path(name)
    try:
        kept.to_csv(new_file, index=False, float_format=f"%.{DECIMALS}f")
        new_file.chmod(file.stat().st_mode)  # a temporary file is for its owner alone
        new_file.replace(file)
    finally:
        new_file.unlink(missing_ok=True)


def summary(table: pd.DataFrame) -> dict[str, Any]:
    """Collect the figures of a data set, as plain data.

    Parameters
    ----------
    table : pandas.DataFrame
        As `describe` returns it.

    Returns
    -------
    dict
        Counts, then lists with one entry per row: ``balance`` (`cxr.datasets.table.balance`),
        ``near_duplicates`` (`cxr.datasets.near_duplicates`) and ``shift``
        (`cxr.datasets.shift.shift`, with the interval as ``auc_ci``; both None if films are too
        few).
    """
    twins, alike = dataset.duplicates(table), near_duplicates.near_duplicates(table)
    told = shift.shift(table)
    told["auc_ci"] = list(zip(told.pop("low"), told.pop("high"), strict=True))
    told = told.astype(object)
    told.loc[told["auc"].isna(), ["auc", "auc_ci"]] = None
    return {
        "films": len(table),
        "patients": int(table["patient"].nunique()),
        "imbalance_ratio": dataset.imbalance_ratio(table),
        "patients_across_splits": len(dataset.across_splits(table)),
        "films_with_equal_pixels": len(twins),
        "groups_with_equal_pixels": int(twins["group"].nunique()),
        "films_nearly_equal": len(alike),
        "groups_nearly_equal": int(alike["group"].nunique()),
        "groups_nearly_equal_across_splits": int(near_duplicates.across(alike)["group"].nunique()),
        "balance": dataset.balance(table).to_dict("records"),
        "near_duplicates": alike.to_dict("records"),
        "shift": told.to_dict("records"),
    }


def as_text(figures: dict[str, Any]) -> str:
    """Format what `summary` returns as text."""
    lines = [f"{key:34} {value}" for key, value in figures.items() if not isinstance(value, list)]
    for key in ("balance", "near_duplicates"):
        if rows := figures[key]:
            table = pd.DataFrame(rows).to_string(index=False, float_format="{:.3f}".format)
            lines += ["", f"{key}:", table]
    if figures["shift"]:
        lines += ["", "train told from test (AUC, 0.5 is right):"]
    for row in figures["shift"]:
        sides = f"{row['train']} train, {row['test']} test"
        value = "-"
        if row["auc"] is not None:
            value = f"{row['auc']:.4f}  (95 % interval {interval(row['auc_ci'], '.4f')})"
        lines.append(f"{row['label']:34} {value}, {sides}: {row['note']}")
    return "\n".join(lines)
