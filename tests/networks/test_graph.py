"""Compiled scores and maps, against Keras's own prediction and against tf-keras-vis."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ClassVar

import keras
import numpy as np
import pytest
import tensorflow as tf
from tf_keras_vis.gradcam import Gradcam
from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus
from tf_keras_vis.layercam import Layercam

from cxr.networks import build
from cxr.networks.class_activation import weighting
from cxr.networks.graph import (
    Forward,
    compile_features,
    compile_forward,
    compile_parts,
    convolutions,
    find_layer,
)
from cxr.scoring.explain import Heatmap
from tests.conftest import chest_like

THEIRS = {"gradcam": Gradcam, "gradcam++": GradcamPlusPlus, "layercam": Layercam}


def compile_maps(model: keras.Model, layer: str | None = None, method: str = "gradcam"):
    """Logits and maps, as most tests here want them."""
    forward = compile_forward(model, method=method, layer=layer)
    return lambda films: forward(films)[:2]


LAST = {
    "made": "block5_conv",
    "efficientnet_lite0": "head_conv",
    "small_cnn": "block4_conv",
    "tb_cnn": "block3_conv2",
    "vgg16_transfer": "block5_conv3",
}


@pytest.fixture(scope="module", params=LAST)
def network(request, made_bundle) -> tuple[str, keras.Model]:
    """The trained grey network; the others with random weights, norms included."""
    name = request.param
    if name == "made":
        return name, made_bundle.model
    keras.utils.set_random_seed(7)
    model = build(name, input_size=96)
    rng = np.random.default_rng(7)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()])
    # Logits of a few units, as of trained networks: tf-keras-vis adds 1e-7 to the range that it
    # divides by, which shows where a map spans 1e-3.
    logit = model.get_layer("logit")
    # The other way round where these weights raise nothing.
    factor = -50 if name in ("tb_cnn", "vgg16_transfer") else 50
    logit.set_weights([factor * w for w in logit.get_weights()])
    return name, model


@pytest.fixture(scope="module")
def films(network) -> np.ndarray:
    """Five films at the network's size, as `to_input` gives them."""
    _, height, _, channels = network[1].input_shape
    grey = np.stack([chest_like(seed, ill=seed % 2 == 0, size=height) for seed in range(5)])
    return np.repeat(grey[..., None], channels, axis=-1)


@pytest.fixture(scope="module")
def compiled(network) -> Callable[[str | None], Forward]:
    """The network with a method, traced once."""
    return functools.cache(lambda method: compile_forward(network[1], method=method))


@pytest.fixture(scope="module")
def ours(compiled, films) -> tuple[np.ndarray, np.ndarray]:
    return compiled("gradcam")(films)[:2]


def reference(
    model: keras.Model, films: np.ndarray, method: str = "gradcam", **options
) -> np.ndarray:
    """tf-keras-vis on the same flat graph."""
    theirs = THEIRS[method](model, clone=False)
    return np.asarray(theirs(lambda output: output[:, 0], films.astype(np.float32), **options))


