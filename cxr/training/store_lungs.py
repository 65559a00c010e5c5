"""A finished run of `cxr.training.lungs` becomes the bundle of kind ``lungs``.

``python -m cxr.training.store_lungs --run DIR --data DATA --films FILMS --out models/lungs``.
Validation films are compared anew, with the stored weights and all that `cxr.find_lungs` does. The
adults' rows are the run's own: each was compared with weights of its fold, which are not kept.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..datasets.lung_masks import read_pictures
from ..films.radiograph import read
from ..lungs.agreement import agreement, figures
from ..lungs.segment import KIND, LungNetwork, find_lungs
from ..networks.lung_unet import lung_unet
from ..storage.atomic import FolderWriter
from ..storage.checksum import card_bytes
from .float16 import halve
from .lungs import lung_films

__all__ = ["store_lungs"]

SCHEMA = 1


def store_lungs(run: Path, data: Path, films: pd.DataFrame, out: Path) -> dict[str, Any]:
    """Write the bundle.

    Parameters
    ----------
    run
        Folder that `cxr.training.lungs.train_lungs` wrote.
    data, films
        As the run had them.
    out
        The bundle's folder.

    Returns
    -------
    dict
        The card.
    """
    recipe = json.loads((run / "recipe.json").read_text())
    history = pd.read_csv(run / "history.csv")
    side = recipe["input_size"]
    card: dict[str, Any] = {
        "schema": SCHEMA,
        "kind": KIND,
        "name": KIND,
        "architecture": {
            "name": "lung_unet",
            "arguments": {"input_size": side},
            "parameters": int(lung_unet(side).count_params()),
        },
        "input": "Gray, squashed to the input size bilinearly, 0 to 255; scaled inside the graph.",
        "convention": "The lungs with what lies behind the heart.",
        "recipe": recipe,
        "data": {
            "masks": "V7 Labs 2020, CC BY 4.0",
            "films": "Kermany et al. 2018 (children); COVID-19 image data collection (adults)",
        },
    }
    with FolderWriter(out, "card.json") as writer:

        def write(head: dict[str, Any]) -> None:
            writer.commit(card_bytes(head))

        card["weights"] = {"file": "weights.weights.h5"}
        card["weights"]["sha256"] = writer.add("weights.weights.h5", lambda to: _half(run, to))
        card["history"] = {
            "file": "history.csv",
            "sha256": writer.add("history.csv", lambda to: history.to_csv(to, index=False)),
        }
        write(card)
        table = _compared(LungNetwork(out), run, data, films, recipe)
        card["predictions"] = {
            "file": "predictions.csv",
            "sha256": writer.add("predictions.csv", lambda to: table.to_csv(to, index=False)),
        }
        card["figures"] = figures(table)
        write(card)
    return card


def _half(run: Path, to: Path) -> None:
    shutil.copy(run / "weights.weights.h5", to)
    halve(to)


def _compared(
    network: LungNetwork, run: Path, data: Path, films: pd.DataFrame, recipe: dict[str, Any]
) -> pd.DataFrame:
    table = lung_films(data, films, recipe["folds"], recipe["seed"])
    held = table[table["split"] == "validation"].reset_index(drop=True)
    masks = read_pictures(held["mask"], data, network.side)[..., 0] >= 128
    predicted = np.zeros_like(masks)
    sure = []
    for row, film in enumerate(held["film"]):
        lungs, _ = find_lungs(read(data / film), network)
        sure.append(round(lungs.sure, 4) if lungs else 0.0)
        if lungs is not None:
            predicted[row] = lungs.mask
    held = held.drop(columns="mask").assign(sure=sure)
    held = pd.concat([held, agreement(predicted, masks)], axis=1)
    # Without a boundary where a mask was empty; everything else is taken as it stands.
    adults = pd.read_csv(
        run / "predictions.csv", keep_default_na=False, na_values={"boundary_95": ""}
    )
    adults = adults[adults["split"] != "validation"]
    return pd.concat([held, adults], ignore_index=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Store a run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m cxr.training.store_lungs")
    parser.add_argument("--run", type=Path, required=True, help="folder of the finished run")
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--films", required=True, help="film table of a bundle on the children")
    parser.add_argument("--out", type=Path, required=True, help="the bundle's folder")
    given = parser.parse_args(arguments)
    films = pd.read_csv(given.films, dtype=str, keep_default_na=False)
    card = store_lungs(given.run, given.data, films, given.out)
    print(json.dumps(card["figures"], indent=1))


if __name__ == "__main__":
    main()
