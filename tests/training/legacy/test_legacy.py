"""Published Keras models taken over: bit for bit where they can be, with a clear word where not."""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers

import cxr
from cxr.cli.parser import main
from cxr.datasets.folders import COLUMNS, DatasetError
from cxr.scoring.bundle import BundleError
from cxr.scoring.operating_points import OperatingPoint, choose, fit_temperature
from cxr.scoring.scores import labels_of
from cxr.storage.hashes import file_hash
from cxr.training.callbacks import HISTORY_COLUMNS
from cxr.training.legacy import LegacyError, import_legacy
from cxr.training.legacy.files import OLDER, read_description, read_weights
from cxr.training.legacy.importing import REVERSED
from cxr.training.legacy.recognition import (
    CANDIDATES,
    recognize,
    reference,
    weight_shapes,
)
from cxr.training.legacy.structure import read_chain
from cxr.training.write_bundle import PREDICTION_COLUMNS
from tests.conftest import ROOT, film_like

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n"

# The published networks, written as their scripts have them; sizes are as small as they go.


def small(size: int = 64) -> keras.Model:
    model = keras.Sequential([keras.Input((size, size, 3))])
    for filters in (32, 32, 64, 32):
        model.add(layers.Conv2D(filters, (2, 2)))
        model.add(layers.Activation("relu"))
        model.add(layers.MaxPooling2D(pool_size=(2, 2)))
    for layer in (layers.Flatten(), layers.Dense(64), layers.Activation("relu")):
        model.add(layer)
    for layer in (layers.Dropout(0.5), layers.Dense(1), layers.Activation("sigmoid")):
        model.add(layer)
    return model


def grey(size: int = 40, channels: int = 1) -> keras.Model:
    model = keras.Sequential([keras.Input((size, size, channels))])
    for filters, dropout in ((32, 0), (64, 0.1), (64, 0), (128, 0.2), (256, 0.2)):
        model.add(layers.Conv2D(filters, (3, 3), strides=1, padding="same", activation="relu"))
        if dropout:
            model.add(layers.Dropout(dropout))
        model.add(layers.BatchNormalization())
        model.add(layers.MaxPooling2D((2, 2), strides=2, padding="same"))
    model.add(layers.Flatten())
    model.add(layers.Dense(units=128, activation="relu"))
    model.add(layers.Dropout(0.2))
    model.add(layers.Dense(units=1, activation="sigmoid"))
    return model


def tuberculosis(size: int = 32, average: bool = False, activation: str = "softmax") -> keras.Model:
    model = keras.Sequential([keras.Input((size, size, 1))])
    for filters, dropout in ((64, 0.25), (128, 0.25), (256, 0.3)):
        model.add(layers.Conv2D(filters, (3, 3), padding="same", activation="relu"))
        model.add(layers.Conv2D(filters, (3, 3), activation="relu"))
        model.add(layers.MaxPooling2D(pool_size=(2, 2)))
        model.add(layers.Dropout(dropout))
    model.add(layers.GlobalAveragePooling2D() if average else layers.Flatten())
    model.add(layers.Dense(512, activation="relu"))
    model.add(layers.Dropout(0.5))
    model.add(layers.Dense(2, activation=activation))
    return model


def transfer(base: str, activation: str = "softmax", head: tuple[int, ...] = (64, 128, 256, 128)):
    """A base within a Sequential, as transfer scripts have it."""
    made = getattr(keras.applications, base)(
        weights=None, include_top=False, input_shape=(32, 32, 3)
    )
    dense = [layers.Dense(units, activation="relu") for units in head]
    return keras.Sequential(
        [made, layers.Flatten(), *dense, layers.Dense(2, activation=activation)]
    )


def features() -> keras.Model:
    """A functional model that goes on from the output of its base."""
    base = keras.applications.VGG16(weights=None, include_top=False, input_shape=(32, 32, 3))
    x = layers.Dense(256, activation="relu")(layers.Flatten()(base.output))
    x = layers.Dense(1, activation="sigmoid")(layers.Dropout(0.5)(x))
    return keras.Model(base.input, x)


PUBLISHED: dict[str, tuple[Callable[[], keras.Model], str, dict[str, Any]]] = {
    "small": (small, "small_cnn", {"input_size": 64}),
    "grey": (grey, "grey_cnn", {"input_size": 40}),
    "flatten": (tuberculosis, "tb_cnn", {"input_size": 32, "pooling": "flatten"}),
    "average": (
        lambda: tuberculosis(average=True, activation="sigmoid"),
        "tb_cnn",
        {"input_size": 32, "pooling": "average"},
    ),
    "vgg16": (
        lambda: transfer("VGG16"),
        "vgg16_transfer",
        {"input_size": 32, "scaling": "unit"},
    ),
    "vgg19": (
        lambda: transfer("VGG19", "sigmoid"),
        "vgg19_transfer",
        {"input_size": 32, "scaling": "unit"},
    ),
    "features": (features, "vgg16_features", {"input_size": 32, "scaling": "unit"}),
}


@cache
def published(kind: str) -> keras.Model:
    """One of them with random weights, also where Keras starts from zeros and ones."""
    keras.utils.set_random_seed(len(kind))
    model = PUBLISHED[kind][0]()
    rng = np.random.default_rng(1)
    for weight in model.weights:
        if len(weight.shape) == 1:
            low, high = (
                (0.5, 1.5) if "variance" in weight.path or "gamma" in weight.path else (-1, 1)
            )
            weight.assign(rng.uniform(low, high, weight.shape).astype(np.float32) / 8 + (low > 0))
    return model


def before_last(model: keras.Model, films: np.ndarray) -> np.ndarray:
    """What the published network computes before its last activation, films divided by 255."""
    last = model.layers[-1]
    x = films * np.float32(1 / 255)
    for layer in model.layers:
        if isinstance(layer, layers.InputLayer):
            continue
        if layer is last and not layer.weights:  # the activation as a layer of its own
            continue
        if layer is last:
            kept, layer.activation = layer.activation, keras.activations.linear
            x = layer(x)
            layer.activation = kept
        else:
            x = layer(x, training=False)
    return np.asarray(x)


# Keras 2's own way of writing, by hand.


def keras_2_json(model: keras.Model, *, input_layer: bool = True) -> dict[str, Any]:
    """What ``model.to_json()`` gave in Keras 2, parsed."""
    return {**_keras_2(model, input_layer), "keras_version": "2.3.1", "backend": "tensorflow"}


