from __future__ import annotations

import numpy as np
import pytest
from imagecodecs import jpeg8_encode
from pydicom.encaps import encapsulate
from pydicom.pixels import convert_color_space, get_decoder
from pydicom.uid import JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLossless, JPEGLosslessSV1

from cxr.films import dicom_jpeg
from cxr.films.dicom import open_dataset
from cxr.films.dicom_decode import decode
from cxr.films.dicom_jpeg import DECODER_DEPENDENCIES, LABEL, is_available
from cxr.films.dicom_plugins import register
from tests.film_files import dicom_dataset, save, scene


def decoded(frame: bytes, values: np.ndarray, syntax: str, **tags) -> np.ndarray:
    dataset = dicom_dataset(values, **tags)
    dataset.PixelData = encapsulate([frame])
    return decode(open_dataset(save(dataset, syntax))).words


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("predictor", range(1, 8))
def test_lossless_by_every_predictor(bits, predictor):
    values = scene(top=2**bits - 1)
    frame = jpeg8_encode(values, lossless=True, predictor=predictor, bitspersample=bits)
    got = decoded(frame, values, JPEGLossless, BitsStored=bits)
    np.testing.assert_array_equal(got, values)
    assert got.dtype == values.dtype


def test_lossless_by_the_first_predictor():
    values = scene(top=4095)
    frame = jpeg8_encode(values, lossless=True, predictor=1, bitspersample=12)
    got = decoded(frame, values, JPEGLosslessSV1, BitsStored=12)
    np.testing.assert_array_equal(got, values)


def test_signed_values():
    values = scene(top=65535).view(np.int16)
    frame = jpeg8_encode(values.view(np.uint16), lossless=True, predictor=1, bitspersample=16)
    np.testing.assert_array_equal(decoded(frame, values, JPEGLosslessSV1), values)


@pytest.mark.parametrize(
    ("syntax", "bits"), [(JPEGBaseline8Bit, 8), (JPEGExtended12Bit, 8), (JPEGExtended12Bit, 12)]
)
def test_lossy(syntax, bits):
    values = scene(top=2**bits - 1)
    frame = jpeg8_encode(values, level=98, bitspersample=bits)
    got = decoded(frame, values, syntax, BitsStored=bits)
    assert got.dtype == values.dtype
    assert np.abs(got.astype(int) - values).mean() < 2**bits / 100


def test_colors_keep_their_order():
    values = np.zeros((16, 16, 3), np.uint8)
    values[..., 0], values[..., 1] = 200, 100
    frame = jpeg8_encode(values, level=98, colorspace="RGB", outcolorspace="YCBCR")
    coded = decoded(frame, values, JPEGBaseline8Bit, PhotometricInterpretation="YBR_FULL")
    got = convert_color_space(coded, "YBR_FULL", "RGB")
    assert np.abs(got.astype(int) - values).max() <= 3


def test_a_frame_of_another_size_is_refused():
    frame = jpeg8_encode(scene())
    for wrong in (np.zeros((64, 48), np.uint8), np.zeros((48, 64, 3), np.uint8)):
        with pytest.raises(RuntimeError, match="JPEG"):
            decoded(frame, wrong, JPEGBaseline8Bit)


def test_damaged_bytes_are_refused():
    frame = jpeg8_encode(scene())
    for damaged in (frame[:40], b"\xff\xd8" + b"\0" * 500):
        with pytest.raises((RuntimeError, ValueError)):
            decoded(damaged, scene(), JPEGBaseline8Bit)


def test_it_is_registered_once_for_what_it_decodes():
    register(dicom_jpeg)
    for syntax in DECODER_DEPENDENCIES:
        assert is_available(syntax)
        assert LABEL in get_decoder(syntax).available_plugins
    assert not is_available("1.2.840.10008.1.2.4.90")
