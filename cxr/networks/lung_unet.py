"""A small U-Net that says of each pixel of a film whether it lies in a lung field.

References
----------
Ronneberger, Fischer and Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation",
2015. Here skips are added rather than put side by side, which is what keeps it small.
"""

from __future__ import annotations

import keras
from keras import layers

__all__ = ["lung_unet"]

#: Channels at a half, a quarter, ... of the input's side.
WIDTHS = (16, 32, 64, 80, 96)


def lung_unet(input_size: int = 224) -> keras.Model:
    """Build the lung network with random weights: under half a million parameters.

    Parameters
    ----------
    input_size
        Height and width of the input in pixels, a multiple of 32.

    Returns
    -------
    keras.Model
        Input (batch, input_size, input_size, 1) in [0, 255], output of the same shape: logits,
        positive where a pixel lies in a lung field.

    Raises
    ------
    ValueError
        If the input cannot be halved five times.
    """
    if input_size < 32 or input_size % 32:
        raise ValueError(f"Expected an input_size that 32 divides. Received: {input_size}")
    film = keras.Input((input_size, input_size, 1), name="film")
    x = layers.Rescaling(1 / 64, offset=-2.0, name="scale")(film)
    skips = []
    for level, width in enumerate(WIDTHS, start=1):
        x = _convolution(x, width, f"down{level}a", strides=2)
        x = _convolution(x, width, f"down{level}b")
        skips.append(x)
    for level in range(len(WIDTHS) - 1, 0, -1):
        x = layers.Conv2D(WIDTHS[level - 1], 1, name=f"up{level}_narrow")(x)
        x = layers.UpSampling2D(2, interpolation="bilinear", name=f"up{level}_enlarge")(x)
        x = layers.Add(name=f"up{level}_add")([x, skips[level - 1]])
        x = _convolution(x, WIDTHS[level - 1], f"up{level}")
    x = layers.Conv2D(1, 1, name="logit")(x)
    x = layers.UpSampling2D(2, interpolation="bilinear", name="lungs")(x)
    return keras.Model(film, x, name="lung_unet")


def _convolution(
    x: keras.KerasTensor, width: int, name: str, *, strides: int = 1
) -> keras.KerasTensor:
    x = layers.Conv2D(
        width, 3, strides=strides, padding="same", use_bias=False, name=f"{name}_conv"
    )(x)
    x = layers.BatchNormalization(momentum=0.95, name=f"{name}_bn")(x)
    return layers.ReLU(name=f"{name}_relu")(x)