def _keras_2(model: keras.Model, input_layer: bool = True) -> dict[str, Any]:
    sequential = isinstance(model, keras.Sequential)
    own = ([] if not sequential or not input_layer else [model._layers[0]]) + model.layers
    described = []
    for layer in own:
        if isinstance(layer, keras.Model):
            entry = _keras_2(layer)
        else:
            entry = {"class_name": type(layer).__name__, "config": _config(layer)}
        described.append(entry | ({} if sequential else {"name": layer.name}))
    config: dict[str, Any] = {"name": model.name, "layers": described}
    if sequential:
        if not input_layer and "layers" not in described[0]["config"]:
            described[0]["config"]["batch_input_shape"] = list(model.input_shape)
        return {"class_name": "Sequential", "config": config}
    for entry, source in zip(described, [None, *described], strict=False):
        entry["inbound_nodes"] = [[[source["name"], 0, 0, {}]]] if source else []
    config["input_layers"] = [[described[0]["name"], 0, 0]]
    config["output_layers"] = [[described[-1]["name"], 0, 0]]
    return {"class_name": "Model", "config": config}


def _config(layer: keras.Layer) -> dict[str, Any]:
    config = {k: v for k, v in layer.get_config().items() if k not in ("dtype", "groups")}
    if isinstance(layer, keras.layers.InputLayer):
        return {
            "name": layer.name,
            "batch_input_shape": list(config["batch_shape"]),
            "sparse": False,
        }
    for key in [key for key in config if "initializer" in key]:
        config[key] = {"class_name": "Zeros", "config": {}}
    if "axis" in config:
        config["axis"] = [3]
    return json.loads(json.dumps(config)) | {"dtype": "float32"}


Weight = tuple[str, np.ndarray]


def keras_2_weights(model: keras.Model) -> dict[str, list[Weight]]:
    """Names and values by layer, as Keras 2 stored them."""

    def own(layer: keras.Layer) -> list[Weight]:
        inner = layer.layers if isinstance(layer, keras.Model) else [layer]
        return [(f"{x.name}/{w.name}:0", np.asarray(w)) for x in inner for w in x.weights]

    return {layer.name: own(layer) for layer in model.layers}


def write_h5(path: Path, weights: dict[str, list[Weight]], config: Any = None) -> Path:
    with h5py.File(path, "w") as file:
        group = file
        if config is not None:
            file.attrs["model_config"] = json.dumps(config).encode()
            group = file.create_group("model_weights")
        group.attrs["layer_names"] = np.array([name.encode() for name in weights])
        group.attrs["backend"] = b"tensorflow"
        group.attrs["keras_version"] = b"2.3.1"
        for layer, values in weights.items():
            inner = group.create_group(layer)
            inner.attrs["weight_names"] = np.array([name.encode() for name, _ in values] or [], "S")
            for name, value in values:
                inner.create_dataset(name, data=value)
    return path


@pytest.fixture
def take(tmp_path: Path) -> Callable[..., cxr.Model]:
    """Import and load; the lines that were said are in `said`."""

    def run(*files: Path, **options: Any) -> cxr.Model:
        run.said = []  # type: ignore[attr-defined]
        options = {"finding": "pneumonia", "out": tmp_path / "out"} | options
        folder = import_legacy(*files, say=run.said.append, **options)
        return cxr.load(str(folder))

    return run


@pytest.fixture
def stored(tmp_path: Path) -> Callable[..., tuple[Path, Path]]:
    """Write a description and weights, each changed as asked."""

    def run(
        model: keras.Model | str = "grey",
        *,
        describe: Callable[[Any], Any] = lambda description: description,
        weigh: Callable[[Any], Any] = lambda weights: weights,
        **options: Any,
    ) -> tuple[Path, Path]:
        model = published(model) if isinstance(model, str) else model
        description = keras_2_json(model, **options)
        description = describe(description) or description
        weights = keras_2_weights(model)
        weights = weigh(weights) or weights
        (tmp_path / "model.json").write_text(json.dumps(description))
        return tmp_path / "model.json", write_h5(tmp_path / "weights.h5", weights)

    return run


def weights_of(bundle: cxr.Model) -> list[np.ndarray]:
    """The weights that come from the file."""
    two_way = "two_way" in [layer.name for layer in bundle.model.layers]
    return [np.asarray(w) for w in bundle.model.weights][: -1 if two_way else None]


def check_equal(bundle: cxr.Model, model: keras.Model) -> None:
    """Every weight and every logit, to the last bit."""
    mine, theirs = weights_of(bundle), [np.asarray(w) for w in model.weights]
    assert len(mine) == len(theirs)
    for one, other in zip(mine, theirs, strict=True):
        assert one.dtype == other.dtype == np.float32
        assert one.tobytes() == other.tobytes()
    shape = (3, *bundle.model.input_shape[1:])
    films = np.random.default_rng(0).integers(0, 256, shape).astype(np.float32)
    logits = before_last(model, films)
    expected = logits[:, 0] if logits.shape[1] == 1 else logits[:, 1] - logits[:, 0]
    np.testing.assert_array_equal(np.asarray(bundle.model(films))[:, 0], expected)


def check_read(kind: str, model: Path, weights: Path) -> None:
    """The weights alone, to the last bit, without the network that they go into."""
    found = read_weights(weights, weight_shapes(recognize(read_chain(read_description(model)))))
    values = [value for layer_values in found for value in layer_values.values()]
    expected = [np.asarray(weight) for weight in published(kind).weights]
    assert [v.tobytes() for v in values] == [v.tobytes() for v in expected]


class TestExact:
    @pytest.mark.parametrize("kind", [k for k in PUBLISHED if k not in ("vgg19", "average")])
    def test_keras_2_json_and_weights(self, take, stored, kind):
        bundle = take(*stored(kind, input_layer=kind in ("grey", "features")))
        architecture = bundle.card.architecture
        _, name, arguments = PUBLISHED[kind]
        assert architecture.name == name
        assert architecture.arguments == arguments
        assert architecture.parameters == bundle.model.count_params()
        assert bundle.name == f"pneumonia-{name.replace('_', '-')}"
        check_equal(bundle, published(kind))

    def test_the_larger_base(self, stored):
        files = stored("vgg19")
        match = recognize(read_chain(read_description(files[0])))
        assert (match.architecture, match.arguments) == PUBLISHED["vgg19"][1:]
        assert match.ending == "sigmoid"
        check_read("vgg19", *files)

    @pytest.mark.parametrize("suffix", [".h5", ".keras"])
    def test_whole_models_that_keras_itself_writes(self, take, tmp_path, suffix):
        path = tmp_path / f"model{suffix}"
        published("average").save(path)
        check_equal(take(path), published("average"))

    @pytest.mark.parametrize("suffix", [".h5", ".keras"])
    def test_whole_models_with_a_base_within(self, tmp_path, suffix):
        path = tmp_path / f"model{suffix}"
        published("vgg16").save(path)
        check_read("vgg16", path, path)

    def test_a_keras_2_whole_model(self, take, tmp_path):
        model = published("grey")
        path = write_h5(tmp_path / "m.hdf5", keras_2_weights(model), keras_2_json(model))
        check_equal(take(path), model)

    def test_keras_3_json_and_weights(self, take, tmp_path):
        model = published("grey")
        # A script that dumps what to_json returned wraps it once more.
        (tmp_path / "model.json").write_text(json.dumps(model.to_json()))
        model.save_weights(tmp_path / "model.weights.h5")
        check_equal(take(tmp_path / "model.json", tmp_path / "model.weights.h5"), model)

    def test_a_trained_model_with_its_optimizer(self, take, tmp_path):
        model = keras.models.clone_model(published("grey"))
        model.compile("adam", "binary_crossentropy")
        model.optimizer.build(model.trainable_variables)
        for suffix in (".h5", ".keras"):
            model.save(tmp_path / f"model{suffix}")
            check_equal(take(tmp_path / f"model{suffix}", name=f"with{suffix}"), model)

    def test_compiled_scores_are_those_of_the_published_network(self, take, stored):
        """The compiled graph fuses steps, which changes last bits."""
        bundle = take(*stored())
        films = [film_like(seed) for seed in range(3)]
        inputs = np.stack([bundle.prepare(film) for film in films]).astype(np.float32)
        expected = before_last(published("grey"), inputs)[:, 0]
        predictions = bundle.predict_many(films)
        assert [p.logit for p in predictions] == pytest.approx(expected, rel=1e-5, abs=1e-5)
        scores = [p.score for p in predictions]
        assert scores == pytest.approx(1 / (1 + np.exp(-expected.astype(float))), abs=1e-6)
        assert predictions[0].operating_point == "fixed-0.5"
        assert bundle.explain(films[0]).array.shape == films[0].pixels.shape

    def test_half_precision_fits_whole(self, take, stored):
        def halve(weights):
            return {
                k: [(n, v.astype(np.float16)) for n, v in values] for k, values in weights.items()
            }

        found = weights_of(take(*stored(weigh=halve)))
        for one, weight in zip(found, published("grey").weights, strict=True):
            np.testing.assert_array_equal(one, np.asarray(weight).astype(np.float16))


