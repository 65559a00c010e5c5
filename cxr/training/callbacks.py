"""The training log: a run's history on disk, which weights to keep, when to slow down and stop.

Each decision is computed from the stored history, so that a run that continues after a kill decides
as if it had never stopped. (Keras's own `EarlyStopping` and `ReduceLROnPlateau` forget.)
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import keras
import pandas as pd

from ..evidence.evaluation import best_epoch
from ..progress import Say
from .box_supervision import LOGIT
from .keras_hooks import epochs_done, restart_dropouts
from .recipes import Recipe

__all__ = ["HISTORY_COLUMNS", "TrainingLog", "plateau_rate", "should_stop"]

HISTORY_COLUMNS = [
    "epoch",
    "loss",
    "accuracy",
    "auc",
    "val_loss",
    "val_accuracy",
    "val_auc",
    "learning_rate",
    "seconds",
]


def plateau_rate(history: pd.DataFrame, recipe: Recipe) -> float:
    """Return the learning rate for the next epoch under the plateau schedule.

    The rule of Keras's ``ReduceLROnPlateau`` (mode max, min_delta 1e-4, no cooldown), replayed
    over the ``val_accuracy`` of all epochs.
    """
    rate, best, wait = recipe.learning_rate, float("-inf"), 0
    for accuracy in history["val_accuracy"]:
        if accuracy > best + 1e-4:
            best, wait = accuracy, 0
            continue
        wait += 1
        if wait >= recipe.plateau_patience:
            lower = max(rate * recipe.plateau_factor, recipe.minimum_learning_rate)
            rate, wait = min(rate, lower), 0
    return rate


def should_stop(history: pd.DataFrame, recipe: Recipe) -> bool:
    """Whether all epochs are done, or the best one lies `patience` epochs behind."""
    if len(history) >= recipe.epochs:
        return True
    if not recipe.patience or history.empty:
        return False
    return int(history["epoch"].iloc[-1]) - best_epoch(history) >= recipe.patience


def _of_films(logs: dict[str, Any], name: str) -> float:
    """Return a figure of the films, also with box supervision."""
    held, name = ("val_", name[4:]) if name.startswith("val_") else ("", name)
    key = f"{held}{LOGIT}_{name}"
    return float(logs[key if key in logs else held + name])


class TrainingLog(keras.callbacks.Callback):
    """Keeps ``history.csv`` and ``kept.weights.h5`` (see `Recipe.keep`) in a folder.

    Comes before `BackupAndRestore` among the callbacks: a kill between the two leaves a row too
    many, which `resume` drops.
    """

    def __init__(self, recipe: Recipe, folder: Path, say: Say) -> None:
        super().__init__()
        self.recipe = recipe
        self.folder = folder
        self.say = say
        self.history = pd.DataFrame(columns=HISTORY_COLUMNS)
        self._epoch_began = 0.0

    @property
    def kept_epoch(self) -> int:
        """Number of the epoch whose weights are kept, from 1."""
        if self.recipe.keep == "last":
            return int(self.history["epoch"].iloc[-1])
        return best_epoch(self.history)

    @property
    def ended(self) -> bool:
        """Whether the run has no epoch left to do."""
        return should_stop(self.history, self.recipe)

    def resume(self) -> int:
        """Read what is on disk and return how many epochs are done."""
        backup, rows = self.folder / "backup", self.folder / "history.csv"
        done = epochs_done(backup)
        if done is None or not rows.is_file():
            # Weights without their note would be taken for those to begin with.
            shutil.rmtree(backup, ignore_errors=True)
            return 0
        self.history = pd.read_csv(rows).head(done)
        self.say(f"Going on after epoch {done}")
        return done

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Start the clock; set the rate where the plateau rule holds; fix what is dropped out."""
        self._epoch_began = time.monotonic()
        restart_dropouts(self.model, epoch)
        if self.recipe.schedule == "plateau":
            self.model.optimizer.learning_rate = plateau_rate(self.history, self.recipe)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Record the epoch, keep its weights if they are to be kept, report the progress."""
        logs = logs or {}
        row: dict[str, float] = {name: _of_films(logs, name) for name in HISTORY_COLUMNS[1:7]}
        row["learning_rate"] = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        row["seconds"] = round(time.monotonic() - self._epoch_began, 1)
        history = [*self.history.to_dict("records"), {"epoch": epoch + 1, **row}]
        self.history = pd.DataFrame(history, columns=HISTORY_COLUMNS)
        self.history.to_csv(self.folder / "history.csv", index=False)
        if self.kept_epoch == epoch + 1:
            self.model.save_weights(self.folder / "kept.weights.h5", overwrite=True)
        if self.ended:
            self.model.stop_training = True
        left = (self.recipe.epochs - epoch - 1) * float(self.history["seconds"].mean()) / 60
        self.say(
            f"epoch {epoch + 1}/{self.recipe.epochs}  "
            f"loss {row['loss']:.4f}  auc {row['auc']:.4f}  "
            f"val_loss {row['val_loss']:.4f}  val_accuracy {row['val_accuracy']:.4f}  "
            f"val_auc {row['val_auc']:.4f}  {row['seconds']:.0f} s"
            + (f"  at most {left:.0f} min left" if not self.ended else "  done")
        )
