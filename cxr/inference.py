"""Compiled graphs: score, heatmap and features in one call.

With `cxr.architectures` and `cxr.training`, the only place where TensorFlow is imported; load it
inside a function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

__all__ = ["Outputs", "compile_features", "compile_forward", "last_convolution"]

Inputs = NDArray[np.uint8] | NDArray[np.float32]


class Outputs(NamedTuple):
    """What one call of a network gives."""

    logits: NDArray[np.float32]
    """(films,)"""
    maps: NDArray[np.float32]
    """(films, rows, columns) at the convolution's size, not negative, in units of the logit; no
    rows and columns where no map was asked for."""
    features: NDArray[np.float32]
    """(films, features): averages over the picture of the layers that were asked for, in order."""


def last_convolution(model: keras.Model) -> str:
    """Name the last convolution of a network: the layer that Grad-CAM looks at.

    Raises
    ------
    ValueError
        If the network has none.
    """
    for layer in reversed(model.layers):
        if isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D):
            return str(layer.name)
    raise ValueError(f"{model.name} has no convolution, so it has no heatmap of this kind.")


def _signature(model: keras.Model) -> list[tf.TensorSpec]:
    return [tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)]


def _pooled(layers: Sequence[tf.Tensor], films: tf.Tensor) -> tf.Tensor:
    """Average each layer over the picture and put them side by side."""
    parts = [tf.reduce_mean(layer, axis=(1, 2)) for layer in layers]
    return tf.concat(parts, axis=-1) if parts else tf.zeros((tf.shape(films)[0], 0))


def compile_forward(
    model: keras.Model, *, gradcam: str | None = None, features: Sequence[str] = ()
) -> Callable[[Inputs], Outputs]:
    """Compile the forward pass, with a Grad-CAM and averaged features where asked for.

    For a map the graph is cut at the convolution: what lies before it runs once, without a
    gradient; only the short part behind it is differentiated. That is why score and map cost
    about one forward pass, and features nothing.

    Parameters
    ----------
    model
        A flat functional network with a linear last layer.
    gradcam
        The convolution to map, see `last_convolution`; no map where none is given.
    features
        Layers to average over the picture; with a map, none may lie behind its convolution.

    Returns
    -------
    callable
        Takes (films, height, width, channels) in [0, 255].

    References
    ----------
    Selvaraju et al., Grad-CAM, ICCV 2017, equations 1 and 2.
    """
    taps = [model.get_layer(name).output for name in features]

    if gradcam is None:
        whole = keras.Model(model.inputs, [model.output, *taps])

        @tf.function(input_signature=_signature(model), reduce_retracing=True)
        def forward(films: tf.Tensor) -> tuple[tf.Tensor, ...]:
            logits, *layers = tf.nest.flatten(whole(films, training=False))
            return logits[:, 0], tf.zeros((tf.shape(films)[0], 0, 0)), _pooled(layers, films)

    else:
        cut = model.get_layer(gradcam).output
        before = keras.Model(model.inputs, [cut, *taps])
        behind = keras.Model(cut, model.output)

        @tf.function(input_signature=_signature(model), reduce_retracing=True)
        def forward(films: tf.Tensor) -> tuple[tf.Tensor, ...]:
            maps, *layers = tf.nest.flatten(before(films, training=False))
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(maps)
                # The films of a batch do not meet, so the gradient of the sum is each one's own.
                logits = behind(maps, training=False)[:, 0]
            weights = tf.reduce_mean(tape.gradient(logits, maps), axis=(1, 2), keepdims=True)
            grids = tf.nn.relu(tf.reduce_sum(weights * maps, axis=-1))
            return logits, grids, _pooled(layers, films)

    def run(films: Inputs) -> Outputs:
        return Outputs(*(part.numpy() for part in forward(tf.constant(films, tf.float32))))

    return run


def compile_features(
    model: keras.Model, layers: Sequence[str]
) -> Callable[[Inputs], NDArray[np.float32]]:
    """Compile the part of a network that some of its layers hang on; see `Outputs.features`."""
    part = keras.Model(model.inputs, [model.get_layer(name).output for name in layers])

    @tf.function(input_signature=_signature(model), reduce_retracing=True)
    def forward(films: tf.Tensor) -> tf.Tensor:
        return _pooled(tf.nest.flatten(part(films, training=False)), films)

    def features(films: Inputs) -> NDArray[np.float32]:
        result: NDArray[np.float32] = forward(tf.constant(films, tf.float32)).numpy()
        return result

    return features
