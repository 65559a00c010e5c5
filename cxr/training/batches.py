"""Films as batches for training and validation: from memory, varied as they go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ..datasets.table import class_weights
from .augmentation import augment, augment_with_masks
from .box_supervision import (
    EVIDENCE,
    LOGIT,
    Places,
    place_weights,
    positive_places,
)
from .recipes import Recipe

__all__ = [
    "batches",
    "feature_batches",
    "fixed_batches",
    "fixed_features",
    "fixed_lung_batches",
    "lung_batches",
]


def batches(
    pixels: NDArray[np.uint8],
    labels: NDArray[np.integer],
    recipe: Recipe,
    *,
    places: Places | None = None,
    first_epoch: int = 0,
) -> tf.data.Dataset:
    """Draw training batches without end, in an order that the seed and the step number fix.

    The step number, not the state of a generator, decides which films a batch holds and how they
    are varied, so that a run that continues after a kill sees what it would have seen.

    Parameters
    ----------
    pixels : numpy.ndarray of uint8
        uint8 (films, height, width, 1); stays in memory as it is.
    labels : numpy.ndarray of int
        0 or 1, one per film.
    recipe : Recipe
        Batch size, augmentation, class weights, channels, seed.
    places : Places, optional
        Where the finding is in each film, for box supervision: labels and
        weights are then those of both its outputs (`cxr.training.box_supervision`).
    first_epoch : int, default: 0
        Number of epochs already done.

    Returns
    -------
    tf.data.Dataset
        Of (films, labels, weights): float32 (batch, height, width, channels) in [0, 255],
        float32 (batch, 1), float32 (batch,). Every film once in ``ceil(films / batch)`` steps.
    """
    films = tf.constant(pixels)

    def fetch(rows: tf.Tensor, _epoch: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        x = augment(tf.gather(films, rows), recipe.augmentation, seed)
        return tf.repeat(x, recipe.channels, axis=-1)

    if places is None:
        return _endless(fetch, labels, recipe, first_epoch)
    masks, known = tf.constant(places.masks), tf.constant(places.known.astype(np.float32))
    grid = places.grid

    def fetch_both(rows: tf.Tensor, _epoch: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, ...]:
        drawn = tf.gather(films, rows), tf.gather(masks, rows)
        x, moved = augment_with_masks(*drawn, recipe.augmentation, seed)
        return tf.repeat(x, recipe.channels, axis=-1), moved, tf.gather(known, rows)

    def both(parts: tuple[tf.Tensor, ...], y: tf.Tensor, w: tf.Tensor) -> tuple[Any, ...]:
        x, moved, taught = parts
        return x, *_both(y, w, moved, taught, grid)

    return _endless(fetch_both, labels, recipe, first_epoch).map(both)


def _both(
    labels: tf.Tensor,
    weights: tf.Tensor,
    masks: tf.Tensor,
    known: tf.Tensor,
    grid: tuple[int, int],
) -> tuple[dict[str, tf.Tensor], dict[str, tf.Tensor]]:
    """Return the labels and weights of a network's two outputs, the film's and its places'."""
    positive = positive_places(masks, grid)
    return (
        {LOGIT: labels, EVIDENCE: positive},
        {LOGIT: weights, EVIDENCE: place_weights(positive, known)},
    )


def lung_batches(
    pixels: NDArray[np.uint8],
    labels: NDArray[np.integer],
    lungs: NDArray[np.uint8],
    recipe: Recipe,
    first_epoch: int = 0,
    shares: NDArray[np.float32] | None = None,
) -> tf.data.Dataset:
    """Draw training batches for lung supervision, whose graph varies the films itself.

    Parameters
    ----------
    pixels, labels, recipe, first_epoch
        As for `batches`.
    lungs : numpy.ndarray of uint8
        The films' shape, 255 inside; boxes as a second channel where the recipe has any.
    shares : numpy.ndarray of float32, optional
        The weight of each film; that of its class if none is given.

    Returns
    -------
    tf.data.Dataset
        Of ((films, lungs, labels), labels, weights), for
        `cxr.training.lung_supervision.LungTaught`.
    """
    films, fields = tf.constant(pixels), tf.constant(lungs)

    def fetch(rows: tf.Tensor, _epoch: tf.Tensor, _seed: tf.Tensor) -> tuple[tf.Tensor, ...]:
        return tf.gather(films, rows), tf.gather(fields, rows)

    drawn = _endless(fetch, labels, recipe, first_epoch, shares)
    return drawn.map(lambda parts, y, w: ((*parts, y), y, w))


