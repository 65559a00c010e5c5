"""A process of this package's own that answers what it is asked, until it is ended."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

__all__ = ["Process"]


class Process:
    """One process, and the pipe to it.

    Parameters
    ----------
    serve : callable
        What it does: takes its end of the pipe and `arguments`, answers what comes, and returns
        when the other end is closed. Of a module, and its arguments can be pickled.
    arguments : object
    """

    def __init__(self, serve: Callable[..., None], *arguments: Any) -> None:
        context = _context(serve.__module__)
        self._pipe: Connection
        self._pipe, theirs = context.Pipe()
        everything = (theirs, *arguments)
        self._process = context.Process(target=serve, args=everything, daemon=True)
        self._process.start()
        theirs.close()

    def ask(self, asked: Any, seconds: float | None = None) -> Any:
        """Return the answer.

        Raises
        ------
        EOFError, OSError
            If the process ended.
        TimeoutError
            If there is no answer in time. It is to be ended then: its answer may come yet.
        """
        self._pipe.send(asked)
        if seconds is not None and not self._pipe.poll(seconds):
            raise TimeoutError("A process has not answered in time.")
        return self._pipe.recv()

    def end(self) -> None:
        """End the process, whatever it does. Whoever waits for its answer has an EOFError."""
        self._process.kill()
        self._process.join()


def _context(module: str) -> Any:
    """Return how processes are started: not by a copy of this one, whose threads it would lack."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([module])
    return context
