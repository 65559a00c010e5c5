"""Compiled graphs: the score alone, and the score with its heatmap in one call.

With `cxr.architectures` and `cxr.training`, the only place where TensorFlow is imported; load it
inside a function.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

__all__ = ["compile_gradcam", "compile_logits", "last_convolution"]

Inputs = NDArray[np.uint8] | NDArray[np.float32]


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


def _signature(model: keras.Model) -> tf.TensorSpec:
    return tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)


def compile_logits(model: keras.Model) -> Callable[[Inputs], NDArray[np.float32]]:
    """Compile the forward pass.

    Returns
    -------
    callable
        Takes (films, height, width, channels) in [0, 255], gives the logits (films,).
    """

    @tf.function(input_signature=[_signature(model)], reduce_retracing=True)
    def forward(films: tf.Tensor) -> tf.Tensor:
        return model(films, training=False)[:, 0]

    def logits(films: Inputs) -> NDArray[np.float32]:
        result: NDArray[np.float32] = forward(tf.constant(films, tf.float32)).numpy()
        return result

    return logits


def compile_gradcam(
    model: keras.Model, layer: str | None = None
) -> Callable[[Inputs], tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Compile the score together with its Grad-CAM.

    The graph is cut at the convolution: what lies before it runs once, without a gradient; only
    the short part behind it is differentiated. That is why both cost about one forward pass.

    Parameters
    ----------
    model
        A flat functional network with a linear last layer.
    layer
        The convolution; the last one where none is given.

    Returns
    -------
    callable
        Takes (films, height, width, channels) in [0, 255], gives the logits (films,) and the maps
        (films, rows, columns), not negative, in units of the logit, at the convolution's size.

    References
    ----------
    Selvaraju et al., Grad-CAM, ICCV 2017, equations 1 and 2.
    """
    cut = model.get_layer(layer or last_convolution(model)).output
    before = keras.Model(model.inputs, cut)
    behind = keras.Model(cut, model.output)

    @tf.function(input_signature=[_signature(model)], reduce_retracing=True)
    def forward(films: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        features = before(films, training=False)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(features)
            # The films of a batch do not meet, so the gradient of the sum is each film's own.
            logits = behind(features, training=False)[:, 0]
        gradients = tape.gradient(logits, features)
        weights = tf.reduce_mean(gradients, axis=(1, 2), keepdims=True)
        return logits, tf.nn.relu(tf.reduce_sum(weights * features, axis=-1))

    def gradcam(films: Inputs) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        logits, maps = forward(tf.constant(films, tf.float32))
        return logits.numpy(), maps.numpy()

    return gradcam
