"""A recipe and a data set in, a bundle out.

The state of a run stands in ``<out>/.<name>.training`` until its bundle is written: a run that was
killed goes on from its last whole epoch, and one that ended needs only its bundle written.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from numpy.typing import NDArray

from .architectures import build
from .assembly import Training, write_bundle
from .dataset import (
    NORMAL,
    DatasetError,
    hold_out,
    read_films,
    scan,
    splits,
    subset,
)
from .feeding import batches, fixed_batches
from .journal import Journal
from .recipes import Recipe
from .runtime import keep_memory

__all__ = ["TrainingError", "batches", "settle_norms", "train"]


class TrainingError(RuntimeError):
    """A run that cannot start or go on."""


def _compile(model: keras.Model, recipe: Recipe, steps: int) -> None:
    rate: float | keras.optimizers.schedules.LearningRateSchedule = recipe.learning_rate
    if recipe.schedule == "cosine":
        warmup = round(recipe.warmup_epochs * steps)
        rate = keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=0.0 if warmup else recipe.learning_rate,
            decay_steps=recipe.epochs * steps - warmup,
            warmup_target=recipe.learning_rate if warmup else None,
            warmup_steps=warmup,
        )
    optimizer = {
        "adam": keras.optimizers.Adam,
        "adamw": keras.optimizers.AdamW,
        "rmsprop": keras.optimizers.RMSprop,
    }[recipe.optimizer](rate, weight_decay=recipe.weight_decay or None)
    if recipe.optimizer == "adamw":
        # Decay pulls kernels towards zero; biases and the norms' scales have no need of it.
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    model.compile(
        optimizer,
        keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=recipe.label_smoothing),
        metrics=[
            keras.metrics.BinaryAccuracy(threshold=0.0, name="accuracy"),
            keras.metrics.AUC(from_logits=True, name="auc"),
        ],
        jit_compile=False,
    )


def settle_norms(model: keras.Model, films: tf.data.Dataset, steps: int) -> None:
    """Measure the mean and variance of every batch normalization anew, with the final weights.

    What training leaves there is an average over the last ten batches or so: enough to move a
    validation loss by a fifth from one epoch to the next. Here every batch counts the same.

    Parameters
    ----------
    model
        A trained network; changed in place. One without batch normalization stays as it is.
    films
        Training batches, varied as in training.
    steps
        How many of them to take: an epoch's.

    References
    ----------
    Wu and Johnson, Rethinking "Batch" in BatchNorm, 2021, section 3.
    """
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    for step, (batch, *_) in enumerate(films.take(steps)):
        for norm in norms:
            norm.momentum = step / (step + 1)  # the plain average of all batches so far
        model(batch, training=True)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def _build(recipe: Recipe) -> keras.Model:
    model = build(recipe.architecture, input_size=recipe.input_size, **recipe.arguments)
    if recipe.pretrained == "imagenet":
        from .architectures.pretrained import load_imagenet

        load_imagenet(model)
    if model.input_shape[-1] != recipe.channels:
        raise TrainingError(
            f"{recipe.architecture} takes {model.input_shape[-1]} channels, and the recipe gives "
            f"{recipe.channels}. Change its channels."
        )
    return model


def train(
    recipe: Recipe,
    data: str | Path,
    out: str | Path,
    *,
    share: float = 1.0,
    resume: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Path:
    """Train a network and write its bundle.

    Parameters
    ----------
    recipe
        What to train and how.
    data
        Folder of labelled films (`cxr.layouts.scan`) with a ``train`` split. Where there is no
        ``validation`` split, a share of the patients of ``train`` becomes one. A ``test`` split
        is read only to store its predictions once the network is fixed.
    out
        Folder in which the bundle's folder is made.
    share
        Part of the films to use, in (0, 1], drawn without replacement.
    resume
        Whether to go on with a run that was stopped.
    progress
        Takes a line of text an epoch; standard error where nothing is given.

    Returns
    -------
    pathlib.Path
        The bundle's folder.

    Raises
    ------
    TrainingError
        If a run of that name is under way and `resume` is False, or was made with another recipe
        or other films.
    DatasetError, ValueError
        If the films do not serve.
    """
    keep_memory()
    say = progress or (lambda line: print(line, file=sys.stderr, flush=True))
    state = Path(out) / f".{recipe.name}.training"
    asked = {"recipe": recipe.to_json(), "share": share}
    _check(state, asked, resume)
    table = scan(data, finding=recipe.finding)
    table = table[table["label"].isin([NORMAL, recipe.finding])].reset_index(drop=True)
    if not (table["split"] == "train").any():
        raise DatasetError(
            f"Training takes films of {recipe.finding} and normal ones in a folder named train. "
            f"Splits here: {', '.join(name or '(none)' for name in splits(table)) or 'none'}."
        )
    if share != 1:
        table = subset(table, share, seed=recipe.seed).reset_index(drop=True)
    keras.utils.set_random_seed(recipe.seed)
    model = _build(recipe)
    say(f"Reading {len(table)} films")
    size = (recipe.input_size, recipe.input_size)
    table, pixels = read_films(table, data, size=size, resample=recipe.resample)
    assert pixels is not None
    table = hold_out(table, recipe.validation, seed=recipe.seed)
    for split in ("train", "validation"):
        if table.loc[table["split"] == split, "label"].nunique() < 2:
            raise TrainingError(f"The {split} films need both classes. Give more films.")
    # Only now: a run that cannot start leaves nothing behind that would have to be resumed.
    films = table[["path", "split", "sha256"]].to_csv(index=False)
    _claim(state, asked | {"films": hashlib.sha256(films.encode()).hexdigest()}, resume)
    run = _fit(recipe, model, table, pixels, state, share, say)
    bundle = write_bundle(run, Path(out))
    shutil.rmtree(state)
    return bundle


def _check(state: Path, asked: dict[str, Any], resume: bool) -> None:
    """Check that what a stopped run left, if anything, belongs to this run."""
    note = state / "run.json"
    if not note.is_file():
        return
    if not resume:
        raise TrainingError(
            f"A run of {asked['recipe']['name']} was stopped before its end. Add --resume to go "
            f"on with it, or delete {state} to start anew."
        )
    before, now = json.loads(note.read_text()), json.loads(json.dumps(asked))
    # A field that recipes have gained since then counts with its default.
    before["recipe"] = json.loads(json.dumps(Recipe.from_json(before["recipe"]).to_json()))
    if other := [key for key in now if key in before and now[key] != before[key]]:
        raise TrainingError(
            f"The run in {state} was started with another {other[0]}. Go on with the same, or "
            "delete the folder to start anew."
        )


def _claim(state: Path, asked: dict[str, Any], resume: bool) -> None:
    """Make the folder of a run's state, or go on with the one that is there."""
    _check(state, asked, resume)
    note = state / "run.json"
    if not note.is_file():
        state.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps(asked, indent=1))


