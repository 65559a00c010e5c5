"""The log of a run: the plateau rule, when to stop, what is kept, and going on after a kill."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from cxr.training.callbacks import (
    HISTORY_COLUMNS,
    TrainingLog,
    plateau_rate,
    should_stop,
)
from cxr.training.recipes import RECIPES, Recipe
from tests.killed import at_each_call


@pytest.fixture
def recipe() -> Recipe:
    return dataclasses.replace(
        RECIPES["pneumonia-grey-cnn"],
        schedule="plateau",
        learning_rate=1e-2,
        plateau_patience=2,
        plateau_factor=0.3,
        minimum_learning_rate=1e-3,
        epochs=6,
        patience=3,
    )


def history(**columns: list[float]) -> pd.DataFrame:
    n = len(next(iter(columns.values())))
    table = pd.DataFrame({name: np.zeros(n) for name in HISTORY_COLUMNS})
    return table.assign(epoch=range(1, n + 1), **columns)


def as_keras_does(accuracies: list[float], recipe: Recipe) -> list[float]:
    """The rate after each epoch under Keras's own callback."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(recipe.learning_rate), "mse")
    callback = keras.callbacks.ReduceLROnPlateau(
        monitor="val_accuracy",
        mode="max",
        factor=recipe.plateau_factor,
        patience=recipe.plateau_patience,
        min_lr=recipe.minimum_learning_rate,
    )
    callback.set_model(model)
    callback.on_train_begin()
    rates = []
    for epoch, accuracy in enumerate(accuracies):
        callback.on_epoch_end(epoch, {"val_accuracy": accuracy})
        rates.append(float(model.optimizer.learning_rate))
    return rates


class TestPlateauRate:
    @pytest.mark.parametrize(
        "accuracies",
        [
            [0.5] * 9,
            [0.5, 0.6, 0.7, 0.8],
            [0.9, 0.8, 0.7, 0.95, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9],
            [0.9, 0.90005, 0.9001, 0.90015, 0.9003],  # smaller rises than 1e-4 are none
            [0.5, float("nan"), 0.5, 0.7, 0.6],
            *np.random.default_rng(1).uniform(0.4, 0.9, (6, 14)).tolist(),
        ],
    )
    @pytest.mark.parametrize(("patience", "factor"), [(1, 0.5), (2, 0.3), (3, 0.1)])
    def test_equals_keras(self, recipe, accuracies, patience, factor):
        recipe = dataclasses.replace(recipe, plateau_patience=patience, plateau_factor=factor)
        ours = [
            plateau_rate(history(val_accuracy=accuracies[: n + 1]), recipe)
            for n in range(len(accuracies))
        ]
        np.testing.assert_allclose(ours, as_keras_does(accuracies, recipe), rtol=1e-6)

    def test_before_the_first_epoch(self, recipe):
        assert plateau_rate(history(val_accuracy=[]), recipe) == recipe.learning_rate

    def test_minimum_above_the_rate_does_not_raise_it(self, recipe):
        recipe = dataclasses.replace(recipe, minimum_learning_rate=0.1)
        accuracies = [0.5] * 6
        assert plateau_rate(history(val_accuracy=accuracies), recipe) == recipe.learning_rate
        assert as_keras_does(accuracies, recipe)[-1] == pytest.approx(recipe.learning_rate)


class TestShouldStop:
    def test_after_the_last_epoch(self, recipe):
        rising = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
        assert not should_stop(history(val_auc=rising[:5]), recipe)
        assert should_stop(history(val_auc=rising), recipe)

    def test_when_the_best_epoch_lies_behind(self, recipe):
        assert not should_stop(history(val_auc=[0.5, 0.9, 0.8, 0.8]), recipe)
        assert should_stop(history(val_auc=[0.5, 0.9, 0.8, 0.8, 0.89]), recipe)
        assert not should_stop(history(val_auc=[0.5, 0.9, 0.8, 0.8, 0.91]), recipe)

    def test_patience_of_zero_runs_all_epochs(self, recipe):
        recipe = dataclasses.replace(recipe, patience=0)
        assert not should_stop(history(val_auc=[0.9, 0.1, 0.1, 0.1, 0.1]), recipe)

    def test_nothing_done_yet(self, recipe):
        assert not should_stop(history(val_auc=[]), recipe)


class Script:
    """A log fed with made-up epochs."""

    done = 0

    def __init__(
        self, recipe: Recipe, folder: Path, optimizer: keras.optimizers.Optimizer | None = None
    ) -> None:
        self.lines: list[str] = []
        self.log = TrainingLog(recipe, folder, self.lines.append)
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
        model.compile(optimizer or keras.optimizers.SGD(recipe.learning_rate), "mse")
        model.stop_training = False
        self.model = model
        self.log.set_model(model)

    def epoch(self, number: int, val_auc: float, val_accuracy: float = 0.5) -> None:
        self.log.on_epoch_begin(number - 1)
        self.model.set_weights([np.full((1, 1), number, np.float32)])
        logs = dict.fromkeys(HISTORY_COLUMNS[1:7], 1 / 3)
        self.log.on_epoch_end(number - 1, logs | {"val_auc": val_auc, "val_accuracy": val_accuracy})

    def kept(self) -> float:
        self.log.load_kept(self.model)
        return self.weight()

    def weight(self) -> float:
        return float(self.model.get_weights()[0][0, 0])


