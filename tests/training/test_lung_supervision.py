"""Lung supervision: what is taught where, and a run of it from films to a bundle."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cxr.networks import build
from cxr.training.fit import Material, fit
from cxr.training.lung_supervision import (
    LungTaught,
    Targets,
    amounts_of,
    loss,
    lungs_of_films,
    move_origin,
    rate_at,
)
from cxr.training.recipes import RECIPES, Augmentation, FirstStep, LungSupervision, Recipe
from tests.conftest import chest_like

SIDE = 64


def quiet(line: str) -> None:
    """Say nothing."""


@pytest.fixture
def recipe() -> Recipe:
    return dataclasses.replace(
        RECIPES["pneumonia-efficientnet-lite0"],
        name="pneumonia-made",
        pretrained="",
        input_size=SIDE,
        batch_size=8,
        epochs=2,
        lungs=LungSupervision(averaged=2, origin=0.5, opacities=0.5, devices=0.5, soft=0.5),
    )


@pytest.fixture
def network() -> keras.Model:
    """Return a small network with a map of evidence, as the large ones have it."""
    keras.utils.set_random_seed(0)
    film = keras.Input((SIDE, SIDE, 3))
    x = keras.layers.Rescaling(1 / 128, offset=-1.0)(film)
    x = keras.layers.Conv2D(8, 5, strides=8, padding="same", activation="relu")(x)
    x = keras.layers.Dropout(0.1)(x)
    x = keras.layers.Conv2D(1, 1, name="evidence")(x)
    logit = keras.layers.Dense(1, name="logit")
    return keras.Model(film, logit(keras.ops.logsumexp(x, axis=(1, 2))))


def material() -> Material:
    labels = np.arange(24) % 2
    films = np.stack([chest_like(k, ill=bool(k % 2), size=SIDE) for k in range(24)])[..., None]
    lungs = np.zeros_like(films)
    lungs[:, 16:48, 10:54] = 255
    return Material(
        films[:16],
        labels[:16],
        films[16:],
        labels[16:],
        lungs=lungs[:16],
        held_lungs=lungs[16:],
    )


def test_a_fine_map_of_evidence_has_four_times_the_places():
    network = build("efficientnet_lite0", input_size=64, pooling="fine_evidence")
    assert network.get_layer("evidence").output.shape[1:3] == (4, 4)
    coarse = build("efficientnet_lite0", input_size=64, pooling="evidence")
    assert coarse.get_layer("evidence").output.shape[1:3] == (2, 2)


def test_evidence_is_taught_zero_outside_the_lungs_alone():
    targets = Targets(224, (14, 14))
    lungs = np.zeros((2, 224, 224, 1), np.float32)
    lungs[:, 64:160, 64:160] = 1
    label = np.array([[0.0], [1.0]], np.float32)
    said, target, weight = (np.asarray(p) for p in targets(label, lungs, np.zeros_like(lungs)))
    np.testing.assert_array_equal(said, label)
    assert not target.any()
    assert (weight[0] == 1).all()
    places = weight[1].reshape(14, 14)
    assert places[7, 7] == 0
    assert places[0, 0] == 1


def test_a_drawn_opacity_makes_a_normal_film_one_with_the_finding_there_and_nowhere_else():
    targets = Targets(224, (14, 14))
    targets.drawn.assign(2.0)
    lungs = np.ones((1, 224, 224, 1), np.float32)
    drawn = np.zeros_like(lungs)
    drawn[:, :112] = 0.9
    said, target, weight = (
        np.asarray(part) for part in targets(np.zeros((1, 1), np.float32), lungs, drawn)
    )
    assert said[0, 0] == 1
    target, weight = target.reshape(14, 14), weight.reshape(14, 14)
    assert target[2, 5] == 1
    assert weight[2, 5] == 2
    assert target[12, 5] == 0
    assert weight[12, 5] == 1


def test_the_loss_is_of_the_film_and_of_the_places_that_weigh():
    evidence, targets, weights = [3.0, 0.0], [0.0, 0.0], [0.0, 2.0]
    output = np.array([[2.0, 1.0, *evidence, *targets, *weights]], np.float32)
    film = np.log1p(np.exp(-2.0))
    expected = film + 2.0 * np.log(2.0) / 2
    np.testing.assert_allclose(np.asarray(loss(0.0)(None, output)), [expected], rtol=1e-5)


def test_a_teacher_s_logit_counts_where_nothing_was_drawn():
    teach = loss(0.0, teachers=True)
    plain = np.array([[2.0, 1.0, 0.0, 0.0, 0.0]], np.float32)
    film = float(np.asarray(loss(0.0)(None, plain))[0])
    for weight, told, more in ((0.4, -1.0, 0.4 * 0.5 * 9), (0.0, -1.0, 0.0), (1.0, 50.0, 8.0)):
        output = np.concatenate([plain, [[told, weight]]], axis=-1).astype(np.float32)
        assert float(np.asarray(teach(None, output))[0]) == pytest.approx(film + more, rel=1e-4)


def test_boxes_teach_one_inside_and_zero_elsewhere_and_none_shown_is_normal():
    targets = Targets(224, (14, 14))
    targets.boxes.assign(2.0)
    marks = np.zeros((3, 224, 224, 2), np.float32)
    marks[..., 0] = 1
    marks[0, 64:128, 64:128, 1] = 1  # the second's box was cut off, the third never had one
    labels = np.ones((3, 1), np.float32)
    boxed = np.array([[1.0], [1.0], [0.0]], np.float32)
    drawn = np.zeros((3, 224, 224, 1), np.float32)
    said, target, weight = (np.asarray(p) for p in targets(labels, marks, drawn, boxed))
    np.testing.assert_array_equal(said[:, 0], [1, 0, 1])
    target, weight = target.reshape(3, 14, 14), weight.reshape(3, 14, 14)
    assert target[0, 6, 6] == 1
    assert weight[0, 6, 6] == 2.0 * 3.0
    assert target[0, 1, 1] == 0
    assert weight[0, 1, 1] == 2.0
    assert (weight[1] == 2.0).all()
    assert not target[1].any()
    assert not weight[2].any()  # inside the lungs, where nobody drew


def test_a_run_with_boxes_and_a_teacher_learns(network, recipe, tmp_path, monkeypatch):
    teacher = keras.models.clone_model(network)
    kept = [part.copy() for part in teacher.get_weights()]
    loaded = type("Loaded", (), {"model": teacher})
    monkeypatch.setattr("cxr.training.fit.load", lambda name: loaded)
    recipe = dataclasses.replace(
        recipe,
        boxes="boxes.csv",
        teachers=("another",),
        lungs=dataclasses.replace(recipe.lungs, transplanted=0.5, taught=0.3),
    )
    films = material()
    boxes = np.zeros_like(films.lungs)
    boxes[films.labels == 1, 20:36, 16:32] = 255
    films = dataclasses.replace(
        films,
        lungs=np.concatenate([films.lungs, boxes], axis=-1),
        held_lungs=np.concatenate([films.held_lungs, np.zeros_like(films.held_lungs)], axis=-1),
        shares=np.ones(len(films.labels), np.float32),
    )
    before = network.get_weights()
    history, _ = fit(network, recipe, films, tmp_path, quiet)
    assert history["loss"].notna().all()
    assert any((a != b).any() for a, b in zip(before, network.get_weights(), strict=True))
    for was, now in zip(kept, teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(was, now)
    with pytest.raises(ValueError, match="teachers"):
        LungTaught(network, recipe)


def test_the_origin_of_heat_moves_and_no_score_does(network):
    films = np.stack([chest_like(k, size=SIDE) for k in range(3)])[..., None].repeat(3, -1)
    network.get_layer("logit").set_weights([np.array([[1.3]]), np.array([-2.0])])
    look = keras.Model(network.input, [network.output, network.get_layer("evidence").output])
    before = [np.asarray(part) for part in look(films.astype(np.float32))]
    move_origin(network, 0.7)
    after = [np.asarray(part) for part in look(films.astype(np.float32))]
    np.testing.assert_allclose(after[0], before[0], atol=1e-4)
    np.testing.assert_allclose(after[1], before[1] - 0.7, atol=1e-4)


def test_the_rate_begins_low_and_falls_to_a_twentieth(recipe):
    recipe = dataclasses.replace(recipe, epochs=5)
    rates = [rate_at(recipe)(epoch, 0) / recipe.learning_rate for epoch in range(5)]
    assert rates[0] == pytest.approx(0.3)
    assert rates[1:] == sorted(rates[1:], reverse=True)
    assert rates[-1] == pytest.approx(0.05)


def test_what_is_varied_is_what_the_recipe_says(recipe):
    amounts = amounts_of(recipe)
    assert (amounts.scale_low, amounts.scale_high) == recipe.augmentation.scale
    assert amounts.flip == 0.5
    assert amounts.opacities == recipe.lungs.opacities
    with pytest.raises(ValueError, match="lung supervision"):
        amounts_of(RECIPES["pneumonia-efficientnet-lite0-v1"])


def test_validation_films_are_not_varied(network, recipe):
    held = material()
    taught = LungTaught(network, recipe)
    inputs = [held.held_films, held.held_lungs, held.held_labels[:, None].astype(np.float32)]
    output = np.asarray(taught.model(inputs, training=False))
    plain = np.asarray(network(held.held_films.repeat(3, -1).astype(np.float32)))
    np.testing.assert_allclose(output[:, :1], plain, atol=1e-4)
    np.testing.assert_array_equal(output[:, 1], held.held_labels)


def test_a_run_that_was_stopped_ends_with_the_average_of_its_last_epochs(
    network, recipe, tmp_path, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setattr("cxr.training.callbacks.restart_dropouts", _stop_in_the_second)
        with pytest.raises(KeyboardInterrupt):
            fit(network, recipe, material(), tmp_path, quiet)
    network.set_weights([np.zeros_like(part) for part in network.get_weights()])
    history, kept = fit(network, recipe, material(), tmp_path, quiet)
    assert list(history["epoch"]) == [1, 2]
    assert kept == 2
    assert history[["loss", "auc", "val_loss", "val_auc"]].notna().all(axis=None)
    averaged = network.get_weights()
    last = []
    for epoch in range(2):
        network.load_weights(tmp_path / f"epoch-{epoch}.weights.h5")
        last.append(network.get_weights())
    network.set_weights([np.mean(parts, axis=0) for parts in zip(*last, strict=True)])
    move_origin(network, recipe.lungs.origin)
    for one, other in zip(network.get_weights(), averaged, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def _stop_in_the_second(model: keras.Model, epoch: int) -> None:
    if epoch == 1:
        raise KeyboardInterrupt


def test_lungs_are_those_that_people_drew_where_they_did(tmp_path: Path):
    (tmp_path / "lungs" / "kermany").mkdir(parents=True)
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[10:40, 5:30] = 255
    Image.fromarray(mask).save(tmp_path / "lungs" / "kermany" / "a.png")
    (tmp_path / "lungs" / "masks.csv").write_text(
        "source,film,mask,matched_by\nkermany,kermany/train/a.jpeg,kermany/a.png,size\n"
    )
    table = pd.DataFrame({"film": ["kermany/train/b.jpeg", "kermany/train/a.jpeg"]})
    pixels = np.stack([chest_like(k, size=SIDE) for k in range(2)])[..., None]
    network = keras.Sequential([keras.Input((SIDE, SIDE, 1)), keras.layers.Rescaling(0, -1.0)])
    found = lungs_of_films(table, pixels, tmp_path, network, batch=2)
    assert list(found["mask"]) == ["", "lungs/kermany/a.png"]
    assert list(found["certain"]) == [False, True]
    assert not found["lungs"][0].any()
    np.testing.assert_array_equal(found["lungs"][1][..., 0], mask)
    without = lungs_of_films(table, pixels, tmp_path / "elsewhere", network, batch=2)
    assert not np.stack([*without["lungs"]]).any()


@pytest.mark.parametrize(
    "change",
    [
        {"schedule": "cosine"},
        {"keep": "best"},
        {"first_step": FirstStep(epochs=1)},
        {"augmentation": Augmentation(shear=2.0)},
        {"arguments": {}},
        {"arguments": {}, "boxes": "boxes.csv"},
        {"lungs": LungSupervision(transplanted=0.5)},
        {"lungs": LungSupervision(taught=0.5)},
        {"teachers": ("another",)},
        {"lungs": None},
        {"lungs": LungSupervision(averaged=9)},
    ],
)
def test_a_recipe_that_lung_supervision_cannot_follow_is_refused(change):
    with pytest.raises(ValueError, match="Expected"):
        dataclasses.replace(RECIPES["pneumonia-efficientnet-lite0"], **change)
