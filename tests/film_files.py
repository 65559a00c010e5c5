"""Films made up for tests: what a file holds is known to the last pixel."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

PNG_SAMPLES = {0: 1, 2: 3, 4: 2, 6: 4}  # colour type: samples a pixel
ADAM_7 = [  # first row, first column, step down, step right
    *((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4)),
    *((2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)),
]


def scene(height: int = 48, width: int = 64, top: int = 255) -> NDArray[Any]:
    """A smooth picture without symmetry that uses every value from 0 to ``top``."""
    y, x = np.mgrid[:height, :width]
    waves = np.sin(x / 9) + np.cos(y / 7) + x / width + y / height / 3
    waves = (waves - waves.min()) / np.ptp(waves)
    return np.rint(waves * top).astype(np.uint8 if top < 256 else np.uint16)


def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    """A Pillow image as the bytes of a file."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_16(samples: NDArray[Any], colour: int, *extra: bytes, interlaced: bool = False) -> bytes:
    """A PNG of 16-bit samples (height, width, samples a pixel), which Pillow cannot write.

    Rows are filtered by their left neighbour, so that a decoder has to know the pixel's length.
    """
    height, width = samples.shape[:2]
    step = 2 * PNG_SAMPLES[colour]
    raw = b""
    for top, left, down, right in ADAM_7 if interlaced else [(0, 0, 1, 1)]:
        part = np.ascontiguousarray(samples[top::down, left::right].astype(">u2"))
        rows = part.view(np.uint8).reshape(len(part), -1)
        filtered = rows.copy()
        filtered[:, step:] = rows[:, step:] - rows[:, :-step]
        raw += np.insert(filtered, 0, 1, axis=1).tobytes()
    header = struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, int(interlaced))
    body = chunk(b"IHDR", header) + b"".join(extra) + chunk(b"IDAT", zlib.compress(raw))
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IEND", b"")


def dicom_dataset(values: NDArray[Any], **tags: Any) -> FileDataset:
    """A DICOM film of these stored values; a tag given as None is left out."""
    colour = values.ndim == 3
    dataset = FileDataset(None, {}, file_meta=FileMetaDataset(), preamble=b"\0" * 128)
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = DigitalXRayImageStorageForPresentation
    dataset.SOPInstanceUID = "1.2.3.4"
    depth = 8 * values.dtype.itemsize
    facts: dict[str, Any] = {
        "PatientName": "SECRET^NAME",
        "PatientID": "SECRET-1",
        "Modality": "DX",
        "SamplesPerPixel": 3 if colour else 1,
        "PhotometricInterpretation": "RGB" if colour else "MONOCHROME2",
        "Rows": values.shape[0],
        "Columns": values.shape[1],
        "BitsAllocated": depth,
        "BitsStored": depth,
        "PixelRepresentation": int(values.dtype.kind == "i"),
    }
    if colour:
        facts["PlanarConfiguration"] = 0
    facts["PixelData"] = values.tobytes() + b"\0" * (values.nbytes % 2)
    for keyword, value in {**facts, **tags}.items():
        if value is not None:
            setattr(dataset, keyword, value)
    dataset.HighBit = dataset.BitsStored - 1
    if "PixelData" in dataset:
        dataset["PixelData"].VR = "OB" if depth == 8 else "OW"
    return dataset


def dicom(values: NDArray[Any], **tags: Any) -> bytes:
    """The bytes of `dicom_dataset`."""
    return save(dicom_dataset(values, **tags))


def save(dataset: Dataset, syntax: UID | None = None) -> bytes:
    """A dataset as the bytes of a DICOM file."""
    if syntax is not None:
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.set_original_encoding(syntax.is_implicit_VR, syntax.is_little_endian)
    out = io.BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def lut(entries: list[int], first: int, bits: int) -> Dataset:
    """An item of a modality or values-of-interest lookup table sequence."""
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(entries), first, bits])
    item.add_new("LUTData", "US", entries)
    return item
