import numpy as np
import pytest
from PIL import Image

from cxr.films.notes import Note
from cxr.films.polarity import negate
from cxr.films.radiograph import read
from tests.film_files import dicom, encode, scene


def test_black_and_white_change_over_and_a_word_tells():
    film = read(encode(Image.fromarray(scene()), "PNG"))
    turned = negate(film)
    np.testing.assert_array_equal(turned.pixels, 1 - film.pixels)
    assert turned.notes == (Note.TURNED_BY_HAND,)
    assert turned.sha256 != film.sha256
    assert Note.TURNED_BY_HAND.words


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_the_values_of_a_file_turn_too(photometric):
    data = dicom(
        scene(top=4095),
        BitsStored=12,
        WindowCenter=2048,
        WindowWidth=2000,
        PhotometricInterpretation=photometric,
    )
    film = read(data)
    turned = negate(film)
    np.testing.assert_allclose(turned.pixels, 1 - film.pixels, atol=1e-6)
    assert turned.values is not None
    np.testing.assert_array_equal(turned.values.array, film.values.array)
    assert turned.values.inverted is not film.values.inverted


def test_turned_twice_it_is_as_it_was():
    film = read(dicom(scene(top=4095), BitsStored=12, WindowCenter=2048, WindowWidth=4096))
    again = negate(negate(film))
    assert again.sha256 == film.sha256
    assert again.notes == film.notes
