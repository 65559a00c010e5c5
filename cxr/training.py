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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from numpy.typing import NDArray

from .architectures import build
from .augmentation import augment
from .dataset import (
    NORMAL,
    DatasetError,
    class_weights,
    read_films,
    scan,
    split_by_patient,
    splits,
    subset,
)
from .journal import Journal
from .recipes import Recipe
from .runtime import keep_memory

__all__ = ["Training", "TrainingError", "batches", "train"]


class TrainingError(RuntimeError):
    """A run that cannot start or go on."""


@dataclass(frozen=True)
class Training:
    """What a run comes to, before it is described and stored."""

    recipe: Recipe
    model: keras.Model
    films: pd.DataFrame
    pixels: NDArray[np.uint8]
    history: pd.DataFrame
    kept_epoch: int
    subset: float


def batches(
    pixels: NDArray[np.uint8],
    labels: NDArray[np.integer],
    recipe: Recipe,
    *,
    first_epoch: int = 0,
) -> tf.data.Dataset:
    """Draw training batches without end, in an order that the seed and the step number fix.

    The step number, not the state of a generator, decides which films a batch holds and how they
    are varied, so that a run that goes on after a kill sees what it would have seen.

    Parameters
    ----------
    pixels
        uint8 (films, height, width, 1); stays in memory as it is.
    labels
        0 or 1, one a film.
    recipe
        Batch size, augmentation, class weights, channels, seed.
    first_epoch
        Epochs that lie behind.

    Returns
    -------
    tf.data.Dataset
        Of (films, labels, weights): float32 (batch, height, width, channels) in [0, 255],
        float32 (batch, 1), float32 (batch,). Every film once in ``ceil(films / batch)`` steps.
    """
    n, size = len(pixels), recipe.batch_size
    steps = -(-n // size)
    weights = class_weights(labels) if recipe.class_weights else {0: 1.0, 1: 1.0}
    films = tf.constant(pixels)
    truth = tf.constant(labels[:, None].astype(np.float32))
    weight = tf.constant(np.vectorize(weights.get)(labels).astype(np.float32))

    def batch(step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        seed = tf.stack([tf.constant(recipe.seed, tf.int64), step])
        epoch_seed = tf.stack([tf.constant(recipe.seed, tf.int64), -1 - step // steps])
        order = tf.random.experimental.stateless_shuffle(tf.range(n), epoch_seed)
        start = (step % steps) * size
        rows = order[start : tf.minimum(start + size, n)]
        x = augment(tf.gather(films, rows), recipe.augmentation, seed)
        x = tf.repeat(x, recipe.channels, axis=-1)
        return x, tf.gather(truth, rows), tf.gather(weight, rows)

    counter = tf.data.Dataset.counter(start=first_epoch * steps)
    return counter.map(batch, num_parallel_calls=2, deterministic=True).prefetch(4)


def _fixed_batches(
    pixels: NDArray[np.uint8], labels: NDArray[np.integer], recipe: Recipe
) -> tf.data.Dataset:
    """Return films as they are, for validation."""
    truth = labels[:, None].astype(np.float32)
    films = tf.data.Dataset.from_tensor_slices((pixels, truth)).batch(recipe.batch_size)
    return films.map(
        lambda x, y: (tf.repeat(tf.cast(x, tf.float32), recipe.channels, axis=-1), y)
    ).prefetch(2)


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
    keras.utils.set_random_seed(recipe.seed)
    model = _build(recipe)
    table = scan(data, finding=recipe.finding)
    table = table[table["label"].isin([NORMAL, recipe.finding])].reset_index(drop=True)
    if not (table["split"] == "train").any():
        raise DatasetError(
            f"Training takes films of {recipe.finding} and normal ones in a folder named train. "
            f"Splits here: {', '.join(name or '(none)' for name in splits(table)) or 'none'}."
        )
    if share != 1:
        table = subset(table, share, seed=recipe.seed).reset_index(drop=True)
    say(f"Reading {len(table)} films")
    size = (recipe.input_size, recipe.input_size)
    table, pixels = read_films(table, data, size=size, resample=recipe.resample)
    assert pixels is not None
    if not (table["split"] == "validation").any():
        table = split_by_patient(table, recipe.validation, seed=recipe.seed)
    for split in ("train", "validation"):
        if table.loc[table["split"] == split, "label"].nunique() < 2:
            raise TrainingError(f"The {split} films need both classes. Give more films.")
    # Only now: a run that cannot start leaves nothing behind that would have to be resumed.
    films = table[["path", "split", "sha256"]].to_csv(index=False)
    _claim(state, asked | {"films": hashlib.sha256(films.encode()).hexdigest()}, resume)
    run = _fit(recipe, model, table, pixels, state, share, say)
    from .assembly import write_bundle

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
    if not journal.ended:
        model.fit(
            batches(pixels[at["train"]], labels[at["train"]], recipe, first_epoch=done),
            validation_data=_fixed_batches(
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
    return Training(recipe, model, table, pixels, journal.history, journal.kept_epoch, share)
