"""A heatmap as colours over a film."""

from __future__ import annotations

import numpy as np
import pytest

from cxr.films.radiograph import Radiograph
from cxr.heatmaps.overlay import (
    COLOUR_MAPS,
    CUT,
    LEAST_TOP,
    OPACITY,
    colour_table,
    common_top,
    overlay,
)
from cxr.scoring.explain import Heatmap


@pytest.fixture
def film() -> Radiograph:
    levels = np.random.default_rng(0).integers(0, 256, (30, 40))
    return Radiograph(levels.astype(np.float32) / 255)


@pytest.fixture
def heatmap() -> Heatmap:
    """Rises evenly from 0 at the left to 1 at the right."""
    grid = np.array([[0, 1], [0, 1]], np.float32)
    return Heatmap(grid, 30, 40, "gradcam", "conv", "pneumonia")


def grey_of(film: Radiograph) -> np.ndarray:
    return np.rint(film.pixels * 255).astype(np.uint8)[..., None].repeat(3, axis=2)


class TestColourTable:
    @pytest.mark.parametrize("name", COLOUR_MAPS)
    def test_darkness_falls_all_the_way(self, name):
        """Sequential: readable in grey too, and without colour vision."""
        table = colour_table(name)
        assert table.shape == (256, 3)
        assert table.dtype == np.uint8
        luminance = table @ [0.299, 0.587, 0.114]
        assert (np.diff(luminance) > -1).all()
        assert luminance[-1] - luminance[0] > 120

    def test_ends_of_inferno(self):
        table = colour_table("inferno")
        assert tuple(table[0]) == (0, 0, 4)
        assert tuple(table[-1]) == (252, 255, 164)

    @pytest.mark.parametrize("name", ["jet", "Inferno", ""])
    def test_others_are_refused(self, name):
        with pytest.raises(ValueError, match=f"inferno, viridis, cividis. Received: '{name}'"):
            colour_table(name)


class TestOverlay:
    def test_film_shows_unchanged_below_the_cut(self, film, heatmap):
        image = overlay(film, heatmap)
        assert (image.mode, image.size) == ("RGB", (40, 30))
        result = np.asarray(image)
        below = heatmap.array < CUT
        assert 0 < below.mean() < 0.5
        np.testing.assert_array_equal(result[below], grey_of(film)[below])
        assert (result[~below] != grey_of(film)[~below]).any(axis=1).mean() > 0.9

    def test_mixes_film_and_colour(self, film, heatmap):
        result = np.asarray(overlay(film, heatmap, opacity=0.3, cut=0.5, colours="viridis"))
        colour = colour_table("viridis")[np.rint(heatmap.array * 255).astype(int)]
        mixed = 0.7 * grey_of(film) + 0.3 * colour
        seen = heatmap.array >= 0.5
        np.testing.assert_allclose(result[seen], mixed[seen], atol=1)
        np.testing.assert_array_equal(result[~seen], grey_of(film)[~seen])

    def test_opacity_zero_and_one(self, film, heatmap):
        np.testing.assert_array_equal(overlay(film, heatmap, opacity=0), grey_of(film))
        colour = colour_table()[np.rint(heatmap.array * 255).astype(int)]
        np.testing.assert_array_equal(overlay(film, heatmap, opacity=1, cut=0), colour)

    def test_an_empty_heatmap_hides_nothing(self, film):
        empty = Heatmap(np.zeros((2, 2), np.float32), 30, 40, "gradcam", "conv", "pneumonia")
        np.testing.assert_array_equal(overlay(film, empty), grey_of(film))

    def test_other_sizes_are_refused(self, film):
        other = Heatmap(np.zeros((2, 2), np.float32), 40, 30, "gradcam", "conv", "pneumonia")
        with pytest.raises(ValueError, match=r"heatmap of \(30, 40\)\. Received: \(40, 30\)"):
            overlay(film, other)

    @pytest.mark.parametrize("name", ["opacity", "cut"])
    @pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
    def test_shares_out_of_range(self, film, heatmap, name, share):
        with pytest.raises(ValueError, match=rf"Expected {name} in \[0, 1\]. Received: {share}"):
            overlay(film, heatmap, **{name: share})

    def test_on_a_common_scale(self, film, heatmap):
        # The mean is a half, so the right edge is twice the mean.
        result = np.asarray(overlay(film, heatmap, top=4, opacity=1, cut=0))
        table = colour_table()
        np.testing.assert_array_equal(result[:, 0], np.tile(table[0], (30, 1)))
        np.testing.assert_array_equal(result[:, -1], np.tile(table[128], (30, 1)))
        beyond = np.asarray(overlay(film, heatmap, top=1, opacity=1, cut=0))
        np.testing.assert_array_equal(beyond[:, -1], np.tile(table[255], (30, 1)))

    def test_on_a_common_scale_an_even_map_is_even(self, film):
        even = Heatmap(np.full((3, 3), 7, np.float32), 30, 40, "gradcam", "conv", "pneumonia", 0.1)
        result = np.asarray(overlay(film, even, top=4, opacity=1))
        np.testing.assert_array_equal(
            result[3:-3, 4:-4], np.broadcast_to(colour_table()[64], (24, 32, 3))
        )
        np.testing.assert_array_equal(result[:3], grey_of(film)[:3])

    @pytest.mark.parametrize("top", [0, -1, float("nan")])
    def test_a_top_that_is_none(self, film, heatmap, top):
        with pytest.raises(ValueError, match=rf"Expected top above 0. Received: {top}"):
            overlay(film, heatmap, top=top)

    def test_usual_strength(self):
        assert 0 < CUT < OPACITY < 1


class TestCommonTop:
    def of(self, grid):
        return Heatmap(np.asarray(grid, np.float32), 30, 40, "gradcam", "conv", "pneumonia")

    def test_is_the_highest_of_all_maps_and_without_unit(self):
        bands = np.zeros((10, 10))
        bands[0] = 1
        assert common_top([self.of(np.ones((4, 4))), self.of(bands)]) == 10
        assert common_top([self.of(bands * 1e-4)]) == 10

    def test_leaves_grain_out(self):
        grain = np.ones((64, 64))
        grain[::16, ::16] = 1000
        assert common_top([self.of(grain)]) == LEAST_TOP

    def test_even_or_empty_maps_stay_faint(self):
        for grid in (np.ones((4, 4)), np.zeros((4, 4))):
            assert common_top([self.of(grid)]) == LEAST_TOP
        assert common_top([]) == LEAST_TOP
