"""The methods that run a network many times: against tf-keras-vis, by hand, and as one sweep."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from tf_keras_vis.saliency import Saliency
from tf_keras_vis.scorecam import Scorecam

from cxr.heatmaps import sweep
from cxr.heatmaps.attribute import check, expected_seconds
from cxr.heatmaps.gradients import (
    CELLS,
    STEPS,
    IntegratedGradients,
    SmoothGrad,
    cells,
)
from cxr.heatmaps.methods import METHODS
from cxr.heatmaps.perturbation import NODES, Occlusion, ScoreCam
from cxr.heatmaps.sweep import StoppedError, run, seconds_of
from cxr.networks.network import Network
from tests.conftest import chest_like


def chests(count: int, size: int = 64) -> np.ndarray:
    """Films as a grey network takes them, every second one ill."""
    films = np.stack([chest_like(seed, ill=seed % 2 == 0, size=size) for seed in range(count)])
    return films[..., None].astype(np.float32)


def linear(weights: np.ndarray) -> keras.Model:
    """The network whose logit is the sum of the film times the weights."""
    film = keras.Input((*weights.shape, 1))
    x = keras.layers.Flatten()(film)
    model = keras.Model(film, keras.layers.Dense(1, use_bias=False)(x))
    model.layers[-1].set_weights([weights.reshape(-1, 1)])
    return model


class TestScoreCam:
    def test_equals_tf_keras_vis_on_the_same_network_with_an_output_for_each_class(
        self, made_bundle
    ):
        """It takes the softmax of the outputs, so that a single one would always be 1."""
        model, films = made_bundle.model, chests(3)
        logit = model.output
        both = keras.Model(model.input, keras.layers.Concatenate()([0 * logit, logit]))
        theirs = Scorecam(both, clone=False)(
            lambda output: output[:, 1],
            films,
            penultimate_layer="block5_conv",
            expand_cam=False,
            normalize_cam=False,
        )
        maps = run(ScoreCam(Network(model), "block5_conv"), films)
        assert maps.shape == theirs.shape == (3, 4, 4)
        for mine, other in zip(maps, np.asarray(theirs), strict=True):
            assert other.max() > 0
            np.testing.assert_allclose(mine, other, rtol=0, atol=1e-4 * other.max())

    def test_a_channel_that_hides_what_matters_counts_less(self):
        """Two channels, the film's left half and its right half; only the left one matters."""
        film = keras.Input((4, 4, 1))
        x = keras.layers.Conv2D(2, 4, padding="same", name="conv", use_bias=False)(film)
        halves = keras.layers.Dense(1, name="logit", use_bias=False)(keras.layers.Flatten()(film))
        model = keras.Model(film, halves + 0 * keras.layers.GlobalMaxPooling2D()(x)[:, :1])
        weights = np.zeros((4, 4))
        weights[:, 1] = 1
        model.get_layer("logit").set_weights([weights.reshape(16, 1)])
        method = ScoreCam(Network(model), "conv")
        maps = np.zeros((1, 4, 4, 2), np.float32)
        maps[0, :, :2, 0] = maps[0, :, 2:, 1] = 1
        state = method.start(np.ones((1, 4, 4, 1), np.float32))._replace(maps=maps)
        logits = method.evaluate(state, np.array([0, 0]), np.array([0, 1]))
        np.testing.assert_allclose(logits, [4, 0], atol=1e-4)
        grid = method.finish(state, logits[None])[0]
        np.testing.assert_allclose(grid[:, :2], 1 / (1 + np.exp(-4)), rtol=1e-4)
        np.testing.assert_allclose(grid[:, 2:], 0.5, rtol=1e-4)


class TestCells:
    @pytest.mark.parametrize(
        ("size", "count"), [(1, 1), (32, 32), (64, 64), (65, 33), (150, 50), (224, 56), (301, 61)]
    )
    def test_average_and_leave_no_pixel_out(self, size, count):
        matrix = cells(size)
        assert matrix.shape == (count, size)
        assert count <= CELLS
        np.testing.assert_allclose(matrix.sum(axis=1), 1, rtol=1e-5)
        sizes = (matrix > 0).sum(axis=1)
        assert sizes.sum() == size
        assert sizes.max() - sizes.min() <= 1


