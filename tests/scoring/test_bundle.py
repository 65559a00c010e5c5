"""Bundles: found by name, finding or path; verified before anything is scored; read back."""

from __future__ import annotations

import json
import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from weakref import WeakValueDictionary

import h5py
import numpy as np
import pandas as pd
import pytest

from cxr.films.preprocessing import Preprocessing
from cxr.model import load
from cxr.scoring import bundle as bundles
from cxr.scoring import explanations
from cxr.scoring.bundle import BundleError, available, damaged, default_name, models_folder
from cxr.scoring.card import Card
from cxr.scoring.store import replace_evidence
from cxr.storage import models as storage_models
from cxr.storage.checksum import card_bytes
from cxr.storage.hashes import file_hash
from tests.bundles import change_table, table_path, to_schema_1, write_card
from tests.conftest import film_like

NAME = "pneumonia-made"


@pytest.fixture
def models(made_models, tmp_path) -> Path:
    """A models folder of one's own, to do harm in."""
    return shutil.copytree(made_models, tmp_path / "models")


def change(models: Path, folder: str = NAME, /, **fields: object) -> None:
    """Change fields of a card."""
    path = models / folder / "card.json"
    write_card(path.parent, json.loads(path.read_text()) | fields)


def second(models: Path, name: str = "pneumonia-other") -> None:
    """Put another bundle beside the first."""
    shutil.copytree(models / NAME, models / name)
    change(models, name, name=name)


class TestKinds:
    def test_other_kinds_are_not_listed_and_not_loaded(self, models):
        """Whatever is on their cards, which is not known here."""
        second(models)
        (models / "lungs-made").mkdir()
        card = {"schema_version": 9, "kind": "lungs", "dice": 0.97}
        (models / "lungs-made" / "card.json").write_text(json.dumps(card))
        assert [card.name for card in available(models)] == [NAME, "pneumonia-other"]
        with pytest.raises(BundleError, match="lungs-made is no model that scores"):
            load("lungs-made", folder=models)


class TestFind:
    def test_by_name(self, models):
        bundle = load(NAME, folder=models)
        assert bundle.name == NAME
        assert bundle.folder == models / NAME
        assert repr(bundle) == "<Model pneumonia-made>"

    @pytest.mark.parametrize("as_text", [True, False])
    def test_by_path(self, models, as_text):
        path = models / NAME
        bundle = load(str(path) if as_text else path, folder=models / "elsewhere")
        assert bundle.name == NAME

    def test_by_variable(self, models, monkeypatch):
        monkeypatch.setenv("CXR_MODELS", str(models))
        assert models_folder() == models
        assert load(NAME).name == NAME
        assert [card.name for card in available()] == [NAME]

    def test_beside_the_package_where_nothing_is_said(self, monkeypatch):
        monkeypatch.delenv("CXR_MODELS", raising=False)
        assert models_folder() == Path(bundles.__file__).parents[2] / "models"

    @pytest.mark.parametrize("other", [False, True])
    def test_in_the_package_where_there_is_no_checkout(self, other, tmp_path, monkeypatch):
        monkeypatch.delenv("CXR_MODELS", raising=False)
        monkeypatch.setattr(
            storage_models, "__file__", str(tmp_path / "cxr" / "storage" / "models.py")
        )
        if other:  # another project's folder of that name
            (tmp_path / "models").mkdir()
        assert models_folder() == tmp_path / "cxr" / "_models"

    def test_finding_takes_the_only_one(self, models):
        assert default_name("pneumonia", models) == NAME
        assert load("pneumonia", folder=models).name == NAME
        assert default_name("tuberculosis", models) is None

    def test_finding_of_several_takes_the_default(self, models):
        second(models)
        with pytest.raises(BundleError, match="no model 'pneumonia'"):
            load("pneumonia", folder=models)
        for name in (NAME, "pneumonia-other"):
            (models / "defaults.json").write_text(json.dumps({"pneumonia": name}))
            assert load("pneumonia", folder=models).name == name

    def test_a_baseline_never_answers_for_its_finding(self, models):
        second(models, "pneumonia-thumbnail")
        architecture = {"name": "thumbnail", "arguments": {"input_size": 64}, "parameters": 1}
        change(models, "pneumonia-thumbnail", architecture=architecture)
        assert default_name("pneumonia", models) == NAME
        shutil.rmtree(models / NAME)
        assert default_name("pneumonia", models) is None

    def test_unknown_names_the_known(self, models):
        second(models)
        with pytest.raises(
            BundleError, match=r"no model 'nope'. Known: pneumonia-made, pneumonia-other\."
        ):
            load("nope", folder=models)
        with pytest.raises(BundleError, match=r"Known: none\."):
            load("nope", folder=models / "empty")

    def test_available_reads_the_cards_by_name(self, models):
        second(models, "a-first")
        (models / ".half.training").mkdir()
        assert [card.name for card in available(models)] == ["a-first", NAME]


