r"""CSV that a spreadsheet takes for text: no cell of a file becomes a formula.

A cell that begins as a formula does (``=``, ``+``, ``-``, ``@``, a tab, a line break, and their
full-width forms) gets an apostrophe before it, and cells with separators of any country are quoted,
as OWASP advises (https://owasp.org/www-community/attacks/CSV_Injection). What cannot be seen in a
text is shown as a code, see `cxr.plain_text`. Numbers stay numbers. `from_cell` undoes it all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ..plain_text import from_visible, visible

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["cell", "changed", "csv_line", "defused", "from_cell", "table_text", "texts_of"]

_FORMULA = re.compile("'*\\s*[=+\\-@\uff1d\uff0b\uff0d\uff20\u2212\ufe62\ufe63\ufe66\ufe6b]")
_FIGURE = r"[+-]?\d+(\.\d*)?(e[+-]?\d+)?( ?%)?"
#: A number, or one with its interval as `cxr.stats.wording.with_interval` writes them, which no
#: spreadsheet can work out.
_NUMBER = re.compile(rf"{_FIGURE}( \({_FIGURE} to {_FIGURE}\))?", re.IGNORECASE | re.ASCII)
_QUOTED = re.compile("[\",;\t\r\n|']|^\\s|\\s$")


def defused(text: str) -> str:
    """Return a text with an apostrophe before it where a spreadsheet would take it for a formula.

    A text that begins with such an apostrophe gets one more, so that `from_cell` can undo it.
    """
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def cell(value: Any) -> Any:
    """Return a value for a cell: texts `visible` and `defused`, all else as it is."""
    return defused(visible(value)) if isinstance(value, str) else value


def from_cell(text: str) -> str:
    """Return the text that `cell` was given."""
    if text.startswith("'") and _FORMULA.match(text):
        text = text[1:]
    return from_visible(text)


def csv_line(values: Iterable[Any]) -> str:
    """Return values as one line of CSV with its end; None is an empty cell."""
    return ",".join(map(_written, values)) + "\n"


def _written(value: Any) -> str:
    if value is None:
        return ""
    text = str(cell(value))
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text


def table_text(table: pd.DataFrame, **options: Any) -> str:
    """Return a table as CSV without its index; options go to `pandas.DataFrame.to_csv`."""
    return str(_cells(table).to_csv(index=False, lineterminator="\n", **options))


def _cells(table: pd.DataFrame) -> pd.DataFrame:
    return changed(table, cell).rename(columns=cell)


def texts_of(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table that was read as it was before `table_text` wrote it."""
    return changed(table, lambda value: from_cell(value) if isinstance(value, str) else value)


def changed(table: pd.DataFrame, change: Callable[[Any], Any]) -> pd.DataFrame:
    """Return a table whose columns of texts went cell by cell through a function."""
    texts = {name: table[name].map(change) for name in table if table[name].dtype.kind in "OUTS"}
    return table.assign(**{str(name): column for name, column in texts.items()})
