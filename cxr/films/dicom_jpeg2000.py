"""JPEG 2000 in DICOM files: streams that end early as far as they go, long ones by all cores.

A decoding plugin for pydicom, for those streams alone. The decoder that is used for all others
goes by OpenJPEG's strict mode, in which a stream that lacks its last byte is no picture at all, and
uses one core, and has no switch for either; so the library that comes with imagecodecs or Pillow
is called here. Where it is not found, films that end early stay unreadable, and long ones take
their time.
"""

from __future__ import annotations

import ctypes
import math
import os
import struct
from collections.abc import Iterator
from ctypes.util import find_library
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.uid import HTJ2K, JPEG2000, HTJ2KLossless, HTJ2KLosslessRPCL, JPEG2000Lossless

if TYPE_CHECKING:
    from pydicom.pixels.decoders.base import DecodeRunner

__all__ = [
    "DECODER_DEPENDENCIES",
    "LABEL",
    "SYNTAXES",
    "check_tiles",
    "decode_frame",
    "ends_early",
    "is_available",
    "is_long",
    "with_ends",
]

#: The name of the plugin.
LABEL = "cxr-openjpeg"
SYNTAXES = (JPEG2000Lossless, JPEG2000, HTJ2KLossless, HTJ2KLosslessRPCL, HTJ2K)
#: What pydicom asks a plugin for: the transfer syntaxes it decodes, and the packages it needs.
DECODER_DEPENDENCIES = dict.fromkeys(SYNTAXES, ("imagecodecs",))

_START = b"\xff\x4f\xff\x51"
# An element of unknown length, as compressed pixels are; OW is not allowed, and met.
_PIXELS = tuple(b"\xe0\x7f\x10\0%s\0\0\xff\xff\xff\xff" % vr for vr in (b"OB", b"OW"))
_ITEM = b"\xfe\xff\x00\xe0"
_CLOSED = b"\xfe\xff\xdd\xe0\0\0\0\0"
_TILE_PART, _END = 0xFF90, 0xFFD9
#: Bytes of a stream from which on it is shared among cores: half a second for one of them.
LONG = 3_000_000
#: Numbers of tiles have two bytes, of which the last is none.
MOST_TILES = 65_535
_CORES = 4  # more gain little, and others want theirs
_PARAMETERS = 1 << 16  # bytes; OpenJPEG's own structure has about 8 kB


def ends_early(frame: bytes) -> bool:
    """Tell whether a JPEG 2000 stream lacks a part of what its own lengths promise.

    Parameters
    ----------
    frame : bytes
        The stream, or a JP2 file around it.
    """
    start = frame.find(_START, 0, 4096)
    if start < 0:
        return False
    right, bottom, _, _, width, height, x, y = struct.unpack_from(">8I", frame, start + 8)
    if not width or not height:
        return False
    missing = set(range(math.ceil((right - x) / width) * math.ceil((bottom - y) / height)))
    try:
        for at, tile, length in _tile_parts(frame, start + 2):
            if length == 0:  # up to the end of the stream
                return not frame.rstrip(b"\0").endswith(_END.to_bytes(2, "big"))
            if at + length > len(frame):
                return True
            missing.discard(tile)
    except struct.error:
        return True
    return bool(missing)


def check_tiles(frame: bytes | bytearray, at: int) -> None:
    """Check that the tiles of a JPEG 2000 cover its picture (T.800 B.3), before one is looked for.

    Parameters
    ----------
    frame : bytes
        The stream, or a JP2 file around it.
    at : int
        Where the size begins: behind the marker SIZ.

    Raises
    ------
    ValueError
        If they do not, or are more than can be numbered. Decoders, and whoever counts the tiles,
        take their number for memory without a second look.
    """
    right, bottom, left, top, width, height, x, y = struct.unpack_from(">8I", frame, at + 4)
    if not (x <= left < x + width and y <= top < y + height):
        raise ValueError("tiles that do not begin at the picture")
    if math.ceil((right - x) / width) * math.ceil((bottom - y) / height) > MOST_TILES:
        raise ValueError("more tiles than have a number")


def is_long(frame: bytes) -> bool:
    """Tell whether a stream of a JPEG 2000 is worth sharing among cores, and can be."""
    return len(frame) >= LONG and _library() is not None


