"""Scores of a bundle on labeled films, for `cxr.evidence.evaluation`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..datasets.folders import DatasetError, holds_sets, of_classes, scan, select
from ..datasets.near_duplicates import any_alike
from ..datasets.table import read_films
from ..progress import Progress, Say, silent
from ..scoring.bundle import Bundle
from ..scoring.card import Card
from ..scoring.classifier import Classifier
from ..scoring.film_tables import OWN
from ..scoring.predict import logits
from ..scoring.store import CARD, add_table, bundle_writer
from ..stats.wording import count
from .evaluation import Evaluation, evaluate

__all__ = [
    "PREDICTION_COLUMNS",
    "assess",
    "evaluated",
    "films_folder",
    "has_split",
    "learned_from",
    "score_split",
    "store",
]

OWN_SPLITS = ("train", "validation", "test")
PREDICTION_COLUMNS = ["split", "path", "patient", "label", "subtype", "logit"]


def assess(
    bundle: Classifier,
    data: str | Path,
    *,
    split: str = "test",
    operating_point: str | None = None,
    keep: bool = False,
    progress: Progress | None = None,
    say: Say = silent,
) -> Evaluation:
    """Score the films of a split and evaluate the scores.

    Parameters
    ----------
    bundle, data, split, progress, say
        See `score_split`.
    operating_point : str, optional
        Name of one of the card's operating points (default: the card's default).
    keep : bool, default: False
        Whether to `store` the predictions in the bundle.

    Returns
    -------
    Evaluation

    Raises
    ------
    DatasetError, ValueError
        See `score_split` and `store`.
    """
    if keep:
        _check_external(bundle, {split})
    table = score_split(bundle, data, split=split, progress=progress, say=say)
    if keep:
        store(bundle, table)
    return evaluated(bundle, table, split, operating_point)


def evaluated(
    bundle: Bundle, table: pd.DataFrame, split: str, operating_point: str | None = None
) -> Evaluation:
    """Evaluate what `score_split` returned, at an operating point of the bundle."""
    card = bundle.card
    point = card.operating_point(operating_point)
    return evaluate(table, model=card.name, split=split, calibration=card.calibration, point=point)


def score_split(
    bundle: Classifier,
    data: str | Path,
    *,
    split: str = "test",
    progress: Progress | None = None,
    say: Say = silent,
) -> pd.DataFrame:
    """Score the films of a split.

    Films are not refused here: a figure over only the films that a model accepts means nothing.

    Parameters
    ----------
    bundle : Bundle
        The model.
    data : str or pathlib.Path
        Folder of labeled films (`cxr.datasets.folders.scan`).
    split : str, default: "test"
        ``train``, ``validation``, ``test``, the name of one of the card's external sets, or ``""``
        for a set without splits. Which films were train and which validation is as when the
        bundle was made.
    progress : Progress, optional
        Called with the films read and the films in all. Where only the pixels tell the split, these
        are all films of the folder.
    say : Say, optional
        Told of films that were left out, are in no split or have equal pixels (default: nobody is).

    Returns
    -------
    pandas.DataFrame
        `PREDICTION_COLUMNS`, and ``source`` where the set has more than one. The paths of an
        external set start with the name of its folder.

    Raises
    ------
    DatasetError
        If the folder has no such split with films of the bundle's classes.
    """
    card = bundle.card
    if split in card.external:
        table = _external(card.external[split], split, Path(data), say)
    else:
        table = scan(data, finding=card.finding, say=say)
        if card.recipe and card.recipe.films:
            table = _of_recipe(table, card.recipe.films, Path(data).resolve().name, say)
    table = of_classes(table, card.finding, say)
    own_split = split in OWN_SPLITS
    prepare = replace(card.input, channels=1)
    pixels = None
    if own_split and (split != "test" or "test" not in set(table["split"])):
        # Which films were which when the bundle was made, its own table tells, by their pixels.
        table, pixels = read_films(table, data, prepare=prepare, progress=progress)
        made = bundle.films.drop_duplicates("sha256").set_index("sha256")["split"]
        table["split"] = table["sha256"].map(made).fillna(table["split"])
    known = sorted({*table["split"], *card.external})
    rows = (table["split"] == split).to_numpy()
    table = table[rows].reset_index(drop=True)
    if table.empty:
        raise DatasetError(
            f"There are no films of {card.finding} or normal in the split {split!r}. "
            f"Splits here: {', '.join(name or '(none)' for name in known)}."
        )
    if pixels is None:
        table, pixels = read_films(table, data, prepare=prepare, progress=progress)
    else:
        pixels = pixels[rows]
    assert pixels is not None
    if twins := int(table.duplicated("sha256", keep=False).sum()):
        say(f"{count(twins)} of {len(table):,} have the same pixels as another; each counts.")
    table["logit"] = logits(bundle, pixels)
    if films_folder(bundle, data, split) != Path(data):
        table["path"] = Path(data).resolve().name + "/" + table["path"]
    columns = [*PREDICTION_COLUMNS, *(["source"] if "source" in table else [])]
    return table[columns]


def has_split(bundle: Bundle, data: str | Path, split: str, *, whole: bool = False) -> bool:
    """Whether a folder is one of a model's own sets, and has films of a split of it.

    Films of other folders are a site's: see `cxr.site.films`.

    Parameters
    ----------
    bundle : Bundle
    data : str or pathlib.Path
        The folder.
    split : str
        As for `score_split`.
    whole : bool, default: False
        Whether films of all sources that the model learned from must be there.
    """
    card = bundle.card
    folder = Path(data).resolve().name
    try:
        table = scan(data, finding=card.finding)
        if split in card.external:
            return not select(table, card.external[split], folder=folder).empty
        if card.recipe and (parts := card.recipe.films):
            there = set(table.get("source", folder) + "/" + table["label"])
            return there >= set(parts) if whole else not there.isdisjoint(parts)
        table = of_classes(table, card.finding)
        # Which films are validation, pixels alone may tell.
        own = split in OWN_SPLITS and _knows_films(bundle)
        own = own and bool(bundle.films["path"].isin(table["path"]).any())
        return own or split in set(table["split"])
    except DatasetError:
        return False


def _knows_films(bundle: Bundle) -> bool:
    return bundle.card.tables.films is not None or (bundle.folder / OWN).is_file()


def learned_from(bundle: Bundle, films: pd.DataFrame) -> NDArray[np.bool_]:
    """Say of films which the model learned from or was chosen on: figures on them mean nothing.

    Known are films of equal pixels, and copies that were compressed, rescaled or cropped anew,
    whose fingerprints are alike (`cxr.datasets.near_duplicates`): of 10,170 films compared with all
    that a model which ships has learned from, none was taken for a copy.

    Parameters
    ----------
    bundle : Bundle
        A model that was imported without films knows none.
    films : pandas.DataFrame
        ``sha256`` of the pixels, and ``phash``; "" where unknown.

    Returns
    -------
    numpy.ndarray
        bool (films,).
    """
    if not _knows_films(bundle):
        return np.zeros(len(films), np.bool_)
    own = bundle.films[bundle.films["split"].isin(("train", "validation"))]
    known = np.array(films["sha256"].isin(set(own["sha256"]) - {""}), np.bool_)
    if "phash" in own:
        shown = np.flatnonzero((films["phash"] != "").to_numpy())
        prints = own.loc[own["phash"] != "", "phash"]
        known[shown] |= any_alike(films["phash"].iloc[shown].tolist(), prints.tolist())
    return known


def _of_recipe(table: pd.DataFrame, parts: Sequence[str], folder: str, say: Say) -> pd.DataFrame:
    """Keep the films of the sources that a model learned from; one of the sets' folders will do."""
    keys = set(table.get("source", folder) + "/" + table["label"])
    there = [part for part in parts if part in keys]
    if there and (missing := [part for part in parts if part not in keys]):
        say(f"Not in this folder: films of {', '.join(missing)}.")
    return select(table, there or parts, folder=folder)


