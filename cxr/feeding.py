"""Films as batches for training and validation: from memory, varied as they go."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from .augmentation import augment
from .dataset import class_weights
from .recipes import Recipe

__all__ = ["batches", "fixed_batches"]


def batches(
    pixels: NDArray[np.uint8],
    labels: NDArray[np.integer],
    recipe: Recipe,
    *,
    first_epoch: int = 0,
) -> tf.data.Dataset:
    """Draw training batches without end, in an order that the seed and the step number fix.

    The step number, not the state of a generator, decides which films a batch holds and how they
    are varied, so that a run that goes on after a kill sees what it would have seen.

    Parameters
    ----------
    pixels
        uint8 (films, height, width, 1); stays in memory as it is.
    labels
        0 or 1, one a film.
    recipe
        Batch size, augmentation, class weights, channels, seed.
    first_epoch
        Epochs that lie behind.

    Returns
    -------
    tf.data.Dataset
        Of (films, labels, weights): float32 (batch, height, width, channels) in [0, 255],
        float32 (batch, 1), float32 (batch,). Every film once in ``ceil(films / batch)`` steps.
    """
    n, size = len(pixels), recipe.batch_size
    steps = -(-n // size)
    weights = class_weights(labels) if recipe.class_weights else {0: 1.0, 1: 1.0}
    films = tf.constant(pixels)
    truth = tf.constant(labels[:, None].astype(np.float32))
    weight = tf.constant(np.vectorize(weights.get)(labels).astype(np.float32))

    def batch(step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        seed = tf.stack([tf.constant(recipe.seed, tf.int64), step])
        epoch_seed = tf.stack([tf.constant(recipe.seed, tf.int64), -1 - step // steps])
        order = tf.random.experimental.stateless_shuffle(tf.range(n), epoch_seed)
        start = (step % steps) * size
        rows = order[start : tf.minimum(start + size, n)]
        x = augment(tf.gather(films, rows), recipe.augmentation, seed)
        x = tf.repeat(x, recipe.channels, axis=-1)
        return x, tf.gather(truth, rows), tf.gather(weight, rows)

    counter = tf.data.Dataset.counter(start=first_epoch * steps)
    return counter.map(batch, num_parallel_calls=2, deterministic=True).prefetch(4)


def fixed_batches(
    pixels: NDArray[np.uint8], labels: NDArray[np.integer], recipe: Recipe
) -> tf.data.Dataset:
    """Return films as they are, for validation."""
    truth = labels[:, None].astype(np.float32)
    films = tf.data.Dataset.from_tensor_slices((pixels, truth)).batch(recipe.batch_size)
    return films.map(
        lambda x, y: (tf.repeat(tf.cast(x, tf.float32), recipe.channels, axis=-1), y)
    ).prefetch(2)
