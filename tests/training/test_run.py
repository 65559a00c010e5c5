"""Training: runs that are killed and go on, runs that cannot start, films, first steps, bases."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import pandas as pd
import pytest

from cxr.datasets import published
from cxr.datasets.describe import note
from cxr.datasets.folders import DatasetError, scan
from cxr.datasets.table import read_films
from cxr.films.radiograph import read
from cxr.model import Model, load
from cxr.networks.bases import FILES, BaseFile
from cxr.scoring.bundle import BundleError
from cxr.scoring.card import Base, TrainingStep
from cxr.training.callbacks import HISTORY_COLUMNS
from cxr.training.fit import Material
from cxr.training.recipes import (
    RECIPES,
    Augmentation,
    FirstStep,
    Recipe,
)
from cxr.training.run import TrainingError, _claim, train
from tests.conftest import film_like

FIGURES = ["loss", "accuracy", "auc", "val_loss", "val_accuracy", "val_auc", "learning_rate"]
NAME = "pneumonia-made"
STATE = f".{NAME}.training"


def killed_at(words: str) -> Callable[[str], None]:
    """What is given as `say`: it stops the run as Ctrl+C does, at the line of an epoch."""

    def say(line: str) -> None:
        if line.startswith(words):
            raise KeyboardInterrupt

    return say


class Killed:
    """A run killed at the end of its first epoch; then resumed."""

    def __init__(self, recipe: Recipe, films: Path, out: Path) -> None:
        self.out = out
        with pytest.raises(KeyboardInterrupt):
            train(recipe, films, out, say=killed_at("epoch 1/"))
        self.after_kill = self.left()
        self.rows_at_kill = pd.read_csv(out / STATE / "history.csv")
        with pytest.raises(TrainingError) as caught:
            train(recipe, films, out, say=lambda line: None)
        self.refusal = str(caught.value)
        self.refused: dict[str, str] = {}
        others = shutil.copytree(films, out.parent / "of others")
        told = scan(others)
        told.assign(patient="of " + told["patient"]).to_csv(others / "manifest.csv", index=False)
        other_films = shutil.copytree(films, out.parent / "others")
        next((other_films / "train" / "NORMAL").iterdir()).unlink()
        for reason, arguments in {
            "recipe": (dataclasses.replace(recipe, learning_rate=0.5), films, 1.0),
            "share": (recipe, films, 0.5),
            "films": (recipe, other_films, 1.0),
            "labels or patients": (recipe, others, 1.0),
        }.items():
            with pytest.raises(TrainingError) as caught:
                train(*arguments[:2], out, share=arguments[2], resume=True, say=str)
            self.refused[reason] = str(caught.value)
        # As a version noted it that did not know all fields of today's recipes.
        note = out / STATE / "run.json"
        noted = json.loads(note.read_text())
        del noted["recipe"]["keep"], noted["recipe"]["augmentation"]["noise"], noted["labels"]
        note.write_text(json.dumps(noted))
        self.lines: list[str] = []
        self.folder = train(recipe, films, out, resume=True, say=self.lines.append)
        self.bundle: Model = load(str(self.folder))

    def left(self) -> list[str]:
        return sorted(path.name for path in self.out.iterdir())


def test_what_an_earlier_version_did_not_note_is_noted_at_the_first_resume(made_recipe, tmp_path):
    asked = {"recipe": made_recipe.to_json(), "share": 1.0, "films": "a", "labels": "b"}
    note = tmp_path / "run.json"
    note.write_text(json.dumps({key: asked[key] for key in ("recipe", "share", "films")}))
    lines: list[str] = []
    _claim(tmp_path, asked, True, lines.append)
    _claim(tmp_path, asked, True, lines.append)
    assert len(lines) == 1
    with pytest.raises(TrainingError, match="other labels or patients"):
        _claim(tmp_path, asked | {"labels": "c"}, True, lines.append)


class TestKilledRun:
    @pytest.fixture(scope="class")
    def run(self, made_recipe, made_films, tmp_path_factory) -> Killed:
        return Killed(made_recipe, made_films, tmp_path_factory.mktemp("killed") / "out")

    def test_leaves_no_bundle(self, run):
        assert run.after_kill == [STATE]

    def test_is_not_started_anew_unasked(self, run):
        assert "stopped before its end" in run.refusal
        assert STATE in run.refusal

    @pytest.mark.parametrize("reason", ["recipe", "share", "films", "labels or patients"])
    def test_does_not_go_on_as_another_run(self, run, reason):
        assert f"other {reason}" in run.refused[reason]

    def test_goes_on_where_it_was(self, run):
        assert run.rows_at_kill["epoch"].tolist() == [1]
        assert "Going on after epoch 1" in run.lines
        assert [line for line in run.lines if line.startswith("epoch 1/")] == []
        first, kept = run.bundle.history.head(1), run.rows_at_kill.head(1)
        pd.testing.assert_frame_equal(first, kept, check_exact=True)

    def test_ends_as_if_it_had_never_stopped(self, run, made_bundle):
        assert run.bundle.history["epoch"].tolist() == [1, 2]
        np.testing.assert_allclose(
            run.bundle.history[FIGURES], made_bundle.history[FIGURES], rtol=1e-3, atol=1e-3
        )
        np.testing.assert_allclose(
            run.bundle.predictions["logit"], made_bundle.predictions["logit"], atol=1e-2
        )
        assert run.bundle.card.training.epochs == 2

    def test_tells_how_it_goes(self, run):
        assert run.lines[0] == "Reading 80 films"
        assert "did not note its labels" in run.lines[1]
        assert run.lines[2] == "Going on after epoch 1"
        assert run.lines[3].startswith("epoch 2/2  loss ")
        assert run.lines[3].endswith("done")
        assert run.lines[4:] == ["Describing the films"]

    def test_leaves_nothing_but_the_bundle(self, run):
        assert sorted(run.left()) == ["films", NAME]
        assert run.folder == run.out / NAME
        assert sorted(path.name for path in run.folder.iterdir()) == [
            "card.json",
            "export.onnx",
            "history.csv",
            "predictions.csv",
            "weights.weights.h5",
        ]


class TestRunThatCannotStart:
    """It says why and leaves nothing behind that would have to be resumed or deleted."""

    def refused(self, error: type[Exception], words: str, *arguments, **more) -> None:
        recipe, data, out = arguments
        with pytest.raises(error, match=words):
            train(recipe, data, out, say=lambda line: None, **more)
        assert not out.exists() or list(out.iterdir()) == []

    def test_no_folder(self, made_recipe, tmp_path):
        self.refused(
            DatasetError, "no folder 'gone'", made_recipe, tmp_path / "gone", tmp_path / "out"
        )

    def test_no_train_split(self, made_recipe, made_films, tmp_path):
        self.refused(
            DatasetError,
            r"Splits here: \(none\)\.",
            made_recipe,
            made_films / "train",
            tmp_path / "out",
        )

    def test_a_first_step_at_a_size_that_the_network_does_not_take(
        self, made_recipe, made_films, tmp_path
    ):
        """It flattens the picture: what is learned at one size does not fit another."""
        recipe = dataclasses.replace(made_recipe, first_step=FirstStep(epochs=1, input_size=96))
        self.refused(
            TrainingError,
            "grey_cnn has other weights at 96 pixels than at 64",
            recipe,
            made_films,
            tmp_path / "out",
        )

    def test_films_that_are_not_there(self, made_recipe, made_films, tmp_path):
        recipe = dataclasses.replace(made_recipe, films=("qatar/normal", "nih/pneumonia"))
        self.refused(
            DatasetError, "no films of qatar/normal, nih", recipe, made_films, tmp_path / "out"
        )

    def test_a_base_that_is_not_at_hand(self, made_recipe, made_films, tmp_path, monkeypatch):
        def offline(*arguments, **more):
            raise OSError("no network")

        monkeypatch.setattr("keras.utils.get_file", offline)
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        monkeypatch.delenv("KERAS_HOME", raising=False)
        monkeypatch.delenv("CXR_WEIGHTS", raising=False)
        recipe = dataclasses.replace(
            made_recipe, architecture="vgg16_features", input_size=32, channels=3
        )
        self.refused(ValueError, "set CXR_WEIGHTS", recipe, made_films, tmp_path / "out")

    def test_no_films_of_the_finding(self, made_recipe, made_films, tmp_path):
        recipe = dataclasses.replace(made_recipe, finding="tuberculosis")
        self.refused(
            TrainingError, "train films need both classes", recipe, made_films, tmp_path / "out"
        )

    def test_films_that_cannot_be_read(self, made_recipe, made_films, tmp_path):
        films = shutil.copytree(made_films, tmp_path / "films")
        next((films / "train" / "NORMAL").iterdir()).write_bytes(b"")
        self.refused(DatasetError, "1 films cannot be read", made_recipe, films, tmp_path / "out")

    def test_channels_that_the_network_does_not_take(self, made_recipe, made_films, tmp_path):
        recipe = dataclasses.replace(made_recipe, channels=3)
        self.refused(
            TrainingError, "grey_cnn takes 1 channels", recipe, made_films, tmp_path / "out"
        )

    @pytest.mark.parametrize("share", [0, 1.5])
    def test_share_out_of_range(self, made_recipe, made_films, tmp_path, share):
        self.refused(
            ValueError, r"\(0, 1\]", made_recipe, made_films, tmp_path / "out", share=share
        )


def test_trains_on_no_film_of_the_other_splits(made_bundle, made_films):
    films = made_bundle.films
    assert films["split"].value_counts().to_dict() == {"train": 48, "validation": 12, "test": 20}
    assert films.groupby("patient")["split"].nunique().max() == 1
    assert films.loc[films["split"] == "test", "path"].str.startswith("test/").all()
    assert not films.loc[films["split"] != "test", "path"].str.startswith("test/").any()


@pytest.fixture
def table_of(tmp_path, monkeypatch) -> Callable[..., pd.DataFrame]:
    """Run a recipe up to where the network would be trained; gives the films with their splits."""
    seen: list[pd.DataFrame] = []

    def start(recipe, model, table, *others):
        seen.append(table)
        raise InterruptedError

    def run(recipe: Recipe, films: Path, **more: object) -> pd.DataFrame:
        monkeypatch.setattr("cxr.training.run._first_step", start)
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        with pytest.raises(InterruptedError):
            train(recipe, films, tmp_path / "out", say=lambda line: None, **more)
        return seen.pop()

    return run


class TestShare:
    def test_is_of_every_split_and_label(self, made_recipe, made_films, table_of):
        table = table_of(made_recipe, made_films, share=0.6)
        counts = table.groupby(["split", "label"]).size().unstack("label")
        assert counts.loc["test"].tolist() == [6, 6]
        assert counts.loc[["train", "validation"]].sum().tolist() == [18, 18]

    def test_is_drawn_alike_each_time(self, made_recipe, made_films, table_of):
        tables = [table_of(made_recipe, made_films, share=0.6) for _ in range(2)]
        pd.testing.assert_frame_equal(*tables)


class TestSplits:
    @pytest.fixture
    def unsplit(self, tmp_path, made_films) -> Path:
        """The same films by class alone, two of each patient."""
        for i, path in enumerate(sorted(made_films.rglob("*.png"))):
            label = path.parent.name
            name = (
                f"IM-{i // 2:04}-{i % 2:04}" if label == "NORMAL" else f"person{i // 2}_virus_{i}"
            )
            target = tmp_path / "unsplit" / label / f"{name}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
        return tmp_path / "unsplit"

    def test_a_validation_split_that_is_there_is_taken(
        self, made_recipe, made_films, tmp_path, table_of
    ):
        films = shutil.copytree(made_films, tmp_path / "films")
        (films / "test").rename(films / "val")
        table = table_of(made_recipe, films)
        assert table["split"].value_counts().to_dict() == {"train": 60, "validation": 20}

    def test_a_set_without_any_gets_its_own(self, made_recipe, unsplit, table_of):
        recipe = dataclasses.replace(made_recipe, test=0.25, validation=0.2)
        counts = table_of(recipe, unsplit)["split"].value_counts()
        # A fifth of the three quarters that are left.
        assert counts.to_dict() == pytest.approx({"train": 48, "validation": 12, "test": 20}, abs=2)

    def test_own_splits_are_by_patient(self, made_recipe, unsplit, table_of):
        table = table_of(dataclasses.replace(made_recipe, test=0.25), unsplit)
        assert table.groupby("patient").size().max() == 2
        assert table.groupby("patient")["split"].nunique().max() == 1

    def test_own_splits_hold_both_classes(self, made_recipe, unsplit, table_of):
        table = table_of(dataclasses.replace(made_recipe, test=0.25), unsplit)
        assert (table.groupby("split")["label"].nunique() == 2).all()

    def test_own_splits_are_drawn_alike_by_a_seed_and_otherwise_by_another(
        self, made_recipe, unsplit, table_of
    ):
        recipe = dataclasses.replace(made_recipe, test=0.25)
        first, again = (table_of(recipe, unsplit) for _ in range(2))
        pd.testing.assert_frame_equal(first, again)
        other = table_of(dataclasses.replace(recipe, seed=recipe.seed + 1), unsplit)
        assert (other["split"] != first["split"]).any()

    def test_a_test_split_that_is_there_is_taken(self, made_recipe, made_films, table_of):
        table = table_of(dataclasses.replace(made_recipe, test=0.4), made_films)
        is_test = table["split"] == "test"
        np.testing.assert_array_equal(is_test, table["path"].str.startswith("test/"))

    def test_training_films_alone_give_a_test_split_too(self, made_recipe, made_films, table_of):
        films = made_films
        recipe = dataclasses.replace(made_recipe, test=0.25)
        table = table_of(recipe, films)
        assert (table["split"] == "test").sum() == 20


class TestFilms:
    @pytest.fixture
    def sets(self, tmp_path, made_films) -> Path:
        """Two sets with manifests: one of two sources, one without a word of its source."""
        root = tmp_path / "sets"
        files = {
            label: sorted((made_films / "train" / label).iterdir())
            for label in ("NORMAL", "PNEUMONIA")
        }
        lines: dict[str, list[str]] = {"both": ["path,label,source"], "nih": ["path,label"]}
        for label, paths in files.items():
            for i, path in enumerate(paths):
                name = "nih" if i % 3 == 2 else "both"
                (root / name).mkdir(parents=True, exist_ok=True)
                shutil.copy(path, root / name)
                source = ["east", "west"][i % 3 % 2]
                lines[name].append(f"{path.name},{label}" + f",{source}" * (name == "both"))
        for name, text in lines.items():
            (root / name / "manifest.csv").write_text("\n".join(text) + "\n")
        return root

    PARTS = ("east/pneumonia", "nih/normal")

    def test_are_those_of_the_sources_that_the_recipe_names(self, made_recipe, sets, table_of):
        recipe = dataclasses.replace(made_recipe, films=self.PARTS, test=0.2)
        table = table_of(recipe, sets)
        assert set(table["source"] + "/" + table["label"]) == set(self.PARTS)
        assert table["label"].value_counts().to_dict() == {"pneumonia": 10, "normal": 10}

    def test_are_all_where_it_names_none(self, made_recipe, sets, table_of):
        assert len(table_of(dataclasses.replace(made_recipe, test=0.2), sets)) == 60

    def test_of_one_set_alone(self, made_recipe, sets, table_of):
        """Its folder's name is the source of films that tell none."""
        recipe = dataclasses.replace(made_recipe, films=("nih/normal", "nih/pneumonia"), test=0.2)
        table = table_of(recipe, sets / "nih")
        assert len(table) == 20
        assert set(table["source"]) == {"nih"}

    def test_stand_with_their_source_in_the_bundle(self, made_recipe, sets, tmp_path):
        recipe = dataclasses.replace(
            RECIPES["pneumonia-thumbnail"], name="made", films=self.PARTS, test=0.2, validation=0.2
        )
        bundle = load(str(train(recipe, sets, tmp_path / "out", say=lambda line: None)))
        for table in (bundle.films, bundle.predictions):
            assert set(table["source"] + "/" + table["label"]) == set(self.PARTS)


