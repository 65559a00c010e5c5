"""Score-CAM and occlusion: what the logit does when parts of a film are hidden.

tf-keras-vis has Score-CAM too, and ours gives the same map. Its own is not used: it holds every
masked film of a call in memory (1,280 of them for an EfficientNet-Lite), upsamples with SciPy, goes
through `Model.predict`, and can neither say how far it is nor stop.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..networks.network import Network
from .geometry import interpolation
from .heatmap import EPSILON

__all__ = ["NODES", "Occlusion", "ScoreCam"]

Floats = NDArray[np.float32]
Numbers = NDArray[np.intp]

#: Places along each side that the middle of the patch goes to, from edge to edge. A patch reaches
#: to the neighboring positions, so it covers a seventh of a side, and every pixel is hidden by up
#: to four.
NODES = 15


class Masked(NamedTuple):
    """Films and the activations that they are masked with.

    Attributes
    ----------
    films : numpy.ndarray of float32
        Shape (films, height, width, channels).
    maps : numpy.ndarray of float32
        Shape (films, rows, columns, channels).
    """

    films: Floats
    maps: Floats


class ScoreCam:
    """Score-CAM: each channel of a layer is weighted with the score of the film masked by it.

    The mask is the channel, interpolated to the film's size and stretched to [0, 1] there. The
    score is the share of the finding, the logistic function of the logit: tf-keras-vis takes the
    softmax of a network's outputs, which says the same of the two classes 0 and logit. The logit
    itself will not do: most masked films look like no film and have logits below 0, and with
    weights below 0 whole maps are empty. As in tf-keras-vis the score of a film that is all black
    is not taken away.

    Parameters
    ----------
    network : Network
    layer : str
        To look at.

    References
    ----------
    Wang et al., Score-CAM, CVPR Workshops 2020, algorithm 1.
    """

    passes = 1

    def __init__(self, network: Network, layer: str) -> None:
        height, width, channels = network.input_shape
        self._activations, self._forward = network.activations(layer), network.forward()
        # The layer's size is that of any film's activations.
        shape = self._activations(np.zeros((1, height, width, channels), np.float32)).shape
        _, rows, columns, self.variants = shape
        self._down, self._across = interpolation(height, rows), interpolation(width, columns).T

    def start(self, films: Floats) -> Masked:
        """Compute the activations once a film."""
        return Masked(films, self._activations(films))

    def evaluate(self, state: Masked, film: Numbers, variant: Numbers) -> Floats:
        """Return the logits of films masked with channels."""
        masks = self._down @ state.maps[film, :, :, variant] @ self._across
        low = masks.min(axis=(1, 2), keepdims=True)
        high = masks.max(axis=(1, 2), keepdims=True)
        masks = (masks - low) / (high - low + np.float32(EPSILON))
        return self._forward(state.films[film] * masks[..., None]).logits

    def finish(self, state: Masked, results: Floats) -> Floats:
        """Weight the channels with their scores, add them up, keep what is positive."""
        scores = 1 / (1 + np.exp(-np.clip(results, -80, 80)))
        return np.asarray(np.maximum(np.einsum("nrck,nk->nrc", state.maps, scores), 0))


class Whole(NamedTuple):
    """Films and their logits with nothing hidden.

    Attributes
    ----------
    films : numpy.ndarray of float32
        Shape (films, height, width, channels).
    logits : numpy.ndarray of float32
        Shape (films,).
    """

    films: Floats
    logits: Floats


class Occlusion:
    """Occlusion: how far the logit falls when a square patch of the film is covered.

    The cover is the film's own mean gray: black would look like air, white like dense tissue. The
    drop is noted at the middle of the patch, and falls in logits are positive.

    Parameters
    ----------
    network : Network

    References
    ----------
    Zeiler and Fergus, Visualizing and Understanding Convolutional Networks, ECCV 2014, section 4.2.
    """

    passes = 1

    def __init__(self, network: Network) -> None:
        height, width, _ = network.input_shape
        self._nodes = (min(NODES, height), min(NODES, width))
        self.variants = self._nodes[0] * self._nodes[1]
        self._covers = [_covers(s, n) for s, n in zip((height, width), self._nodes, strict=True)]
        self._forward = network.forward()

    def start(self, films: Floats) -> Whole:
        """Score the films with nothing hidden."""
        return Whole(films, self._forward(films).logits)

    def evaluate(self, state: Whole, film: Numbers, variant: Numbers) -> Floats:
        """Return the logits of films with a patch hidden."""
        row, column = np.divmod(variant, self._nodes[1])
        down, across = self._covers[0][row], self._covers[1][column]
        patch = (down[:, :, None] * across[:, None, :])[..., None]
        films = state.films[film]
        grey = films.mean(axis=(1, 2), keepdims=True)
        return self._forward(films + patch * (grey - films)).logits

    def finish(self, state: Whole, results: Floats) -> Floats:
        """Return how far the logit fell at each place, 0 where it rose."""
        drop = state.logits[:, None] - results
        return np.asarray(np.maximum(drop, 0).reshape(-1, *self._nodes))


def _covers(size: int, nodes: int) -> Floats:
    """Return which pixels each patch covers along a side: (nodes, size) of 0 and 1."""
    middles = np.linspace(0, size - 1, nodes)
    reach = (size - 1) / max(nodes - 1, 1)
    # A little less than the next middle, which then belongs to one side of its own patch only.
    return (np.abs(np.arange(size) - middles[:, None]) < reach - 1e-6).astype(np.float32)
