"""Heatmaps at the film's size; equality with tf-keras-vis is in test_inference and
test_attribution."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import ClassVar

import keras
import numpy as np
import pytest
from scipy.ndimage import zoom

from cxr.films.preprocessing import Preprocessing
from cxr.films.radiograph import Radiograph
from cxr.heatmaps import attribute as attribution
from cxr.heatmaps.gradients import STEPS
from cxr.model import Model
from cxr.networks.network import Network
from cxr.scoring.explain import (
    CAPTION,
    FAST,
    METHODS,
    Cost,
    Heatmap,
    RefusedError,
    StoppedError,
    attribute,
    expected_seconds,
    explain,
    heatmaps,
    heatmaps_of,
    passes,
)
from cxr.scoring.predict import predict
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
        card = replace(made_bundle.card, input=replace(made_bundle.card.input, margin=0.25))
        array = explain(Model(made_bundle.folder, card), film_like(2, ill=True)).array
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
        known = re.escape(", ".join(METHODS))
        with pytest.raises(ValueError, match=rf"Expected one of {known}\. Received: 'magic'"):
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
        film, grid = Radiograph(np.ones((30, 40), np.float32)), np.ones((1, 3, 4), np.float32)
        (result,) = heatmaps_of(made_bundle, [film], grid)
        assert (result.height, result.width, result.grid.shape) == (30, 40, (3, 4))
        assert (result.method, result.cost) == ("gradcam", None)
        assert (result.layer, result.finding, result.margin) == ("block5_conv", "pneumonia", 0.0)


class TestEveryMethod:
    #: Rows and columns of a film of 64 pixels, and passes.
    GRIDS: ClassVar = {
        "scorecam": ((4, 4), 256),
        "smoothgrad": ((64, 64), 48),
        "integrated_gradients": ((64, 64), 2 * STEPS),
        "occlusion": ((15, 15), 225),
    }

    @pytest.mark.parametrize("method", METHODS)
    def test_maps_a_film(self, made_bundle, method):
        film = film_like(2, ill=True, size=200)
        result = explain(made_bundle, film, method=method)
        shape, price = self.GRIDS.get(method, ((4, 4), 1))
        assert result.grid.shape == shape
        assert result.grid.dtype == np.float32
        assert result.grid.min() >= 0
        assert np.isfinite(result.grid).all()
        assert result.array.shape == (200, 200)
        assert result.array.max() == pytest.approx(1, abs=1e-3)
        assert result.layer == ("block5_conv" if METHODS[method].layered else "")
        assert result.method == method
        assert result.cost.passes == price == passes(made_bundle.network, method)
        assert result.cost.seconds > 0

    @pytest.mark.parametrize("method", METHODS)
    def test_films_share_the_call_and_the_gate_is_not_asked(self, made_bundle, method):
        films = [film_like(2, ill=True, size=200), Radiograph(np.full((150, 90), 0.5, np.float32))]
        found = heatmaps(made_bundle, films, method=method)
        assert [(h.height, h.width) for h in found] == [(200, 200), (150, 90)]
        alone = explain(made_bundle, films[0], method=method)
        np.testing.assert_allclose(
            found[0].grid, alone.grid, rtol=0, atol=1e-3 * float(alone.grid.max())
        )
        assert found[0].cost == found[1].cost

    @pytest.mark.parametrize("method", [*FAST, "scorecam"])
    def test_at_another_layer(self, made_bundle, method):
        result = explain(made_bundle, film_like(2, ill=True), method=method, layer="block4_conv")
        assert (result.layer, result.grid.shape) == ("block4_conv", (8, 8))

    @pytest.mark.parametrize("method", METHODS)
    def test_of_another_network_leave_the_first_as_it_was(self, made_bundle, method):
        """As when a network with weights drawn anew is asked for its maps."""
        explain(made_bundle, film_like(2, ill=True), method=method)
        inputs = np.stack([made_bundle.prepare(film_like(seed, ill=True)) for seed in (1, 2)])
        own = attribute(made_bundle.network, inputs, method=method)
        same = keras.models.clone_model(made_bundle.model)
        same.set_weights(made_bundle.model.get_weights())
        other, scale = Network(same), float(own.max())
        again = attribute(other, inputs, method=method)
        np.testing.assert_allclose(again, own, rtol=0, atol=1e-4 * scale)
        same.get_layer("block5_conv").set_weights(
            [-w for w in same.get_layer("block5_conv").get_weights()]
        )
        changed = attribute(other, inputs, method=method)
        assert np.abs(changed - own).max() > 1e-3 * scale
        np.testing.assert_array_equal(attribute(made_bundle.network, inputs, method=method), own)

    def test_no_films(self, made_bundle):
        assert heatmaps(made_bundle, []) == []
        inputs = np.zeros((0, 64, 64, 1), np.uint8)
        for method in ("gradcam", "occlusion"):
            assert attribute(made_bundle.network, inputs, method=method).shape == (0, 0, 0)


class TestLayers:
    def test_are_the_convolutions_the_default_last(self, made_bundle):
        assert made_bundle.network.convolutions() == [f"block{i}_conv" for i in range(1, 6)]

    @pytest.mark.parametrize("method", ["gradcam", "scorecam"])
    def test_an_unknown_one_names_the_valid_ones(self, made_bundle, method):
        known = ", ".join(made_bundle.network.convolutions())
        with pytest.raises(ValueError, match=rf"layer of {known}\. Received: 'x'"):
            explain(made_bundle, film_like(1), method=method, layer="x")
        with pytest.raises(ValueError, match=rf"layer of {known}\. Received: 'x'"):
            expected_seconds(made_bundle.network, method, layer="x")

    @pytest.mark.parametrize("method", [m for m in METHODS if not METHODS[m].layered])
    def test_are_nothing_to_a_method_that_looks_at_the_film(self, made_bundle, method):
        with pytest.raises(ValueError, match="looks at the film itself, not at a layer"):
            explain(made_bundle, film_like(1), method=method, layer="block5_conv")


class TestLongWork:
    def test_says_how_far_it_is(self, made_bundle):
        seen: list[tuple[int, int]] = []
        made_bundle.explain(
            film_like(2, ill=True), "occlusion", progress=lambda *now: seen.append(now)
        )
        assert seen == [(min(8 * k, 225), 225) for k in range(30)]

    def test_of_fast_methods_counts_films(self, made_bundle, monkeypatch):
        monkeypatch.setattr(attribution, "BATCH", 2)
        seen: list[tuple[int, int]] = []
        heatmaps(
            made_bundle, [film_like(k) for k in range(3)], progress=lambda *now: seen.append(now)
        )
        assert seen == [(0, 3), (2, 3), (3, 3)]

    @pytest.mark.parametrize("method", ["layercam", "scorecam", "smoothgrad", "occlusion"])
    def test_can_be_stopped(self, made_bundle, method):
        asked: list[int] = []

        def stopped() -> bool:
            asked.append(1)
            return len(asked) > 2

        films = [film_like(k) for k in range(3)] * 30
        with pytest.raises(StoppedError):
            heatmaps(made_bundle, films, method=method, stopped=stopped)
        assert len(asked) == 3

    def test_a_refused_film_is_told_before_it_starts(self, made_bundle):
        seen: list[int] = []
        with pytest.raises(RefusedError):
            explain(
                made_bundle,
                Radiograph(np.full((200, 200), 0.5, np.float32)),
                method="occlusion",
                progress=lambda done, total: seen.append(done),
            )
        assert seen == []

    @pytest.mark.parametrize("method", METHODS)
    def test_how_long_it_takes_is_known_before(self, made_bundle, method):
        one = expected_seconds(made_bundle.network, method)
        assert 0 < one < 60
        if METHODS[method].slow:
            assert expected_seconds(made_bundle.network, method, films=7) == pytest.approx(7 * one)
        # Measured once.
        assert expected_seconds(made_bundle.network, method) == one

    def test_is_the_time_of_a_warm_batch_times_their_number(self, made_bundle, monkeypatch):
        fresh = Network(made_bundle.model)
        monkeypatch.setattr(attribution, "seconds_of", lambda sweep, films: 0.25)
        assert expected_seconds(fresh, "occlusion", films=2) == 2 * 225 * 0.25


def test_cost_is_each_films_share(made_bundle, monkeypatch):
    clock = iter([10.0, 16.0])
    monkeypatch.setattr("cxr.scoring.explain.time.perf_counter", lambda: next(clock))
    found = heatmaps(made_bundle, [film_like(1), film_like(2), film_like(3)])
    assert [h.cost for h in found] == [Cost(2.0, 1)] * 3


def test_caption_does_not_promise_disease():
    assert CAPTION == "Where the score came from, not where disease is."
