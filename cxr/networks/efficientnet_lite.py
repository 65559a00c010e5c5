"""The EfficientNet-Lite family as flat graphs; each size has its own file.

References
----------
Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019. The
Lite variants: no squeeze-and-excitation, ReLU6 for swish, stem and head of fixed width, first and
last stage of fixed depth. Pooling by the log of the sum of exponentials: Pinheiro and Collobert,
"From Image-level to Pixel-level Labeling with Convolutional Networks", 2015.
"""

from __future__ import annotations

import math
import string

import keras
from keras import layers

__all__ = ["IMAGENET_CLASSES", "POOLINGS", "SIZES", "graph"]

IMAGENET_CLASSES = 1000

# Stages 1 to 7 of EfficientNet-B0: blocks, kernel, stride of the first block, expansion, width.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
#: Factors of width and depth by which the sizes differ from EfficientNet-B0.
SIZES = {"efficientnet_lite0": (1.0, 1.0), "efficientnet_lite2": (1.1, 1.2)}
#: How the last features become one logit.
POOLINGS = ("average", "evidence", "fine_evidence")
#: Channels of the small decoder before a fine map of evidence.
FINE_WIDTH = 96
STEM_WIDTH = 32
HEAD_WIDTH = 1280
EPSILON = 1e-3  # of every batch normalisation, as the ImageNet weights were trained


def graph(
    name: str,
    classes: int = 1,
    *,
    input_size: int = 224,
    dropout: float = 0.2,
    momentum: float = 0.9,
    drop_connect: float = 0.0,
    pooling: str = "average",
) -> keras.Model:
    """Build a network of the family with random weights.

    With `IMAGENET_CLASSES` logits `cxr.networks.pretrained.load_imagenet` also fills in the
    last layer, so that the network can be tried on photographs.

    Parameters
    ----------
    name : str
        One of `SIZES`.
    classes : int, default: 1
        Number of logits.
    input_size : int, default: 224
        Height and width of the input in pixels, at least 32.
    dropout : float, default: 0.2
        Share of the pooled features dropped in training, in [0, 1).
    momentum : float, default: 0.9
        Momentum of the batch normalisation averages, in [0, 1]. The 0.99 of the ImageNet training
        needs thousands of steps to move; 0.9 follows a short one.
    drop_connect : float, default: 0.0
        Share of whole residual branches dropped a film in training, in [0, 1): none at the first
        block, rising linearly with depth.
    pooling : str, default: "average"
        One of `POOLINGS`. With "evidence" a last convolution, "evidence", weighs each place of the
        picture by itself, and the logit rises with the log of the sum of their exponentials: a
        single positive place is enough, and the heatmap is that very map. With "fine_evidence" a
        small decoder before it joins the last features, enlarged twice, with those of a sixteenth
        of the input: the map has four times the places.

    Returns
    -------
    keras.Model
        Input (batch, input_size, input_size, 3) in [0, 255], output (batch, classes): logits. The
        last convolution is named "head_conv", or "evidence" with that pooling.

    Raises
    ------
    ValueError
        If an argument is out of its range.
    """
    if name not in SIZES:
        raise ValueError(f"Expected one of {', '.join(SIZES)}. Received: {name!r}")
    if input_size < 32:
        raise ValueError(f"Expected an input_size of at least 32. Received: {input_size}")
    if pooling not in POOLINGS:
        raise ValueError(f"Expected pooling of {', '.join(POOLINGS)}. Received: {pooling!r}")
    for argument, share in (("dropout", dropout), ("drop_connect", drop_connect)):
        if not 0 <= share < 1:
            raise ValueError(f"Expected {argument} in [0, 1). Received: {share}")
    if not 0 <= momentum <= 1:
        raise ValueError(f"Expected momentum in [0, 1]. Received: {momentum}")

    film = keras.Input((input_size, input_size, 3), name="film")
    x = layers.Rescaling(1 / 128, offset=-127 / 128, name="scale")(film)
    x = layers.Conv2D(STEM_WIDTH, 3, strides=2, padding="same", use_bias=False, name="stem_conv")(x)
    x = _normalise(x, "stem", momentum, relu=True)

    stages = _scaled(*SIZES[name])
    total = sum(stage[0] for stage in stages)
    index = 0
    for number, (blocks, kernel, first_stride, expansion, width) in enumerate(stages, start=1):
        for i in range(blocks):
            x = _block(
                x,
                f"block{number}{string.ascii_lowercase[i]}",
                kernel=kernel,
                stride=first_stride if i == 0 else 1,
                expansion=expansion,
                width=width,
                momentum=momentum,
                drop=drop_connect * index / total,
            )
            index += 1
        if number == 5:
            sixteenth = x

    x = layers.Conv2D(HEAD_WIDTH, 1, use_bias=False, name="head_conv")(x)
    x = _normalise(x, "head", momentum, relu=True)
    if pooling == "fine_evidence":
        x = _finer(x, sixteenth, momentum)
    if pooling != "average":
        logit = _evidence(x, classes, dropout)
    else:
        x = layers.GlobalAveragePooling2D(name="pool")(x)
        x = layers.Dropout(dropout, name="dropout")(x)
        logit = layers.Dense(classes, name="logit")(x)
    return keras.Model(film, logit, name=name)


