from __future__ import annotations

import time

import numpy as np
import pytest
from PIL import Image

from cxr.films.statistics import STATISTICS, film_statistics
from tests.conftest import chest_like


def film(picture: np.ndarray) -> np.ndarray:
    return picture.astype(np.float32) / 255


def resized(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return film(np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC)))


def test_are_those_that_are_named_in_order_and_plain_numbers():
    found = film_statistics(film(chest_like(1)))
    assert tuple(found) == STATISTICS == ("mean", "spread", "dark", "bright", "sharpness")
    assert all(type(value) is float for value in found.values())


def test_a_flat_film_has_no_spread_and_no_sharpness():
    found = film_statistics(np.full((40, 30), 0.5, np.float32))
    assert found["mean"] == pytest.approx(0.5)
    assert found["spread"] == found["sharpness"] == pytest.approx(0, abs=1e-9)
    assert found["dark"] == found["bright"] == 0


def test_worked_by_hand():
    picture = np.zeros((4, 5), np.float32)
    picture[1, 2] = 0.9
    found = film_statistics(picture)
    assert found["mean"] == pytest.approx(0.9 / 20)
    assert found["spread"] == pytest.approx(np.std([0.9] + [0] * 19))
    assert found["dark"] == pytest.approx(19 / 20)
    # Of the six inner pixels one is 0.9 with a mean of 0.1 around it; all others see that mean.
    assert found["sharpness"] == pytest.approx(np.std([0.8] + [-0.1] * 5))


def test_dark_and_bright_are_within_two_per_cent_of_the_ends():
    picture = np.repeat(np.array([0, 0.0199, 0.021, 0.5, 0.979, 0.981, 1, 1], np.float32), 8)
    found = film_statistics(picture.reshape(8, 8))
    assert found["dark"] == pytest.approx(2 / 8)
    assert found["bright"] == pytest.approx(3 / 8)


@pytest.mark.parametrize("size", [(512, 512), (640, 640), (1000, 1000), (2048, 2048)])
def test_size_does_not_matter(size):
    picture = chest_like(3, ill=True, size=256)
    picture = np.asarray(Image.fromarray(picture).resize((2048, 2048), Image.Resampling.BICUBIC))
    small, other = film_statistics(resized(picture, (256, 256))), resized(picture, size)
    found = film_statistics(other)
    for name in ("mean", "spread", "dark", "bright"):
        assert found[name] == pytest.approx(small[name], abs=0.004), name
    assert found["sharpness"] == pytest.approx(small["sharpness"], rel=0.25)


def test_a_film_at_the_side_is_measured_as_it_is_and_a_larger_one_is_reduced():
    board = (np.indices((256, 256)).sum(axis=0) % 2).astype(np.float32)
    assert film_statistics(board)["spread"] == pytest.approx(0.5)
    twice = (np.indices((512, 512)).sum(axis=0) % 2).astype(np.float32)
    assert film_statistics(twice)["spread"] == pytest.approx(0, abs=1e-6)
    # The longer side decides, and the shorter one follows it.
    wide = (np.indices((128, 512)).sum(axis=0) % 2).astype(np.float32)
    assert film_statistics(wide)["spread"] == pytest.approx(0, abs=1e-6)


def test_a_blurred_film_is_less_sharp_a_noisy_one_more():
    sharp = chest_like(5, size=200)
    image = Image.fromarray(sharp)
    blurred = film(np.asarray(image.resize((50, 50), Image.Resampling.BOX).resize((200, 200))))
    noisy = np.clip(film(sharp) + np.random.default_rng(0).normal(0, 0.1, sharp.shape), 0, 1)
    values = [
        film_statistics(p.astype(np.float32))["sharpness"] for p in (blurred, film(sharp), noisy)
    ]
    assert values[0] < values[1] / 2 < values[1] < values[2] / 2


def test_a_strip_keeps_three_pixels():
    assert film_statistics(np.full((3, 3000), 0.25, np.float32))["mean"] == pytest.approx(0.25)


def test_does_not_change_the_film_and_takes_one_that_is_read_only():
    picture = film(chest_like(2, size=400))
    picture.flags.writeable = False
    before = picture.copy()
    film_statistics(picture)
    assert np.array_equal(picture, before)


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.zeros((2, 9)), r"Expected at least 3 x 3 pixels\. Received: \(2, 9\)"),
        (np.zeros((4, 4, 3)), "Expected at least 3 x 3 pixels"),
        (np.full((4, 4), 2.0), "Expected pixels within 0 to 1"),
        (np.full((4, 4), np.nan), "Expected pixels within 0 to 1"),
    ],
)
def test_says_what_is_wrong(pixels, message):
    with pytest.raises(ValueError, match=message):
        film_statistics(pixels)


def test_a_large_film_takes_well_under_a_second():
    picture = np.random.default_rng(0).random((3000, 2500), dtype=np.float32)
    start = time.process_time()
    film_statistics(picture)
    assert time.process_time() - start < 1
