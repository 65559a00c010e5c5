"""Weights fitted to films: optimizer, norms, regressions, heads; runs are in test_training."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.preprocessing import StandardScaler

from cxr.evidence.evaluation import best_epoch
from cxr.networks import BASELINES, build
from cxr.networks.vgg import LAST_POOL
from cxr.training.callbacks import HISTORY_COLUMNS
from cxr.training.fit import (
    Material,
    compile_for,
    fit,
    settle_norms,
)
from cxr.training.recipes import RECIPES, Augmentation, Recipe
from tests.conftest import chest_like


def quiet(line: str) -> None:
    """Say nothing."""


def material(side: int, train: int = 40, held: int = 16) -> Material:
    """Films of which every other one is ill."""
    labels = np.arange(train + held) % 2
    films = np.stack(
        [chest_like(seed, ill=bool(label), size=side) for seed, label in enumerate(labels)]
    )[..., None]
    return Material(films[:train], labels[:train], films[train:], labels[train:])


def test_material_takes_the_splits_apart():
    table = pd.DataFrame(
        [
            ("test", "pneumonia"),
            ("train", "normal"),
            ("validation", "pneumonia"),
            ("train", "pneumonia"),
            ("", "normal"),
            ("validation", "normal"),
        ],
        columns=["split", "label"],
    )
    pixels = np.arange(6, dtype=np.uint8).reshape(6, 1, 1, 1)
    found = Material.of(table, pixels)
    assert found.films.ravel().tolist() == [1, 3]
    assert found.labels.tolist() == [0, 1]
    assert found.held_films.ravel().tolist() == [2, 5]
    assert found.held_labels.tolist() == [1, 0]


class TestOptimizer:
    @pytest.fixture(scope="class")
    def model(self):
        film = keras.Input((4, 4, 1))
        x = keras.layers.Conv2D(2, 3, name="conv")(film)
        x = keras.layers.BatchNormalization(name="norm")(x)
        x = keras.layers.Dense(1, name="logit")(keras.layers.Flatten()(x))
        return keras.Model(film, x)

    def test_cosine_climbs_then_falls_to_zero(self, model, made_recipe):
        recipe = dataclasses.replace(
            made_recipe, schedule="cosine", learning_rate=0.1, epochs=8, warmup_epochs=0.5
        )
        compile_for(model, recipe, steps=100)

        def rate(step: int) -> float:
            model.optimizer.iterations.assign(step)
            return float(model.optimizer.learning_rate)

        assert rate(0) == 0
        assert rate(25) == pytest.approx(0.05)
        assert rate(50) == pytest.approx(0.1)
        assert rate(425) == pytest.approx(0.05, rel=1e-3)  # half way down
        assert rate(800) == pytest.approx(0, abs=1e-7)

    def test_weight_decay_spares_biases_and_norms(self, model, made_recipe):
        recipe = dataclasses.replace(made_recipe, optimizer="adamw", weight_decay=0.5)
        compile_for(model, recipe, steps=10)
        before = {v.path: v.numpy() + 1 for v in model.trainable_variables}
        for v in model.trainable_variables:
            v.assign(before[v.path])
        still = [np.zeros(v.shape, np.float32) for v in model.trainable_variables]
        model.optimizer.apply(still, model.trainable_variables)
        changed = {
            v.path for v in model.trainable_variables if not np.array_equal(v, before[v.path])
        }
        assert changed == {"conv/kernel", "logit/kernel"}


class TestSettleNorms:
    @pytest.fixture
    def batches(self):
        films = np.random.default_rng(0).uniform(0, 255, (5, 4, 6, 6, 1)).astype(np.float32)
        films += 40 * np.arange(5, dtype=np.float32)[:, None, None, None, None]
        labels = np.zeros((5, 4, 1), np.float32)
        weights = np.ones((5, 4), np.float32)
        return films, tf.data.Dataset.from_tensor_slices((films, labels, weights))

    def test_every_batch_counts_the_same(self, batches):
        films, dataset = batches
        film = keras.Input((6, 6, 1))
        x = keras.layers.BatchNormalization(name="norm", momentum=0.9)(film)
        x = keras.layers.Dense(1, name="logit")(keras.layers.Flatten()(x))
        model = keras.Model(film, x)
        kernel = model.get_layer("logit").get_weights()[0]
        settle_norms(model, dataset.repeat(), steps=5)
        norm = model.get_layer("norm")
        gamma, beta, mean, variance = norm.get_weights()
        assert mean[0] == pytest.approx(films.mean(), rel=1e-4)
        within = films.var(axis=(1, 2, 3, 4)).mean()
        assert variance[0] == pytest.approx(within, rel=1e-3)
        assert (gamma[0], beta[0], norm.momentum) == (1, 0, 0.9)
        np.testing.assert_array_equal(model.get_layer("logit").get_weights()[0], kernel)

    def test_a_network_without_norms_stays_as_it_is(self, batches):
        model = build("small_cnn", input_size=32)
        before = model.get_weights()
        settle_norms(model, None, steps=5)
        for old, new in zip(before, model.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)


class TestRegression:
    """The baselines are solved, not trained: as scikit-learn solves them on the same pixels."""

    SIDE = 12

    @pytest.fixture(scope="class", params=BASELINES)
    def recipe(self, request) -> Recipe:
        recipe = RECIPES[f"pneumonia-{request.param}"]
        return dataclasses.replace(recipe, input_size=self.SIDE, weight_decay=0.05)

    @pytest.fixture(scope="class")
    def films(self) -> Material:
        """Not of equally many of each class, so that class weights tell."""
        whole = material(self.SIDE, train=60)
        kept = (whole.labels == 0) | (np.arange(60) % 3 == 0)
        return dataclasses.replace(whole, films=whole.films[kept], labels=whole.labels[kept])

    @classmethod
    def pixels(cls, recipe: Recipe, films: np.ndarray) -> np.ndarray:
        """What the baseline sees, standardized on nothing yet."""
        seen = np.ones((cls.SIDE, cls.SIDE), bool)
        if recipe.architecture == "border":
            seen[3:-3, 3:-3] = False
        return films[..., 0][:, seen] / 255

    def reference(self, recipe: Recipe, films: Material) -> tuple[np.ndarray, np.ndarray]:
        """The logits of the training and the validation films."""
        scaler = StandardScaler().fit(self.pixels(recipe, films.films))
        solver = LogisticRegression(
            C=1 / (recipe.weight_decay * len(films.labels)),
            class_weight="balanced" if recipe.class_weights else None,
            max_iter=5000,
        ).fit(scaler.transform(self.pixels(recipe, films.films)), films.labels)
        train, held = (
            solver.decision_function(scaler.transform(self.pixels(recipe, x)))
            for x in (films.films, films.held_films)
        )
        return train, held

    @pytest.fixture(scope="class")
    def fitted(self, recipe, films, tmp_path_factory) -> tuple[keras.Model, pd.DataFrame, int]:
        model = build(recipe.architecture, input_size=self.SIDE)
        return model, *fit(model, recipe, films, tmp_path_factory.mktemp("state"), quiet)

    def test_logits_are_those_of_scikit_learn(self, recipe, films, fitted):
        expected = np.concatenate(self.reference(recipe, films))
        x = np.concatenate([films.films, films.held_films]).astype(np.float32)
        logits = np.asarray(fitted[0](x))[:, 0]
        assert np.ptp(expected) > 1
        np.testing.assert_allclose(logits, expected, atol=1e-3)

    def test_without_class_weights(self, recipe, films, fitted, tmp_path):
        plain = dataclasses.replace(recipe, class_weights=False)
        model = build(recipe.architecture, input_size=self.SIDE)
        fit(model, plain, films, tmp_path, quiet)
        _, expected = self.reference(plain, films)
        x = films.held_films.astype(np.float32)
        np.testing.assert_allclose(np.asarray(model(x))[:, 0], expected, atol=1e-3)
        assert np.abs(np.asarray(fitted[0](x))[:, 0] - expected).max() > 0.01

    def test_history_has_the_one_row_that_there_is(self, recipe, fitted):
        _, history, kept = fitted
        assert history.columns.tolist() == HISTORY_COLUMNS
        assert (len(history), kept) == (1, 1)
        assert history["epoch"].tolist() == [1]
        assert history["learning_rate"].tolist() == [recipe.learning_rate]

    def test_figures_are_those_of_scikit_learn(self, recipe, films, fitted):
        (row,) = fitted[1].to_dict("records")
        pairs = zip(("", "val_"), (films.labels, films.held_labels), strict=True)
        for (prefix, labels), logits in zip(pairs, self.reference(recipe, films), strict=True):
            scores = 1 / (1 + np.exp(-logits))
            assert row[f"{prefix}loss"] == pytest.approx(log_loss(labels, scores), abs=1e-3)
            assert row[f"{prefix}accuracy"] == pytest.approx(np.mean((logits > 0) == labels))
            # Keras counts at 200 thresholds.
            assert row[f"{prefix}auc"] == pytest.approx(roc_auc_score(labels, scores), abs=0.02)

    def test_a_pixel_that_never_changes_does_no_harm(self, recipe, films, tmp_path):
        still = films.films.copy()
        still[:, 0, 0] = 255
        model = build(recipe.architecture, input_size=self.SIDE)
        fit(model, recipe, dataclasses.replace(films, films=still), tmp_path, quiet)
        assert np.isfinite(np.asarray(model(films.held_films.astype(np.float32)))).all()


def on_a_base() -> keras.Model:
    """A small network with a frozen base that ends as VGG does."""
    keras.utils.set_random_seed(4)
    film = keras.Input((32, 32, 3))
    x = keras.layers.Rescaling(1 / 255)(film)
    for i in (1, 5):
        x = keras.layers.Conv2D(
            8, 3, padding="same", activation="relu", trainable=False, name=f"block{i}_conv1"
        )(x)
        x = keras.layers.MaxPooling2D(2, name=f"block{i}_pool")(x)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(8, activation="relu", name="dense")(x)
    return keras.Model(film, keras.layers.Dense(1, name="logit")(x))


class TestHead:
    """Networks on a frozen base learn from stored features."""

    @pytest.fixture(scope="class")
    def recipe(self, made_recipe) -> Recipe:
        return dataclasses.replace(
            made_recipe,
            architecture="vgg16_features",
            input_size=32,
            channels=3,
            epochs=4,
            learning_rate=0.01,
            variants=2,
            augmentation=Augmentation(flip=True, noise=0.02),
        )

    @pytest.fixture(scope="class")
    def films(self) -> Material:
        return material(32)

    @pytest.fixture(scope="class")
    def state(self, tmp_path_factory) -> Path:
        return tmp_path_factory.mktemp("head")

    @pytest.fixture(scope="class")
    def fitted(self, recipe, films, state) -> tuple[keras.Model, pd.DataFrame, int]:
        model = on_a_base()
        return model, *fit(model, recipe, films, state, quiet)

    def test_the_base_stays_and_the_head_moves(self, fitted):
        before = on_a_base()
        for layer in before.layers:
            ours = fitted[0].layers[before.layers.index(layer)].get_weights()
            for old, new in zip(layer.get_weights(), ours, strict=True):
                assert np.array_equal(old, new) == layer.name.startswith("block")

    def test_history_is_that_of_the_whole_network(self, films, fitted):
        """The figures of the kept epoch come out again on films, without any feature."""
        model, history, kept = fitted
        assert history["epoch"].tolist() == [1, 2, 3, 4]
        x = np.repeat(films.held_films, 3, axis=-1).astype(np.float32)
        logits = np.asarray(model(x))[:, 0].astype(np.float64)
        loss = log_loss(films.held_labels, 1 / (1 + np.exp(-logits)))
        assert history["val_loss"][kept - 1] == pytest.approx(loss, rel=0.01)

    def test_keeps_the_best_epoch(self, fitted):
        _, history, kept = fitted
        assert kept == best_epoch(history)

    def test_features_lie_beside_the_history(self, recipe, films, fitted, state):
        shape = on_a_base().get_layer(LAST_POOL).output.shape[1:]
        train = np.load(state / "features" / "train.npy", mmap_mode="r")
        held = np.load(state / "features" / "validation.npy", mmap_mode="r")
        assert train.shape == (recipe.variants, len(films.labels), *shape)
        assert held.shape == (1, len(films.held_labels), *shape)

    def test_goes_on_with_what_stands_there(self, recipe, films, fitted, state):
        """All epochs are done: the weights are read, and neither film nor feature is looked at."""
        lines: list[str] = []
        model = on_a_base()
        history, kept = fit(model, recipe, films, state, lines.append)
        assert lines == ["Going on after epoch 4"]
        assert kept == fitted[2]
        pd.testing.assert_frame_equal(history, fitted[1])
        for ours, theirs in zip(model.get_weights(), fitted[0].get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs)
