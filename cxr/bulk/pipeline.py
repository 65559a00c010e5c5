"""The way of many films: read ahead in processes, scored in batches, given back in order.

Batches are scored side by side, one for each processor, by networks of one thread each: the
threads of a single pass take about a third more processor time than one thread, since they wait
for each other in every layer.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple, TypeVar

from threadpoolctl import threadpool_limits

from ..networks.engine import side_by_side, threads
from ..scoring import automatic
from ..scoring.classifier import Classifier
from ..scoring.predict import FILES_AT_ONCE, Prediction, batches
from ..scoring.refusal import Refusal
from ..scoring.seen import Needs, SeenFilm
from .reading import Readers, processes

__all__ = ["FEW", "Scored", "score_batch", "score_many"]

T = TypeVar("T")
S = TypeVar("S")
#: Films that are read in this process: starting others would take longer.
FEW = 16


class Scored(NamedTuple):
    """A film with what models say of it.

    Attributes
    ----------
    path : str
        As it was given.
    film : SeenFilm or None
        None if the file cannot be read.
    predictions : dict of str to Prediction
        By finding.
    """

    path: str
    film: SeenFilm | None
    predictions: dict[str, Prediction]


def score_many(
    models: Sequence[Classifier],
    paths: Sequence[str],
    *,
    operating_point: str | None = None,
    heatmaps: bool = False,
    readers: int | None = None,
    scorers: int | None = None,
) -> Iterator[list[Scored]]:
    """Read and score files by several models.

    Parameters
    ----------
    models : sequence of Classifier
        One per finding.
    paths : sequence of str
        Files.
    operating_point : str, optional
        Name of an operating point that each card has (default: each card's default).
    heatmaps : bool, default: False
        Whether each prediction brings its Grad-CAM, and each film its pixels.
    readers : int, optional
        Processes that read; 0 to read in this one (default: by the number of files).
    scorers : int, optional
        Batches that are scored at a time (default: one for each processor).

    Yields
    ------
    list of Scored
        A batch, the films in order.
    """
    if readers is None:
        readers = 0 if len(paths) <= FEW else processes()
    if scorers is None:
        scorers = max(1, min(threads(), math.ceil(len(paths) / FILES_AT_ONCE)))

    def score(batch: tuple[Sequence[str], list[SeenFilm | Refusal]]) -> list[Scored]:
        names, seen = batch
        predictions = score_batch(models, seen, operating_point, heatmaps=heatmaps)
        return [
            Scored(path, film if isinstance(film, SeenFilm) else None, said)
            for path, film, said in zip(names, seen, predictions, strict=True)
        ]

    with (
        side_by_side(scorers),
        # The few products of NumPy are small: its threads would wait for a processor, and spin.
        threadpool_limits(1, user_api="blas"),
        Readers(Needs.of(models, film=heatmaps), readers) as pool,
    ):
        yield from _in_order(score, pool.read(batches(paths, FILES_AT_ONCE)), scorers)


def _in_order(work: Callable[[T], S], items: Iterable[T], number: int) -> Iterator[S]:
    """Do a work on items, so many at a time in threads; yield what comes of each, in order."""
    if number == 1:
        yield from map(work, items)
        return
    pending: deque[Future[S]] = deque()
    pool = ThreadPoolExecutor(number, "scorer")
    try:
        for item in items:
            pending.append(pool.submit(work, item))
            # One more than are worked on, so that nobody waits for the next.
            if len(pending) > number:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def score_batch(
    models: Sequence[Classifier],
    seen: Iterable[SeenFilm | Refusal],
    operating_point: str | None = None,
    *,
    heatmaps: bool = False,
) -> list[dict[str, Prediction]]:
    """Score a batch of films, wherever they were read.

    Parameters
    ----------
    models : sequence of Classifier
        One per finding.
    seen : iterable of SeenFilm or Refusal
        Films, a few dozen at most; a refusal in the place of one that cannot be read.
    operating_point, heatmaps
        As for `score_many`.

    Returns
    -------
    list of dict of str to Prediction
        Per film a prediction by finding.
    """
    seen = list(seen)
    films = [film for film in seen if isinstance(film, SeenFilm)]
    said = iter(
        automatic.predict(models, films, operating_point=operating_point, heatmaps=heatmaps)
    )
    return [
        automatic.unread(models, film, operating_point) if isinstance(film, Refusal) else next(said)
        for film in seen
    ]
