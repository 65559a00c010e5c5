import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from cxr.films.bit_depth import find_depth, gathered


def film(bits, most=1.0):
    """A made film: dark lungs, a bright middle, levels up to `most` of the range."""
    y, x = np.mgrid[0:256, 0:256] / 256
    grey = 0.62 + 0.1 * y
    for middle in (0.3, 0.7):
        grey -= 0.42 * np.exp(-((((x - middle) / 0.13) ** 2 + ((y - 0.48) / 0.26) ** 2) ** 2))
    grey += 0.22 * np.exp(-(((x - 0.5) / 0.06) ** 2)) + 0.05 * np.sin(40 * y)
    grey = most * (grey - grey.min()) / (grey.max() - grey.min())
    return np.rint(grey * (2**bits - 1)).astype(np.uint16)


@pytest.mark.parametrize("bits", range(8, 17))
def test_levels_as_they_are_hold_the_bits_that_they_reach(bits):
    assert find_depth(film(bits)) == (0, bits)
    assert find_depth(film(bits, most=0.6)) == (0, bits)


@pytest.mark.parametrize("bits", range(10, 16))
def test_levels_in_the_upper_bits(bits):
    levels = film(bits) << (16 - bits)
    assert find_depth(levels) == (16 - bits, bits)


@pytest.mark.parametrize("level", [65535, 32767])
@pytest.mark.parametrize("bits", range(10, 15))
def test_text_on_a_film_does_not_count(bits, level):
    page = Image.new("L", (256, 256))
    draw = ImageDraw.Draw(page)
    draw.text((8, 8), "R", fill=255, font=ImageFont.load_default(14))
    draw.text((150, 8), "PORTABLE", fill=255, font=ImageFont.load_default(10))
    ink = np.asarray(page) / 255
    levels = np.rint(film(bits) * (1 - ink) + level * ink).astype(np.uint16)
    assert find_depth(levels) == (0, bits)


def test_a_few_white_pixels_do_not_count():
    levels = film(12)
    levels[3, 7] = levels[200, 11] = 65535
    assert find_depth(levels) == (0, 12)


def test_a_dark_film_of_16_bits_stays_dark():
    levels = (film(16) / 65535) ** 4 * 65535  # nearly all of it in the lower half
    assert np.mean(levels < 32768) > 0.95
    assert find_depth(levels.astype(np.uint16)) == (0, 16)


@pytest.mark.parametrize(
    ("declared", "found"), [(12, 12), (11, 11), (16, 11), (14, 11), (8, 11), (1, 11), (0, 11)]
)
def test_what_the_file_declares_counts_where_the_levels_fit_it(declared, found):
    assert find_depth(film(12, most=0.4), declared) == (0, found)


def test_what_is_no_film_is_left_as_it_is():
    mask = np.zeros((64, 64), np.uint16)
    mask[20:40, 20:40] = 1
    for levels in (mask, mask * 0, mask * 0 + 255, mask * 5):
        assert find_depth(levels) == (0, 16)


@pytest.mark.parametrize("rounded", [np.rint, np.floor, np.ceil])
@pytest.mark.parametrize("bits", range(10, 16))
def test_8_bits_that_were_spread_come_back_as_they_were(bits, rounded):
    levels = film(8)
    top = 2**bits - 1
    found, white = gathered(rounded(levels / 255 * top).astype(np.uint16), top)
    assert white == 255
    np.testing.assert_array_equal(found, levels)


def test_levels_of_more_than_8_bits_are_kept():
    levels = film(12)
    found, white = gathered(levels, 4095)
    assert white == 4095
    np.testing.assert_array_equal(found, levels)
