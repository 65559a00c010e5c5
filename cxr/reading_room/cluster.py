"""Films of all readers scored on a Ray cluster, where ``CXR_RAY`` names one.

The dashboard reads the films and sends what the networks see of them. It is a process of its own
that speaks with the cluster: Ray ends the process that is connected to it if the head node is gone
for a minute, and that must not be the dashboard. It is started anew with the next films.

No film is scored here in silence where a cluster is asked for: if none can be worked with, films
are not scored, and the list says why.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from ..bulk.cluster import PATIENCE, ClusterError, Request, cluster_error, connected
from ..errors import CxrError, fault
from ..films.radiograph import Radiograph
from ..model import Model
from ..process import Process
from ..scoring import automatic
from ..scoring.predict import Prediction
from ..scoring.seen import Needs, SeenFilm, see
from .batch import BATCH, Portion, score_together
from .entry import Entry

__all__ = ["SETTING", "ClusterScorer", "cluster_address"]

logger = logging.getLogger(__name__)

#: The environment variable that names the address.
SETTING = "CXR_RAY"
#: Seconds that films may take, however often they were begun again.
LIMIT = 60
#: Workers that a few films may end before they are given up.
TRIES = 3
#: Films, and the findings of each whose refusal a reader has overridden.
Asked = Sequence[tuple[SeenFilm, Collection[str]]]
Said = list[dict[str, Prediction]]


def cluster_address() -> str:
    """Return the address of the cluster that scores films; "" where they are scored here."""
    return os.environ.get(SETTING, "")


class ClusterScorer:
    """Scores portions of films on a cluster: what a `ScoringService` scores with.

    Parameters
    ----------
    address : str
        As for `cxr.bulk.cluster.connected`.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._lock = threading.Lock()
        self._process: Process | None = None
        self._workers = 1

    @property
    def most(self) -> int:
        """Films in a batch: what all workers score at a time."""
        return BATCH * self._workers

    def __call__(self, portions: Sequence[Portion]) -> list[list[Entry]]:
        """Score films of lists, see `cxr.reading_room.batch.score_together`."""
        return score_together(portions, self.predict)

    def predict(
        self,
        models: Sequence[Model],
        films: Sequence[Radiograph],
        *,
        operating_point: str | None = None,
        heatmaps: bool = False,
        overridden: Mapping[str, Collection[int]] | None = None,
    ) -> Said:
        """Score films, see `cxr.scoring.automatic.predict`.

        Raises
        ------
        ClusterError
            If the cluster cannot be worked with.
        """
        if not films:
            return []
        request, needs = Request.of(models, operating_point, heatmaps=heatmaps), Needs.of(models)
        asked = []
        for i, film in enumerate(films):
            findings = tuple(of for of, places in (overridden or {}).items() if i in places)
            asked.append((see(film, needs, overridden=bool(findings)), findings))
        said: Said = self._ask((request, asked))
        return said

    def _ask(self, asked: tuple[Request, Asked]) -> Any:
        with self._lock:
            try:
                if self._process is None:
                    self._process = Process(_serve, self.address)
                    self._workers = max(1, self._answer(None))
                return self._answer(asked)
            except (EOFError, OSError) as error:
                if isinstance(error, ClusterError) and error.code not in ("unreachable", "busy"):
                    raise
                self._end()
                if isinstance(error, ClusterError):
                    raise
                text = f"The Ray cluster at {self.address} no longer answers."
                raise ClusterError(text, code="unreachable") from error

    def _answer(self, asked: object) -> Any:
        assert self._process is not None
        # Longer than the other process itself waits.
        answer = self._process.ask(asked, LIMIT + 3 * PATIENCE)
        if isinstance(answer, ClusterError):
            raise answer
        return answer

    def _end(self) -> None:
        if self._process is not None:
            self._process.end()
        self._process = None

    def close(self) -> None:
        """Leave the cluster."""
        with self._lock:
            self._end()


