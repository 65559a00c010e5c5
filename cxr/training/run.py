"""From a recipe and a data set to a bundle.

The state of a run is kept in ``<out>/.<name>.training`` until its bundle is written: a run that was
killed continues from its last whole epoch, and one that ended needs only its bundle written.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..datasets.describe import described, note
from ..datasets.folders import of_classes, select
from ..datasets.published import named_as_test_films, show_test_films
from ..datasets.table import (
    DatasetError,
    hold_out,
    read_films,
    scan,
    split_by_patient,
    splits,
    subset,
)
from ..datasets.withheld import withheld
from ..errors import CxrError
from ..films.preprocessing import Preprocessing
from ..lungs.segment import network_of
from ..model import load
from ..networks import BASES, build
from ..networks.runtime import keep_memory
from ..progress import Say, to_stderr
from ..scoring.card import TrainingStep
from ..stats.wording import count
from ..storage.atomic import write_file
from ..storage.hashes import bytes_hash
from ..storage.models import models_folder
from .box_supervision import read_places
from .fit import Material, fit
from .frozen_features import seconds_spent
from .recipes import Recipe
from .write_bundle import Training, write_bundle

__all__ = ["TrainingError", "train"]


#: A column of the films at the first step's size, where that is another.
SMALL = "small"
#: What a run goes on with only if it is as when it was started, in words if it is not.
_OTHER = {
    "recipe": "another recipe",
    "share": "another share",
    "films": "other films or splits",
    "labels": "other labels or patients",
}


class TrainingError(CxrError, RuntimeError):
    """A run that cannot start or continue."""

    code = "training"


def _build(recipe: Recipe) -> keras.Model:
    model = build(recipe.architecture, input_size=recipe.input_size, **recipe.arguments)
    if recipe.architecture in BASES:
        from ..networks.bases import load_base

        load_base(model, BASES[recipe.architecture])
    elif recipe.pretrained == "imagenet":
        from ..networks.pretrained import load_imagenet

        load_imagenet(model)
    elif recipe.start_from:
        _take_over(model, recipe)
    if model.input_shape[-1] != recipe.channels:
        raise TrainingError(
            f"{recipe.architecture} takes {model.input_shape[-1]} channels, and the recipe gives "
            f"{recipe.channels}. Change its channels."
        )
    return model


def _take_over(model: keras.Model, recipe: Recipe) -> None:
    """Start from the weights of a bundle's network."""
    weights = load(recipe.start_from).model.get_weights()
    if [weight.shape for weight in weights] != [
        tuple(expected.shape) for expected in model.weights
    ]:
        raise TrainingError(
            f"The network of {recipe.start_from} has other weights than {recipe.architecture} "
            f"with the arguments of {recipe.name}. Start from one of the same kind."
        )
    model.set_weights(weights)


