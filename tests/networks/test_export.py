"""Exports: gradients in operations that convert, against TensorFlow's own."""

from __future__ import annotations

import importlib.util

import keras
import numpy as np
import pytest

from cxr.networks.engine import Engine, ExportError
from cxr.networks.export import ConverterError, export
from cxr.networks.graph import compile_parts

layers = keras.layers
#: What lies between the last convolution and the logit, each over 7 x 6 places of 4 channels.
HEADS = {
    "max pooling, the rest left out": [layers.MaxPooling2D(2), layers.Flatten()],
    "max pooling, filled up": [layers.MaxPooling2D(2, padding="same"), layers.Flatten()],
    "max pooling of 3 x 2": [layers.MaxPooling2D((3, 2), padding="same"), layers.Flatten()],
    "ties": [layers.ReLU(), layers.MaxPooling2D(2), layers.Flatten()],
    "norm and ReLU6": [
        layers.BatchNormalization(
            gamma_initializer=keras.initializers.RandomUniform(4, 9),
            moving_mean_initializer="random_normal",
        ),
        layers.ReLU(max_value=6),
        layers.GlobalAveragePooling2D(),
    ],
    "evidence": [lambda x: keras.ops.logsumexp(x, axis=(1, 2))],
    "dense layers": [layers.Flatten(), layers.Dense(5, activation="relu"), layers.Dropout(0.5)],
    "two ways": [
        lambda x: layers.Add()([layers.ReLU()(x), x]),
        lambda x: layers.Multiply()([x, x]),
        lambda x: layers.Subtract()([x, layers.Rescaling(0.5)(x)]),
        layers.GlobalAveragePooling2D(),
    ],
}


def network(head: list) -> keras.Model:
    keras.utils.set_random_seed(11)
    film = keras.Input((9, 8, 2))
    x = layers.Rescaling(1 / 64, offset=-2)(film)
    x = layers.Conv2D(4, 3, name="last")(x)
    for step in head:
        # Layers are made anew for each network: a parameter may be used twice.
        x = (
            step.__class__.from_config(step.get_config())(x)
            if hasattr(step, "get_config")
            else step(x)
        )
    return keras.Model(film, layers.Dense(1)(x), name="made")


@pytest.mark.parametrize("head", HEADS)
def test_activations_and_gradients_are_tensorflows(head):
    model = network(HEADS[head])
    films = np.random.default_rng(1).integers(0, 256, (6, 9, 8, 2)).astype(np.float32)
    films[0] = 0  # every place alike: ties everywhere
    engine = Engine(export(model, taps=("last",), identity={}), {})
    names = ["logits", "features", "activations", "gradients"]
    expected = compile_parts(model, "last", ("last",))(films)
    assert np.abs(expected[-1]).max() > 1e-3
    for value, other in zip(engine.run(films, names), expected, strict=True):
        np.testing.assert_allclose(value, other, rtol=1e-4, atol=1e-5)


def test_what_cannot_be_exported_is_said():
    overlapping = [layers.MaxPooling2D(3, strides=2), layers.Flatten()]
    with pytest.raises(ExportError, match="overlap"):
        export(network(overlapping), taps=(), identity={})
    unknown = [lambda x: keras.ops.erfinv(x / 1000), layers.Flatten()]
    with pytest.raises(ExportError):
        export(network(unknown), taps=(), identity={})


def test_without_the_converter_it_is_said_what_to_install(monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *more: None if name == "tf2onnx" else real(name, *more),
    )
    with pytest.raises(ConverterError, match=r"requirements-train\.txt"):
        export(network(HEADS["evidence"]), taps=(), identity={})
