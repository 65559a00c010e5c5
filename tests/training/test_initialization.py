"""First weights measured on films."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from cxr.networks import build
from cxr.training.initialization import settle_units


@pytest.fixture(scope="module")
def films() -> np.ndarray:
    """Smooth and bright, as films are: most of what they give is common to all of them."""
    rng = np.random.default_rng(0)
    coarse = rng.uniform(100, 220, (16, 12, 12, 1)).astype(np.float32)
    return np.asarray(keras.ops.image.resize(coarse, (48, 48)), np.float32)


@pytest.fixture(scope="module")
def networks(films) -> tuple[keras.Model, keras.Model]:
    """The same network before and after."""
    keras.utils.set_random_seed(0)
    before = build("tb_cnn", input_size=48, pooling="average")
    after = keras.models.clone_model(before)
    after.set_weights(before.get_weights())
    settle_units(after, films)
    return before, after


def common_part(model: keras.Model, films: np.ndarray) -> float:
    """Share of the pooled features' squares that is the same for every film."""
    pooled = np.asarray(keras.Model(model.input, model.get_layer("pool").output)(films))
    return float((pooled.mean(axis=0) ** 2).sum() / (pooled**2).mean(axis=0).sum())


def test_each_hidden_unit_starts_with_mean_0_and_variance_1(networks, films):
    _, model = networks
    for name in ("block1_conv1", "block2_conv2", "block3_conv2", "dense"):
        layer = model.get_layer(name)
        x = np.asarray(keras.Model(model.input, layer.input)(films))
        layer.activation = keras.activations.linear
        values = np.asarray(layer(x), np.float64)
        layer.activation = keras.activations.relu
        axes = tuple(range(values.ndim - 1))
        np.testing.assert_allclose(values.mean(axis=axes), 0, atol=2e-3, err_msg=name)
        np.testing.assert_allclose(values.std(axis=axes), 1, atol=2e-3, err_msg=name)


def test_the_end_and_the_activations_stay(networks):
    before, after = networks
    for name in ("two_way", "logit"):
        for old, new in zip(
            before.get_layer(name).get_weights(), after.get_layer(name).get_weights(), strict=True
        ):
            np.testing.assert_array_equal(new, old)
    assert after.get_layer("block1_conv1").activation is keras.activations.relu


def test_films_differ_more_in_the_features(networks, films):
    before, after = networks
    assert common_part(before, films) > 0.98
    assert common_part(after, films) < common_part(before, films) - 0.02


def test_a_unit_that_is_the_same_everywhere_stays_finite(films):
    model = build("tb_cnn", input_size=48, pooling="average")
    settle_units(model, np.full_like(films, 128))
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