def train(
    recipe: Recipe,
    data: str | Path,
    out: str | Path,
    *,
    share: float = 1.0,
    resume: bool = False,
    say: Say = to_stderr,
) -> Path:
    """Train a network and write its bundle.

    Parameters
    ----------
    recipe : Recipe
        What to train and how.
    data : str or pathlib.Path
        Folder of labeled films (`cxr.datasets.folders.scan`) with a ``train`` split. Where there
        is no ``validation`` split, a share of the patients of ``train`` becomes one. A ``test``
        split is read only to store its predictions once the network is fixed.
    out : str or pathlib.Path
        Folder in which the bundle's folder is made.
    share : float, default: 1.0
        Part of the films to use, in (0, 1], drawn without replacement.
    resume : bool, default: False
        Whether to continue with a run that was stopped.
    say : Say, optional
        Called with one line of text per epoch (default: writes to standard error).

    Returns
    -------
    pathlib.Path
        The bundle's folder.

    Raises
    ------
    TrainingError
        If a run of that name is under way and `resume` is False, or was made with another recipe,
        other films, or other labels or patients of them.
    DatasetError, ValueError
        If the films cannot be used.
    """
    keep_memory()
    state = Path(out) / f".{recipe.name}.training"
    asked = {"recipe": recipe.to_json(), "share": share}
    _check(state, asked, resume, say)
    table = scan(data, finding=recipe.finding, say=say)
    if recipe.films:
        table = select(table, recipe.films, folder=Path(data).resolve().name)
        table = table[~withheld(table, data)].reset_index(drop=True)
    table = of_classes(table, recipe.finding, say)
    if recipe.test and set(table["split"]) == {""}:
        table["split"] = "train"
    table = _kept_apart(table, named_as_test_films(table["path"]), say)
    if not (table["split"] == "train").any():
        raise DatasetError(
            f"Training takes films of {recipe.finding} and normal ones in a folder named train. "
            f"Splits here: {', '.join(name or '(none)' for name in splits(table)) or 'none'}."
        )
    if share != 1:
        table = subset(table, share, seed=recipe.seed).reset_index(drop=True)
    _check_first_step(recipe)
    keras.utils.set_random_seed(recipe.seed)
    model = _build(recipe)
    say(f"Reading {len(table)} films")
    small = _small(recipe)
    table, pixels = read_films(
        table,
        data,
        prepare=replace(recipe.to_input, channels=1),
        measure=lambda film: note(film) | ({SMALL: small(film.pixels)} if small else {}),
    )
    assert pixels is not None
    table = _kept_apart(table, show_test_films(table["phash"]), say)
    if recipe.test and "test" not in set(table["split"]):
        table = split_by_patient(table, recipe.test, seed=recipe.seed, into="test")
    table = hold_out(table, recipe.validation, seed=recipe.seed, say=say)
    for split in ("train", "validation"):
        if table.loc[table["split"] == split, "label"].nunique() < 2:
            raise TrainingError(f"The {split} films need both classes. Give more films.")
    places = read_places(table, data, recipe, model) if recipe.boxes else None
    marked, places = (places, None) if recipe.lungs else (None, places)
    # Only now: a run that cannot start leaves nothing behind that would have to be resumed.
    asked |= {
        "films": _hash(table[["path", "split", "sha256"]]),
        "labels": _hash(table[["path", "label", "patient"]]),
    }
    _claim(state, asked, resume, say)
    start = _first_step(recipe, model, table, pixels, state, say)
    lungs = _lungs(table, pixels, Path(data), recipe, say) if recipe.lungs else None
    if lungs is not None and marked is not None:
        lungs = np.concatenate([lungs, marked.masks], axis=-1)
    history, kept = fit(model, recipe, Material.of(table, pixels, places, lungs), state, say)
    say("Describing the films")
    table = described(table.drop(columns=SMALL, errors="ignore"))
    spent = seconds_spent(state)
    run = Training(recipe, model, table, pixels, history, kept, share, start, spent)
    bundle = write_bundle(run, Path(out))
    _remove(state)
    return bundle


def _hash(table: pd.DataFrame) -> str:
    return bytes_hash(table.to_csv(index=False).encode())


def _lungs(
    table: pd.DataFrame, pixels: NDArray[np.uint8], data: Path, recipe: Recipe, say: Say
) -> NDArray[np.uint8]:
    """Find the lungs of all films; masks lie in ``lungs/``, next to the data set's folder."""
    from .lung_supervision import lungs_of_films

    folder = data.resolve()
    network = network_of(models_folder()).network(recipe.input_size)
    named = table.assign(film=[f"{folder.name}/{path}" for path in table["path"]])
    # Masks are of whole films: where a margin is cut off the network tells the lungs.
    root = folder if recipe.margin else folder.parent
    found = lungs_of_films(named, pixels, root, network)
    drawn = int((found["mask"] != "").sum())
    say(f"Lungs: drawn by people on {drawn} films, by the lung network on {len(found) - drawn}")
    return np.stack([*found["lungs"]])


def _kept_apart(table: pd.DataFrame, published: NDArray[np.bool_], say: Say) -> pd.DataFrame:
    """Move films that were published as test films from any folder into the test split."""
    moved = published & table["split"].isin(["train", "validation"]).to_numpy()
    if not moved.any():
        return table
    say(
        f"Nothing is learned from {count(int(moved.sum()))} of the training folders that were "
        "published as test films: they count as test films."
    )
    return table.assign(split=table["split"].mask(moved, "test"))