def films_folder(bundle: Bundle, data: str | Path, split: str) -> Path:
    """Return the folder that the paths of `score_split` start from.

    The films' own, but of an external set the folder of all sets, whichever of the two was given.
    """
    data = Path(data)
    alone = split in bundle.card.external and not holds_sets(data)
    return data.resolve().parent if alone else data


def _external(parts: Sequence[str], name: str, data: Path, say: Say) -> pd.DataFrame:
    table = select(scan(data, say=say), parts, folder=data.resolve().name)
    return table.assign(split=name)


def store(bundle: Bundle, table: pd.DataFrame) -> None:
    """Keep the predictions of an external set in the bundle, and its figures in the card.

    Predictions of that set that are there already are replaced; those of other splits, and the
    operating points, which hold for the weights, stay as they are.

    Parameters
    ----------
    bundle : Bundle
        The model; its folder is written to.
    table : pandas.DataFrame
        What `score_split` returned.

    Raises
    ------
    ValueError
        If the films are of one of the bundle's own splits, which are stored when it is made.
    """
    names = set(table["split"])
    _check_external(bundle, names)
    table = table.assign(logit=table["logit"].round(6)).sort_values("path")
    figures = {name: evaluated(bundle, table, name) for name in sorted(names)}
    with bundle_writer(bundle.folder) as writer:
        # As it is on disk: another set may have been stored since this bundle was loaded.
        stored = Bundle(bundle.folder, Card.read(bundle.folder / CARD))
        kept = stored.predictions[~stored.predictions["split"].isin(names)]
        merged = pd.concat([kept, table], ignore_index=True)
        if "source" in merged:
            merged["source"] = merged["source"].fillna("")
        predictions = add_table(writer, "predictions.csv", merged, "%.6f")
        card = replace(
            stored.card,
            evaluation=stored.card.evaluation | figures,
            tables=replace(stored.card.tables, predictions=predictions),
        )
        writer.commit(card.to_bytes())


def _check_external(bundle: Bundle, names: set[str]) -> None:
    known = bundle.card.external
    if not names <= set(known):
        raise ValueError(
            f"Only external sets are stored afterwards. Expected {', '.join(known) or 'none'}. "
            f"Received: {', '.join(sorted(names))}"
        )