def as_older(group: h5py.Group, step: int) -> None:
    """Lay groups of weights out as TensorFlow 2.12 to 2.14 did; their numbers grow by a step."""
    if "layers" in group:
        group.move("layers", OLDER)
        names = list(group[OLDER])
        for name in sorted(names, key=lambda name: (len(name), name), reverse=True):
            as_older(group[OLDER][name], step)
            match = re.fullmatch(r"(.+?)_(\d+)", name)
            if match and step != 1:
                group[OLDER].move(name, f"{match[1]}_{step * int(match[2])}")


class TestOlder:
    """A ``.keras`` file of TensorFlow 2.12 to 2.14."""

    def older(self, path: Path, step: int) -> Path:
        with zipfile.ZipFile(path) as now:
            parts = {part: now.read(part) for part in now.namelist()}
        weights = path.with_suffix(".h5")
        weights.write_bytes(parts["model.weights.h5"])
        with h5py.File(weights, "a") as file:
            as_older(file, step)
        parts["model.weights.h5"] = weights.read_bytes()
        with zipfile.ZipFile(path.with_name("older.keras"), "w") as older:
            for part, content in parts.items():
                older.writestr(part, content)
        return path.with_name("older.keras")

    # A list that names layers with weights twice counts them twice.
    @pytest.mark.parametrize("step", [1, 2])
    @pytest.mark.parametrize("kind", ["small", "average"])
    def test_is_taken_over(self, take, tmp_path, kind, step):
        published(kind).save(tmp_path / "now.keras")
        check_equal(take(self.older(tmp_path / "now.keras", step)), published(kind))

    @pytest.mark.parametrize("step", [1, 2])
    def test_with_a_base_within(self, tmp_path, step):
        published("vgg16").save(tmp_path / "now.keras")
        path = self.older(tmp_path / "now.keras", step)
        check_read("vgg16", path, path)

    def test_a_layer_that_is_not_there(self, take, tmp_path):
        published("small").save(tmp_path / "now.keras")
        path = self.older(tmp_path / "now.keras", 1)
        with zipfile.ZipFile(path) as older:
            parts = {part: older.read(part) for part in older.namelist()}
        (tmp_path / "w.h5").write_bytes(parts["model.weights.h5"])
        with h5py.File(tmp_path / "w.h5", "a") as file:
            del file[f"{OLDER}/conv2d_3"]
        parts["model.weights.h5"] = (tmp_path / "w.h5").read_bytes()
        with zipfile.ZipFile(path, "w") as older:
            for part, content in parts.items():
                older.writestr(part, content)
        with pytest.raises(LegacyError, match="lacks 'layers/conv2d_3'"):
            take(path)


AUGMENTATION = (
    *(lambda: layers.RandomFlip("horizontal"), lambda: layers.RandomRotation(0.1)),
    *(lambda: layers.RandomZoom(0.1), lambda: layers.RandomContrast(0.1)),
    *(lambda: layers.RandomTranslation(0.1, 0.1), lambda: layers.GaussianNoise(0.1)),
    *(lambda: layers.RandomBrightness(0.1), lambda: layers.AlphaDropout(0.1)),
    *(lambda: layers.GaussianDropout(0.1), lambda: layers.ActivityRegularization(l2=0.1)),
)


def augmented(within: bool) -> keras.Model:
    """The small network behind layers that do nothing to a score."""
    model = keras.Sequential([keras.Input((64, 64, 3))])
    idle = [make() for make in AUGMENTATION]
    for layer_ in [keras.Sequential(idle, name="data_augmentation")] if within else idle:
        model.add(layer_)
    for layer_ in small().layers:
        model.add(type(layer_).from_config(layer_.get_config()))
    return model


class TestIdleLayers:
    @pytest.mark.parametrize("within", [False, True])
    @pytest.mark.parametrize("whole", [False, True])
    def test_are_taken_over(self, take, tmp_path, within, whole):
        model = augmented(within)
        files = [tmp_path / "model.keras"]
        if whole:
            model.save(files[0])
        else:
            files = [tmp_path / "model.json", tmp_path / "model.weights.h5"]
            files[0].write_text(model.to_json())
            model.save_weights(files[1])
        bundle = take(*files)
        for one, other in zip(weights_of(bundle), model.weights, strict=True):
            np.testing.assert_array_equal(one, np.asarray(other))
        films = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3)).astype(np.float32)
        scores = 1 / (1 + np.exp(-np.asarray(bundle.model(films))[:, 0]))
        wanted = np.asarray(model(films / 255, training=False))[:, 0]
        np.testing.assert_allclose(scores, wanted, atol=1e-5)

    def test_the_state_of_their_random_numbers_is_no_weight(self, stored):
        state = [("random_flip/StateVar:0", np.zeros(3, np.int64))]
        model, weights = stored("small", weigh=lambda weights: {"flip": state} | weights)
        check_read("small", model, weights)

    def test_a_crop_is_not_idle(self):
        def crop(found):
            found.insert(1, layer("RandomCrop", height=64, width=64))

        assert "RandomCrop" in difference(changed(small, crop))


