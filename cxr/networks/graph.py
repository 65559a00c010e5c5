"""Compiled graphs: score, heatmap and features in one call.

With `cxr.networks`, `cxr.heatmaps` and what trains, the only place where TensorFlow is
imported; load it inside a function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf
import tensorflow.experimental.numpy as tnp
from numpy.typing import NDArray

from .class_activation import Weighting, weighting
from .facts import Facts
from .outputs import Forward, Inputs, Numbers, Outputs

__all__ = [
    "compile_activations",
    "compile_features",
    "compile_forward",
    "compile_parts",
    "convolutions",
    "facts_of",
    "find_layer",
    "pooled",
]


def convolutions(model: keras.Model) -> list[str]:
    """Name the convolutions of a network from the film to the score."""
    kinds = keras.layers.Conv2D | keras.layers.DepthwiseConv2D
    return [str(layer.name) for layer in model.layers if isinstance(layer, kinds)]


def facts_of(model: keras.Model) -> Facts:
    """Tell of a network what it can be asked for."""
    known = convolutions(model)
    names = [str(layer.name) for layer in model.layers]
    behind = names[names.index(known[0]) :] if known else []
    _, height, width, channels = model.input_shape
    mapped = (name for name in behind if len(model.get_layer(name).output.shape) == 4)
    return Facts(model.name, (height, width, channels), tuple(known), tuple(mapped))


def find_layer(model: keras.Model, name: str | None) -> str:
    """Check the name of a layer to map, or name the last convolution; see `Facts.layer`."""
    return facts_of(model).layer(name)


def _signature(model: keras.Model) -> list[tf.TensorSpec]:
    return [tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)]


def pooled(layers: Sequence[tf.Tensor], films: tf.Tensor) -> tf.Tensor:
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
    weigh = weighting(method) if method else None
    parts = compile_parts(model, find_layer(model, layer) if method else None, features, weigh)

    def run(films: Inputs) -> Outputs:
        return Outputs.of(*parts(films))

    return run


def compile_parts(
    model: keras.Model, layer: str | None, features: Sequence[str], weigh: Weighting | None = None
) -> Callable[[Inputs], tuple[NDArray[np.float32], ...]]:
    """Compile what maps are made of: logits, features, a layer's activations and gradients.

    The latter two only where a layer is named, and in their place its map where a weighting is
    given; see `compile_forward`.
    """
    taps = [model.get_layer(name).output for name in features]

    if layer is None:
        whole = keras.Model(model.inputs, [model.output, *taps])

        @tf.function(input_signature=_signature(model), reduce_retracing=True)
        def forward(films: tf.Tensor) -> tuple[tf.Tensor, ...]:
            logits, *layers = tf.nest.flatten(whole(films, training=False))
            return logits[:, 0], pooled(layers, films)

    else:
        cut = model.get_layer(layer).output
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
            found = (weigh(tnp, maps, gradients, logits),) if weigh else (maps, gradients)
            return logits, pooled(layers, films), *found

    # Traced here and now, so that the first film does not wait for it.
    traced = forward.get_concrete_function()

    def run(films: Inputs) -> tuple[NDArray[np.float32], ...]:
        return tuple(part.numpy() for part in traced(tf.constant(films, tf.float32)))

    return run


def compile_features(model: keras.Model, layers: Sequence[str]) -> Numbers:
    """Compile the part of a network that some of its layers hang on; see `Outputs.features`."""
    part = keras.Model(model.inputs, [model.get_layer(name).output for name in layers])

    @tf.function(input_signature=_signature(model), reduce_retracing=True)
    def forward(films: tf.Tensor) -> tf.Tensor:
        return pooled(tf.nest.flatten(part(films, training=False)), films)

    def features(films: Inputs) -> NDArray[np.float32]:
        result: NDArray[np.float32] = forward(tf.constant(films, tf.float32)).numpy()
        return result

    return features


def compile_activations(model: keras.Model, layer: str) -> Numbers:
    """Compile the part of a network up to a layer, to give that layer's activations."""
    part = keras.Model(model.inputs, model.get_layer(layer).output)

    @tf.function(input_signature=_signature(model), reduce_retracing=True)
    def forward(films: tf.Tensor) -> tf.Tensor:
        return part(films, training=False)

    def activations(films: Inputs) -> NDArray[np.float32]:
        result: NDArray[np.float32] = forward(tf.constant(films, tf.float32)).numpy()
        return result

    return activations