def _check(state: Path, asked: dict[str, Any], resume: bool, say: Say) -> None:
    """Check that what a stopped run left, if anything, belongs to this run.

    What an earlier version did not note of it is noted now.
    """
    note = state / "run.json"
    if not note.is_file():
        return
    if not resume:
        raise TrainingError(
            f"A run of {asked['recipe']['name']} was stopped before its end. What it left is in "
            f"{state}.",
            code="resumable",
        )
    before, now = json.loads(note.read_text()), json.loads(json.dumps(asked))
    # A field that recipes have gained since then counts with its default.
    before["recipe"] = json.loads(json.dumps(Recipe.from_json(before["recipe"]).to_json()))
    if other := [key for key in now if key in before and now[key] != before[key]]:
        raise TrainingError(
            f"The run in {state} was started with {_OTHER[other[0]]}. Go on with the same, or "
            "delete the folder to start anew."
        )
    if missing := [key for key in now if key not in before]:
        say(
            f"The run in {state} was started by an earlier version, which did not note its "
            f"{missing[0]}. It goes on; if you have changed labels or patients since, stop it and "
            "delete the folder to start anew."
        )
        noted = before | {key: now[key] for key in missing}
        write_file(note, lambda path: path.write_text(json.dumps(noted, indent=1)))


def _claim(state: Path, asked: dict[str, Any], resume: bool, say: Say) -> None:
    """Make the folder of a run's state, or continue with the one that is there."""
    _check(state, asked, resume, say)
    note = state / "run.json"
    if not note.is_file():
        _remove(state)
        state.mkdir(parents=True)
        write_file(note, lambda path: path.write_text(json.dumps(asked, indent=1)))


def _remove(state: Path) -> None:
    """Remove the folder of a run's state: all at once, so that no other run goes on with a part."""
    ended = state.with_name(f"{state.name}.ended")
    shutil.rmtree(ended, ignore_errors=True)  # of one that was killed on the way
    if state.is_dir():
        state.replace(ended)
        shutil.rmtree(ended)


def _check_first_step(recipe: Recipe) -> None:
    """Check that what is learned at the first step's size fits the network."""
    size = recipe.first_step.input_size if recipe.first_step else 0
    if size in (0, recipe.input_size):
        return
    shapes = []
    with keras.StatelessScope(initialize_variables=False):  # no number is made
        for side in (size, recipe.input_size):
            model = build(recipe.architecture, **{**recipe.arguments, "input_size": side})
            shapes.append([tuple(weight.shape) for weight in model.weights])
    if shapes[0] != shapes[1]:
        raise TrainingError(
            f"{recipe.architecture} has other weights at {size} pixels than at "
            f"{recipe.input_size}. Give the first step no input_size of its own."
        )


def _small(recipe: Recipe) -> Preprocessing | None:
    """Return how films are brought to the first step's size, where that is another."""
    size = recipe.first_step.input_size if recipe.first_step else 0
    if size in (0, recipe.input_size):
        return None
    return replace(recipe.prepare_for(size), channels=1)


def _first_step(
    recipe: Recipe,
    model: keras.Model,
    table: pd.DataFrame,
    pixels: NDArray[np.uint8],
    state: Path,
    say: Say,
) -> TrainingStep | None:
    """Train on fewer or smaller films first, and leave the weights in the model."""
    first = recipe.first_step
    if first is None:
        return None
    size = first.input_size or recipe.input_size
    small = replace(
        recipe,
        epochs=first.epochs,
        input_size=size,
        validation=first.validation,
        warmup_epochs=min(recipe.warmup_epochs, first.epochs / 2),
        keep="last",
        patience=0,
        first_step=None,
    )
    # From the training films alone: what the run proper is judged on stays unseen.
    films = table[table["split"] == "train"]
    films = subset(films, first.share, seed=recipe.seed)
    films = split_by_patient(films, first.validation, seed=recipe.seed)
    rows = films.index.to_numpy()
    films = films.reset_index(drop=True)
    if size == recipe.input_size:
        # The same weights in a model of their own, which is compiled for fewer epochs.
        start, part = keras.Model(model.inputs, model.outputs, name=model.name), pixels[rows]
    else:
        start = _build(small)
        part = np.stack([*films[SMALL]])
    say(f"First step: {len(films)} films at {size} pixels")
    history, _ = fit(start, small, Material.of(films, part), state / "first", say)
    model.set_weights(start.get_weights())
    last = history.iloc[-1]
    return TrainingStep(
        films=len(films),
        input_size=size,
        epochs=len(history),
        val_accuracy=round(float(last["val_accuracy"]), 6),
        val_auc=round(float(last["val_auc"]), 6),
        wall_seconds=round(float(history["seconds"].sum()), 1),
    )
