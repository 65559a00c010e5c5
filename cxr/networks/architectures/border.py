"""A logistic regression on the border of a thumbnail, where no lung is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..architecture import Architecture

if TYPE_CHECKING:
    import keras

__all__ = ["ARCHITECTURE", "border"]


def border(input_size: int = 32, width: int = 3) -> keras.Model:
    """Build the baseline: the pixels of the thumbnail's frame, one logit.

    Parameters
    ----------
    input_size : int, default: 32
        Height and width of the thumbnail in pixels.
    width : int, default: 3
        Of the frame in pixels: 3 of 32 is the outer tenth.

    Returns
    -------
    keras.Model
        Input (batch, input_size, input_size, 1) in [0, 255], output (batch, 1): the logit.

    Raises
    ------
    ValueError
        If the frame leaves nothing inside, or is none.
    """
    import keras
    from keras import layers

    if not 0 < width < input_size / 2:
        raise ValueError(f"Expected a width in (0, {input_size / 2}). Received: {width}")
    film = keras.Input((input_size, input_size, 1), name="film")
    x = layers.Rescaling(1 / 255, name="scale")(film)
    last, inner = input_size - width, input_size - 2 * width
    # Four strips: above and below, left and right of the inside.
    strips = [
        layers.Cropping2D(((0, last), (0, 0)), name="above")(x),
        layers.Cropping2D(((last, 0), (0, 0)), name="below")(x),
        layers.Cropping2D(((width, width), (0, last)), name="left")(x),
        layers.Cropping2D(((width, width), (last, 0)), name="right")(x),
    ]
    x = layers.Concatenate(name="pixels")([layers.Flatten()(strip) for strip in strips])
    assert x.shape[-1] == np.square(input_size) - np.square(inner)
    return keras.Model(film, layers.Dense(1, name="logit")(x), name="border")


ARCHITECTURE = Architecture(border, baseline=True)
