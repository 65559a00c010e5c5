"""What goes wrong with a data set."""

from __future__ import annotations

from ..errors import CxrError

__all__ = ["DatasetError"]


class DatasetError(CxrError, ValueError):
    """A folder that cannot be read as labeled films."""

    code = "dataset"
