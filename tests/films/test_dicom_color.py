"""Color in DICOM: whichever way it is coded, a gray film keeps its grays."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, JPEGBaseline8Bit

from cxr.films.dicom import open_dataset, render
from cxr.films.notes import Note
from tests.film_files import dicom, dicom_dataset, encode, save, scene

GREY = scene()
RGB = np.dstack([GREY] * 3)
YBR = np.dstack([GREY, np.full((*GREY.shape, 2), 128, np.uint8)])


def rendered(data):
    return render(open_dataset(data))


@pytest.mark.parametrize(
    ("planes", "label", "notes"),
    [
        (RGB, "RGB", ()),
        (YBR, "RGB", (Note.CHROMA,)),
        (YBR, "YBR_FULL", ()),
        (RGB, "YBR_FULL", (Note.CHROMA,)),
    ],
)
def test_a_gray_film_shows_how_it_is_coded(planes, label, notes):
    noisy = planes.copy()
    noisy[:1, :, 1:] = 200  # a mark in color
    for made in (planes, noisy):
        found = rendered(dicom(made, PhotometricInterpretation=label))
        np.testing.assert_allclose(found.pixels[1:] * 255, GREY[1:], atol=1)
        assert found.notes == notes
        assert found.values is None


@pytest.mark.parametrize("space", ["YCbCr", "RGB"])
@pytest.mark.parametrize("label", ["RGB", "YBR_FULL_422"])
def test_a_jpeg_that_says_how_it_is_coded(space, label):
    image = Image.fromarray(RGB)
    options = {"keep_rgb": True} if space == "RGB" else {}
    dataset = dicom_dataset(RGB, PhotometricInterpretation=label)
    dataset.PixelData = encapsulate([encode(image, "JPEG", quality=95, subsampling=0, **options)])
    found = rendered(save(dataset, JPEGBaseline8Bit))
    np.testing.assert_allclose(found.pixels * 255, GREY, atol=6)


def test_an_even_gray_is_what_it_is_called():
    even = np.full((8, 8, 3), 128, np.uint8)
    for label in ("RGB", "YBR_FULL"):
        found = rendered(dicom(even, PhotometricInterpretation=label))
        np.testing.assert_allclose(found.pixels, 128 / 255, atol=1 / 255)
        assert found.notes == ()


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize(("depth", "factor"), [(16, 257), (8, 1)])
def test_a_palette_in_words_of_either_order(syntax, depth, factor):
    order = "<u2" if syntax == ExplicitVRLittleEndian else ">u2"
    entries = (np.arange(256)[::-1] * factor).astype(order).tobytes()
    tags = {"PhotometricInterpretation": "PALETTE COLOR"}
    for name in ("Red", "Green", "Blue"):
        tags[f"{name}PaletteColorLookupTableDescriptor"] = [256, 0, depth]
        tags[f"{name}PaletteColorLookupTableData"] = entries
    found = rendered(save(dicom_dataset(GREY, **tags), syntax))
    np.testing.assert_allclose(found.pixels, 1 - GREY / 255, atol=1e-6)
