"""The logit of a network that was published with two units at its end."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

__all__ = ["TWO_WAY", "logit_of_two"]

#: Name of the layer of two units, the normal class first.
TWO_WAY = "two_way"


def logit_of_two(x: keras.KerasTensor) -> keras.KerasTensor:
    """End a network in two linear units and the difference between them.

    The share of a two-way softmax that goes to the finding is the sigmoid of that difference, and
    of two sigmoids the larger is the one that it names; so every network has one logit, and the
    two units keep the weights of a published file as they are.

    Parameters
    ----------
    x : keras.KerasTensor
        (batch, units).

    Returns
    -------
    keras.KerasTensor
        (batch, 1): finding minus normal.
    """
    both = layers.Dense(2, name=TWO_WAY)(x)
    return layers.Dense(
        1,
        use_bias=False,
        trainable=False,
        kernel_initializer=keras.initializers.Constant(np.array([[-1.0], [1.0]])),
        name="logit",
    )(both)