def fixed_lung_batches(
    pixels: NDArray[np.uint8],
    labels: NDArray[np.integer],
    lungs: NDArray[np.uint8],
    recipe: Recipe,
) -> tf.data.Dataset:
    """Return the same of films as they are, for validation, without weights."""
    truth = labels[:, None].astype(np.float32)
    films = tf.data.Dataset.from_tensor_slices(((pixels, lungs, truth), truth))
    return films.batch(recipe.batch_size).prefetch(2)


def feature_batches(
    features: NDArray[np.float16],
    labels: NDArray[np.integer],
    recipe: Recipe,
    *,
    first_epoch: int = 0,
) -> tf.data.Dataset:
    """Draw training batches of stored features without end, as `batches` draws films.

    Parameters
    ----------
    features : numpy.ndarray of float16
        float16 (variants, films, rows, columns, channels); each epoch takes the next variant.
    labels, recipe, first_epoch
        As for `batches`.
    """
    store = tf.constant(features)

    def fetch(rows: tf.Tensor, epoch: tf.Tensor, _seed: tf.Tensor) -> tf.Tensor:
        variant = store[epoch % len(features)]
        return tf.cast(tf.gather(variant, rows), tf.float32)

    return _endless(fetch, labels, recipe, first_epoch)


def _endless(
    fetch: Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor],
    labels: NDArray[np.integer],
    recipe: Recipe,
    first_epoch: int,
    shares: NDArray[np.float32] | None = None,
) -> tf.data.Dataset:
    n, size = len(labels), recipe.batch_size
    steps = -(-n // size)
    weights = class_weights(labels) if recipe.class_weights else {0: 1.0, 1: 1.0}
    truth = tf.constant(labels[:, None].astype(np.float32))
    if shares is None:
        shares = np.vectorize(weights.get)(labels).astype(np.float32)
    weight = tf.constant(shares)

    def batch(step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        seed = tf.stack([tf.constant(recipe.seed, tf.int64), step])
        epoch = step // steps
        epoch_seed = tf.stack([tf.constant(recipe.seed, tf.int64), -1 - epoch])
        order = tf.random.experimental.stateless_shuffle(tf.range(n), epoch_seed)
        start = (step % steps) * size
        rows = order[start : tf.minimum(start + size, n)]
        return fetch(rows, epoch, seed), tf.gather(truth, rows), tf.gather(weight, rows)

    counter = tf.data.Dataset.counter(start=first_epoch * steps)
    return counter.map(batch, num_parallel_calls=2, deterministic=True).prefetch(4)


def fixed_features(
    features: NDArray[np.float16], labels: NDArray[np.integer], recipe: Recipe
) -> tf.data.Dataset:
    """Return stored features as they are, for validation: float16 (films, ...)."""
    truth = labels[:, None].astype(np.float32)
    films = tf.data.Dataset.from_tensor_slices((features, truth)).batch(recipe.batch_size)
    return films.map(lambda x, y: (tf.cast(x, tf.float32), y)).prefetch(2)


def fixed_batches(
    pixels: NDArray[np.uint8],
    labels: NDArray[np.integer],
    recipe: Recipe,
    *,
    places: Places | None = None,
) -> tf.data.Dataset:
    """Return films as they are, for validation; with `places` as `batches` gives them."""
    truth = labels[:, None].astype(np.float32)

    def channels(x: tf.Tensor) -> tf.Tensor:
        return tf.repeat(tf.cast(x, tf.float32), recipe.channels, axis=-1)

    if places is None:
        films = tf.data.Dataset.from_tensor_slices((pixels, truth)).batch(recipe.batch_size)
        return films.map(lambda x, y: (channels(x), y)).prefetch(2)
    grid = places.grid
    parts = pixels, truth, places.masks, places.known.astype(np.float32)
    films = tf.data.Dataset.from_tensor_slices(parts).batch(recipe.batch_size)

    def both(x: tf.Tensor, y: tf.Tensor, m: tf.Tensor, known: tf.Tensor) -> tuple[Any, ...]:
        labels, weights = _both(y, tf.ones_like(known), tf.cast(m, tf.float32), known, grid)
        return channels(x), labels, weights

    return films.map(both).prefetch(2)
