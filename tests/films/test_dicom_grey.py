from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom.data import get_testdata_file
from pydicom.pixels import apply_modality_lut, apply_voi_lut
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from cxr.films.dicom import open_dataset
from cxr.films.dicom_grey import (
    apply_modality,
    film_values,
    luminance,
    numbers,
    read_table,
    text,
    value_range,
)
from cxr.films.dicom_stored import padding_of, signed
from cxr.films.notes import Note
from cxr.films.windows import ValueRange, apply_window
from tests.film_files import dicom_dataset, lut, save, scene

VALUES = scene(top=4095)


def shown(stored, dataset):
    """The gray of each stored value."""
    return film_values(stored, dataset)[0].pixels()


def looked_up(values, item, dataset=None):
    """Entries of a table, and which of them is white."""
    table, _ = read_table(item, dataset or dicom_dataset(VALUES), values)
    return table.looked_up(values), table.top


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
    got = shown(VALUES, dataset)
    np.testing.assert_allclose(got, normalised(VALUES, dataset), atol=1e-7)


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
    got = shown(values, dicom_dataset(values, **window))
    np.testing.assert_allclose(got, (values - 100.0) / (values.max() - 100), atol=1e-7)


def test_a_single_value_is_no_range():
    assert not shown(np.full((4, 4), 7, np.uint16), dicom_dataset(VALUES)).any()


def test_of_several_windows_the_first_counts():
    several = dicom_dataset(VALUES, WindowCenter=[1000, 3000], WindowWidth=[500, 600])
    one = dicom_dataset(VALUES, WindowCenter=1000, WindowWidth=500)
    np.testing.assert_array_equal(shown(VALUES, several), shown(VALUES, one))


def test_of_several_windows_the_first_of_use_counts():
    several = dicom_dataset(VALUES, WindowCenter=[0, 2048], WindowWidth=[0, 4096])
    one = dicom_dataset(VALUES, WindowCenter=2048, WindowWidth=4096)
    np.testing.assert_array_equal(shown(VALUES, several), shown(VALUES, one))


def test_padding_does_not_count_for_the_range():
    values = VALUES.astype(np.int16) + 1000
    values[:5] = -2000
    dataset = dicom_dataset(values, PixelPaddingValue=-2000)
    np.testing.assert_array_equal(padding_of(values, dataset), values == -2000)
    got = shown(values, dataset)
    assert got[5:].min() == 0
    assert got[5:].max() == 1
    low, span = values[5:].min(), np.ptp(values[5:])
    np.testing.assert_allclose(span * got[5:], values[5:] - low, atol=1e-3)


def test_padding_may_be_a_range_either_way_round():
    for value, limit in ((0, 30), (30, 0)):
        dataset = dicom_dataset(VALUES, PixelPaddingValue=value, PixelPaddingRangeLimit=limit)
        np.testing.assert_array_equal(padding_of(VALUES, dataset), VALUES <= 30)
    assert not padding_of(VALUES, dicom_dataset(VALUES, PixelPaddingValue=9999)).any()
    assert not padding_of(VALUES, dicom_dataset(VALUES)).any()


@pytest.mark.parametrize("name", ["mlut_18.dcm", "vlut_04.dcm"])
def test_tables_of_real_files_agree_with_pydicom(name):
    dataset = open_dataset(Path(get_testdata_file(name, download=False)).read_bytes())
    stored = dataset.pixel_array
    values = apply_modality(stored, dataset)
    np.testing.assert_array_equal(values, apply_modality_lut(stored, dataset))
    if "VOILUTSequence" in dataset:
        bits = dataset.VOILUTSequence[0].LUTDescriptor[2]
        want = apply_voi_lut(values, dataset) / (2**bits - 1)
        np.testing.assert_allclose(shown(stored, dataset), want, atol=1e-6)


