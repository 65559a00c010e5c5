"""A logistic regression on a thumbnail: what can be told without looking at lungs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..architecture import Architecture

if TYPE_CHECKING:
    import keras

__all__ = ["ARCHITECTURE", "thumbnail"]


def thumbnail(input_size: int = 32) -> keras.Model:
    """Build the baseline: every pixel of the thumbnail, one logit.

    Parameters
    ----------
    input_size : int, default: 32
        Height and width of the thumbnail in pixels.

    Returns
    -------
    keras.Model
        Input (batch, input_size, input_size, 1) in [0, 255], output (batch, 1): the logit.
    """
    import keras
    from keras import layers

    film = keras.Input((input_size, input_size, 1), name="film")
    x = layers.Rescaling(1 / 255, name="scale")(film)
    x = layers.Flatten(name="pixels")(x)
    return keras.Model(film, layers.Dense(1, name="logit")(x), name="thumbnail")


ARCHITECTURE = Architecture(thumbnail, baseline=True)
