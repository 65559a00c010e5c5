"""Initial weights measured on films: each unit's output starts with mean 0 and variance 1."""

from __future__ import annotations

import keras
import numpy as np
from numpy.typing import NDArray

__all__ = ["settle_units"]

# Of a unit that is the same everywhere there is no spread to divide by.
LEAST = 1e-4


def settle_units(model: keras.Model, films: NDArray[np.float32]) -> None:
    """Scale and shift the units of a network's hidden layers by what films give, in place.

    Random weights say much the same of every film: behind a ReLU all values are positive, and
    their common part grows from layer to layer, so that a mean over the picture hardly differs
    from film to film. Batch normalization would take that part away at each step; this does so
    once, at the start, and leaves the network as it is.

    Parameters
    ----------
    model : keras.Model
        A flat functional network. Its convolutions and dense layers with a bias are changed, from
        the first to the last; those that end in the logit are not.
    films : numpy.ndarray of float32
        (films, height, width, channels) in [0, 255], varied as in training; a hundred will do.

    References
    ----------
    Salimans and Kingma, Weight Normalization, NeurIPS 2016, section 3 (data-dependent
    initialization); Mishkin and Matas, All You Need Is a Good Init, ICLR 2016.
    """
    for layer in model.layers:
        if not isinstance(layer, keras.layers.Conv2D | keras.layers.Dense):
            continue
        if not layer.use_bias or layer.activation is keras.activations.linear:
            continue
        activation, layer.activation = layer.activation, keras.activations.linear
        try:
            seen = keras.Model(model.input, layer.output)(films, training=False)
        finally:
            layer.activation = activation
        before = keras.ops.convert_to_numpy(seen).astype(np.float64)
        axes = tuple(range(before.ndim - 1))
        mean, spread = before.mean(axis=axes), np.maximum(before.std(axis=axes), LEAST)
        kernel, bias = (np.asarray(weight, np.float64) for weight in layer.get_weights())
        layer.set_weights([kernel / spread, (bias - mean) / spread])
