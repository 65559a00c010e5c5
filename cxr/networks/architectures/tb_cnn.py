"""A gray 256x256 network of six convolutions, published for tuberculosis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..architecture import Architecture

if TYPE_CHECKING:
    import keras

__all__ = ["ARCHITECTURE", "POOLINGS", "tb_cnn"]

#: Filters and dropout of the three blocks.
BLOCKS = ((64, 0.25), (128, 0.25), (256, 0.3))
POOLINGS = ("flatten", "average")


def tb_cnn(input_size: int = 256, pooling: str = "flatten") -> keras.Model:
    """Build the tuberculosis network.

    Three blocks of two 3x3 convolutions with ReLU (the first padded, the second not), 2x2 max
    pooling and dropout; then a dense layer of 512, dropout 0.5 and two units. The graph divides
    its input by 255.

    Parameters
    ----------
    input_size : int, default: 256
        Height and width of the input in pixels, at least 32.
    pooling : str, default: "flatten"
        ``flatten`` as published: at 256 pixels 118 of its 119 million parameters lie in the dense
        layer behind it. ``average`` takes the mean over the picture instead: one hundredth of the
        parameters, and any input size.

    Returns
    -------
    keras.Model
        Input (batch, input_size, input_size, 1) in [0, 255], output (batch, 1): the logit.

    Raises
    ------
    ValueError
        If an argument is out of its range.
    """
    import keras
    from keras import layers

    from ..two_way import logit_of_two

    if input_size < 32:
        raise ValueError(f"Expected an input_size of at least 32. Received: {input_size}")
    if pooling not in POOLINGS:
        raise ValueError(f"Expected a pooling of {', '.join(POOLINGS)}. Received: {pooling!r}")
    film = keras.Input((input_size, input_size, 1), name="film")
    x = layers.Rescaling(1 / 255, name="scale")(film)
    for i, (filters, dropout) in enumerate(BLOCKS, start=1):
        for k, padding in enumerate(("same", "valid"), start=1):
            x = layers.Conv2D(
                filters, 3, padding=padding, activation="relu", name=f"block{i}_conv{k}"
            )(x)
        x = layers.MaxPooling2D(2, name=f"block{i}_pool")(x)
        x = layers.Dropout(dropout, name=f"block{i}_dropout")(x)
    if pooling == "flatten":
        x = layers.Flatten(name="flatten")(x)
    else:
        x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dense(512, activation="relu", name="dense")(x)
    x = layers.Dropout(0.5, name="dropout")(x)
    return keras.Model(film, logit_of_two(x), name="tb_cnn")


ARCHITECTURE = Architecture(
    tb_cnn, published=tuple({"pooling": pooling} for pooling in POOLINGS), resample="bilinear"
)
