"""The first step of training is traced once, and learns what it learned before."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np

from cxr.training.batches import batches, fixed_batches
from cxr.training.first_step import build_state
from cxr.training.fit import compile_for
from tests.conftest import chest_like

SIDE = 32


class Counted(keras.Model):
    """Counts how often its step is traced."""

    traced = 0

    def train_step(self, data):
        self.traced += 1
        return super().train_step(data)


def small() -> Counted:
    keras.utils.set_random_seed(4)
    film = keras.Input((SIDE, SIDE, 1))
    maps = keras.layers.Conv2D(4, 3, 2, activation="relu")(film)
    maps = keras.layers.BatchNormalization()(maps)
    pooled = keras.layers.GlobalAveragePooling2D()(maps)
    return Counted(film, keras.layers.Dense(1)(pooled))


def films(n: int) -> tuple[np.ndarray, np.ndarray]:
    labels = np.arange(n) % 2
    pictures = [chest_like(i, ill=bool(label), size=SIDE) for i, label in enumerate(labels)]
    return np.stack(pictures)[..., None], labels


def test_the_step_is_traced_once_and_learns_the_same(made_recipe):
    recipe = dataclasses.replace(
        made_recipe, optimizer="adamw", input_size=SIDE, weight_decay=0.01, batch_size=8
    )
    held = fixed_batches(*films(8), recipe)
    runs = {}
    for built in (False, True):
        model = small()
        compile_for(model, recipe, 3)
        if built:
            build_state(model, *next(iter(held))[1:])
        feed = batches(*films(24), recipe)
        history = model.fit(
            feed, validation_data=held, epochs=2, steps_per_epoch=3, shuffle=False, verbose=0
        )
        runs[built] = history.history, model.get_weights(), model.traced
    (before, weights, _), (after, same, traced) = runs[False], runs[True]
    assert traced == 1
    assert after == before
    for old, new in zip(weights, same, strict=True):
        np.testing.assert_array_equal(new, old)


def test_a_model_of_two_outputs_and_weights():
    film = keras.Input((4,))
    model = keras.Model(film, {"a": keras.layers.Dense(1)(film), "b": keras.layers.Dense(2)(film)})
    model.compile("sgd", {"a": "mse", "b": "mae"}, metrics={"a": [keras.metrics.AUC()]})
    truth = {"a": np.zeros((3, 1)), "b": np.zeros((3, 2))}
    build_state(model, truth, {"a": np.ones(3), "b": np.ones(3)})
    assert model.optimizer.built
    assert all(not np.asarray(v).any() for metric in model.metrics for v in metric.variables)