class TestOtherFiles:
    """Files of other kinds are named for what they are, with what to give instead."""

    @pytest.mark.parametrize(
        ("name", "content", "words"),
        [
            ("m.h5", LFS, "Git LFS pointer"),
            ("m.keras", LFS, "git lfs pull"),
            ("m.json", b"<!DOCTYPE html><html>", "web page"),
            ("saved_model.pb", b"\x08\x01", "SavedModel"),
            ("m.tflite", b"\x1c\0\0\0TFL3", "TensorFlow Lite"),
            ("m.ckpt.index", b"x", "checkpoint"),
            ("m.pth", b"\x80\x02\x8a", "PyTorch"),
        ],
    )
    def test_a_file(self, take, stored, tmp_path, name, content, words):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(LegacyError, match=words):
            take(tmp_path / name)
        model, _ = stored("grey")
        with pytest.raises(LegacyError, match=words):
            take(model, tmp_path / name)

    @pytest.mark.parametrize(
        ("inside", "words"),
        [
            (["saved_model.pb"], "SavedModel.*to_json"),
            (["keras_metadata.pb"], "SavedModel"),
            (["config.json", "model.weights.h5"], "unpacked .keras file"),
            (["other"], "is a folder"),
        ],
    )
    def test_a_folder(self, take, tmp_path, inside, words):
        (tmp_path / "model").mkdir()
        for name in inside:
            (tmp_path / "model" / name).write_bytes(b"x")
        with pytest.raises(LegacyError, match=words):
            take(tmp_path / "model")

    def test_a_zip_of_a_saved_model(self, take, tmp_path):
        with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
            archive.writestr("m/saved_model.pb", b"x")
        with pytest.raises(LegacyError, match="SavedModel"):
            take(tmp_path / "m.keras")

    def test_the_command_line_names_a_saved_model(self, tmp_path, capsys):
        (tmp_path / "model").mkdir()
        (tmp_path / "model" / "saved_model.pb").write_bytes(b"x")
        options = ["--finding", "pneumonia", "--out", str(tmp_path / "out")]
        assert main(["import-legacy", str(tmp_path / "model"), *options]) == 2
        assert "SavedModel" in capsys.readouterr().err
        assert main(["import-legacy", str(tmp_path / "none.h5"), *options]) == 2
        assert "no file" in capsys.readouterr().err


class TestNames:
    """Whose weights are whose, where the names are not those of the description."""

    def test_of_another_session(self, stored):
        def renumber(weights):
            return {
                f"other_{k}": [(f"other/{k}/{name.split('/')[-1]}", v) for name, v in values]
                for k, (_, values) in enumerate(weights.items())
            }

        check_read("grey", *stored(weigh=renumber))

    @pytest.mark.parametrize("ending", ["", "_1"])
    def test_in_a_base_of_which_a_part_was_trained(self, stored, ending):
        """What is trained comes first there; a base that is called twice counts its names."""

        def shuffle(weights):
            base, *_ = weights
            values = [(name.replace("/", f"{ending}/"), v) for name, v in weights[base]]
            return weights | {base: values[-6:] + values[:-6]}

        check_read("vgg16", *stored("vgg16", weigh=shuffle))

    def test_spread_over_several_attributes(self, stored):
        model, weights = stored()
        with h5py.File(weights, "a") as file:
            names = file.attrs["layer_names"]
            del file.attrs["layer_names"]
            file.attrs["layer_names0"], file.attrs["layer_names1"] = names[:5], names[5:]
        check_read("grey", model, weights)

    def test_that_cannot_be_told_apart(self, take, stored):
        def blur(weights):
            base, *_ = weights
            return weights | {base: [(f"x{i}/w:0", v) for i, (_, v) in enumerate(weights[base])]}

        with pytest.raises(LegacyError, match="'vgg16' cannot be told apart"):
            take(*stored("vgg16", weigh=blur))


class TestPositiveFirst:
    def test_two_units_change_places(self, take, stored):
        files = stored("average")
        kept, swapped = take(*files, name="a"), take(*files, name="b", positive_first=True)
        for one, other in zip(weights_of(kept)[-2:], weights_of(swapped)[-2:], strict=True):
            np.testing.assert_array_equal(one[..., ::-1], other)
        films = np.ones((1, 32, 32, 1), np.float32)
        np.testing.assert_array_equal(kept.model(films), -np.asarray(swapped.model(films)))
        assert swapped.card.training.imported.positive_first is True

    def test_one_unit_changes_its_sign(self, take, stored):
        """A widely copied script counts pneumonia as 0, so that its sigmoid is that of normal."""
        files = stored("grey")
        kept, swapped = take(*files, name="a"), take(*files, name="b", positive_first=True)
        films = np.random.default_rng(0).uniform(0, 255, (2, 40, 40, 1)).astype(np.float32)
        np.testing.assert_array_equal(kept.model(films), -np.asarray(swapped.model(films)))


@cache
def described(kind: Callable[[], keras.Model]) -> dict[str, Any]:
    return keras_2_json(kind())


def changed(
    kind: Callable[[], keras.Model], change: Callable[[Any], Any] = lambda layers: None
) -> dict[str, Any]:
    """A description whose list of layers was changed."""
    description = copy.deepcopy(described(kind))
    change(description["config"]["layers"])
    return description


def double_end(found: list[dict[str, Any]]) -> None:
    found.append(copy.deepcopy(found[-1]))
    found[-2]["config"]["activation"] = "linear"


def layer(kind: str, **config: Any) -> dict[str, Any]:
    return {"class_name": kind, "config": {"name": f"my_{kind.lower()}", **config}}


def difference(description: Any) -> str:
    with pytest.raises(LegacyError) as error:
        recognize(read_chain(description))
    return str(error.value)