class TestCardsAreParsedOnce:
    @pytest.fixture
    def parsed(self, monkeypatch) -> list[str]:
        names: list[str] = []
        read = Card.read
        monkeypatch.setattr(Card, "read", lambda path: names.append(path.parent.name) or read(path))
        return names

    def test_until_one_changes(self, models, parsed):
        second(models)
        for _ in range(3):
            assert [card.name for card in available(models)] == [NAME, "pneumonia-other"]
        load(NAME, folder=models)
        assert parsed == [NAME, "pneumonia-other"]
        change(models, population="adults and others")
        assert next(card.population for card in available(models)) == "adults and others"
        assert load(NAME, folder=models).card.population == "adults and others"
        assert parsed == [NAME, "pneumonia-other", NAME]

    def test_a_card_put_in_its_place_is_seen_though_its_time_and_size_are_the_same(
        self, models, parsed
    ):
        path = models / NAME / "card.json"
        before = available(models)[0].population
        facts = path.stat()
        other = path.with_name("new.json")
        plain = json.loads(path.read_text()) | {"population": before[::-1]}
        other.write_bytes(card_bytes(plain))
        os.utime(other, ns=(facts.st_atime_ns, facts.st_mtime_ns))
        other.replace(path)
        assert path.stat().st_size == facts.st_size
        assert available(models)[0].population == before[::-1]

    def test_a_damaged_one_is_told_each_time_and_the_others_are_listed(self, models, parsed):
        second(models)
        (models / NAME / "card.json").write_text("{")
        for _ in range(2):
            assert "is not JSON" in damaged(models)[NAME]
        assert parsed == [NAME, "pneumonia-other", NAME]
        assert [card.name for card in available(models)] == ["pneumonia-other"]

    def test_no_other_takes_the_place_of_a_damaged_default(self, models):
        second(models)
        (models / NAME / "card.json").write_text("{")
        assert default_name("pneumonia", models) is None
        with pytest.raises(BundleError, match="is not JSON"):
            load("pneumonia", folder=models)
        assert load("pneumonia-other", folder=models).name == "pneumonia-other"


class TestVerify:
    def test_one_changed_byte_of_the_weights(self, models):
        path = models / NAME / "weights.weights.h5"
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        with pytest.raises(BundleError, match="not those that its operating points were chosen"):
            load(NAME, folder=models)

    def test_missing_weights(self, models):
        (models / NAME / "weights.weights.h5").unlink()
        with pytest.raises(BundleError, match=r"missing: weights\.weights\.h5"):
            load(NAME, folder=models)

    def test_missing_card(self, models):
        (models / NAME / "card.json").unlink()
        with pytest.raises(BundleError, match="There is no model"):
            load(NAME, folder=models)
        (models / "defaults.json").write_text(json.dumps({"pneumonia": NAME}))
        with pytest.raises(BundleError, match=r"holds no card\.json"):
            load("pneumonia", folder=models)

    def test_bad_card(self, models):
        (models / NAME / "card.json").write_text("{")
        for name in (NAME, "pneumonia", str(models / NAME)):
            with pytest.raises(BundleError, match="is not JSON"):
                load(name, folder=models)
        assert available(models) == []

    def test_a_card_that_was_edited(self, models):
        path = models / NAME / "card.json"
        text = path.read_text()
        for edited in (
            text.replace('"threshold": 0.', '"threshold": 0.9', 1),
            re.sub(r' *"checksum".*\n', "", text).replace("],\n}", "]\n}").replace("},\n}", "}\n}"),
        ):
            assert edited != text
            path.write_text(edited)
            with pytest.raises(BundleError, match="changed after it was written"):
                load(NAME, folder=models)
        # White space and the order of names are no edit.
        path.write_text(json.dumps(dict(reversed(json.loads(text).items()))))
        assert load(NAME, folder=models).name == NAME

    def test_evidence_that_was_edited(self, models):
        bundle = load(NAME, folder=models)
        table = pd.DataFrame({"weights": [bundle.card.weights.sha256], "path": ["a"]})
        replace_evidence(bundle, "steadiness.csv", table)
        assert bundle.evidence("steadiness.csv").count(b"\n") == 2
        assert bundle.evidence("folds.csv") is None
        (models / NAME / "folds.csv").write_text("not named by the card")
        assert bundle.evidence("folds.csv") is None
        with (models / NAME / "steadiness.csv").open("a") as file:
            file.write("another,row\n")
        with pytest.raises(BundleError, match="not the one its card describes"):
            load(NAME, folder=models).evidence("steadiness.csv")
        (models / NAME / "steadiness.csv").unlink()
        with pytest.raises(BundleError, match="missing"):
            load(NAME, folder=models).evidence("steadiness.csv")

    def test_card_of_another_schema(self, models):
        change(models, schema_version=99)
        with pytest.raises(BundleError, match="Received: 99"):
            load(NAME, folder=models)

    @pytest.mark.parametrize("content", ["{", "[]", '"pneumonia-made"'])
    def test_damaged_defaults(self, models, content):
        (models / "defaults.json").write_text(content)
        with pytest.raises(BundleError, match=r"defaults\.json"):
            load("pneumonia", folder=models)
        assert load(NAME, folder=models).name == NAME

    @pytest.mark.filterwarnings("ignore:Skipping nested container")
    @pytest.mark.parametrize("layer", ["conv2d_2", "batch_normalization", "dense_1"])
    def test_a_layer_that_is_not_in_the_file_does_not_stay_random(self, models, layer):
        path = models / NAME / "weights.weights.h5"
        with h5py.File(path, "a") as file:
            del file["layers"][layer]
        weights = {"file": path.name, "sha256": file_hash(path)}
        change(models, weights=weights, export=None)
        with pytest.raises(BundleError, match="cannot be loaded into grey_cnn"):
            _ = load(NAME, folder=models).model

    @pytest.mark.filterwarnings("ignore:Skipping nested container")
    def test_weights_of_another_network(self, models):
        """The hash is right, the network is not the one that they were trained in."""
        architecture = {"name": "small_cnn", "arguments": {"input_size": 64}, "parameters": 1}
        change(models, architecture=architecture)
        with pytest.raises(BundleError, match="cannot be loaded into small_cnn"):
            _ = load(NAME, folder=models).model

    @pytest.mark.parametrize(
        "architecture",
        [
            {"name": "os", "arguments": {}, "parameters": 1},
            {"name": "grey_cnn", "arguments": {"nonsense": 1}, "parameters": 1},
        ],
    )
    def test_unknown_network_or_arguments(self, models, architecture):
        change(models, architecture=architecture)
        with pytest.raises(BundleError, match="cannot be loaded"):
            _ = load(NAME, folder=models).model

    def test_weights_that_are_no_weights(self, models):
        path = models / NAME / "weights.weights.h5"
        path.write_bytes(b"no weights")
        weights = {"file": path.name, "sha256": file_hash(path)}
        change(models, weights=weights, export=None)
        with pytest.raises(BundleError, match="cannot be loaded"):
            _ = load(NAME, folder=models).model


