"""Spreadsheets of a site: read, with bounds, and their columns found by name.

What a sheet says stays in memory and goes into no log.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ..datasets.errors import TableError
from ..datasets.text_table import table_of
from ..errors import CxrError
from ..stats.wording import count
from .sheet_words import plain_name

__all__ = ["MOST_BYTES", "MOST_ROWS", "TruthError", "column_named", "read_truth", "scores_of"]

#: Rows of a sheet, and bytes of its file.
MOST_ROWS = 100_000
MOST_BYTES = 50_000_000


class TruthError(CxrError, ValueError):
    """A truth that cannot be used; the code says why.

    ``too_large``, ``too_many_rows``, ``empty``, ``no_column``, ``unmapped_labels``, ``no_match``,
    ``no_split``, ``one_class``, ``score_range``, ``repeated_scores``, ``not_a_number``;
    ``table`` and those of `cxr.datasets.excel_table` for a file that is no table.
    """

    code = "truth"


def read_truth(source: Path | bytes, name: str = "") -> pd.DataFrame:
    """Read a sheet: CSV in any form that spreadsheets write, or ``.xlsx``.

    Parameters
    ----------
    source : pathlib.Path or bytes
        The file, or what it holds.
    name : str, optional
        Its name for messages (default: that of the path).

    Returns
    -------
    pandas.DataFrame
        Cells as text, names of columns in small letters, each once. At most `MOST_ROWS` rows.

    Raises
    ------
    TruthError
        ``no_file``, ``too_large``, ``too_many_rows``, ``empty``, ``old_excel`` or ``table``.
    """
    name = name or (source.name if isinstance(source, Path) else "the table")
    data = _bytes(source, name)
    if not data.strip():
        raise TruthError(f"{name} is empty. Export it again.", code="empty")
    try:
        table = table_of(data, name)
    except TableError as error:
        raise TruthError(str(error), code=error.code) from error
    if table.empty:
        raise TruthError(f"{name} has no rows under its first.", code="empty")
    if len(table) > MOST_ROWS:
        raise TruthError(
            f"{name} has {len(table):,} rows. At most {MOST_ROWS:,} are taken: divide it.",
            code="too_many_rows",
        )
    table.columns = pd.Index(_once(map(str, table.columns)))
    return table


def _bytes(source: Path | bytes, name: str) -> bytes:
    if isinstance(source, bytes):
        data = source
    else:
        try:
            with source.open("rb") as file:
                data = file.read(MOST_BYTES + 1)
        except OSError as error:
            raise TruthError(f"{name} cannot be read: {error.strerror}.", code="no_file") from error
    if len(data) > MOST_BYTES:
        text = f"{name} is larger than {MOST_BYTES // 10**6} MB. Leave out columns or divide it."
        raise TruthError(text, code="too_large")
    return data


def _once(names: Iterable[str]) -> list[str]:
    """Number names that occur again: label, label 2."""
    kept: list[str] = []
    for name in names:
        given, number = name, 1
        while given in kept:
            number += 1
            given = f"{name} {number}"
        kept.append(given)
    return kept


def column_named(names: Sequence[str], wanted: str) -> str:
    """Return the column that is meant by a name, whatever its case, blanks and dashes.

    Raises
    ------
    TruthError
        ``no_column`` if there is none.
    """
    for name in names:
        if name == wanted.strip().lower() or plain_name(name) == plain_name(wanted) != "":
            return name
    raise TruthError(
        f"There is no column {wanted!r}. Columns here: {', '.join(names)}.", code="no_column"
    )


def scores_of(table: pd.DataFrame, column: str = "") -> pd.Series:
    """Return the scores of another tool from a sheet.

    Parameters
    ----------
    table : pandas.DataFrame
        As `read_truth` returns it.
    column : str, optional
        The column of the scores (default: one that is named for it).

    Returns
    -------
    pandas.Series
        float64 in [0, 1], one per row, named as its column; NaN where a cell is empty.

    Raises
    ------
    TruthError
        ``no_column``, ``not_a_number`` or ``score_range``.
    """
    names = list(map(str, table.columns))
    if not column:
        words = ("score", "probability", "prob", "prediction", "confidence", "output", "p")
        plain = {name: plain_name(name) for name in names}
        exact = (n for word in words for n in names if plain[n] == word)
        within = (n for word in words[:4] for n in names if word in plain[n])
        column = next(iter((*exact, *within)), "")
        if not column:
            raise TruthError(
                f"No column of scores was recognized. Name it: one of {', '.join(names)}.",
                code="no_column",
            )
    column = column_named(names, column)
    text = table[column].astype(str).str.replace(r"^(-?\d+),(\d+)$", r"\1.\2", regex=True)
    scores = pd.to_numeric(text.where(text != ""), errors="coerce").astype(np.float64)
    if (wrong := (scores.isna() & (text != "")) | np.isinf(scores)).any():
        row = int(np.flatnonzero(wrong)[0])
        raise TruthError(
            f"The column {column!r} has a score that is not a number in row {row + 2}.",
            code="not_a_number",
        )
    if (outside := (scores < 0) | (scores > 1)).any():
        row = int(np.flatnonzero(outside)[0])
        hint = " They seem to be of 0 to 100: divide them by 100." if scores.max() <= 100 else ""
        raise TruthError(
            f"{count(int(outside.sum()), 'score')} of {column!r} not between 0 and 1, the first in "
            f"row {row + 2}.{hint}",
            code="score_range",
        )
    return scores.rename(column)
