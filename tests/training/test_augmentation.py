"""Films varied on the fly: what each setting does, and that a seed fixes it."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from cxr.training.augmentation import augment
from cxr.training.recipes import RECIPES, Augmentation
from tests.conftest import chest_like

EVERYTHING = Augmentation(
    rotation=20,
    scale=(0.6, 1.3),
    anywhere=True,
    shift=0.1,
    shear=10,
    flip=True,
    gamma=0.5,
    contrast=0.6,
    brightness=0.4,
    tone=0.6,
    sharpness=0.9,
    noise=0.2,
)

#: Those of the recipes that vary anything at all.
VARIED = {"everything": EVERYTHING} | {
    name: recipe.augmentation
    for name, recipe in RECIPES.items()
    if recipe.augmentation != Augmentation()
}


@pytest.fixture(scope="module")
def films() -> np.ndarray:
    return np.stack([chest_like(seed, size=64) for seed in range(24)])[..., None]


def vary(films: np.ndarray, settings: Augmentation, seed: tuple[int, int] = (3, 8)) -> np.ndarray:
    return augment(tf.constant(films), settings, tf.constant(seed, tf.int64)).numpy()


def test_zeros_change_nothing(films):
    result = vary(films, Augmentation())
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, films)


@pytest.mark.parametrize("settings", VARIED.values(), ids=VARIED)
class TestAnySettings:
    def test_shape_and_range(self, films, settings):
        result = vary(films, settings)
        assert result.shape == films.shape
        assert result.dtype == np.float32
        assert np.isfinite(result).all()
        assert result.min() >= 0
        assert result.max() <= 255

    def test_equal_seeds_give_equal_films_and_others_others(self, films, settings):
        result = vary(films, settings)
        np.testing.assert_array_equal(result, vary(films, settings))
        for other in ((3, 9), (4, 8)):
            assert np.abs(result - vary(films, settings, other)).mean() > 1


def test_each_film_is_varied_on_its_own(films):
    same = np.repeat(films[:1], 6, axis=0)
    result = vary(same, EVERYTHING)
    distances = [np.abs(result[i] - result[j]).mean() for i in range(6) for j in range(i)]
    assert min(distances) > 1


def test_flip_mirrors_half_of_the_films_exactly(films):
    result = vary(films, Augmentation(flip=True))
    mirrored = [np.array_equal(a, b[:, ::-1]) for a, b in zip(result, films, strict=True)]
    kept = [np.array_equal(a, b) for a, b in zip(result, films, strict=True)]
    assert all(a != b for a, b in zip(mirrored, kept, strict=True))
    many = vary(np.repeat(films[:1], 200, axis=0), Augmentation(flip=True))
    share = np.mean([not np.array_equal(film, films[0]) for film in many])
    assert share == pytest.approx(0.5, abs=0.1)


def ramp(n: int = 1, size: int = 65) -> np.ndarray:
    """Equal films whose columns rise evenly: what is seen tells where it came from."""
    row = np.linspace(0, 255, size, dtype=np.float32)
    return np.broadcast_to(row[None, None, :, None], (n, size, size, 1)).copy()


class TestPlace:
    def test_half_of_each_side_is_a_zoom_into_the_middle(self, films):
        film = films[:1].astype(np.float32)[:, :63, :63]  # odd, so that the middle is a pixel
        result = vary(film, Augmentation(scale=(0.5, 0.5)))
        middle = film[0, 15:48, 15:48, 0][:32, :32]
        # Every other pixel of the result is a pixel of the middle half, those between are means.
        np.testing.assert_allclose(result[0, 1::2, 1::2, 0][:31, :31], middle[1:, 1:], atol=1e-3)
        between = (film[0, 16:47, 15:46, 0] + film[0, 16:47, 16:47, 0]) / 2
        np.testing.assert_allclose(result[0, 1::2, 0::2, 0][:31, :31], between, atol=1e-3)

    def test_scale_below_one_zooms_in_and_above_one_out(self):
        film = ramp()
        for scale in (0.7, 1.2):
            result = vary(film, Augmentation(scale=(scale, scale)))[0, 32, :, 0]
            step = (result[40] - result[24]) / 16
            assert step == pytest.approx(scale * 255 / 64, rel=1e-3)
            assert result[32] == pytest.approx(127.5, abs=0.01)

    def test_a_part_in_the_middle_or_anywhere_within_the_film(self):
        centred = vary(ramp(5), Augmentation(scale=(0.5, 0.5)))[:, 32, 32, 0]
        np.testing.assert_allclose(centred, 127.5, atol=0.01)
        settings = Augmentation(scale=(0.5, 0.5), anywhere=True)
        middles = vary(ramp(200), settings)[:, 32, 32, 0]
        # The middle of the part lies in the middle half of the film, and all over it.
        assert middles.min() >= 255 * 0.25 - 2
        assert middles.max() <= 255 * 0.75 + 2
        assert middles.min() < 255 * 0.3
        assert middles.max() > 255 * 0.7

    def test_shift_moves_by_at_most_its_share(self):
        middles = vary(ramp(200), Augmentation(shift=0.1))[:, 32, 32, 0]
        moved = (middles - 127.5) / 255 * 64 / 65  # as a share of the side
        assert np.abs(moved).max() <= 0.1 + 1e-3
        assert moved.min() < -0.08
        assert moved.max() > 0.08

    def test_rotation_turns_both_ways_by_at_most_its_angle(self):
        """On a film that rises along its columns, a turn shows as the direction of the rise."""
        films = vary(ramp(100), Augmentation(rotation=30))[..., 0]
        down, across = films[:, 40, 32] - films[:, 24, 32], films[:, 32, 40] - films[:, 32, 24]
        angles = np.degrees(np.arctan2(down, across))
        assert np.abs(angles).max() <= 30.1
        assert angles.min() < -25
        assert angles.max() > 25

    def test_turned_and_flipped_films_keep_their_shape(self):
        """Rows and columns stay at right angles, whichever way round."""
        settings = Augmentation(rotation=30, flip=True)
        across = vary(ramp(40), settings)[..., 0]
        down = vary(ramp(40).transpose(0, 2, 1, 3), settings)[..., 0]
        jacobians = np.array(
            [
                [film[:, 32, 40] - film[:, 32, 24], film[:, 40, 32] - film[:, 24, 32]]
                for film in (across, down)
            ]
        ).transpose(2, 0, 1) / (255 / 4)
        for jacobian in jacobians:
            np.testing.assert_allclose(jacobian @ jacobian.T, np.eye(2), atol=1e-3)
        flipped = np.linalg.det(jacobians) < 0
        assert 0 < flipped.sum() < 40

    def test_shear_leaves_rows_level_and_turns_columns(self):
        film = vary(ramp(), Augmentation(shear=20), (5, 1))[0, ..., 0]
        across, down = film[32, 40] - film[32, 24], film[40, 32] - film[24, 32]
        assert across == pytest.approx(255 / 4, rel=1e-3)
        assert 0 < abs(down / across) <= np.sin(np.radians(20)) + 1e-3

    def test_outside_repeats_the_nearest_edge(self):
        film = np.full((1, 32, 32, 1), 90, np.uint8)
        settings = Augmentation(rotation=40, scale=(1.5, 1.5), shift=0.4)
        np.testing.assert_allclose(vary(film, settings), 90, atol=1e-3)


class TestGreyValues:
    def test_brightness_adds_the_same_everywhere(self):
        film = np.linspace(100, 150, 64, dtype=np.float32).reshape(1, 8, 8, 1)
        added = vary(np.repeat(film, 99, axis=0), Augmentation(brightness=0.2)) - film
        np.testing.assert_allclose(added.std(axis=(1, 2, 3)), 0, atol=1e-3)
        means = added.mean(axis=(1, 2, 3)) / 255
        assert np.abs(means).max() <= 0.2
        assert means.min() < -0.15
        assert means.max() > 0.15

    def test_contrast_keeps_the_mean(self):
        film = np.linspace(100, 150, 64, dtype=np.float32).reshape(1, 8, 8, 1)
        results = vary(np.repeat(film, 99, axis=0), Augmentation(contrast=0.3))
        np.testing.assert_allclose(results.mean(axis=(1, 2, 3)), film.mean(), atol=1e-2)
        factors = results.std(axis=(1, 2, 3)) / film.std()
        assert 0.699 <= factors.min() < 0.75
        assert 1.25 < factors.max() <= 1.301

    def test_gamma_keeps_black_and_white(self):
        film = np.array([0, 128, 255], np.uint8).reshape(1, 1, 3, 1)
        results = vary(np.repeat(film, 99, axis=0), Augmentation(gamma=0.5)).reshape(99, 3)
        np.testing.assert_allclose(results[:, 0], 0, atol=1e-4)
        np.testing.assert_allclose(results[:, 2], 255, atol=1e-3)
        exponents = np.log(results[:, 1] / 255) / np.log(128 / 255)
        assert np.exp(-0.5) <= exponents.min() < 0.7
        assert 1.4 < exponents.max() <= np.exp(0.5) + 1e-3

    def test_noise_is_at_most_as_strong_as_asked(self):
        film = np.full((40, 64, 64, 1), 128, np.uint8)
        strengths = vary(film, Augmentation(noise=0.1)).std(axis=(1, 2, 3)) / 255
        assert strengths.max() <= 0.105
        assert strengths.max() > 0.08
        assert strengths.min() < 0.03


def levels(n: int = 1) -> np.ndarray:
    """Equal films of every level, 0 to 255 in order."""
    film = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    return np.repeat(film, n, axis=0)


class TestTone:
    CURVES = Augmentation(tone=0.5)

    @pytest.fixture(scope="class")
    def curves(self) -> np.ndarray:
        """(films, levels): what each level becomes."""
        return vary(levels(200), self.CURVES).reshape(200, 256)

    def test_black_and_white_stay(self, curves):
        np.testing.assert_allclose(curves[:, 0], 0, atol=1e-4)
        np.testing.assert_allclose(curves[:, -1], 255, atol=1e-3)

    def test_levels_keep_their_order(self, curves):
        assert (np.diff(curves, axis=1) > 0).all()

    def test_each_film_has_a_curve_of_its_own(self, curves):
        assert np.ptp(curves[:, 128]) > 40
        assert len(np.unique(curves[:, 128].round(2))) > 150

    def test_the_place_of_a_level_is_of_no_account(self):
        film = levels()
        turned = film[:, ::-1, ::-1]
        np.testing.assert_allclose(
            vary(turned, self.CURVES), vary(film, self.CURVES)[:, ::-1, ::-1], atol=1e-3
        )

    def test_the_seed_decides(self, curves):
        again = vary(levels(200), self.CURVES).reshape(200, 256)
        np.testing.assert_array_equal(again, curves)
        other = vary(levels(200), self.CURVES, (3, 9)).reshape(200, 256)
        assert np.abs(other - curves).mean() > 5

    def test_a_larger_spread_bends_more(self):
        bent = [
            np.abs(vary(levels(200), Augmentation(tone=tone)) - levels(200)).mean()
            for tone in (0.1, 0.3, 0.9)
        ]
        assert bent == sorted(bent)
        assert bent[0] < 5 < 15 < bent[2]

    def test_slopes_spread_as_asked(self):
        """Straight pieces, whose logarithms of slope differ by the standard deviation."""
        curves = vary(levels(400), self.CURVES).reshape(400, 256)
        middles = (np.arange(6) + 0.5) * 255 / 6
        low, high = np.floor(middles).astype(int), np.ceil(middles).astype(int)
        slopes = np.log(curves[:, high] - curves[:, low])
        # About the mean of six, of which one degree of freedom is taken.
        assert slopes.std(axis=1, ddof=1).mean() == pytest.approx(0.5, abs=0.06)


class TestSharpness:
    @staticmethod
    def detail(film: np.ndarray) -> np.ndarray:
        """What differs from the mean of the 3x3 neighbours, away from the edge."""
        inside = film[..., 1:-1, 1:-1, 0]
        shifts = [(i, j) for i in range(3) for j in range(3)]
        height, width = film.shape[-3:-1]
        parts = [film[..., i : height - 2 + i, j : width - 2 + j, 0] for i, j in shifts]
        return inside - np.mean(parts, axis=0)

    @pytest.fixture(scope="class")
    def textured(self) -> np.ndarray:
        """Films about a middle grey, so that nothing meets black or white."""
        rng = np.random.default_rng(6)
        return np.repeat(rng.uniform(110, 140, (1, 32, 32, 1)).astype(np.float32), 200, axis=0)

    @pytest.fixture(scope="class")
    def amounts(self, textured) -> np.ndarray:
        """How much of the detail was added to each film."""
        added = (vary(textured, Augmentation(sharpness=0.7)) - textured)[:, 1:-1, 1:-1, 0]
        detail = self.detail(textured)
        amounts = (added * detail).sum(axis=(1, 2)) / (detail**2).sum(axis=(1, 2))
        np.testing.assert_allclose(added, amounts[:, None, None] * detail, atol=1e-3)
        return amounts

    def test_blurs_and_sharpens_by_at_most_its_share(self, amounts):
        assert np.abs(amounts).max() <= 0.7 + 1e-4
        assert amounts.min() < -0.6
        assert amounts.max() > 0.6

    def test_each_film_by_its_own_share(self, amounts):
        assert len(np.unique(amounts.round(4))) > 150

    def test_zero_changes_nothing(self, textured):
        np.testing.assert_array_equal(vary(textured, Augmentation(sharpness=0.0)), textured)

    def test_an_even_film_stays_even_up_to_its_edge(self):
        film = np.full((8, 16, 16, 1), 90, np.uint8)
        np.testing.assert_allclose(vary(film, Augmentation(sharpness=0.9)), 90, atol=1e-3)

    def test_the_seed_decides(self, textured):
        settings = Augmentation(sharpness=0.7)
        first = vary(textured, settings)
        np.testing.assert_array_equal(first, vary(textured, settings))
        assert np.abs(first - vary(textured, settings, (4, 8))).mean() > 1
