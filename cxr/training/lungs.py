"""The lung network's training: films with masks in, weights and a table of how well they fit out.

``python -m cxr.training.lungs --data DATA --films FILMS --out DIR``. The network learns from the
children's films first; then, from those weights, once more with adults among them: for each fold
without that fold's adults, to measure, and with all, to ship. Keras's backend is free.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from keras import ops
from numpy.typing import NDArray

from ..datasets.lung_masks import read_lung_masks, read_pictures
from ..lungs.agreement import agreement
from ..networks.lung_unet import lung_unet
from ..progress import Say, to_stderr
from .first_step import build_state
from .variation import Amounts, Variation

__all__ = ["LungRecipe", "lung_films", "predict_whole", "train_lungs", "whole_batches"]

ADULTS = "covid_image_data"
CHILDREN = "kermany"


@dataclass(frozen=True)
class LungRecipe:
    """How the lung network is trained.

    Attributes
    ----------
    input_size : int
        Side of the input in pixels.
    batch_size : int
        Films in a step.
    learning_rate : float
        Of the children's run at its highest.
    weight_decay : float
        Of AdamW.
    epochs : int
        On the children's films alone.
    adult_learning_rate : float
        The same with the adults among them.
    adult_epochs : int
        With the adults among them.
    adult_times : int
        How often each adult is seen in such an epoch.
    folds : int
        That the adults are held out in, by turns.
    seed : int
        Of weights, order, variation and folds.
    amounts : Amounts
        How much films are varied.
    """

    input_size: int = 224
    batch_size: int = 64
    learning_rate: float = 3e-3
    weight_decay: float = 1e-3
    epochs: int = 32
    adult_learning_rate: float = 1e-3
    adult_epochs: int = 5
    adult_times: int = 10
    folds: int = 5
    seed: int = 0
    amounts: Amounts = field(
        default_factory=lambda: Amounts(
            rotation=15,
            scale_low=0.7,
            scale_high=1.25,
            aspect=0.25,
            shift=0.06,
            flip=0.5,
            gamma=0.4,
            contrast=0.35,
            brightness=0.15,
            tone=0.4,
            sharpness=0.9,
            noise=0.05,
            soft=0.35,
            shutters=0.3,
            devices=0.35,
            opacities=0.45,
        )
    )

    def to_json(self) -> dict[str, Any]:
        """Return the recipe as plain data."""
        return dataclasses.asdict(self)


def lung_films(data: str | Path, films: pd.DataFrame, folds: int, seed: int) -> pd.DataFrame:
    """Say which films with masks are learned from, and which are held out.

    Parameters
    ----------
    data
        Folder of the data sets, with ``lungs/masks.csv``.
    films
        A bundle's film table of the children's set: path, split, label, patient. Its validation
        patients are this network's too.
    folds
        That adults are dealt into.
    seed
        Of the dealing.

    Returns
    -------
    pandas.DataFrame
        source, film, mask, certain, label, patient, split (``train``, ``validation`` or
        ``adults``) and fold (0 for children, 1 and up for adults). Adult films of one publication
        are one patient: more is not known of them.
    """
    table = read_lung_masks(data)
    known = films.assign(film=CHILDREN + "/" + films["path"])
    known = known[["film", "split", "label", "patient"]]
    table = table.merge(known, on="film", how="left").fillna(
        {"split": "", "label": "", "patient": ""}
    )
    adult = table["source"] == ADULTS
    stems = table.loc[adult, "film"].map(lambda film: Path(film).stem.split("_Fig")[0])
    table.loc[adult, "patient"] = stems
    table.loc[adult, ["split", "label"]] = ["adults", "adult"]
    table["fold"] = 0
    patients = np.random.default_rng(seed).permutation(sorted(set(stems)))
    turns = {patient: turn % folds + 1 for turn, patient in enumerate(patients)}
    table.loc[adult, "fold"] = stems.map(turns)
    return table[table["split"].isin(["train", "validation", "adults"])].reset_index(drop=True)


def _dice(_: Any, y_pred: Any) -> Any:
    """Return the Dice of each film: 1 where mask and prediction are the same."""
    drawn = ops.cast(y_pred[..., 1] >= 0.5, "float32")
    predicted = ops.cast(y_pred[..., 0] > 0, "float32")
    overlap = ops.sum(drawn * predicted, axis=(1, 2))
    return 2 * overlap / (ops.sum(drawn + predicted, axis=(1, 2)) + 1e-6)


def _loss(_: Any, y_pred: Any) -> Any:
    """Return the cross-entropy of the pixels and one less the soft Dice, of each film."""
    logits, drawn = y_pred[..., 0], y_pred[..., 1]
    pixels = ops.mean(ops.softplus(logits) - drawn * logits, axis=(1, 2))
    chance = ops.sigmoid(logits)
    overlap = ops.sum(chance * drawn, axis=(1, 2))
    total = ops.sum(chance + drawn, axis=(1, 2))
    return pixels + 1 - (2 * overlap + 1) / (total + 1)


def whole_batches(at: NDArray[np.integer], recipe: LungRecipe) -> NDArray[np.integer]:
    """Leave out as many as whole batches do not hold: a batch of its own size is compiled anew."""
    mixed = np.random.default_rng(recipe.seed).permutation(at)
    return mixed[: max(len(at) // recipe.batch_size, 1) * recipe.batch_size]


def predict_whole(network: keras.Model, films: NDArray[Any], batch: int) -> Any:
    """Predict in whole batches; one array for each output."""
    missing = -len(films) % batch
    filled = np.concatenate([films, np.repeat(films[:1], missing, axis=0)])
    found = network.predict(filled, batch_size=batch, verbose=0)
    if isinstance(found, list | tuple):
        return [part[: len(films)] for part in found]
    return found[: len(films)]


class _Trainer:
    """The network, what varies its films, and one compiled step for all runs."""

    def __init__(self, recipe: LungRecipe, say: Say) -> None:
        self.recipe = recipe
        self.say = say
        self.network = lung_unet(recipe.input_size)
        film = keras.Input((recipe.input_size, recipe.input_size, 1), name="film")
        lungs = keras.Input((recipe.input_size, recipe.input_size, 1), name="lungs")
        varied, moved, _ = Variation(recipe.amounts, recipe.seed)(film, lungs / 255)
        both = keras.layers.Concatenate()([self.network(varied), moved])
        self.model = keras.Model([film, lungs], both)
        optimizer = keras.optimizers.AdamW(
            recipe.learning_rate, weight_decay=recipe.weight_decay, global_clipnorm=1.0
        )
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        self.model.compile(optimizer, _loss, metrics=[_dice])
        build_state(self.model, np.zeros((1, 1), np.float32))
        self.fresh = [ops.convert_to_numpy(v) for v in optimizer.variables]
        self.history: list[dict[str, Any]] = []

    def fit(
        self,
        run: str,
        films: NDArray[np.uint8],
        masks: NDArray[np.uint8],
        held: tuple[NDArray[np.uint8], NDArray[np.uint8]],
        rate: float,
        epochs: int,
    ) -> None:
        """Train on from the weights that the network has; the rate falls as a cosine."""
        for variable, value in zip(self.model.optimizer.variables, self.fresh, strict=True):
            variable.assign(value)

        def at(epoch: int, _: float) -> float:
            return rate * (0.5 + 0.5 * math.cos(math.pi * epoch / epochs)) * min(1, (epoch + 1) / 2)

        began = time.monotonic()

        def note(epoch: int, logs: dict[str, float]) -> None:
            nonlocal began
            now = time.monotonic()
            row = {
                "run": run,
                "epoch": epoch + 1,
                "loss": round(float(logs["loss"]), 5),
                "dice": round(float(logs["_dice"]), 5),
                "val_loss": round(float(logs["val_loss"]), 5),
                "val_dice": round(float(logs["val__dice"]), 5),
                "learning_rate": at(epoch, 0),
                "seconds": round(now - began, 2),
            }
            began = now
            self.history.append(row)
            self.say(json.dumps(row))

        self.model.fit(
            [films, masks],
            np.zeros((len(films), 1), np.float32),
            batch_size=self.recipe.batch_size,
            epochs=epochs,
            validation_data=(list(held), np.zeros((len(held[0]), 1), np.float32)),
            callbacks=[
                keras.callbacks.LearningRateScheduler(at),
                keras.callbacks.LambdaCallback(on_epoch_end=note),
            ],
            verbose=0,
        )

    def compare(self, films: NDArray[np.uint8], masks: NDArray[np.uint8]) -> pd.DataFrame:
        logits = predict_whole(self.network, films, self.recipe.batch_size)
        return agreement(logits[..., 0] > 0, masks[..., 0] >= 128)


def train_lungs(
    recipe: LungRecipe,
    data: str | Path,
    films: pd.DataFrame,
    out: str | Path,
    *,
    rows: int = 0,
    say: Say = to_stderr,
) -> None:
    """Train the lung network, measure it, and write what came of it.

    Parameters
    ----------
    recipe
        How.
    data, films
        See `lung_films`.
    out
        Folder: ``weights.weights.h5``, ``history.csv``, ``predictions.csv`` (one row per film that
        the weights it was compared with had not learned from) and ``recipe.json``.
    rows
        Films of each split to use, to try the run; 0 for all.
    say
        Takes a line of text after each epoch.
    """
    keras.utils.set_random_seed(recipe.seed)
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    table = lung_films(data, films, recipe.folds, recipe.seed)
    if rows:
        table = table.groupby("split").sample(rows, random_state=recipe.seed).reset_index(drop=True)
    pixels = read_pictures(table["film"], data, recipe.input_size)
    masks = read_pictures(table["mask"], data, recipe.input_size)
    say(f"{len(table)} films: {table['split'].value_counts().to_dict()}")
    train, held, adults = (
        np.flatnonzero(table["split"] == split) for split in ("train", "validation", "adults")
    )
    trainer = _Trainer(recipe, say)
    known = (pixels[held], masks[held])
    parts: list[pd.DataFrame] = []

    def measure(split: str, at: NDArray[np.integer]) -> None:
        found = trainer.compare(pixels[at], masks[at])
        facts = table.iloc[at].drop(columns=["mask", "split"]).reset_index(drop=True)
        parts.append(pd.concat([facts, found], axis=1).assign(split=split))
        pd.concat(parts, ignore_index=True).to_csv(out / "predictions.csv", index=False)
        pd.DataFrame(trainer.history).to_csv(out / "history.csv", index=False)

    at = whole_batches(train, recipe)
    trainer.fit("children", pixels[at], masks[at], known, recipe.learning_rate, recipe.epochs)
    start = trainer.network.get_weights()
    measure("adults-unseen", adults)

    def go_on(run: str, others: NDArray[np.integer]) -> None:
        trainer.network.set_weights(start)
        at = whole_batches(np.concatenate([train, np.repeat(others, recipe.adult_times)]), recipe)
        trainer.fit(
            run, pixels[at], masks[at], known, recipe.adult_learning_rate, recipe.adult_epochs
        )

    go_on("all", adults)
    trainer.network.save_weights(out / "weights.weights.h5")
    measure("validation", held)
    folds = table["fold"].to_numpy()
    for fold in sorted(set(folds[adults])):
        go_on(f"fold {fold}", adults[folds[adults] != fold])
        measure("adults-held-out", adults[folds[adults] == fold])
    (out / "recipe.json").write_text(json.dumps(recipe.to_json(), indent=1))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the training from the command line."""
    parser = argparse.ArgumentParser(prog="python -m cxr.training.lungs", description=__doc__)
    parser.add_argument("--data", required=True, help="folder of the data sets")
    parser.add_argument("--films", required=True, help="film table of a bundle on the children")
    parser.add_argument("--out", required=True, help="folder to write")
    parser.add_argument("--rows", type=int, default=0, help="films of each split, to try the run")
    parser.add_argument("--epochs", type=int, nargs=2, help="children alone, with adults")
    given = parser.parse_args(arguments)
    recipe = LungRecipe()
    if given.epochs:
        recipe = dataclasses.replace(recipe, epochs=given.epochs[0], adult_epochs=given.epochs[1])
    films = pd.read_csv(given.films, dtype=str, keep_default_na=False)
    train_lungs(recipe, given.data, films, given.out, rows=given.rows)


if __name__ == "__main__":
    main()
