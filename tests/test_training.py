"""Training: the batches it draws, runs that are killed and go on, runs that cannot start."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxr.bundle import Bundle, load
from cxr.layouts import DatasetError
from cxr.recipes import Recipe
from cxr.training import TrainingError, _compile, settle_norms, train

FIGURES = ["loss", "accuracy", "auc", "val_loss", "val_accuracy", "val_auc", "learning_rate"]
NAME = "pneumonia-made"
STATE = f".{NAME}.training"


class TestOptimizer:
    @pytest.fixture(scope="class")
    def model(self):
        import keras

        film = keras.Input((4, 4, 1))
        x = keras.layers.Conv2D(2, 3, name="conv")(film)
        x = keras.layers.BatchNormalization(name="norm")(x)
        x = keras.layers.Dense(1, name="logit")(keras.layers.Flatten()(x))
        return keras.Model(film, x)

    def test_cosine_climbs_then_falls_to_zero(self, model, made_recipe):
        recipe = dataclasses.replace(
            made_recipe, schedule="cosine", learning_rate=0.1, epochs=8, warmup_epochs=0.5
        )
        _compile(model, recipe, steps=100)

        def rate(step: int) -> float:
            model.optimizer.iterations.assign(step)
            return float(model.optimizer.learning_rate)

        assert rate(0) == 0
        assert rate(25) == pytest.approx(0.05)
        assert rate(50) == pytest.approx(0.1)
        assert rate(425) == pytest.approx(0.05, rel=1e-3)  # half way down
        assert rate(800) == pytest.approx(0, abs=1e-7)

    def test_weight_decay_spares_biases_and_norms(self, model, made_recipe):
        recipe = dataclasses.replace(made_recipe, optimizer="adamw", weight_decay=0.5)
        _compile(model, recipe, steps=10)
        before = {v.path: v.numpy() + 1 for v in model.trainable_variables}
        for v in model.trainable_variables:
            v.assign(before[v.path])
        still = [np.zeros(v.shape, np.float32) for v in model.trainable_variables]
        model.optimizer.apply(still, model.trainable_variables)
        changed = {
            v.path for v in model.trainable_variables if not np.array_equal(v, before[v.path])
        }
        assert changed == {"conv/kernel", "logit/kernel"}


class TestSettleNorms:
    @pytest.fixture
    def batches(self):
        import tensorflow as tf

        films = np.random.default_rng(0).uniform(0, 255, (5, 4, 6, 6, 1)).astype(np.float32)
        films += 40 * np.arange(5, dtype=np.float32)[:, None, None, None, None]
        labels = np.zeros((5, 4, 1), np.float32)
        weights = np.ones((5, 4), np.float32)
        return films, tf.data.Dataset.from_tensor_slices((films, labels, weights))

    def test_every_batch_counts_the_same(self, batches):
        import keras

        films, dataset = batches
        film = keras.Input((6, 6, 1))
        x = keras.layers.BatchNormalization(name="norm", momentum=0.9)(film)
        x = keras.layers.Dense(1, name="logit")(keras.layers.Flatten()(x))
        model = keras.Model(film, x)
        kernel = model.get_layer("logit").get_weights()[0]
        settle_norms(model, dataset.repeat(), steps=5)
        norm = model.get_layer("norm")
        gamma, beta, mean, variance = norm.get_weights()
        assert mean[0] == pytest.approx(films.mean(), rel=1e-4)
        within = films.var(axis=(1, 2, 3, 4)).mean()
        assert variance[0] == pytest.approx(within, rel=1e-3)
        assert (gamma[0], beta[0], norm.momentum) == (1, 0, 0.9)
        np.testing.assert_array_equal(model.get_layer("logit").get_weights()[0], kernel)

    def test_a_network_without_norms_stays_as_it_is(self, batches):
        from cxr.architectures import build

        model = build("small_cnn", input_size=32)
        before = model.get_weights()
        settle_norms(model, None, steps=5)
        for old, new in zip(before, model.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)


def killed_at(words: str) -> Callable[[str], None]:
    """What is given as `progress`: it stops the run as Ctrl+C does, at the line of an epoch."""

    def say(line: str) -> None:
        if line.startswith(words):
            raise KeyboardInterrupt

    return say


class Killed:
    """A run killed at the end of its second epoch, before that one was backed up; then resumed."""

    def __init__(self, recipe: Recipe, films: Path, out: Path) -> None:
        self.out = out
        with pytest.raises(KeyboardInterrupt):
            train(recipe, films, out, progress=killed_at("epoch 2/"))
        self.after_kill = self.left()
        self.rows_at_kill = pd.read_csv(out / STATE / "history.csv")
        with pytest.raises(TrainingError) as caught:
            train(recipe, films, out, progress=lambda line: None)
        self.refusal = str(caught.value)
        self.refused: dict[str, str] = {}
        other_films = shutil.copytree(films, out.parent / "others")
        next((other_films / "train" / "NORMAL").iterdir()).unlink()
        for reason, arguments in {
            "recipe": (dataclasses.replace(recipe, learning_rate=0.5), films, 1.0),
            "share": (recipe, films, 0.5),
            "films": (recipe, other_films, 1.0),
        }.items():
            with pytest.raises(TrainingError) as caught:
                train(*arguments[:2], out, share=arguments[2], resume=True, progress=str)
            self.refused[reason] = str(caught.value)
        # As a version noted it that did not know all fields of today's recipes.
        note = out / STATE / "run.json"
        noted = json.loads(note.read_text())
        del noted["recipe"]["keep"], noted["recipe"]["augmentation"]["noise"]
        note.write_text(json.dumps(noted))
        self.lines: list[str] = []
        self.folder = train(recipe, films, out, resume=True, progress=self.lines.append)
        self.bundle: Bundle = load(str(self.folder))

    def left(self) -> list[str]:
        return sorted(path.name for path in self.out.iterdir())


class TestKilledRun:
    @pytest.fixture(scope="class")
    def run(self, made_recipe, made_films, tmp_path_factory) -> Killed:
        return Killed(made_recipe, made_films, tmp_path_factory.mktemp("killed") / "out")

    def test_leaves_no_bundle(self, run):
        assert run.after_kill == [STATE]

    def test_is_not_started_anew_unasked(self, run):
        assert "Add --resume" in run.refusal
        assert STATE in run.refusal

    @pytest.mark.parametrize("reason", ["recipe", "share", "films"])
    def test_does_not_go_on_as_another_run(self, run, reason):
        assert f"with another {reason}." in run.refused[reason]

    def test_goes_on_where_it_was(self, run):
        assert run.rows_at_kill["epoch"].tolist() == [1, 2]
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
        assert run.bundle.card.training["epochs"] == 2

    def test_tells_how_it_goes(self, run):
        assert run.lines[:2] == ["Reading 80 films", "Going on after epoch 1"]
        assert len(run.lines) == 3
        assert run.lines[2].startswith("epoch 2/2  loss ")
        assert run.lines[2].endswith("done")

    def test_leaves_nothing_but_the_bundle(self, run):
        assert run.left() == [NAME]
        assert run.folder == run.out / NAME
        assert sorted(path.name for path in run.folder.iterdir()) == [
            "card.json",
            "films.csv",
            "history.csv",
            "predictions.csv",
            "weights.weights.h5",
        ]


class TestRunThatCannotStart:
    """It says why and leaves nothing behind that would have to be resumed or deleted."""

    def refused(self, error: type[Exception], words: str, *arguments, **more) -> None:
        recipe, data, out = arguments
        with pytest.raises(error, match=words):
            train(recipe, data, out, progress=lambda line: None, **more)
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


def test_a_share_of_the_films(made_recipe, made_films, tmp_path, monkeypatch):
    """Drawn before the split; the network is not trained here."""
    seen: list[pd.DataFrame] = []

    def fit(recipe, model, table, *others):
        seen.append(table)
        raise InterruptedError

    monkeypatch.setattr("cxr.training._fit", fit)
    lines: list[str] = []
    for _ in range(2):
        with pytest.raises(InterruptedError):
            train(made_recipe, made_films, tmp_path, share=0.6, resume=True, progress=lines.append)
    assert lines[0] == "Reading 48 films"
    counts = seen[0].groupby(["split", "label"]).size().unstack("label")
    assert counts.loc["test"].tolist() == [6, 6]
    assert counts.loc[["train", "validation"]].sum().tolist() == [18, 18]
    pd.testing.assert_frame_equal(seen[0], seen[1])


def test_a_validation_split_that_is_there_is_taken(made_recipe, made_films, tmp_path, monkeypatch):
    films = shutil.copytree(made_films, tmp_path / "films")
    (films / "test").rename(films / "val")
    seen: list[pd.DataFrame] = []

    def fit(recipe, model, table, *others):
        seen.append(table)
        raise InterruptedError

    monkeypatch.setattr("cxr.training._fit", fit)
    with pytest.raises(InterruptedError):
        train(made_recipe, films, tmp_path / "out", progress=lambda line: None)
    assert seen[0]["split"].value_counts().to_dict() == {"train": 60, "validation": 20}
