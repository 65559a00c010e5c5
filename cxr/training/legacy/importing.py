"""From a stored Keras model to a bundle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...datasets.folders import (
    COLUMNS,
    NORMAL,
    DatasetError,
    of_classes,
    scan,
)
from ...datasets.published import SOURCES
from ...datasets.splits import splits
from ...datasets.table import hold_out, read_films
from ...films.preprocessing import Preprocessing
from ...networks import ARCHITECTURES, build
from ...progress import Say, to_stderr
from ...scoring.card import Architecture, Card, Imported, StoredFile, Tables, TrainingFacts
from ...scoring.classifier import Classifier
from ...scoring.film_tables import store_film_table
from ...scoring.operating_points import Calibration, OperatingPoint
from ...scoring.store import CARD, add_table, bundle_writer
from ...storage.hashes import file_hash
from ..callbacks import HISTORY_COLUMNS
from ..write_bundle import (
    DEFAULT_OPERATING_POINT,
    PREDICTION_COLUMNS,
    PREPROCESSING,
    WEIGHTS,
    data_set,
    judge,
    predict_held,
    versions,
)
from .files import Weights
from .reader import Reader
from .recognition import Match, recognize, weight_shapes
from .steps import LegacyError
from .structure import read_chain

__all__ = ["import_legacy"]

NOT_STATED = "a population that the imported file does not state"
REVERSED = (
    "On the validation films the score is higher for normal films than for others: the classes "
    "may be the other way round."
)
#: As in training: the share of the training films that is held out, and the seed of the draw.
VALIDATION = 0.1
SEED = 0
#: The threshold that a published script uses, where there is nothing to choose a better one on.
UNMEASURED = OperatingPoint(
    name="fixed-0.5",
    rule="Fixed at 0.5: there were no films to choose it on.",
    threshold=0.5,
    near=(0.45, 0.55),
    n=0,
    sensitivity=None,
    sensitivity_ci=None,
    specificity=None,
    specificity_ci=None,
)


def import_legacy(
    model: str | Path,
    weights: str | Path | None = None,
    *,
    finding: str,
    out: str | Path,
    name: str | None = None,
    data: str | Path | None = None,
    positive_first: bool = False,
    say: Say = to_stderr,
) -> Path:
    """Take over a stored Keras model.

    Parameters
    ----------
    model : str or pathlib.Path
        JSON of ``to_json``, a whole-model ``.h5`` file or a ``.keras`` file.
    weights : str or pathlib.Path, optional
        ``.h5`` file of the weights; None if `model` holds them.
    finding : str
        What the network was trained to find.
    out : str or pathlib.Path
        Folder in which the bundle's folder is made.
    name : str, optional
        Of the bundle; ``<finding>-<architecture>`` if none is given.
    data : str or pathlib.Path, optional
        Folder of labeled films with a ``train`` split, to calibrate and to choose operating points
        on. Without it there is one, fixed at 0.5, and nothing is known of it.
    positive_first : bool, default: False
        Whether the network was trained with the finding as class 0 and normal as class 1.
    say : Say, optional
        Called with a line of text: what was found, and what had to be assumed (default: writes to
        standard error).

    Returns
    -------
    pathlib.Path
        The bundle's folder.

    Raises
    ------
    LegacyError
        If the files cannot be taken over, or a bundle of that name is there.
    DatasetError
        If the films cannot be used.
    """
    model, weights = Path(model), Path(weights or model)
    with Reader() as reader:
        match = recognize(read_chain(reader.description(model)))
        name = name or f"{finding}-{match.architecture.replace('_', '-')}"
        folder = Path(out) / name
        if (folder / CARD).exists():
            raise LegacyError(f"There is a model {name} in {out} already.", code="name_taken")
        say(f"{model.name} is {match.title} at {match.size} pixels")
        values = reader.weights(weights, weight_shapes(match))
    network = _network(match, values, positive_first)
    card = _describe(match, network, name, finding, data)
    notes = [*match.notes, *_notes(card, match, positive_first, data)]
    for note in notes:
        say(note)
    origin = Imported(
        model=model.name,
        model_sha256=file_hash(model),
        weights=weights.name,
        weights_sha256=file_hash(weights),
        last_activation=match.ending,
        positive_first=positive_first,
        notes=tuple(notes),
        validation=VALIDATION,
        seed=SEED,
    )
    card = _with_origin(card, origin)
    films, pixels = pd.DataFrame(columns=COLUMNS), None
    if data:
        say("Reading the films")
        films, pixels = _films(data, card, say)
    with bundle_writer(folder) as writer:
        sha256 = writer.add(WEIGHTS, network.save_weights)
        card = replace(card, weights=StoredFile(WEIGHTS, sha256))
        predictions = pd.DataFrame(columns=PREDICTION_COLUMNS)
        if pixels is not None:
            predictions = predict_held(Classifier(folder, card), films, pixels)
            card = replace(
                card,
                data=data_set(SOURCES.get(card.data.set), films),
                default_operating_point=DEFAULT_OPERATING_POINT,
            )
            card = judge(card, predictions)
            if (card.evaluation["validation"].auc or 0) < 0.5:
                card = _with_origin(card, replace(origin, notes=(*notes, REVERSED)))
                say(REVERSED)
        columns = [*COLUMNS, "source"] if "source" in films else COLUMNS
        tables = Tables(
            history=add_table(writer, "history.csv", pd.DataFrame(columns=HISTORY_COLUMNS)),
            predictions=add_table(writer, "predictions.csv", predictions, "%.6f"),
            films=store_film_table(films[columns], Path(out)),
        )
        writer.commit(replace(card, tables=tables, evidence={}).to_bytes())
    return folder


def _with_origin(card: Card, origin: Imported) -> Card:
    return replace(card, training=replace(card.training, imported=origin))


def _network(match: Match, weights: Weights, positive_first: bool) -> keras.Model:
    """Build the network and set the weights, in which the finding comes last."""
    if positive_first:
        *_, last = weights
        if len(last["bias"]) == 2:
            last.update({key: values[..., ::-1] for key, values in last.items()})
        else:
            # The share of normal films is the sigmoid of the logit with the other sign.
            last.update({key: -values for key, values in last.items()})
    model = build(match.architecture, **match.arguments)
    layers = [layer for layer in model.layers if layer.weights]
    # The difference of two units, which some of the networks end in, has no weights of a file.
    for layer, values in zip(layers, weights, strict=False):
        layer.set_weights([values[weight.name] for weight in layer.weights])
    return model


def _describe(
    match: Match, network: keras.Model, name: str, finding: str, data: str | Path | None
) -> Card:
    """Fill in what is known before a film is scored."""
    source = SOURCES.get(Path(data).resolve().name) if data else None
    size, resample = match.size, ARCHITECTURES[match.architecture].resample
    return Card(
        name=name,
        finding=finding,
        classes=(NORMAL, finding),
        population=source.population if source else NOT_STATED,
        architecture=Architecture(match.architecture, match.arguments, int(network.count_params())),
        input=Preprocessing(size, size, match.channels, resample),
        preprocessing=PREPROCESSING,
        recipe=None,
        training=TrainingFacts(
            epochs=0, kept_epoch=0, wall_seconds=0.0, share=0.0, versions=versions()
        ),
        data=data_set(source, pd.DataFrame(columns=COLUMNS)),
        calibration=Calibration(1.0),
        operating_points=(UNMEASURED,),
        default_operating_point=UNMEASURED.name,
        evaluation={},
        weights=StoredFile(WEIGHTS, ""),
    )


def _notes(
    card: Card, match: Match, positive_first: bool, data: str | Path | None
) -> Iterator[str]:
    """Return what no file tells and had to be assumed."""
    yield (
        f"No file says how films are brought to the network's size: {card.input.resample} is "
        "assumed."
    )
    first, second = reversed(card.classes) if positive_first else card.classes
    yield f"No file says which class is which: 0 is taken as {first} and 1 as {second}."
    if match.steps[-1].get("units") == 2 and match.ending == "sigmoid":
        yield (
            "The network ends in two sigmoids. The score here is above 0.5 where that of the "
            "finding is the larger, and equals neither."
        )
    if data is None:
        yield (
            "No films were given: the score is not calibrated, and sensitivity and specificity "
            "are not known."
        )
    else:
        yield (
            "Operating points are chosen on films held out of the training films here. Where the "
            "published network learned from these, they look better than they are; its figures "
            "on the test films do not."
        )


def _films(data: str | Path, card: Card, say: Say) -> tuple[pd.DataFrame, NDArray[np.uint8]]:
    """Read labeled films and hold out validation, as training does.

    Returns
    -------
    films : pandas.DataFrame
        All of them.
    pixels : numpy.ndarray
        uint8 (films, height, width, 1), in their order.
    """
    table = of_classes(scan(data, finding=card.finding, say=say), card.finding, say)
    if set(table["split"]) == {""}:
        table["split"] = "train"
    if not (table["split"] == "train").any():
        raise DatasetError(
            f"Operating points are chosen on films of {card.finding} and normal ones in a folder "
            f"named train. Splits here: {', '.join(splits(table)) or 'none'}."
        )
    # Before the draw: films with equal pixels stay on one side.
    table, pixels = read_films(table, data, prepare=replace(card.input, channels=1))
    table = hold_out(table, VALIDATION, seed=SEED, say=say)
    if table.loc[table["split"] == "validation", "label"].nunique() < 2:
        raise DatasetError("The validation films need both classes. Give more films.")
    assert pixels is not None
    return table, pixels