class TestSmoothGrad:
    def test_without_noise_equals_tf_keras_vis(self, made_bundle):
        model, films = made_bundle.model, chests(3)
        theirs = Saliency(model, clone=False)(
            lambda output: output[:, 0], films, smooth_samples=0, normalize_map=False
        )
        maps = run(SmoothGrad(model, samples=0), films)
        # At 64 pixels a cell is a pixel.
        assert maps.shape == theirs.shape == (3, 64, 64)
        np.testing.assert_allclose(maps, theirs, rtol=0, atol=1e-4 * theirs.max())

    def test_of_three_channels_the_largest_counts_and_cells_are_means(self):
        film = keras.Input((128, 128, 3))
        x = keras.layers.Flatten()(film)
        model = keras.Model(film, keras.layers.Dense(1)(x))
        films = np.random.default_rng(1).uniform(0, 255, (2, 128, 128, 3)).astype(np.float32)
        theirs = Saliency(model, clone=False)(
            lambda output: output[:, 0], films, smooth_samples=0, normalize_map=False
        )
        maps = run(SmoothGrad(model), films)  # the gradient is the same everywhere
        assert maps.shape == (2, 64, 64)
        means = np.asarray(theirs).reshape(2, 64, 2, 64, 2).mean(axis=(2, 4))
        np.testing.assert_allclose(maps, means, rtol=1e-4)

    def test_is_the_same_each_time_whatever_it_is_computed_with(self, made_bundle):
        films = chests(3)
        method = SmoothGrad(made_bundle.model)
        maps = run(method, films)
        np.testing.assert_array_equal(maps, run(method, films))
        alone = run(SmoothGrad(made_bundle.model), films[1:2])
        np.testing.assert_allclose(maps[1:2], alone, rtol=0, atol=1e-4 * alone.max())

    def test_noise_is_of_the_films_range_and_alike_in_the_channels(self):
        """With a square as the network, the gradient tells the pixels that it was taken at."""
        film = keras.Input((8, 8, 3))
        square = keras.ops.sum(film**2 / 2, axis=(1, 2, 3))
        method = SmoothGrad(keras.Model(film, square[:, None]))
        films = np.random.default_rng(2).uniform(100, 200, (1, 8, 8, 1)).astype(np.float32)
        films[0, 0, :2, 0] = 100, 200
        films = np.repeat(films, 3, axis=-1)
        every = np.arange(method.variants)
        noise = method.evaluate(films, np.zeros_like(every), every) - films[..., 0]
        assert noise.std() == pytest.approx(15, rel=0.1)
        # Of noise of its own in each channel, the largest of three would be 0.85 deviations up.
        assert abs(noise.mean()) < 0.2 * 15
        assert len(np.unique(noise.round(3), axis=0)) == method.variants


class TestIntegratedGradients:
    def test_of_a_linear_network_is_the_weight_times_the_way_from_grey(self):
        weights = np.random.default_rng(3).normal(size=(6, 5)).astype(np.float32)
        films = np.random.default_rng(4).uniform(0, 255, (2, 6, 5, 1)).astype(np.float32)
        maps = run(IntegratedGradients(linear(weights)), films)
        expected = weights * (films - films.mean(axis=(1, 2), keepdims=True))[..., 0]
        np.testing.assert_allclose(maps, np.maximum(expected, 0), rtol=1e-3, atol=1e-3)

    def test_a_dark_pixel_has_its_share(self):
        """From black it would have none."""
        film = np.full((1, 4, 4, 1), 200, np.float32)
        film[0, 1, 2] = 0
        (grid,) = run(IntegratedGradients(linear(-np.ones((4, 4), np.float32))), film)
        assert np.unravel_index(grid.argmax(), grid.shape) == (1, 2)
        assert grid[1, 2] == pytest.approx(200 * 15 / 16, rel=1e-4)

    @pytest.mark.parametrize(("steps", "lacking"), [(STEPS, 0.05), (6 * STEPS, 0.02)])
    def test_adds_up_to_the_difference_of_the_logits(self, made_bundle, steps, lacking):
        model, films = made_bundle.model, chests(4)
        grey = np.broadcast_to(films.mean(axis=(1, 2), keepdims=True), films.shape)
        expected = np.asarray(model(films) - model(grey))[:, 0]
        assert np.abs(expected).min() > 0.1
        method = IntegratedGradients(model, steps=steps)
        state = method.start(films)
        np.testing.assert_allclose(state.differences, expected, rtol=1e-3, atol=1e-3)
        where = np.divmod(np.arange(4 * method.variants), method.variants)
        results = method.evaluate(state, *where).reshape(4, method.variants, 64, 64)
        # The points alone, before what is lacking is shared out, and after.
        np.testing.assert_allclose(results.sum(axis=(1, 2, 3)), expected, rtol=lacking)
        signed = method.signed(state, results)
        np.testing.assert_allclose(signed.sum(axis=(1, 2)), expected, rtol=1e-3)
        np.testing.assert_array_equal(np.sign(signed), np.sign(results.sum(axis=1)))
        np.testing.assert_allclose(method.finish(state, results), np.maximum(signed, 0))

    def test_adds_up_where_cells_are_of_several_sizes(self):
        weights = np.random.default_rng(7).normal(size=(65, 130)).astype(np.float32)
        films = np.random.default_rng(8).uniform(0, 255, (1, 65, 130, 1)).astype(np.float32)
        method = IntegratedGradients(linear(weights), steps=3)
        state = method.start(films)
        signed = method.signed(state, method.evaluate(state, np.zeros(3, int), np.arange(3))[None])
        assert signed.shape == (1, 33, 44)
        assert method.total(signed)[0] == pytest.approx(state.differences[0], rel=1e-3)

    def test_a_grey_film_has_no_map(self, made_bundle):
        film = np.full((1, 64, 64, 1), 90, np.float32)
        np.testing.assert_array_equal(run(IntegratedGradients(made_bundle.model), film), 0)


