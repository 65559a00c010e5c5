"""Pictures that are made up: in range, of the right shape, the same again from the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from cxr.training import implausible


def lungs(side: int = 200) -> np.ndarray:
    """A bright field with two dark lungs."""
    y, x = np.mgrid[0:side, 0:side] / side
    grey = 0.7 + 0.1 * y
    for middle in (0.3, 0.7):
        grey -= 0.5 * np.exp(-((((x - middle) / 0.13) ** 2 + ((y - 0.48) / 0.26) ** 2) ** 2))
    return grey.astype(np.float32)


KINDS = {
    "film": lambda rng: implausible.film(lungs(), rng),
    "negative": lambda rng: implausible.negative(lungs(), rng),
    "two films": lambda rng: implausible.two_films(lungs(), lungs(160), rng),
    "screenshot": lambda rng: implausible.screenshot([lungs(), lungs(160)], rng),
    "thin bar": lambda rng: implausible.thin_bar(lungs(), rng),
    "photo": lambda rng: implausible.light_box(lungs(), rng),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_is_grey_in_0_to_1_and_not_blank(kind):
    rng = np.random.default_rng(0)
    for _ in range(10):
        picture = KINDS[kind](rng)
        assert picture.dtype == np.float32
        assert picture.ndim == 2
        assert picture.min() >= 0
        assert picture.max() <= 1
        assert picture.std() > 0.02


@pytest.mark.parametrize("kind", KINDS)
def test_the_seed_alone_decides(kind):
    first, again, other = (KINDS[kind](np.random.default_rng(seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert first.shape != other.shape or not np.array_equal(first, other)


def lung_less_middle(picture: np.ndarray) -> float:
    """How much darker the lungs are than the middle between them."""
    height, width = picture.shape
    rows = picture[int(0.4 * height) : int(0.55 * height)]
    lung = rows[:, int(0.27 * width) : int(0.33 * width)]
    middle = rows[:, int(0.47 * width) : int(0.53 * width)]
    return float(np.median(middle) - np.median(lung))


def test_a_negative_has_bright_lungs_and_a_film_dark_ones():
    rng = np.random.default_rng(1)
    films = [lung_less_middle(implausible.film(lungs(), rng)) for _ in range(30)]
    negatives = [lung_less_middle(implausible.negative(lungs(), rng)) for _ in range(30)]
    assert np.mean(np.array(films) > 0) > 0.9
    assert np.mean(np.array(negatives) < 0) > 0.9


def test_two_films_are_wider_or_higher_than_one():
    rng = np.random.default_rng(2)
    shapes = [implausible.two_films(lungs(), lungs(), rng).shape for _ in range(20)]
    assert sum(max(shape) >= 1.1 * min(shape) for shape in shapes) > 8
