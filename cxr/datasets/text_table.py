"""A table in a file, however a spreadsheet has written it: as text, or as a workbook of Excel.

Spreadsheets write semicolons in most of Europe, tabs where asked for Unicode, UTF-16 or the code
page of the country, and a mark in front of UTF-8.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from pathlib import Path

import pandas as pd

from ..films.archive_names import code_page
from .errors import TableError
from .excel_table import is_workbook, read_workbook

__all__ = ["TableError", "read_table", "table_of"]

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SEPARATORS = (",", ";", "\t", "|")
#: Code pages of Windows; those of DOS are of no use to a spreadsheet.
_WINDOWS = ("cp1252", "cp1250", "cp1251", "gb18030", "cp950", "cp949", "cp932")


def read_table(path: Path) -> pd.DataFrame:
    """Read a table whose first row names its columns.

    Parameters
    ----------
    path : pathlib.Path
        Values separated by commas, semicolons, tabs or bars, in UTF-8, UTF-16 or a code page of
        Windows; or an ``.xlsx`` workbook, of which the first sheet with a table counts.

    Returns
    -------
    pandas.DataFrame
        All cells as text without blanks around them; names of columns in small letters. Rows
        without any value are left out.

    Raises
    ------
    TableError
        If it is no such table.
    """
    return table_of(path.read_bytes(), path.name)


def table_of(data: bytes, name: str) -> pd.DataFrame:
    """Read a table from the bytes of a file, see `read_table`; the name is for messages."""
    if is_workbook(data):
        return _cleaned(read_workbook(data, name))
    text = _text(data, name)
    first, _, rest = text.partition("\n")
    if first.lower().startswith("sep="):  # what Excel writes in front
        text = rest
    head = text.lstrip().partition("\n")[0]
    separator = max(_SEPARATORS, key=lambda sign: len(next(csv.reader([head], delimiter=sign), [])))
    # Rows that end in separators, as spreadsheets pad them, or the first row does.
    text = re.sub(rf"{re.escape(separator)}+[ \t]*$", "", text, flags=re.MULTILINE)
    try:
        table = pd.read_csv(
            io.StringIO(text),
            sep=separator,
            dtype=str,
            keep_default_na=False,
            skipinitialspace=True,
        )
    except ValueError as error:
        raise TableError(
            f"{name} is not a table of values separated by commas, semicolons or tabs."
        ) from error
    if isinstance(table.index, pd.MultiIndex) or not isinstance(table.index, pd.RangeIndex):
        raise TableError(f"{name} has rows of more values than its first row has names.")
    return _cleaned(table)


def _cleaned(table: pd.DataFrame) -> pd.DataFrame:
    table = table.fillna("").apply(lambda column: column.astype(str).str.strip())
    table.columns = [str(name).strip().strip("\"'").lower() for name in table.columns]
    filled: pd.DataFrame = table[(table != "").any(axis=1)].reset_index(drop=True)
    return filled


def _text(data: bytes, name: str) -> str:
    code = next((code for mark, code in _MARKS if data.startswith(mark)), "")
    if not code and b"\0" in data[:200]:  # UTF-16 without its mark: the names of columns are ASCII
        code = "utf-16-be" if data[:1] == b"\0" else "utf-16-le"
    try:
        return data.decode(code or "utf-8").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError:
        if code:
            raise TableError(f"{name} is not all {code.upper()}. Save it as UTF-8.") from None
    lines = [line for line in data.splitlines() if not line.isascii()]
    text = data.decode(code_page(lines, _WINDOWS), "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")
