"""The batches that training draws, of films or features: the same after a kill."""

from __future__ import annotations

import dataclasses
from itertools import chain, islice

import numpy as np
import pytest

from cxr.training.batches import (
    batches,
    feature_batches,
    fixed_batches,
    fixed_features,
)
from cxr.training.recipes import Augmentation, Recipe


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


class TestFeatureBatches:
    N, VARIANTS = 13, 3

    @pytest.fixture(scope="class")
    def labels(self) -> np.ndarray:
        return np.array([0] * 5 + [1] * 8)

    @pytest.fixture(scope="class")
    def features(self) -> np.ndarray:
        """The number of the variant and that of the film, in every place."""
        numbers = np.arange(self.VARIANTS)[:, None] * 100 + np.arange(self.N)
        shape = (self.VARIANTS, self.N, 2, 2, 4)
        return np.broadcast_to(numbers[:, :, None, None, None], shape).astype(np.float16)

    @pytest.fixture(scope="class")
    def recipe(self, made_recipe) -> Recipe:
        return dataclasses.replace(made_recipe, batch_size=5)

    def epochs(self, dataset, n: int) -> list[list[np.ndarray]]:
        """Each epoch's features, labels and weights."""
        drawn = list(islice(dataset.as_numpy_iterator(), n * 3))
        parts = [drawn[i * 3 : (i + 1) * 3] for i in range(n)]
        return [[np.concatenate(part) for part in zip(*epoch, strict=True)] for epoch in parts]

    def test_every_film_once_an_epoch_with_its_label(self, features, labels, recipe):
        for x, y, _ in self.epochs(feature_batches(features, labels, recipe), 3):
            assert x.shape == (self.N, 2, 2, 4)
            assert x.dtype == y.dtype == np.float32
            film = x[:, 0, 0, 0].astype(int) % 100
            assert sorted(film) == list(range(self.N))
            np.testing.assert_array_equal(y[:, 0], labels[film])

    def test_epochs_take_the_variants_in_turn(self, features, labels, recipe):
        drawn = self.epochs(feature_batches(features, labels, recipe), 5)
        variants = [set(x[:, 0, 0, 0].astype(int) // 100) for x, _, _ in drawn]
        assert variants == [{0}, {1}, {2}, {0}, {1}]

    def test_classes_weigh_the_same(self, features, labels, recipe):
        ((_, y, w),) = self.epochs(feature_batches(features, labels, recipe), 1)
        assert w[y[:, 0] == 0].sum() == pytest.approx(w[y[:, 0] == 1].sum())
        even = dataclasses.replace(recipe, class_weights=False)
        ((_, _, w),) = self.epochs(feature_batches(features, labels, even), 1)
        assert set(w) == {1.0}

    def test_a_later_start_sees_the_same_batches(self, features, labels, recipe):
        whole = self.epochs(feature_batches(features, labels, recipe), 4)
        later = self.epochs(feature_batches(features, labels, recipe, first_epoch=2), 2)
        for ours, theirs in zip(chain(*later), chain(*whole[2:]), strict=True):
            np.testing.assert_array_equal(ours, theirs)

    def test_the_order_is_that_of_the_films(self, features, labels, recipe):
        """A head sees films in the order in which the whole network would."""
        pixels = np.broadcast_to(
            np.arange(self.N, dtype=np.uint8)[:, None, None, None], (13, 8, 8, 1)
        )
        still = dataclasses.replace(recipe, augmentation=Augmentation())
        films = self.epochs(batches(pixels, labels, still), 2)
        ours = self.epochs(feature_batches(features, labels, recipe), 2)
        for (x, _, _), (z, _, _) in zip(films, ours, strict=True):
            np.testing.assert_array_equal(x[:, 0, 0, 0], z[:, 0, 0, 0] % 100)


def test_fixed_features_are_as_they_are_and_in_order(made_recipe):
    features = np.random.default_rng(1).normal(size=(13, 2, 2, 4)).astype(np.float16)
    labels = np.arange(13) % 2
    recipe = dataclasses.replace(made_recipe, batch_size=5)
    drawn = list(fixed_features(features, labels, recipe).as_numpy_iterator())
    assert [len(x) for x, _ in drawn] == [5, 5, 3]
    x, y = (np.concatenate(part) for part in zip(*drawn, strict=True))
    assert x.dtype == y.dtype == np.float32
    np.testing.assert_array_equal(x, features)
    np.testing.assert_array_equal(y, labels[:, None])
