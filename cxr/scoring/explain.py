"""Heatmaps: where in a film a score came from, by any of eight methods."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from ..errors import CxrError
from ..films.radiograph import Radiograph
from ..heatmaps.attribute import attribute, check, expected_seconds, passes
from ..heatmaps.heatmap import (
    CAPTION,
    Cost,
    Heatmap,
    interpolation,
)
from ..heatmaps.methods import FAST, METHODS, Method
from ..heatmaps.sweep import Stopped, StoppedError
from ..progress import Progress
from .classifier import Classifier
from .predict import heatmaps_of, predict

__all__ = [
    "CAPTION",
    "FAST",
    "METHODS",
    "Cost",
    "Heatmap",
    "Method",
    "RefusedError",
    "StoppedError",
    "attribute",
    "expected_seconds",
    "explain",
    "heatmaps",
    "interpolation",
    "passes",
]


class RefusedError(CxrError, ValueError):
    """A film that was refused has no heatmap."""

    code = "refused"


def explain(
    bundle: Classifier,
    film: Radiograph,
    *,
    method: str = "gradcam",
    layer: str | None = None,
    progress: Progress | None = None,
    stopped: Stopped | None = None,
) -> Heatmap:
    """Show where the score of a film came from.

    Parameters
    ----------
    bundle : Classifier
        The model.
    film : Radiograph
        The film.
    method : str, default: "gradcam"
        One of `METHODS`.
    layer : str, optional
        To look at, see `cxr.networks.network.Network.layer`; the last convolution where none is
        given.
    progress, stopped : Progress or Stopped, optional
        See `attribute`; a method that is not slow takes one pass and asks neither.

    Returns
    -------
    Heatmap

    Raises
    ------
    ValueError
        If the method or the layer is unknown, or the network has no convolution to look at.
    RefusedError
        If the film is refused: then there is no score to explain.
    StoppedError
        If `stopped` said so.
    """
    check(bundle.network, method, layer)
    # A map that comes with the score costs no pass of its own.
    fast = method in FAST
    (prediction,) = predict(
        bundle, [film], heatmaps=method if fast else False, layer=layer, lungs=False
    )
    if prediction.refusal:
        reason = prediction.refusal.reason
        raise RefusedError(f"The film was refused, so it has no heatmap. {reason}")
    if fast:
        assert prediction.heatmap is not None
        return prediction.heatmap
    (heatmap,) = heatmaps(
        bundle, [film], method=method, layer=layer, progress=progress, stopped=stopped
    )
    return heatmap


def heatmaps(
    bundle: Classifier,
    films: Sequence[Radiograph],
    *,
    method: str = "gradcam",
    layer: str | None = None,
    progress: Progress | None = None,
    stopped: Stopped | None = None,
) -> list[Heatmap]:
    """Map many films in common calls of the network, whatever the gate makes of them.

    For evaluation, where every film counts; see `explain` for a film to be read, and `attribute`
    for the parameters and errors.
    """
    check(bundle.network, method, layer)
    if not films:
        return []
    inputs = np.stack([bundle.prepare(film) for film in films])
    start = time.perf_counter()
    maps = attribute(
        bundle.network, inputs, method=method, layer=layer, progress=progress, stopped=stopped
    )
    seconds = (time.perf_counter() - start) / len(films)
    cost = Cost(seconds, passes(bundle.network, method, layer))
    return heatmaps_of(bundle, films, maps, method, layer, cost)