def with_ends(data: bytes) -> bytes | None:
    """Close the pixel data of a DICOM file of JPEG 2000 that ends in the midst of them.

    Returns
    -------
    bytes or None
        The file, its last fragment as long as it is; None if it is none of that kind.
    """
    at = max(map(data.rfind, _PIXELS))
    if at < 0 or not any(uid.encode() in data[132:1024] for uid in SYNTAXES):
        return None
    at += len(_PIXELS[0])
    while data[at : at + 4] == _ITEM:
        (length,) = struct.unpack_from("<I", data + b"\0\0\0\0", at + 4)
        left = len(data) - at - 8
        if length > left > 0:
            # Of an even length, as all are; zeros after the stream say nothing.
            fragment = data[at + 8 :] + b"\0" * (left % 2)
            return data[: at + 4] + struct.pack("<I", len(fragment)) + fragment + _CLOSED
        at += 8 + length
    return data[:at] + _CLOSED if at >= len(data) else None


def _tile_parts(frame: bytes, at: int) -> Iterator[tuple[int, int, int]]:
    """Offset, tile and length of each tile part."""
    while at + 2 <= len(frame):
        marker, size = struct.unpack_from(">HH", frame + b"\0\0", at)
        if marker == _TILE_PART:
            tile, length = struct.unpack_from(">HI", frame, at + 4)
            yield at, tile, length
            at += length or len(frame)
        elif marker == _END or marker < 0xFF00:
            return
        else:
            at += 2 + size


def is_available(uid: str) -> bool:
    """Return whether a transfer syntax is decoded here."""
    return uid in DECODER_DEPENDENCIES and _library() is not None


def decode_frame(data: bytes, runner: DecodeRunner) -> bytearray:
    """Decode one frame: whole, or as far as it goes where it ends early.

    Parameters
    ----------
    data : bytes
        The stream.
    runner : DecodeRunner
        What pydicom knows of the frame. It is told here how wide the values are and how colors lie.

    Returns
    -------
    bytearray
        The values, color by pixel, of 8, 16 or 32 bits each.

    Raises
    ------
    ValueError
        If nothing can be read of it, or its size is not what the header says.
    """
    shape = (runner.rows, runner.columns, runner.samples_per_pixel)
    values, width = _decoded(data, shape)
    runner.set_option("bits_allocated", width)
    if runner.samples_per_pixel > 1:
        runner.set_option("planar_configuration", 0)
        if runner.photometric_interpretation in ("YBR_ICT", "YBR_RCT"):
            runner.set_option("photometric_interpretation", "RGB")
    return values


class _Component(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_uint32) for name in ("dx", "dy", "w", "h", "x0", "y0", "prec", "bpp")),
        *((name, ctypes.c_uint32) for name in ("sgnd", "resno_decoded", "factor")),
        ("data", ctypes.POINTER(ctypes.c_int32)),
        ("alpha", ctypes.c_uint16),
    )


class _Image(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_uint32) for name in ("x0", "y0", "x1", "y1", "numcomps")),
        ("color_space", ctypes.c_int),
        ("comps", ctypes.POINTER(_Component)),
        ("icc_profile_buf", ctypes.c_void_p),
        ("icc_profile_len", ctypes.c_uint32),
    )


_Read = ctypes.CFUNCTYPE(ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)
_Skip = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)
_Seek = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int64, ctypes.c_void_p)


@cache
def _library() -> Any:
    """OpenJPEG 2.5 or later; None where there is none."""
    paths = [find_library("openjp2")]
    for package in ("imagecodecs", "pillow"):
        try:
            files = metadata.files(package) or ()
        except metadata.PackageNotFoundError:
            continue
        paths += [str(file.locate()) for file in files if "openjp2" in file.name]
    for path in filter(None, paths[1:] + paths[:1]):
        try:
            library = ctypes.CDLL(path)
            library.opj_decoder_set_strict_mode.argtypes = (ctypes.c_void_p, ctypes.c_int)
        except (OSError, AttributeError):
            continue
        return _typed(library)
    return None


