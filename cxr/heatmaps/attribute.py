"""Prepared films in, maps out, by any method: the way to the methods, and what they cost."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .methods import FAST, METHODS
from .sweep import (
    Progress,
    Stopped,
    StoppedError,
    Sweep,
    run,
    seconds_of,
)

if TYPE_CHECKING:
    import keras

    from ..scoring.bundle import Bundle

__all__ = ["attribute", "check", "expected_seconds", "passes"]

Inputs = NDArray[np.uint8] | NDArray[np.float32]
#: Films in a call of a fast method.
BATCH = 32


def check(bundle: Bundle, method: str, layer: str | None) -> None:
    """Raise a ValueError that names the valid methods, or the valid layers."""
    if method not in METHODS:
        raise ValueError(f"Expected one of {', '.join(METHODS)}. Received: {method!r}")
    if METHODS[method].layered:
        from ..networks.graph import layer_of

        layer_of(bundle, layer)
    elif layer is not None:
        raise ValueError(
            f"{METHODS[method].title} looks at the film itself, not at a layer. Received: {layer!r}"
        )


def attribute(
    bundle: Bundle,
    inputs: Inputs,
    *,
    method: str,
    layer: str | None = None,
    progress: Progress | None = None,
    stopped: Stopped | None = None,
    model: keras.Model | None = None,
) -> NDArray[np.float32]:
    """Map prepared films: the function that the others here use.

    Parameters
    ----------
    bundle
        The model.
    inputs
        (films, height, width, channels) in [0, 255], see `cxr.scoring.bundle.Bundle.prepare`.
    method
        One of `METHODS`.
    layer
        To look at, see `cxr.scoring.explain.layers`; the last convolution where none is given.
    progress
        Called with the number of forward passes of one film that are done, and their total; first
        with none done.
    stopped
        Asked between batches.
    model
        Another network of the same architecture to take instead of the bundle's, compiled for
        this call alone.

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
    check(bundle, method, layer)
    if not len(inputs):
        return np.zeros((0, 0, 0), np.float32)
    if method not in FAST:
        sweep = _sweep(bundle, method, layer, model)
        return run(sweep, inputs.astype(np.float32), progress, stopped)
    from ..networks.graph import compile_forward, forward_of

    forward = (
        compile_forward(model, method=method, layer=layer)
        if model is not None
        else forward_of(bundle, method, layer)
    )
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


def passes(bundle: Bundle, method: str, layer: str | None = None) -> int:
    """Return the price of a film's map in forward passes; see `cxr.heatmaps.heatmap.Cost`."""
    if method in FAST:
        return 1
    sweep = _sweep(bundle, method, layer)
    return sweep.variants * sweep.passes


def expected_seconds(
    bundle: Bundle, method: str, films: int = 1, layer: str | None = None
) -> float:
    """Tell how long a method will take: the time of one warm batch of it, times their number.

    Measured at the first call for a method and a layer, which takes two batches and what their
    compilation takes.

    Raises
    ------
    ValueError
        If the method or the layer is unknown, or the network has no convolution to look at.
    """
    check(bundle, method, layer)

    def measure() -> float:
        card = bundle.card
        # Grey noise: on an empty film some processors count faster.
        shape = (min(films, BATCH) if method in FAST else 1, *card.size, card.input["channels"])
        some = np.random.default_rng(0).integers(0, 256, shape).astype(np.float32)
        if method not in FAST:
            sweep = _sweep(bundle, method, layer)
            return seconds_of(sweep, some) * sweep.variants
        from ..networks.graph import forward_of

        forward = forward_of(bundle, method, layer)
        forward(some)
        start = time.perf_counter()
        forward(some)
        return (time.perf_counter() - start) / len(some)

    # Not measured under the bundle's lock: others would wait for it.
    measured: dict[tuple[object, ...], float] = bundle.compiled("seconds", dict)
    key = (method, layer, min(films, BATCH) if method in FAST else None)
    if key not in measured:
        measured[key] = measure()
    return films * measured[key]


def _sweep(
    bundle: Bundle, method: str, layer: str | None, model: keras.Model | None = None
) -> Sweep:
    """Compile a slow method, once where the network is the bundle's own."""
    from ..networks.graph import layer_of
    from . import gradients, perturbation

    name = layer_of(bundle, layer) if METHODS[method].layered else ""
    makers: dict[str, Callable[[keras.Model], Sweep]] = {
        "scorecam": lambda net: perturbation.ScoreCam(net, name),
        "smoothgrad": gradients.SmoothGrad,
        "integrated_gradients": gradients.IntegratedGradients,
        "occlusion": perturbation.Occlusion,
    }
    if model is not None:
        return makers[method](model)
    return bundle.compiled(f"sweep {method} {name}", lambda: makers[method](bundle.model))