class TestOcclusion:
    def test_of_a_linear_network_is_what_the_patch_held_above_grey(self):
        weights = np.random.default_rng(5).normal(size=(45, 29)).astype(np.float32)
        films = np.random.default_rng(6).uniform(0, 255, (2, 45, 29, 1)).astype(np.float32)
        maps = run(Occlusion(Network(linear(weights))), films)
        assert maps.shape == (2, NODES, NODES)
        part = weights * (films - films.mean(axis=(1, 2), keepdims=True))[..., 0]
        steps = 44 / 14, 28 / 14
        for row, column in ((0, 0), (7, 3), (14, 14), (2, 9)):
            y, x = np.ogrid[:45, :29]
            inside = (abs(y - row * steps[0]) < steps[0]) & (abs(x - column * steps[1]) < steps[1])
            expected = np.maximum(part[:, inside].sum(axis=1), 0)
            np.testing.assert_allclose(maps[:, row, column], expected, rtol=1e-3, atol=0.5)

    def test_no_pixel_is_left_out_and_none_much_more_often_than_others(self):
        for size in (32, 150, 224, 256):
            from cxr.heatmaps.perturbation import _covers

            often = _covers(size, NODES).sum(axis=0)
            assert often.min() >= 1
            assert often.max() <= 2

    def test_small_inputs_have_a_place_a_pixel(self):
        maps = run(
            Occlusion(Network(linear(np.eye(4, 6, dtype=np.float32)))), np.ones((1, 4, 6, 1), "f")
        )
        assert maps.shape == (1, 4, 6)

    def test_finds_what_the_score_came_from(self):
        weights = np.zeros((64, 64), np.float32)
        weights[40:48, 8:16] = 1
        films = chests(1)
        films[0, 40:48, 8:16] = 255
        (grid,) = run(Occlusion(Network(linear(weights))), films)
        row, column = np.unravel_index(grid.argmax(), grid.shape)
        assert abs(row * 63 / 14 - 44) < 63 / 14
        assert abs(column * 63 / 14 - 12) < 63 / 14


class Counted:
    """A sweep of five variants that notes its batches: film + variant / 10."""

    variants = 5
    passes = 2

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.started = 0

    def start(self, films: np.ndarray) -> np.ndarray:
        self.started += 1
        return films[:, 0, 0, 0]

    def evaluate(self, state, film, variant) -> np.ndarray:
        self.batches.append(len(film))
        return state[film] + variant / 10

    def finish(self, state, results) -> np.ndarray:
        return results[:, None, :]


class TestRun:
    FILMS = np.arange(19, dtype=np.float32).reshape(19, 1, 1, 1)

    def test_films_share_batches_and_get_their_own_results(self):
        method = Counted()
        maps = run(method, self.FILMS)
        np.testing.assert_allclose(maps[:, 0], np.arange(19)[:, None] + np.arange(5) / 10)
        assert method.started == 3
        assert method.batches == [8] * 11 + [7]
        assert sweep.FILMS_AT_ONCE == 8
        assert sweep.BATCH == 8

    def test_progress_counts_passes_from_none_to_all(self):
        seen = []
        run(Counted(), self.FILMS[:4], progress=lambda done, total: seen.append((done, total)))
        assert seen == [(0, 40), (16, 40), (32, 40), (40, 40)]

    @pytest.mark.parametrize("after", [0, 1, 3])
    def test_stops_between_batches(self, after):
        method = Counted()
        with pytest.raises(StoppedError, match="Stopped before the heatmap was done"):
            run(method, self.FILMS, stopped=lambda: len(method.batches) >= after)
        assert len(method.batches) == after

    def test_the_time_of_a_variant_is_that_of_a_warm_batch(self, monkeypatch):
        clock = iter([10.0, 12.0])
        monkeypatch.setattr(sweep.time, "perf_counter", lambda: next(clock))
        method = Counted()
        assert seconds_of(method, self.FILMS[:1]) == pytest.approx(2 / 5)
        assert method.batches == [5, 5]


class TestWithoutAConvolution:
    NETWORK = Network(linear(np.eye(4, dtype=np.float32)))

    @pytest.mark.parametrize("method", [name for name in METHODS if METHODS[name].layered])
    def test_the_methods_that_look_at_the_film_are_named(self, method):
        with pytest.raises(ValueError, match=r"no convolution.* do: .*occlusion\."):
            check(self.NETWORK, method, None)

    @pytest.mark.parametrize("method", [name for name in METHODS if not METHODS[name].layered])
    def test_these_do_go(self, method):
        check(self.NETWORK, method, None)
        assert expected_seconds(self.NETWORK, method) > 0
