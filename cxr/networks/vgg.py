"""The convolutions of VGG16 and VGG19 as a flat graph, for the networks built on them.

References
----------
Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", 2015.
"""

from __future__ import annotations

import keras
from keras import layers

__all__ = ["LAST_POOL", "SCALINGS", "convolutions"]

#: Each base and its name in `keras.applications`.
BUILDERS = {"vgg16": "VGG16", "vgg19": "VGG19"}
#: Where the frozen part ends: the name that Keras gives this layer too.
LAST_POOL = "block5_pool"
#: Mean of ImageNet's blue, green and red, which the published weights expect to be taken away. A
#: film's three channels are equal, so that their order does not matter, but their means do.
IMAGENET_MEAN = (103.939, 116.779, 123.68)
SCALINGS = ("imagenet", "unit")


def convolutions(
    base: str, input_size: int, scaling: str
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Build the five blocks of `keras.applications`, frozen, with random weights.

    Keras's layers are called on the scaled film, not as a model within a model, so that the
    network stays flat. Its ``preprocess_input`` is not a layer: the scaling is one here.

    Parameters
    ----------
    base : str
        ``vgg16`` or ``vgg19``.
    input_size : int
        Height and width of the input in pixels, at least 32.
    scaling : str
        ``imagenet`` takes the mean of ImageNet away, as the weights were trained; ``unit``
        divides by 255, as many a published script does.

    Returns
    -------
    film : keras.KerasTensor
        The input, (batch, input_size, input_size, 3) in [0, 255].
    features : keras.KerasTensor
        (batch, input_size // 32, input_size // 32, 512).

    Raises
    ------
    ValueError
        If an argument is out of its range.
    """
    if base not in BUILDERS:
        raise ValueError(f"Expected a base of {', '.join(BUILDERS)}. Received: {base!r}")
    if input_size < 32:
        raise ValueError(f"Expected an input_size of at least 32. Received: {input_size}")
    if scaling not in SCALINGS:
        raise ValueError(f"Expected a scaling of {', '.join(SCALINGS)}. Received: {scaling!r}")
    film = keras.Input((input_size, input_size, 3), name="film")
    if scaling == "imagenet":
        x = layers.Rescaling(1.0, offset=[-mean for mean in IMAGENET_MEAN], name="scale")(film)
    else:
        x = layers.Rescaling(1 / 255, name="scale")(film)
    build = getattr(keras.applications, BUILDERS[base])
    network = build(weights=None, include_top=False, input_tensor=x)
    for layer in network.layers:
        layer.trainable = False
    return film, network.output
