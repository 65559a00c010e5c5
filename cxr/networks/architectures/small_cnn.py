"""A small 150x150 RGB network of four convolutions, trained from nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..architecture import Architecture

if TYPE_CHECKING:
    import keras

__all__ = ["ARCHITECTURE", "small_cnn"]

FILTERS = (32, 32, 64, 32)


def small_cnn(input_size: int = 150) -> keras.Model:
    """Build the small network.

    Four 2x2 convolutions with ReLU, each followed by 2x2 max pooling; a dense layer of 64,
    dropout 0.5 and one logit. The graph divides its input by 255.

    Parameters
    ----------
    input_size : int, default: 150
        Height and width of the input in pixels.

    Returns
    -------
    keras.Model
        Input (batch, input_size, input_size, 3) in [0, 255], output (batch, 1): the logit.
    """
    import keras
    from keras import layers

    film = keras.Input((input_size, input_size, 3), name="film")
    x = layers.Rescaling(1 / 255, name="scale")(film)
    for i, filters in enumerate(FILTERS, start=1):
        x = layers.Conv2D(filters, 2, activation="relu", name=f"block{i}_conv")(x)
        x = layers.MaxPooling2D(2, name=f"block{i}_pool")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(64, activation="relu", name="dense")(x)
    x = layers.Dropout(0.5, name="dropout")(x)
    logit = layers.Dense(1, name="logit")(x)
    return keras.Model(film, logit, name="small_cnn")


ARCHITECTURE = Architecture(small_cnn, published=({},))
