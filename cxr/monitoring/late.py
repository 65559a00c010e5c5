"""The log of readings, written behind the reader: no click waits for a database."""

from __future__ import annotations

import atexit
import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, takewhile

from ..errors import fault
from .database import PATIENCE, address
from .log import Noted, Readings, Recorder
from .reading import ReadingsError

__all__ = ["Backlog", "LateReadings"]

logger = logging.getLogger(__name__)

#: Readings that may wait: a day's work of several readers, some megabytes.
ROOM = 20_000
#: Readings that are written in one transaction.
TOGETHER = 200
#: Seconds between two tries: the first pause, and the longest.
PAUSES = (0.5, 30.0)


@dataclass(frozen=True)
class Backlog:
    """What is not in the log yet.

    Attributes
    ----------
    waiting : int
        Readings that are still to be written.
    seconds : float
        How long the oldest of them has waited; 0 if there is none.
    lost : int
        Readings that could not be kept: there was no room for more, or no time at the end.
    problem : str
        Why the last try failed, for people; empty if it did not.
    """

    waiting: int
    seconds: float
    lost: int
    problem: str


class LateReadings(Recorder):
    """Notes readings at once, and has one thread write them to the log in their order.

    What cannot be written waits and is tried again until it is: a log that is locked, slow or gone
    costs its readers nothing. Each transaction is of one event; it is written whole or not at all.

    Parameters
    ----------
    url : str, optional
        As for `Readings`. The log is opened by the thread, at the first reading.
    room : int
        Readings that may wait; what comes when there is no room is counted as lost.
    pauses : tuple of float
        Seconds between two tries: the first pause, which doubles up to the second.

    Raises
    ------
    ReadingsError
        If the address is none.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        room: int = ROOM,
        pauses: tuple[float, float] = PAUSES,
    ) -> None:
        self._url = url
        self._enabled = address(url) is not None
        self._room = room
        self._pauses = pauses
        self._queue: deque[tuple[str, Noted, float]] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._lost = 0
        self._problem = ""
        self._closed = False

    @property
    def enabled(self) -> bool:
        """False if the log is switched off."""
        return self._enabled

    @property
    def backlog(self) -> Backlog:
        """What is not in the log yet, and why."""
        with self._changed:
            since = self._queue[0][2] if self._queue else None
            seconds = time.monotonic() - since if since is not None else 0.0
            return Backlog(len(self._queue), seconds, self._lost, self._problem)

    def add(self, event: str, readings: Sequence[Noted]) -> None:
        """Note readings, all of one event, or regions; returns before they are written."""
        if not self._enabled:
            return
        now = time.monotonic()
        with self._changed:
            room = 0 if self._closed else max(self._room - len(self._queue), 0)
            self._queue.extend((event, reading, now) for reading in readings[:room])
            self._lose(len(readings[room:]))
            if self._thread is None and self._queue:
                self._thread = threading.Thread(target=self._run, name="readings", daemon=True)
                self._thread.start()
                atexit.register(self.close)
            self._changed.notify_all()

    def wait(self, seconds: float) -> bool:
        """Wait until all is written; whether that came true in time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._queue, seconds)

    def close(self, seconds: float = PATIENCE) -> None:
        """Write what waits, for so many seconds at most; what is left then is lost, and logged."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._queue, seconds)
            self._lose(len(self._queue))
            self._queue.clear()
            self._changed.notify_all()
        atexit.unregister(self.close)

    def _lose(self, number: int) -> None:
        self._lost += number
        if number:
            logger.error("Readings could not be kept: %d", number)

    def _run(self) -> None:
        log, pause = None, 0.0
        while batch := self._next(pause):
            event, readings = batch
            try:
                log = log or Readings(self._url)
                log.add(event, readings)
            except ReadingsError as error:
                first, longest = self._pauses
                pause = min(max(2 * pause, first), longest)
                with self._changed:
                    self._problem = str(error)
                continue
            except Exception as error:  # of these readings: those behind them are not to wait
                logger.error("Readings cannot be written: %s", fault(error))
                self._done(len(readings), lost=len(readings))
            else:
                self._done(len(readings))
            pause = 0.0

    def _next(self, pause: float) -> tuple[str, list[Noted]] | None:
        """Return what to write next, once there is something; None at the end."""
        with self._changed:
            if pause:
                self._changed.wait_for(lambda: self._closed, pause)
            self._changed.wait_for(lambda: self._queue or self._closed)
            if not self._queue:
                return None
            event = self._queue[0][0]
            same = takewhile(lambda item: item[0] == event, self._queue)
            return event, [reading for _, reading, _ in islice(same, TOGETHER)]

    def _done(self, number: int, *, lost: int = 0) -> None:
        with self._changed:
            self._problem = ""
            # Closed meanwhile, the queue is empty, and what was in it counted as lost.
            for _ in range(min(number, len(self._queue))):
                self._queue.popleft()
            self._lose(lost)
            self._changed.notify_all()
