"""The undocumented parts of Keras: that they are there, and that training goes on without them."""

from __future__ import annotations

import logging

import keras
import numpy as np
import pytest

from cxr.training import keras_hooks
from cxr.training.keras_hooks import VERSION, restart_dropouts


@pytest.fixture(autouse=True)
def untold() -> None:
    keras_hooks._tell_missing.cache_clear()


@pytest.fixture
def model() -> keras.Model:
    keras.utils.set_random_seed(3)
    x = keras.Input((8,))
    return keras.Model(x, keras.layers.Dropout(0.5)(keras.layers.Dropout(0.2)(x)))


def test_the_parts_were_read_in_this_version() -> None:
    """On another: read every part named in the module again, then raise `VERSION`."""
    assert keras.__version__.split(".")[:2] == VERSION.split(".")


def test_a_dropout_draws_from_a_seed_and_a_count(model) -> None:
    generator = keras.layers.Dropout(0.5, seed=7).seed_generator
    assert keras.ops.convert_to_numpy(generator.state).tolist() == [7, 0]
    generator.next()
    assert keras.ops.convert_to_numpy(generator.state).tolist() == [7, 1]
    assert not hasattr(keras.layers.Dropout(0), "seed_generator")


def test_the_epoch_decides_what_is_dropped(model) -> None:
    films = np.ones((4, 8), np.float32)

    def dropped(epoch: int) -> np.ndarray:
        restart_dropouts(model, epoch)
        return np.asarray(model(films, training=True))

    first = dropped(2)
    model(films, training=True)
    np.testing.assert_array_equal(dropped(2), first)
    assert not np.array_equal(dropped(3), first)


def test_a_dropout_without_its_part_is_told_once(model, caplog) -> None:
    for layer in model.layers[1:]:
        del layer.seed_generator
    with caplog.at_level(logging.WARNING):
        restart_dropouts(model, 0)
        restart_dropouts(model, 1)
    assert len(caplog.records) == 1
    assert VERSION in caplog.text


def test_a_generator_without_a_state_is_told(model, caplog) -> None:
    for layer in model.layers[1:]:
        layer.seed_generator = object()
    restart_dropouts(model, 0)
    assert "SeedGenerator.state" in caplog.text
