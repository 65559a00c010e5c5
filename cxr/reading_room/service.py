"""One scoring service in a process for all readers: it forms batches and keeps the order fair."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from functools import cache
from typing import Protocol

from ..errors import fault
from .batch import BATCH, Portion, score_together
from .cluster import ClusterScorer, cluster_address
from .entry import Entry

__all__ = ["Reader", "ScoringService", "scoring_service"]

logger = logging.getLogger(__name__)

_making = threading.Lock()


class Reader(Protocol):
    """Who has films scored. All of it is called in the service's thread."""

    def offer(self) -> Portion | None:
        """Return the films to score next; None if there are none, or nobody wants them any more."""
        ...

    def tell(self, entries: Sequence[Entry]) -> None:
        """Take note of films that were scored."""
        ...

    def fail(self, entry: Entry, error: Exception) -> None:
        """Take note of a film that could not be scored; it is not to be offered again."""
        ...


class ScoringService:
    """Scores films of all readers, batch by batch, in one thread.

    The queue holds readers, and a reader's films are asked for when their turn comes: those of a
    list that was closed, or has other models now, are in no queue that they had to be removed from.
    A batch begins with the reader who has waited longest. What room it leaves goes to the others
    by turns, film by film, as far as the same networks score them; a film that its reader has open
    shares its batch with such films alone. Who had films in a batch goes to the end of the queue: a
    reader waits for at most one batch of each of the others.

    No film is missed: a reader is taken out of the queue before its films are asked for, so that
    one who is added meanwhile is asked again, and the thread never ends while it may be needed.

    Parameters
    ----------
    score : callable, default: `cxr.reading_room.batch.score_together`
        Scores portions together; returns the films of each that have their prediction.
    most : callable
        Says how many films a batch may have (default: 4).
    """

    def __init__(
        self,
        score: Callable[[Sequence[Portion]], list[list[Entry]]] = score_together,
        *,
        most: Callable[[], int] = lambda: BATCH,
    ) -> None:
        self._score = score
        self._most = most
        # The queue, and who was taken out of it for the batch under way. Of each the order counts.
        self._queue: dict[Reader, None] = {}
        self._asked: dict[Reader, None] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    @property
    def most(self) -> int:
        """Films that a batch may have."""
        return self._most()

    def put(self, reader: Reader) -> None:
        """Have a reader's films scored; of no effect if they are already queued."""
        with self._changed:
            self._queue.setdefault(reader)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="scoring", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def drop(self, reader: Reader) -> None:
        """Forget a reader whose list was closed; films in the batch under way are finished."""
        with self._changed:
            self._queue.pop(reader, None)
            self._changed.notify_all()

    @property
    def readers(self) -> int:
        """How many readers have films queued or being scored."""
        with self._changed:
            return len(self._queue.keys() | self._asked.keys())

    def has(self, reader: Reader) -> bool:
        """Whether a reader's films are queued or being scored."""
        with self._changed:
            return self._has(reader)

    def wait(
        self,
        reader: Reader,
        seconds: float | None = None,
        *,
        enough: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Wait until a reader has nothing queued; whether that came true in time.

        Parameters
        ----------
        reader : Reader
            Whose films they are.
        seconds : float, optional
            At most (default: as long as it takes).
        enough : callable
            Asked after each batch, while the queue stands still: True ends the waiting too.
        """
        with self._changed:
            return self._changed.wait_for(lambda: not self._has(reader) or enough(), seconds)

    def close(self) -> None:
        """End the thread after the batch under way; the service is of no use then."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            thread = self._thread
        if thread:
            thread.join()

    def _has(self, reader: Reader) -> bool:
        return reader in self._queue or reader in self._asked

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._closed)
                if self._closed:
                    return
                self._asked, self._queue = self._queue, {}
                readers = list(self._asked)
            waiting: list[Reader] = []
            served: list[Reader] = []
            try:
                offers = self._offers(readers)
                portions = self._form(offers)
                waiting = [reader for reader in offers if reader not in portions]
                served = list(portions)
                if portions:
                    self._do(portions)
            except Exception as error:  # a thread that dies would leave all readers waiting
                logger.error("A batch of the scoring service failed: %s", fault(error))
            with self._changed:
                self._asked = {}
                # Who got nothing has waited longest; who was served is last, if added again or not.
                new = [reader for reader in self._queue if reader not in served]
                self._queue = dict.fromkeys([*waiting, *new, *served])
                self._changed.notify_all()

    def _offers(self, readers: Sequence[Reader]) -> dict[Reader, Portion]:
        offers: dict[Reader, Portion] = {}
        for reader in readers:
            try:
                if (portion := reader.offer()) and portion.entries:
                    offers[reader] = portion
            except Exception as error:  # the others are not to wait for it
                logger.error("A list could not be asked for films: %s", fault(error))
        return offers

    def _form(self, offers: dict[Reader, Portion]) -> dict[Reader, Portion]:
        """Choose a batch: a film of each reader in turn, first of the one who waits longest."""
        if not offers:
            return {}
        first = next(iter(offers.values()))
        joined = {
            reader: portion
            for reader, portion in offers.items()
            if portion is first
            or (portion.goes_with(first) and (portion.urgent or not first.urgent))
        }
        most = self.most
        turns = [
            reader
            for place in range(most)
            for reader, portion in joined.items()
            if place < len(portion.entries)
        ][:most]
        return {
            reader: portion.only(portion.entries[: turns.count(reader)])
            for reader, portion in joined.items()
            if reader in turns
        }

    def _do(self, portions: dict[Reader, Portion]) -> None:
        """Score a batch; if that fails, its films one by one, so that one film fails alone."""
        try:
            done = self._score(list(portions.values()))
        except Exception as error:
            alone = [(r, p.only([e])) for r, p in portions.items() for e in p.entries]
            if len(alone) == 1:
                self._fail(*alone[0], error)
                return
            logger.error("A batch failed and is scored film by film: %s", fault(error))
            for reader, portion in alone:
                self._do({reader: portion})
            return
        for reader, entries in zip(portions, done, strict=True):
            try:
                reader.tell(entries)
            except Exception as error:
                logger.error("Films were scored and their list was not told: %s", fault(error))

    def _fail(self, reader: Reader, portion: Portion, error: Exception) -> None:
        logger.error("A film was not scored: %s", fault(error))
        reader.fail(portion.entries[0], error)


@cache
def _service_at(address: str) -> ScoringService:
    if not address:
        return ScoringService()
    scorer = ClusterScorer(address)
    return ScoringService(scorer, most=lambda: scorer.most)


def scoring_service() -> ScoringService:
    """Return the service of this process: it scores here, or on the cluster of ``CXR_RAY``."""
    with _making:
        return _service_at(cluster_address())
