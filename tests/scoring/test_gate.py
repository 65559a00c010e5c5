"""The learned gate: what it decides, what is stored of it, how it is fitted and measured."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxr.datasets.folders import DatasetError
from cxr.films.radiograph import Radiograph
from cxr.model import Model, load
from cxr.scoring.bundle import BundleError
from cxr.scoring.export import export_bundle
from cxr.scoring.gate import (
    CLASSES,
    FILE,
    LATERAL,
    LEFT_OUT,
    Gate,
)
from cxr.scoring.predict import predict
from cxr.storage.hashes import file_hash
from cxr.training import fit_gate as gate_fitting
from cxr.training.fit_gate import fit_gate, store_gate
from tests.bundles import copy_bundle, write_card
from tests.conftest import chest_like, film_like

LAYERS = ("block2_conv", "block4_conv")


def by_hand(least: float = 0.5, farthest: float = 2.0) -> Gate:
    """Two features, mean (1, 0); the first speaks for frontal, the second for lateral."""
    weights = np.array([[4.0, 0.0, -4.0], [-4.0, 4.0, 0.0]], np.float32)
    mean, basis = np.array([1.0, 0.0], np.float32), np.diag([1.0, 0.5]).astype(np.float32)
    return Gate(("a",), mean, basis, weights, np.zeros(3, np.float32), least, farthest)


class TestDecision:
    def test_measures_by_hand(self):
        p, distance = by_hand().measures(np.array([[2.0, 0.0], [1.0, 2.0]]))
        powers = np.exp([4.0, 0.0, -4.0])
        np.testing.assert_allclose(p[0], powers / powers.sum(), rtol=1e-6)
        powers = np.exp([-4.0, 4.0, 0.0])
        np.testing.assert_allclose(p[1], powers / powers.sum(), rtol=1e-6)
        np.testing.assert_allclose(distance, [np.sqrt(0.5), np.sqrt(0.5)], rtol=1e-6)

    @pytest.mark.parametrize(
        ("features", "code"),
        [
            ((2.0, 0.0), None),
            ((1.0, 2.0), "lateral"),
            ((-1.0, 0.0), "not_chest"),
            ((9.0, 0.0), "not_chest"),  # likely frontal, but far from every frontal film
        ],
    )
    def test_codes(self, features, code):
        (refusal,) = by_hand()(np.array([features]))
        assert (refusal and refusal.code) == code
        if refusal:
            assert refusal.reason == (LATERAL if code == "lateral" else LEFT_OUT)

    def test_the_cuts(self):
        features = np.array([[2.0, 0.0]])
        (p,), (distance,) = by_hand().measures(features)
        assert by_hand(least=p[0])(features) == [None]
        assert by_hand(least=p[0] + 1e-9)(features) != [None]
        assert by_hand(farthest=distance)(features) == [None]
        assert by_hand(farthest=distance - 1e-9)(features) != [None]

    def test_no_films(self):
        assert by_hand()(np.zeros((0, 2))) == []


class TestFile:
    def test_comes_back_as_it_was(self, tmp_path):
        gate = by_hand()
        gate.save(tmp_path / FILE)
        again = Gate.read(tmp_path / FILE)
        assert again.layers == gate.layers
        assert (again.least, again.farthest) == (gate.least, gate.farthest)
        for name in ("mean", "basis", "weights", "bias"):
            np.testing.assert_array_equal(getattr(again, name), getattr(gate, name))

    def test_what_lacks_an_array(self, tmp_path):
        np.savez(tmp_path / FILE, mean=np.zeros(3))
        with pytest.raises(ValueError, match=r"gate\.npz lacks"):
            Gate.read(tmp_path / FILE)

    def test_nothing_in_it_is_executed(self, tmp_path):
        np.savez(tmp_path / FILE, mean=np.array([{"a": 1}], object))
        with pytest.raises(ValueError, match="pickle"):
            Gate.read(tmp_path / FILE)


def hand(seed: int) -> np.ndarray:
    """Stripes, as no chest has them."""
    y, x = np.mgrid[0:160, 0:160]
    angle = np.random.default_rng(seed).uniform(0, 3)
    return (127 + 120 * np.sin((x * np.cos(angle) + y * np.sin(angle)) / 3)).astype(np.uint8)


def profile(seed: int) -> np.ndarray:
    """One wide dark field instead of two lungs."""
    y, x = np.mgrid[0:1:160j, 0:1:160j]
    picture = 150 + 40 * y + np.random.default_rng(seed).normal(0, 4, (160, 160))
    picture[((x - 0.5) / 0.35) ** 2 + ((y - 0.5) / 0.3) ** 2 < 1] = 40
    return np.clip(picture, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def sets(tmp_path_factory) -> Path:
    """The folders that a gate is fitted from, small."""
    root = tmp_path_factory.mktemp("sets")

    def write(folder: str, n: int, make, start: int = 0) -> None:
        (root / folder).mkdir(parents=True, exist_ok=True)
        for k in range(start, start + n):
            Image.fromarray(make(k)).save(root / folder / f"{k}.png")

    write("kermany/train/NORMAL", 60, chest_like)
    write("kermany/train/PNEUMONIA", 60, lambda k: chest_like(k, ill=True), 100)
    write("kermany/test/NORMAL", 20, chest_like, 200)
    for name, start in (("tuberculosis", 300), ("nih", 400)):
        write(f"{name}/images", 20, chest_like, start)
        rows = [f"images/{k}.png,normal" for k in range(start, start + 20)]
        (root / name / "manifest.csv").write_text("\n".join(["path,label", *rows]) + "\n")
    write("lateral", 12, profile)
    write("not_chest/stripes", 12, hand)
    noise = np.random.default_rng(0)
    write("not_chest/noise", 12, lambda k: noise.integers(0, 256, (160, 160), np.uint8))
    return root


@pytest.fixture(scope="module")
def fitted(made_bundle, sets) -> tuple[Gate, list]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(gate_fitting.LAYERS, "grey_cnn", LAYERS)
        return fit_gate(made_bundle, sets)


@pytest.fixture
def gated(made_models, fitted, tmp_path) -> Model:
    """The made bundle with a gate, in a folder of its own."""
    folder = tmp_path / "models" / "pneumonia-made"
    copy_bundle(made_models / "pneumonia-made", folder)
    gate, measured = fitted
    store_gate(load(str(folder)), gate, measured)
    export_bundle(str(folder))  # with the features of this gate
    return load(str(folder))


class TestFit:
    def test_what_it_says_of_pictures_it_has_not_seen(self, fitted):
        gate, measured = fitted
        assert gate.layers == LAYERS
        rows = {(row.films, row.how): row for row in measured}
        held = {name: rows[name, "5 parts in turn"] for name in ("lateral", "stripes", "noise")}
        assert all(row.share >= 0.9 for row in held.values()), held
        for name in ("kermany test", "nih"):
            row = rows[name, "never learned from"]
            assert row.n == 20
            assert row.share <= 0.1
        assert rows["stripes", "this kind left out of the fit"].n == 12

    def test_shares_and_intervals_are_those_of_the_counts(self, fitted):
        for row in fitted[1]:
            assert row.share == pytest.approx(row.refused / row.n, abs=1e-6)
            assert row.ci[0] <= row.share <= row.ci[1]

    def test_the_same_again(self, made_bundle, sets, fitted, monkeypatch):
        monkeypatch.setitem(gate_fitting.LAYERS, "grey_cnn", LAYERS)
        gate, measured = fit_gate(made_bundle, sets)
        assert measured == fitted[1]
        np.testing.assert_allclose(gate.weights, fitted[0].weights, rtol=1e-4, atol=1e-5)

    def test_a_patient_is_dealt_as_a_whole(self):
        rows = np.arange(90)
        patient = np.array([f"p{k // 3}" for k in rows])
        group = np.where(rows < 60, "a", "b")
        pictures = gate_fitting.Pictures(
            np.zeros((90, 1), np.float32), rows * 0, group, rows, rows >= 0, patient
        )
        folds = gate_fitting._folds(pictures, 0)
        assert (folds.reshape(30, 3) == folds[::3, None]).all()
        for members in (folds[:60], folds[60:]):
            assert set(np.bincount(members).tolist()) == {len(members) // gate_fitting.FOLDS}

    def test_an_architecture_without_layers(self, made_bundle, sets):
        with pytest.raises(ValueError, match=r"efficientnet_lite0.*Received: grey_cnn"):
            fit_gate(made_bundle, sets)

    def test_a_folder_without_pictures(self, made_bundle, sets, tmp_path, monkeypatch):
        monkeypatch.setitem(gate_fitting.LAYERS, "grey_cnn", LAYERS)
        shutil.copytree(sets, tmp_path / "sets")
        shutil.rmtree(tmp_path / "sets" / "lateral")
        with pytest.raises(DatasetError, match="no pictures in lateral"):
            fit_gate(made_bundle, tmp_path / "sets")


class TestBundle:
    def test_refuses_what_the_rules_let_pass(self, gated, made_bundle):
        films = [Radiograph(p.astype(np.float32) / 255) for p in (hand(50), profile(50))]
        assert [p.refusal for p in predict(made_bundle, films)] == [None, None]
        found = predict(gated, [films[0], film_like(60), films[1]], heatmaps=True)
        assert [p.refusal and p.refusal.code for p in found] == ["not_chest", None, "lateral"]
        assert [p.score is None for p in found] == [True, False, True]
        assert found[0].heatmap is None
        plain = predict(gated, [film_like(60)])[0]
        assert plain.score == pytest.approx(found[1].score, abs=1e-4)

    def test_a_reader_can_override_it(self, gated):
        film = Radiograph(hand(50).astype(np.float32) / 255)
        (found,) = predict(gated, [film], overridden={0})
        assert found.overridden
        assert found.refusal.code == "not_chest"

    def test_the_card_says_what_it_is(self, gated):
        said = gated.card.gate
        assert said.sha256 == file_hash(gated.folder / FILE)
        assert said.layers == LAYERS
        assert {row.films for row in said.measured} >= {"kermany test", "nih", "lateral"}

    def test_a_changed_gate_is_refused(self, gated):
        by_hand().save(gated.folder / FILE)
        with pytest.raises(BundleError, match="not the one its card describes"):
            predict(load(str(gated.folder)), [film_like(1)])

    def test_a_missing_gate_is_refused(self, gated):
        (gated.folder / FILE).unlink()
        with pytest.raises(BundleError, match=r"gate\.npz of pneumonia-made is missing"):
            predict(load(str(gated.folder)), [film_like(1)])

    def test_a_model_without_one_takes_that_of_its_findings_default(self, gated):
        folder = gated.folder.parent / "pneumonia-other"
        shutil.copytree(gated.folder, folder)
        card = json.loads((folder / "card.json").read_text())
        card |= {"name": "pneumonia-other", "gate": None}
        write_card(folder, card)
        (folder / FILE).unlink()
        defaults = {"pneumonia": "pneumonia-made"}
        (folder.parent / "defaults.json").write_text(json.dumps(defaults))
        other = load("pneumonia-other", folder=folder.parent)
        assert other.judge.classifier.name == "pneumonia-made"
        films = [Radiograph(hand(50).astype(np.float32) / 255), film_like(60)]
        assert [p.refusal and p.refusal.code for p in predict(other, films)] == ["not_chest", None]

    def test_without_any_there_are_the_rules_alone(self, made_bundle):
        assert made_bundle.judge is None
        assert made_bundle.card.gate is None


def test_frontal_comes_first():
    assert CLASSES == ("frontal", "lateral", "other")
