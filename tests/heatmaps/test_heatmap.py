"""What a heatmap says of itself; its array is in test_explanation."""

from __future__ import annotations

import numpy as np
import pytest

from cxr.heatmaps.heatmap import Cost, Heatmap
from cxr.heatmaps.methods import FAST, METHODS


def heatmap(grid: list | np.ndarray, method: str = "gradcam") -> Heatmap:
    return Heatmap(np.asarray(grid, np.float32), 30, 40, method, "conv", "pneumonia")


class TestDensity:
    def test_is_the_grid_over_its_mean(self):
        found = heatmap([[0, 1], [2, 5]]).density
        np.testing.assert_allclose(found, [[0, 0.5], [1, 2.5]])
        assert found.dtype == np.float32

    @pytest.mark.parametrize("unit", [1e-4, 1, 1e12])
    def test_has_no_unit(self, unit):
        grid = np.random.default_rng(1).uniform(0, 1, (7, 5))
        np.testing.assert_allclose(
            heatmap(unit * grid).density, heatmap(grid).density, rtol=1e-5, atol=0
        )

    @pytest.mark.parametrize("value", [0.0, 1e-9])
    def test_is_zero_where_there_is_none(self, value):
        grid = np.zeros((3, 4))
        grid[1, 1] = value
        np.testing.assert_array_equal(heatmap(grid).density, np.zeros((3, 4)))


class TestMethods:
    def test_the_usual_ones_first(self):
        assert list(METHODS) == [
            *("gradcam", "gradcam++", "layercam", "hirescam", "scorecam"),
            *("smoothgrad", "integrated_gradients", "occlusion"),
        ]
        assert FAST == ("gradcam", "gradcam++", "layercam", "hirescam")

    @pytest.mark.parametrize("name", METHODS)
    def test_each_says_what_high_values_mean_and_where_it_is_from(self, name):
        method = METHODS[name]
        assert (heatmap([[1.0]], name).title, heatmap([[1.0]], name).sign) == (
            method.title,
            method.sign,
        )
        assert method.sign.startswith("Higher: ")
        assert "20" in method.reference
        assert "not drawn" in method.sign or "nothing is drawn" in method.sign or not method.layered

    def test_saliency_has_no_direction(self):
        assert "without direction" in METHODS["smoothgrad"].sign

    def test_one_that_is_not_known_any_more_keeps_its_name(self):
        """Of a map that was stored."""
        assert (heatmap([[1.0]], "magic").title, heatmap([[1.0]], "magic").sign) == ("magic", "")


def test_cost_is_none_where_it_was_not_measured():
    assert heatmap([[1.0]]).cost is None
    assert Cost(0.5, 3) == (0.5, 3)
