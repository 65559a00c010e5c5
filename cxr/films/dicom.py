"""DICOM files: what is read of them, and the way from a file to a film.

`cxr.films.radiograph` is the way in. `cxr.films.dicom_decode` unpacks the pixels,
`cxr.films.dicom_stored` takes the values out of their bits, `cxr.films.dicom_grey` reads what they
mean and how they are shown, and `cxr.films.dicom_facts` tells what the header says of the film.
"""

from __future__ import annotations

import zlib
from io import BytesIO
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from .bounds import MEGAPIXELS, UnreadableFile, check_ratio, check_size, most_bytes
from .dicom_color import color_luminance, palette_luminance
from .dicom_decode import decode
from .dicom_facts import FACT_TAGS
from .dicom_grey import film_values, numbers, text
from .dicom_jpeg2000 import with_ends
from .dicom_stored import stored_values
from .notes import Note
from .values import FilmValues

__all__ = ["TAGS", "Rendered", "open_dataset", "render"]

# What is read of a file; anything else, names and identifiers included, is never parsed.
TAGS = [
    *FACT_TAGS,
    *("SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "NumberOfFrames"),
    *("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
    *("PixelPaddingValue", "PixelPaddingRangeLimit", "ModalityLUTSequence", "RescaleSlope"),
    *("RescaleIntercept", "VOILUTSequence", "WindowCenter", "WindowWidth", "VOILUTFunction"),
    "WindowCenterWidthExplanation",
    *("PresentationLUTShape", "ExtendedOffsetTable", "ExtendedOffsetTableLengths", "PixelData"),
    *(
        f"{prefix}{colour}PaletteColorLookupTable{part}"
        for colour in ("Red", "Green", "Blue")
        for prefix, part in (("", "Descriptor"), ("", "Data"), ("Segmented", "Data"))
    ),
]

_DEFLATED = b"1.2.840.10008.1.2.1.99"
_GREY = ("MONOCHROME1", "MONOCHROME2")
_YBR = ("YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_420", "YBR_ICT", "YBR_RCT")


class Rendered(NamedTuple):
    """A film out of its file.

    Attributes
    ----------
    pixels : numpy.ndarray
        float32 of (rows, columns) in [0, 1], white = dense.
    values : FilmValues or None
        What they were made of; None for a film in color.
    notes : tuple of Note
        What a reader should know of how it was read.
    """

    pixels: NDArray[np.float32]
    values: FilmValues | None
    notes: tuple[Note, ...]


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
        packed = data
        data = inflater.decompress(data[meta_end:], most_bytes())
        check_ratio(len(data), len(packed))
        if inflater.unconsumed_tail:
            raise UnreadableFile(
                "The DICOM file is too large once inflated. Export it smaller, "
                f"or {MEGAPIXELS.how}."
            )
        if not inflater.eof:
            raise UnreadableFile("The DICOM file is incomplete. Copy or export it again.")
    dataset = dcmread(BytesIO(data), force=True, specific_tags=list(TAGS))
    if "PixelData" not in dataset and (ended := with_ends(data)):
        dataset = dcmread(BytesIO(ended), force=True, specific_tags=list(TAGS))
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
    words = int(dataset.get("SamplesPerPixel") or 1) * int(dataset.get("BitsAllocated") or 8)
    check_size(columns, rows, words / 8)
    if dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        check_ratio(rows * columns * words // 8, len(dataset.PixelData))
    return dataset


def render(dataset: Dataset) -> Rendered:
    """Take the whole way from a dataset to a film.

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
    words, color, marked, cut_short = decode(dataset)
    if words.ndim != 2 + (kind in (*_YBR, "RGB")):
        raise UnreadableFile("The DICOM file contradicts itself. Export the film again.")
    notes = [Note.CUT_SHORT] if cut_short else []
    stored = stored_values(words, dataset)
    if kind == "PALETTE COLOR":
        return Rendered(palette_luminance(stored.values, dataset), None, tuple(notes))
    if kind not in _GREY:
        pixels, believed = color_luminance(stored.values, color, int(dataset.BitsStored), marked)
        notes += [] if believed else [Note.CHROMA]
        return Rendered(pixels, None, tuple(notes))
    notes += [] if stored.believed else [Note.BIT_DEPTH]
    values, more = film_values(stored.values, dataset, stored.ends)
    return Rendered(values.pixels(), values, (*notes, *more))
