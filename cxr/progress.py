"""How long work tells what it has done: in numbers, or in lines of text."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Protocol

__all__ = ["Progress", "Say", "silent", "to_stderr"]


class Progress(Protocol):
    """What shows how far work is."""

    def __call__(self, done: float, total: float, /) -> None:
        """Take how far the work is; called first with none done, not at all if there is no work.

        Parameters
        ----------
        done : float
            Work done, in [0, `total`], in any unit.
        total : float
            Work in all, above 0, in the same unit.
        """


#: What takes a message: a line of text without its end.
Say = Callable[[str], None]


def to_stderr(line: str) -> None:
    """Write a message to standard error at once: how messages are told unless asked otherwise."""
    print(line, file=sys.stderr, flush=True)


def silent(line: str) -> None:
    """Tell nobody."""