class TestJournal:
    def test_writes_each_epoch_and_keeps_the_best_ones_weights(self, recipe, tmp_path):
        script = Script(recipe, tmp_path)
        for number, val_auc in enumerate([0.7, 0.9, 0.8], start=1):
            script.epoch(number, val_auc)
            written = pd.read_csv(tmp_path / "history.csv")
            assert written.columns.tolist() == HISTORY_COLUMNS
            assert written["epoch"].tolist() == list(range(1, number + 1))
        assert script.log.kept_epoch == 2
        assert script.kept() == 2
        assert len(script.lines) == 3
        assert script.lines[1].startswith("epoch 2/6  loss 0.3333")

    def test_keeps_the_last_ones_weights_where_the_recipe_says_so(self, recipe, tmp_path):
        script = Script(dataclasses.replace(recipe, keep="last"), tmp_path)
        for number, val_auc in enumerate([0.7, 0.9, 0.8], start=1):
            script.epoch(number, val_auc)
        assert script.log.kept_epoch == 3
        assert script.kept() == 3

    def test_stops_the_training(self, recipe, tmp_path):
        script = Script(recipe, tmp_path)
        for number, val_auc in enumerate([0.9, 0.8, 0.8], start=1):
            script.epoch(number, val_auc)
            assert not script.model.stop_training
        script.epoch(4, 0.85)
        assert script.model.stop_training
        assert script.log.ended
        assert script.lines[-1].endswith("done")

    def test_sets_the_rate_of_the_plateau_rule(self, recipe, tmp_path):
        script = Script(recipe, tmp_path)
        for number in range(1, 6):
            script.epoch(number, number / 10, val_accuracy=0.5)
        rates = script.log.history["learning_rate"].tolist()
        assert rates == pytest.approx([1e-2, 1e-2, 1e-2, 3e-3, 3e-3])

    def test_leaves_the_rate_alone_under_other_schedules(self, recipe, tmp_path):
        script = Script(dataclasses.replace(recipe, schedule="constant"), tmp_path)
        script.model.optimizer.learning_rate = 0.5
        script.epoch(1, 0.5)
        assert float(script.model.optimizer.learning_rate) == 0.5

    def test_goes_on_after_the_last_whole_epoch(self, recipe, tmp_path):
        first = Script(recipe, tmp_path)
        for number, val_auc in enumerate([0.7, 0.9, 0.8], start=1):
            first.epoch(number, val_auc, val_accuracy=0.1 * number)
        second = Script(recipe, tmp_path)
        assert second.log.resume(second.model) == 3
        assert second.lines == ["Going on after epoch 3"]
        assert second.weight() == 3
        pd.testing.assert_frame_equal(second.log.history, first.log.history, check_exact=True)
        second.epoch(4, 0.85)
        written = pd.read_csv(tmp_path / "history.csv")
        assert written["val_auc"].tolist() == [0.7, 0.9, 0.8, 0.85]
        assert second.kept() == 2

    def test_the_optimizer_goes_on_too(self, recipe, tmp_path):
        first = Script(recipe, tmp_path, keras.optimizers.Adam(0.1))
        first.model.fit(np.ones((4, 1)), np.ones((4, 1)), verbose=0)
        first.epoch(1, 0.7)
        second = Script(recipe, tmp_path, keras.optimizers.Adam(0.1))
        second.log.resume(second.model)
        for ours, theirs in zip(
            second.model.optimizer.variables, first.model.optimizer.variables, strict=True
        ):
            np.testing.assert_array_equal(ours, theirs)
        assert int(second.model.optimizer.iterations) > 0

    def test_with_nothing_on_disk_it_begins(self, recipe, tmp_path):
        script = Script(recipe, tmp_path)
        assert script.log.resume(script.model) == 0
        assert script.log.history.empty
        assert script.lines == []

    @pytest.mark.parametrize("name", ["epoch.json", "history.csv", "latest.weights.h5"])
    def test_what_is_damaged_is_told_and_begun_anew(self, recipe, tmp_path, name):
        Script(recipe, tmp_path).epoch(1, 0.7)
        (tmp_path / name).write_bytes(b"{")
        script = Script(recipe, tmp_path)
        assert script.log.resume(script.model) == 0
        assert script.log.history.empty
        assert len(script.lines) == 1
        script.epoch(1, 0.6)
        assert Script(recipe, tmp_path).log.resume(script.model) == 1

    def test_killed_anywhere_it_has_one_whole_epoch(self, recipe, tmp_path):
        """The third is better than the first two, so that all three files are replaced by it."""
        folder = tmp_path / "state"

        def begin() -> None:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            script = Script(recipe, folder)
            for number, val_auc in ((1, 0.7), (2, 0.6)):
                script.epoch(number, val_auc)

        def go_on() -> Script:
            script = Script(recipe, folder)
            script.done = script.log.resume(script.model)
            return script

        done = []
        for calls in at_each_call(begin, lambda: go_on().epoch(3, 0.8)):
            script = go_on()
            done.append(script.done)
            assert script.weight() == script.done, calls
            assert script.log.history["epoch"].tolist() == list(range(1, script.done + 1)), calls
            assert script.log.kept_epoch == (3 if script.done == 3 else 1), calls
            assert script.kept() == script.log.kept_epoch, calls
            script.epoch(script.done + 1, 0.9)
            assert Script(recipe, folder).log.resume(script.model) == script.done + 1, calls
        assert done == sorted(done)
        assert set(done) == {2, 3}
