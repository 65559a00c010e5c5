"""JPEG in DICOM files, 8 to 16 bits, lossy and lossless, decoded by libjpeg-turbo.

A decoding plugin for pydicom. Those that come with it are under the GPL, refuse 12 bits, or end the
process on damaged bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydicom.uid import JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLossless, JPEGLosslessSV1

from .bounds import check_scans

if TYPE_CHECKING:
    from pydicom.pixels.decoders.base import DecodeRunner

__all__ = ["DECODER_DEPENDENCIES", "LABEL", "decode_frame", "is_available"]

#: The name of the plugin.
LABEL = "cxr"
_SYNTAXES = (JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLossless, JPEGLosslessSV1)
#: What pydicom asks a plugin for: the transfer syntaxes it decodes, and the packages it needs.
DECODER_DEPENDENCIES = dict.fromkeys(_SYNTAXES, ("imagecodecs",))


def is_available(uid: str) -> bool:
    """Return whether a transfer syntax is decoded here."""
    return uid in DECODER_DEPENDENCIES


def decode_frame(data: bytes, runner: DecodeRunner) -> bytes:
    """Decode one frame, without any change of color space.

    Parameters
    ----------
    data : bytes
        The JPEG.
    runner : DecodeRunner
        What pydicom knows of the frame. It is told here how wide the values are and how colors lie.

    Returns
    -------
    bytes
        The values, color by pixel: 8 bits each, 16 bits where the JPEG holds more than 8.

    Raises
    ------
    ValueError
        If the JPEG is damaged or has too many scans, or its size is not what the header says.
    """
    from imagecodecs import Jpeg8Error, jpeg8_decode

    check_scans(data)
    space = "GRAYSCALE" if runner.samples_per_pixel == 1 else "YCBCR"
    try:
        values = jpeg8_decode(data, colorspace=space, outcolorspace=space)
    except Jpeg8Error as error:
        raise ValueError(f"JPEG: {error}") from error
    shape = (runner.rows, runner.columns, runner.samples_per_pixel)
    if values.size != np.prod(shape) or values.shape[:2] != shape[:2]:
        raise ValueError("The JPEG is not of the size that the header says.")
    runner.set_option("bits_allocated", 8 * values.dtype.itemsize)
    if runner.samples_per_pixel > 1:
        runner.set_option("planar_configuration", 0)
    return values.tobytes()
