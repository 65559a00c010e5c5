"""PNG and JPEG files to gray in [0, 1]; `cxr.films.radiograph` is the way in.

Pillow's two picture classes are called directly and not through `Image.open`: that would try every
format there is, and its warning of large pictures is set globally and goes by another limit.
"""

from __future__ import annotations

import io
import logging
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from ..errors import fault
from .bit_depth import find_depth, gathered
from .dicom_grey import luminance

__all__ = ["MAX_PIXELS", "UnreadableFile", "check_size", "read_jpeg", "read_png"]

logger = logging.getLogger(__name__)

MAX_PIXELS = 100_000_000  # several times what detectors have, and it still fits memory

_GREY_16, _RGB_16, _GREY_ALPHA_16, _RGB_ALPHA_16 = 0, 2, 4, 6  # PNG color types


class UnreadableFile(ValueError):  # noqa: N818 - what it is, rather than another "error"
    """A file without a film that can be shown; the text is a sentence for people."""


def check_size(width: int, height: int) -> None:
    """Refuse a picture of more than `MAX_PIXELS`; to be called before anything is decoded.

    Raises
    ------
    UnreadableFile
        If it is too large.
    """
    if width * height > MAX_PIXELS:
        raise UnreadableFile(
            f"The picture is {width:,} x {height:,} pixels; at most {MAX_PIXELS // 1_000_000} "
            "megapixels are taken. Export it smaller."
        )


def read_jpeg(data: bytes) -> NDArray[np.float32]:
    """Decode a JPEG, turned as its EXIF orientation says.

    Returns
    -------
    numpy.ndarray
        float32 of shape (height, width) in [0, 1]; color and CMYK as luminance.

    Raises
    ------
    UnreadableFile
        If it is too large. Anything that Pillow raises comes as it is.
    """
    image = JpegImageFile(io.BytesIO(data))
    check_size(*image.size)
    image.load()
    pixels = _unit(np.asarray(image.convert("L")), 255)
    return _turned(pixels, image.getexif)


def read_png(data: bytes) -> tuple[NDArray[np.float32], int]:
    """Decode a PNG of any kind, put on black where it is transparent.

    Returns
    -------
    pixels : numpy.ndarray
        float32 of shape (height, width) in [0, 1]; color as luminance.
    bits : int
        Meaningful bits of a sample: those that hold the film where that are fewer than the file's
        16, see `cxr.films.bit_depth`; white is the highest level that they allow.

    Raises
    ------
    UnreadableFile
        If it is too large or animated. Anything that Pillow raises comes as it is, and
        ValueError where a checksum is wrong or the end is missing.
    """
    chunks = _png_chunks(data)
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    check_size(width, height)
    if int.from_bytes(chunks.get(b"acTL", b"")[:4], "big") > 1:
        raise UnreadableFile("The PNG picture is animated. Export a single picture of the film.")
    alpha: NDArray[Any] | None = None
    top = 255
    bits = 8 if colour == 3 else depth
    if depth == 16:
        grey, alpha = _png_16(chunks, (width, height), colour, interlaced)
        found = find_depth(grey, _declared(chunks, colour))
        top, bits = found.top, found.bits
        if bits < depth:
            grey, top = gathered(np.minimum(grey >> found.shift, top), top)
    else:
        image: Image.Image = PngImageFile(io.BytesIO(data))
        image.load()
        if "transparency" in image.info or image.mode in ("LA", "PA", "RGBA"):
            image = image.convert("RGBA")
            alpha = np.asarray(image.getchannel("A"))
        grey = np.asarray(image.convert("L"))
    pixels = _unit(grey, top)
    if alpha is not None:
        pixels *= _unit(alpha, 65535 if depth == 16 else 255)

    def exif() -> Image.Exif:
        loaded = Image.Exif()
        loaded.load(b"Exif\0\0" + chunks.get(b"eXIf", b""))
        return loaded

    return _turned(pixels, exif), bits


def _png_chunks(data: bytes) -> dict[bytes, bytes]:
    """Take a PNG apart; unlike Pillow it checks every checksum, so damage is never scored."""
    chunks: dict[bytes, bytes] = {}
    at, kind = 8, b""
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + length]
        (checksum,) = struct.unpack_from(">I", data, at + 8 + length)
        if zlib.crc32(body, zlib.crc32(kind)) != checksum:
            raise ValueError("wrong checksum")
        chunks[kind] = chunks.get(kind, b"") + body
        at += 12 + length
    return chunks


def _declared(chunks: dict[bytes, bytes], colour: int) -> int | None:
    """Return the bits of a sample that the chunk sBIT declares significant; None if it does not."""
    said = chunks.get(b"sBIT", b"")
    shades = 3 if colour in (_RGB_16, _RGB_ALPHA_16) else 1
    return max(said[:shades]) if len(said) >= shades else None


def _png_16(
    chunks: dict[bytes, bytes], size: tuple[int, int], colour: int, interlaced: int
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Decode 16-bit samples to (gray, alpha); Pillow alone would keep 8 bits of color or alpha."""

    def unpack(mode: str, rawmode: str) -> NDArray[Any]:
        packed = chunks[b"IDAT"]
        return np.asarray(Image.frombytes(mode, size, packed, "zip", rawmode, interlaced))

    alpha: NDArray[Any] | None = None
    if colour == _GREY_16:
        samples = unpack("I;16", "I;16B")
        grey = samples
    elif colour == _GREY_ALPHA_16:
        pairs = unpack("I", "I;32B").view(np.uint32)  # gray in the upper half, alpha in the lower
        grey, alpha = pairs >> 16, pairs & 0xFFFF
    else:
        mode = {_RGB_16: "RGB", _RGB_ALPHA_16: "RGBA"}[colour]
        # The stream is big-endian: taken as such it gives the upper bytes, else the lower ones.
        upper, lower = unpack(mode, f"{mode};16B"), unpack(mode, f"{mode};16L")
        samples = (upper.astype(np.uint16) << 8) | lower
        grey = luminance(samples)
        alpha = samples[..., 3] if colour == _RGB_ALPHA_16 else None
    if b"tRNS" in chunks:  # one gray or color that means transparent
        key = np.frombuffer(chunks[b"tRNS"], ">u2")
        same = samples == (key if samples.ndim == 3 else key[0])
        alpha = np.where(same.all(-1) if samples.ndim == 3 else same, 0, 65535)
    return grey, alpha


def _unit(levels: NDArray[Any], top: int) -> NDArray[np.float32]:
    return np.asarray(np.divide(levels, np.float32(top), dtype=np.float32))


def _turned(pixels: NDArray[np.float32], exif: Callable[[], Image.Exif]) -> NDArray[np.float32]:
    """Turn and mirror as the EXIF orientation, 1 to 8, asks; any other changes nothing."""
    try:
        orientation = exif().get(0x0112, 1)
    except Exception as error:  # EXIF in disorder is no reason to refuse a film
        logger.info("The orientation of a picture is not known: %s", fault(error))
        return pixels
    if orientation in (3, 4, 6, 7):
        pixels = pixels[::-1]
    if orientation in (2, 3, 7, 8):
        pixels = pixels[:, ::-1]
    return pixels.T if orientation in (5, 6, 7, 8) else pixels
