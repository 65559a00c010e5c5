"""Boxes in training: painted, moved with the films, held against the network's map."""

from __future__ import annotations

import dataclasses
from itertools import islice
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from cxr.datasets.folders import DatasetError
from cxr.heatmaps.heatmap import Heatmap
from cxr.networks import build
from cxr.training.augmentation import augment, augment_with_masks
from cxr.training.batches import batches, fixed_batches
from cxr.training.box_supervision import (
    EVIDENCE,
    LOGIT,
    POSITIVE_WEIGHT,
    Places,
    place_weights,
    positive_places,
    read_places,
    with_evidence,
)
from cxr.training.fit import Material, fit
from cxr.training.recipes import Augmentation, Recipe

SIDE = 64


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return Recipe(
        name="tuberculosis-guided",
        finding="tuberculosis",
        source="tuberculosis",
        architecture="efficientnet_lite0",
        arguments={"pooling": "evidence", "dropout": 0.0},
        input_size=SIDE,
        channels=3,
        resample="bilinear",
        margin=0.1,
        levels="equalized",
        optimizer="adamw",
        learning_rate=2e-3,
        weight_decay=1e-2,
        batch_size=8,
        epochs=1,
        keep="last",
        boxes="boxes.csv",
        boxes_weight=2.0,
    )


@pytest.fixture(scope="module")
def network(recipe) -> keras.Model:
    keras.utils.set_random_seed(1)
    return build(recipe.architecture, input_size=SIDE, **recipe.arguments)