def _serve(pipe: Connection, address: str) -> None:
    """Pass on what is asked, until the other end is closed; the first question has no films."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with connected(address) as processors:
            pipe.recv()
            pipe.send(processors)
            workers = Workers(processors)
            while True:
                request, films = pipe.recv()
                try:
                    answer: Said | ClusterError = workers.predict(request, films)
                except ClusterError as error:
                    answer = error
                except Exception as error:  # noqa: BLE001 - told where the films are wanted
                    logger.error("A cluster could not score: %s", fault(error))
                    answer = ClusterError("The cluster ended the work.")
                pipe.send(answer)
    except ClusterError as error:
        pipe.recv()
        pipe.send(error)
    except (EOFError, OSError):
        return


class FilmWorker:
    """A worker of the cluster: an actor that loads models as they are asked for."""

    def __init__(self) -> None:
        self._models: dict[tuple[tuple[str, ...], ...], list[Model]] = {}

    def ready(self) -> None:
        """Answer, to say that it is up."""

    def predict(self, request: Request, films: Asked) -> Said | ClusterError:
        """Score films; what it cannot do it answers with."""
        try:
            asked = request.weights, tuple(site.sha256 for site in request.sites)
            if asked not in self._models:
                self._models[asked] = request.load()
            places = {
                finding: [i for i, (_, findings) in enumerate(films) if finding in findings]
                for finding in {finding for _, findings in films for finding in findings}
            }
            return automatic.predict(
                self._models[asked],
                [film for film, _ in films],
                operating_point=request.operating_point,
                heatmaps=request.heatmaps,
                overridden=places,
            )
        except CxrError as error:
            return cluster_error(error)


@dataclass(eq=False)
class _Share:
    """Films for one worker, and where they are among all."""

    start: int
    films: Asked
    ended: int = 0


class Workers:
    """The actors of this dashboard on the cluster, one for each processor.

    Parameters
    ----------
    number : int
        Of actors.
    """

    def __init__(self, number: int) -> None:
        import ray

        self._ray = ray
        # Who ends is begun again where there is room; what it had in hand another may have sooner.
        self._actor = ray.remote(num_cpus=1, max_restarts=-1, max_task_retries=0)(FilmWorker)
        self._idle: list[Any] = []
        self._coming: dict[Any, Any] = {}
        for _ in range(number):
            self._await(self._actor.remote())

    def _await(self, actor: Any) -> None:
        self._coming[actor.ready.remote()] = actor

    def _welcome(self, seconds: float) -> None:
        """Take in the actors that are up, and wait for one as long as there is none."""
        deadline = time.monotonic() + seconds
        while self._coming:
            coming = list(self._coming)
            left = max(0.0, deadline - time.monotonic())
            self._ray.wait(coming, num_returns=1, timeout=left)
            up, _ = self._ray.wait(coming, num_returns=len(coming), timeout=0)
            for answer in up:
                self._take_in(answer)
            if self._idle or not left:
                return
            time.sleep(0.1)

    def _take_in(self, answer: Any) -> None:
        actor = self._coming.pop(answer)
        try:
            self._ray.get(answer)
        except self._ray.exceptions.ActorDiedError:
            self._await(self._actor.remote())
        except self._ray.exceptions.RayActorError:
            self._await(actor)
        else:
            self._idle.append(actor)

    def predict(self, request: Request, films: Asked) -> Said:
        """Share films out; return what is said of each, in request.

        Raises
        ------
        ClusterError
            If no worker comes up, if the same films end several, or if one cannot score.
        """
        waiting = deque(_Share(i, films[i : i + BATCH]) for i in range(0, len(films), BATCH))
        running: dict[Any, tuple[Any, _Share]] = {}
        said: Said = [{} for _ in films]
        while waiting or running:
            self._welcome(0 if self._idle or running else PATIENCE)
            while waiting and self._idle:
                actor, share = self._idle.pop(), waiting.popleft()
                running[actor.predict.remote(request, share.films)] = actor, share
            if not running:
                raise ClusterError("No processor of the cluster is free.", code="busy")
            done, _ = self._ray.wait(list(running), num_returns=1, timeout=LIMIT)
            if not done:
                raise ClusterError("The cluster has not answered in a minute.", code="busy")
            actor, share = running.pop(done[0])
            try:
                answer = self._ray.get(done[0])
            except self._ray.exceptions.RayActorError:
                logger.warning("A worker of the cluster ended; its films are scored again")
                self._await(actor)
                share.ended += 1
                if share.ended >= TRIES:
                    text = f"Films ended {TRIES} workers of the cluster."
                    raise ClusterError(text) from None
                waiting.appendleft(share)
                continue
            self._idle.append(actor)
            if isinstance(answer, ClusterError):
                raise answer
            said[share.start : share.start + len(share.films)] = answer
        return said
