"""The same on a Ray cluster: Ray Data hands films out, a worker for each processor scores them.

A worker is an actor that loads its models once. It reads films by their paths, which have to lead
to the same files on every node, and answers with what is kept of them, a few hundred bytes a film.
One that ends, with its node or by a film, is begun again, and what it had in hand is scored again,
by it or by another. A worker that was begun again reads in a process of its own: if a film ended
it, that film is told as one that cannot be read.

Ray is not imported before a cluster is asked for.
"""

from __future__ import annotations

import importlib.util
import logging
import math
import os
import pickle
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import CxrError
from ..model import Model, load
from ..scoring.bundle import models_folder
from ..scoring.classifier import Classifier
from ..scoring.predict import FILES_AT_ONCE, batches
from ..scoring.seen import Needs, SeenFilm
from ..scoring.site_file import SiteFile, apply_sites
from .pipeline import Scored, score_batch
from .reading import Readers

__all__ = [
    "AT_ONCE",
    "ClusterError",
    "OtherWeightsError",
    "Request",
    "Scorer",
    "cluster_error",
    "connected",
    "score_on_cluster",
]

#: Films that a worker is given at a time.
AT_ONCE = 32
#: Films that Ray Data has in hand; workers are begun anew for the next.
WAVE = 200_000
#: Seconds that a cluster may take to answer.
PATIENCE = 10


class ClusterError(CxrError, OSError):
    """A cluster that cannot be worked with; the code says why.

    ``no_ray``, ``address``, ``unreachable``, ``no_processors``, ``other_weights``, ``worker``.
    """

    code = "worker"


class OtherWeightsError(ClusterError):
    """A node whose models are not those asked for."""

    code = "other_weights"


@dataclass(frozen=True)
class Request:
    """What workers are asked to do with films, by names and hashes, so that it can be sent.

    Attributes
    ----------
    models : tuple of str
        Names, or paths of bundles' folders.
    weights : tuple of str
        Hashes of their weights.
    operating_point : str or None
        Name of an operating point that each card has; None for each card's default.
    heatmaps : bool
        Whether each prediction brings its Grad-CAM.
    sites : tuple of SiteFile
        Sites' files, each for one of the models.
    """

    models: tuple[str, ...]
    weights: tuple[str, ...]
    operating_point: str | None = None
    heatmaps: bool = False
    sites: tuple[SiteFile, ...] = ()

    @classmethod
    def of(
        cls,
        models: Sequence[Classifier],
        operating_point: str | None = None,
        *,
        heatmaps: bool = False,
    ) -> Request:
        """Return the request to score films by some models."""
        return cls(
            tuple(
                model.name
                if model.folder.resolve().parent == models_folder().resolve()
                else os.fspath(model.folder.resolve())
                for model in models
            ),
            tuple(model.card.weights.sha256 for model in models),
            operating_point,
            heatmaps,
            tuple(model.site for model in models if model.site),
        )

    def load(self) -> list[Model]:
        """Load the models.

        Raises
        ------
        OtherWeightsError
            If the weights that are here are not those asked for.
        BundleError, SiteFileError
            If a model is missing here, or was changed since the site's file was made.
        """
        models = [load(name) for name in self.models]
        for model, sha256 in zip(models, self.weights, strict=True):
            if model.card.weights.sha256 != sha256:
                raise OtherWeightsError(
                    f"The weights of {model.name} on {socket.gethostname()} are not those here."
                )
        return apply_sites(models, self.sites)


