"""Whatever bytes come in: a film with values in [0, 1], or a `RadiographError`."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import apply_modality_lut, apply_voi, apply_windowing
from pydicom.uid import ExplicitVRLittleEndian

import cxr
from cxr.films import dicom_grey

SETTINGS = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def picture(kind: str, mode: str) -> bytes:
    rng = np.random.default_rng(1)
    levels = rng.integers(0, 256, (40, 30), np.uint8)
    image = Image.fromarray(levels).convert(mode)
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def header(rows: int, columns: int, **elements: object) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = "1.2.3"
    dataset.Rows, dataset.Columns = rows, columns
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def dicom() -> bytes:
    dataset = header(40, 30, WindowCenter=2000, WindowWidth=400)
    dataset.PixelData = np.random.default_rng(2).integers(0, 4096, (40, 30), np.uint16).tobytes()
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


#: Files that read well, to be damaged.
WHOLE = [
    picture("PNG", "L"),
    picture("PNG", "RGB"),
    picture("PNG", "P"),
    picture("JPEG", "L"),
    picture("JPEG", "RGB"),
    dicom(),
]


def read_or_refused(data: bytes) -> None:
    refused: cxr.RadiographError | None = None
    try:
        film = cxr.read(data)
    except cxr.RadiographError as error:
        refused = error
    if refused is not None:
        assert refused.code
        assert refused.reason
        return
    assert film.pixels.dtype == np.float32
    assert film.pixels.shape == (film.height, film.width)
    assert film.pixels.size > 0
    assert 0 <= film.pixels.min() <= film.pixels.max() <= 1


@pytest.mark.parametrize("data", WHOLE)
def test_the_files_to_be_damaged_are_films(data: bytes) -> None:
    assert cxr.read(data).pixels.shape == (40, 30)


@SETTINGS
@example(b"")
@example(b"\x89PNG\r\n\x1a\n")
@example(b"\xff\xd8\xff")
@given(st.binary(max_size=600))
def test_any_bytes(data: bytes) -> None:
    read_or_refused(data)


@SETTINGS
@given(st.binary(max_size=300))
def test_any_bytes_behind_the_mark_of_dicom(data: bytes) -> None:
    read_or_refused(bytes(128) + b"DICM" + data)


@SETTINGS
@given(st.data())
def test_any_damage_to_a_file_that_was_whole(data: st.DataObject) -> None:
    file = bytearray(data.draw(st.sampled_from(WHOLE), "file"))
    for _ in range(data.draw(st.integers(1, 8), "changes")):
        at = data.draw(st.integers(0, len(file) - 1), "at")
        match data.draw(st.sampled_from(["byte", "cut", "insert"]), "how"):
            case "byte":
                file[at] = data.draw(st.integers(0, 255), "value")
            case "cut":
                del file[at : at + data.draw(st.integers(1, 40), "length")]
                file = file or bytearray(1)
            case _:
                file[at:at] = data.draw(st.binary(min_size=1, max_size=8), "bytes")
    read_or_refused(bytes(file))


finite = st.floats(-4000, 4000, allow_nan=False, width=32)


@SETTINGS
@given(
    center=finite,
    width=st.floats(1.5, 8000, width=32),
    slope=st.floats(0.25, 4, width=32),
    intercept=finite,
    function=st.sampled_from(["LINEAR", "LINEAR_EXACT", "SIGMOID"]),
)
def test_rescale_and_window_are_those_of_pydicom(
    center: float, width: float, slope: float, intercept: float, function: str
) -> None:
    stored = np.linspace(0, 4095, 256).astype(np.uint16).reshape(16, 16)
    dataset = header(
        16,
        16,
        RescaleSlope=f"{slope:.6g}",
        RescaleIntercept=f"{intercept:.6g}",
        WindowCenter=f"{center:.6g}",
        WindowWidth=f"{width:.6g}",
        VOILUTFunction=function,
    )
    values = dicom_grey.apply_modality(stored, dataset)
    theirs = apply_modality_lut(stored, dataset)
    np.testing.assert_allclose(values, theirs, rtol=1e-9, atol=1e-9)
    grey = dicom_grey.film_values(stored, dataset)[0].pixels()
    assert 0 <= grey.min() <= grey.max() <= 1
    windowed = apply_windowing(theirs, dataset)
    # pydicom gives the output range of the stored bits after rescaling.
    low = float(0 * dataset.RescaleSlope + dataset.RescaleIntercept)
    high = float(4095 * dataset.RescaleSlope + dataset.RescaleIntercept)
    np.testing.assert_allclose(grey, (windowed - low) / (high - low), atol=1e-6)


@SETTINGS
@given(
    first=st.integers(0, 3000),
    entries=st.lists(st.integers(0, 4095), min_size=2, max_size=600),
)
def test_a_values_of_interest_table_is_that_of_pydicom(first: int, entries: list[int]) -> None:
    stored = np.linspace(0, 4095, 256).astype(np.uint16).reshape(16, 16)
    item = Dataset()
    item.LUTDescriptor = [len(entries) + 1, first, 12]
    item.LUTData = [*entries, 4095]  # as many bits as declared
    dataset = header(16, 16, VOILUTSequence=[item])
    grey = dicom_grey.film_values(stored, dataset)[0].pixels()
    np.testing.assert_allclose(grey * 4095, apply_voi(stored, dataset), atol=1e-3)
