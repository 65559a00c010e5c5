"""Prepared films in, maps out, by any method: the way to the methods, and what they cost."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..networks.network import Network
from ..progress import Progress
from .methods import FAST, METHODS
from .perturbation import Occlusion, ScoreCam
from .sweep import (
    Stopped,
    StoppedError,
    Sweep,
    run,
    seconds_of,
)

__all__ = ["BY_GRADIENTS", "attribute", "check", "expected_seconds", "passes"]

Inputs = NDArray[np.uint8] | NDArray[np.float32]
#: Methods that differentiate the whole network, which the Keras model alone can do.
BY_GRADIENTS = ("smoothgrad", "integrated_gradients")
#: Films in a call of a fast method.
BATCH = 32


def check(network: Network, method: str, layer: str | None) -> None:
    """Raise a ValueError that names the valid methods, or the valid layers."""
    if method not in METHODS:
        raise ValueError(f"Expected one of {', '.join(METHODS)}. Received: {method!r}")
    if METHODS[method].layered:
        try:
            network.layer(layer)
        except ValueError as error:
            if network.convolutions():
                raise
            others = ", ".join(name for name, facts in METHODS.items() if not facts.layered)
            raise ValueError(
                f"{error} The methods that look at the film itself do: {others}."
            ) from None
    elif layer is not None:
        raise ValueError(
            f"{METHODS[method].title} looks at the film itself, not at a layer. Received: {layer!r}"
        )


def attribute(
    network: Network,
    inputs: Inputs,
    *,
    method: str,
    layer: str | None = None,
    progress: Progress | None = None,
    stopped: Stopped | None = None,
) -> NDArray[np.float32]:
    """Map prepared films: the function that the others here use.

    Parameters
    ----------
    network : Network
    inputs : numpy.ndarray
        (films, height, width, channels) in [0, 255], as the network takes them.
    method : str
        One of `METHODS`.
    layer : str, optional
        To look at, see `Network.layer` (default: the last convolution).
    progress : Progress, optional
        Called with the number of forward passes of one film that are done, and their total; first
        with none done.
    stopped : Stopped, optional
        Called between batches; the work stops when it returns True.

    Returns
    -------
    numpy.ndarray
        float32 (films, rows, columns), not negative, as `cxr.heatmaps.heatmap.Heatmap.grid`.

    Raises
    ------
    ValueError
        If the method or the layer is unknown, or the network has no convolution to look at.
    StoppedError
        If `stopped` said so.
    """
    check(network, method, layer)
    if not len(inputs):
        return np.zeros((0, 0, 0), np.float32)
    if method not in FAST:
        sweep = _sweep(network, method, layer)
        return run(sweep, inputs.astype(np.float32), progress, stopped)
    forward = network.forward(method, layer)
    parts = []
    for start in range(0, len(inputs), BATCH):
        if progress:
            progress(start, len(inputs))
        if stopped and stopped():
            raise StoppedError
        parts.append(forward(inputs[start : start + BATCH]).maps)
    if progress:
        progress(len(inputs), len(inputs))
    return np.concatenate(parts)


def passes(network: Network, method: str, layer: str | None = None) -> int:
    """Return the price of a film's map in forward passes; see `cxr.heatmaps.heatmap.Cost`."""
    if method in FAST:
        return 1
    sweep = _sweep(network, method, layer)
    return sweep.variants * sweep.passes


def expected_seconds(
    network: Network, method: str, films: int = 1, layer: str | None = None
) -> float:
    """Tell how long a method will take: the time of one warm batch of it, times their number.

    Measured at the first call for a method and a layer, which takes two batches and what their
    compilation takes.

    Raises
    ------
    ValueError
        If the method or the layer is unknown, or the network has no convolution to look at.
    """
    check(network, method, layer)
    together = min(films, BATCH) if method in FAST else 1

    def measure() -> float:
        # Gray noise: on an empty film some processors count faster.
        shape = (together, *network.input_shape)
        some = np.random.default_rng(0).integers(0, 256, shape).astype(np.float32)
        if method not in FAST:
            sweep = _sweep(network, method, layer)
            return seconds_of(sweep, some) * sweep.variants
        forward = network.forward(method, layer)
        forward(some)
        start = time.perf_counter()
        forward(some)
        return (time.perf_counter() - start) / len(some)

    return films * network.seconds(method, layer, together, measure)


def _sweep(network: Network, method: str, layer: str | None) -> Sweep:
    """Compile a slow method, once for a network."""
    name = network.layer(layer) if METHODS[method].layered else ""

    def by_gradients() -> Sweep:
        from . import gradients  # imports TensorFlow

        kind = gradients.SmoothGrad if method == "smoothgrad" else gradients.IntegratedGradients
        return kind(network.model)

    makers: dict[str, Callable[[], Sweep]] = {
        "scorecam": lambda: ScoreCam(network, name),
        "occlusion": lambda: Occlusion(network),
    }
    return network.sweep(method, name, makers.get(method, by_gradients))