def table(*rows: tuple[str, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["path", "label"]).assign(width=200, height=100)


class TestReadPlaces:
    @pytest.fixture
    def folder(self, tmp_path) -> Path:
        (tmp_path / "boxes.csv").write_text(
            "file,finding,xmin,ymin,xmax,ymax\n"
            "a.png,ActiveTuberculosis,20,10,110,50\n"
            "b.png,Mass,0,0,200,100\n"
            "n.png,ActiveTuberculosis,0,0,200,100\n"
        )
        return tmp_path

    def test_boxes_as_the_network_sees_them(self, recipe, network, folder):
        films = table(("tb/a.png", "tuberculosis"), ("n.png", "normal"))
        found = read_places(films, folder, recipe, network)
        assert (found.masks.shape, found.masks.dtype) == ((2, SIDE, SIDE, 1), np.uint8)
        assert found.grid == (2, 2)
        # Of the film's 160 x 80 pixels inside the margin, the box has the upper left quarter and
        # ten columns more: 36 of 64.
        inside = found.masks[0, ..., 0]
        assert (inside[:31, :35] == 255).all()
        assert (inside[33:] == 0).all()
        assert (inside[:, 38:] == 0).all()

    def test_a_normal_film_has_no_ill_place_whatever_the_table_says(self, recipe, network, folder):
        films = table(("a.png", "tuberculosis"), ("n.png", "normal"))
        found = read_places(films, folder, recipe, network)
        assert not found.masks[1].any()
        assert found.known.tolist() == [True, True]

    def test_an_ill_film_without_a_box_of_its_finding_is_not_known(self, recipe, network, folder):
        films = table(*((name, "tuberculosis") for name in ("a.png", "b.png", "c.png")))
        assert read_places(films, folder, recipe, network).known.tolist() == [True, False, False]

    def test_a_table_of_other_films(self, recipe, network, folder):
        with pytest.raises(DatasetError, match="no box for any of the films of tuberculosis"):
            read_places(table(("x.png", "tuberculosis")), folder, recipe, network)


class TestIllPlaces:
    def test_a_place_stands_where_the_heatmap_draws_it(self):
        """The map whose one ill place is 1 peaks inside the box, wherever it lies."""
        for row in (0, 3, 7):
            for column in (0, 4, 7):
                masks = np.zeros((1, 80, 80, 1), np.float32)
                y, x = round(row * 79 / 7), round(column * 79 / 7)
                masks[0, max(0, y - 6) : y + 7, max(0, x - 6) : x + 7] = 255
                places = positive_places(tf.constant(masks), (8, 8)).numpy()[0, ..., 0]
                assert np.unravel_index(places.argmax(), places.shape) == (row, column)
                array = Heatmap(places, 80, 80, "gradcam", "evidence", "tuberculosis").array
                at = np.unravel_index(array.argmax(), array.shape)
                assert masks[0, at[0], at[1], 0] == 255

    def test_range(self):
        masks = np.zeros((2, 64, 64, 1), np.float32)
        masks[1] = 255
        found = positive_places(tf.constant(masks), (4, 4)).numpy()
        assert found.shape == (2, 4, 4, 1)
        assert not found[0].any()
        np.testing.assert_allclose(found[1], 1, rtol=1e-6)

    def test_weights(self):
        places = tf.constant([[[[0.0], [0.5], [1.0]]]] * 2)
        weights = place_weights(places, tf.constant([1.0, 0.0])).numpy()
        np.testing.assert_allclose(weights[0], [[1, (1 + POSITIVE_WEIGHT) / 2, POSITIVE_WEIGHT]])
        assert not weights[1].any()


class TestMasksMoveAlong:
    SETTINGS = Augmentation(
        rotation=20, scale=(0.6, 1.0), anywhere=True, shift=0.1, flip=True, tone=0.5, noise=0.1
    )

    def test_by_the_same_map(self):
        rng = np.random.default_rng(5)
        films = (rng.uniform(size=(12, 48, 48, 1)) < 0.5) * np.float32(255)
        places_only = dataclasses.replace(self.SETTINGS, tone=0.0, noise=0.0)
        seed = tf.constant([4, 2], tf.int64)
        x, masks = augment_with_masks(tf.constant(films), tf.constant(films), places_only, seed)
        np.testing.assert_allclose(masks, x, atol=1e-3)
        assert np.abs(np.asarray(x) - films).max() > 100

    def test_films_are_varied_as_without_masks_and_masks_keep_their_levels(self):
        films = np.random.default_rng(6).uniform(0, 255, (6, 32, 32, 1)).astype(np.float32)
        seed = tf.constant([1, 9], tf.int64)
        white = tf.fill(films.shape, 255.0)
        x, masks = augment_with_masks(tf.constant(films), white, self.SETTINGS, seed)
        np.testing.assert_array_equal(x, augment(tf.constant(films), self.SETTINGS, seed))
        np.testing.assert_allclose(masks, 255, rtol=1e-5)


def made(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, Places]:
    """Grey noise; every other film has a bright square in a corner, its box."""
    rng = np.random.default_rng(seed)
    films = rng.integers(60, 120, (n, SIDE, SIDE, 1)).astype(np.uint8)
    masks = np.zeros_like(films)
    labels = np.arange(n) % 2
    for i in np.flatnonzero(labels):
        top, left = rng.integers(0, 2, 2) * (SIDE // 2)
        masks[i, top : top + SIDE // 2, left : left + SIDE // 2] = 255
        films[i][masks[i] > 0] += 80
    return films, labels, Places(masks, np.ones(n, bool), (2, 2))


class TestFeeding:
    def test_training_batches(self, recipe):
        films, labels, places = made(20)
        places.known[3] = False
        drawn = list(islice(batches(films, labels, recipe, places=places).as_numpy_iterator(), 3))
        x = np.concatenate([batch[0] for batch in drawn])
        y = {k: np.concatenate([b[1][k] for b in drawn]) for k in (LOGIT, EVIDENCE)}
        w = {k: np.concatenate([b[2][k] for b in drawn]) for k in (LOGIT, EVIDENCE)}
        assert (x.shape, y[LOGIT].shape, w[LOGIT].shape) == ((20, SIDE, SIDE, 3), (20, 1), (20,))
        assert (y[EVIDENCE].shape, w[EVIDENCE].shape) == ((20, 2, 2, 1), (20, 2, 2))
        for film, label, ill in zip(x[..., :1], y[LOGIT], y[EVIDENCE], strict=True):
            i = int(np.flatnonzero((films == film).all(axis=(1, 2, 3)))[0])
            assert label == labels[i]
            assert (ill.max() > 0.9) == bool(labels[i])
        assert (w[EVIDENCE].max(axis=(1, 2)) == 0).sum() == 1

    def test_validation_batches(self, recipe):
        films, labels, places = made(10)
        drawn = list(fixed_batches(films, labels, recipe, places=places).as_numpy_iterator())
        assert [len(batch[0]) for batch in drawn] == [8, 2]
        ill = np.concatenate([batch[1][EVIDENCE] for batch in drawn]).max(axis=(1, 2, 3))
        np.testing.assert_array_equal(ill > 0.9, labels == 1)


class TestNetwork:
    def test_the_map_is_an_output_with_the_same_weights(self, network):
        film = np.random.default_rng(2).uniform(0, 255, (1, SIDE, SIDE, 3)).astype(np.float32)
        both = with_evidence(network)(film)
        assert both[EVIDENCE].shape == (1, 2, 2, 1)
        np.testing.assert_allclose(both[LOGIT], network(film), rtol=1e-5)
        assert [w.path for w in with_evidence(network).weights] == [w.path for w in network.weights]

    def test_the_logit_begins_as_the_log_of_the_mean_of_the_exponentials(self, network):
        film = np.random.default_rng(3).uniform(0, 255, (2, SIDE, SIDE, 3)).astype(np.float32)
        both = with_evidence(network)(film)
        evidence = np.asarray(both[EVIDENCE], np.float64).reshape(2, 4)
        expected = np.log(np.exp(evidence).mean(axis=1))
        np.testing.assert_allclose(np.asarray(both[LOGIT])[:, 0], expected, atol=1e-5)


#: Four blocks in place of sixteen, with the same map and the same logit behind them; of each stage
#: blocks, kernel, stride, expansion, width. What is taught is the map, and tracing takes a third.
SHALLOW = ((1, 3, 2, 1, 16), (1, 3, 2, 6, 24), (1, 5, 2, 6, 40), (1, 3, 2, 6, 112))


def test_a_network_learns_where_the_square_is(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr("cxr.networks.efficientnet_lite.STAGES", SHALLOW)
    films, labels, places = made(160)
    held_films, held_labels, held = made(24, seed=1)
    keras.utils.set_random_seed(3)
    model = build(recipe.architecture, input_size=SIDE, **recipe.arguments)
    long = dataclasses.replace(recipe, epochs=5, batch_size=16)
    material = Material(films, labels, held_films, held_labels, places, held)
    history, kept = fit(model, long, material, tmp_path, lambda line: None)
    assert kept == 5
    assert history[["loss", "val_loss", "accuracy", "val_auc"]].notna().all(axis=None)
    ill = np.flatnonzero(held_labels)
    maps = np.asarray(with_evidence(model)(np.repeat(held_films[ill], 3, axis=-1))[EVIDENCE])
    where = positive_places(tf.constant(held.masks[ill], tf.float32), (2, 2)).numpy()
    hits = maps.reshape(len(ill), 4).argmax(axis=1) == where.reshape(len(ill), 4).argmax(axis=1)
    assert hits.mean() >= 0.9  # by chance a quarter


def test_boxes_want_a_map(recipe):
    with pytest.raises(ValueError, match="Expected boxes with pooling 'evidence'"):
        dataclasses.replace(recipe, arguments={})
