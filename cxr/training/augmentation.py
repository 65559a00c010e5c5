"""Films varied on the fly from a seed and a step number: the same step gives the same films."""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf

from .recipes import Augmentation

__all__ = ["augment", "augment_with_masks"]

#: Straight pieces of a random tone curve.
TONE_PIECES = 6


def augment(films: tf.Tensor, settings: Augmentation, seed: tf.Tensor) -> tf.Tensor:
    """Vary a batch of gray films; see `augment_with_masks`."""
    varied, _ = augment_with_masks(films, None, settings, seed)
    return varied


def augment_with_masks(
    films: tf.Tensor, masks: tf.Tensor | None, settings: Augmentation, seed: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor | None]:
    """Vary a batch of gray films, and move what is marked in them along.

    All changes of place (turn, part, shift, shear, flip) are one affine map, so that a film is
    interpolated once. Pixels from outside repeat the nearest edge.

    Parameters
    ----------
    films : tf.Tensor
        (batch, height, width, 1), any real type, values in [0, 255].
    masks : tf.Tensor
        The same shape and range, or None. Only changes of place concern them.
    settings : Augmentation
        How much of each change.
    seed : tf.Tensor
        Two integers; equal seeds give equal results.

    Returns
    -------
    films, masks : tensorflow.Tensor
        float32 of the same shape, values in [0, 255]; no masks where none were given.
    """
    x = tf.cast(films, tf.float32)
    if masks is not None:  # as a second channel, so that both are moved by the same map
        x = tf.concat([x, tf.cast(masks, tf.float32)], axis=-1)
    seeds = tf.unstack(tf.random.split(seed, 12))
    scanner = tf.unstack(tf.random.split(seed + 1, 3))
    n = tf.shape(x)[0]

    def uniform(k: int, low: float, high: float) -> tf.Tensor:
        return tf.random.stateless_uniform([n], seeds[k], low, high)

    if _moves(settings):
        shape = x.shape  # which the operation does not tell of its result
        x = tf.raw_ops.ImageProjectiveTransformV3(
            images=x,
            transforms=_affine(settings, uniform, tf.shape(x)),
            output_shape=tf.shape(x)[1:3],
            interpolation="BILINEAR",
            fill_mode="NEAREST",
            fill_value=0.0,
        )
        x = tf.ensure_shape(x, shape)

    if masks is not None:
        x, masks = tf.split(x, 2, axis=-1)

    def per_film(values: tf.Tensor) -> tf.Tensor:
        return tf.reshape(values, [-1, 1, 1, 1])

    s = settings
    if s.tone:
        weights = tf.exp(tf.random.stateless_normal([TONE_PIECES, n], scanner[0], stddev=s.tone))
        x = _tone(x / 255, weights) * 255
    if s.sharpness:
        amount = tf.random.stateless_uniform([n], scanner[1], -s.sharpness, s.sharpness)
        x += per_film(amount) * (x - tf.nn.avg_pool2d(x, 3, 1, "SAME"))
    if s.gamma or s.contrast or s.brightness or s.noise:
        x = tf.clip_by_value(x / 255, 0.0, 1.0)
        x = x ** per_film(tf.exp(uniform(7, -s.gamma, s.gamma)))
        mean = tf.reduce_mean(x, axis=[1, 2, 3], keepdims=True)
        x = (x - mean) * per_film(uniform(8, 1 - s.contrast, 1 + s.contrast)) + mean
        x += per_film(uniform(9, -s.brightness, s.brightness))
        noise = tf.random.stateless_normal(tf.shape(x), seeds[10])
        x += noise * per_film(uniform(11, 0.0, s.noise))
        x *= 255
    return tf.clip_by_value(x, 0.0, 255.0), masks


def _tone(x: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Bend values in [0, 1] by a rising curve of straight pieces, one curve per film.

    The ends stay where they are; piece k rises in proportion to ``weights[k]``.
    """
    shares = weights / tf.reduce_sum(weights, axis=0, keepdims=True)
    pieces = len(weights)
    return tf.add_n(
        [
            tf.reshape(shares[k], [-1, 1, 1, 1]) * tf.clip_by_value(x * pieces - k, 0.0, 1.0)
            for k in range(pieces)
        ]
    )


def _moves(s: Augmentation) -> bool:
    return bool(s.rotation or s.shear or s.shift or s.flip or s.scale != (1.0, 1.0))


def _affine(s: Augmentation, uniform: Any, shape: tf.Tensor) -> tf.Tensor:
    """Return (batch, 8): for each pixel of the result, where in the film it comes from."""
    height, width = tf.cast(shape[1], tf.float32), tf.cast(shape[2], tf.float32)
    degree = math.pi / 180
    angle = uniform(0, -s.rotation * degree, s.rotation * degree)
    shear = uniform(1, -s.shear * degree, s.shear * degree)
    sx, sy = uniform(2, *s.scale), uniform(3, *s.scale)
    # A part of the film may lie as far from its middle as it stays inside.
    free_x = tf.maximum(0.0, (1 - sx) / 2) if s.anywhere else tf.zeros_like(sx)
    free_y = tf.maximum(0.0, (1 - sy) / 2) if s.anywhere else tf.zeros_like(sy)
    dx = uniform(4, -1.0, 1.0) * (s.shift + free_x) * width
    dy = uniform(5, -1.0, 1.0) * (s.shift + free_y) * height
    flip = tf.where(uniform(6, 0.0, 1.0) < (0.5 if s.flip else 0.0), -1.0, 1.0)
    cos, sin = tf.cos(angle), tf.sin(angle)
    # x' = R(angle) Shear S(scale, flip) (x - c) + c + d
    a0, a1 = cos * sx * flip, (-sin * tf.cos(shear) - cos * tf.sin(shear)) * sy
    b0, b1 = sin * sx * flip, (cos * tf.cos(shear) - sin * tf.sin(shear)) * sy
    cx, cy = (width - 1) / 2, (height - 1) / 2
    a2 = cx + dx - a0 * cx - a1 * cy
    b2 = cy + dy - b0 * cx - b1 * cy
    zero = tf.zeros_like(a0)
    return tf.stack([a0, a1, a2, b0, b1, b2, zero, zero], axis=1)
