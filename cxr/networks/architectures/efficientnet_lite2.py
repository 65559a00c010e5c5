"""EfficientNet-Lite2 as one flat graph ending in the logit of the finding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..architecture import Architecture

if TYPE_CHECKING:
    import keras

__all__ = ["ARCHITECTURE", "efficientnet_lite2"]


def efficientnet_lite2(
    input_size: int = 224,
    dropout: float = 0.2,
    momentum: float = 0.9,
    drop_connect: float = 0.0,
    pooling: str = "average",
) -> keras.Model:
    """Build EfficientNet-Lite2 with one logit and random weights: 4,870,449 parameters.

    `cxr.networks.pretrained.load_imagenet` fills in the ImageNet weights. The arguments are
    those of `cxr.networks.efficientnet_lite.graph`, which also says what it raises.

    Returns
    -------
    keras.Model
        Input (batch, input_size, input_size, 3) in [0, 255], output (batch, 1): the logit. The
        last convolution is named "head_conv".
    """
    from ..efficientnet_lite import graph

    return graph(
        "efficientnet_lite2",
        input_size=input_size,
        dropout=dropout,
        momentum=momentum,
        drop_connect=drop_connect,
        pooling=pooling,
    )


ARCHITECTURE = Architecture(
    efficientnet_lite2, gate_layers=("block3c_add", "block5d_add", "block6e_add")
)
