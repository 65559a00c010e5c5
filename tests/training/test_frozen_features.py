"""Features of a frozen base: computed once, kept on disk, gone on with after a stop."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from cxr.networks.vgg import LAST_POOL
from cxr.training import frozen_features as features
from cxr.training.frozen_features import BATCH, FeatureStore, seconds_spent
from cxr.training.recipes import Augmentation, Recipe
from tests.conftest import chest_like

SIDE, N = 16, 2 * BATCH + 3


@pytest.fixture(scope="module")
def model() -> keras.Model:
    """A base of one convolution, and a head."""
    keras.utils.set_random_seed(2)
    film = keras.Input((SIDE, SIDE, 3))
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="block5_conv1")(film)
    x = keras.layers.MaxPooling2D(4, name=LAST_POOL)(x)
    x = keras.layers.Dropout(0.5)(keras.layers.Flatten()(x))
    return keras.Model(film, keras.layers.Dense(1, name="logit")(x))


@pytest.fixture(scope="module")
def films() -> np.ndarray:
    return np.stack([chest_like(seed, size=SIDE) for seed in range(N)])[..., None]


@pytest.fixture(scope="module")
def recipe(made_recipe) -> Recipe:
    varied = Augmentation(rotation=15, flip=True, gamma=0.3, noise=0.05)
    return dataclasses.replace(made_recipe, channels=3, augmentation=varied)


@pytest.fixture(scope="module")
def expected(model, films) -> np.ndarray:
    """What the base gives for the films as they are."""
    base = keras.Model(model.input, model.get_layer(LAST_POOL).output)
    return np.asarray(base(np.repeat(films, 3, axis=-1).astype(np.float32), training=False))


def quiet(line: str) -> None:
    """Say nothing."""


@pytest.fixture
def hasty(monkeypatch) -> None:
    """Have more than a minute pass between any two batches."""
    clock = iter(range(0, 10**6, 61))
    monkeypatch.setattr(features, "time", SimpleNamespace(monotonic=lambda: next(clock)))


def killed_after(count: int) -> Callable[[str], None]:
    """What is given as `say`: it stops the run as Ctrl+C does, at the line of that number."""
    lines: list[str] = []

    def say(line: str) -> None:
        lines.append(line)
        if len(lines) == count:
            raise KeyboardInterrupt

    return say


def counted(store: FeatureStore) -> list[int]:
    """Note how many films each call of the base gets."""
    sizes: list[int] = []
    forward = store._forward

    def counting(x: object) -> object:
        sizes.append(len(x))
        return forward(x)

    store._forward = counting
    return sizes


class TestStill:
    def test_are_those_of_the_base_as_float16(self, model, recipe, films, expected, tmp_path):
        found = FeatureStore(model, recipe, tmp_path).of("validation", films, say=quiet)
        assert found.dtype == np.float16
        assert found.shape == (1, N, 4, 4, 4)
        np.testing.assert_allclose(found[0], expected, rtol=2e-3, atol=2e-2)

    def test_are_not_varied_whatever_the_recipe_says(self, model, recipe, films, tmp_path):
        still = dataclasses.replace(recipe, augmentation=Augmentation())
        found = [
            FeatureStore(model, r, tmp_path / name).of("validation", films, say=quiet)
            for name, r in (("varied", recipe), ("still", still))
        ]
        np.testing.assert_array_equal(*found)

    def test_films_of_three_channels_are_taken_as_they_are(
        self, model, recipe, films, expected, tmp_path
    ):
        three = np.repeat(films, 3, axis=-1)
        found = FeatureStore(model, recipe, tmp_path).of("validation", three, say=quiet)
        np.testing.assert_allclose(found[0], expected, rtol=2e-3, atol=2e-2)


class TestVaried:
    @pytest.fixture(scope="class")
    def varied(self, model, recipe, films, tmp_path_factory) -> np.ndarray:
        store = FeatureStore(model, recipe, tmp_path_factory.mktemp("varied"))
        return store.of("train", films, variants=3, varied=True, say=quiet)

    def test_each_variant_is_another(self, varied, expected):
        assert varied.shape == (3, N, 4, 4, 4)
        whole = [*varied.astype(np.float32), expected]
        distances = [np.abs(a - b).mean() for i, a in enumerate(whole) for b in whole[:i]]
        assert min(distances) > 0.02 * expected.std()

    def test_films_stay_in_their_order(self, model, recipe, tmp_path):
        """Films of one grey each look the same however they are turned."""
        greys = np.arange(N, dtype=np.uint8)[:, None, None, None] * 7
        films = np.broadcast_to(greys, (N, SIDE, SIDE, 1))
        turned = dataclasses.replace(recipe, augmentation=Augmentation(rotation=30, flip=True))
        store = FeatureStore(model, turned, tmp_path)
        still = store.of("still", films, say=quiet)
        found = store.of("turned", films, variants=2, varied=True, say=quiet)
        assert len(np.unique(still[0].reshape(N, -1), axis=0)) == N
        for variant in found:
            np.testing.assert_allclose(variant, still[0], rtol=2e-3, atol=2e-2)

    def test_the_seed_decides(self, model, recipe, films, varied, tmp_path):
        again = FeatureStore(model, recipe, tmp_path / "again")
        found = again.of("train", films, variants=3, varied=True, say=quiet)
        np.testing.assert_array_equal(found, varied)
        other = dataclasses.replace(recipe, seed=recipe.seed + 1)
        found = FeatureStore(model, other, tmp_path / "other").of(
            "train", films, variants=1, varied=True, say=quiet
        )
        assert not np.array_equal(found[0], varied[0])


class TestGoingOn:
    def test_what_is_there_is_read_and_not_computed(self, model, recipe, films, tmp_path):
        first = FeatureStore(model, recipe, tmp_path).of("train", films, say=quiet)
        store = FeatureStore(model, recipe, tmp_path)
        calls = counted(store)
        np.testing.assert_array_equal(store.of("train", films, say=quiet), first)
        assert calls == []

    def test_names_are_kept_apart(self, model, recipe, films, tmp_path):
        store = FeatureStore(model, recipe, tmp_path)
        one = store.of("train", films[:5], say=quiet)
        other = store.of("validation", films[5:8], say=quiet)
        assert (one.shape[1], other.shape[1]) == (5, 3)
        np.testing.assert_array_equal(store.of("train", films[:5], say=quiet), one)

    @pytest.mark.usefixtures("hasty")
    @pytest.mark.parametrize("stop", [1, 3, 4])
    def test_a_run_that_was_stopped_ends_as_if_it_had_not(
        self, model, recipe, films, tmp_path, stop
    ):
        settings = {"variants": 2, "varied": True}
        whole = FeatureStore(model, recipe, tmp_path / "whole").of(
            "train", films, say=quiet, **settings
        )
        store = FeatureStore(model, recipe, tmp_path / "stopped")
        with pytest.raises(KeyboardInterrupt):
            store.of("train", films, say=killed_after(stop), **settings)
        later = FeatureStore(model, recipe, tmp_path / "stopped")
        calls = counted(later)
        found = later.of("train", films, say=quiet, **settings)
        assert calls == [BATCH, BATCH, 3, BATCH, BATCH, 3][stop:]
        np.testing.assert_array_equal(found, whole)

    def test_stopped_before_the_first_note_it_begins_anew(self, model, recipe, films, tmp_path):
        """What was written without a note may be half a batch."""
        store = FeatureStore(model, recipe, tmp_path)
        expected = np.array(store.of("train", films, say=quiet))
        (tmp_path / "train.json").unlink()
        store.of("train", films, say=quiet)[:] = 0
        (tmp_path / "train.json").unlink()
        np.testing.assert_array_equal(store.of("train", films, say=quiet), expected)

    def test_a_note_without_its_file_is_not_believed(self, model, recipe, films, tmp_path: Path):
        store = FeatureStore(model, recipe, tmp_path)
        expected = np.array(store.of("train", films, say=quiet))
        (tmp_path / "train.npy").unlink()
        np.testing.assert_array_equal(store.of("train", films, say=quiet), expected)


class TestSaying:
    @pytest.mark.usefixtures("hasty")
    def test_how_far_it_is_and_how_long_it_takes(self, model, recipe, films, tmp_path):
        lines: list[str] = []
        FeatureStore(model, recipe, tmp_path).of("train", films, say=lines.append)
        assert lines == [
            "features of train: 1 of 3 batches, 2 min left",
            "features of train: 2 of 3 batches, 1 min left",
            "features of train: 3 of 3 batches, 0 min left",
        ]

    def test_once_at_the_end_where_it_takes_less_than_a_minute(
        self, model, recipe, films, tmp_path
    ):
        lines: list[str] = []
        FeatureStore(model, recipe, tmp_path).of("train", films, say=lines.append)
        assert lines == ["features of train: 3 of 3 batches, 0 min left"]


@pytest.mark.usefixtures("hasty")
class TestSecondsSpent:
    def test_adds_up_all_films_of_a_run_and_of_its_first_step(self, model, recipe, films, tmp_path):
        own, first = tmp_path / "features", tmp_path / "first" / "features"
        FeatureStore(model, recipe, own).of("train", films, say=quiet)
        FeatureStore(model, recipe, own).of("validation", films[:5], say=quiet)
        FeatureStore(model, recipe, first).of("train", films[:5], say=quiet)
        # The clock goes on by 61 s each time it is read: at the beginning and after each batch.
        assert seconds_spent(tmp_path) == 61 * (3 + 1 + 1)

    def test_counts_what_was_done_before_a_stop(self, model, recipe, films, tmp_path):
        store = FeatureStore(model, recipe, tmp_path / "features")
        with pytest.raises(KeyboardInterrupt):
            store.of("train", films, say=killed_after(2))
        assert seconds_spent(tmp_path) == 61 * 2
        store.of("train", films, say=quiet)
        assert seconds_spent(tmp_path) == 61 * 3
        store.of("train", films, say=quiet)
        assert seconds_spent(tmp_path) == 61 * 3

    def test_is_nothing_where_no_base_is_frozen(self, tmp_path):
        assert seconds_spent(tmp_path) == 0
