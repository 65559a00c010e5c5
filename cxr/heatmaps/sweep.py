"""Many passes of a network over a film, in batches: progress, stopping, time told beforehand."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import CxrError
from ..progress import Progress

__all__ = ["BATCH", "Stopped", "StoppedError", "Sweep", "run", "seconds_of"]

#: Films in a pass. More gain nothing on two cores, and with them grows what a network holds in
#: memory and how long one waits for it to stop.
BATCH = 8
#: Films whose activations are held at a time.
FILMS_AT_ONCE = 8

Stopped = Callable[[], bool]
Floats = NDArray[np.float32]


class StoppedError(CxrError, RuntimeError):
    """The caller asked to stop."""

    code = "stopped"

    def __init__(self) -> None:
        super().__init__("Stopped before the heatmap was done.")


class Sweep(Protocol):
    """A method that changes each film in many ways and runs the network on every variant.

    Attributes
    ----------
    variants : int
        Number of variants of each film.
    passes : int
        Forward passes that one variant costs.
    """

    variants: int
    passes: int

    def start(self, films: Floats) -> Any:
        """Compute what is needed once a film."""

    def evaluate(self, state: Any, film: NDArray[np.intp], variant: NDArray[np.intp]) -> Floats:
        """Run the network on variants of films, by their numbers: (batch, ...)."""

    def finish(self, state: Any, results: Floats) -> Floats:
        """Make maps of what came out: (films, variants, ...) to (films, rows, columns)."""


def run(
    sweep: Sweep, films: Floats, progress: Progress | None = None, stopped: Stopped | None = None
) -> Floats:
    """Run a method over films, the variants of all of them in common batches.

    Parameters
    ----------
    sweep : Sweep
        The method.
    films : numpy.ndarray of float32
        (films, height, width, channels), as the network takes them.
    progress : Progress, optional
        Called with the number of forward passes done and their total, first with none done.
    stopped : Stopped, optional
        Asked before each batch.

    Returns
    -------
    numpy.ndarray
        (films, rows, columns).

    Raises
    ------
    StoppedError
        If `stopped` said so.
    """
    total = len(films) * sweep.variants
    done = 0
    if progress:
        progress(0, total * sweep.passes)
    parts = []
    for first in range(0, len(films), FILMS_AT_ONCE):
        if stopped and stopped():
            raise StoppedError
        some = films[first : first + FILMS_AT_ONCE]
        state = sweep.start(some)
        results = []
        for start in range(0, len(some) * sweep.variants, BATCH):
            if stopped and stopped():
                raise StoppedError
            number = np.arange(start, min(start + BATCH, len(some) * sweep.variants))
            results.append(sweep.evaluate(state, *np.divmod(number, sweep.variants)))
            done += len(number)
            if progress:
                progress(done * sweep.passes, total * sweep.passes)
        every = np.concatenate(results)
        every = every.reshape(len(some), sweep.variants, *every.shape[1:])
        parts.append(sweep.finish(state, every))
    return np.concatenate(parts)


def seconds_of(sweep: Sweep, films: Floats) -> float:
    """Measure one warm batch: seconds of a variant of these films, of which one is enough."""
    state = sweep.start(films)
    number = np.arange(min(BATCH, len(films) * sweep.variants))
    where = np.divmod(number, sweep.variants)
    sweep.evaluate(state, *where)  # the first call also compiles
    start = time.perf_counter()
    sweep.evaluate(state, *where)
    return (time.perf_counter() - start) / len(number)
