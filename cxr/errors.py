"""What goes wrong: the base of this package's exceptions, and what a log may say of one."""

from __future__ import annotations

import traceback
from collections.abc import Iterator

__all__ = ["CxrError", "fault"]


class CxrError(Exception):
    """An error of this package: what happened, in a sentence that stands by itself.

    What a person can do about it on the command line or on a page is said there, by the code:
    `cxr.cli.messages` and `cxr.web.messages`.

    Attributes
    ----------
    code : str
        One word for programs and logs; that of the class if none is given.
    """

    code = "error"

    def __init__(self, *words: object, code: str = "") -> None:
        super().__init__(*words)
        if code:
            self.code = code


def fault(error: BaseException) -> str:
    """Say what was raised and where, for a log.

    The message is left out, since it may quote a file's name or a header.

    Returns
    -------
    str
        The class, its code where it has one, and the lines of this package that it went through,
        then the line that raised it; the same of what caused it.

    Examples
    --------
    >>> fault(CxrError("The file of Jane Doe is empty.", code="empty"))
    'CxrError (empty)'
    """
    told = type(error).__qualname__
    if isinstance(error, CxrError):
        told += f" ({error.code})"
    if lines := list(_lines(error)):
        told += f" at {', '.join(lines)}"
    return told + (f", from {fault(error.__cause__)}" if error.__cause__ else "")


def _lines(error: BaseException) -> Iterator[str]:
    frames = list(traceback.walk_tb(error.__traceback__))
    for number, (frame, line) in enumerate(frames, start=1):
        module = str(frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] == __package__ or number == len(frames):
            yield f"{module}:{line}"
