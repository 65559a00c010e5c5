"""The engine: an export run without TensorFlow, and every way in which it may not."""

from __future__ import annotations

import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from cxr.networks import engine as module
from cxr.networks.class_activation import WEIGHTINGS
from cxr.networks.engine import (
    ENGINES,
    METADATA,
    Engine,
    EngineError,
    Exported,
    ExportError,
    engine_name,
)
from cxr.networks.export import export, export_network
from cxr.networks.graph import compile_forward, facts_of
from cxr.networks.network import Network
from tests.conftest import ROOT

IDENTITY = {"weights": "0" * 64, "architecture": "made", "arguments": {"input_size": 8}}
TAPS = ("first", "last")
FILMS = np.random.default_rng(0).integers(0, 256, (5, 8, 6, 1)).astype(np.uint8)


def made() -> keras.Model:
    keras.utils.set_random_seed(4)
    film = keras.Input((8, 6, 1))
    x = keras.layers.Rescaling(1 / 255)(film)
    x = keras.layers.Conv2D(4, 3, activation="relu", name="first")(x)
    x = keras.layers.Conv2D(3, 2, name="last")(x)
    x = keras.layers.ReLU(name="relu")(x)
    x = keras.layers.Flatten()(x)
    return keras.Model(film, keras.layers.Dense(1)(x), name="made")


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return made()


@pytest.fixture(scope="module")
def content(model) -> bytes:
    return export(model, taps=TAPS, identity=IDENTITY)


@pytest.fixture
def engine(content) -> Engine:
    return Engine(content, IDENTITY)


class TestName:
    def test_is_the_first_unless_the_environment_names_another(self, monkeypatch):
        monkeypatch.delenv("CXR_ENGINE", raising=False)
        assert engine_name() == ENGINES[0] == "onnx"
        monkeypatch.setenv("CXR_ENGINE", "tensorflow")
        assert engine_name() == "tensorflow"

    def test_that_is_none_is_refused(self, monkeypatch):
        monkeypatch.setenv("CXR_ENGINE", "torch")
        with pytest.raises(EngineError, match=r"onnx or tensorflow\. Received: 'torch'"):
            engine_name()


class TestEngine:
    def test_tells_what_the_keras_model_tells(self, engine, model):
        assert engine.facts == facts_of(model)
        assert (engine.layer, engine.taps) == ("last", TAPS)

    @pytest.mark.parametrize("method", [None, *WEIGHTINGS])
    def test_gives_what_the_keras_model_gives(self, engine, model, method):
        expected = compile_forward(model, method=method, features=TAPS)(FILMS)
        outputs = engine.forward(method, features=True)(FILMS)
        for one, other in zip(outputs, expected, strict=True):
            assert one.dtype == np.float32
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
        assert (outputs.maps.max(initial=0) > 0) == (method is not None)

    def test_takes_any_number_of_films(self, engine):
        forward = engine.forward("gradcam", features=True)
        for one, other in zip(forward(FILMS[:1]), forward(FILMS), strict=True):
            np.testing.assert_allclose(one[0], other[0], rtol=1e-4, atol=1e-6)

    def test_features_come_where_they_are_wanted(self, engine):
        assert engine.forward()(FILMS).features.shape == (5, 0)
        np.testing.assert_allclose(
            engine.features(FILMS), engine.forward(features=True)(FILMS).features, rtol=1e-5
        )

    def test_activations(self, engine, model):
        whole = keras.Model(model.input, model.get_layer("last").output)
        expected = np.asarray(whole(FILMS.astype(np.float32)))
        np.testing.assert_allclose(engine.activations(FILMS), expected, rtol=1e-4, atol=1e-5)

    def test_unknown_method(self, engine):
        with pytest.raises(ValueError, match="Received: 'x'"):
            engine.forward("x")

    def test_films_of_another_size_are_an_error_that_says_what_to_do(self, engine):
        with pytest.raises(EngineError, match="CXR_ENGINE=tensorflow"):
            engine.forward()(FILMS[:, :4])

    def test_a_network_without_convolution_has_logits_alone(self):
        film = keras.Input((4, 4, 1))
        dense = keras.layers.Dense(1)(keras.layers.Flatten()(film))
        flat = keras.Model(film, dense, name="flat")
        engine = Engine(export(flat, taps=(), identity=IDENTITY), IDENTITY)
        films = FILMS[:, :4, :4]
        np.testing.assert_allclose(
            engine.forward()(films).logits,
            np.asarray(flat(films.astype(np.float32)))[:, 0],
            rtol=1e-4,
        )
        with pytest.raises(ValueError, match="flat has no convolution"):
            engine.forward("gradcam")

    def test_threads_are_bounded(self, monkeypatch):
        monkeypatch.setenv("OMP_NUM_THREADS", "200")
        assert module.threads() == module.MOST_THREADS
        monkeypatch.setenv("OMP_NUM_THREADS", "1")
        assert module.threads() == 1
        monkeypatch.delenv("OMP_NUM_THREADS")
        assert 1 <= module.threads() <= module.MOST_THREADS

    def test_passes_side_by_side_share_the_threads(self, monkeypatch):
        monkeypatch.setenv("OMP_NUM_THREADS", "6")
        with module.side_by_side(2):
            assert module.threads() == 3
            with module.side_by_side(100):
                assert module.threads() == 1
        assert module.threads() == 6


