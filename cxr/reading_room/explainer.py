"""Heatmaps of the open film by any method, computed in the background and cached.

One-pass methods are computed at once, in a thread all the same, so that a film never waits for its
map. A slow method first says how long it will take and begins when it is asked to; one at a time,
and only as long as the film is open.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from ..errors import fault
from ..films.radiograph import Radiograph
from ..heatmaps.heatmap import Heatmap
from ..heatmaps.methods import METHODS
from ..model import Model
from ..scoring.explain import StoppedError, expected_seconds, heatmaps
from ..scoring.heat_in_lungs import HeatInLungs, heat_in_lungs
from .lane import Lane

__all__ = ["KEPT", "Explainer", "State"]

logger = logging.getLogger(__name__)

#: Maps that are remembered. A map is a grid of 64 x 64 numbers at most, 16 kB.
KEPT = 256
#: Seconds that a caller waits for a map of one pass before it does without.
PATIENCE = 0.3


class State(NamedTuple):
    """How far a method is with a film.

    Attributes
    ----------
    kind : one of ['ready', 'timing', 'offered', 'running', 'stopped', 'failed']
        "ready"; "timing": how long it will take is being measured; "offered": that is known, and it
        waits to be asked for; "running"; "stopped", which waits to be asked for again; "failed".
    heatmap : Heatmap or None
        The map, once it is ready.
    seconds : float or None
        Expected time in all; None if not known.
    share : float
        Share of the passes that are done, in [0, 1].
    message : str
        Why it failed, in words for people.
    heat : HeatInLungs or None
        Where the heat of the map lies.
    """

    kind: Literal["ready", "timing", "offered", "running", "stopped", "failed"]
    heatmap: Heatmap | None = None
    seconds: float | None = None
    share: float = 0.0
    message: str = ""
    heat: HeatInLungs | None = None


class _Key(NamedTuple):
    weights: str
    film: str
    method: str


@dataclass(eq=False)
class _Job:
    """A slow map that is asked for."""

    key: _Key
    end: threading.Event = field(default_factory=threading.Event)
    share: float = 0.0


class Explainer:
    """Computes heatmaps for one reader.

    The caller has to know whether a film may have a map: a refused film has no score and so
    none, unless a reader has overridden the refusal.

    Parameters
    ----------
    wanted : callable
        Asked before each batch: False ends the work, as when the reader's tab is closed.
    """

    def __init__(self, *, wanted: Callable[[], bool] = lambda: True) -> None:
        self._wanted = wanted
        self._maps: OrderedDict[_Key, tuple[Heatmap, HeatInLungs]] = OrderedDict()
        self._seconds: dict[tuple[str, str], float] = {}
        self._notes: dict[_Key, State] = {}
        """Why a method has no map of the film that is open."""
        self._place: tuple[str, str] | None = None
        self._job: _Job | None = None
        self._quick, self._heavy = Lane(), Lane()
        self._lock = threading.Lock()

    @property
    def busy(self) -> bool:
        """Whether anything is under way."""
        return self._quick.busy or self._heavy.busy

    @property
    def working(self) -> str:
        """The slow method that is being computed; "" if none is."""
        job = self._job
        return job.key.method if job else ""

    def look_at(self, bundle: Model, film_sha256: str) -> None:
        """Tell which film is open, and with which model; work on any other one stops."""
        key = bundle.card.weights.sha256, film_sha256
        with self._lock:
            if key == self._place:
                return
            self._place = key
            self._notes.clear()
        self.stop()

    def state(self, bundle: Model, film_sha256: str, method: str) -> State:
        """Return how far a method is with a film; starts nothing."""
        key = _Key(bundle.card.weights.sha256, film_sha256, method)
        with self._lock:
            if key in self._maps:
                self._maps.move_to_end(key)
                heatmap, heat = self._maps[key]
                return State("ready", heatmap, heat=heat)
            seconds = self._seconds.get((key.weights, method))
            if self._job and self._job.key == key:
                return State("running", seconds=seconds, share=self._job.share)
            if key in self._notes:
                return self._notes[key]._replace(seconds=seconds)
        if not METHODS[method].slow:
            return State("running")
        return State("timing") if seconds is None else State("offered", seconds=seconds)

    def ask(self, bundle: Model, film: Radiograph, method: str) -> None:
        """Compute a one-pass map, or measure the time that a slow one takes.

        Parameters
        ----------
        bundle : Bundle
            The model.
        film : Radiograph
            The film that is open.
        method : str
            One of `cxr.heatmaps.methods.METHODS`.
        """
        key = _Key(bundle.card.weights.sha256, film.sha256, method)
        now, slow = self.state(bundle, film.sha256, method).kind, METHODS[method].slow
        if now == "timing":
            self._heavy.put((key.weights, method), lambda: self._time(bundle, key))
        elif now == "running" and not slow:
            self._quick.put(key, lambda: self._make(bundle, film, key))

    def wait(self, seconds: float | None = PATIENCE) -> None:
        """Wait for the one-pass maps, at most this long."""
        self._quick.join(seconds)

    def start(self, bundle: Model, film: Radiograph, method: str) -> None:
        """Compute a slow map, unless one is being computed already."""
        job = _Job(_Key(bundle.card.weights.sha256, film.sha256, method))
        with self._lock:
            if self._job or job.key in self._maps:
                return
            self._job = job
            self._notes.pop(job.key, None)
        # Not by its key: the same map may be asked for while the former attempt still ends.
        self._heavy.put(job, lambda: self._work(bundle, film, job), first=True)

    def stop(self) -> None:
        """Stop the slow map after the batch that is under way."""
        with self._lock:
            job, self._job = self._job, None
            if job:
                job.end.set()
                if self._place == (job.key.weights, job.key.film):
                    self._notes[job.key] = State("stopped")
        if job:
            self._heavy.drop(job)

    def join(self, seconds: float | None = None) -> bool:
        """Wait until nothing is under way; whether that came true in time."""
        return self._quick.join(seconds) and self._heavy.join(seconds)

    def _keep(self, key: _Key, film: Radiograph, heatmap: Heatmap, models: Path) -> None:
        heat = heat_in_lungs(film, heatmap, models)
        with self._lock:
            self._maps[key] = heatmap, heat
            while len(self._maps) > KEPT:
                self._maps.popitem(last=False)

    def _fail(self, key: _Key, error: Exception) -> None:
        logger.error("No map of film %s by %s: %s", key.film, key.method, fault(error))
        # What the package says of bad input needs no more words.
        told = str(error) if isinstance(error, ValueError) else ""
        title = METHODS[key.method].title
        message = told or f"{title} could not be worked out: {error}"
        with self._lock:
            if self._place in (None, (key.weights, key.film)):
                self._notes[key] = State("failed", message=message)

    def _make(self, bundle: Model, film: Radiograph, key: _Key) -> None:
        try:
            # Compiles what is needed, so that the price of the map is that of the pass alone.
            expected_seconds(bundle.network, key.method)
            (heatmap,) = heatmaps(bundle, [film], method=key.method)
            self._keep(key, film, heatmap, bundle.folder.parent)
        except Exception as error:  # a thread that dies in silence would leave the page waiting
            self._fail(key, error)

    def _time(self, bundle: Model, key: _Key) -> None:
        # What the reader looks at first is not to share the processor with a measurement.
        self._quick.join()
        if not self._wanted():
            return
        try:
            seconds = expected_seconds(bundle.network, key.method)
            with self._lock:
                self._seconds[key.weights, key.method] = seconds
        except Exception as error:
            self._fail(key, error)

    def _work(self, bundle: Model, film: Radiograph, job: _Job) -> None:
        def progress(done: float, total: float) -> None:
            job.share = done / total

        def stopped() -> bool:
            return job.end.is_set() or not self._wanted()

        try:
            (heatmap,) = heatmaps(
                bundle, [film], method=job.key.method, progress=progress, stopped=stopped
            )
            self._keep(job.key, film, heatmap, bundle.folder.parent)
        except StoppedError:
            pass
        except Exception as error:
            self._fail(job.key, error)
        with self._lock:
            if self._job is job:
                self._job = None
