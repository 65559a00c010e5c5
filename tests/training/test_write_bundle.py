"""What a run leaves behind: every figure of the card recomputed from the files beside it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from cxr.datasets import table as dataset
from cxr.datasets.describe import FACTS
from cxr.evidence.evaluation import best_epoch, evaluate
from cxr.films.preprocessing import Preprocessing
from cxr.films.radiograph import read
from cxr.model import load
from cxr.networks import build
from cxr.scoring.card import TrainingStep
from cxr.scoring.operating_points import choose, fit_temperature
from cxr.scoring.predict import logits
from cxr.scoring.scores import labels_of
from cxr.storage.hashes import file_hash
from cxr.training.callbacks import HISTORY_COLUMNS
from cxr.training.write_bundle import PREDICTION_COLUMNS, Training, write_bundle
from tests.bundles import table_path


@pytest.fixture(scope="module")
def folder(made_models) -> Path:
    return made_models / "pneumonia-made"


@pytest.fixture(scope="module")
def card(folder) -> dict:
    return json.loads((folder / "card.json").read_text())


@pytest.fixture(scope="module")
def predictions(folder) -> pd.DataFrame:
    return pd.read_csv(folder / "predictions.csv", keep_default_na=False)


@pytest.fixture(scope="module")
def films(folder) -> pd.DataFrame:
    return pd.read_csv(table_path(folder, "films"), keep_default_na=False)


class TestFiles:
    def test_history(self, folder, card, made_recipe):
        history = pd.read_csv(folder / "history.csv")
        assert history.columns.tolist() == HISTORY_COLUMNS
        assert history["epoch"].tolist() == [1, 2]
        assert card["training"]["epochs"] == 2
        assert card["training"]["kept_epoch"] == best_epoch(history)
        seconds = history["seconds"].sum()
        assert card["training"]["wall_seconds"] == pytest.approx(seconds, abs=0.05)

    def test_films_are_those_of_the_folder(self, films, made_films):
        assert films.columns.tolist() == [*dataset.COLUMNS, *FACTS]
        scanned, _ = dataset.read_films(dataset.scan(made_films), made_films)
        same = ["path", "label", "subtype", "patient", "width", "height", "sha256"]
        pd.testing.assert_frame_equal(films[same], scanned[same], check_dtype=False)

    def test_predictions_are_of_the_films_that_were_held_out(self, predictions, films):
        assert predictions.columns.tolist() == PREDICTION_COLUMNS
        held = films[films["split"] != "train"]
        assert sorted(predictions["path"]) == sorted(held["path"])
        known = films.set_index("path").loc[predictions["path"]]
        for column in ("split", "patient", "label", "subtype"):
            assert predictions[column].tolist() == known[column].tolist()
        assert np.isfinite(predictions["logit"]).all()

    def test_logits_are_those_of_the_stored_weights(self, made_bundle, predictions, made_films):
        for row in predictions.iloc[::7].itertuples():
            prediction = made_bundle.predict(read(made_films / row.path))
            assert prediction.logit == pytest.approx(row.logit, abs=1e-4)

    def test_weights_come_without_the_optimizers_state(self, folder, made_recipe):
        shapes: list[tuple[int, ...]] = []
        names: list[str] = []

        def visit(name: str, node: object) -> None:
            names.append(name)
            if isinstance(node, h5py.Dataset):
                shapes.append(node.shape)

        with h5py.File(folder / "weights.weights.h5") as file:
            file.visititems(visit)
        model = build("grey_cnn", input_size=64)
        assert not [name for name in names if "optimizer" in name]
        stored = sum(int(np.prod(shape)) for shape in shapes if shape != (2,))  # (2,): a seed
        assert stored == sum(int(np.prod(w.shape)) for w in model.weights if w.shape != (2,))


class TestCard:
    def test_hash_of_the_weights(self, folder, card):
        content = (folder / card["weights"]["file"]).read_bytes()
        assert card["weights"]["sha256"] == hashlib.sha256(content).hexdigest()

    def test_says_what_was_trained_and_how(self, card, made_recipe):
        assert card["name"] == "pneumonia-made"
        assert card["finding"] == "pneumonia"
        assert card["classes"] == ["normal", "pneumonia"]
        assert card["population"] == "children of 1 to 5 years"
        assert card["architecture"] == {
            "name": "grey_cnn",
            "arguments": {"input_size": 64},
            "parameters": build("grey_cnn", input_size=64).count_params(),
            "base": None,
        }
        assert card["input"] == {
            "height": 64,
            "width": 64,
            "channels": 1,
            "resample": made_recipe.resample,
            "margin": 0.0,
            "levels": "plain",
            "through": 0,
        }
        assert card["recipe"] == json.loads(json.dumps(made_recipe.to_json()))
        assert set(card["training"]["versions"]) == {
            "python",
            "tensorflow",
            "keras",
            "numpy",
            "pillow",
        }
        assert card["data"]["licence"] == "CC BY 4.0"

    def test_counts_of_the_films(self, card, films):
        counts = films.groupby(["split", "label"])
        assert card["data"]["films"] == [
            {
                "split": split,
                "label": label,
                "films": len(group),
                "patients": group["patient"].nunique(),
            }
            for (split, label), group in counts
        ]

    def test_calibration_and_operating_points_come_from_validation(
        self, made_bundle, predictions, made_recipe
    ):
        validation = predictions[predictions["split"] == "validation"]
        truth = labels_of(validation)
        calibration = fit_temperature(validation["logit"], truth)
        assert made_bundle.card.calibration == calibration
        points = choose(
            calibration.score(validation["logit"]),
            truth,
            validation["patient"],
            seed=made_recipe.seed,
        )
        assert made_bundle.card.operating_points == tuple(points)
        assert {point.n for point in points} == {len(validation)}
        assert made_bundle.card.operating_point().name == "sensitivity-95"

    def test_figures_are_those_of_the_predictions(self, made_bundle, card, predictions):
        stored = made_bundle.card
        assert set(card["evaluation"]) == {"validation", "test"}
        for split, figures in card["evaluation"].items():
            again = evaluate(
                predictions,
                model="pneumonia-made",
                split=split,
                calibration=stored.calibration,
                point=stored.operating_point(),
            )
            assert figures == json.loads(json.dumps(again.to_json()))


class TestWriteBundle:
    """With a network that was not trained: what is written does not depend on how good it is."""

    @pytest.fixture(scope="class")
    def run(self, made_recipe, made_bundle, made_films) -> Training:
        prepare = Preprocessing(64, 64, 1)
        table, pixels = dataset.read_films(made_bundle.films, made_films, prepare=prepare)
        model = build("grey_cnn", input_size=64)
        return Training(made_recipe, model, table, pixels, made_bundle.history, 2, 1.0)

    def test_test_films_do_not_touch_what_is_fitted(self, run, tmp_path):
        """Other test labels and no test films at all: the same calibration and points."""
        fitted = []
        no_test = (run.films["split"] != "test").to_numpy()
        flipped = run.films.assign(
            label=run.films["label"].where(
                no_test, run.films["label"].map({"normal": "pneumonia", "pneumonia": "normal"})
            )
        )
        for name, variant in {
            "flipped": dataclasses.replace(run, films=flipped),
            "without": dataclasses.replace(
                run, films=run.films[no_test], pixels=run.pixels[no_test]
            ),
        }.items():
            folder = write_bundle(variant, tmp_path / name)
            card = json.loads((folder / "card.json").read_text())
            fitted.append((card["calibration"], card["operating_points"]))
            assert ("test" in card["evaluation"]) == (name != "without")
        assert fitted[0] == fitted[1]

    def test_the_source_stands_last_where_the_set_has_several(self, run, tmp_path):
        sources = np.where(np.arange(len(run.films)) % 2, "east", "west")
        films = run.films.assign(source=sources)
        bundle = load(str(write_bundle(dataclasses.replace(run, films=films), tmp_path)))
        known = films.set_index("path")["source"]
        for table in (bundle.films, bundle.predictions):
            assert table.columns[-1] == "source"
            assert table["source"].tolist() == known[table["path"]].tolist()

    def test_half_precision_is_what_is_hashed_and_scored(self, run, tmp_path):
        recipe = dataclasses.replace(run.recipe, storage="float16")
        whole = write_bundle(run, tmp_path / "whole")
        half = write_bundle(dataclasses.replace(run, recipe=recipe), tmp_path / "half")
        sizes = [(folder / "weights.weights.h5").stat().st_size for folder in (whole, half)]
        assert sizes[1] < 0.6 * sizes[0]
        bundle = load(str(half))
        assert bundle.card.weights.sha256 == file_hash(half / "weights.weights.h5")
        stored = bundle.predictions.iloc[::5]
        rows = run.films.reset_index().set_index("path").loc[stored["path"], "index"]
        again = logits(bundle, run.pixels[rows])
        np.testing.assert_allclose(again, stored["logit"], atol=1e-5)
        # And not those of the weights before they were halved.
        exact = load(str(whole)).predictions
        assert not np.allclose(exact["logit"].iloc[::5], stored["logit"], atol=1e-6)

    def test_says_what_a_first_step_came_to(self, run, tmp_path):
        facts = TrainingStep(12, 64, 2, val_accuracy=0.8, val_auc=0.9, wall_seconds=3.5)
        folder = write_bundle(dataclasses.replace(run, first_step=facts), tmp_path)
        assert load(str(folder)).card.training.first_step == facts

    def test_names_the_sets_to_be_tried_on(self, run, tmp_path):
        recipe = dataclasses.replace(run.recipe, external={"nih": ("nih/normal", "nih/pneumonia")})
        folder = write_bundle(dataclasses.replace(run, recipe=recipe), tmp_path)
        card = load(str(folder)).card
        assert card.external == {"nih": ("nih/normal", "nih/pneumonia")}
        assert set(card.evaluation) == {"validation", "test"}

    def test_a_network_of_its_own_names_no_base(self, run, tmp_path):
        card = load(str(write_bundle(run, tmp_path))).card
        assert card.architecture.base is None

    def test_replaces_a_bundle_of_that_name(self, run, tmp_path):
        old = tmp_path / "pneumonia-made"
        old.mkdir()
        (old / "stale.txt").touch()
        assert write_bundle(run, tmp_path) == old
        assert not (old / "stale.txt").exists()
        assert {path.name for path in tmp_path.iterdir()} == {"pneumonia-made", "films"}

    def test_a_failure_leaves_what_was_there(self, run, tmp_path, monkeypatch):
        old = tmp_path / "pneumonia-made"
        old.mkdir()
        (old / "card.json").write_text("old")

        def fail(*arguments):
            raise MemoryError

        monkeypatch.setattr("cxr.training.write_bundle.logits", fail)
        with pytest.raises(MemoryError):
            write_bundle(run, tmp_path)
        assert (old / "card.json").read_text() == "old"
        assert [path.name for path in tmp_path.iterdir()] == ["pneumonia-made"]
