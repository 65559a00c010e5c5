"""A worklist scored in the background, so that the first film is read while the rest are scored."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from ..errors import fault
from .entry import Entry
from .worklist import Worklist

__all__ = ["Scorer", "ScoringProgress"]

logger = logging.getLogger(__name__)


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
    """Scores the waiting films of a list, in a thread of its own.

    Parameters
    ----------
    worklist : Worklist
        The list; films may be added while it is scored.
    wanted : callable
        Asked before each step: False ends the work, as when the reader's tab is closed.
    scored : callable
        Called with each film that got its prediction, in the thread.
    """

    def __init__(
        self,
        worklist: Worklist,
        *,
        wanted: Callable[[], bool] = lambda: True,
        scored: Callable[[Entry], None] = lambda entry: None,
    ) -> None:
        self.worklist = worklist
        self.paused = False
        self.error = ""
        """What stopped the work, for people; empty if nothing did."""
        self._wanted = wanted
        self._scored = scored
        self._thread: threading.Thread | None = None
        # Whether the thread still takes work: decided under the lock by the thread alone, so that
        # no film is handed to one that has just looked for the last time.
        self._running = False
        self._lock = threading.Lock()
        self._began = 0.0
        self._before = 0

    @property
    def busy(self) -> bool:
        """Whether films are being scored."""
        return self._running

    @property
    def pending(self) -> bool:
        """Whether films are being scored, or will be once `start` is called."""
        return self._running or self._has_work()

    @property
    def progress(self) -> ScoringProgress:
        """How far the scoring of the list is."""
        total, waiting = len(self.worklist), len(self.worklist.waiting)
        done = total - waiting
        new = done - self._before
        seconds = None if new <= 0 else (time.monotonic() - self._began) / new * waiting
        return ScoringProgress(done, total, seconds)

    def start(self) -> None:
        """Score the films that wait, unless that is under way, paused or failed."""
        with self._lock:
            if self._running or not self._has_work():
                return
            self._running = True
            self._began = time.monotonic()
            self._before = len(self.worklist) - len(self.worklist.waiting)
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()

    def pause(self) -> None:
        """Stop after the films that are under way."""
        self.paused = True

    def go_on(self) -> None:
        """Continue after a pause or a failure."""
        self.paused, self.error = False, ""
        self.start()

    def join(self) -> None:
        """Wait until nothing is under way."""
        if self._thread:
            self._thread.join()

    def _has_work(self) -> bool:
        return not self.paused and not self.error and bool(self.worklist.waiting)

    def _run(self) -> None:
        closed = False
        while True:
            try:
                closed = not self._score()
            except Exception as error:  # a thread that dies in silence would leave films waiting
                logger.error("Scoring stopped: %s", fault(error))
                self.error = f"The films could not be scored: {error}"
            with self._lock:
                if closed or not self._has_work():
                    self._running = False
                    return

    def _score(self) -> bool:
        """Score what waits, or until a pause; whether anybody wants more."""
        told = {key for entry in self.worklist.entries if (key := _key(entry))}
        for _ in self.worklist.score():
            for entry in list(self.worklist.entries):
                if (key := _key(entry)) and key not in told:
                    told.add(key)
                    _note(entry)
                    self._scored(entry)
            if not self._wanted():
                return False
            if self.paused:
                break
        return True


def _note(entry: Entry) -> None:
    """Log that a film was scored or refused, by hashes and codes alone."""
    for assessment in entry.assessments.values():
        if (prediction := assessment.prediction) is None:
            continue
        said = f"refused ({prediction.refusal.code})" if prediction.refusal else "scored"
        film, weights = entry.sha256 or "unread", prediction.model_sha256[:12]
        logger.info("Film %s, weights %s: %s", film, weights, said)


def _key(entry: Entry) -> tuple[object, ...] | None:
    """Tell one scoring of a film from another: by other models, or with a refusal overridden."""
    predictions = [assessment.prediction for assessment in entry.assessments.values()]
    said = [(p.model, p.model_sha256, p.overridden) for p in predictions if p]
    return (entry.number, *said) if len(said) == len(predictions) else None
