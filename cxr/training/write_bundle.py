"""From a trained network to a bundle: predictions, calibration, operating points, card, files."""

from __future__ import annotations

import logging
import platform
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import PIL
import tensorflow as tf
from numpy.typing import NDArray

from ..datasets.describe import FACTS
from ..datasets.folders import COLUMNS, NORMAL
from ..datasets.published import SOURCES, Source
from ..datasets.table import balance
from ..evidence.evaluation import evaluate
from ..evidence.folds import FILE as FOLDS
from ..evidence.folds import left_out_point
from ..evidence.score_split import PREDICTION_COLUMNS
from ..networks import BASES, build
from ..networks.engine import ExportError
from ..networks.export_record import Export
from ..scoring.card import (
    Architecture,
    Base,
    Card,
    DataSet,
    FilmCount,
    StoredFile,
    Tables,
    TrainingFacts,
    TrainingStep,
)
from ..scoring.classifier import Classifier
from ..scoring.export import add_to_bundle
from ..scoring.film_tables import store_film_table
from ..scoring.operating_points import Calibration, choose, fit_temperature
from ..scoring.predict import logits
from ..scoring.scores import labels_of
from ..scoring.store import add_table, bundle_writer
from ..stats.bootstrap import owners
from ..storage.atomic import FolderWriter
from .float16 import halve
from .recipes import Recipe

__all__ = [
    "DEFAULT_OPERATING_POINT",
    "PREDICTION_COLUMNS",
    "PREPROCESSING",
    "WEIGHTS",
    "Training",
    "data_set",
    "judge",
    "predict_held",
    "versions",
    "write_bundle",
]

logger = logging.getLogger(__name__)

PREPROCESSING = (
    "Grey, the margin cut off, squashed to the input size (see resample), rounded to 0..255, "
    "levels equalized where said, repeated for each channel; scaled inside the graph."
)
DEFAULT_OPERATING_POINT = "sensitivity-95"
WEIGHTS = "weights.weights.h5"
HEAD_WEIGHTS = "head.weights.h5"


@dataclass(frozen=True)
class Training:
    """The result of a training run, before it is described and stored.

    Attributes
    ----------
    recipe : Recipe
        The recipe.
    model : keras.Model
        The trained network.
    films : pandas.DataFrame
        Table of the films.
    pixels : numpy.ndarray of uint8
        Shape (films, height, width, 1), in the table's order.
    history : pandas.DataFrame
        The training log, one row per epoch.
    kept_epoch : int
        The epoch whose weights are kept.
    subset : float
        Share of the films that were used.
    first_step : dict
        The result of a shorter run before this one; empty if there was none.
    feature_seconds : float
        Wall time of computing the features of a frozen base.
    versions : dict of str to str or None
        What it was trained with, where that is not what runs now; see `versions`.
    folds : pandas.DataFrame or None
        What networks of the same recipe said of sources left out: `cxr.evidence.folds`.
    """

    recipe: Recipe
    model: keras.Model
    films: pd.DataFrame
    pixels: NDArray[np.uint8]
    history: pd.DataFrame
    kept_epoch: int
    subset: float
    first_step: TrainingStep | None = None
    feature_seconds: float = 0.0
    versions: dict[str, str] | None = None
    folds: pd.DataFrame | None = None


def write_bundle(run: Training, out: Path) -> Path:
    """Score the validation and test films, choose the operating points, write the bundle.

    Calibration and operating points are fitted on validation alone. The bundle appears whole or
    not at all, and until then one of that name that is there stays: `cxr.storage.atomic`.

    Parameters
    ----------
    run : Training
        The trained network with its films.
    out : pathlib.Path
        The folder to put the bundle's folder in. A bundle of that name there is replaced.

    Returns
    -------
    pathlib.Path
        ``out/<finding>-<architecture>``.
    """
    folder = out / run.recipe.name
    with bundle_writer(folder) as writer:
        card = _describe(run, _save_weights(run, writer))
        bundle = Classifier(folder, card)
        predictions = predict_held(bundle, run.films, run.pixels)
        tables = Tables(
            history=add_table(writer, "history.csv", run.history),
            predictions=add_table(writer, "predictions.csv", predictions, "%.6f"),
            films=store_film_table(run.films[_kept(run.films, [*COLUMNS, *FACTS])], out),
        )
        exported = _export(writer, bundle)
        evidence = {}
        if run.folds is not None:
            evidence[FOLDS] = add_table(writer, FOLDS, run.folds, "%.6f").sha256
        card = replace(
            judge(card, predictions, run.folds), tables=tables, export=exported, evidence=evidence
        )
        writer.commit(card.to_bytes(), alone=True)
    return folder


def _save_weights(run: Training, writer: FolderWriter) -> StoredFile:
    """Write the weights without the optimizer, whose state Keras would store with them.

    Of a network on a frozen base, only the head.
    """
    recipe = run.recipe
    model = build(recipe.architecture, input_size=recipe.input_size, **recipe.arguments)
    model.set_weights(run.model.get_weights())
    name = WEIGHTS
    if recipe.architecture in BASES:
        from ..networks.bases import head_of

        model, name = head_of(model), HEAD_WEIGHTS

    def write(path: Path) -> None:
        model.save_weights(path)
        if recipe.storage == "float16":
            halve(path)

    return StoredFile(name, writer.add(name, write))