class TestTables:
    def test_texts_stay_texts_and_numbers_numbers(self, models):
        def change(films: pd.DataFrame) -> pd.DataFrame:
            # The subtype as in a set that knows none.
            return films.head(3).assign(patient=["007", "12", "1e5"], subtype="")

        change_table(models / NAME, "films", change)
        table = load(NAME, folder=models).films
        assert table["patient"].tolist() == ["007", "12", "1e5"]
        assert table["subtype"].tolist() == ["", "", ""]
        assert table["width"].tolist() == [160, 160, 160]

    def test_a_source_that_is_not_told_is_empty(self, models):
        """Of a bundle's own films, where those of an external set have one."""
        sources = ["007", *[""] * (len(load(NAME, folder=models).predictions) - 1)]
        change_table(models / NAME, "predictions", lambda table: table.assign(source=sources))
        assert load(NAME, folder=models).predictions["source"].tolist() == sources

    @pytest.mark.parametrize("name", ["history", "predictions", "films"])
    def test_of_a_card_of_schema_1(self, models, name):
        """Its tables are in its own folder, and no hash is known of them."""
        expected = getattr(load(NAME, folder=models), name)
        to_schema_1(models / NAME)
        pd.testing.assert_frame_equal(getattr(load(NAME, folder=models), name), expected)
        path = models / NAME / f"{name}.csv"
        path.write_text("")
        with pytest.raises(BundleError, match=rf"{name}\.csv of pneumonia-made is missing or"):
            getattr(load(NAME, folder=models), name)

    @pytest.mark.parametrize(
        ("name", "change"),
        [
            ("predictions", lambda table: table.drop(columns="split")),
            ("predictions", lambda table: table.drop(columns="label")),
            ("predictions", lambda table: table.assign(logit="9" * 400)),
            ("predictions", lambda table: table.assign(logit="x")),
            ("predictions", lambda table: table.assign(logit=float("inf"))),
            ("history", lambda table: table.rename(columns={"val_loss": "loss 2"})),
            ("history", lambda table: table.assign(loss="x")),
            ("history", lambda table: table.assign(val_loss="x")),
            ("films", lambda table: table.drop(columns="path")),
        ],
    )
    def test_of_other_columns_or_no_numbers(self, models, name, change):
        """The card names the table's hash, but the table is none: found by damage."""
        change_table(models / NAME, name, change)
        with pytest.raises(BundleError, match=rf"{name}\.csv of pneumonia-made is missing or"):
            getattr(load(NAME, folder=models), name)

    def test_what_a_run_did_not_measure_is_empty(self, models):
        change_table(models / NAME, "history", lambda table: table.assign(val_loss=np.nan))
        assert load(NAME, folder=models).history["val_loss"].isna().all()

    def test_explanations_of_numbers_too_large_for_any(self, models):
        table = pd.DataFrame([dict.fromkeys(explanations.COLUMNS, "a") | {"value": "9" * 400}])
        table = table.assign(stage="", n=1, low="", high="")
        replace_evidence(load(NAME, folder=models), explanations.FILE, table)
        with pytest.raises(BundleError, match="explanations"):
            _ = load(NAME, folder=models).explanations

    def test_all_three(self, made_bundle):
        assert made_bundle.history["epoch"].tolist() == [1, 2]
        assert made_bundle.predictions["logit"].dtype == np.float64
        assert set(made_bundle.predictions["subtype"]) == {"", "bacteria", "virus"}
        assert len(made_bundle.films) == 80

    def test_scored_is_a_split_with_scores_and_labels(self, made_bundle):
        films = made_bundle.scored("test")
        stored = made_bundle.predictions[made_bundle.predictions["split"] == "test"]
        pd.testing.assert_frame_equal(films[stored.columns], stored.reset_index(drop=True))
        np.testing.assert_array_equal(
            films["score"], made_bundle.card.calibration.score(stored["logit"])
        )
        assert films["truth"].tolist() == [int(x != "normal") for x in stored["label"]]
        assert made_bundle.scored("no such split").empty
        assert "score" not in made_bundle.predictions

    @pytest.mark.parametrize("name", ["history", "predictions", "films"])
    def test_changed_or_missing(self, models, name):
        path = table_path(models / NAME, name)
        path.write_bytes(path.read_bytes() + b"\n")
        with pytest.raises(BundleError, match=rf"{name}\.csv of pneumonia-made is not the one its"):
            getattr(load(NAME, folder=models), name)
        path.unlink()
        with pytest.raises(BundleError, match=rf"{name}\.csv of pneumonia-made is missing or"):
            getattr(load(NAME, folder=models), name)


