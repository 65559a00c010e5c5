from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom.data import get_testdata_file
from pydicom.pixels import apply_modality_lut, apply_voi_lut

from cxr.films.dicom import open_dataset
from cxr.films.dicom_grey import (
    apply_lut,
    apply_modality,
    apply_polarity,
    apply_voi,
    apply_window,
    luminance,
    numbers,
    padding_mask,
    text,
)
from tests.film_files import dicom_dataset, lut, scene

VALUES = scene(top=4095)


def normalised(values, dataset):
    """What pydicom makes of a window, brought from its range of output values to [0, 1]."""
    out = apply_voi_lut(apply_modality_lut(values, dataset), dataset)
    ends = np.array([0, 2**dataset.BitsStored - 1], values.dtype)
    low, high = apply_modality_lut(ends, dataset)
    return (out - low) / (high - low)


@pytest.mark.parametrize("function", [None, "LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize(("center", "width"), [(2048, 4096), (1500, 800), (40.5, 1), (3000, 9000)])
@pytest.mark.parametrize(("slope", "intercept"), [(None, None), (2, -1000), (-1, 4095)])
def test_windows_agree_with_pydicom(function, center, width, slope, intercept):
    dataset = dicom_dataset(
        VALUES,
        BitsStored=12,
        WindowCenter=center,
        WindowWidth=width,
        VOILUTFunction=function,
        RescaleSlope=slope,
        RescaleIntercept=intercept,
    )
    got = apply_voi(apply_modality(VALUES, dataset), dataset, None)
    np.testing.assert_allclose(got, normalised(VALUES, dataset), atol=1e-9)


def test_a_linear_window_over_all_the_bits_is_the_stored_value():
    np.testing.assert_allclose(apply_window(VALUES, 2048, 4096, "LINEAR"), VALUES / 4095)


def test_a_width_below_one_is_taken_as_exact():
    got = apply_window(np.array([0.0, 0.5, 1.0]), 0.5, 0.5, "LINEAR")
    np.testing.assert_allclose(got, [0, 0.5, 1])


def test_a_sigmoid_far_away_does_not_overflow():
    with np.errstate(all="raise"):
        got = apply_window(np.array([-1e9, 0.0, 1e9]), 0, 1, "SIGMOID")
    np.testing.assert_allclose(got, [0, 0.5, 1], atol=1e-12)


@pytest.mark.parametrize(
    "window", [{}, {"WindowCenter": 9, "WindowWidth": 0}, {"WindowCenter": 9, "WindowWidth": -5}]
)
def test_without_a_window_of_use_the_range_is_stretched(window):
    values = VALUES // 2 + 100
    got = apply_voi(values, dicom_dataset(values, **window), None)
    np.testing.assert_allclose(got, (values - 100.0) / (values.max() - 100))


def test_a_single_value_is_no_range():
    assert not apply_voi(np.full((4, 4), 7), dicom_dataset(VALUES), None).any()


def test_of_several_windows_the_first_counts():
    several = dicom_dataset(VALUES, WindowCenter=[1000, 3000], WindowWidth=[500, 600])
    one = dicom_dataset(VALUES, WindowCenter=1000, WindowWidth=500)
    np.testing.assert_array_equal(apply_voi(VALUES, several, None), apply_voi(VALUES, one, None))


def test_padding_does_not_count_for_the_range():
    values = VALUES.astype(np.int16) + 1000
    values[:5] = -2000
    dataset = dicom_dataset(values, PixelPaddingValue=-2000)
    padding = padding_mask(values, dataset)
    np.testing.assert_array_equal(padding, values == -2000)
    got = apply_voi(values, dataset, ~padding)
    assert got[5:].min() == 0
    assert got[5:].max() == 1
    np.testing.assert_allclose(np.ptp(values[5:]) * got[5:], values[5:] - values[5:].min())


def test_padding_may_be_a_range_either_way_round():
    for value, limit in ((0, 30), (30, 0)):
        dataset = dicom_dataset(VALUES, PixelPaddingValue=value, PixelPaddingRangeLimit=limit)
        np.testing.assert_array_equal(padding_mask(VALUES, dataset), VALUES <= 30)
    assert padding_mask(VALUES, dicom_dataset(VALUES, PixelPaddingValue=9999)) is None
    assert padding_mask(VALUES, dicom_dataset(VALUES)) is None


@pytest.mark.parametrize("name", ["mlut_18.dcm", "vlut_04.dcm"])
def test_tables_of_real_files_agree_with_pydicom(name):
    dataset = open_dataset(Path(get_testdata_file(name, download=False)).read_bytes())
    stored = dataset.pixel_array
    values = apply_modality(stored, dataset)
    np.testing.assert_array_equal(values, apply_modality_lut(stored, dataset))
    if "VOILUTSequence" in dataset:
        bits = dataset.VOILUTSequence[0].LUTDescriptor[2]
        want = apply_voi_lut(values, dataset) / (2**bits - 1)
        np.testing.assert_allclose(apply_voi(values, dataset, None), want, atol=1e-6)


def test_values_beyond_a_table_take_its_ends():
    item = lut([10, 20, 30], first=100, bits=8)
    values = np.array([[0, 99, 100], [101, 102, 60000]], np.uint16)
    got, top = apply_lut(values, item, dicom_dataset(VALUES))
    np.testing.assert_array_equal(got, [[10, 10, 10], [20, 30, 30]])
    assert top == 255


def test_8_bit_pixels_through_a_long_table():
    item = lut(list(range(0, 4096, 4)), first=0, bits=12)
    got, _ = apply_lut(np.array([0, 200, 255], np.uint8), item, dicom_dataset(VALUES))
    np.testing.assert_array_equal(got, [0, 800, 1020])


@pytest.mark.parametrize(("dtype", "little"), [("u1", True), ("<u2", True), (">u2", False)])
def test_tables_as_bytes(dtype, little):
    item = lut([0], first=0, bits=8)
    item.LUTDescriptor = [256, 0, 8]
    item["LUTData"].VR = "OW"
    item.LUTData = np.arange(256).astype(dtype).tobytes()
    dataset = dicom_dataset(VALUES)
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1" if little else "1.2.840.10008.1.2.2"
    got, _ = apply_lut(np.array([[0, 7], [255, 900]]), item, dataset)
    np.testing.assert_array_equal(got, [[0, 7], [255, 255]])


def test_a_table_comes_before_a_window():
    item = lut([0, 255], first=2000, bits=8)
    dataset = dicom_dataset(
        VALUES, WindowCenter=1, WindowWidth=2, VOILUTSequence=[item], ModalityLUTSequence=None
    )
    np.testing.assert_array_equal(apply_voi(VALUES, dataset, None), VALUES > 2000)


def test_a_window_is_in_the_unit_after_the_modality_table():
    halves = lut([value // 2 for value in range(4096)], first=0, bits=12)
    dataset = dicom_dataset(VALUES, ModalityLUTSequence=[halves], WindowCenter=1024.5)
    dataset.WindowWidth = 2048
    got = apply_voi(apply_modality(VALUES, dataset), dataset, None)
    np.testing.assert_allclose(got, np.clip((VALUES // 2 - 1024.0) / 2047 + 0.5, 0, 1))


@pytest.mark.parametrize(
    ("photometric", "shape", "inverted"),
    [
        ("MONOCHROME2", None, False),
        ("MONOCHROME2", "IDENTITY", False),
        ("MONOCHROME2", "INVERSE", True),
        ("MONOCHROME1", None, True),
        ("MONOCHROME1", "INVERSE", True),  # once, not twice
        ("MONOCHROME1", "IDENTITY", True),
    ],
)
def test_polarity(photometric, shape, inverted):
    dataset = dicom_dataset(
        VALUES, PhotometricInterpretation=photometric, PresentationLUTShape=shape
    )
    got = apply_polarity(np.array([0, 0.25, 1]), dataset)
    np.testing.assert_allclose(got, [1, 0.75, 0] if inverted else [0, 0.25, 1])


def test_luminance_keeps_grey_and_weighs_colour():
    for dtype in (np.uint8, np.uint16, np.uint32):
        grey = np.linspace(0, np.iinfo(dtype).max, 99).astype(dtype)
        np.testing.assert_array_equal(luminance(np.stack([grey] * 3, axis=-1)), grey)
    weights = luminance(np.eye(3, dtype=np.uint16) * 65535) / 65535
    np.testing.assert_allclose(weights, [0.299, 0.587, 0.114], atol=1e-4)


def test_text_and_numbers_take_what_stands_there():
    dataset = dicom_dataset(VALUES, WindowCenter=[1, 2], ViewPosition=" PA ")
    assert text(dataset, "ViewPosition") == "PA"
    assert text(dataset, "BodyPartExamined") == ""
    assert numbers(dataset, "WindowCenter") == [1, 2]
    assert numbers(dataset, "Modality") == []
