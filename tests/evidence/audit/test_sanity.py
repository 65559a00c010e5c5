"""Measures of sanity on maps whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest

from cxr.evidence.audit.sanity import (
    STEPS,
    altered,
    area,
    blurred,
    edge_share,
    order,
    rank_correlation,
    shown,
    ssim,
)
from cxr.heatmaps.heatmap import Heatmap


def noise(seed: int, size: tuple[int, int] = (40, 30)) -> np.ndarray:
    return np.random.default_rng(seed).random(size, np.float32)


class TestShown:
    def test_is_the_heatmaps_array(self):
        grid = noise(0, (7, 5))
        array = Heatmap(grid, 40, 30, "gradcam", "conv", "pneumonia").array
        np.testing.assert_allclose(shown(grid, (40, 30)), array, atol=1e-5)

    @pytest.mark.parametrize("unit", [1e-30, 1e-12, 1, 1e20])
    def test_whatever_the_unit(self, unit):
        """Behind randomized weights values are tiny, where `Heatmap.array` sees nothing."""
        grid = noise(0, (7, 5))
        np.testing.assert_allclose(
            shown(grid * np.float32(unit), (40, 30)), shown(grid, (40, 30)), atol=1e-5
        )

    @pytest.mark.parametrize("value", [0.0, 3.0, np.nan, np.inf])
    def test_a_flat_map_is_none(self, value):
        grid = np.full((7, 5), value, np.float32)
        assert shown(grid, (40, 30)) is None

    def test_rounding_is_no_map_and_a_single_number_that_is_none_is_not_one(self):
        grid = np.ones((7, 5), np.float32)
        grid[3, 3] += 2e-7
        assert shown(grid, (40, 30)) is None
        grid[3, 3] = np.nan
        assert shown(grid, (40, 30)) is None


class TestRankCorrelation:
    def test_counts_order_alone(self):
        one = noise(0)
        assert rank_correlation(one, one**3) == pytest.approx(1)
        assert rank_correlation(one, -one) == pytest.approx(-1)
        assert rank_correlation(one, noise(1)) == pytest.approx(0, abs=0.1)

    def test_is_spearmans_with_ties(self):
        from scipy.stats import spearmanr

        one, other = np.maximum(noise(0), 0.6), np.maximum(noise(0) + noise(1), 1.1)
        expected = spearmanr(one.ravel(), other.ravel()).statistic
        assert rank_correlation(one, other) == pytest.approx(expected)

    def test_flat_maps_have_none(self):
        with pytest.raises(ValueError, match="with an order"):
            rank_correlation(noise(0), np.ones((40, 30), np.float32))
        with pytest.raises(ValueError, match="of one size"):
            rank_correlation(noise(0), noise(0, (30, 40)))


class TestSsim:
    def test_of_equal_and_of_unlike_maps(self):
        one = noise(0)
        assert ssim(one, one) == pytest.approx(1)
        assert abs(ssim(one, noise(1))) < 0.1
        assert ssim(one, 1 - one) < -0.5

    def test_is_the_published_formula(self):
        """One window, worked out by hand with the sample's variance."""
        one, other = noise(0, (7, 7)).astype(float), noise(1, (7, 7)).astype(float)
        cov = np.cov(one.ravel(), other.ravel())
        light, contrast = 0.01**2, 0.03**2
        ma, mb = one.mean(), other.mean()
        expected = (2 * ma * mb + light) * (2 * cov[0, 1] + contrast)
        expected /= (ma**2 + mb**2 + light) * (cov[0, 0] + cov[1, 1] + contrast)
        assert ssim(one, other) == pytest.approx(expected)

    def test_averages_over_all_windows_inside(self):
        one, other = noise(0, (9, 8)), noise(1, (9, 8))
        each = [
            ssim(one[i : i + 7, j : j + 7], other[i : i + 7, j : j + 7])
            for i in range(3)
            for j in range(2)
        ]
        assert ssim(one, other) == pytest.approx(np.mean(each), abs=1e-6)

    def test_a_map_smaller_than_the_window(self):
        with pytest.raises(ValueError, match="7 pixels on a side"):
            ssim(noise(0, (6, 9)), noise(1, (6, 9)))


class TestEdge:
    def test_of_an_even_map_it_is_the_area(self):
        assert edge_share(np.ones((100, 200), np.float32)) == pytest.approx(1 - 0.8**2)

    def test_tells_the_edge_from_the_middle(self):
        array = np.zeros((100, 200), np.float32)
        array[50, 100] = 3
        assert edge_share(array) == 0
        array[9, 100] = 1
        assert edge_share(array) == pytest.approx(0.25)
        array[10, 100] = 4  # the eleventh row lies within
        assert edge_share(array) == pytest.approx(1 / 8)
        array[50, 180] = 8
        assert edge_share(array) == pytest.approx(9 / 16)

    def test_of_nothing_there_is_no_share(self):
        with pytest.raises(ValueError, match="0 everywhere"):
            edge_share(np.zeros((10, 10), np.float32))


class TestOrder:
    def test_highest_first(self):
        ranks = order(np.array([[0.1, 0.9], [0.5, 0.7]], np.float32), seed=0)
        assert ranks.tolist() == [1, 3, 2, 0]

    def test_equal_pixels_come_in_a_random_order(self):
        array = np.zeros((20, 20), np.float32)
        array[10, 10] = 1
        ranks = order(array, seed=0)
        assert ranks[0] == 210
        assert sorted(ranks) == list(range(400))
        assert abs(np.corrcoef(np.arange(399), ranks[1:])[0, 1]) < 0.2
        assert order(array, seed=0).tolist() == ranks.tolist()


class TestCurves:
    FILM = (noise(0, (16, 10))[..., None] * 255).astype(np.uint8).repeat(3, axis=2)

    def test_replaces_the_highest_first_in_equal_steps(self):
        other = np.zeros_like(self.FILM)
        ranks = order(noise(1, (16, 10)), seed=0)
        steps = altered(self.FILM, other, ranks)
        assert steps.shape == (STEPS + 1, 16, 10, 3)
        assert steps.dtype == np.uint8
        np.testing.assert_array_equal(steps[0], self.FILM)
        np.testing.assert_array_equal(steps[-1], other)
        for k, step in enumerate(steps):
            changed = np.zeros(160, bool)
            changed[ranks[: k * 8]] = True
            np.testing.assert_array_equal(step.reshape(160, 3)[changed], 0)
            np.testing.assert_array_equal(
                step.reshape(160, 3)[~changed], self.FILM.reshape(160, 3)[~changed]
            )

    def test_blurring_takes_the_detail_and_keeps_the_grey(self):
        film = np.full((64, 64, 1), 100, np.uint8)
        film[30:34, 30:34] = 200
        soft = blurred(film)
        assert soft.shape == film.shape
        assert soft.dtype == np.uint8
        assert soft.max() < 130
        assert soft.mean() == pytest.approx(film.mean(), abs=1)
        np.testing.assert_array_equal(blurred(np.full((64, 64, 3), 77, np.uint8)), 77)

    def test_area(self):
        assert area(np.full(21, 0.3)) == pytest.approx(0.3)
        assert area(np.linspace(1, 0, 21)) == pytest.approx(0.5)
        assert area(np.array([1.0] + [0.0] * 20)) == pytest.approx(1 / 40)