class TestMaps:
    def test_raw_grad_cam_equals_tf_keras_vis(self, network, films, ours):
        theirs = reference(network[1], films, expand_cam=False, normalize_cam=False)
        maps = ours[1]
        assert maps.shape == theirs.shape
        assert theirs.max() > 0  # so there is something to compare
        np.testing.assert_allclose(maps, theirs, rtol=1e-4, atol=1e-4 * theirs.max())
        np.testing.assert_allclose(maps, theirs, rtol=0, atol=1e-4)

    @pytest.mark.parametrize("method", ["gradcam++", "layercam"])
    def test_raw_maps_equal_tf_keras_vis(self, network, films, compiled, method):
        theirs = reference(network[1], films, method, expand_cam=False, normalize_cam=False)
        maps = compiled(method)(films)[1]
        assert maps.shape == theirs.shape
        assert theirs.max() > 0
        for mine, other in zip(maps, theirs, strict=True):
            # Films differ in scale; some of the networks with random weights raise nothing.
            scale = other.max() or theirs.max()
            np.testing.assert_allclose(mine, other, rtol=0, atol=1e-4 * scale)

    def test_heatmaps_at_the_networks_size_equal_tf_keras_vis(self, network, films, ours):
        _, height, width, _ = network[1].input_shape
        for k, theirs in enumerate(reference(network[1], films)):
            heatmap = Heatmap(ours[1][k], height, width, "gradcam", "layer", "pneumonia")
            assert heatmap.array.shape == theirs.shape
            np.testing.assert_allclose(heatmap.array, theirs, rtol=0, atol=1e-4)

    def test_scores_are_those_of_the_forward_pass(self, network, films, ours, compiled):
        expected = np.asarray(network[1](films.astype(np.float32), training=False))[:, 0]
        np.testing.assert_allclose(ours[0], expected, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(compiled(None)(films).logits, expected, rtol=1e-4, atol=1e-4)

    def test_without_a_map_there_is_none(self, films, compiled):
        outputs = compiled(None)(films)
        assert outputs.maps.shape == (5, 0, 0)
        assert outputs.features.shape == (5, 0)

    def test_the_films_of_a_batch_do_not_meet(self, films, ours, compiled):
        for k in (0, 3):
            logit, grid, _ = compiled("gradcam")(films[k : k + 1])
            np.testing.assert_allclose(logit[0], ours[0][k], rtol=1e-4, atol=1e-4)
            scale = max(1.0, float(ours[1][k].max()))
            np.testing.assert_allclose(grid[0], ours[1][k], rtol=0, atol=1e-4 * scale)

    def test_last_convolution(self, network):
        name, model = network
        assert find_layer(model, None) == LAST[name]


def tiny() -> keras.Model:
    film = keras.Input((4, 4, 1))
    x = keras.layers.Conv2D(2, 1, name="first", use_bias=False)(film)
    x = keras.layers.Conv2D(1, 1, name="second", use_bias=False)(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(film, keras.layers.Dense(1, use_bias=False, name="logit")(x), name="tiny")


class TestFeatures:
    """Averages over the picture of some layers, in the order asked for."""

    LAYERS: ClassVar = ["block5_conv", "block2_conv"]

    @pytest.fixture
    def films(self) -> np.ndarray:
        return np.stack([chest_like(seed, size=64) for seed in range(3)])[..., None]

    @pytest.fixture
    def expected(self, made_bundle, films) -> np.ndarray:
        parts = []
        for name in self.LAYERS:
            layer = made_bundle.model.get_layer(name).output
            value = keras.Model(made_bundle.model.input, layer)(films.astype(np.float32))
            parts.append(np.asarray(value).mean(axis=(1, 2)))
        return np.concatenate(parts, axis=1)

    def test_alone(self, made_bundle, films, expected):
        found = compile_features(made_bundle.model, self.LAYERS)(films)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)

    def test_of_a_single_layer(self, made_bundle, films, expected):
        found = compile_features(made_bundle.model, self.LAYERS[:1])(films)
        np.testing.assert_allclose(found, expected[:, : found.shape[1]], rtol=1e-4, atol=1e-5)

    @pytest.mark.parametrize("method", [None, "gradcam"])
    def test_beside_the_score(self, made_bundle, films, expected, method):
        forward = compile_forward(made_bundle.model, method=method, features=self.LAYERS)
        outputs = forward(films)
        np.testing.assert_allclose(outputs.features, expected, rtol=1e-4, atol=1e-5)
        alone = compile_forward(made_bundle.model, method=method)(films)
        np.testing.assert_allclose(outputs.logits, alone.logits, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(outputs.maps, alone.maps, rtol=1e-4, atol=1e-5)


class TestLayers:
    """Any layer with rows and columns, whether or not it cuts the network in two."""

    @pytest.fixture(scope="class")
    def lite(self) -> keras.Model:
        keras.utils.set_random_seed(5)
        model = build("efficientnet_lite0", input_size=64)
        for layer in model.layers:  # without norms that fit, next to nothing reaches the end
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.set_weights([*layer.get_weights()[:3], 0.1 * layer.get_weights()[3]])
        return model

    @pytest.mark.parametrize("layer", ["block4b_expand", "block3b_depthwise"])
    def test_in_a_branch_equals_tf_keras_vis(self, lite, layer):
        films = np.repeat(np.stack([chest_like(seed, size=64) for seed in (1, 2)])[..., None], 3, 3)

        def each(*given):
            return [weighting(method)(*given) for method in THEIRS]

        *_, ours = compile_parts(lite, layer, (), lambda *given: tf.stack(each(*given)))(films)
        for method, maps in zip(THEIRS, ours, strict=True):
            # To tf-keras-vis a depthwise convolution is none: it would take the one before.
            options = {"penultimate_layer": layer, "seek_penultimate_conv_layer": False}
            theirs = reference(
                lite, films, method, **options, expand_cam=False, normalize_cam=False
            )
            assert maps.shape == theirs.shape
            assert theirs.max() > 1e-6
            np.testing.assert_allclose(maps, theirs, rtol=0, atol=1e-4 * theirs.max())

    def test_are_the_convolutions_in_order(self, lite):
        names = convolutions(lite)
        assert (names[0], names[-1], len(names)) == ("stem_conv", "head_conv", 49)
        assert find_layer(lite, None) == "head_conv"

    def test_that_is_no_convolution_but_has_rows_and_columns(self, lite):
        assert find_layer(lite, "head_relu6") == "head_relu6"
        films = np.repeat(chest_like(1, size=64)[None, ..., None], 3, 3)
        assert compile_maps(lite, "head_relu6", "hirescam")(films)[1].shape == (1, 2, 2)

    @pytest.mark.parametrize("name", ["magic", "pool", "logit", "film", "scale"])
    def test_another_names_the_valid_ones(self, lite, name):
        with pytest.raises(ValueError, match=rf"of stem_conv, .*head_conv\. Received: '{name}'"):
            find_layer(lite, name)

    def test_unknown_method(self, lite):
        with pytest.raises(ValueError, match=r"of gradcam, .*hirescam\. Received: 'x'"):
            compile_forward(lite, method="x")


class TestByHand:
    """Networks so small that the maps can be worked out on paper."""

    def weighed(self, method: str, activations: list, weights: list) -> np.ndarray:
        """The map of two channels of 1 x 2 places, each place with its own weight in the logit."""
        film = keras.Input((1, 2, 2))
        x = keras.layers.Conv2D(2, 1, name="conv", use_bias=False)(film)
        x = keras.layers.Dense(1, use_bias=False, name="logit")(keras.layers.Flatten()(x))
        model = keras.Model(film, x)
        model.get_layer("conv").set_weights([np.eye(2).reshape(1, 1, 2, 2)])
        model.get_layer("logit").set_weights([np.float32(weights).reshape(4, 1)])
        films = np.float32(activations).reshape(1, 1, 2, 2)
        return compile_maps(model, method=method)(films)[1][0, 0]

    def test_each_method_weighs_in_its_own_way(self):
        # Two places; the numbers of each are those of the two channels.
        activations, weights = [[1.0, 2.0], [3.0, 0.5]], [[0.5, -1.0], [0.1, 2.0]]
        np.testing.assert_allclose(
            self.weighed("gradcam", activations, weights), [0.3 + 0.5 * 2, 0.9 + 0.25], rtol=1e-5
        )
        np.testing.assert_allclose(
            self.weighed("hirescam", activations, weights), [0, 0.3 + 1], rtol=1e-5
        )
        np.testing.assert_allclose(
            self.weighed("layercam", activations, weights), [0.5, 0.3 + 1], rtol=1e-5
        )
        # Shares 1 / (2 + gradient x sum of the channel), over their sum; then the mean of the
        # positive gradients by them, times exp(logit).
        first = np.array([1 / (2 + 0.5 * 4), 1 / (2 + 0.1 * 4)])
        second = np.array([1 / (2 - 1 * 2.5), 1 / (2 + 2 * 2.5)])
        w1 = (first / first.sum()) @ [0.5, 0.1]
        w2 = (second / second.sum()) @ [0.0, 2.0]
        expected = np.exp(0.5 - 2 + 0.3 + 1) * np.array([w1 + 2 * w2, 3 * w1 + 0.5 * w2])
        np.testing.assert_allclose(
            self.weighed("gradcam++", activations, weights), np.maximum(expected, 0), rtol=1e-4
        )

    def test_hirescam_adds_up_to_the_logit(self):
        """Behind the layer the network is linear, and nothing lowers the score."""
        activations, weights = [[1.0, 2.0], [3.0, 0.5]], [[0.5, 1.0], [0.1, 2.0]]
        total = self.weighed("hirescam", activations, weights).sum()
        assert total == pytest.approx(np.multiply(activations, weights).sum())

    def test_another_layer(self):
        model = tiny()
        model.get_layer("first").set_weights([np.array([1.0, 3.0]).reshape(1, 1, 1, 2)])
        model.get_layer("second").set_weights([np.array([2.0, -1.0]).reshape(1, 1, 2, 1)])
        model.get_layer("logit").set_weights([np.array([[-4.0]])])
        film = np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1)
        logit, grid = compile_maps(model, "first")(film)
        # score = -4 mean(2 a - b), a = x, b = 3 x: gradients -8/16 and 4/16; the sum -x/2 + 3x/4.
        assert logit[0] == pytest.approx(-4 * (2 - 3) * 7.5)
        np.testing.assert_allclose(grid[0], film[0, ..., 0] / 4, rtol=1e-5)

    def test_what_lowers_the_score_is_not_shown(self):
        model = tiny()
        model.get_layer("first").set_weights([np.ones((1, 1, 1, 2))])
        model.get_layer("second").set_weights([np.ones((1, 1, 2, 1))])
        model.get_layer("logit").set_weights([np.array([[-1.0]])])
        _, grid = compile_maps(model)(np.ones((1, 4, 4, 1), np.float32))
        np.testing.assert_array_equal(grid, 0)

    def test_no_convolution(self):
        film = keras.Input((4, 4, 1))
        x = keras.layers.Dense(1)(keras.layers.Flatten()(film))
        with pytest.raises(ValueError, match="dense has no convolution"):
            find_layer(keras.Model(film, x, name="dense"), None)


def test_other_sizes_and_dropout_do_not_change_the_score(made_bundle):
    """Compiled once for any number of films, and always as in prediction."""
    run = compile_forward(made_bundle.model)

    def forward(films: np.ndarray) -> np.ndarray:
        return run(films).logits

    films = np.stack([chest_like(seed, size=64) for seed in range(7)])[..., None]
    whole = forward(films)
    np.testing.assert_array_equal(whole, forward(films))
    np.testing.assert_allclose(
        np.concatenate([forward(films[:3]), forward(films[3:])]), whole, atol=1e-5
    )
    assert whole.shape == (7,)