class TestRecognition:
    @pytest.mark.parametrize(("name", "arguments"), CANDIDATES)
    def test_knows_its_own_networks(self, name, arguments):
        own = reference(name, **arguments)
        assert own.steps[-1].get("units") in (1, 2)
        assert recognize(own).architecture == name

    def test_names_of_older_versions(self):
        def rename(found):
            for entry in found:
                old = {"Conv2D": "Convolution2D", "MaxPooling2D": "MaxPool2D"}
                entry["class_name"] = old.get(entry["class_name"], entry["class_name"])

        description = changed(grey, rename)
        assert recognize(read_chain(description)).architecture == "grey_cnn"
        # Before 2.2.3 the config was the list of layers.
        description["config"] = description["config"]["layers"]
        assert recognize(read_chain(description)).architecture == "grey_cnn"

    def test_size_said_for_the_whole_model_alone(self):
        description = changed(grey, lambda found: found.pop(0))
        description["config"]["build_input_shape"] = [None, 40, 40, 1]
        assert recognize(read_chain(description)).size == 40

    def test_other_activation_layers(self):
        def plain(found):
            where = [i for i, x in enumerate(found) if x["class_name"] == "Activation"]
            found[where[-2]] = layer("ReLU", max_value=None, negative_slope=0.0, threshold=0.0)

        assert recognize(read_chain(changed(small, plain))).ending == "sigmoid"

    def test_published_size(self):
        match = recognize(read_chain(keras_2_json(grey(150))))
        assert (match.size, match.channels) == (150, 1)

    @pytest.mark.parametrize(
        ("description", "nearest", "message"),
        [
            (lambda: changed(lambda: grey(channels=3)), "grey_cnn", "expected 1 input channels. R"),
            (
                lambda: changed(lambda: transfer("VGG16", head=(64, 100, 256, 128))),
                "vgg16_transfer",
                "Dense(units=128, use_bias=True, activation=relu). Received: Dense(units=100,",
            ),
            (
                lambda: changed(small, lambda found: found[1]["config"].update(kernel_size=[3, 3])),
                "small_cnn",
                "kernel_size=(2, 2), strides=(1, 1), padding=valid, use_bias=True, "
                "activation=relu). Received: Conv2D(filters=32, kernel_size=(3, 3)",
            ),
            (
                lambda: changed(small, lambda found: found[-2]["config"].update(units=2)),
                "small_cnn",
                "the network here ends in 1, and the weights of 2",
            ),
            (
                lambda: changed(tuberculosis, lambda found: found[-1]["config"].update(units=1)),
                "tb_cnn (pooling flatten)",
                "the network here ends in 2, and the weights of 1",
            ),
            (
                lambda: changed(grey, lambda found: found[2]["config"].update(epsilon=1e-5)),
                "grey_cnn",
                "expected BatchNormalization(epsilon=0.001",
            ),
            (
                lambda: changed(grey, lambda found: found.insert(2, layer("ReLU"))),
                "grey_cnn",
                "Received: ReLU(activation=relu)",
            ),
            (
                lambda: changed(grey, lambda found: found.__delitem__(slice(-3, -1))),
                "grey_cnn",
                "expected Dense(units=128",
            ),
            (
                lambda: changed(grey, double_end),
                "grey_cnn",
                "expected the end of the network",
            ),
        ],
    )
    def test_names_the_nearest_and_the_first_difference(self, description, nearest, message):
        text = difference(description())
        assert f"The nearest is {nearest}, and the first difference:" in text
        assert message.lower() in text.lower()
        assert "Taken: grey_cnn, small_cnn" in text

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (
                lambda found: found.insert(1, layer("Lambda", function=["4wEA", None, None])),
                "Layer 'my_lambda' is a Lambda: it carries code, which is never run. Store the",
            ),
            (lambda found: found.insert(1, layer("TFOpLambda")), "'my_tfoplambda' is a TFOpLambda"),
            (
                lambda found: found.insert(1, layer("LSTM")),
                "'my_lstm' is of type LSTM, which is not",
            ),
            (
                lambda found: found[1].update(registered_name="Custom>Conv2D"),
                "is of type Custom>Conv2D, which is not taken. Taken: InputLayer, Dropout,",
            ),
            (lambda found: found[1].update(module="__main__"), "is of type __main__.Conv2D, which"),
            (
                lambda found: found[1]["config"].update(activation={"class_name": "function"}),
                "expected activation of type str. Received: {'class_name': 'function'}",
            ),
            (
                lambda found: found[1]["config"].update(data_format="channels_first"),
                "expected data_format 'channels_last'. Received: 'channels_first'",
            ),
            (lambda found: found[1]["config"].update(dilation_rate=[2, 2]), "dilation_rate 1."),
            (lambda found: found[1]["config"].update(groups=2), "expected groups 1."),
            (lambda found: found[1]["config"].update(filters=1e9), "expected filters of type int"),
            (lambda found: found[1]["config"].update(kernel_size=[3] * 9), "kernel_size of two"),
            (lambda found: found[2]["config"].update(axis=[1]), "expected axis -1. Received: [1]"),
            (lambda found: found[-1]["config"].update(activation="softmax"), "linear or sigmoid"),
            (lambda found: found.pop(), "is none of those|ends in a dense layer"),
            (lambda found: found.__delitem__(slice(1, None)), "ends in a dense layer"),
            (lambda found: found[1]["config"].pop("filters"), "is damaged: KeyError('filters')"),
            (lambda found: found[1].update(config=7), "is damaged: "),
            (lambda found: found.insert(1, 3), "is damaged: "),
            # Found by damage: a whole number that is none as a float.
            (lambda found: found[2]["config"].update(epsilon=10**400), "is damaged: Overflow"),
            (lambda found: found[1].update(class_name=["Conv2D"]), r"of type \['Conv2D'\]"),
            (lambda found: found.pop(0), "Expected one input size .* Received: none"),
            (
                lambda found: found[0]["config"].update(batch_input_shape=[None, None, None, 1]),
                "Received: none",
            ),
            (
                lambda found: found[1]["config"].update(batch_input_shape=[None, 41, 41, 1]),
                r"Received: \(40, 40, 1\), \(41, 41, 1\)",
            ),
            (
                lambda found: found[0]["config"].update(batch_input_shape=[None, 40, 50, 1]),
                "a square input of at most 4096 pixels on a side. Received: 40 x 50",
            ),
            (
                lambda found: found[0]["config"].update(batch_input_shape=[None, 10**9, 10**9, 1]),
                "at most 4096 pixels",
            ),
            (lambda found: found.extend([found[1]] * 600), "at most 500 layers"),
        ],
    )
    def test_refuses(self, change, message):
        with pytest.raises(LegacyError) as error:
            recognize(read_chain(changed(grey, change)))
        text = str(error.value)
        assert message in text or re.search(message, text)

    def test_what_is_no_model(self):
        for description in ({}, [], 3, None, {"class_name": "Sequential"}, {"class_name": 3}):
            with pytest.raises(LegacyError, match=r"damaged|Expected a model of class"):
                read_chain(description)

    def test_models_within_models_without_end(self):
        description: Any = changed(grey)
        for _ in range(5):
            description = layer("Sequential", layers=[description])
        with pytest.raises(LegacyError, match="4 models within each other"):
            read_chain(description)

    def test_an_input_that_leaves_nothing(self, take, stored):
        def shrink(description):
            description["config"]["layers"][0]["config"]["batch_input_shape"] = [None, 9, 9, 3]

        with pytest.raises(LegacyError, match="9 pixels is too small for small_cnn"):
            take(*stored("small", describe=shrink))


