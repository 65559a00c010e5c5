"""What goes wrong with a data set."""

from __future__ import annotations

from ..errors import CxrError

__all__ = ["DatasetError", "TableError"]


class DatasetError(CxrError, ValueError):
    """A folder that cannot be read as labeled films."""

    code = "dataset"


class TableError(CxrError, ValueError):
    """A file that is no table; the code says why where more is known."""

    code = "table"
