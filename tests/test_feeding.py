"""The batches that training draws: every film once an epoch, and the same after a kill."""

from __future__ import annotations

import dataclasses
from itertools import chain, islice

import numpy as np
import pytest

from cxr.feeding import batches, fixed_batches
from cxr.recipes import Augmentation, Recipe


class TestBatches:
    N = 23

    @pytest.fixture(scope="class")
    def labels(self) -> np.ndarray:
        return np.array([0] * 8 + [1] * 15)

    @pytest.fixture(scope="class")
    def numbered(self) -> np.ndarray:
        """Films of one grey each: the value is the film's number times ten."""
        numbers = np.arange(self.N, dtype=np.uint8)[:, None, None, None] * 10
        return np.broadcast_to(numbers, (self.N, 8, 8, 1)).copy()

    @pytest.fixture(scope="class")
    def plain(self, made_recipe) -> Recipe:
        return dataclasses.replace(made_recipe, batch_size=5, augmentation=Augmentation())

    @staticmethod
    def epochs(dataset, n: int, steps: int = 5) -> list[list]:
        drawn = list(islice(dataset.as_numpy_iterator(), n * steps))
        return [drawn[i * steps : (i + 1) * steps] for i in range(n)]

    def test_every_film_once_an_epoch_with_its_label_and_weight(self, numbered, labels, plain):
        for epoch in self.epochs(batches(numbered, labels, plain), 3):
            assert [len(x) for x, _, _ in epoch] == [5, 5, 5, 5, 3]
            x, y, w = (np.concatenate(part) for part in zip(*epoch, strict=True))
            assert (x.shape, y.shape, w.shape) == ((self.N, 8, 8, 1), (self.N, 1), (self.N,))
            assert {a.dtype for a in (x, y, w)} == {np.dtype(np.float32)}
            film = np.rint(x[:, 0, 0, 0] / 10).astype(int)
            assert sorted(film) == list(range(self.N))
            np.testing.assert_array_equal(y[:, 0], labels[film])
            # Both classes weigh the same.
            np.testing.assert_allclose(w, np.where(labels[film], 23 / 30, 23 / 16), rtol=1e-6)

    def test_another_order_each_epoch_and_each_seed(self, numbered, labels, plain):
        def order(epoch: list) -> tuple[int, ...]:
            return tuple(np.concatenate([x for x, _, _ in epoch])[:, 0, 0, 0].astype(int))

        orders = {order(epoch) for epoch in self.epochs(batches(numbered, labels, plain), 3)}
        other = dataclasses.replace(plain, seed=plain.seed + 1)
        orders.add(order(self.epochs(batches(numbered, labels, other), 1)[0]))
        assert len(orders) == 4

    def test_a_later_start_sees_the_same_batches(self, numbered, labels, plain):
        varied = dataclasses.replace(
            plain,
            augmentation=Augmentation(rotation=9, shift=0.1, flip=True, gamma=0.3, noise=0.1),
        )
        whole = self.epochs(batches(numbered, labels, varied), 4)
        later = self.epochs(batches(numbered, labels, varied, first_epoch=2), 2)
        for a, b in zip(chain(*whole[2:]), chain(*later), strict=True):
            for ours, theirs in zip(a, b, strict=True):
                np.testing.assert_array_equal(ours, theirs)

    def test_three_channels_are_equal_and_weights_can_be_left_out(self, numbered, labels, plain):
        recipe = dataclasses.replace(
            plain, channels=3, class_weights=False, augmentation=Augmentation(noise=0.3)
        )
        x, _, w = next(batches(numbered, labels, recipe).as_numpy_iterator())
        assert x.shape == (5, 8, 8, 3)
        np.testing.assert_array_equal(x[..., 0], x[..., 1])
        np.testing.assert_array_equal(x[..., 0], x[..., 2])
        assert (w == 1).all()


class TestFixedBatches:
    def test_films_as_they_are_and_in_order(self, made_recipe):
        pixels = np.random.default_rng(0).integers(0, 256, (23, 8, 8, 1), np.uint8)
        labels = np.arange(23) % 2
        recipe = dataclasses.replace(
            made_recipe, batch_size=10, channels=3, augmentation=Augmentation(noise=1, flip=True)
        )
        drawn = list(fixed_batches(pixels, labels, recipe).as_numpy_iterator())
        assert [x.shape for x, _ in drawn] == [(10, 8, 8, 3), (10, 8, 8, 3), (3, 8, 8, 3)]
        x, y = (np.concatenate(part) for part in zip(*drawn, strict=True))
        np.testing.assert_array_equal(x, np.repeat(pixels, 3, axis=-1))
        np.testing.assert_array_equal(y, labels[:, None])
        assert x.dtype == y.dtype == np.float32
