"""Stored values out of their words, in every transfer syntax."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.encaps import encapsulate
from pydicom.uid import (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from cxr.films.dicom import open_dataset, render
from cxr.films.dicom_stored import as_levels, padding_of, signed, stored_values
from cxr.films.notes import Note
from tests.film_files import dicom_dataset, save, scene

VALUES = scene(top=4095)


def film(words, bits, high, syntax=ExplicitVRLittleEndian, **tags):
    dataset = dicom_dataset(words, BitsStored=bits, **tags)
    dataset.HighBit = high
    return save(dataset, syntax)


def rendered(data):
    return render(open_dataset(data))


@settings(max_examples=60, deadline=None)
@given(
    bits=st.integers(2, 16),
    allocated=st.sampled_from([8, 16]),
    shift=st.integers(0, 14),
    negative=st.booleans(),
    syntax=st.sampled_from([ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless]),
    noise=st.booleans(),
    seed=st.integers(0, 2**16),
)
def test_words_of_any_layout_give_the_values_that_went_in(
    bits, allocated, shift, negative, syntax, noise, seed
):
    bits = min(bits, allocated)
    shift = min(shift, allocated - bits)
    low = -(2 ** (bits - 1)) if negative else 0
    rng = np.random.default_rng(seed)
    smooth = scene(24, 32, top=65535).astype(np.int64) * (2**bits - 1) // 65535
    values = low + smooth
    words = (values << shift) % 2 ** (shift + bits)
    if noise:  # overlays and whatever else is in the bits that hold no value
        around = rng.integers(0, 2**allocated, values.shape)
        words |= around & ~(((1 << bits) - 1) << shift)
    size = allocated // 8
    stored = words.astype(f"<u{size}").view(f"<{'i' if negative else 'u'}{size}")
    dataset = dicom_dataset(stored, PixelRepresentation=int(negative))
    if syntax == RLELossless:
        dataset.compress(RLELossless)
    dataset.BitsStored, dataset.HighBit = bits, shift + bits - 1
    found = rendered(save(dataset, None if syntax == RLELossless else syntax))
    assert found.notes == ()
    np.testing.assert_array_equal(found.values.array, values)


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless, JPEGLSLossless, JPEGLosslessSV1])
@pytest.mark.parametrize("high", [11, 13, 15])
def test_bits_around_the_values_in_compressed_films(syntax, high):
    import imagecodecs

    shift = high - 11
    words = VALUES << shift | np.where(VALUES % 7 == 0, 1 << 15 if high < 15 else 0, 0)
    words = (words | (VALUES % 2 if shift else 0)).astype(np.uint16)
    dataset = dicom_dataset(words, BitsStored=12, WindowCenter=2048, WindowWidth=4096)
    dataset.HighBit = high
    if syntax == RLELossless:
        dataset.compress(syntax)
        data = save(dataset)
    else:
        packed = {
            JPEG2000Lossless: lambda: imagecodecs.jpeg2k_encode(
                words, codecformat="j2k", reversible=True
            ),
            JPEGLSLossless: lambda: imagecodecs.jpegls_encode(words),
            JPEGLosslessSV1: lambda: imagecodecs.ljpeg_encode(words, bitspersample=16),
        }[syntax]()
        dataset.PixelData = encapsulate([packed])
        data = save(dataset, syntax)
    np.testing.assert_allclose(rendered(data).pixels, VALUES / 4095, atol=1e-6)


def test_values_that_lie_in_the_lower_bits_all_the_same():
    found = rendered(film(VALUES, 12, 15, WindowCenter=2048, WindowWidth=4096))
    np.testing.assert_allclose(found.pixels, VALUES / 4095, atol=1e-6)


def test_values_in_the_upper_bits_without_a_window_are_shown_over_their_bits():
    found = rendered(film(VALUES // 2 << 4, 12, 15))
    np.testing.assert_allclose(found.pixels, VALUES // 2 / 4095, atol=1e-6)


@pytest.mark.parametrize(
    ("words", "bits"), [(VALUES << 4, 12), (scene(top=16383), 12), (VALUES, 10)]
)
def test_a_bit_depth_that_cannot_be_true_is_not_believed(words, bits):
    found = rendered(film(words, bits, bits - 1))
    assert found.notes == (Note.BIT_DEPTH,)
    np.testing.assert_allclose(found.pixels, words / words.max(), atol=1e-3)


@pytest.mark.parametrize("high", [None, 3, 99])
def test_a_high_bit_that_cannot_be_is_left_aside(high):
    dataset = dicom_dataset(VALUES, BitsStored=12)
    if high is None:
        del dataset.HighBit
    else:
        dataset.HighBit = high
    np.testing.assert_array_equal(stored_values(VALUES, dataset).values, VALUES)


@pytest.mark.parametrize(
    ("padding", "bits"),
    [(-2048, 12), (63488, 12), (2048, 12), (-2000, 16), (63536, 16), (-32768, 16), (32768, 16)],
)
@pytest.mark.parametrize("vr", ["US", "SS"])
def test_padding_has_the_sign_of_the_pixels(padding, bits, vr):
    value = signed(padding, bits if 2 ** (bits - 1) <= padding < 2**bits else 16)
    stored = np.where(np.arange(64) < 9, value, VALUES.astype(np.int16) // 4 - 500).astype(np.int16)
    dataset = dicom_dataset(stored, BitsStored=bits)
    dataset.add_new("PixelPaddingValue", vr, signed(padding) if vr == "SS" else padding % 65536)
    for syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian):
        found = rendered(save(dataset, syntax))
        np.testing.assert_array_equal(found.pixels[:, :9], 0)
        np.testing.assert_array_equal(np.isnan(found.values.array), stored == value)
        assert found.pixels[:, 9:].max() == 1
        assert found.notes == ()


@pytest.mark.parametrize("padding", [65535, 61440])
def test_padding_beyond_the_bits_stored(padding):
    words = VALUES.copy()
    words[:6] = padding
    found = rendered(film(words, 12, 11, PixelPaddingValue=padding))
    assert not found.pixels[:6].any()
    np.testing.assert_array_equal(found.values.array[6:], VALUES[6:])


def test_padding_that_no_pixel_can_have():
    small = scene()
    assert not padding_of(small, dicom_dataset(small, PixelPaddingValue=65535)).any()


def test_levels_are_the_words_themselves():
    for values in (VALUES, VALUES.astype(np.int16) - 2048, scene()):
        levels, domain = as_levels(values)
        assert np.shares_memory(levels, values)
        np.testing.assert_array_equal(domain[levels], values)


def test_values_of_32_bits():
    for step, atol in ((1, 0), (1000, 1000 * 4095 / 65536)):
        values = VALUES.astype(np.int32) * step - 70000
        levels, domain = as_levels(values)
        assert levels.dtype == np.uint16
        np.testing.assert_allclose(domain[levels], values, atol=atol)
