"""Compiled scores and Grad-CAM, against Keras's own prediction and against tf-keras-vis."""

from __future__ import annotations

from typing import ClassVar

import keras
import numpy as np
import pytest
from tf_keras_vis.gradcam import Gradcam

from cxr.architectures import build
from cxr.explanation import Heatmap
from cxr.inference import compile_features, compile_forward, last_convolution
from tests.conftest import chest_like


def compile_gradcam(model: keras.Model, layer: str | None = None):
    """Logits and maps, as most tests here want them."""
    forward = compile_forward(model, gradcam=layer or last_convolution(model))
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
def ours(network, films) -> tuple[np.ndarray, np.ndarray]:
    return compile_gradcam(network[1])(films)


def reference(model: keras.Model, films: np.ndarray, **options) -> np.ndarray:
    """tf-keras-vis on the same flat graph."""
    gradcam = Gradcam(model, clone=False)
    return np.asarray(gradcam(lambda output: output[:, 0], films.astype(np.float32), **options))


class TestGradcam:
    def test_raw_maps_equal_tf_keras_vis(self, network, films, ours):
        theirs = reference(network[1], films, expand_cam=False, normalize_cam=False)
        maps = ours[1]
        assert maps.shape == theirs.shape
        assert theirs.max() > 0  # so there is something to compare
        np.testing.assert_allclose(maps, theirs, rtol=1e-4, atol=1e-4 * theirs.max())
        np.testing.assert_allclose(maps, theirs, rtol=0, atol=1e-4)

    def test_heatmaps_at_the_networks_size_equal_tf_keras_vis(self, network, films, ours):
        _, height, width, _ = network[1].input_shape
        for k, theirs in enumerate(reference(network[1], films)):
            heatmap = Heatmap(ours[1][k], height, width, "gradcam", "layer", "pneumonia")
            assert heatmap.array.shape == theirs.shape
            np.testing.assert_allclose(heatmap.array, theirs, rtol=0, atol=1e-4)

    def test_scores_are_those_of_the_forward_pass(self, network, films, ours):
        expected = np.asarray(network[1](films.astype(np.float32), training=False))[:, 0]
        np.testing.assert_allclose(ours[0], expected, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(
            compile_forward(network[1])(films).logits, expected, rtol=1e-4, atol=1e-4
        )

    def test_without_a_map_there_is_none(self, network, films):
        outputs = compile_forward(network[1])(films)
        assert outputs.maps.shape == (5, 0, 0)
        assert outputs.features.shape == (5, 0)

    def test_the_films_of_a_batch_do_not_meet(self, network, films, ours):
        gradcam = compile_gradcam(network[1])
        for k in (0, 3):
            logit, grid = gradcam(films[k : k + 1])
            np.testing.assert_allclose(logit[0], ours[0][k], rtol=1e-4, atol=1e-4)
            scale = max(1.0, float(ours[1][k].max()))
            np.testing.assert_allclose(grid[0], ours[1][k], rtol=0, atol=1e-4 * scale)

    def test_last_convolution(self, network):
        name, model = network
        assert last_convolution(model) == LAST[name]


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

    @pytest.mark.parametrize("gradcam", [None, "block5_conv"])
    def test_beside_the_score(self, made_bundle, films, expected, gradcam):
        forward = compile_forward(made_bundle.model, gradcam=gradcam, features=self.LAYERS)
        outputs = forward(films)
        np.testing.assert_allclose(outputs.features, expected, rtol=1e-4, atol=1e-5)
        alone = compile_forward(made_bundle.model, gradcam=gradcam)(films)
        np.testing.assert_allclose(outputs.logits, alone.logits, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(outputs.maps, alone.maps, rtol=1e-4, atol=1e-5)


class TestByHand:
    """A network so small that Grad-CAM can be worked out on paper."""

    def test_another_layer(self):
        model = tiny()
        model.get_layer("first").set_weights([np.array([1.0, 3.0]).reshape(1, 1, 1, 2)])
        model.get_layer("second").set_weights([np.array([2.0, -1.0]).reshape(1, 1, 2, 1)])
        model.get_layer("logit").set_weights([np.array([[-4.0]])])
        film = np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1)
        logit, grid = compile_gradcam(model, "first")(film)
        # score = -4 mean(2 a - b), a = x, b = 3 x: gradients -8/16 and 4/16; the sum -x/2 + 3x/4.
        assert logit[0] == pytest.approx(-4 * (2 - 3) * 7.5)
        np.testing.assert_allclose(grid[0], film[0, ..., 0] / 4, rtol=1e-5)

    def test_what_lowers_the_score_is_not_shown(self):
        model = tiny()
        model.get_layer("first").set_weights([np.ones((1, 1, 1, 2))])
        model.get_layer("second").set_weights([np.ones((1, 1, 2, 1))])
        model.get_layer("logit").set_weights([np.array([[-1.0]])])
        _, grid = compile_gradcam(model)(np.ones((1, 4, 4, 1), np.float32))
        np.testing.assert_array_equal(grid, 0)

    def test_no_convolution(self):
        film = keras.Input((4, 4, 1))
        x = keras.layers.Dense(1)(keras.layers.Flatten()(film))
        with pytest.raises(ValueError, match="dense has no convolution"):
            last_convolution(keras.Model(film, x, name="dense"))


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