class Scorer:
    """A worker: scores the films that it is given the paths of. Called by Ray Data.

    What it cannot do it answers with: an error that an actor raises arrives as text.
    """

    def __init__(self, request: Request) -> None:
        self.request = request
        self._error: ClusterError | None = None
        try:
            self.models = request.load()
            needs = Needs.of(self.models, film=request.heatmaps)
        except CxrError as error:
            self._error = cluster_error(error)
        else:
            self.readers = Readers(needs, 1 if _begun_again() else 0)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Return what is said of each film, or the error, as bytes in the column ``scored``."""
        paths = [os.fsdecode(path) for path in batch["path"]]
        try:
            said: Sequence[object] = [self._error] if self._error else self.score(paths)
        except CxrError as error:
            said = [cluster_error(error)]
        return {"scored": [pickle.dumps(scored) for scored in said]}

    def score(self, paths: Sequence[str]) -> list[Scored]:
        """Return what is said of each film."""
        request, said = self.request, []
        for names, seen in self.readers.read(batches(paths, FILES_AT_ONCE)):
            predictions = score_batch(
                self.models, seen, request.operating_point, heatmaps=request.heatmaps
            )
            for path, film, prediction in zip(names, seen, predictions, strict=True):
                # What the networks saw of it is not wanted where it goes.
                kept = replace(film, inputs={}, small={}) if isinstance(film, SeenFilm) else None
                said.append(Scored(path, kept, prediction))
        return said


def cluster_error(error: CxrError) -> ClusterError:
    """Return an error that a worker met, as one of the cluster, which can be sent."""
    if isinstance(error, ClusterError):
        return error
    return ClusterError(f"A worker on {socket.gethostname()} cannot score: {error}")


def _begun_again() -> bool:
    import ray

    return bool(ray.get_runtime_context().was_current_actor_reconstructed)


@contextmanager
def connected(address: str) -> Iterator[int]:
    """Connect this process to a cluster, and leave it at the end unless it was connected before.

    Parameters
    ----------
    address : str
        ``host:port`` of the head node, or ``auto`` for the cluster that this machine belongs to.

    Yields
    ------
    int
        Processors of the cluster.

    Raises
    ------
    ClusterError
        If Ray is not installed, nothing answers at the address, or the cluster has no processor.
    """
    if importlib.util.find_spec("ray") is None:
        raise ClusterError("Ray is not installed.", code="no_ray")
    _check_address(address)
    # Nothing is told to anybody outside; and what Ray notes of its own is not for this terminal.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    import ray

    here = not ray.is_initialized()
    if here:
        try:
            ray.init(address=address, log_to_driver=False, logging_level="ERROR")
        except Exception as error:
            text = f"There is no Ray cluster that this one can work with at {address}."
            raise ClusterError(text, code="unreachable") from error
    try:
        processors = int(ray.cluster_resources().get("CPU", 0))
        if not processors:
            raise ClusterError("The cluster has no processor.", code="no_processors")
        yield processors
    finally:
        if here:
            ray.shutdown()


def _check_address(address: str) -> None:
    """Raise ClusterError if nothing listens at an address: Ray itself would wait for minutes."""
    if address == "auto":
        return
    host, colon, port = address.rpartition(":")
    if not (host and "/" not in host and colon and port.isdigit() and int(port) < 2**16):
        raise ClusterError(
            f"Expected the address of a cluster as host:port or auto. Received: {address!r}",
            code="address",
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), PATIENCE).close()
    except OSError as error:
        raise ClusterError(f"Nothing answers at {address}.", code="unreachable") from error


def score_on_cluster(
    models: Sequence[Classifier],
    paths: Sequence[str],
    address: str,
    *,
    operating_point: str | None = None,
    heatmaps: bool = False,
) -> Iterator[list[Scored]]:
    """Read and score files on a cluster; see `cxr.bulk.pipeline.score_many`.

    Parameters
    ----------
    models, operating_point, heatmaps
        As for `cxr.bulk.pipeline.score_many`. The nodes have to have models of the same weights.
    paths : sequence of str
        Files that all nodes can read.
    address : str
        As for `connected`.

    Yields
    ------
    list of Scored
        A batch, as soon as it is done: not in the order of the paths.

    Raises
    ------
    ClusterError
        If the cluster cannot be worked with, or its nodes lack a model.
    """
    request = Request.of(models, operating_point, heatmaps=heatmaps)
    with connected(address) as processors:
        for wave in batches(paths, WAVE):
            try:
                yield from _score_wave(request, wave, processors)
            except ClusterError:
                raise
            except Exception as error:
                lines = str(error).strip().splitlines() or [type(error).__name__]
                raise ClusterError(f"The cluster ended the work: {lines[-1]}") from error


def _score_wave(request: Request, paths: Sequence[str], processors: int) -> Iterator[list[Scored]]:
    import ray.data

    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    whole = [{"path": os.fsencode(Path(path).absolute())} for path in paths]
    given = dict(zip((row["path"] for row in whole), paths, strict=True))
    parts = math.ceil(len(paths) / AT_ONCE)
    scored = ray.data.from_items(whole, override_num_blocks=parts).map_batches(
        Scorer,
        fn_constructor_args=(request,),
        batch_size=AT_ONCE,
        num_cpus=1,
        compute=ray.data.ActorPoolStrategy(size=max(1, min(processors, parts))),
    )
    for batch in scored.iter_batches(batch_size=None, prefetch_batches=0):
        said = [pickle.loads(data) for data in batch["scored"]]  # noqa: S301 - of our own workers
        for scored_ in said:
            if isinstance(scored_, ClusterError):
                raise scored_
        # By the paths that were asked for.
        yield [film._replace(path=given[os.fsencode(film.path)]) for film in said]
