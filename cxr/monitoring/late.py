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
from .database import ENTRY, PATIENCE, address
from .log import Noted, Readings, Recorder
from .reading import ReadingsError
from .trail import TRAIL_EVENTS, TrailEntry

__all__ = ["Backlog", "LateReadings", "Receipt"]

logger = logging.getLogger(__name__)

#: Readings that may wait: a day's work of several readers, some megabytes.
ROOM = 20_000
#: Entries of the audit trail that may wait besides, whatever the readings take.
TRAIL_ROOM = 20_000
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
    trail_waiting, trail_lost : int
        How many of each are entries of the audit trail.
    problem : str
        Why the last try failed, for people; empty if it did not.
    """

    waiting: int
    seconds: float
    lost: int
    problem: str
    trail_waiting: int = 0
    trail_lost: int = 0


@dataclass(eq=False)
class Receipt:
    """What became of entries that were noted together.

    Attributes
    ----------
    waiting : int
        How many are not written yet.
    lost : int
        How many could not be kept.
    """

    waiting: int = 0
    lost: int = 0

    @property
    def is_written(self) -> bool:
        """Whether all of them are in the log."""
        return not self.waiting and not self.lost


class LateReadings(Recorder):
    """Notes readings at once, and has one thread write them to the log in their order.

    What cannot be written waits and is tried again until it is: a log that is locked, slow or gone
    costs its readers nothing. Each transaction is of one event; it is written whole or not at all.

    Parameters
    ----------
    url : str, optional
        As for `Readings`. The log is opened by the thread, at the first reading.
    room : int
        Readings that may wait; what comes when there is no room is counted as lost. What is lost of
        the audit trail is told to the program's messages, entry by entry.
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
        self._queue: deque[tuple[str, Noted, float, Receipt]] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._lost = 0
        self._trail_waiting = self._trail_lost = 0
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
            return Backlog(
                len(self._queue),
                seconds,
                self._lost,
                self._problem,
                self._trail_waiting,
                self._trail_lost,
            )

    @property
    def trail_has_room(self) -> bool:
        """Whether an entry of the audit trail that is noted now would be kept."""
        with self._changed:
            return self._enabled and not self._closed and self._trail_waiting < TRAIL_ROOM

    def add(self, event: str, readings: Sequence[Noted]) -> None:
        """Note readings, all of one event, or regions; returns before they are written."""
        self.note(event, readings)

    def note(self, event: str, readings: Sequence[Noted]) -> Receipt:
        """Note readings as `add` does, and return what tells whether they are written.

        Where the log is switched off they never are.
        """
        receipt = Receipt()
        if not self._enabled:
            receipt.lost = len(readings)
            return receipt
        now = time.monotonic()
        is_trail = event in TRAIL_EVENTS
        with self._changed:
            taken = self._trail_waiting if is_trail else len(self._queue) - self._trail_waiting
            room = max((TRAIL_ROOM if is_trail else self._room) - taken, 0)
            room = 0 if self._closed else room
            kept = readings[:room]
            self._queue.extend((event, reading, now, receipt) for reading in kept)
            self._trail_waiting += len(kept) if is_trail else 0
            receipt.waiting = len(kept)
            self._lose([(event, reading, receipt) for reading in readings[room:]])
            if self._thread is None and self._queue:
                self._thread = threading.Thread(target=self._run, name="readings", daemon=True)
                self._thread.start()
                atexit.register(self.close)
            self._changed.notify_all()
        return receipt

    def is_written(self, receipts: Sequence[Receipt], seconds: float) -> bool:
        """Wait until all that these receipts are of is written; whether that came true in time."""
        with self._changed:
            settled = self._changed.wait_for(lambda: not any(r.waiting for r in receipts), seconds)
        return settled and all(receipt.is_written for receipt in receipts)

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
            left = [(event, reading, receipt) for event, reading, _, receipt in self._queue]
            for _, _, receipt in left:
                receipt.waiting -= 1
            self._lose(left)
            self._queue.clear()
            self._trail_waiting = 0
            self._changed.notify_all()
        atexit.unregister(self.close)

    def _lose(self, lost: Sequence[tuple[str, Noted, Receipt]]) -> None:
        self._lost += len(lost)
        readings = sum(not isinstance(noted, TrailEntry) for _, noted, _ in lost)
        if readings:
            logger.error("Readings could not be kept: %d", readings)
        for event, reading, receipt in lost:
            receipt.lost += 1
            if isinstance(reading, TrailEntry):
                # It holds hashes and pseudonyms, so that it may be told here: nowhere else is it.
                self._trail_lost += 1
                told = " ".join(f"{name}={value}" for name, value in reading.row().items())
                logger.error("Not in the audit trail: %s %s", event, told)

    def _run(self) -> None:
        log, pause = None, 0.0
        most, singly, again = TOGETHER, 0, False
        while batch := self._next(pause, most):
            event, readings = batch
            try:
                log = log or Readings(self._url)
                log.add(event, readings, again=again)
            except Exception as error:
                if isinstance(error, ReadingsError) and error.code != ENTRY:
                    first, longest = self._pauses
                    pause = min(max(2 * pause, first), longest)
                    with self._changed:
                        self._problem = str(error)
                    # The same once more: it may have been written, and the answer lost.
                    most, again = len(readings), True
                    continue
                if len(readings) > 1:  # it is of one of them, and the others are not to wait
                    most, singly, again, pause = 1, len(readings), False, 0.0
                    continue
                logger.error("A reading cannot be written: %s", fault(error))
                self._done(1, is_lost=True)
            else:
                self._done(len(readings))
            singly = max(singly - len(readings), 0)
            most, again, pause = 1 if singly else TOGETHER, False, 0.0

    def _next(self, pause: float, most: int) -> tuple[str, list[Noted]] | None:
        """Return what to write next, so many at most, once there is something; None at the end."""
        with self._changed:
            if pause and not self._closed:
                self._changed.wait_for(lambda: self._closed, pause)
            elif pause:  # at the end there is little time, yet nothing is asked without a pause
                self._changed.wait_for(lambda: not self._queue, min(pause, self._pauses[0]))
            self._changed.wait_for(lambda: self._queue or self._closed)
            if not self._queue:
                return None
            event = self._queue[0][0]
            same = takewhile(lambda item: item[0] == event, self._queue)
            return event, [reading for _, reading, _, _ in islice(same, most)]

    def _done(self, number: int, *, is_lost: bool = False) -> None:
        with self._changed:
            self._problem = ""
            # Closed meanwhile, the queue is empty, and what was in it counted as lost.
            done = [self._queue.popleft() for _ in range(min(number, len(self._queue)))]
            for event, _, _, receipt in done:
                receipt.waiting -= 1
                self._trail_waiting -= event in TRAIL_EVENTS
            if is_lost:
                self._lose([(event, reading, receipt) for event, reading, _, receipt in done])
            self._changed.notify_all()
