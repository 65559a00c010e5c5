"""A file that is made of a list's films in the background: how far it is, and how it is stopped."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Literal

from ..errors import fault
from ..scoring.explain import StoppedError
from .entry import Entry

__all__ = ["Making"]

logger = logging.getLogger(__name__)


class Making:
    """A file that is being made, or was made; it stays in memory.

    Parameters
    ----------
    films : sequence of Entry
        What it is made of.
    make : callable
        Makes the file of the films, which it takes one after the other.
    wanted : callable
        Asked before each film: False ends the work, as when the reader's tab is closed.

    Attributes
    ----------
    done, total : int
        Films that are done with, and all of them.
    content : bytes
        The file; empty until it is ready.
    state : {"running", "ready", "stopped", "failed"}
    begun : datetime.datetime
        When it was asked for, in UTC.
    """

    def __init__(
        self,
        films: Sequence[Entry],
        make: Callable[[Iterable[Entry]], bytes],
        *,
        wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        self.done, self.total = 0, len(films)
        self.content = b""
        self.state: Literal["running", "ready", "stopped", "failed"] = "running"
        self.begun = datetime.now(UTC)
        self._films, self._make, self._wanted = films, make, wanted
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the work after the film that is under way."""
        self._end.set()

    def join(self, seconds: float | None = None) -> bool:
        """Wait until the work has ended; whether that came true in time."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            content = self._make(self._counted())
            self._check()
            self.content, self.state = content, "ready"
        except StoppedError:
            self.state = "stopped"
        except Exception as error:  # a thread that dies in silence would leave the page waiting
            logger.error("A file was not made: %s", fault(error))
            self.state = "failed"

    def _counted(self) -> Iterator[Entry]:
        for film in self._films:
            self._check()
            yield film
            self.done += 1

    def _check(self) -> None:
        if self._end.is_set() or not self._wanted():
            raise StoppedError