class TestFunctional:
    """Descriptions of models that need not be chains."""

    @pytest.fixture
    def description(self) -> dict[str, Any]:
        return copy.deepcopy(keras_2_json(published("features")))

    def test_order_is_that_of_the_connections(self, description):
        description["config"]["layers"].reverse()
        assert recognize(read_chain(description)).architecture == "vgg16_features"

    def test_called_as_not_in_training(self, description):
        found = description["config"]["layers"]
        found[3]["inbound_nodes"][0][0][3] = {"training": False}
        assert recognize(read_chain(description)).architecture == "vgg16_features"
        found[3]["inbound_nodes"][0][0][3] = {"training": True}
        with pytest.raises(LegacyError, match=r"called with \{'training': True\}"):
            read_chain(description)

    def test_what_keras_3_writes(self):
        description = json.loads(published("features").to_json())
        assert recognize(read_chain(description)).architecture == "vgg16_features"

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (
                lambda c: c["layers"][5]["inbound_nodes"][0].append(["block1_conv1", 0, 0, {}]),
                "branches at layer 'block2_conv2'",
            ),
            (
                lambda c: c["layers"][5].update(inbound_nodes=[[["block1_conv1", 0, 0, {}]]]),
                "branches at layer",
            ),
            (lambda c: c["layers"][5]["inbound_nodes"].append([["x", 0, 0]]), "branches at layer"),
            (lambda c: c["layers"][-1].update(inbound_nodes=[]), "damaged: KeyError"),
            (lambda c: c["output_layers"].append(["flatten", 0, 0]), "one input and one output"),
            (
                lambda c: c.update(output_layers=[["block5_pool", 0, 0]]),
                "do not lie between its input and output",
            ),
        ],
    )
    def test_refuses_what_is_no_chain(self, description, change, message):
        change(description["config"])
        with pytest.raises(LegacyError, match=message):
            read_chain(description)


class TestScaling:
    def test_is_assumed_where_the_file_holds_none(self, take, stored):
        bundle = take(*stored("grey"))
        assert take.said[0] == "model.json is grey_cnn at 40 pixels"
        assert "Published scripts divide by 255" in take.said[1]
        assert bundle.card.training.imported.notes == tuple(take.said[1:])

    @pytest.mark.parametrize(
        ("scale", "offset", "scaling"),
        [
            (1 / 255, 0.0, "unit"),
            (float(np.float32(1 / 255)), 0, "unit"),
            (1.0, [-103.939, -116.779, -123.68], "imagenet"),
        ],
    )
    def test_is_that_of_the_file(self, scale, offset, scaling):
        def start(found):
            found.insert(1, layer("Rescaling", scale=scale, offset=offset))

        match = recognize(read_chain(changed(lambda: published("vgg16"), start)))
        assert match.arguments == {"input_size": 32, "scaling": scaling}
        assert match.notes == []

    @pytest.mark.parametrize(
        ("scale", "offset"), [(1 / 127.5, -1.0), (1.0, 0.0), ([1 / 255] * 2, 0)]
    )
    def test_that_the_network_cannot_do_is_refused(self, scale, offset):
        def start(found):
            found.insert(1, layer("Rescaling", scale=scale, offset=offset))

        with pytest.raises(LegacyError, match="'my_rescaling': grey_cnn cannot scale its input"):
            recognize(read_chain(changed(grey, start)))


def spoil(file: h5py.File, how: str, folder: Path) -> None:
    """Put something else in the place of the first weights."""
    group = file["conv2d"] if "conv2d" in file else file[file.attrs["layer_names"][0]]
    path = group.attrs["weight_names"][0].decode()
    values = group[path][()]
    parent, name = group[path.split("/")[0]], path.split("/")[1]
    if how == "nan":
        group[path][0, 0, 0, 0] = np.nan
        return
    del parent[name]
    if how == "external link":
        with h5py.File(folder / "other.h5", "w") as other:
            other["x"] = values
        parent[name] = h5py.ExternalLink("other.h5", "x")
    elif how == "soft link":
        file["x"] = values
        parent[name] = h5py.SoftLink("/x")
    elif how == "external storage":
        (folder / "raw").write_bytes(values.tobytes())
        parent.create_dataset(
            name, values.shape, "<f4", external=[(str(folder / "raw"), 0, values.nbytes)]
        )
    elif how == "virtual":
        file["x"] = values
        layout = h5py.VirtualLayout(values.shape, "<f4")
        layout[...] = h5py.VirtualSource(file["x"])
        parent.create_virtual_dataset(name, layout)
    elif how == "text":
        parent.create_dataset(name, values.shape, h5py.string_dtype())
    elif how == "float64":
        parent[name] = values.astype(np.float64)
    elif how == "integers":
        parent[name] = values.astype(np.int32)
    elif how == "shape":
        parent[name] = values[:2]
    elif how == "packed":
        parent.create_dataset(name, data=values, compression="lzf")
    elif how == "group":
        parent.create_group(name)
    elif how == "loop":
        parent[name] = parent


class TestWeightFiles:
    @pytest.mark.parametrize(
        ("how", "message"),
        [
            ("external link", "is a link to elsewhere, which is not followed"),
            ("soft link", "is a link to elsewhere, which is not followed"),
            ("external storage", "lies outside of the file"),
            ("virtual", "lies outside of the file"),
            ("text", "as float32. Received: object"),
            ("float64", "as float32. Received: float64"),
            ("integers", "as float32. Received: int32"),
            ("shape", r"of shape \(3, 3, 1, 32\). Received: \(2, 3, 1, 32\)"),
            ("packed", "packed in a way"),
            ("nan", "finite numbers"),
            ("group", "Expected an array"),
            ("loop", "Expected an array"),
            ("missing", "lacks"),
        ],
    )
    def test_refuses(self, take, stored, tmp_path, how, message):
        model, weights = stored()
        with h5py.File(weights, "a") as file:
            spoil(file, how, tmp_path)
        with pytest.raises(LegacyError, match=message):
            take(model, weights)
        assert not list((tmp_path / "out").glob("*"))

    def test_shapes_are_checked_before_anything_is_made(self, take, stored, monkeypatch):
        """A description that asks for 136 GB, and a file that says that it has them."""

        def grow(description):
            description["config"]["layers"][0]["config"]["batch_input_shape"] = [
                None,
                4096,
                4096,
                1,
            ]

        def fail(*arguments, **options):
            raise AssertionError("a network was built")

        monkeypatch.setattr("cxr.training.legacy.importing.build", fail)
        model, weights = stored("flatten", describe=grow)
        with pytest.raises(LegacyError, match=r"of shape \(66585600, 512\)"):
            take(model, weights)
        with h5py.File(weights, "a") as file:
            group = next(file[n] for n in file.attrs["layer_names"] if b"dense" in n)
            path = group.attrs["weight_names"][0]
            del group[path]
            group.create_dataset(path, (66585600, 512), "<f4", chunks=(4096, 512))
        with pytest.raises(LegacyError, match="unpacks to 136367308800 bytes"):
            take(model, weights)

    def test_too_many_layers(self, take, stored):
        model, weights = stored(
            weigh=lambda weights: weights | {"more": [("more/kernel:0", np.zeros(3))]}
        )
        with pytest.raises(LegacyError, match=r"weights of 12 layers: .*Received: of 13"):
            take(model, weights)

    def test_another_bias(self, take, stored):
        def without(weights):
            return {
                k: [w for w in v if "conv" not in k or "bias" not in w[0]]
                for k, v in weights.items()
            }

        with pytest.raises(LegacyError, match="lacks the bias of layer 'conv2d"):
            take(*stored(weigh=without))

    @pytest.mark.parametrize("content", [b"", b"no weights", b"\x89HDF\r\n\x1a\n" + b"\0" * 100])
    def test_no_weights(self, take, stored, content):
        model, weights = stored()
        weights.write_bytes(content)
        with pytest.raises(LegacyError, match=r"weights\.h5 is (no HDF5|damaged)"):
            take(model, weights)

    def test_a_file_cut_short(self, take, stored):
        model, weights = stored()
        weights.write_bytes(weights.read_bytes()[:-5000])
        with pytest.raises(LegacyError, match=r"weights\.h5 is damaged"):
            take(model, weights)

    def test_keras_3_weights_of_another_layer(self, take, tmp_path):
        model = published("grey")
        (tmp_path / "model.json").write_text(model.to_json())
        path = tmp_path / "model.weights.h5"
        model.save_weights(path)
        with h5py.File(path, "a") as file:
            file["layers/conv2d_2/vars"].attrs["name"] = "elsewhere"
        with pytest.raises(LegacyError, match="Received: those of 'elsewhere'"):
            take(tmp_path / "model.json", path)


