"""A gray 150x150 network of five convolution blocks, trained from nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..architecture import Architecture

if TYPE_CHECKING:
    import keras

__all__ = ["ARCHITECTURE", "grey_cnn"]

#: (filters, dropout after the convolution) of the five blocks.
BLOCKS = ((32, 0.0), (64, 0.1), (64, 0.0), (128, 0.2), (256, 0.2))


def grey_cnn(input_size: int = 150, momentum: float = 0.97) -> keras.Model:
    """Build the gray network: 1,246,401 parameters at its published size.

    Five blocks of 3x3 same convolution with ReLU, dropout, batch normalization and 2x2 same max
    pooling; then a dense layer of 128 and one logit. The graph divides its input by 255.

    Parameters
    ----------
    input_size : int, default: 150
        Height and width of the input in pixels.
    momentum : float, default: 0.97
        Of the batch normalizations. Keras's default of 0.99 leaves validation at chance for the
        first epochs of a short run: the moving statistics lag behind the weights. At 0.9 they
        follow single batches, and validation accuracy jumps between 0.4 and 0.9.

    Returns
    -------
    keras.Model
        Input (batch, input_size, input_size, 1) in [0, 255], output (batch, 1): the logit.
    """
    import keras
    from keras import layers

    film = keras.Input((input_size, input_size, 1), name="film")
    x = layers.Rescaling(1 / 255, name="scale")(film)
    for i, (filters, dropout) in enumerate(BLOCKS, start=1):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"block{i}_conv")(x)
        if dropout:
            x = layers.Dropout(dropout, name=f"block{i}_dropout")(x)
        x = layers.BatchNormalization(momentum=momentum, name=f"block{i}_norm")(x)
        x = layers.MaxPooling2D(2, padding="same", name=f"block{i}_pool")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(128, activation="relu", name="dense")(x)
    x = layers.Dropout(0.2, name="dropout")(x)
    logit = layers.Dense(1, name="logit")(x)
    return keras.Model(film, logit, name="grey_cnn")


ARCHITECTURE = Architecture(grey_cnn, published=({},), resample="bilinear")
