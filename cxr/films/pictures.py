"""PNG and JPEG files to gray in [0, 1]; `cxr.films.radiograph` is the way in.

Pillow's two picture classes are called directly and not through `Image.open`: that would try every
format there is, and its warning of large pictures is set globally and goes by another limit.
"""

from __future__ import annotations

import io
import logging
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from ..errors import fault
from .bit_depth import find_depth, gathered
from .bounds import UnreadableFile, check_ratio, check_scans, check_size
from .dicom_grey import luminance

__all__ = ["read_jpeg", "read_png"]

logger = logging.getLogger(__name__)

ROWS = 128
PNG_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of a pixel, by color type
#: Parts that a PNG may come in: enough for any film in parts of 8 kB.
MOST_CHUNKS = 100_000
_GREY_16, _RGB_16, _GREY_ALPHA_16, _RGB_ALPHA_16 = 0, 2, 4, 6  # PNG color types


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
    check_size(*image.size, bytes_per_pixel=len(image.getbands()))
    check_ratio(image.width * image.height, len(data))
    check_scans(data)
    image.load()
    pixels = np.empty((image.height, image.width), np.float32)
    for rows in _strips(image.height):
        strip = image.crop((0, rows.start, image.width, rows.stop))
        pixels[rows] = _unit(np.asarray(strip.convert("L")), 255)
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
    samples = PNG_SAMPLES.get(colour, 1)
    check_size(width, height, samples * max(1, depth // 8))
    check_ratio(width * height * samples * depth // 8, len(data))
    if int.from_bytes(chunks.get(b"acTL", b"")[:4], "big") > 1:
        raise UnreadableFile("The PNG picture is animated. Export a single picture of the film.")
    bits = 8 if colour == 3 else depth
    if depth == 16:
        grey, alpha = _png_16(chunks, (width, height), colour, interlaced)
        found = find_depth(grey, _declared(chunks, colour))
        top, bits = found.top, found.bits
        if bits < depth:
            grey, top = gathered(np.minimum(grey >> found.shift, top), top)
        pixels = _unit(grey, top)
        if alpha is not None:
            for rows in _strips(height):
                pixels[rows] *= _unit(alpha[rows], 65535)
    else:
        pixels = _png_8(data)

    def exif() -> Image.Exif:
        loaded = Image.Exif()
        loaded.load(b"Exif\0\0" + chunks.get(b"eXIf", b""))
        return loaded

    return _turned(pixels, exif), bits


def _png_chunks(data: bytes) -> dict[bytes, bytes]:
    """Take a PNG apart; unlike Pillow it checks every checksum, so damage is never scored."""
    chunks: dict[bytes, list[memoryview]] = {}
    at, kind, view = 8, b"", memoryview(data)
    for _ in range(MOST_CHUNKS):
        length, kind = struct.unpack_from(">I4s", data, at)
        body = view[at + 8 : at + 8 + length]
        (checksum,) = struct.unpack_from(">I", data, at + 8 + length)
        if zlib.crc32(body, zlib.crc32(kind)) != checksum:
            raise ValueError("wrong checksum")
        chunks.setdefault(kind, []).append(body)
        at += 12 + length
        if kind == b"IEND":
            return {kind: b"".join(parts) for kind, parts in chunks.items()}
    raise UnreadableFile("The PNG picture is cut into too many parts. Export the film again.")


def _png_8(data: bytes) -> NDArray[np.float32]:
    """Decode samples of up to 8 bits to gray in [0, 1], on black where it is transparent."""
    image = PngImageFile(io.BytesIO(data))
    image.load()
    clear = "transparency" in image.info or image.mode in ("LA", "PA", "RGBA")
    pixels = np.empty((image.height, image.width), np.float32)
    for rows in _strips(image.height):
        strip: Image.Image = image.crop((0, rows.start, image.width, rows.stop))
        if clear:
            strip = strip.convert("RGBA")
        pixels[rows] = _unit(np.asarray(strip.convert("L")), 255)
        if clear:
            pixels[rows] *= _unit(np.asarray(strip.getchannel("A")), 255)
    return pixels


def _declared(chunks: dict[bytes, bytes], colour: int) -> int | None:
    """Return the bits of a sample that the chunk sBIT declares significant; None if it does not."""
    said = chunks.get(b"sBIT", b"")
    shades = 3 if colour in (_RGB_16, _RGB_ALPHA_16) else 1
    return max(said[:shades]) if len(said) >= shades else None


def _png_16(
    chunks: dict[bytes, bytes], size: tuple[int, int], colour: int, interlaced: int
) -> tuple[NDArray[np.uint16], NDArray[np.uint16] | None]:
    """Decode 16-bit samples to (gray, alpha); Pillow alone would keep 8 bits of color or alpha."""

    def unpack(mode: str, rawmode: str) -> Image.Image:
        return Image.frombytes(mode, size, chunks[b"IDAT"], "zip", rawmode, interlaced)

    if colour == _GREY_16:
        images = [unpack("I;16", "I;16B")]
    elif colour == _GREY_ALPHA_16:
        images = [unpack("I", "I;32B")]
    else:
        mode = {_RGB_16: "RGB", _RGB_ALPHA_16: "RGBA"}[colour]
        # The stream is big-endian: taken as such it gives the upper bytes, else the lower ones.
        images = [unpack(mode, f"{mode};16B"), unpack(mode, f"{mode};16L")]
    del chunks[b"IDAT"]  # as large as the file
    width, height = size
    key = np.frombuffer(chunks[b"tRNS"], ">u2") if b"tRNS" in chunks else None
    grey = np.empty((height, width), np.uint16)
    alpha = np.empty_like(grey) if key is not None or colour >= _GREY_ALPHA_16 else None
    for rows in _strips(height):
        parts = [np.asarray(i.crop((0, rows.start, width, rows.stop))) for i in images]
        clear = None
        if colour == _GREY_16:
            samples = grey[rows] = parts[0]
        elif colour == _GREY_ALPHA_16:
            samples = parts[0].view(np.uint32)  # gray in the upper half, alpha in the lower
            grey[rows], clear = samples >> 16, samples & 0xFFFF
        else:
            samples = (parts[0].astype(np.uint16) << 8) | parts[1]
            grey[rows] = luminance(samples)
            clear = samples[..., 3] if colour == _RGB_ALPHA_16 else None
        if key is not None:  # one gray or color that means transparent
            same = samples == (key if samples.ndim == 3 else key[0])
            clear = np.where(same.all(-1) if samples.ndim == 3 else same, 0, 65535)
        if alpha is not None and clear is not None:
            alpha[rows] = clear
    return grey, alpha


def _strips(height: int) -> Iterator[slice]:
    """Part a picture into rows of which little is worked out at a time."""
    return (slice(top, min(height, top + ROWS)) for top in range(0, height, ROWS))


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