class TestModelFiles:
    @pytest.mark.parametrize(
        "content",
        [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"9" * 5000, b" " * (2**24 + 1), b'"{"'],
        ids=["empty", "cut", "binary", "deep", "digits", "long", "twice"],
    )
    def test_json_that_is_none(self, take, stored, content):
        model, weights = stored()
        model.write_bytes(content)
        with pytest.raises(LegacyError, match=r"model\.json"):
            take(model, weights)

    def test_weights_alone(self, take, stored):
        _, weights = stored()
        with pytest.raises(LegacyError, match="Give the JSON file of to_json"):
            take(weights)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda parts: parts.pop("config.json"), "Expected a .keras file with config.json"),
            (lambda parts: parts.pop("model.weights.h5"), "with model.weights.h5 in it"),
            (lambda parts: parts.update({"config.json": b" " * 2**25}), "config.json unpacks to"),
            (lambda parts: parts.update({"model.weights.h5": b" " * 2**27}), "weights.h5 unpacks"),
            (lambda parts: parts.update({"model.weights.h5": b"x"}), "is no HDF5 file"),
        ],
    )
    def test_keras_files_that_are_none(self, take, tmp_path, change, message):
        published("grey").save(tmp_path / "good.keras")
        with zipfile.ZipFile(tmp_path / "good.keras") as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        change(parts)
        with zipfile.ZipFile(tmp_path / "bad.keras", "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in parts.items():
                archive.writestr(name, content)
        with pytest.raises(LegacyError, match=message):
            take(tmp_path / "bad.keras")

    def test_a_keras_file_with_a_byte_changed(self, take, tmp_path):
        path = tmp_path / "model.keras"
        published("grey").save(path)
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 255
        path.write_bytes(content)
        with pytest.raises(LegacyError, match=r"model\.keras is damaged: Bad CRC"):
            take(path)

    def test_a_lambda_in_each_kind_of_file(self, take, tmp_path):
        model = keras.Sequential(
            [
                keras.Input((40, 40, 1)),
                layers.Lambda(lambda x: x / 255, name="divide"),
                *grey().layers,
            ]
        )
        for suffix in (".h5", ".keras"):
            model.save(tmp_path / f"model{suffix}")
            with pytest.raises(LegacyError, match="Layer 'divide' is a Lambda"):
                take(tmp_path / f"model{suffix}")

    def test_nothing_in_a_file_is_run(self, take, tmp_path, monkeypatch):
        model = published("grey")
        for suffix in (".h5", ".keras"):
            model.save(tmp_path / f"model{suffix}")

        def fail(*arguments, **options):
            raise AssertionError("something was restored from the file")

        for name in (
            "keras.models.load_model",
            "keras.models.model_from_json",
            "keras.saving.deserialize_keras_object",
            "keras.layers.Layer.from_config",
            "keras.Sequential.from_config",
            "keras.Model.from_config",
            "keras.Model.load_weights",
            "pickle.loads",
            "pickle.load",
            "pickle.Unpickler",
            "marshal.loads",
            "builtins.eval",
        ):
            monkeypatch.setattr(name, fail)
        for suffix in (".h5", ".keras"):
            import_legacy(
                tmp_path / f"model{suffix}", finding="x", out=tmp_path, name=f"from{suffix}"
            )


class TestBundle:
    @pytest.fixture(scope="class")
    def bare(self, tmp_path_factory) -> cxr.Model:
        """Imported without films."""
        folder = tmp_path_factory.mktemp("bare")
        (folder / "model.json").write_text(json.dumps(keras_2_json(published("grey"))))
        write_h5(folder / "weights.h5", keras_2_weights(published("grey")))
        files = folder / "model.json", folder / "weights.h5"
        return cxr.load(str(import_legacy(*files, finding="pneumonia", out=folder / "models")))

    def test_without_films_knows_nothing_of_how_good_it_is(self, bare):
        card = bare.card
        assert [point.name for point in card.operating_points] == ["fixed-0.5"]
        point = card.operating_point()
        assert (point.threshold, point.n) == (0.5, 0)
        assert point.sensitivity is point.sensitivity_ci is None
        assert point.specificity is point.specificity_ci is None
        assert card.calibration.temperature == 1
        assert card.evaluation == {}
        assert "does not state" in card.population
        assert card.data.films == ()
        assert bare.history.columns.tolist() == HISTORY_COLUMNS
        assert bare.predictions.columns.tolist() == PREDICTION_COLUMNS
        assert bare.films.columns.tolist() == COLUMNS
        assert len(bare.history) == len(bare.predictions) == len(bare.films) == 0

    def test_says_where_it_comes_from(self, bare):
        origin = bare.card.training.imported
        source = bare.folder.parent.parent
        assert origin.model == "model.json"
        assert origin.model_sha256 == file_hash(source / "model.json")
        assert origin.weights_sha256 == file_hash(source / "weights.h5")
        assert origin.last_activation == "sigmoid"
        assert bare.card.input.resample == "bilinear"
        assert any("bilinear is assumed" in note for note in origin.notes)
        assert any("sensitivity and specificity are not known" in note for note in origin.notes)

    def test_changed_weights_are_refused(self, bare, tmp_path):
        folder = shutil.copytree(bare.folder, tmp_path / "copy")
        with (folder / "weights.weights.h5").open("ab") as file:
            file.write(b"x")
        with pytest.raises(BundleError, match="not those that its operating points"):
            cxr.load(str(folder))

    def test_can_be_evaluated(self, bare, made_films):
        from cxr.evidence.score_split import assess

        result = assess(bare, made_films)
        assert (result.n, result.operating_point, result.threshold) == (20, "fixed-0.5", 0.5)

    def test_films_choose_what_training_would_have_chosen(self, take, stored, made_films):
        from cxr.datasets.table import hold_out, read_films, scan
        from cxr.evidence.evaluation import evaluate
        from cxr.films.radiograph import read

        bundle = take(*stored(), data=made_films)
        table, _ = read_films(scan(made_films), made_films)
        expected = hold_out(table, 0.1, seed=0)
        same = ["path", "split", "label", "subtype", "patient", "sha256"]
        pd.testing.assert_frame_equal(bundle.films[same], expected[same], check_dtype=False)
        held = expected[expected["split"] != "train"]
        predictions = bundle.predictions
        assert sorted(predictions["path"]) == sorted(held["path"])
        for row in predictions.iloc[::5].itertuples():
            logit = bundle.predict(read(made_films / row.path)).logit
            assert logit == pytest.approx(row.logit, rel=1e-4, abs=1e-4)
        validation = predictions[predictions["split"] == "validation"]
        calibration = fit_temperature(validation["logit"], labels_of(validation))
        assert bundle.card.calibration == calibration
        assert bundle.card.operating_points == tuple(
            choose(
                calibration.score(validation["logit"]),
                labels_of(validation),
                validation["patient"],
                seed=0,
            )
        )
        assert bundle.card.operating_point().name == "sensitivity-95"
        assert set(bundle.card.evaluation) == {"validation", "test"}
        again = evaluate(
            predictions,
            model=bundle.name,
            split="test",
            calibration=calibration,
            point=bundle.card.operating_point(),
        )
        assert bundle.card.evaluation["test"] == again
        assert sum(row.films for row in bundle.card.data.films) == 80
        assert any("look better than they are" in line for line in take.said)

    def test_classes_that_are_the_other_way_round_are_told(self, take, stored, made_films):
        """One of the two ways ranks the films worse than chance, whatever the weights."""
        told = []
        for positive_first in (False, True):
            options = {"data": made_films, "positive_first": positive_first}
            bundle = take(*stored("average"), name=f"x{positive_first}", **options)
            auc = bundle.card.evaluation["validation"].auc
            assert auc != 0.5
            assert (REVERSED in take.said) == (auc < 0.5)
            assert (REVERSED in bundle.card.training.imported.notes) == (auc < 0.5)
            told.append(REVERSED in take.said)
            one = "0 is taken as pneumonia and 1 as normal" if positive_first else "0 is taken as n"
            assert any(one in line for line in take.said)
            assert any("ends in two sigmoids" in line for line in take.said)
        assert sorted(told) == [False, True]

    def test_a_known_set_brings_its_population(self, take, stored, made_films, tmp_path):
        bundle = take(*stored(), data=shutil.copytree(made_films, tmp_path / "kermany"))
        assert bundle.card.population == "children of 1 to 5 years"
        assert bundle.card.data.set == "kermany"

    def test_each_film_is_decoded_once(self, take, stored, made_films, monkeypatch):
        reads: list[str] = []

        def counting(path):
            reads.append(str(path))
            return cxr.read(path)

        monkeypatch.setattr("cxr.datasets.table.read", counting)
        take(*stored(), data=made_films)
        assert len(reads) == len(set(reads)) == 80

    def test_films_that_do_not_serve(self, take, stored, made_films, tmp_path):
        files = stored()
        shutil.copytree(made_films / "test", tmp_path / "other" / "test")
        with pytest.raises(DatasetError, match=r"a folder named train\. Splits here: test"):
            take(*files, data=tmp_path / "other")
        with pytest.raises(DatasetError, match="No labelled films"):
            take(*files, data=files[0].parent / "other" / "test" / "NORMAL")
        assert not (tmp_path / "out").exists()

    def test_does_not_replace_a_bundle(self, take, stored):
        files = stored()
        take(*files)
        with pytest.raises(LegacyError, match=r"pneumonia-grey-cnn in .* already\."):
            take(*files)
        assert take(*files, name="mine").name == "mine"

    def test_a_point_without_films_has_no_rates(self, bare):
        point = bare.card.operating_point()
        assert OperatingPoint.from_json(point.to_json()) == point
        for values in ({"n": 3}, {"sensitivity": 0.5}):
            with pytest.raises(ValueError, match="rates where films were counted"):
                OperatingPoint.from_json(point.to_json() | values)


class TestPages:
    @pytest.fixture
    def page(self, stored, tmp_path, monkeypatch) -> Callable[[str], Any]:
        from streamlit.testing.v1 import AppTest

        import_legacy(*stored(), finding="pneumonia", out=tmp_path / "models")
        monkeypatch.setenv("CXR_MODELS", str(tmp_path / "models"))
        monkeypatch.delenv("CXR_DATA", raising=False)

        def opened(name: str) -> Any:
            app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60).run()
            if name != "triage":
                app.switch_page(f"pages/{name}.py").run()
            assert not app.exception, app.exception[0].message
            return app

        return opened

    def test_training_says_that_there_was_none(self, page):
        app = page("training")
        assert (
            "Imported, so that there are no epochs to show: pneumonia-grey-cnn" in app.info[0].value
        )
        assert not app.get("plotly_chart")

    @pytest.mark.parametrize("name", ["dataset", "evaluation"])
    def test_dataset_and_evaluation_say_that_there_are_no_films(self, page, name):
        app = page(name)
        assert "--data DIR" in app.info[0].value
        assert not app.get("plotly_chart")

    def test_models_says_what_is_not_known(self, page):
        app = page("models")
        assert "python -m cxr evaluate pneumonia-grey-cnn --data DIR" in app.info[0].value
        assert any("divide by 255" in caption.value for caption in app.caption)
        tables = [table.value for table in app.table] + [frame.value for frame in app.dataframe]
        facts = next(
            facts
            for table in tables
            if table.shape[1] == 2 and "Imported from" in (facts := dict(table.to_numpy()))
        )
        assert facts["Imported from"] == "model.json, weights.h5"
        assert "Epochs" not in facts

    def test_triage_says_that_the_point_was_not_measured(self, page):
        from cxr.web.messages import NOT_MEASURED
        from tests.conftest import chest_like, png

        app = page("triage")
        session = app.session_state["reading_session"]
        session.worklist.add("a.png", png(chest_like(1)))
        app.run()
        session.scorer.join()
        app.run()
        assert not app.exception
        assert NOT_MEASURED in [caption.value for caption in app.caption]


def test_wrong_words_do_not_load_tensorflow(tmp_path):
    program = (
        "import sys\nfrom cxr.cli.parser import main\n"
        f"for words in (['gone.h5'], ['{__file__}', '--finding', 'normal']):\n"
        "    assert main(['import-legacy', '--finding', 'pneumonia', '--out', 'x', *words]) == 2\n"
        "assert not {'keras', 'tensorflow'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=os.environ, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "There is no file at gone.h5" in done.stderr
    assert "Expected a --finding in small letters" in done.stderr
