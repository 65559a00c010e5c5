"""The exports that ship: on real films they give what the Keras models give."""

from __future__ import annotations

import functools
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import cxr
from cxr.lungs.segment import LungNetwork, as_seen
from cxr.networks.class_activation import WEIGHTINGS
from cxr.networks.engine import Engine
from cxr.networks.graph import compile_parts
from cxr.scoring.engine_file import identity_of
from cxr.scoring.export import taps_of
from tests.bundles import films_root
from tests.conftest import ROOT

CARDS = cxr.available(ROOT / "models")
WHOLE = [card.name for card in CARDS if card.architecture.base is None]
ON_BASES = [card.name for card in CARDS if card.architecture.base]
FILMS = 50


@functools.cache
def read(paths: tuple[Path, ...]) -> list[cxr.Radiograph]:
    return [cxr.read(path) for path in paths]


def films_of(model: cxr.Model, data_dir: Path, count: int) -> list[cxr.Radiograph]:
    """Test films of a model's data set, spread over all of them."""
    films = model.predictions[model.predictions["split"] == "test"]
    chosen = films.iloc[np.linspace(0, len(films) - 1, count).astype(int)]
    return read(tuple(films_root(model.card, data_dir) / path for path in chosen["path"]))


def head_gradients(model: keras.Model, layer: str, activations: np.ndarray) -> np.ndarray:
    """Gradients of the logit by a layer, by Keras's own layers behind it."""
    head = keras.Model(model.get_layer(layer).output, model.output)
    with tf.GradientTape() as tape:
        given = tf.constant(activations)
        tape.watch(given)
        logits = head(given, training=False)
    return tape.gradient(logits, given).numpy()


def compare(model: cxr.Model, engine: Engine, films: list[cxr.Radiograph]) -> None:
    """Logits and activations within 1e-4, and maps of most films within 1e-4 of their range.

    Not all: the gradients of ReLU6 and of max pooling jump, so that where a value lies within the
    rounding of such a place, the two may fall on either side of it, and a map differs there. So it
    is asked too that the engine's gradients are those that Keras finds at the engine's activations.
    Grad-CAM++ divides by 2 + gradient x sum: where gradients or maps are negative, that comes near
    0, and the sixth digit of an activation shows.
    """
    inputs = np.stack([model.prepare(film) for film in films])
    logits, features, *rest = compile_parts(model.model, engine.layer or None, engine.taps)(inputs)
    names = ["logits", *(["features"] if engine.taps else [])]
    names += ["activations", "gradients"] if engine.layer else []
    found = dict(zip(names, engine.run(inputs, names), strict=True))
    np.testing.assert_allclose(found["logits"], logits, rtol=0, atol=1e-4)
    if engine.taps:
        np.testing.assert_allclose(found["features"], features, rtol=1e-4, atol=1e-4)
    if not engine.layer:
        return
    activations, gradients = found["activations"], found["gradients"]
    np.testing.assert_allclose(activations, rest[0], rtol=0, atol=1e-4 * np.ptp(rest[0]))
    there = head_gradients(model.model, engine.layer, activations)
    apart = np.abs(gradients - there) > 1e-4 * np.abs(there).max()
    assert apart.mean() <= 1e-5
    for method, weigh in WEIGHTINGS.items():
        one = weigh(np, activations, gradients, found["logits"])
        other = weigh(np, *rest, logits)
        ranges = other.max(axis=(1, 2))
        shown = ranges > 0
        assert shown.any()  # so there is something to compare
        apart = np.abs(one - other).max(axis=(1, 2))[shown] / ranges[shown]
        if method == "gradcam++":
            assert np.median(apart) <= 1e-2
        else:
            assert apart.max() <= 0.1, method
            assert np.median(apart) <= 1e-4, method
        assert not one[~shown].any()


@pytest.mark.data
@pytest.mark.parametrize("name", WHOLE)
def test_each_gives_what_its_keras_model_gives(name: str, data_dir: Path) -> None:
    model = cxr.load(name, folder=ROOT / "models")
    engine = model.network.engine
    assert engine is not None
    assert engine.taps == taps_of(model.card)
    compare(model, engine, films_of(model, data_dir, FILMS))


@pytest.mark.data
@pytest.mark.parametrize("name", ON_BASES[:1])
def test_one_on_a_frozen_base_gives_what_its_keras_model_gives(
    name: str, data_dir: Path, weights_dir: Path
) -> None:
    """Of fewer films: VGG16 takes a second for each."""
    from cxr.networks.export import export

    model = cxr.load(name, folder=ROOT / "models")
    identity = identity_of(model.card)
    content = export(model.model, taps=taps_of(model.card), identity=identity)
    compare(model, Engine(content, identity), films_of(model, data_dir, 5))


@pytest.mark.data
def test_the_lung_network_too(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    films = films_of(cxr.load(WHOLE[0], folder=ROOT / "models"), data_dir, FILMS)
    one = LungNetwork(ROOT / "models" / "lungs")
    logits = [one(as_seen(film, one.side)) for film in films]
    monkeypatch.setenv("CXR_ENGINE", "tensorflow")
    other = LungNetwork(ROOT / "models" / "lungs")
    for mine, film in zip(logits, films, strict=True):
        theirs = other(as_seen(film, other.side))
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-4 * np.ptp(theirs))
