"""The training log: a run's history on disk, which weights to keep, when to slow down and stop.

Each decision is computed from the stored history, so that a run that continues after a kill decides
as if it had never stopped. (Keras's own `EarlyStopping` and `ReduceLROnPlateau` forget.)
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import keras
import pandas as pd

from ..evidence.evaluation import best_epoch
from ..progress import Say
from ..storage.atomic import FolderWriter, located, read_checked
from ..storage.hashes import file_hash
from ..storage.records import Bounds, RecordError, Sha256, decode, encode, read_plain
from .box_supervision import LOGIT
from .keras_hooks import restart_dropouts
from .recipes import Recipe

__all__ = ["HISTORY_COLUMNS", "TrainingLog", "plateau_rate", "should_stop"]

#: In the folder of a run: what names the files of its last whole epoch, and those files.
HEAD = "epoch.json"
HISTORY, LATEST, KEPT = "history.csv", "latest.weights.h5", "kept.weights.h5"

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


@dataclass(frozen=True)
class WholeEpoch:
    """The last epoch that a run has done, and the files of it.

    Attributes
    ----------
    epoch : int
        Its number, from 1; 0 if none is done.
    files : dict of str to str
        SHA-256 of each file, by its name.
    """

    epoch: Annotated[int, Bounds(least=0)] = 0
    files: dict[str, Sha256] = field(default_factory=dict)


class TrainingLog(keras.callbacks.Callback):
    """Keeps in a folder, epoch by epoch, all that a run needs to go on after a kill.

    That is ``history.csv``, ``latest.weights.h5`` (the network and its optimizer) and
    ``kept.weights.h5`` (see `Recipe.keep`). They are replaced together, so that a kill at any
    moment leaves those of one whole epoch: `cxr.storage.atomic`.
    """

    def __init__(self, recipe: Recipe, folder: Path, say: Say) -> None:
        super().__init__()
        self.recipe = recipe
        self.folder = folder
        self.say = say
        self.history = pd.DataFrame(columns=HISTORY_COLUMNS)
        self._whole = WholeEpoch()
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

    def resume(self, model: keras.Model) -> int:
        """Take up what is on disk, and return how many epochs are done.

        Parameters
        ----------
        model : keras.Model
            Compiled. It gets the weights of the last whole epoch, and its optimizer that state.

        Returns
        -------
        int
            0 where nothing is on disk, or it is damaged, which is said.
        """
        if not (self.folder / HEAD).is_file():
            return 0
        try:
            whole = decode(WholeEpoch, read_plain(self.folder / HEAD))
            history = read_checked(self.folder, HISTORY, whole.files[HISTORY])
            for name in (LATEST, KEPT):
                if file_hash(located(self.folder, name, whole.files[name])) != whole.files[name]:
                    raise RecordError(f"{name} was changed")
        except (OSError, ValueError, KeyError):
            self.say("What is left of the run before is damaged: it begins anew")
            return 0
        self._whole, self.history = whole, pd.read_csv(io.BytesIO(history))
        if model.optimizer is not None and not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        model.load_weights(self._located(LATEST))
        self.say(f"Going on after epoch {whole.epoch}")
        return whole.epoch

    def load_kept(self, model: keras.Model) -> None:
        """Give a model the weights that are kept."""
        model.load_weights(self._located(KEPT))

    def _located(self, name: str) -> Path:
        return located(self.folder, name, self._whole.files[name])

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
        self._store(epoch + 1)
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

    def _store(self, epoch: int) -> None:
        """Put the files of an epoch in the place of those of the one before."""
        new: dict[str, Callable[[Path], object]] = {
            HISTORY: lambda path: self.history.to_csv(path, index=False),
            LATEST: self.model.save_weights,
        }
        if self.kept_epoch == epoch:
            new[KEPT] = self.model.save_weights
        with FolderWriter(self.folder, HEAD) as writer:
            files = {name: writer.add(name, write) for name, write in new.items()}
            whole = WholeEpoch(epoch, self._whole.files | files)
            writer.commit((json.dumps(encode(whole), indent=1) + "\n").encode())
        self._whole = whole
