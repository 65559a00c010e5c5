"""How far a list is that is scored in the background, while its reader reads the first films."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..stats.wording import count
from .batch import Portion
from .entry import Entry
from .service import ScoringService, scoring_service
from .worklist import Worklist

__all__ = ["Scorer", "ScoringProgress"]

logger = logging.getLogger(__name__)

#: Films that may fail one after the other: then it is not the films.
MOST_FAILURES = 3


@dataclass(frozen=True)
class ScoringProgress:
    """How far the scoring of a list is.

    Attributes
    ----------
    done : int
        Films done.
    total : int
        Films in the list.
    seconds_left : float or None
        Estimate; None until the first films are done.
    """

    done: int
    total: int
    seconds_left: float | None


class Scorer:
    """Has the waiting films of one list scored by the service, and says how far it is.

    Parameters
    ----------
    worklist : Worklist
        The list; films may be added while it is scored.
    wanted : callable
        Asked before each batch: False ends the work, as when the reader's tab is closed.
    scored : callable
        Called with each film that got its prediction, in the service's thread.
    service : ScoringService, optional
        What scores them (default: that of the process).
    """

    def __init__(
        self,
        worklist: Worklist,
        *,
        wanted: Callable[[], bool] = lambda: True,
        scored: Callable[[Entry], None] = lambda entry: None,
        service: ScoringService | None = None,
    ) -> None:
        self.worklist = worklist
        self.paused = False
        self.error = ""
        """Why films could not be scored, for people; empty if none failed."""
        self._wanted = wanted
        self._scored = scored
        self._service = service or scoring_service()
        self._failed: set[Entry] = set()
        self._in_a_row = 0  # films that failed since one was scored
        self._began = 0.0
        self._before = 0

    @property
    def busy(self) -> bool:
        """Whether films are being scored, or wait for their turn."""
        return self._service.has(self)

    @property
    def readers(self) -> int:
        """How many readers, this one among them, have films scored at the moment."""
        return self._service.readers

    @property
    def pending(self) -> bool:
        """Whether films are being scored, or will be once `start` is called."""
        return self.busy or self._has_work()

    @property
    def progress(self) -> ScoringProgress:
        """How far the scoring of the list is."""
        total, waiting = len(self.worklist), len(self.worklist.waiting)
        done = total - waiting
        new = done - self._before
        seconds = None if new <= 0 else (time.monotonic() - self._began) / new * waiting
        return ScoringProgress(done, total, seconds)

    @property
    def failed(self) -> frozenset[Entry]:
        """Films that could not be scored, and will not be unless the reader has them go on."""
        return frozenset(self._failed)

    def start(self) -> None:
        """Have the films scored that wait, unless they are paused or failed."""
        if not self._has_work():
            return
        if not self.busy:
            self._began = time.monotonic()
            self._before = len(self.worklist) - len(self.worklist.waiting)
        # Whether it is busy or not: it may be at its end, and would not see the newest films.
        self._service.put(self)

    def pause(self) -> None:
        """Stop after the films that are under way."""
        self.paused = True

    def go_on(self) -> None:
        """Continue after a pause or a failure."""
        self._failed, self._in_a_row = set(), 0
        self.paused, self.error = False, ""
        self.start()

    def close(self) -> None:
        """Stop, and leave the queue at once."""
        self.pause()
        self._service.drop(self)

    def join(self, seconds: float | None = None) -> bool:
        """Wait until nothing is under way; whether that came true in time."""
        return self._service.wait(self, seconds)

    def wait_for(self, entry: Entry, seconds: float) -> bool:
        """Wait until a film is scored, or nothing is under way; whether that came true in time.

        With the last film of the list that is one moment: what is asked after it, as `pending`,
        tells that all is done.
        """

        def scored() -> bool:
            return not entry.waits and bool(self.worklist.waiting)

        return self._service.wait(self, seconds, enough=scored)

    def _has_work(self) -> bool:
        return self._goes_on and any(e not in self._failed for e in self.worklist.waiting)

    @property
    def _goes_on(self) -> bool:
        return not self.paused and self._in_a_row < MOST_FAILURES

    def offer(self) -> Portion | None:
        """Return the films to score next; None after a pause, and once nobody wants them."""
        if not self._goes_on or not self._wanted():
            return None
        return self.worklist.portion(without=self._failed, most=self._service.most)

    def tell(self, entries: Sequence[Entry]) -> None:
        """Log the films that were scored, and tell of each."""
        for entry in entries:
            self._in_a_row = 0
            _note(entry)
            self._scored(entry)

    def fail(self, entry: Entry, error: Exception) -> None:
        """Leave a film out that could not be scored; after some in a row, the rest of the list."""
        self._failed.add(entry)
        self._in_a_row += 1
        number = len(self._failed)
        left = f"{count(number)} could not be scored"
        self.error = f"{left}: {error}"


def _note(entry: Entry) -> None:
    """Log that a film was scored or refused, by hashes and codes alone."""
    for assessment in entry.assessments.values():
        if (prediction := assessment.prediction) is None:
            continue
        said = f"refused ({prediction.refusal.code})" if prediction.refusal else "scored"
        film, weights = entry.sha256 or "unread", prediction.model_sha256[:12]
        logger.info("Film %s, weights %s: %s", film, weights, said)