class Call(NamedTuple):
    """What `fit` was called with, and the weights that the network began and ended with."""

    recipe: Recipe
    films: Material
    before: list[np.ndarray]
    after: list[np.ndarray]


def note_calls(monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    """Have nothing trained: each call moves every weight a little and is noted."""
    noted: list[Call] = []

    def fit(model, recipe, material, state, say):
        before = model.get_weights()
        model.set_weights([weight + 0.001 for weight in before])
        noted.append(Call(recipe, material, before, model.get_weights()))
        history = pd.DataFrame(0.5, index=range(recipe.epochs), columns=HISTORY_COLUMNS)
        history["epoch"] = range(1, recipe.epochs + 1)
        history["val_accuracy"] = 0.7 + 0.01 * history["epoch"]
        history["val_auc"] = 0.8 + 0.01 * history["epoch"]
        history["seconds"] = 2.0
        return history, recipe.epochs

    monkeypatch.setattr("cxr.training.run.fit", fit)
    return noted


def count_reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note each film that a table's reader decodes."""
    reads: list[str] = []

    def counting(path):
        reads.append(str(path))
        return read(path)

    monkeypatch.setattr("cxr.datasets.table.read", counting)
    return reads


def prints(films: np.ndarray) -> list[bytes]:
    """What tells films apart, whatever their order."""
    return [film.tobytes() for film in films]


class Noted(NamedTuple):
    """A run whose fits were noted, and its films as they were given to it."""

    bundle: Model
    calls: list[Call]
    table: pd.DataFrame
    pixels: np.ndarray

    def of(self, split: np.ndarray | pd.Series) -> set[bytes]:
        """The prints of some of the films."""
        return set(prints(self.pixels[np.asarray(split)]))


class TestReads:
    """Each film is decoded once, whatever is made of it."""

    @pytest.mark.parametrize("size", [0, 32])
    def test_once_in_a_run(self, made_recipe, made_films, tmp_path, monkeypatch, size):
        recipe = dataclasses.replace(
            made_recipe,
            architecture="tb_cnn",
            arguments={"pooling": "average"},
            first_step=FirstStep(epochs=1, input_size=size),
        )
        note_calls(monkeypatch)
        reads = count_reads(monkeypatch)
        train(recipe, made_films, tmp_path, say=lambda line: None)
        assert len(reads) == len(set(reads)) == 80


class TestStartFrom:
    """Instead of drawn weights, those of a bundle."""

    def test_the_run_starts_from_its_weights(
        self, made_recipe, made_bundle, made_films, tmp_path, monkeypatch
    ):
        monkeypatch.setenv("CXR_MODELS", str(made_bundle.folder.parent))
        recipe = dataclasses.replace(made_recipe, name="again", start_from=made_bundle.name)
        calls = note_calls(monkeypatch)
        bundle = load(str(train(recipe, made_films, tmp_path, say=lambda line: None)))
        for own, taken in zip(made_bundle.model.get_weights(), calls[0].before, strict=True):
            np.testing.assert_array_equal(own, taken)
        assert bundle.card.recipe.start_from == made_bundle.name

    def test_a_network_of_another_kind(
        self, made_recipe, made_bundle, made_films, tmp_path, monkeypatch
    ):
        monkeypatch.setenv("CXR_MODELS", str(made_bundle.folder.parent))
        recipe = dataclasses.replace(
            made_recipe, name="again", architecture="tb_cnn", start_from=made_bundle.name
        )
        with pytest.raises(TrainingError, match="pneumonia-made has other weights than tb_cnn"):
            train(recipe, made_films, tmp_path, say=lambda line: None)
        assert list(tmp_path.iterdir()) == []

    def test_not_beside_other_weights(self, made_recipe):
        with pytest.raises(ValueError, match="pretrained or start_from, not both"):
            dataclasses.replace(made_recipe, pretrained="imagenet", start_from="pneumonia-made")


class TestFirstStep:
    STEP = FirstStep(epochs=3, share=0.5, validation=0.25)

    @pytest.fixture(scope="class")
    def recipe(self, made_recipe) -> Recipe:
        return dataclasses.replace(made_recipe, first_step=self.STEP, patience=1)

    @pytest.fixture(scope="class")
    def run(self, recipe, made_films, tmp_path_factory) -> Noted:
        out = tmp_path_factory.mktemp("first")
        with pytest.MonkeyPatch.context() as monkeypatch:
            calls = note_calls(monkeypatch)
            bundle = load(str(train(recipe, made_films, out, say=lambda line: None)))
        return Noted(bundle, calls, *read_films(bundle.films, made_films, prepare=recipe.to_input))

    def test_leaves_its_facts_in_the_card(self, run):
        assert run.bundle.card.training.first_step == TrainingStep(
            films=24, input_size=64, epochs=3, val_accuracy=0.73, val_auc=0.83, wall_seconds=6.0
        )

    def test_there_are_none_without_it(self, made_bundle):
        assert made_bundle.card.training.first_step is None
        assert made_bundle.card.training.feature_seconds == 0

    def test_uses_a_share_of_the_training_films_and_no_other(self, run):
        """The films on which the run proper is judged stay unseen."""
        first = run.calls[0].films
        seen = prints(first.films) + prints(first.held_films)
        assert len(seen) == len(set(seen)) == 24
        assert set(seen) < run.of(run.table["split"] == "train")
        assert not set(seen) & run.of(run.table["split"] != "train")

    def test_is_watched_on_films_of_other_patients(self, run):
        patient = dict(zip(prints(run.pixels), run.table["patient"], strict=True))
        first = run.calls[0].films
        learned, held = (
            {patient[key] for key in prints(films)} for films in (first.films, first.held_films)
        )
        assert len(first.held_films) == pytest.approx(6, abs=1)
        assert not learned & held

    def test_labels_go_with_their_films(self, run):
        label = dict(zip(prints(run.pixels), run.table["label"] == "pneumonia", strict=True))
        first = run.calls[0].films
        assert [label[key] for key in prints(first.films)] == first.labels.astype(bool).tolist()

    def test_the_run_proper_has_all_training_films(self, run):
        counts = run.table["split"].value_counts()
        second = run.calls[1].films
        assert len(second.films) == counts["train"]
        assert len(second.held_films) == counts["validation"]

    def test_the_run_proper_starts_from_its_weights(self, run):
        assert len(run.calls) == 2
        for left, taken in zip(run.calls[0].after, run.calls[1].before, strict=True):
            np.testing.assert_array_equal(left, taken)

    def test_has_its_own_epochs_and_runs_to_their_end(self, recipe, run):
        first = run.calls[0].recipe
        assert (first.epochs, first.keep, first.patience) == (3, "last", 0)
        assert first.batch_size == recipe.batch_size
        assert run.calls[1].recipe == recipe

    def test_on_smaller_films(self, made_recipe, made_films, tmp_path, monkeypatch):
        """Prepared at that size too; a network that pools everything takes the weights over."""
        recipe = dataclasses.replace(
            made_recipe,
            architecture="tb_cnn",
            arguments={"pooling": "average"},
            input_size=48,
            margin=0.1,
            first_step=FirstStep(epochs=1, input_size=32),
        )
        calls = note_calls(monkeypatch)
        bundle = load(str(train(recipe, made_films, tmp_path, say=lambda line: None)))
        assert [call.films.films.shape[1:] for call in calls] == [(32, 32, 1), (48, 48, 1)]
        for left, taken in zip(calls[0].after, calls[1].before, strict=True):
            np.testing.assert_array_equal(left, taken)
        assert bundle.card.training.first_step.input_size == 32
        small = dataclasses.replace(bundle.card.input, height=32, width=32)
        _, pixels = read_films(bundle.films, made_films, prepare=small)
        assert set(prints(calls[0].films.films)) < set(prints(pixels))


class TestKilledFirstStep:
    """Stopped after the first of its two epochs, and gone on with."""

    @pytest.fixture(scope="class")
    def recipe(self, made_recipe) -> Recipe:
        step = FirstStep(epochs=2, validation=0.2)
        return dataclasses.replace(
            made_recipe,
            architecture="small_cnn",
            channels=3,
            input_size=32,
            epochs=1,
            first_step=step,
        )

    def test_ends_and_the_run_proper_has_all_its_epochs(self, recipe, made_films, tmp_path):
        with pytest.raises(KeyboardInterrupt):
            train(recipe, made_films, tmp_path, say=killed_at("epoch 1/2"))
        lines: list[str] = []
        folder = train(recipe, made_films, tmp_path, resume=True, say=lines.append)
        assert lines[1:3] == ["First step: 48 films at 32 pixels", "Going on after epoch 1"]
        epochs = [line.split()[1] for line in lines if line.startswith("epoch")]
        assert epochs == ["2/2", "1/1"]
        bundle = load(str(folder))
        assert bundle.card.training.first_step.epochs == 2
        assert bundle.history["epoch"].tolist() == [1]


class TestBaseline:
    @pytest.fixture(scope="class")
    def recipe(self) -> Recipe:
        return dataclasses.replace(RECIPES["pneumonia-thumbnail"], name="made", validation=0.2)

    @pytest.fixture(scope="class")
    def bundle(self, recipe, made_films, tmp_path_factory) -> Model:
        out = tmp_path_factory.mktemp("baseline")
        return load(str(train(recipe, made_films, out, say=lambda line: None)))

    def test_scores_as_scikit_learn_does(self, recipe, bundle, made_films):
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        table, pixels = read_films(bundle.films, made_films, prepare=recipe.to_input)
        x, truth = pixels.reshape(len(pixels), -1) / 255, table["label"] == "pneumonia"
        train_rows, test_rows = ((table["split"] == s).to_numpy() for s in ("train", "test"))
        solver = LogisticRegression(
            C=1 / (recipe.weight_decay * train_rows.sum()), class_weight="balanced", max_iter=5000
        )
        known = make_pipeline(StandardScaler(), solver).fit(x[train_rows], truth[train_rows])
        films = [read(made_films / path) for path in table.loc[test_rows, "path"]]
        logits = [prediction.logit for prediction in bundle.predict_many(films)]
        expected = known.decision_function(x[test_rows])
        np.testing.assert_allclose(logits, expected, atol=1e-3)

    def test_is_known_for_one(self, bundle):
        assert bundle.card.baseline

    def test_has_no_heatmap_and_says_why(self, bundle):
        with pytest.raises(ValueError, match="thumbnail has no convolution, so it has no heatmap"):
            bundle.explain(film_like(1))


class TestHeadBundle:
    """A network on a frozen base ships its head; the base is looked up."""

    @pytest.fixture(scope="class", autouse=True)
    def _base(self, vgg16_weights) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as monkeypatch:
            vgg16_weights(monkeypatch)
            yield

    @pytest.fixture(scope="class")
    def recipe(self, made_recipe) -> Recipe:
        return dataclasses.replace(
            made_recipe,
            name="pneumonia-head",
            architecture="vgg16_features",
            input_size=32,
            channels=3,
            learning_rate=1e-3,
            storage="float16",
            augmentation=Augmentation(flip=True),
        )

    @pytest.fixture(scope="class")
    def folder(self, recipe, made_films, tmp_path_factory) -> Path:
        out = tmp_path_factory.mktemp("head")
        return train(recipe, made_films, out, say=lambda line: None)

    def test_ships_its_head_and_nothing_of_the_base(self, folder):
        assert sorted(path.name for path in folder.glob("*.h5")) == ["head.weights.h5"]
        numbers: list[int] = []
        with h5py.File(folder / "head.weights.h5") as file:
            file.visititems(
                lambda name, node: (
                    numbers.append(node.size)
                    if isinstance(node, h5py.Dataset) and node.dtype == np.float16
                    else None
                )
            )
        assert sum(numbers) == (512 + 1) * 256 + 256 + 1

    def test_the_card_names_the_base(self, folder):
        card = load(str(folder)).card
        assert card.architecture.base == Base("vgg16", "imagenet")
        assert card.weights.file == "head.weights.h5"
        assert card.training.feature_seconds > 0
        assert card.architecture.parameters == 14_714_688 + (512 + 1) * 256 + 256 + 1

    def test_scores_as_it_did_when_it_was_made(self, folder, made_films):
        bundle = load(str(folder))
        table = bundle.predictions[bundle.predictions["split"] == "test"].iloc[::3]
        assert np.ptp(table["logit"]) > 0.05
        films = [read(made_films / path) for path in table["path"]]
        logits = [prediction.logit for prediction in bundle.predict_many(films)]
        np.testing.assert_allclose(logits, table["logit"], atol=1e-3)

    def test_half_precision_moves_no_score_by_more_than_a_thousandth(
        self, recipe, folder, made_films, tmp_path
    ):
        other = dataclasses.replace(recipe, storage="float32")
        exact = load(str(train(other, made_films, tmp_path, say=lambda line: None)))
        half = load(str(folder))
        scores = [1 / (1 + np.exp(-bundle.predictions["logit"])) for bundle in (exact, half)]
        np.testing.assert_allclose(*scores, atol=1e-3)
        assert exact.weights_path.stat().st_size > 1.7 * half.weights_path.stat().st_size

    def test_has_the_convolutions_of_the_base(self, folder, vgg16_file):
        model = load(str(folder)).model
        with h5py.File(vgg16_file) as file:
            for name in ("block1_conv1", "block5_conv3"):
                kernel = file[name][f"{name}_W_1:0"][()]
                np.testing.assert_array_equal(model.get_layer(name).get_weights()[0], kernel)

    def test_explains_at_the_last_convolution(self, folder):
        heatmap = load(str(folder)).explain(film_like(2, ill=True))
        assert heatmap.layer == "block5_conv3"
        assert heatmap.array.shape == (160, 160)

    def test_without_its_base_it_says_what_to_set(self, folder, tmp_path, monkeypatch):
        def offline(*arguments, **more):
            raise OSError("no network")

        monkeypatch.setattr("keras.utils.get_file", offline)
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.delenv("KERAS_HOME", raising=False)
        monkeypatch.delenv("CXR_WEIGHTS")
        bundle = load(str(folder))
        with pytest.raises(BundleError, match=r"weights of pneumonia-head cannot.*set CXR_WEIGHTS"):
            _ = bundle.model

    def test_with_another_base_it_is_refused(self, folder, monkeypatch):
        file = FILES["vgg16"]
        monkeypatch.setitem(FILES, "vgg16", BaseFile(file.name, file.folder, "0" * 32))
        bundle = load(str(folder))
        with pytest.raises(BundleError, match="is not the file that Keras publishes"):
            _ = bundle.model

    def test_stopped_while_features_are_computed_it_ends_the_same(
        self, recipe, folder, made_films, tmp_path
    ):
        with pytest.raises(KeyboardInterrupt):
            train(recipe, made_films, tmp_path, say=killed_at("features of validation"))
        lines: list[str] = []
        again = train(recipe, made_films, tmp_path, resume=True, say=lines.append)
        assert not [line for line in lines if line.startswith("features")]
        first, later = (load(str(path)).predictions["logit"] for path in (folder, again))
        np.testing.assert_allclose(later, first, atol=1e-3)


def test_nothing_is_learned_from_published_test_films(
    made_recipe, made_films, tmp_path, monkeypatch
):
    """Whatever their folder or their name: a run on Kaggle's films in other folders."""
    films = shutil.copytree(made_films, tmp_path / "films")
    named, renamed = sorted((films / "train" / "PNEUMONIA").iterdir())[:2]
    named.rename(named.with_name("person1_virus_6.png"))
    (films / "train").rename(films / "Training")
    known = {
        "person1_virus_6": "0" * 64,
        "person99_virus_1": note(read(films / "Training" / "PNEUMONIA" / renamed.name))["phash"],
    }
    monkeypatch.setattr(published, "_test_films", lambda: known)
    lines: list[str] = []
    folder = train(made_recipe, films, tmp_path / "out", say=lines.append)
    table = load(str(folder)).films
    apart = table[table["path"].str.contains(f"person1_virus_6|{renamed.stem}", regex=True)]
    assert apart["split"].tolist() == ["test", "test"]
    # One by its name, one by its pixels.
    assert sum("Nothing is learned from" in line for line in lines) == 2
    assert set(table["split"]) == {"train", "validation", "test"}
