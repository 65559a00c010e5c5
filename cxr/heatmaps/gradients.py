"""SmoothGrad and integrated gradients: how the logit changes with the pixels.

Maps come in cells of several pixels, because a map of single pixels is mostly grain, and because it
is sent to the browser: see `CELLS`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import pairwise
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

__all__ = ["CELLS", "NOISE", "SAMPLES", "STEPS", "IntegratedGradients", "SmoothGrad", "cells"]

Floats = NDArray[np.float32]
Numbers = NDArray[np.intp]

#: Rows and columns of a map, at most.
CELLS = 64
#: Noisy copies of a film. The paper sees little change beyond 50, and most of the gain by 20.
SAMPLES = 24
#: Standard deviation of the noise as a share of the film's range; the paper takes 0.1 to 0.2.
NOISE = 0.15
SEED = 20170612
#: Points on the way from the gray film to the film.
STEPS = 64


def cells(size: int, most: int = CELLS) -> Floats:
    """Return the matrix (cells, size) that averages pixels over cells of about equal size."""
    count = -(-size // -(-size // most))
    edges = np.rint(np.linspace(0, size, count + 1)).astype(int)
    result = np.zeros((count, size), np.float32)
    for row, (low, high) in enumerate(pairwise(edges)):
        result[row, low:high] = 1 / (high - low)
    return result


class _Pixels(ABC):
    """What both have in common: films in, gradients at variants of them out, cell by cell."""

    passes = 2
    variants = 1

    def __init__(self, model: keras.Model) -> None:
        _, height, width, channels = model.input_shape
        self._model = model
        self._down = tf.constant(cells(height))
        self._across = tf.constant(cells(width))
        film = tf.TensorSpec((None, height, width, channels), tf.float32)
        number = tf.TensorSpec((None,), tf.int32)
        self._at = tf.function(self.at, input_signature=[film, number]).get_concrete_function()

    @abstractmethod
    def at(self, films: tf.Tensor, variant: tf.Tensor) -> tf.Tensor:
        """Return what one variant of each film adds: (films, rows, columns)."""

    def gradient(self, films: tf.Tensor) -> tf.Tensor:
        """Differentiate the logit by the pixels: logits per gray level, (films, H, W, channels)."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(films)
            logits = self._model(films, training=False)
        return tape.gradient(logits, films)

    def in_cells(self, maps: tf.Tensor) -> tf.Tensor:
        """Average (films, H, W) over cells."""
        return self._down @ maps @ tf.transpose(self._across)

    def start(self, films: Floats) -> Any:
        """Keep the films."""
        return films

    def evaluate(self, state: Any, film: Numbers, variant: Numbers) -> Floats:
        """Run `at`."""
        parts: Floats = self._at(
            tf.constant(state[film]), tf.constant(variant.astype(np.int32))
        ).numpy()
        return parts

    def finish(self, state: Any, results: Floats) -> Floats:
        """Average over the variants."""
        return np.asarray(results.mean(axis=1), np.float32)


class SmoothGrad(_Pixels):
    """SmoothGrad: the mean size of the gradient over noisy copies of a film.

    Of the channels the largest counts, as in tf-keras-vis, here in each copy. The noise is drawn
    from a fixed seed, alike in the channels, since a film is gray. In logits per gray level.

    Parameters
    ----------
    model : keras.Model
        A flat functional network with a linear last layer.
    samples : int, default: SAMPLES
        Copies; 0 for the plain gradient without noise.

    References
    ----------
    Smilkov et al., SmoothGrad: removing noise by adding noise, arXiv:1706.03825.
    """

    def __init__(self, model: keras.Model, samples: int = SAMPLES) -> None:
        self.variants = max(samples, 1)
        self._noise = NOISE if samples else 0.0
        super().__init__(model)

    def at(self, films: tf.Tensor, variant: tf.Tensor) -> tf.Tensor:
        """Return the size of the gradient at a noisy copy."""
        shape = (*films.shape[1:3], 1)
        noise = tf.map_fn(
            lambda k: tf.random.stateless_normal(shape, tf.stack([SEED, k])),
            variant,
            fn_output_signature=tf.float32,
        )
        reach = tf.reduce_max(films, (1, 2, 3), True) - tf.reduce_min(films, (1, 2, 3), True)
        sizes = tf.abs(self.gradient(films + self._noise * reach * noise))
        return self.in_cells(tf.reduce_max(sizes, axis=-1))