class TestUse:
    @pytest.mark.parametrize("engine", ["onnx", "tensorflow"])
    def test_the_network_is_made_once_also_among_threads(self, models, monkeypatch, engine):
        from cxr.scoring import classifier

        built = []
        name = "find_engine" if engine == "onnx" else "build_network"
        make = getattr(classifier, name)

        def counting(bundle):
            built.append(bundle)
            return make(bundle)

        monkeypatch.setenv("CXR_ENGINE", engine)
        monkeypatch.setattr(classifier, name, counting)
        # Else it would be the network that other tests hold.
        monkeypatch.setattr(classifier, "_NETWORKS", WeakValueDictionary())
        bundle = load(NAME, folder=models)
        assert built == []
        with ThreadPoolExecutor(8) as pool:
            films = [film_like(seed) for seed in range(8)]
            together = list(pool.map(bundle.predict, films))
        assert len(built) == 1
        alone = [bundle.predict(film) for film in films]
        assert [p.logit for p in together] == pytest.approx([p.logit for p in alone], abs=1e-5)

    def test_prepare_is_what_training_does(self, made_bundle, made_recipe):
        film = film_like(1)
        expected = Preprocessing(64, 64, 1, made_recipe.resample)(film.pixels)
        np.testing.assert_array_equal(made_bundle.prepare(film), expected)

    @pytest.mark.parametrize("field", [{"margin": 0.2}, {"levels": "equalized"}])
    def test_prepare_follows_the_card(self, models, field):
        card = json.loads((models / NAME / "card.json").read_text())
        change(models, input=card["input"] | field)
        film = film_like(1)
        expected = Preprocessing(64, 64, 1, card["input"]["resample"], **field)(film.pixels)
        np.testing.assert_array_equal(load(NAME, folder=models).prepare(film), expected)

    def test_model_is_flat_and_counts_what_the_card_says(self, made_bundle):
        assert made_bundle.model.input_shape == (None, 64, 64, 1)
        assert made_bundle.model.count_params() == made_bundle.card.architecture.parameters
        assert not [x for x in made_bundle.model.layers if hasattr(x, "layers")]

    def test_shorthands(self, made_bundle):
        film = film_like(1)
        one = made_bundle.predict(film, operating_point="fixed-0.6", heatmap=True)
        (many,) = made_bundle.predict_many([film], operating_point="fixed-0.6", heatmaps=True)
        assert one.operating_point == many.operating_point == "fixed-0.6"
        assert one.logit == pytest.approx(many.logit, abs=1e-5)
        np.testing.assert_allclose(
            made_bundle.explain(film).array, one.heatmap.array, rtol=0, atol=1e-4
        )
