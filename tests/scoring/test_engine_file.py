"""The export of a bundle: scored with where it is of the bundle's weights, else refused."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from weakref import WeakValueDictionary

import numpy as np
import pytest

from cxr.model import Model, load
from cxr.networks.engine import Engine
from cxr.scoring import classifier
from cxr.scoring.bundle import Bundle, BundleError
from cxr.scoring.card import Base, Card
from cxr.scoring.engine_file import find_engine, find_export, own_cache, runs_on
from cxr.scoring.export import export_bundle
from cxr.storage.records import encode
from tests.bundles import copy_bundle, write_card
from tests.conftest import film_like


@pytest.fixture
def folder(made_bundle: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bundle whose export is next to its card, and that nobody has opened yet."""
    monkeypatch.setattr(classifier, "_NETWORKS", WeakValueDictionary())
    return copy_bundle(made_bundle.folder, tmp_path / "models" / "pneumonia-made")


def change(folder: Path, **fields: object) -> None:
    """Write fields into the card as they are."""
    path = folder / "card.json"
    write_card(path.parent, json.loads(path.read_text()) | fields)


def score(folder: Path) -> float:
    logit = load(folder.name, folder=folder.parent).predict(film_like(1)).logit
    assert logit is not None
    return logit


def test_training_writes_it(made_bundle: Model) -> None:
    export = made_bundle.card.export
    assert export is not None
    assert export.weights == made_bundle.card.weights.sha256
    assert {"tensorflow", "tf2onnx"} <= set(export.versions)
    assert isinstance(made_bundle.network.engine, Engine)
    assert runs_on(made_bundle.folder, made_bundle.card) == "onnx"


def test_it_scores_as_tensorflow_does(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    by_engine = score(folder)
    monkeypatch.setenv("CXR_ENGINE", "tensorflow")
    model = load(folder.name, folder=folder.parent)
    assert model.network.engine is None
    assert runs_on(folder, model.card) == "tensorflow"
    assert score(folder) == pytest.approx(by_engine, abs=1e-4)


class TestRefused:
    """Never TensorFlow in silence: the error says what to do."""

    def refused(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
        with pytest.raises(BundleError, match="cxr export pneumonia-made") as caught:
            score(folder)
        monkeypatch.setenv("CXR_ENGINE", "tensorflow")
        assert score(folder)
        return str(caught.value)

    def test_of_other_weights(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        export = json.loads((folder / "card.json").read_text())["export"]
        change(folder, export=export | {"weights": "1" * 64})
        with pytest.raises(BundleError, match="made of other weights"):
            load(folder.name, folder=folder.parent)
        self.refused(folder, monkeypatch)

    def test_of_another_network(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        architecture = json.loads((folder / "card.json").read_text())["architecture"]
        # The same weights fit: the export alone tells the difference.
        architecture["arguments"]["momentum"] = 0.5
        change(folder, architecture=architecture)
        assert "another network" in self.refused(folder, monkeypatch)

    def test_changed(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = folder / "export.onnx"
        path.write_bytes(path.read_bytes()[:-1] + b"x")
        assert "is not the one" in self.refused(folder, monkeypatch)

    def test_missing(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (folder / "export.onnx").unlink()
        assert "is missing" in self.refused(folder, monkeypatch)

    def test_foreign(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from cxr.storage.hashes import file_hash

        path = folder / "export.onnx"
        path.write_bytes(b"another program's file")
        export = json.loads((folder / "card.json").read_text())["export"]
        change(folder, export=export | {"sha256": file_hash(path)})
        assert "is damaged" in self.refused(folder, monkeypatch)

    def test_without_the_features_of_the_gate(self, folder: Path) -> None:
        gate = {"file": "gate.npz", "sha256": "0" * 64, "layers": ["block2_conv"]}
        change(folder, gate=gate | {"learned_from": [], "seed": 0, "measured": []})
        with pytest.raises(BundleError, match="lacks the features"):
            find_engine(Bundle.load(folder.name, folder=folder.parent))

    def test_without_onnx_runtime(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        import sys

        from cxr.networks.engine import EngineError

        bundle = Bundle.load(folder.name, folder=folder.parent)
        monkeypatch.setitem(sys.modules, "onnxruntime", None)
        with pytest.raises(EngineError, match="CXR_ENGINE=tensorflow"):
            find_engine(bundle)


class TestWithout:
    def test_tensorflow_scores_and_the_log_says_so(
        self, folder: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        expected = score(folder)
        change(folder, export=None)
        caplog.set_level(logging.INFO, "cxr")
        model = load(folder.name, folder=folder.parent)
        assert model.network.engine is None
        assert runs_on(folder, model.card) == "tensorflow"
        assert "TensorFlow scores" in caplog.text
        assert score(folder) == pytest.approx(expected, abs=1e-4)

    def test_an_export_can_be_made(self, folder: Path) -> None:
        expected = score(folder)
        before = json.loads((folder / "card.json").read_text())
        change(folder, export=None)
        assert export_bundle(folder.name, folder=folder.parent) == folder / "export.onnx"
        after = json.loads((folder / "card.json").read_text())
        none = {"export": None, "checksum": ""}
        assert after | none == before | none
        assert load(folder.name, folder=folder.parent).network.engine is not None
        assert score(folder) == pytest.approx(expected, abs=1e-5)

    def test_one_of_other_weights_is_made_anew(self, folder: Path) -> None:
        export = json.loads((folder / "card.json").read_text())["export"]
        change(folder, export=export | {"weights": "1" * 64})
        export_bundle(folder.name, folder=folder.parent)
        assert score(folder)


class TestOnAFrozenBase:
    """The base's weights are not in the bundle, so that its export is the user's own."""

    @pytest.fixture
    def bundle(
        self, folder: Path, made_bundle: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Bundle:
        """A small bundle that says of itself that it stands on a base."""
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        monkeypatch.setattr("cxr.scoring.export.build_network", lambda bundle: made_bundle.model)
        architecture = encode(made_bundle.card.architecture)
        change(folder, export=None, architecture=architecture | {"base": encode(Base("x", "y"))})
        return Bundle.load(folder.name, folder=folder.parent)

    def test_lies_in_the_users_cache(self, bundle: Bundle, tmp_path: Path) -> None:
        assert find_engine(bundle) is None
        path = export_bundle(bundle.name, folder=bundle.folder.parent)
        assert path.is_relative_to(tmp_path / "cache")
        assert Card.read(bundle.folder / "card.json") == bundle.card
        engine = find_engine(bundle)
        assert engine is not None
        assert runs_on(bundle.folder, bundle.card) == "onnx"
        films = np.zeros((2, *engine.facts.input_shape), np.uint8)
        assert engine.forward("gradcam")(films).maps.shape[0] == 2

    def test_a_folder_that_a_killed_writer_left_is_none(self, bundle: Bundle) -> None:
        (own_cache(bundle.card)).mkdir(parents=True)
        assert find_export(bundle.folder, bundle.card) is None

    def test_that_was_damaged_is_refused(self, bundle: Bundle) -> None:
        path = export_bundle(bundle.name, folder=bundle.folder.parent)
        path.write_bytes(path.read_bytes()[:-1])
        with pytest.raises(BundleError, match="is not the one"):
            find_engine(bundle)
        (own_cache(bundle.card) / "export.json").write_text("{}")
        with pytest.raises(BundleError, match="cache is damaged"):
            find_engine(bundle)
