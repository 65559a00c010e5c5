"""All that is stored of a film apart from its label, read once: a bundle's table of films."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..films.radiograph import Radiograph
from ..films.statistics import STATISTICS, film_statistics
from ..progress import Progress
from ..stats.bootstrap import owners
from ..stats.wording import count, interval
from . import near_duplicates, shift
from . import table as dataset
from .folders import DatasetError

__all__ = ["FACTS", "as_text", "counts", "describe", "described", "filled_in", "note", "summary"]

#: The columns that `describe` adds to those of `cxr.datasets.folders.COLUMNS`.
FACTS = ["phash", "shift_logit", *(f"stat_{name}" for name in STATISTICS)]
DECIMALS = 4
#: A column that `described` takes out again: each film in 16 x 16 pixels.
THUMBNAIL = "thumbnail"


def describe(
    table: pd.DataFrame,
    root: str | Path,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Open every film of a table once and note what near duplicates and shift are found by.

    Parameters
    ----------
    table : pandas.DataFrame
        A film table.
    root : str or pathlib.Path
        The folder that its paths start from.
    progress : Progress, optional
        Called with the films read and the films in all.

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
    table, _ = dataset.read_films(table, root, measure=note, progress=progress)
    return described(table)


def note(film: Radiograph) -> dict[str, Any]:
    """Note of a film, as it is read, what `described` needs: for `measure` of `read_films`."""
    side = near_duplicates.SIDE
    small = near_duplicates.AT_SIDE(film.pixels)[:, :, 0]
    cell = side // shift.SIDE
    cells = small.reshape(shift.SIDE, cell, shift.SIDE, cell)
    statistics = film_statistics(film.pixels)
    return {
        "phash": near_duplicates.fingerprint(small),
        THUMBNAIL: np.rint(cells.mean(axis=(1, 3))).astype(np.uint8),
    } | {f"stat_{name}": round(value, DECIMALS) for name, value in statistics.items()}


def described(table: pd.DataFrame) -> pd.DataFrame:
    """Finish what `describe` returns, of films that were read with `note`.

    Parameters
    ----------
    table : pandas.DataFrame
        A film table with what `note` says of each film, and the splits that hold.

    Returns
    -------
    pandas.DataFrame
        A copy with the columns `FACTS`, and without what only served to make them.
    """
    if table.empty:
        return table.reindex(columns=[*table.columns.drop(FACTS, errors="ignore"), *FACTS])
    thumbnails = np.stack([*table[THUMBNAIL]])
    table = table.drop(columns=THUMBNAIL)
    # Rounded as they are stored, so that figures are those of the file.
    table["shift_logit"] = shift.tell_apart(thumbnails, table).round(DECIMALS)
    return table[[*table.columns.drop(FACTS), *FACTS]]


def filled_in(kept: pd.DataFrame, table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Fill the columns `FACTS` into a stored table of films; all else in it stays as it is.

    Parameters
    ----------
    kept : pandas.DataFrame
        The stored table, its cells as texts.
    table : pandas.DataFrame
        As `describe` returns it.
    name : str
        Name of the bundle, for the message.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    DatasetError
        If one of the stored films is not in the table with the same path and pixels.
    """
    kept = kept.drop(columns=FACTS, errors="ignore")
    new = table[["path", "sha256", *FACTS]].drop_duplicates("path")
    kept = kept.merge(new, how="left", on=["path", "sha256"], validate="many_to_one")
    if lost := kept.loc[kept["phash"].isna(), "path"].tolist():
        are = "is" if len(lost) == 1 else "are"
        raise DatasetError(
            f"{count(len(lost))} of {name} {are} not in that folder with the same "
            f"pixels. The first: {lost[0]}."
        )
    return kept


def counts(table: pd.DataFrame) -> dict[str, Any]:
    """Count what a film table holds, whether or not its films were described.

    Returns
    -------
    dict
        ``films``, ``patients``, ``imbalance_ratio``, ``patients_across_splits`` (leakage: 0 is
        right), ``films_with_equal_pixels``, ``groups_with_equal_pixels``.
    """
    twins = dataset.duplicates(table)
    return {
        "films": len(table),
        "patients": len(set(owners(table))),
        "imbalance_ratio": dataset.imbalance_ratio(table),
        "patients_across_splits": len(dataset.across_splits(table)),
        "films_with_equal_pixels": len(twins),
        "groups_with_equal_pixels": int(twins["group"].nunique()),
    }


def one_size(table: pd.DataFrame) -> tuple[int, int] | None:
    """Return the width and height that all films of a table have; None where they differ."""
    sizes = table[["width", "height"]].drop_duplicates()
    if len(sizes) != 1 or sizes.isna().any(axis=None):
        return None
    width, height = sizes.iloc[0]
    return int(width), int(height)


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
    alike = near_duplicates.alike(table)
    told = shift.shift(table)
    told["auc_ci"] = list(zip(told.pop("low"), told.pop("high"), strict=True))
    told = told.astype(object)
    told.loc[told["auc"].isna(), ["auc", "auc_ci"]] = None
    return {
        **counts(table),
        "films_nearly_equal": len(alike.films),
        "groups_nearly_equal": alike.groups,
        "groups_nearly_equal_across_splits": alike.leaks,
        "balance": dataset.balance(table).to_dict("records"),
        "near_duplicates": alike.films.to_dict("records"),
        "shift": told.to_dict("records"),
    }


def as_text(figures: dict[str, Any]) -> str:
    """Format what `summary` returns as text."""
    lines = [
        f"{key:34} {value:.3f}" if isinstance(value, float) else f"{key:34} {value}"
        for key, value in figures.items()
        if not isinstance(value, list)
    ]
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