def _export(writer: FolderWriter, bundle: Classifier) -> Export | None:
    """Add the export of the weights as they are stored; None where none can be made.

    The weights of a frozen base are not the bundle's to bring along: `cxr.scoring.export`.
    """
    from ..networks.export import has_converter

    if bundle.card.architecture.base or not has_converter():
        return None
    try:
        return add_to_bundle(writer, bundle.card, bundle.network.model)
    except ExportError as error:  # the network is trained all the same
        logger.warning("%s has no export: %s", bundle.name, error)
        return None


def _describe(run: Training, weights: StoredFile) -> Card:
    """Fill in all that is known before a film is scored."""
    recipe = run.recipe
    source = SOURCES[recipe.source]
    base = BASES.get(recipe.architecture)
    return Card(
        name=recipe.name,
        finding=recipe.finding,
        classes=(NORMAL, recipe.finding),
        population=source.population,
        architecture=Architecture(
            recipe.architecture,
            {"input_size": recipe.input_size, **recipe.arguments},
            int(run.model.count_params()),
            Base(base, "imagenet") if base else None,
        ),
        input=recipe.to_input,
        preprocessing=PREPROCESSING,
        recipe=recipe,
        training=TrainingFacts(
            epochs=len(run.history),
            kept_epoch=run.kept_epoch,
            wall_seconds=round(float(run.history["seconds"].sum()), 1),
            share=run.subset,
            versions=versions() if run.versions is None else run.versions,
            feature_seconds=round(run.feature_seconds, 1),
            first_step=run.first_step,
        ),
        data=data_set(source, run.films),
        calibration=Calibration(1.0),
        operating_points=(),
        default_operating_point=DEFAULT_OPERATING_POINT,
        evaluation={},
        weights=weights,
    )


def versions() -> dict[str, str]:
    """Return the versions of what a bundle is made with."""
    return {
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "pillow": PIL.__version__,
    }


def data_set(source: Source | None, films: pd.DataFrame) -> DataSet:
    """Describe labeled films for a card: the published set, and the films per split and class."""
    rows = balance(films)[["split", "label", "films", "patients"]].to_dict("records")
    counts = tuple(FilmCount(**{str(key): value for key, value in row.items()}) for row in rows)
    if source is None:
        return DataSet("", "", "", "", "", counts)
    return DataSet(source.name, source.title, source.citation, source.doi, source.licence, counts)


def predict_held(
    bundle: Classifier, films: pd.DataFrame, pixels: NDArray[np.uint8]
) -> pd.DataFrame:
    """Score the films that the network did not learn from, through the bundle as stored.

    Parameters
    ----------
    bundle : Bundle
        The model.
    films : pandas.DataFrame
        A film table; those of the splits validation and test are scored.
    pixels : numpy.ndarray of uint8
        uint8 (films, height, width, 1 or 3), one per row of the table.

    Returns
    -------
    pandas.DataFrame
        A predictions table: validation first, then by path.
    """
    held = np.flatnonzero(films["split"].isin(["validation", "test"]))
    table = films.iloc[held].copy()
    table["logit"] = logits(bundle, pixels[held])
    table = table.sort_values(["split", "path"], ascending=[False, True], ignore_index=True)
    # Rounded as they are stored, so that the card's figures are those of the file.
    table["logit"] = table["logit"].round(6)
    return table[_kept(table, PREDICTION_COLUMNS)]


def _kept(table: pd.DataFrame, columns: list[str]) -> list[str]:
    """Name the columns that are there, the source with them where the set has more than one."""
    return [column for column in [*columns, "source"] if column in table]


def judge(card: Card, predictions: pd.DataFrame, folds: pd.DataFrame | None = None) -> Card:
    """Fit calibration and operating points on validation, then evaluate each split once.

    Where sources were left out, the default operating point is the one that holds there.

    Parameters
    ----------
    card : Card
        Without calibration, operating points and figures, or with others.
    predictions : pandas.DataFrame
        A predictions table with a validation split.
    folds : pandas.DataFrame, optional
        What networks of the same recipe said of sources left out: `cxr.evidence.folds`.

    Returns
    -------
    Card
        With all three.
    """
    validation = predictions[predictions["split"] == "validation"]
    truth = labels_of(validation)
    calibration = fit_temperature(validation["logit"].to_numpy(), truth)
    scores = calibration.score(validation["logit"].to_numpy())
    points = choose(scores, truth, owners(validation), seed=card.seed)
    default = card.default_operating_point
    if folds is not None:
        points.append(left_out_point(folds, seed=card.seed))
        default = points[-1].name
    judged = replace(
        card,
        calibration=calibration,
        operating_points=tuple(points),
        default_operating_point=default,
    )
    figures = {
        split: evaluate(
            predictions,
            model=card.name,
            split=split,
            calibration=calibration,
            point=judged.operating_point(),
        )
        for split in predictions["split"].unique()
    }
    return replace(judged, evaluation=figures)