def _typed(library: Any) -> Any:
    pointer = ctypes.c_void_p
    image = ctypes.POINTER(_Image)
    for name, returned, arguments in (
        ("opj_create_decompress", pointer, (ctypes.c_int,)),
        ("opj_set_default_decoder_parameters", None, (pointer,)),
        ("opj_setup_decoder", ctypes.c_int, (pointer, pointer)),
        ("opj_stream_create", pointer, (ctypes.c_size_t, ctypes.c_int)),
        ("opj_stream_set_user_data", None, (pointer, pointer, pointer)),
        ("opj_stream_set_user_data_length", None, (pointer, ctypes.c_uint64)),
        ("opj_stream_set_read_function", None, (pointer, _Read)),
        ("opj_stream_set_skip_function", None, (pointer, _Skip)),
        ("opj_stream_set_seek_function", None, (pointer, _Seek)),
        ("opj_codec_set_threads", ctypes.c_int, (pointer, ctypes.c_int)),
        ("opj_read_header", ctypes.c_int, (pointer, pointer, ctypes.POINTER(image))),
        ("opj_decode", ctypes.c_int, (pointer, pointer, image)),
        ("opj_image_destroy", None, (image,)),
        ("opj_destroy_codec", None, (pointer,)),
        ("opj_stream_destroy", None, (pointer,)),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = returned, arguments
    return library


class _Source:
    """A stream of OpenJPEG's over bytes."""

    def __init__(self, library: Any, data: bytes) -> None:
        self.data, self.at = data, 0
        # OpenJPEG keeps no reference: they must live as long as the stream does.
        self.calls = _Read(self._read), _Skip(self._skip), _Seek(self._seek)
        self.stream = library.opj_stream_create(1 << 20, 1)
        library.opj_stream_set_user_data(self.stream, None, None)
        library.opj_stream_set_user_data_length(self.stream, len(data))
        library.opj_stream_set_read_function(self.stream, self.calls[0])
        library.opj_stream_set_skip_function(self.stream, self.calls[1])
        library.opj_stream_set_seek_function(self.stream, self.calls[2])

    def _read(self, into: int, size: int, _: int) -> int:
        part = self.data[self.at : self.at + size]
        if not part:
            return ctypes.c_size_t(-1).value  # the end
        ctypes.memmove(into, part, len(part))
        self.at += len(part)
        return len(part)

    def _skip(self, size: int, _: int) -> int:
        moved = min(size, len(self.data) - self.at)
        self.at += moved
        return moved if moved or not size else -1

    def _seek(self, at: int, _: int) -> int:
        self.at = min(at, len(self.data))
        return int(self.at == at)


def _decoded(data: bytes, shape: tuple[int, int, int]) -> tuple[bytearray, int]:
    """Return the values of (rows, columns, samples), and the bits that each takes."""
    library = _library()
    if library is None:
        raise ValueError("OpenJPEG was not found.")
    start = data.find(_START, 0, 4096)
    source = _Source(library, data[max(0, start) :])
    codec = library.opj_create_decompress(0)
    image = ctypes.POINTER(_Image)()
    try:
        parameters = ctypes.create_string_buffer(_PARAMETERS)
        library.opj_set_default_decoder_parameters(parameters)
        done = (
            library.opj_setup_decoder(codec, parameters)
            and library.opj_decoder_set_strict_mode(codec, int(not ends_early(data)))
            and (library.opj_codec_set_threads(codec, _cores()) or True)
            and library.opj_read_header(source.stream, codec, ctypes.byref(image))
            and library.opj_decode(codec, source.stream, image)
        )
        if not done:
            raise ValueError("Nothing can be read of the JPEG 2000.")
        return _values(image.contents, shape)
    finally:
        if image:
            library.opj_image_destroy(image)
        library.opj_destroy_codec(codec)
        library.opj_stream_destroy(source.stream)


def _cores() -> int:
    """How many cores to use, of those that this process may."""
    has = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(_CORES, has or 1)


def _values(image: _Image, shape: tuple[int, int, int]) -> tuple[bytearray, int]:
    components = [image.comps[number] for number in range(image.numcomps)]
    sizes = {(component.h, component.w) for component in components}
    if len(sizes) != 1 or not all(component.data for component in components):
        raise ValueError("The parts of the JPEG 2000 are not of one size.")
    (size,) = sizes
    if (*size, len(components)) != shape:
        raise ValueError("The JPEG 2000 is not of the size that the header says.")
    precision = max(component.prec for component in components)
    width = 8 if precision <= 8 else 16 if precision <= 16 else 32
    # Into one array of the width that is wanted: a copy of all in 32 bits would be the largest.
    values = bytearray(math.prod(shape) * width // 8)
    planes = np.frombuffer(values, f"<i{width // 8}").reshape(shape)
    for number, component in enumerate(components):
        plane = np.ctypeslib.as_array(component.data, size)
        np.copyto(planes[..., number], plane, casting="unsafe")
    return values, width
