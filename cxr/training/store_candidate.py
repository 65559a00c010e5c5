"""A candidate of `cxr.training.lung_candidates` or `source_folds` becomes its recipe's bundle.

``python -m cxr.training.store_candidate --run DIR --candidate NAME --recipe RECIPE --data SET``
``--films TABLE --out MODELS``. Calibration and operating points are chosen on validation, and the
test films are scored once. The same recipe trains a bundle from nothing with ``cxr train``; this is
for weights that were trained on another machine or backend.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from ..datasets.describe import described
from ..datasets.describe import note as note_film
from ..datasets.table import read_films
from ..evidence.folds import COLUMNS
from ..networks import build
from ..networks.runtime import keep_memory
from ..progress import Say, to_stderr
from .callbacks import HISTORY_COLUMNS
from .lung_supervision import move_origin
from .recipes import Recipe, find_recipe
from .write_bundle import Training, write_bundle

__all__ = ["store_candidate"]

#: What a candidate's name ends in where the weights of its last epochs were averaged.
AVERAGED = "-averaged"
#: What it ends in where folds left sources out, and this one none.
WHOLE = ".all"


def store_candidate(
    recipe: Recipe,
    run: str | Path,
    candidate: str,
    data: str | Path,
    films: pd.DataFrame,
    out: str | Path,
    *,
    say: Say = to_stderr,
) -> Path:
    """Write the bundle of weights that are there.

    Parameters
    ----------
    recipe
        What the candidate was trained with; its origin is moved to here.
    run
        Folder that `cxr.training.lung_candidates` or `cxr.training.source_folds` wrote.
    candidate
        Its name there.
    data
        Folder of the films.
    films
        Their table, with splits.
    out
        Folder in which the bundle's folder is made; one of that name there is replaced.
    say
        Takes lines of text on the way.

    Returns
    -------
    pathlib.Path
        The bundle's folder.

    Raises
    ------
    ValueError
        If the weights are not of the recipe's network.
    """
    if recipe.lungs is None:
        raise ValueError(f"Expected a recipe with lung supervision. Received: {recipe.name}")
    run = Path(run)
    network = build(recipe.architecture, input_size=recipe.input_size, **recipe.arguments)
    with np.load(run / f"{candidate}.weights.npz") as stored:
        network.set_weights([stored[name].astype(np.float32) for name in stored.files])
    move_origin(network, recipe.lungs.origin)
    note = json.loads((run / f"{candidate}.json").read_text())
    history = pd.read_csv(run / f"{candidate.removesuffix(AVERAGED)}.history.csv")
    # Run totals became what each epoch took.
    history["seconds"] = history["seconds"].diff().fillna(history["seconds"]).round(1)
    # What the run did not measure in each epoch stays empty.
    history = history.reindex(columns=HISTORY_COLUMNS)
    if len(history) != recipe.epochs:
        raise ValueError(f"Expected {recipe.epochs} epochs. Received: {len(history)}")
    if recipe.films:
        keys = films["source"] + "/" + films["label"]
        films = films[keys.isin(recipe.films)].reset_index(drop=True)
    say(f"Reading {len(films)} films")
    prepare = replace(recipe.to_input, channels=1)
    films, pixels = read_films(films, data, prepare=prepare, measure=note_film)
    assert pixels is not None
    films = described(films)
    training = Training(
        recipe,
        network,
        films,
        pixels,
        history,
        len(history),
        1.0,
        # Not those of this machine: the weights were trained elsewhere.
        versions=note.get("versions", {}),
        folds=_folds(run, candidate),
    )
    say("Scoring the validation and test films")
    return write_bundle(training, Path(out))


def _folds(run: Path, candidate: str) -> pd.DataFrame | None:
    """Read what the folds of a candidate scored: their validation films, and those left out."""
    if not candidate.endswith(WHOLE):
        return None
    stem = candidate.removesuffix(WHOLE)
    parts = []
    for path in sorted(run.glob(f"{stem}.*.predictions.csv")):
        fold = path.name.split(".")[1]
        if fold != WHOLE.strip("."):
            part = pd.read_csv(path, dtype={"patient": str}, keep_default_na=False)
            parts.append(part.assign(fold=fold)[COLUMNS])
    return pd.concat(parts, ignore_index=True) if parts else None


def main(arguments: Sequence[str] | None = None) -> None:
    """Store a candidate from the command line."""
    parser = argparse.ArgumentParser(prog="python -m cxr.training.store_candidate")
    parser.add_argument("--run", required=True, help="folder that the candidates were written to")
    parser.add_argument("--candidate", required=True, help="name of the candidate in that folder")
    parser.add_argument("--recipe", required=True, help="name of the recipe, or a JSON file")
    parser.add_argument("--data", required=True, help="folder of the films")
    parser.add_argument("--films", required=True, help="table of the films with their splits")
    parser.add_argument("--out", required=True, help="folder of the models")
    given = parser.parse_args(arguments)
    keep_memory()
    films = pd.read_csv(given.films, keep_default_na=False, dtype={"patient": str, "subtype": str})
    recipe = find_recipe(given.recipe)
    folder = store_candidate(recipe, given.run, given.candidate, given.data, films, given.out)
    to_stderr(f"Wrote {folder}")


if __name__ == "__main__":
    main()
