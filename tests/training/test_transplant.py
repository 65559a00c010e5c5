"""Parts of films set into other films: what the films count as afterwards."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from cxr.training.transplant import Transplant

SIDE = 64


@pytest.fixture(scope="module")
def batch() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return 48 films: a third normal, a third with a bright boxed part, a third without boxes."""
    kinds = np.arange(48) % 3
    films = np.full((48, SIDE, SIDE, 1), 100, np.float32)
    marks = np.zeros((48, SIDE, SIDE, 2), np.float32)
    marks[:, 8:56, 8:56, 0] = 1
    films[kinds == 1, 20:36, 12:28] = 220
    marks[kinds == 1, 20:36, 12:28, 1] = 1
    films[kinds == 2, 40:50, 40:50] = 180
    return films, marks, (kinds > 0).astype(np.float32)[:, None]


@pytest.fixture(scope="module")
def changed(batch):
    layer = Transplant(3)
    layer.chance.assign(1.0)
    return tuple(np.asarray(part) for part in layer(*batch, training=True))


def test_what_was_boxed_makes_a_normal_film_ill_there(batch, changed):
    films, marks, labels = changed
    gained = (batch[2][:, 0] == 0) & (labels[:, 0] == 1)
    assert gained.any()
    assert films[gained, 28, 20, 0] == pytest.approx(220, abs=1)
    assert films[gained, 50, 50, 0] == pytest.approx(100, abs=1)
    np.testing.assert_array_equal(marks[gained, ..., 1], batch[1][[1] * gained.sum(), ..., 1])


def test_what_was_healed_is_normal_and_has_no_box(batch, changed):
    films, marks, labels = changed
    healed = (batch[2][:, 0] == 1) & (labels[:, 0] == 0)
    assert healed.any()
    assert films[healed, 28, 20, 0] == pytest.approx(100, abs=1)
    assert not marks[healed, ..., 1].any()


def test_an_ill_film_without_boxes_neither_gives_nor_takes(batch, changed):
    films, marks, labels = changed
    alone = np.arange(48) % 3 == 2
    np.testing.assert_allclose(films[alone], batch[0][alone], atol=1e-3)
    assert (labels[alone] == 1).all()
    assert not (films[~alone, 45, 45, 0] > 150).any()
    assert not marks[alone, ..., 1].any()


def test_a_film_is_ill_where_it_has_a_box_and_normal_where_it_has_none(batch, changed):
    known = np.arange(48) % 3 < 2
    boxed = changed[1][known, ..., 1].any(axis=(1, 2))
    np.testing.assert_array_equal(boxed, changed[2][known, 0] == 1)


def test_nothing_changes_outside_training_or_at_no_chance(batch):
    layer = Transplant(3)
    for training in (False, True):
        for before, after in zip(batch, layer(*batch, training=training), strict=True):
            np.testing.assert_allclose(np.asarray(after), before, atol=1e-3)


def test_what_would_lie_outside_the_lungs_is_not_set_in(batch):
    films, marks, labels = (part.copy() for part in batch)
    normal = labels[:, 0] == 0
    marks[normal, :, :, 0] = 0
    layer = Transplant(3)
    layer.chance.assign(1.0)
    now = np.asarray(layer(films, marks, labels, training=True)[2])
    assert not now[normal].any()


def test_the_same_seed_gives_the_same_parts(batch):
    results = []
    for _ in range(2):
        layer = Transplant(5)
        layer.chance.assign(0.5)
        results.append(keras.ops.convert_to_numpy(layer(*batch, training=True)[2]))
    np.testing.assert_array_equal(*results)
