"""The published transfer network: frozen VGG convolutions and a head of dense layers."""

from __future__ import annotations

import keras
from keras import layers

from .two_way import logit_of_two
from .vgg import convolutions

__all__ = ["HEAD", "transfer"]

#: Units of the dense layers behind the flattened features.
HEAD = (64, 128, 256, 128)


def transfer(base: str, *, input_size: int, scaling: str) -> keras.Model:
    """Build the network: convolutions, Flatten, Dense 64, 128, 256, 128 (ReLU), two units.

    Parameters
    ----------
    base : str
        ``vgg16`` or ``vgg19``.
    input_size : int
        Height and width of the input in pixels, at least 32.
    scaling : str
        See `cxr.networks.vgg.convolutions`.

    Returns
    -------
    keras.Model
        Input (batch, input_size, input_size, 3) in [0, 255], output (batch, 1): the logit. The
        convolutions are frozen.
    """
    film, x = convolutions(base, input_size, scaling)
    x = layers.Flatten(name="flatten")(x)
    for i, units in enumerate(HEAD, start=1):
        x = layers.Dense(units, activation="relu", name=f"dense{i}")(x)
    return keras.Model(film, logit_of_two(x), name=f"{base}_transfer")
