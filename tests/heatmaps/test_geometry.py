"""How a map of few cells is laid over a film."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import RegularGridInterpolator

from cxr.films.preprocessing import without_margin
from cxr.heatmaps.geometry import enlarged, interpolation, over_film


def grid(rows: int, columns: int) -> np.ndarray:
    return np.random.default_rng(rows * columns).random((rows, columns), np.float32)


class TestInterpolation:
    @pytest.mark.parametrize(("size", "nodes"), [(1, 1), (9, 1), (9, 2), (224, 7), (5, 12)])
    def test_every_pixel_is_a_mean_of_nodes(self, size, nodes):
        weights = interpolation(size, nodes)
        assert weights.shape == (size, nodes)
        assert weights.min() >= 0
        np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-6)

    def test_the_corners_are_aligned(self):
        weights = interpolation(50, 7)
        np.testing.assert_array_equal(weights[0], np.eye(7)[0])
        np.testing.assert_array_equal(weights[-1], np.eye(7)[-1])


class TestEnlarged:
    @pytest.mark.parametrize("shape", [(7, 7), (2, 5), (14, 3)])
    def test_is_linear_as_scipys(self, shape):
        nodes = grid(*shape)
        height, width = 61, 83
        axes = [np.linspace(0, 1, count) for count in shape]
        at = np.meshgrid(np.linspace(0, 1, height), np.linspace(0, 1, width), indexing="ij")
        expected = RegularGridInterpolator(axes, nodes)(np.stack(at, axis=-1))
        np.testing.assert_allclose(enlarged(nodes, height, width), expected, atol=1e-5)

    def test_at_its_own_size_nothing_changes(self):
        nodes = grid(6, 9)
        np.testing.assert_allclose(enlarged(nodes, 6, 9), nodes, atol=1e-6)

    def test_keeps_the_precision(self):
        assert enlarged(grid(3, 3), 9, 9).dtype == np.float32
        assert enlarged(grid(3, 3).astype(np.float64), 9, 9).dtype == np.float64


class TestOverFilm:
    def test_the_margin_is_empty_and_the_rest_is_the_map(self):
        nodes = grid(4, 5)
        shown = over_film(nodes, 100, 60, 0.1)
        rows, columns = without_margin((100, 60), 0.1)
        assert (rows, columns) == (slice(10, 90), slice(6, 54))
        np.testing.assert_array_equal(shown[rows, columns], enlarged(nodes, 80, 48))
        outside = np.ones(shown.shape, bool)
        outside[rows, columns] = False
        assert not shown[outside].any()

    def test_values_are_scaled_at_the_films_size(self):
        shown = over_film(grid(3, 3), 30, 40, 0.2, lambda inside: inside / inside.max())
        assert shown.max() == 1
        assert shown.dtype == np.float32
