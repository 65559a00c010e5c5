"""Heatmaps at the film's size; equality with tf-keras-vis is in test_inference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import zoom

from cxr.bundle import Bundle
from cxr.explanation import CAPTION, METHODS, Heatmap, RefusedError, explain, heatmaps_of
from cxr.prediction import predict
from cxr.preprocessing import Preprocessing
from cxr.radiograph import Radiograph
from tests.conftest import film_like


def heatmap(grid: np.ndarray, height: int, width: int, margin: float = 0.0) -> Heatmap:
    grid = np.asarray(grid, np.float32)
    return Heatmap(grid, height, width, "gradcam", "conv", "pneumonia", margin)


class TestArray:
    @pytest.mark.parametrize(("height", "width"), [(70, 50), (7, 7), (224, 224), (5, 300)])
    def test_linear_with_the_corners_aligned(self, height, width):
        grid = np.random.default_rng(1).uniform(0, 3, (7, 5)).astype(np.float32)
        expected = zoom(grid, (height / 7, width / 5), order=1)
        expected = (expected - expected.min()) / (expected.max() - expected.min())
        array = heatmap(grid, height, width).array
        assert array.shape == (height, width)
        assert array.dtype == np.float32
        np.testing.assert_allclose(array, expected, atol=1e-5)

    def test_stretched_to_its_own_range(self):
        array = heatmap([[3.0, 4.0], [5.0, 7.0]], 9, 9).array
        assert (array.min(), array.max()) == (0, 1)
        assert array[0, 0] == 0
        assert array[-1, -1] == 1
        assert array[4, 4] == pytest.approx((4.75 - 3) / 4, abs=1e-6)

    @pytest.mark.parametrize("value", [0.0, 0.3])
    def test_all_zero_where_nothing_stands_out(self, value):
        """Not noise stretched to full strength."""
        grid = np.full((4, 4), value, np.float32)
        grid[1, 1] += 5e-8
        np.testing.assert_array_equal(heatmap(grid, 30, 40).array, np.zeros((30, 40)))

    def test_a_single_node(self):
        np.testing.assert_array_equal(heatmap([[2.0]], 3, 4).array, np.zeros((3, 4)))

    def test_the_maximum_stays_where_it_was(self):
        grid = np.zeros((5, 5), np.float32)
        grid[1, 3] = 1
        array = heatmap(grid, 401, 801).array
        assert np.unravel_index(array.argmax(), array.shape) == (100, 600)


class TestMargin:
    """What the network does not see has no part in a score."""

    GRID = np.random.default_rng(2).uniform(1, 3, (5, 4))

    @pytest.mark.parametrize(
        ("height", "width", "margin", "top", "left"),
        [(100, 60, 0.1, 10, 6), (101, 75, 0.08, 8, 6), (40, 30, 0.4, 16, 12)],
    )
    def test_is_zero_and_inside_it_the_map_is_that_of_the_inner_size(
        self, height, width, margin, top, left
    ):
        array = heatmap(self.GRID, height, width, margin).array
        assert array.shape == (height, width)
        inner = heatmap(self.GRID, height - 2 * top, width - 2 * left).array
        np.testing.assert_array_equal(array[top : height - top, left : width - left], inner)
        edge = np.ones((height, width), bool)
        edge[top : height - top, left : width - left] = False
        np.testing.assert_array_equal(array[edge], 0)

    @pytest.mark.parametrize(("height", "width"), [(99, 101), (150, 151), (37, 64)])
    def test_is_the_one_that_preprocessing_cuts(self, height, width):
        seen = heatmap([[1.0, 2.0], [2.0, 3.0]], height, width, 0.075).array > 0
        part = np.ix_(seen.any(axis=1), seen.any(axis=0))
        film = np.random.default_rng(3).integers(0, 256, (height, width)) / np.float32(255)
        inside = film[part]
        # At that very size nothing is resampled.
        cut = Preprocessing(*inside.shape, 1, margin=0.075)(film)[..., 0]
        np.testing.assert_array_equal(cut, np.rint(inside * 255))

    def test_comes_from_the_card(self, made_bundle):
        card = replace(made_bundle.card, input=made_bundle.card.input | {"margin": 0.25})
        array = explain(Bundle(made_bundle.folder, card), film_like(2, ill=True)).array
        assert array[40:120, 40:120].max() > 0.99
        outside = np.ones(array.shape, bool)
        outside[40:120, 40:120] = False
        np.testing.assert_array_equal(array[outside], 0)


class TestExplain:
    @pytest.mark.parametrize("size", [128, 160, 301])
    def test_at_the_films_size(self, made_bundle, size):
        film = film_like(2, ill=True, size=size)
        result = explain(made_bundle, film)
        assert result.array.shape == film.pixels.shape
        assert 0 <= result.array.min() <= result.array.max() <= 1
        assert (result.method, result.layer, result.finding) == (
            "gradcam",
            "block5_conv",
            "pneumonia",
        )
        assert result.grid.shape == (4, 4)
        assert (result.grid >= 0).all()

    def test_of_a_film_that_is_not_square(self, made_bundle):
        film = Radiograph(film_like(3, size=200).pixels[:150])
        assert explain(made_bundle, film).array.shape == (150, 200)

    def test_unknown_method_names_the_known(self, made_bundle):
        known = ", ".join(METHODS)
        with pytest.raises(ValueError, match=f"Expected one of {known}. Received: 'magic'"):
            explain(made_bundle, film_like(1), method="magic")

    def test_refused_film(self, made_bundle):
        film = Radiograph(np.full((200, 200), 0.5, np.float32))
        with pytest.raises(RefusedError, match=r"refused, so it has no heatmap\. The picture is"):
            explain(made_bundle, film)

    def test_many_at_once_have_their_own_sizes(self, made_bundle):
        films = [film_like(seed, size=size) for seed, size in ((1, 130), (2, 170))]
        for film, result in zip(films, predict(made_bundle, films, heatmaps=True), strict=True):
            alone = explain(made_bundle, film)
            assert result.heatmap.array.shape == film.pixels.shape
            np.testing.assert_allclose(result.heatmap.grid, alone.grid, rtol=1e-3, atol=1e-5)

    def test_what_is_said_of_a_map(self, made_bundle):
        (result,) = heatmaps_of(made_bundle, np.ones((1, 3, 4), np.float32), [(30, 40)])
        assert (result.height, result.width, result.grid.shape) == (30, 40, (3, 4))
        assert (result.layer, result.finding, result.margin) == ("block5_conv", "pneumonia", 0.0)


def test_caption_does_not_promise_disease():
    assert CAPTION == "Where the score came from, not where disease is."
