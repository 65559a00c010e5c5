"""Films read and made small in processes of their own, in order, a few batches ahead.

A process has no more of the package than reading takes: neither TensorFlow nor ONNX Runtime. One
that is killed, or that the system ends for want of memory, is replaced, and its batch read again
film by film; a film that ends two processes is told as one that cannot be read.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Self

from threadpoolctl import threadpool_limits

from ..errors import CxrError, fault
from ..films.radiograph import RadiographError, read
from ..process import Process
from ..scoring.refusal import Refusal
from ..scoring.seen import Needs, SeenFilm, see

__all__ = ["ReaderError", "Readers", "processes", "read_and_see"]

logger = logging.getLogger(__name__)

#: Batches that wait to be scored, for each process.
AHEAD = 2
ENDED = Refusal(
    "unreadable",
    "Reading the file ended the process that read it, as when memory is short. Copy or export it "
    "again, and try it alone.",
)
Seen = SeenFilm | Refusal


class ReaderError(CxrError, RuntimeError):
    """The processes that read films cannot be started."""

    code = "readers"


def processes() -> int:
    """Say how many processes read films: one for each processor that this one may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def read_and_see(path: str, needs: Needs) -> Seen:
    """Read a film and make of it what models need; a refusal where it cannot be read."""
    try:
        return see(read(path), needs)
    except RadiographError as error:
        return Refusal(error.code, error.reason)


class Readers:
    """Processes that read films. A context manager, at whose end they are gone.

    Parameters
    ----------
    needs : Needs
        Of the models.
    number : int
        Of processes. With 0 the films are read in this one.
    """

    def __init__(self, needs: Needs, number: int) -> None:
        self.needs, self.number = needs, number
        self._here = threading.local()
        self._workers: set[Process] = set()
        self._lock = threading.Lock()
        self._over = False
        self._threads = ThreadPoolExecutor(number, "reader") if number else None

    def read(self, batches: Iterable[Sequence[str]]) -> Iterator[tuple[Sequence[str], list[Seen]]]:
        """Yield batches of paths with what was seen of each film, in order."""
        if self._threads is None:
            for batch in batches:
                yield batch, [read_and_see(path, self.needs) for path in batch]
            return
        ahead: deque[tuple[Sequence[str], Future[list[Seen]]]] = deque()
        for batch in batches:
            ahead.append((batch, self._threads.submit(self._ask, batch)))
            if len(ahead) > AHEAD * self.number:
                first, future = ahead.popleft()
                yield first, future.result()
        for first, future in ahead:
            yield first, future.result()

    def _ask(self, batch: Sequence[str]) -> list[Seen]:
        """Have a batch read by the process of this thread."""
        # Where a path leads must not hang on a process's folder.
        paths = [str(Path(path).absolute()) for path in batch]
        seen = self._try(paths)
        if seen is None and len(paths) > 1:
            logger.warning("A process that read films ended; its batch is read film by film")
            return [film for path in paths for film in self._ask([path])]
        seen = seen or self._try(paths)
        if seen is None:
            logger.warning("A film ended two processes that read it")
            return [ENDED]
        return seen

    def _try(self, paths: list[str]) -> list[Seen] | None:
        """Return what a process says; None if it ended."""
        worker = self._worker()
        try:
            answer = worker.ask(paths)
        except (EOFError, OSError):
            with self._lock:
                self._workers.discard(worker)
            worker.end()
            self._here.worker = None
            if self._over:
                raise ReaderError("Reading was stopped.") from None
            return None
        if isinstance(answer, BaseException):
            raise answer
        return list(answer)

    def _worker(self) -> Process:
        worker: Process | None = getattr(self._here, "worker", None)
        if worker is None:
            with self._lock:
                if self._over:
                    raise ReaderError("Reading was stopped.")
                worker = Process(_serve, self.needs)
                self._workers.add(worker)
            self._here.worker = worker
        return worker

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._threads is None:
            return
        with self._lock:
            self._over = True
            for worker in self._workers:
                worker.end()
        self._threads.shutdown(wait=True, cancel_futures=True)


def _serve(pipe: Connection, needs: Needs) -> None:
    """Read the films that are asked for until the other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the other end hears of it
    threadpool_limits(1, user_api="blas")  # there are as many processes as processors
    while True:
        try:
            paths = pipe.recv()
        except (EOFError, OSError):
            return
        answer: list[Seen] | BaseException
        try:
            answer = [read_and_see(path, needs) for path in paths]
        except Exception as error:  # noqa: BLE001 - raised where the films are wanted
            logger.warning("Films could not be read: %s", fault(error))
            answer = error
        try:
            pipe.send(answer)
        except OSError:
            return
