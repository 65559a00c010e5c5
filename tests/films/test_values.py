"""A film's own values, and the grays that windows make of them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from cxr.films.radiograph import Radiograph, read
from cxr.films.values import FilmValues, level_counts, look_up
from cxr.films.windows import ValueRange, Window, WindowTable
from tests.film_files import dicom, scene

STORED = scene(top=4095)
FILE = dicom(STORED, BitsStored=12, WindowCenter=[2000, 900], WindowWidth=[400, 500])


def test_what_the_first_window_cuts_off_is_kept():
    film = read(FILE)
    assert len(np.unique(film.pixels)) < 500
    np.testing.assert_array_equal(film.values.array, STORED)
    np.testing.assert_array_equal(film.values.seen, np.unique(STORED))
    np.testing.assert_array_equal(film.values.pixels(), film.pixels)
    second = film.values.pixels(film.values.windows[1])
    np.testing.assert_allclose(second, np.clip((STORED - 899.5) / 499 + 0.5, 0, 1), atol=1e-6)


def test_values_take_two_bytes_a_pixel():
    film = read(FILE)
    assert film.values.levels.nbytes == 2 * STORED.size
    with pytest.raises(ValueError, match="read-only"):
        film.values.levels[0, 0] = 1


def test_other_pixels_have_no_values():
    film = read(FILE)
    assert dataclasses.replace(film, age=3.0).values is film.values
    assert dataclasses.replace(film, pixels=film.pixels / 2).values is None
    assert dataclasses.replace(film, pixels=film.pixels[:20]).values is None


def test_padding_is_no_value_and_black():
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    scale = np.arange(256.0)
    scale[:16] = np.nan
    for inverted in (False, True):
        values = FilmValues(levels, scale, ValueRange(16, 255), inverted=inverted)
        assert np.isnan(values.array[0]).all()
        assert not values.pixels()[0].any()
        want = (levels[1:] - 16) / 239
        np.testing.assert_allclose(values.pixels()[1:], 1 - want if inverted else want, atol=1e-6)
        assert Radiograph(values.pixels(), values=values).values is values


def test_levels_without_a_value_each():
    with pytest.raises(ValueError, match="Expected levels of 8 or 16 bits and the value of each"):
        FilmValues(np.zeros((2, 2), np.uint16), np.zeros(256), ValueRange(0, 1))


def test_the_grays_of_each_kind():
    values = np.array([-5.0, 0.0, 1.0, 2.0, 9.0])
    np.testing.assert_allclose(ValueRange(0, 2).grey(values), [0, 0, 0.5, 1, 1])
    np.testing.assert_allclose(Window(1, 2, "LINEAR_EXACT").grey(values), [0, 0, 0.5, 1, 1])
    table = WindowTable(0, np.array([10, 0, 40], np.uint16), 40)
    np.testing.assert_allclose(table.grey(values), [0.25, 0.25, 0, 1, 1])
    assert not ValueRange(3, 3).grey(values).any()


def test_counts_and_entries_of_wide_films():
    levels = np.random.default_rng(0).integers(0, 65536, (7, 300_000)).astype(np.uint16)
    np.testing.assert_array_equal(
        level_counts(levels), np.bincount(levels.ravel(), minlength=65536)
    )
    table = np.arange(65536.0) * 2
    np.testing.assert_array_equal(look_up(table, levels), 2.0 * levels)