def test_values_beyond_a_table_take_its_ends():
    item = lut([10, 20, 255], first=100, bits=8)
    values = np.array([[0, 99, 100], [101, 102, 60000]], np.uint16)
    got, top = looked_up(values, item)
    np.testing.assert_array_equal(got, [[10, 10, 10], [20, 255, 255]])
    assert top == 255


def test_8_bit_pixels_through_a_long_table():
    item = lut(list(range(0, 4096, 4)), first=0, bits=12)
    got, _ = looked_up(np.array([0, 200, 255], np.uint8), item)
    np.testing.assert_array_equal(got, [0, 800, 1020])


@pytest.mark.parametrize(("dtype", "little"), [("u1", True), ("<u2", True), (">u2", False)])
def test_tables_as_bytes(dtype, little):
    item = lut([0], first=0, bits=8)
    item.LUTDescriptor = [256, 0, 8]
    item["LUTData"].VR = "OW"
    item.LUTData = np.arange(256).astype(dtype).tobytes()
    dataset = dicom_dataset(VALUES)
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1" if little else "1.2.840.10008.1.2.2"
    got, _ = looked_up(np.array([[0, 7], [255, 900]]), item, dataset)
    np.testing.assert_array_equal(got, [[0, 7], [255, 255]])


def test_a_table_comes_before_a_window():
    item = lut([0, 255], first=2000, bits=8)
    dataset = dicom_dataset(
        VALUES, WindowCenter=1, WindowWidth=2, VOILUTSequence=[item], ModalityLUTSequence=None
    )
    np.testing.assert_array_equal(shown(VALUES, dataset), VALUES > 2000)


