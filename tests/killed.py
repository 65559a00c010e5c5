"""A process that is killed at one of its calls of the system, imitated within the test's own.

From that call on every one fails, those included by which code clears up after an error: a process
that is dead does not. What is on the disk then is what a kill would leave.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

__all__ = ["Killed", "at_each_call", "killed_at"]

#: Calls that change what is on a disk, or make sure of it.
CALLS = ("open", "fsync", "replace", "rename", "unlink", "rmdir", "mkdir")
#: More than any writer makes.
MOST = 400


class Killed(BaseException):
    """The process is dead."""


@contextmanager
def killed_at(number: int) -> Iterator[None]:
    """Let all calls of the system from one on fail.

    Parameters
    ----------
    number : int
        How many calls are made before.
    """
    left = number

    def killing(call: Callable) -> Callable:
        def called(*given, **named):
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed
            return call(*given, **named)

        return called

    with pytest.MonkeyPatch.context() as patch:
        for name in CALLS:
            patch.setattr(os, name, killing(getattr(os, name)))
        yield


def at_each_call(begin: Callable[[], object], work: Callable[[], object]) -> Iterator[int]:
    """Kill some work at its first call of the system, at its second, and so on to its end.

    Parameters
    ----------
    begin : callable
        Puts on the disk what is there before the work.
    work : callable
        What is killed.

    Yields
    ------
    int
        How many calls were made, each time the work was killed. What is left on the disk is to be
        looked at then. In the last turn the work came to its end.
    """
    for number in range(MOST):
        begin()
        try:
            with killed_at(number):
                work()
        except Killed:
            yield number
        else:
            yield number
            return
    raise AssertionError(f"not done after {MOST} calls")
