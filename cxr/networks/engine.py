"""The engine: a network's exported graph, run by ONNX Runtime without TensorFlow.

`cxr.networks.export` writes such a graph from the Keras model, which stays the truth: an export
says of which weights it was made, and is refused for any others. One pass gives all that a film
needs: the logit, the averaged features that the gate judges by, and the last convolution's
activations and gradients, of which the maps are made.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import CxrError, fault
from .class_activation import weighting
from .facts import Facts
from .outputs import Forward, Inputs, Outputs

__all__ = [
    "ENGINES",
    "FORMAT",
    "INPUT",
    "METADATA",
    "Engine",
    "EngineError",
    "ExportError",
    "Exported",
    "engine_name",
    "side_by_side",
    "threads",
]

logger = logging.getLogger(__name__)

#: What may run a network; the first does unless ``CXR_ENGINE`` names another.
ENGINES = ("onnx", "tensorflow")
#: The environment variable by which ONNX Runtime sends nothing anywhere. Set before anything
#: imports it: from version 1.29 on it tells its maker what it runs, and notes a number of the
#: machine in its user's cache.
SILENT = "ORT_DISABLE_TELEMETRY"
os.environ.setdefault(SILENT, "1")
#: Of the exports: raised when their outputs change their meaning.
FORMAT = 1
#: Name of a graph's input, films as the network takes them.
INPUT = "films"
#: Under which key of an ONNX file's metadata the rest stands.
METADATA = "cxr"
#: Threads of a network, however many processors there are: small films gain nothing from more.
MOST_THREADS = 8


class EngineError(CxrError, ValueError):
    """The engine cannot start or fails."""

    code = "engine"


class ExportError(CxrError, ValueError):
    """An exported graph is damaged, foreign, or not of these weights; or cannot be made."""

    code = "export"


def engine_name() -> str:
    """Return what is to run the networks: ``CXR_ENGINE``, by default the first of `ENGINES`.

    Raises
    ------
    EngineError
        If the variable names no engine.
    """
    name = os.environ.get("CXR_ENGINE") or ENGINES[0]
    if name not in ENGINES:
        raise EngineError(f"Expected CXR_ENGINE to be {' or '.join(ENGINES)}. Received: {name!r}")
    return name


class Exported:
    """An exported graph that can be run. Safe to share between threads.

    Parameters
    ----------
    content : bytes
        The ONNX file.
    identity : mapping
        What the export must say that it was made of.

    Attributes
    ----------
    told : dict
        What the export says of itself.

    Raises
    ------
    EngineError
        If ONNX Runtime is not installed or cannot start.
    ExportError
        If the file is damaged, was written by something else, or was made of something else.
    """

    def __init__(self, content: bytes, identity: Mapping[str, Any]) -> None:
        runtime = _runtime()
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads()
        options.inter_op_num_threads = 1
        # Threads that wait for work by spinning would take the processor from everything else.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # One store of memory for all networks: what one needed for a batch, the next one uses.
        if _shares_memory():
            options.add_session_config_entry("session.use_env_allocators", "1")
        options.log_severity_level = 4  # what goes wrong is raised
        try:
            self._session = runtime.InferenceSession(
                content, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise ExportError("is damaged, or no ONNX file that can be run") from error
        self.told = self._read(identity)

    def _read(self, identity: Mapping[str, Any]) -> dict[str, Any]:
        metadata = self._session.get_modelmeta().custom_metadata_map
        try:
            told: dict[str, Any] = json.loads(metadata[METADATA])
            version, made_of = told["format"], told["identity"]
        except (KeyError, ValueError, TypeError) as error:
            raise ExportError("was not written by this package") from error
        if version != FORMAT:
            raise ExportError("was written by another version of this package")
        if made_of != dict(identity):
            raise ExportError("was made of other weights or another network")
        return told

    @property
    def outputs(self) -> set[str]:
        """Names of what can be asked for."""
        return {output.name for output in self._session.get_outputs()}

    def run(self, films: Inputs, outputs: Sequence[str]) -> list[NDArray[np.float32]]:
        """Run the graph.

        Parameters
        ----------
        films : numpy.ndarray
            (films, height, width, channels) in [0, 255].
        outputs : sequence of str
            What is wanted, of the attribute of that name.

        Returns
        -------
        list of numpy.ndarray
            One for each output, the films first.

        Raises
        ------
        EngineError
            If the engine fails, as where memory is short or the films have another shape.
        """
        given = {INPUT: np.ascontiguousarray(films, np.float32)}
        try:
            values: list[NDArray[np.float32]] = self._session.run(list(outputs), given)
        except Exception as error:
            raise EngineError(
                f"ONNX Runtime cannot score: {error} Set CXR_ENGINE=tensorflow to do without it."
            ) from error
        return values


class Engine(Exported):
    """The export of a network that scores films.

    Attributes
    ----------
    facts : Facts
        Of the network, as the Keras model tells them.
    taps : tuple of str
        The layers whose averages over the picture are the features.
    layer : str
        The one whose maps come with the score; empty if the network has no convolution.
    """

    def __init__(self, content: bytes, identity: Mapping[str, Any]) -> None:
        super().__init__(content, identity)
        try:
            facts = self.told["facts"]
            self.facts = Facts(
                str(facts["name"]),
                tuple(map(int, facts["input_shape"])),  # type: ignore[arg-type]  # three of them
                tuple(map(str, facts["convolutions"])),
                tuple(map(str, facts["layers"])),
            )
            self.taps = tuple(map(str, self.told["taps"]))
        except (KeyError, ValueError, TypeError) as error:
            raise ExportError("was not written by this package") from error
        self.layer = self.facts.layer() if self.facts.convolutions else ""
        wanted = {"logits", *(["features"] if self.taps else [])}
        wanted |= {"activations", "gradients"} if self.layer else set()
        if not wanted <= self.outputs:
            raise ExportError("was not written by this package")

    def forward(self, method: str | None = None, *, features: bool = False) -> Forward:
        """Return the forward pass: the logits, a map of `layer` and features where asked for.

        Parameters
        ----------
        method : str, optional
            One of `cxr.networks.class_activation.WEIGHTINGS`; no map if none is given.
        features : bool, default: False
            Whether the averages of `taps` are wanted.

        Raises
        ------
        ValueError
            If there is no such method, or the network has no layer to map.
        """
        weigh = weighting(method) if method else None
        if weigh:
            self.facts.layer()
        tapped = features and bool(self.taps)
        wanted = ["logits"]
        wanted += ["features"] if tapped else []
        wanted += ["activations", "gradients"] if weigh else []

        def forward(films: Inputs) -> Outputs:
            logits, *rest = self.run(films, wanted)
            averages = rest.pop(0) if tapped else np.zeros((len(logits), 0), np.float32)
            return Outputs.of(
                logits, averages, weigh(np, rest[0], rest[1], logits) if weigh else None
            )

        return forward

    def features(self, films: Inputs) -> NDArray[np.float32]:
        """Return the averages over the picture of `taps`, (films, features)."""
        (features,) = self.run(films, ["features"])
        return features

    def activations(self, films: Inputs) -> NDArray[np.float32]:
        """Return the activations of `layer`, (films, rows, columns, channels)."""
        (activations,) = self.run(films, ["activations"])
        return activations


def _runtime() -> Any:
    try:
        import onnxruntime
    except (ImportError, OSError) as error:
        raise EngineError(
            f"ONNX Runtime cannot start: {error}. Run: pip install -r requirements.txt, or set "
            "CXR_ENGINE=tensorflow to do without it."
        ) from error
    return onnxruntime


@cache
def _shares_memory() -> bool:
    """Have ONNX Runtime keep one store of memory for all networks of the process, if it can."""
    runtime = _runtime()
    try:
        memory = runtime.OrtMemoryInfo(
            "Cpu", runtime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, runtime.OrtMemType.DEFAULT
        )
        # As much as it likes, and the rest as a network's own store would have it.
        runtime.create_and_register_allocator(memory, runtime.OrtArenaCfg(0, -1, -1, -1))
    except Exception as error:  # it raises what its C library says; each has its own store then
        logger.info("The networks share no memory: %s", fault(error))
        return False
    return True


@contextmanager
def side_by_side(passes: int) -> Iterator[None]:
    """Have the networks that are opened meanwhile share the processors.

    Two passes of one thread each take less of them than two, one after the other, of two threads.

    Parameters
    ----------
    passes : int
        That run at a time, 1 at least. Networks that are open already stay as they are.
    """
    before = _passes[0]
    _passes[0] = passes
    try:
        yield
    finally:
        _passes[0] = before


_passes = [1]


def threads() -> int:
    """Say how many threads run a network that is opened now.

    Returns
    -------
    int
        ``OMP_NUM_THREADS``, else one for each processor, shared with passes side by side.
    """
    return max(1, _processors() // _passes[0])


def _processors() -> int:
    given = os.environ.get("OMP_NUM_THREADS", "")
    if given.isdecimal() and int(given):
        return min(int(given), MOST_THREADS)
    if hasattr(os, "sched_getaffinity"):
        return min(len(os.sched_getaffinity(0)), MOST_THREADS)
    return min(os.cpu_count() or 1, MOST_THREADS)
