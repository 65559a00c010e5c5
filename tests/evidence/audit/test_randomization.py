"""Weights randomized from the top down, in a copy."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from cxr.evidence.audit.randomization import STAGES, cascade, stages


def network(depth: int = 9) -> keras.Model:
    inputs = keras.Input((12, 12, 1))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    for _ in range(depth):
        x = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(x)
        x = keras.layers.BatchNormalization()(x)
    x = keras.layers.DepthwiseConv2D(3, depthwise_initializer="he_normal")(x)
    outputs = keras.layers.Dense(1)(keras.layers.GlobalAveragePooling2D()(x))
    model = keras.Model(inputs, outputs)
    rng = np.random.default_rng(0)
    model.set_weights([rng.uniform(0.5, 1.5, w.shape) for w in model.get_weights()])
    return model


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return network()


def changed(one: keras.Model, other: keras.Model) -> list[bool]:
    """Whether any weight differs, for each layer that has weights."""
    return [
        any(not np.array_equal(a, b) for a, b in zip(x.get_weights(), y.get_weights(), strict=True))
        for x, y in zip(one.layers, other.layers, strict=True)
        if x.weights
    ]


def test_goes_from_the_last_layer_to_the_first(model):
    shares = []
    for k, (share, copy) in enumerate(cascade(model)):
        shares.append(share)
        layers = changed(model, copy)
        done = round(share * len(layers))
        assert layers == [False] * (len(layers) - done) + [True] * done
        assert done == 1 or k > 0
    assert len(shares) == STAGES
    assert shares[-1] == 1
    assert np.diff(shares[1:]) == pytest.approx(np.full(STAGES - 2, 0.2), abs=0.06)


def test_the_network_itself_stays_as_it_is(model):
    before = model.get_weights()
    for _ in cascade(model):
        pass
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_weights_are_those_of_a_new_layer(model):
    """Batch statistics too: they belong to activations that are no longer there."""
    *_, (_, copy) = cascade(model)
    for layer in copy.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, mean, variance = layer.get_weights()
            assert (gamma == 1).all()
            assert (variance == 1).all()
            assert (beta == 0).all()
            assert (mean == 0).all()
        elif isinstance(layer, keras.layers.Conv2D):
            kernel, bias = layer.get_weights()
            inputs = kernel.shape[2]
            assert np.abs(kernel).max() <= np.sqrt(6 / (9 * (inputs + 4)))  # Glorot's
            assert (bias == 0).all()
    convolutions = [x for x in copy.layers if isinstance(x, keras.layers.Conv2D)]
    first, second = (x.get_weights()[0] for x in convolutions[1:3])
    assert not np.array_equal(first, second)


def test_is_seeded_whatever_the_program_did_before(model):
    def drawn(seed: int) -> list[np.ndarray]:
        *_, (_, copy) = cascade(model, seed=seed)
        return copy.get_weights()

    first = drawn(0)
    keras.utils.set_random_seed(99)
    assert all(np.array_equal(a, b) for a, b in zip(first, drawn(0), strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, drawn(1), strict=True))


def test_a_network_of_few_layers_has_as_many_stages():
    assert [len(part) for part in stages(network(0))] == [1, 1]
    inputs = keras.Input((4,))
    single = keras.Model(inputs, keras.layers.Dense(1)(inputs))
    assert [share for share, _ in cascade(single)] == [1]
