"""Compiled graphs: score, heatmap and features in one call.

With `cxr.networks`, `cxr.heatmaps` and what trains, the only place where TensorFlow is
imported; load it inside a function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from .class_activation import WEIGHTINGS

__all__ = [
    "Forward",
    "Inputs",
    "Outputs",
    "compile_features",
    "compile_forward",
    "convolutions",
    "find_layer",
]

Inputs = NDArray[np.uint8] | NDArray[np.float32]


class Outputs(NamedTuple):
    """What one call of a network returns.

    Attributes
    ----------
    logits : numpy.ndarray of float32
        Shape (films,).
    maps : numpy.ndarray of float32
        Shape (films, rows, columns) at the layer's size, not negative; see
        `cxr.networks.class_activation` for the unit. No rows and columns if no map was asked for.
    features : numpy.ndarray of float32
        Shape (films, features): averages over the picture of the layers that were asked for, in
        order.
    """

    logits: NDArray[np.float32]
    maps: NDArray[np.float32]
    features: NDArray[np.float32]


Forward = Callable[[Inputs], Outputs]


def convolutions(model: keras.Model) -> list[str]:
    """Name the convolutions of a network from the film to the score."""
    kinds = keras.layers.Conv2D | keras.layers.DepthwiseConv2D
    return [str(layer.name) for layer in model.layers if isinstance(layer, kinds)]


def find_layer(model: keras.Model, name: str | None) -> str:
    """Check the name of a layer to map, or name the last convolution if none is given.

    Any layer that keeps rows and columns will do, from the first convolution on.

    Raises
    ------
    ValueError
        If the network has no convolution or no such layer.
    """
    known = convolutions(model)
    if not known:
        raise ValueError(f"{model.name} has no convolution, so it has no heatmap of this kind.")
    if name is None:
        return known[-1]
    names = [str(layer.name) for layer in model.layers]
    if name in names[names.index(known[0]) :] and len(model.get_layer(name).output.shape) == 4:
        return name
    raise ValueError(f"Expected a layer of {', '.join(known)}. Received: {name!r}")


def _signature(model: keras.Model) -> list[tf.TensorSpec]:
    return [tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)]


def _pooled(layers: Sequence[tf.Tensor], films: tf.Tensor) -> tf.Tensor:
    """Average each layer over the picture and put them side by side."""
    parts = [tf.reduce_mean(layer, axis=(1, 2)) for layer in layers]
    return tf.concat(parts, axis=-1) if parts else tf.zeros((tf.shape(films)[0], 0))


def compile_forward(
    model: keras.Model,
    *,
    method: str | None = None,
    layer: str | None = None,
    features: Sequence[str] = (),
) -> Forward:
    """Compile the forward pass, with a class activation map and averaged features where asked for.

    Only what lies between the layer and the logit is differentiated: what lies before it runs
    once, without a gradient. That is why score and map cost about one forward pass, and features
    nothing.

    Parameters
    ----------
    model : keras.Model
        A flat functional network with a linear last layer.
    method : str, optional
        One of `cxr.networks.class_activation.WEIGHTINGS`; no map if none is given.
    layer : str, optional
        To map; the last convolution if none is given, see `find_layer`.
    features : sequence of str, optional
        Layers to average over the picture.

    Returns
    -------
    callable
        Takes (films, height, width, channels) in [0, 255].

    Raises
    ------
    ValueError
        If there is no such method or layer.
    """
    taps = [model.get_layer(name).output for name in features]

    if method is None:
        whole = keras.Model(model.inputs, [model.output, *taps])

        @tf.function(input_signature=_signature(model), reduce_retracing=True)
        def forward(films: tf.Tensor) -> tuple[tf.Tensor, ...]:
            logits, *layers = tf.nest.flatten(whole(films, training=False))
            return logits[:, 0], tf.zeros((tf.shape(films)[0], 0, 0)), _pooled(layers, films)

    else:
        if method not in WEIGHTINGS:
            raise ValueError(f"Expected one of {', '.join(WEIGHTINGS)}. Received: {method!r}")
        weigh = WEIGHTINGS[method]
        cut = model.get_layer(find_layer(model, layer)).output
        whole = keras.Model(model.inputs, [model.output, cut, *taps])

        @tf.function(input_signature=_signature(model), reduce_retracing=True)
        def forward(films: tf.Tensor) -> tuple[tf.Tensor, ...]:
            # The tape must see the way from the layer to the logit, and a layer in a branch does
            # not cut the graph in two. What it sees before the layer is never differentiated.
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(films)
                logits, maps, *layers = tf.nest.flatten(whole(films, training=False))
                # The films of a batch do not meet, so the gradient of the sum is each one's own.
                logits = logits[:, 0]
            gradients = tape.gradient(logits, maps)
            return logits, weigh(maps, gradients, logits), _pooled(layers, films)

    # Traced here and now, so that the first film does not wait for it.
    traced = forward.get_concrete_function()

    def run(films: Inputs) -> Outputs:
        return Outputs(*(part.numpy() for part in traced(tf.constant(films, tf.float32))))

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
