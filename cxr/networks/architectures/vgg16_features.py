"""VGG16 as a fixed extractor of features with a small head, as published for tuberculosis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..architecture import Architecture

if TYPE_CHECKING:
    import keras

__all__ = ["ARCHITECTURE", "vgg16_features"]


def vgg16_features(
    input_size: int = 256, scaling: str = "imagenet", dropout: float = 0.5
) -> keras.Model:
    """Build the network: frozen convolutions, Flatten, Dense 256 (ReLU), dropout, one logit.

    Parameters
    ----------
    input_size : int, default: 256
        Height and width of the input in pixels, at least 32.
    scaling : str, default: "imagenet"
        See `cxr.networks.vgg.convolutions`.
    dropout : float, default: 0.5
        Share of the dense layer's units dropped in training, in [0, 1).

    Returns
    -------
    keras.Model
        Input (batch, input_size, input_size, 3) in [0, 255], output (batch, 1): the logit.
    """
    import keras
    from keras import layers

    from ..vgg import convolutions

    film, x = convolutions("vgg16", input_size, scaling)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(256, activation="relu", name="dense")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    return keras.Model(film, layers.Dense(1, name="logit")(x), name="vgg16_features")


ARCHITECTURE = Architecture(vgg16_features, base="vgg16", published=({},))