def test_a_window_is_in_the_unit_after_the_modality_table():
    halves = lut([value // 2 for value in range(4096)], first=0, bits=12)
    dataset = dicom_dataset(VALUES, ModalityLUTSequence=[halves], WindowCenter=1024.5)
    dataset.WindowWidth = 2048
    got = shown(VALUES, dataset)
    np.testing.assert_allclose(got, np.clip((VALUES // 2 - 1024.0) / 2047 + 0.5, 0, 1), atol=1e-7)


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
    got = shown(np.array([[0, 1000, 4000]], np.uint16), dataset)
    np.testing.assert_allclose(got, [[1, 0.75, 0] if inverted else [0, 0.25, 1]])


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


@pytest.mark.parametrize(
    ("highest", "declared", "white"),
    [
        (4095, 12, 4095),
        (65535, 16, 65535),
        (4095, 16, 4095),
        (1023, 16, 1023),
        (8191, 16, 8191),
        (16383, 16, 16383),
        (32767, 16, 32767),
        (3900, 16, 4095),  # the bits in use, not the highest entry
        (2500, 16, 4095),
        (255, 16, 255),
        (200, 8, 255),
        (1200, 12, 4095),  # a bit fewer, which may be meant
        (2000, 12, 2047),
        (40000, 12, 40000),  # more bits than declared
        (0, 12, 4095),
    ],
)
def test_a_table_is_read_by_the_bits_in_use(highest, declared, white):
    item = lut(np.linspace(0, highest, 512).astype(int).tolist(), first=0, bits=declared)
    dataset = dicom_dataset(VALUES, VOILUTSequence=[item])
    values, notes = film_values(VALUES, dataset)
    assert values.start.top == white
    assert notes == ((Note.NARROW_TABLE,) if white < 2**declared - 1 else ())


@pytest.mark.parametrize("written", ["US", "SS", "OW", "implicit"])
@pytest.mark.parametrize(
    ("stored", "first", "tags"),
    [
        (VALUES, -2048, {"RescaleSlope": 1, "RescaleIntercept": -2048}),
        (VALUES.astype(np.int16) - 2048, -2048, {}),
        (VALUES.astype(np.int16) - 3000, -3000, {}),
        (VALUES * 8 + 32768, 32768, {}),
        (VALUES, 40000, {"RescaleSlope": 1, "RescaleIntercept": 40000}),
        (VALUES.astype(np.int16) - 2048, 38000, {"RescaleSlope": 1, "RescaleIntercept": 40048}),
    ],
)
def test_the_first_value_of_a_table_has_the_sign_of_what_goes_in(written, stored, first, tags):
    step = 8 if first == 32768 else 1
    item = lut(np.repeat(np.arange(4096), step).tolist(), first=0, bits=12)
    descriptor = [len(item.LUTData), first % 65536, 12]
    if written == "OW":
        item.add_new("LUTDescriptor", "OW", np.array(descriptor, "<u2").tobytes())
    elif written == "SS":
        item.add_new("LUTDescriptor", "SS", [descriptor[0], signed(first % 65536), 12])
    else:
        item.add_new("LUTDescriptor", "US", descriptor)
    tags = {"BitsStored": 16, **tags, "VOILUTSequence": [item]}
    syntax = ImplicitVRLittleEndian if written == "implicit" else ExplicitVRLittleEndian
    dataset = open_dataset(save(dicom_dataset(stored, **tags), syntax))
    np.testing.assert_allclose(shown(stored, dataset), VALUES / 4095, atol=2e-3)


def test_a_modality_table_may_begin_below_zero():
    item = lut(list(range(4096)), first=0, bits=12)
    item.LUTDescriptor = [4096, 65536 - 2048, 12]
    stored = VALUES.astype(np.int16) - 2048
    dataset = dicom_dataset(stored, ModalityLUTSequence=[item])
    np.testing.assert_array_equal(apply_modality(stored, dataset), VALUES)


def test_all_windows_and_tables_are_kept():
    table = lut(list(range(256)), first=0, bits=8)
    table.LUTExplanation = "Harder"
    dataset = dicom_dataset(
        VALUES,
        WindowCenter=[2000, 800, 5],
        WindowWidth=[400, 900, 0],
        WindowCenterWidthExplanation=["LUNG", "SECRET^NAME", "BONE"],
        VOILUTFunction="SIGMOID",
        VOILUTSequence=[table],
    )
    values, _ = film_values(VALUES, dataset)
    first, *windows = values.windows
    assert values.start is first
    assert (first.explanation, len(first.entries)) == ("Harder", 256)
    assert [(w.center, w.width, w.function, w.explanation) for w in windows] == [
        (2000, 400, "SIGMOID", "LUNG"),
        (800, 900, "SIGMOID", ""),  # free text that may be anybody's name
    ]


class TestRange:
    def test_a_few_pixels_far_away_do_not_set_it(self):
        for far, place in ((65535, slice(0, 2)), (0, slice(5, 6))):
            stored = VALUES + 10000
            stored[0, place] = far
            values, notes = film_values(stored, dicom_dataset(stored))
            assert notes == (Note.OUTLIERS,)
            within = stored != far
            want = (stored[within] - 10000) / 4095
            assert np.abs(values.pixels()[within] - want).mean() < 0.01
            assert (values.pixels()[~within] == (far > 0)).all()

    def test_a_marker_or_a_few_bright_pixels_set_it_as_ever(self):
        marker = VALUES.copy()
        marker[:3, :4] = 16383  # more than a few
        near = VALUES.copy()
        near[0, 0] = 6000  # not far
        for stored in (marker, near, VALUES):
            values, notes = film_values(stored, dicom_dataset(stored))
            assert notes == ()
            assert values.start == ValueRange(0, stored.max())

    def test_a_window_is_taken_as_it_is(self):
        stored = VALUES.copy()
        stored[0, 0] = 65535
        values, notes = film_values(stored, dicom_dataset(stored, WindowCenter=9, WindowWidth=9))
        assert notes == ()
        assert values.start.center == 9

    def test_two_values_are_a_range(self):
        found, trimmed = value_range(np.array([0.0, 9.0]), np.array([99999, 1]))
        assert (found, trimmed) == (ValueRange(0, 9), False)
