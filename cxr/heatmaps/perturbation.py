"""Score-CAM and occlusion: what the logit does when parts of a film are hidden.

tf-keras-vis has Score-CAM too, and ours gives the same map. Its own is not used: it holds every
masked film of a call in memory (1,280 of them for an EfficientNet-Lite), upsamples with SciPy, goes
through `Model.predict`, and can neither say how far it is nor stop.
"""

from __future__ import annotations

from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

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
    model : keras.Model
        A flat functional network with a linear last layer.
    layer : str
        To look at.

    References
    ----------
    Wang et al., Score-CAM, CVPR Workshops 2020, algorithm 1.
    """

    passes = 1

    def __init__(self, model: keras.Model, layer: str) -> None:
        cut = model.get_layer(layer).output
        _, height, width, channels = model.input_shape
        _, rows, columns, self.variants = cut.shape
        before = keras.Model(model.inputs, cut)
        down = tf.constant(interpolation(height, rows))
        across = tf.constant(interpolation(width, columns))
        film = tf.TensorSpec((None, height, width, channels), tf.float32)

        @tf.function(input_signature=[film])
        def activations(films: tf.Tensor) -> tf.Tensor:
            return before(films, training=False)

        @tf.function(input_signature=[film, tf.TensorSpec((None, rows, columns), tf.float32)])
        def logits(films: tf.Tensor, maps: tf.Tensor) -> tf.Tensor:
            masks = down @ maps @ tf.transpose(across)
            low = tf.reduce_min(masks, axis=(1, 2), keepdims=True)
            high = tf.reduce_max(masks, axis=(1, 2), keepdims=True)
            masks = (masks - low) / (high - low + EPSILON)
            return model(films * masks[..., None], training=False)[:, 0]

        self._activations = activations.get_concrete_function()
        self._logits = logits.get_concrete_function()

    def start(self, films: Floats) -> Masked:
        """Compute the activations once a film."""
        return Masked(films, self._activations(tf.constant(films)).numpy())

    def evaluate(self, state: Masked, film: Numbers, variant: Numbers) -> Floats:
        """Return the logits of films masked with channels."""
        masks = tf.constant(state.maps[film, :, :, variant])
        logits: Floats = self._logits(tf.constant(state.films[film]), masks).numpy()
        return logits

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
    model : keras.Model
        A flat functional network with a linear last layer.

    References
    ----------
    Zeiler and Fergus, Visualizing and Understanding Convolutional Networks, ECCV 2014, section 4.2.
    """

    passes = 1

    def __init__(self, model: keras.Model) -> None:
        _, height, width, channels = model.input_shape
        self._nodes = (min(NODES, height), min(NODES, width))
        self.variants = self._nodes[0] * self._nodes[1]
        covers = [_covers(s, n) for s, n in zip((height, width), self._nodes, strict=True)]
        down, across = map(tf.constant, covers)
        film = tf.TensorSpec((None, height, width, channels), tf.float32)
        number = tf.TensorSpec((None,), tf.int32)

        @tf.function(input_signature=[film])
        def whole(films: tf.Tensor) -> tf.Tensor:
            return model(films, training=False)[:, 0]

        @tf.function(input_signature=[film, number, number])
        def covered(films: tf.Tensor, row: tf.Tensor, column: tf.Tensor) -> tf.Tensor:
            patch = tf.gather(down, row)[:, :, None] * tf.gather(across, column)[:, None, :]
            grey = tf.reduce_mean(films, axis=(1, 2), keepdims=True)
            return model(films + patch[..., None] * (grey - films), training=False)[:, 0]

        self._whole = whole.get_concrete_function()
        self._covered = covered.get_concrete_function()

    def start(self, films: Floats) -> Whole:
        """Score the films with nothing hidden."""
        return Whole(films, self._whole(tf.constant(films)).numpy())

    def evaluate(self, state: Whole, film: Numbers, variant: Numbers) -> Floats:
        """Return the logits of films with a patch hidden."""
        row, column = np.divmod(variant.astype(np.int32), self._nodes[1])
        films = tf.constant(state.films[film])
        logits: Floats = self._covered(films, tf.constant(row), tf.constant(column)).numpy()
        return logits

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