def _fit(
    recipe: Recipe,
    model: keras.Model,
    table: pd.DataFrame,
    pixels: NDArray[np.uint8],
    state: Path,
    share: float,
    say: Callable[[str], None],
) -> Training:
    labels: NDArray[np.int64] = np.asarray(table["label"] != NORMAL, np.int64)
    at = {split: np.flatnonzero(table["split"] == split) for split in ("train", "validation")}
    steps = -(-len(at["train"]) // recipe.batch_size)
    _compile(model, recipe, steps)
    journal = Journal(recipe, state, say)
    done = journal.resume()
    learned = pixels[at["train"]], labels[at["train"]]
    if not journal.ended:
        model.fit(
            batches(*learned, recipe, first_epoch=done),
            validation_data=fixed_batches(
                pixels[at["validation"]], labels[at["validation"]], recipe
            ),
            epochs=recipe.epochs,
            steps_per_epoch=steps,
            shuffle=False,
            callbacks=[
                journal,
                keras.callbacks.BackupAndRestore(
                    state / "backup", double_checkpoint=True, delete_checkpoint=False
                ),
            ],
            verbose=0,
        )
    model.load_weights(state / "kept.weights.h5")
    settle_norms(model, batches(*learned, recipe, first_epoch=recipe.epochs), steps)
    return Training(recipe, model, table, pixels, journal.history, journal.kept_epoch, share)