def _finer(
    x: keras.KerasTensor, sixteenth: keras.KerasTensor, momentum: float
) -> keras.KerasTensor:
    """Join the last features with those of a sixteenth of the input, at the latter's size."""
    x = layers.Conv2D(FINE_WIDTH, 1, use_bias=False, name="fine_narrow")(x)
    x = layers.UpSampling2D(2, interpolation="bilinear", name="fine_enlarge")(x)
    skip = layers.Conv2D(FINE_WIDTH, 1, use_bias=False, name="fine_skip")(sixteenth)
    x = _normalise(layers.Add(name="fine_add")([x, skip]), "fine_add", momentum, relu=True)
    x = layers.Conv2D(FINE_WIDTH, 3, padding="same", use_bias=False, name="fine_conv")(x)
    return _normalise(x, "fine_conv", momentum, relu=True)


def _evidence(x: keras.KerasTensor, classes: int, dropout: float) -> keras.KerasTensor:
    """Weigh each place, then pool: the log of the mean of the exponentials, as begun with."""
    places = x.shape[1] * x.shape[2]
    x = layers.Dropout(dropout, name="dropout")(x)
    x = layers.Conv2D(classes, 1, name="evidence")(x)
    return layers.Dense(
        classes,
        kernel_initializer="identity",
        # Evidence never speaks against the finding that it was found for.
        kernel_constraint="non_neg",
        bias_initializer=keras.initializers.Constant(-math.log(places)),
        name="logit",
    )(keras.ops.logsumexp(x, axis=(1, 2)))


def _scaled(width_factor: float, depth_factor: float) -> list[tuple[int, int, int, int, int]]:
    """Scale the stages: widths to the nearest multiple of 8, never more than a tenth down."""
    stages = []
    for i, (blocks, kernel, stride, expansion, width) in enumerate(STAGES):
        wide = width * width_factor
        rounded = max(8, int(wide + 4) // 8 * 8)
        rounded += 8 if rounded < 0.9 * wide else 0
        ends = i in (0, len(STAGES) - 1)  # whose depth the Lite variants keep
        deep = blocks if ends else math.ceil(blocks * depth_factor)
        stages.append((deep, kernel, stride, expansion, rounded))
    return stages


def _block(
    x: keras.KerasTensor,
    name: str,
    *,
    kernel: int,
    stride: int,
    expansion: int,
    width: int,
    momentum: float,
    drop: float,
) -> keras.KerasTensor:
    """Add one inverted residual block: expand, convolve each channel, project, add."""
    block_input = x
    if expansion != 1:
        x = layers.Conv2D(x.shape[-1] * expansion, 1, use_bias=False, name=f"{name}_expand")(x)
        x = _normalise(x, f"{name}_expand", momentum, relu=True)
    # "same" pads more at the bottom and right when the stride is 2; the ImageNet weights, which
    # come from TensorFlow, expect exactly that.
    x = layers.DepthwiseConv2D(
        kernel, strides=stride, padding="same", use_bias=False, name=f"{name}_depthwise"
    )(x)
    x = _normalise(x, f"{name}_depthwise", momentum, relu=True)
    x = layers.Conv2D(width, 1, use_bias=False, name=f"{name}_project")(x)
    x = _normalise(x, f"{name}_project", momentum, relu=False)
    if stride == 1 and block_input.shape[-1] == width:
        if drop > 0:
            x = layers.Dropout(drop, noise_shape=(None, 1, 1, 1), name=f"{name}_drop")(x)
        x = layers.Add(name=f"{name}_add")([x, block_input])
    return x


def _normalise(
    x: keras.KerasTensor, name: str, momentum: float, *, relu: bool
) -> keras.KerasTensor:
    """Add batch normalisation and, if asked, ReLU6."""
    x = layers.BatchNormalization(momentum=momentum, epsilon=EPSILON, name=f"{name}_bn")(x)
    return layers.ReLU(max_value=6, name=f"{name}_relu6")(x) if relu else x
