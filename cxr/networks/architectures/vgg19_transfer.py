"""VGG19 with a dense head, as published for pneumonia: a frozen base and four dense layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..architecture import Architecture

if TYPE_CHECKING:
    import keras

__all__ = ["ARCHITECTURE", "vgg19_transfer"]


def vgg19_transfer(input_size: int = 300, scaling: str = "imagenet") -> keras.Model:
    """Build the transfer network on VGG19; see `cxr.networks.transfer.transfer`.

    Parameters
    ----------
    input_size : int, default: 300
        Height and width of the input in pixels, at least 32.
    scaling : str, default: "imagenet"
        How films are scaled for the base; see `cxr.networks.vgg.convolutions`.

    Returns
    -------
    keras.Model
        Input (batch, input_size, input_size, 3) in [0, 255], output (batch, 1): the logit.
    """
    from ..transfer import transfer

    return transfer("vgg19", input_size=input_size, scaling=scaling)


ARCHITECTURE = Architecture(vgg19_transfer, base="vgg19", published=({},))