class Way(NamedTuple):
    """Films, and how far each one's logit is above that of its mean gray.

    Attributes
    ----------
    films : numpy.ndarray of float32
        Shape (films, height, width, channels).
    differences : numpy.ndarray of float32
        Shape (films,).
    """

    films: Floats
    differences: Floats


class IntegratedGradients(_Pixels):
    """Integrated gradients: what each pixel adds to the logit on the way from an even gray.

    The way starts at the film's own mean gray. The usual black start would say that a dark pixel
    adds nothing, whatever it means: air in a lung, or outside the patient, is dark. The values of
    all pixels add up to the difference of the two logits. In logits per pixel.

    The points on the way are closer together near its start, where a picture that is all alike has
    all places of a layer at the same kink and the logit moves in jumps. With `STEPS` of them the
    sum is within 3 % of the difference in the small networks here, and within some 0.3 logits (4 %
    of a difference of 7) in an EfficientNet-Lite, whose many layers have more kinks than one would
    wait for. What is lacking is shared out in proportion to the size of what each cell adds, so
    that the sum is the difference.

    Parameters
    ----------
    model : keras.Model
        A flat functional network with a linear last layer.
    steps : int, default: STEPS
        Points on the way, each in the middle of its part.

    References
    ----------
    Sundararajan et al., Axiomatic Attribution for Deep Networks, ICML 2017, sections 3 and 5.
    """

    def __init__(self, model: keras.Model, steps: int = STEPS) -> None:
        self.variants = steps
        edges = np.linspace(0, 1, steps + 1, dtype=np.float32) ** 2
        self._middles = tf.constant((edges[1:] + edges[:-1]) / 2)
        self._lengths = tf.constant(np.diff(edges))
        super().__init__(model)
        # Pixels of each cell.
        self._pixels = np.outer((self._down.numpy() > 0).sum(1), (self._across.numpy() > 0).sum(1))

        @tf.function(input_signature=[tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)])
        def differences(films: tf.Tensor) -> tf.Tensor:
            grey = tf.reduce_mean(films, axis=(1, 2), keepdims=True) + tf.zeros_like(films)
            return (model(films, training=False) - model(grey, training=False))[:, 0]

        self._differences = differences.get_concrete_function()

    def at(self, films: tf.Tensor, variant: tf.Tensor) -> tf.Tensor:
        """Return what the pixels add over one part of the way."""
        grey = tf.reduce_mean(films, axis=(1, 2), keepdims=True)
        share = tf.gather(self._middles, variant)[:, None, None, None]
        length = tf.gather(self._lengths, variant)[:, None, None, None]
        way = films - grey
        gradients = self.gradient(grey + share * way)
        return self.in_cells(tf.reduce_sum(length * way * gradients, axis=-1))

    def start(self, films: Floats) -> Way:
        """Score both ends of the way."""
        return Way(films, self._differences(tf.constant(films)).numpy())

    def evaluate(self, state: Way, film: Numbers, variant: Numbers) -> Floats:
        """Run `at`."""
        return super().evaluate(state.films, film, variant)

    def finish(self, state: Way, results: Floats) -> Floats:
        """Add up the parts of the way and what is lacking, keep what is positive."""
        return np.maximum(self.signed(state, results), 0)

    def signed(self, state: Way, results: Floats) -> Floats:
        """Add up the parts of the way and what is lacking, of either sign."""
        maps = results.sum(axis=1)
        size = (np.abs(maps) * self._pixels).sum(axis=(1, 2))
        lacking = state.differences - self.total(maps)
        # At most all of a cell, so that none changes its sign.
        share = np.clip(lacking / np.where(size > 0, size, np.inf), -1, 1)
        return np.asarray(maps + share[:, None, None] * np.abs(maps), np.float32)

    def total(self, maps: Floats) -> Floats:
        """Add up all pixels: logits (films,)."""
        return np.asarray((maps * self._pixels).sum(axis=(1, 2)))
