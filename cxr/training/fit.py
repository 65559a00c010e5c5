"""Weights fitted to films: a whole network, the head of a frozen base, or a logistic regression.

Each leaves its weights in the network and returns the history and the epoch that was kept.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Self

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from numpy.typing import NDArray

from ..datasets.table import NORMAL
from ..model import load
from ..networks import BASELINES, BASES
from ..progress import Say
from .batches import (
    batches,
    feature_batches,
    fixed_batches,
    fixed_features,
    fixed_lung_batches,
    lung_batches,
)
from .box_supervision import (
    EVIDENCE,
    LOGIT,
    Places,
    with_evidence,
)
from .callbacks import HISTORY_COLUMNS, TrainingLog
from .first_step import build_state
from .initialization import settle_units
from .lung_supervision import LungTaught, film_weights, move_origin, rate_at
from .recipes import Recipe

__all__ = ["Material", "compile_for", "fit", "settle_norms"]

#: Batches that the initial weights are settled on.
SETTLING = 4


@dataclass(frozen=True)
class Material:
    """The films of the training and validation splits, with their labels, boxes and lungs.

    Attributes
    ----------
    films, held_films : numpy.ndarray of uint8
        Shape (films, height, width, 1), of training and of validation.
    labels, held_labels : numpy.ndarray of int64
        Shape (films,): 0 or 1.
    places, held_places : Places or None
        The boxes for box supervision, if any: `cxr.training.box_supervision.read_places`.
    lungs, held_lungs : numpy.ndarray of uint8 or None
        For lung supervision: the films' shape, 255 inside; boxes as a second channel.
    shares : numpy.ndarray of float32 or None
        Weights of the training films where they are of several sources.
    """

    films: NDArray[np.uint8]
    labels: NDArray[np.int64]
    held_films: NDArray[np.uint8]
    held_labels: NDArray[np.int64]
    places: Places | None = None
    held_places: Places | None = None
    lungs: NDArray[np.uint8] | None = None
    held_lungs: NDArray[np.uint8] | None = None
    shares: NDArray[np.float32] | None = None

    @classmethod
    def of(
        cls,
        table: pd.DataFrame,
        pixels: NDArray[np.uint8],
        places: Places | None = None,
        lungs: NDArray[np.uint8] | None = None,
    ) -> Self:
        """Take the rows of a film table apart."""
        labels: NDArray[np.int64] = np.asarray(table["label"] != NORMAL, np.int64)
        train, held = (np.flatnonzero(table["split"] == s) for s in ("train", "validation"))
        taught, shown = (places and places.at(rows) for rows in (train, held))
        inside = (None, None) if lungs is None else (lungs[train], lungs[held])
        several = "source" in table and table["source"].nunique() > 1
        shares = film_weights(table.iloc[train]) if several and lungs is not None else None
        films, truth = (pixels[train], labels[train]), (pixels[held], labels[held])
        return cls(*films, *truth, taught, shown, inside[0], inside[1], shares)


def fit(
    model: keras.Model,
    recipe: Recipe,
    material: Material,
    state: Path,
    say: Say,
) -> tuple[pd.DataFrame, int]:
    """Fit a network's weights as its recipe says, continuing from what is in `state`.

    Returns
    -------
    history : pandas.DataFrame
        The columns of `cxr.training.callbacks.HISTORY_COLUMNS`, one row per epoch.
    kept_epoch : int
        The epoch whose weights the network holds, from 1.
    """
    if recipe.architecture in BASELINES:
        return _fit_regression(model, recipe, material)
    if recipe.architecture in BASES:
        return _fit_head(model, recipe, material, state, say)
    if recipe.lungs:
        return _fit_with_lungs(model, recipe, material, state, say)
    steps = -(-len(material.labels) // recipe.batch_size)
    taught = with_evidence(model) if recipe.boxes else model

    def feed(first_epoch: int) -> tf.data.Dataset:
        films, labels, places = material.films, material.labels, material.places
        return batches(films, labels, recipe, places=places, first_epoch=first_epoch)

    if recipe.settle_units and recipe.first_step is None:  # else that step's weights are there
        first = [films for films, *_ in feed(0).take(SETTLING)]
        settle_units(model, np.concatenate(first))
    held = fixed_batches(
        material.held_films, material.held_labels, recipe, places=material.held_places
    )
    log = _fit_epochs(taught, recipe, feed, held, steps, state, say)
    settle_norms(model, feed(recipe.epochs), steps)
    return log.history, log.kept_epoch


def _fit_head(
    model: keras.Model,
    recipe: Recipe,
    material: Material,
    state: Path,
    say: Say,
) -> tuple[pd.DataFrame, int]:
    from ..networks.bases import head_of
    from .frozen_features import FeatureStore

    store = FeatureStore(model, recipe, state / "features")
    features = store.of("train", material.films, variants=recipe.variants, varied=True, say=say)
    held = store.of("validation", material.held_films, say=say)[0]
    steps = -(-len(material.labels) // recipe.batch_size)

    def feed(first_epoch: int) -> tf.data.Dataset:
        return feature_batches(features, material.labels, recipe, first_epoch=first_epoch)

    log = _fit_epochs(
        head_of(model),
        recipe,
        feed,
        fixed_features(held, material.held_labels, recipe),
        steps,
        state,
        say,
    )
    return log.history, log.kept_epoch


def _fit_with_lungs(
    network: keras.Model, recipe: Recipe, material: Material, state: Path, say: Say
) -> tuple[pd.DataFrame, int]:
    """Run the epochs on a network with its lung supervision; average the last ones' weights."""
    settings = recipe.lungs
    if settings is None or material.lungs is None or material.held_lungs is None:
        raise ValueError(f"Expected the lungs of each film for {recipe.name}. Received: none")
    teachers = {name: load(name).model for name in recipe.teachers}
    taught = LungTaught(network, recipe, teachers)
    taught.compile(recipe)
    lungs, held_lungs = material.lungs, material.held_lungs
    steps = -(-len(material.labels) // recipe.batch_size)
    first = recipe.epochs - settings.averaged

    def weights_of(epoch: int) -> Path:
        return state / f"epoch-{epoch}.weights.h5"

    def keep(epoch: int, _: object) -> None:
        if epoch >= first:
            network.save_weights(weights_of(epoch), overwrite=True)

    log = _fit_epochs(
        taught.model,
        recipe,
        lambda done: lung_batches(
            material.films, material.labels, lungs, recipe, done, material.shares
        ),
        fixed_lung_batches(material.held_films, material.held_labels, held_lungs, recipe),
        steps,
        state,
        say,
        more=[
            keras.callbacks.LearningRateScheduler(rate_at(recipe)),
            keras.callbacks.LambdaCallback(on_epoch_end=keep),
        ],
    )
    late = []
    for epoch in range(first, recipe.epochs):
        network.load_weights(weights_of(epoch))
        late.append(network.get_weights())
    network.set_weights([np.mean(parts, axis=0) for parts in zip(*late, strict=True)])
    # Their norms keep the averages as well: measured anew they were no better on validation.
    move_origin(network, settings.origin)
    return log.history, log.kept_epoch


def _fit_epochs(
    model: keras.Model,
    recipe: Recipe,
    feed: Callable[[int], tf.data.Dataset],
    held: tf.data.Dataset,
    steps: int,
    state: Path,
    say: Say,
    *,
    more: Sequence[keras.callbacks.Callback] = (),
) -> TrainingLog:
    """Run the epochs that are left; the model then has the kept weights.

    A model that is compiled already stays as it is. Further callbacks come before the log.
    """
    state.mkdir(parents=True, exist_ok=True)
    if not model.compiled:
        compile_for(model, recipe, steps)
    build_state(model, *next(iter(held))[1:])
    log = TrainingLog(recipe, state, say)
    done = log.resume(model)
    if not log.ended:
        model.fit(
            feed(done),
            validation_data=held,
            initial_epoch=done,
            epochs=recipe.epochs,
            steps_per_epoch=steps,
            shuffle=False,
            callbacks=[*more, log],
            verbose=0,
        )
    log.load_kept(model)
    return log


def _fit_regression(
    model: keras.Model, recipe: Recipe, material: Material
) -> tuple[pd.DataFrame, int]:
    """Solve a logistic regression on the layer ``pixels``, exactly rather than in epochs.

    The pixels are standardized for it, and the standardization goes into the weights.
    """
    from sklearn.linear_model import LogisticRegression

    began = time.monotonic()
    seen = keras.Model(model.input, model.get_layer("pixels").output)
    x = np.asarray(seen(material.films.astype(np.float32)), np.float64)
    mean, spread = x.mean(axis=0), x.std(axis=0) + 1e-6
    solver = LogisticRegression(
        C=1 / (recipe.weight_decay * len(x)),
        class_weight="balanced" if recipe.class_weights else None,
        max_iter=2000,
    ).fit((x - mean) / spread, material.labels)
    kernel = solver.coef_[0] / spread
    bias = solver.intercept_ - kernel @ mean
    model.get_layer("logit").set_weights([kernel[:, None], bias])
    compile_for(model, recipe, 1)
    row = {"epoch": 1, "learning_rate": recipe.learning_rate}
    for prefix, films, labels in (
        ("", material.films, material.labels),
        ("val_", material.held_films, material.held_labels),
    ):
        measured = model.evaluate(fixed_batches(films, labels, recipe), verbose=0, return_dict=True)
        row |= {f"{prefix}{name}": measured[name] for name in ("loss", "accuracy", "auc")}
    row["seconds"] = round(time.monotonic() - began, 1)
    return pd.DataFrame([row], columns=HISTORY_COLUMNS), 1


def compile_for(model: keras.Model, recipe: Recipe, steps: int) -> None:
    """Compile a network with its recipe's optimizer, loss and schedule; steps are an epoch's."""
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
        "lbfgs": keras.optimizers.Adam,  # a regression is solved elsewhere; this only measures it
    }[recipe.optimizer](rate, weight_decay=recipe.weight_decay or None)
    if recipe.optimizer == "adamw":
        # Decay pulls kernels towards zero; biases and the norms' scales have no need of it.
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    loss = keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=recipe.label_smoothing)
    metrics = [
        keras.metrics.BinaryAccuracy(threshold=0.0, name="accuracy"),
        keras.metrics.AUC(from_logits=True, name="auc"),
    ]
    if isinstance(
        model.output, dict
    ):  # a film's label and its places: `cxr.training.box_supervision`
        model.compile(
            optimizer,
            {LOGIT: loss, EVIDENCE: keras.losses.BinaryCrossentropy(from_logits=True)},
            loss_weights={LOGIT: 1.0, EVIDENCE: recipe.boxes_weight},
            metrics={LOGIT: metrics},
            jit_compile=False,
        )
    else:
        model.compile(optimizer, loss, metrics=metrics, jit_compile=False)


def settle_norms(model: keras.Model, films: Iterable[tuple[Any, ...]], steps: int) -> None:
    """Measure the mean and variance of every batch normalization again, with the final weights.

    What training leaves there is an average over the last ten batches or so: enough to move a
    validation loss by a fifth from one epoch to the next. Here every batch counts the same.

    Parameters
    ----------
    model : keras.Model
        A trained network; changed in place. One without batch normalization stays as it is.
    films : iterable of tuple
        Training batches, varied as in training; of each tuple the first is seen.
    steps : int
        How many of them to take: an epoch's.

    References
    ----------
    Wu and Johnson, Rethinking "Batch" in BatchNorm, 2021, section 3.
    """
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    for step, (batch, *_) in enumerate(islice(films, steps)):
        for norm in norms:
            norm.momentum = step / (step + 1)  # the plain average of all batches so far
        model(batch, training=True)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