class TestRefusals:
    def test_a_damaged_file(self, content):
        for damaged in (b"", b"no graph", content[: len(content) // 2], b"<!doctype html>"):
            with pytest.raises(ExportError):
                Engine(damaged, IDENTITY)

    def test_a_foreign_file(self, content):
        import onnx

        foreign = onnx.load_from_string(content)
        del foreign.metadata_props[:]
        with pytest.raises(ExportError, match="not written by this package"):
            Engine(foreign.SerializeToString(), IDENTITY)
        entry = foreign.metadata_props.add()
        entry.key, entry.value = METADATA, '{"format": 99, "identity": {}}'
        with pytest.raises(ExportError, match="another version"):
            Engine(foreign.SerializeToString(), IDENTITY)

    def test_other_weights_or_another_network(self, content):
        for change in ({"weights": "1" * 64}, {"arguments": {"input_size": 9}}):
            with pytest.raises(ExportError, match="other weights"):
                Engine(content, IDENTITY | change)

    def test_an_export_of_another_kind(self, model):
        content = export_network(model, identity=IDENTITY)
        np.testing.assert_allclose(
            Exported(content, IDENTITY).run(FILMS, ["logits"])[0],
            np.asarray(model(FILMS.astype(np.float32))),
            rtol=1e-4,
            atol=1e-5,
        )
        with pytest.raises(ExportError, match="not written by this package"):
            Engine(content, IDENTITY)

    def test_without_onnx_runtime(self, content, monkeypatch):
        monkeypatch.setitem(sys.modules, "onnxruntime", None)
        with pytest.raises(EngineError, match="CXR_ENGINE=tensorflow"):
            Engine(content, IDENTITY)


class TestNetwork:
    """A network that has an export asks the Keras model only for what the export lacks."""

    @pytest.fixture
    def built(self) -> list[int]:
        return []

    @pytest.fixture
    def network(self, engine, built) -> Network:
        def build() -> keras.Model:
            built.append(1)
            return made()

        return Network(build=build, taps=TAPS, find_engine=lambda: engine)

    @pytest.mark.parametrize("method", [None, *WEIGHTINGS])
    def test_scores_and_maps_of_the_last_layer_need_no_model(self, network, built, method):
        assert network.input_shape == (8, 6, 1)
        assert network.convolutions() == ["first", "last"]
        assert [network.layer(), network.layer("relu")] == ["last", "relu"]
        with pytest.raises(ValueError, match="of first, last"):
            network.layer("x")
        outputs = network.forward(method)(FILMS)
        for one, other in zip(
            outputs, Network(made(), taps=TAPS).forward(method)(FILMS), strict=True
        ):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
        assert network.features(TAPS)(FILMS).shape == (5, 7)
        assert network.activations("last")(FILMS).shape == (5, 5, 3, 3)
        assert built == []

    def test_other_layers_and_features_are_the_models(self, network, built):
        assert network.forward("gradcam", "first")(FILMS).maps.shape == (5, 6, 4)
        assert network.features(["first"])(FILMS).shape == (5, 4)
        assert network.activations("first")(FILMS).shape == (5, 6, 4, 4)
        assert built == [1]

    def test_an_export_that_cannot_be_opened_is_no_reason_to_build(self, built):
        def broken() -> Engine:
            raise ExportError("is damaged")

        network = Network(build=lambda: built.append(1), find_engine=broken)
        for _ in range(2):
            with pytest.raises(ExportError):
                network.forward()
        assert built == []


def test_networks_share_one_store_of_memory_where_the_engine_can(monkeypatch):
    assert module._shares_memory()
    monkeypatch.setattr(module, "_runtime", object)
    assert not module._shares_memory.__wrapped__(), "each has its own then"


def test_the_engine_tells_nobody_what_it_runs(content, tmp_path):
    """Where it did, it would note a number of the machine in the home of its user first."""
    file, home = tmp_path / "export.onnx", tmp_path / "home"
    file.write_bytes(content)
    home.mkdir()
    words = (
        "from pathlib import Path; from cxr.networks.engine import Engine; "
        f"Engine(Path({str(file)!r}).read_bytes(), {IDENTITY!r})"
    )
    others = {name: os.environ[name] for name in os.environ if not name.startswith(("XDG_", "ORT"))}
    environment = others | {"HOME": str(home), "PYTHONPATH": str(ROOT)}
    # Of itself it keeps silent where it takes a run for one of tests.
    environment = {n: v for n, v in environment.items() if n not in ("CI", "GITHUB_ACTIONS")}
    subprocess.run([sys.executable, "-c", words], env=environment, check=True, timeout=120)
    assert not [*home.rglob("*")]
