"""A table in a workbook of Excel, as text: what its cells show, not how they are stored."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any

import pandas as pd

from .errors import TableError

__all__ = ["is_workbook", "read_workbook"]

#: Bytes of all parts of a workbook once unpacked: a small file may unpack to any size.
MOST_UNPACKED = 500_000_000
#: Rows and columns that are looked at, empty ones included.
MOST_ROWS, MOST_COLUMNS = 200_000, 500
_ZIP, _OLD = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
#: A number format of zeros alone: 00123 is a number that is shown with the zeros in front.
_ZEROS = re.compile(r"0{2,40}")


def is_workbook(data: bytes) -> bool:
    """Whether a file is a workbook by its first bytes, be it one that can be read here or not."""
    return data.startswith((_ZIP, _OLD))


def read_workbook(data: bytes, name: str) -> pd.DataFrame:
    """Read the first sheet that holds a table: rows under names, and more than one column.

    A sheet of notes may stand before it.

    Parameters
    ----------
    data : bytes
        An ``.xlsx`` or ``.xlsm`` file.
    name : str
        The file's name, for messages.

    Returns
    -------
    pandas.DataFrame
        All cells as text without blanks around them. The names of the columns are the first row
        with more than one filled cell, or the first filled one where none has more. Formulas count
        as the value that was last computed.

    Raises
    ------
    TableError
        ``old_excel`` for a workbook of another format, ``too_large`` for one that unpacks to too
        much, ``too_many_rows``, ``empty`` where no sheet has a cell, ``table`` for a damaged file.
    """
    _check(data, name)
    import openpyxl

    try:
        book = openpyxl.load_workbook(
            io.BytesIO(data), read_only=True, data_only=True, keep_links=False
        )
    except Exception as error:
        raise TableError(f"{name} is damaged: it cannot be opened as a workbook.") from error
    try:
        shown = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
        first: pd.DataFrame | None = None
        for sheet in shown or book.worksheets:
            rows = list(_rows(sheet, name))
            if not rows:
                continue
            table = _table(rows)
            if table.shape[1] > 1 and len(table):
                return table
            first = table if first is None else first
        if first is not None:
            return first
    except TableError:
        raise
    except Exception as error:
        raise TableError(f"{name} is damaged: its cells cannot be read.") from error
    finally:
        book.close()
    raise TableError(f"{name} is empty.", code="empty")


def _check(data: bytes, name: str) -> None:
    if data.startswith(_OLD):
        raise TableError(
            f"{name} is a workbook of an old format, or one with a password. Save it as .xlsx "
            "without a password, or as CSV.",
            code="old_excel",
        )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise TableError(f"{name} is damaged: it cannot be opened as a workbook.") from error
    if not any(part.filename.lower() == "xl/workbook.xml" for part in parts):
        raise TableError(
            f"{name} is no workbook of Excel. Save it as .xlsx or as CSV.", code="old_excel"
        )
    if sum(part.file_size for part in parts) > MOST_UNPACKED:
        raise TableError(
            f"{name} unpacks to more than {MOST_UNPACKED // 10**6} MB.", code="too_large"
        )


def _rows(sheet: Any, name: str) -> Iterator[list[str]]:
    """Yield the rows of a sheet that have a filled cell."""
    sheet.reset_dimensions()  # which the file states, and may state wrongly
    for number, cells in enumerate(sheet.iter_rows(max_col=MOST_COLUMNS)):
        row = [_text(cell) for cell in cells]
        if not any(row):
            continue
        if number >= MOST_ROWS:
            raise TableError(f"{name} has more than {MOST_ROWS:,} rows.", code="too_many_rows")
        yield row


def _text(cell: Any) -> str:
    """Write a cell as a person sees it."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    if isinstance(value, int):
        zeros = str(getattr(cell, "number_format", "") or "")
        return str(value).zfill(len(zeros)) if _ZEROS.fullmatch(zeros) else str(value)
    return str(value).strip()


def _table(rows: list[list[str]]) -> pd.DataFrame:
    # A title may stand above the names of the columns.
    head = next((k for k, row in enumerate(rows) if sum(map(bool, row)) > 1), 0)
    names = rows[head]
    width = max(map(len, rows))
    names += [""] * (width - len(names))
    body = [row + [""] * (width - len(row)) for row in rows[head + 1 :]]
    kept = [k for k in range(width) if names[k] or any(row[k] for row in body)]
    return pd.DataFrame(
        [[row[k] for k in kept] for row in body],
        columns=[names[k] or f"column {k + 1}" for k in kept],
        dtype=str,
    )
