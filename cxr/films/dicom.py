"""DICOM files: what is read of them, and how their pixels are decoded.

`cxr.films.radiograph` is the way in; `cxr.films.dicom_grey` turns stored values into gray, and
`cxr.films.dicom_facts` tells what the header says of the film.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, get_frame
from pydicom.pixels import apply_color_lut
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from . import dicom_jpeg
from .dicom_facts import FACT_TAGS
from .dicom_grey import (
    apply_modality,
    apply_polarity,
    apply_voi,
    luminance,
    numbers,
    padding_mask,
    text,
)
from .pictures import MAX_PIXELS, UnreadableFile, check_size

__all__ = ["TAGS", "decode", "open_dataset", "render"]

# What is read of a file; anything else, names and identifiers included, is never parsed.
TAGS = [
    *FACT_TAGS,
    *("SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "NumberOfFrames"),
    *("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
    *("PixelPaddingValue", "PixelPaddingRangeLimit", "ModalityLUTSequence", "RescaleSlope"),
    *("RescaleIntercept", "VOILUTSequence", "WindowCenter", "WindowWidth", "VOILUTFunction"),
    *("PresentationLUTShape", "ExtendedOffsetTable", "ExtendedOffsetTableLengths", "PixelData"),
    *(
        f"{prefix}{colour}PaletteColorLookupTable{part}"
        for colour in ("Red", "Green", "Blue")
        for prefix, part in (("", "Descriptor"), ("", "Data"), ("Segmented", "Data"))
    ),
]

_DEFLATED = b"1.2.840.10008.1.2.1.99"
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
dicom_jpeg.register()

_GREY = ("MONOCHROME1", "MONOCHROME2")
_YBR = ("YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_420", "YBR_ICT", "YBR_RCT")


def open_dataset(data: bytes) -> Dataset:
    """Parse a DICOM file and check that it holds one picture, before any of it is decoded.

    Parameters
    ----------
    data : bytes
        The file. Without preamble or file meta information the transfer syntax is guessed from
        the first element; a deflated file (PS3.5 A.5) is inflated up to a bound.

    Returns
    -------
    pydicom.Dataset
        With the elements of `TAGS` alone.

    Raises
    ------
    UnreadableFile
        If there is no picture, more than one frame, or more pixels than allowed.
    """
    meta_end = 144 + int.from_bytes(data[140:144], "little")
    if data[128:132] == b"DICM" and _DEFLATED in data[132:meta_end]:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        data = inflater.decompress(data[meta_end:], 4 * MAX_PIXELS)
        if inflater.unconsumed_tail:
            raise UnreadableFile("The DICOM file is too large once inflated. Export it smaller.")
        if not inflater.eof:
            raise UnreadableFile("The DICOM file is incomplete. Copy or export it again.")
    dataset = dcmread(BytesIO(data), force=True, specific_tags=list(TAGS))
    if "TransferSyntaxUID" not in dataset.file_meta:
        implicit, little = dataset.original_encoding
        native = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else native

    rows, columns = int(dataset.get("Rows") or 0), int(dataset.get("Columns") or 0)
    if not dataset.get("PixelData") or not rows or not columns:
        raise UnreadableFile(
            "The DICOM file holds no picture: it is a report or a list, or it is incomplete. "
            "Export the film itself."
        )
    frames = int((numbers(dataset, "NumberOfFrames") or [1])[0])
    if frames > 1:
        raise UnreadableFile(
            f"The DICOM file holds {frames} frames; a film is a single one. "
            "Export the frame you want as a picture of its own."
        )
    check_size(columns, rows)
    return dataset


def decode(dataset: Dataset) -> NDArray[Any]:
    """Decode the stored values, as (rows, columns) or, for color, (rows, columns, 3) RGB.

    Raises
    ------
    UnreadableFile
        If the transfer syntax is not one that is decoded here, or the compressed stream is larger
        than allowed, whatever the header says.
    """
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax.is_encapsulated:
        if syntax not in _DECODERS:
            raise UnreadableFile(
                f"The DICOM file is compressed in a way that is not read here: {syntax.name}. "
                "Export the film uncompressed."
            )
        dataset.PixelData = encapsulate([_checked_frame(dataset)])
        for offsets in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
            dataset.pop(offsets, None)  # of the frame as it was
        dataset.pixel_array_options(decoding_plugin=_DECODERS[syntax])
    values = dataset.pixel_array
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        values = apply_color_lut(values, dataset)[..., :3]
    return values


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
        if marker == 0x51:  # size of a JPEG 2000
            right, bottom, left, top = struct.unpack_from(">IIII", frame, at + 4)
            width, height = right - left, bottom - top
        else:
            height, width = struct.unpack_from(">HH", frame, at + 3)
        check_size(width, height)
    if syntax in (JPEGLSLossless, JPEGLSNearLossless):
        frame += b"\xff\xd9"  # on one that was cut short the decoder waits for its end forever
    return bytes(frame)


def render(dataset: Dataset) -> NDArray[np.float32]:
    """Take the whole way from a dataset to (rows, columns) in [0, 1], white = dense.

    Padding pixels (PS3.3 C.7.5.1.1.2), which hold nothing that was measured, come out black.

    Raises
    ------
    UnreadableFile
        If the picture is neither gray nor color in a way that is known.
    """
    kind = text(dataset, "PhotometricInterpretation").upper()
    if kind not in (*_GREY, *_YBR, "RGB", "PALETTE COLOR"):
        raise UnreadableFile(
            "The DICOM file does not say in a known way how its grey values are meant. "
            "Export the film again as MONOCHROME2."
        )
    dataset.PhotometricInterpretation = kind
    stored = decode(dataset)
    if stored.ndim != 2 + (kind not in _GREY):
        raise UnreadableFile("The DICOM file contradicts itself. Export the film again.")
    if kind not in _GREY:
        bits = 8 * stored.dtype.itemsize if kind == "PALETTE COLOR" else dataset.BitsStored
        return (luminance(stored) / np.float64(2**bits - 1)).astype(np.float32)
    padding = padding_mask(stored, dataset)
    values = apply_modality(stored, dataset)
    grey = apply_voi(values, dataset, None if padding is None else ~padding)
    grey = apply_polarity(grey, dataset).astype(np.float32)
    if padding is not None:
        grey[padding] = 0
    return grey


def _markers(frame: bytearray) -> Iterator[tuple[int, int]]:
    """Markers of a JPEG's frames and scans, or the size marker of a JPEG 2000, with offsets."""
    size = frame.find(b"\xff\x4f\xff\x51", 0, 4096)
    if size >= 0:
        yield 0x51, size + 4
        return
    at = 2
    while frame[:2] == b"\xff\xd8" and at + 4 < len(frame) and frame[at] == 0xFF:
        marker, start = frame[at + 1], at + 2
        frame_start = 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)
        if frame_start or marker in (0xF7, 0xDA):  # F7: the frame of a JPEG-LS
            yield marker, start
        at = start + int.from_bytes(frame[start : start + 2], "big")
