"""The pixels of a DICOM file, out of whatever they are compressed in."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, get_frame
from pydicom.pixels import get_decoder
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
    UID_dictionary,
)

from . import dicom_jpeg, dicom_jpeg2000
from .bounds import UnreadableFile, check_size, check_stream
from .dicom_plugins import register

__all__ = ["Decoded", "decode"]

# pydicom would try all that are installed. On damaged bytes GDCM ends the whole process, and the
# RLE decoder that is written in Rust panics outside of Exception.
_DECODERS = {
    JPEGBaseline8Bit: dicom_jpeg.LABEL,
    JPEGExtended12Bit: dicom_jpeg.LABEL,
    JPEGLossless: dicom_jpeg.LABEL,
    JPEGLosslessSV1: dicom_jpeg.LABEL,
    JPEGLSLossless: "pyjpegls",
    JPEGLSNearLossless: "pyjpegls",
    JPEG2000Lossless: "pylibjpeg",
    JPEG2000: "pylibjpeg",
    HTJ2KLossless: "pylibjpeg",
    HTJ2KLosslessRPCL: "pylibjpeg",
    HTJ2K: "pylibjpeg",
    RLELossless: "pydicom",
}
#: Decoders of JPEG 2000 and of runs, which take this many bytes per sample, or the time of as many.
_SLOW, WORKED_IN = ("pylibjpeg", "pydicom"), 4
register(dicom_jpeg)
register(dicom_jpeg2000)


class Decoded(NamedTuple):
    """What comes out of the pixel data.

    Attributes
    ----------
    words : numpy.ndarray
        Integers of (rows, columns) or (rows, columns, samples), signed as the header says.
    color : str
        Photometric interpretation of the words.
    is_rgb : bool or None
        Whether colors are red, green and blue as a marker of the compressed stream says; None
        where none does.
    cut_short : bool
        Whether the stream ended early.
    """

    words: NDArray[Any]
    color: str
    is_rgb: bool | None
    cut_short: bool


def decode(dataset: Dataset) -> Decoded:
    """Decode the words of the pixels, all their bits as they are stored.

    Raises
    ------
    UnreadableFile
        If the transfer syntax is not one that is decoded here, or the compressed stream is larger
        than allowed, whatever the header says.
    """
    syntax = dataset.file_meta.TransferSyntaxUID
    options: dict[str, Any] = {"correct_unused_bits": False}  # `dicom_stored` does that
    transform, cut_short = None, False
    if syntax.is_encapsulated:
        if syntax not in _DECODERS:
            # Of others the name would be whatever the file says.
            named = f": {syntax.name}" if syntax in UID_dictionary else ""
            raise UnreadableFile(
                f"The DICOM file is compressed in a way that is not read here{named}. "
                "Export the film uncompressed."
            )
        samples = int(dataset.get("SamplesPerPixel") or 1)
        if _DECODERS[syntax] in _SLOW:
            check_size(int(dataset.Columns), int(dataset.Rows), WORKED_IN * samples)
        frame = _checked_frame(dataset)
        transform = _adobe_transform(frame)
        dataset.PixelData = encapsulate([frame])
        for offsets in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
            dataset.pop(offsets, None)  # of the frame as it was
        options["decoding_plugin"] = _DECODERS[syntax]
        if syntax in dicom_jpeg2000.SYNTAXES:
            cut_short = dicom_jpeg2000.ends_early(frame)
            if samples == 1 and dicom_jpeg2000.is_long(frame):
                options["decoding_plugin"] = dicom_jpeg2000.LABEL
    decoder = get_decoder(syntax)
    try:
        words, said = decoder.as_array(dataset, raw=True, **options)
    except (RuntimeError, ValueError):
        if not cut_short:
            raise
        options["decoding_plugin"] = dicom_jpeg2000.LABEL
        words, said = decoder.as_array(dataset, raw=True, **options)
    is_rgb = None if transform is None else transform == 0
    return Decoded(words, str(said["photometric_interpretation"]), is_rgb, cut_short)


def _checked_frame(dataset: Dataset) -> bytes:
    """Return the one compressed frame, its size checked, repaired where decoders would fail."""
    syntax = dataset.file_meta.TransferSyntaxUID
    tables = (dataset.get("ExtendedOffsetTable"), dataset.get("ExtendedOffsetTableLengths"))
    offsets = tables if all(tables) else None
    data = dataset.PixelData
    frame = bytearray(get_frame(data, 0, number_of_frames=1, extended_offsets=offsets))
    for marker, at in _markers(frame):
        if marker == 0xDA:  # start of scan: length, components, 2 bytes for each, Ss, Se, AhAl
            first = at + 3 + 2 * frame[at + 2]
            sequential = syntax in (JPEGBaseline8Bit, JPEGExtended12Bit)
            if sequential and frame[first : first + 3] == b"\0\0\0":
                # Some writers leave the end of the spectral selection at 0, where T.81 B.2.3
                # wants 63, and decoders that go by the book refuse the film.
                frame[first + 1] = 63
            break
        if marker == 0xEE:
            continue
        if marker == 0x51:  # size of a JPEG 2000
            right, bottom, left, top = struct.unpack_from(">IIII", frame, at + 4)
            width, height = right - left, bottom - top
            (samples,) = struct.unpack_from(">H", frame, at + 36)
            size = WORKED_IN * samples
        else:
            precision, height, width, samples = struct.unpack_from(">BHHB", frame, at + 2)
            size = samples * (1 if precision <= 8 else 2)
        check_size(width, height, size)
        if marker == 0x51:
            dicom_jpeg2000.check_tiles(frame, at)
            check_stream(len(frame), width * height * samples)
    if syntax in (JPEGLSLossless, JPEGLSNearLossless):
        frame += b"\xff\xd9"  # on one that was cut short the decoder waits for its end forever
    return bytes(frame)


def _adobe_transform(frame: bytes) -> int | None:
    """What the Adobe marker of a JPEG says of its colors: 0 for none, 1 for YCbCr."""
    for marker, at in _markers(bytearray(frame[:65536])):
        if marker == 0xEE and frame[at + 2 : at + 7] == b"Adobe":
            return frame[at + 13]
    return None


def _markers(frame: bytearray) -> Iterator[tuple[int, int]]:
    """Markers of a JPEG's frames, scans and colors, or of the size of a JPEG 2000, with offsets."""
    size = frame.find(b"\xff\x4f\xff\x51", 0, 4096)
    if size >= 0:
        yield 0x51, size + 4
        return
    at = 2
    while frame[:2] == b"\xff\xd8" and at + 4 < len(frame) and frame[at] == 0xFF:
        marker, start = frame[at + 1], at + 2
        frame_start = 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)
        if frame_start or marker in (0xF7, 0xDA, 0xEE):  # F7: the frame of a JPEG-LS
            yield marker, start
        at = start + int.from_bytes(frame[start : start + 2], "big")
