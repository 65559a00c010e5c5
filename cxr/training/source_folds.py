"""Candidates for a network of several sources, each tried on sources that it did not learn from.

``python -m cxr.training.source_folds prepare --data DATA --recipe NAME --splits TABLE ... --out F``
reads the films once, ``... run --prepared F --lungs WEIGHTS --out DIR`` trains candidates on each
fold. A fold leaves sources out as a whole; the fold ``all`` leaves none out, and its weights are
what can ship. Test films are in neither. Keras's backend is free.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageOps

from ..datasets.boxes import boxes_of, mask, read_boxes
from ..datasets.folders import NORMAL, scan, select
from ..datasets.splits import split_by_patient
from ..datasets.withheld import withheld
from ..evidence.steadiness import DISTURBANCES, disturbed, steadiness
from ..heatmaps.geometry import interpolation
from ..networks.lung_unet import lung_unet
from ..progress import Say, to_stderr
from .lung_candidates import CandidateTrainer, versions_of_backend
from .lung_supervision import film_weights
from .lungs import predict_whole
from .recipes import RECIPES, Recipe, find_recipe

__all__ = ["CANDIDATES", "FOLDS", "film_table", "pointing"]

SIDE = 256
STEADY_FILMS = 200
#: Normal films of another population, which some candidates learn from as well.
CHILDREN = ("kermany/normal",)
SHIPS = RECIPES["tuberculosis-efficientnet-lite0"]
#: Sources that a fold leaves out, and the pairs of ``source/label`` that it is then tried on.
FOLDS: dict[str, tuple[tuple[str, ...], tuple[tuple[str, str], ...]]] = {
    "all": ((), ()),
    "qatar-nih": (
        ("qatar", "nih"),
        (("qatar/tuberculosis", "nih/normal"), ("qatar/tuberculosis", "qatar/normal")),
    ),
    "shenzhen": (("shenzhen",), (("shenzhen/tuberculosis", "shenzhen/normal"),)),
}


def _candidates() -> dict[str, Recipe]:
    assert SHIPS.lungs is not None
    plain = replace(SHIPS, boxes_weight=2.0)
    children = replace(plain, films=(*SHIPS.films, *CHILDREN))
    steps = replace(SHIPS, boxes_weight=3.0, epochs=30)
    wide = replace(SHIPS.augmentation, scale=(0.6, 1.2))
    return {
        "transplanted": plain,
        "children": children,
        "whole": replace(plain, lungs=replace(SHIPS.lungs, transplanted=0.0)),
        "long": replace(children, epochs=24),
        "heavy": SHIPS,
        "steps": steps,
        "framed": replace(steps, lungs=replace(SHIPS.lungs, transplanted=0.7), augmentation=wide),
    }


#: What was run, in this order: `docs/runs`, `tuberculosis-efficientnet-lite0` 3 to 9.
CANDIDATES = _candidates()


def film_table(
    data: str | Path, recipe: Recipe, splits: Sequence[pd.DataFrame], *, say: Say = to_stderr
) -> pd.DataFrame:
    """List the films of a recipe of several sources, each in a split.

    Parameters
    ----------
    data
        The folder of the data sets.
    recipe
        Names the films; its seed and shares draw the splits that are not told.
    splits
        Film tables of other bundles: a film stays in the split that it has in one of them, found by
        the end of its path.
    say
        Told what is left out.

    Returns
    -------
    pandas.DataFrame
        A film table with source; its split is train, validation or test.
    """
    table = select(scan(data, finding=recipe.finding, say=say), recipe.films)
    kept = ~withheld(table, data)
    say(f"Left alone: {int((~kept).sum())} films that something else is tried on")
    table = table[kept].reset_index(drop=True)
    told: dict[str, str] = {}
    for other in splits:
        told |= dict(zip(other["path"], other["split"], strict=True))
    within = table["path"].str.split("/", n=1).str[1]
    table["split"] = [told.get(path, "") for path in within]
    parts = []
    for _, part in table.groupby("source", sort=True):
        known = part["split"] != ""
        drawn = part[~known].assign(split="train")
        if len(drawn):
            for split, share in (("test", recipe.test), ("validation", recipe.validation)):
                drawn = split_by_patient(drawn, share, seed=recipe.seed, into=split)
        parts += [part[known], drawn]
    return pd.concat(parts).sort_index()


def pointing(
    evidence: NDArray[np.float32], boxes: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Say whether the hottest pixel of each map lies in a box, and that of the mean of the others.

    Parameters
    ----------
    evidence
        (films, rows, columns); what is negative is no heat.
    boxes
        (films, height, width).
    """
    rows = interpolation(boxes.shape[1], evidence.shape[1])
    columns = interpolation(boxes.shape[2], evidence.shape[2])
    heat = np.maximum(evidence.astype(np.float32), 0)
    total = heat.sum(axis=0)
    own: list[bool] = []
    mean: list[bool] = []
    for places, inside in zip(heat, boxes, strict=True):
        for kept, what in ((own, places), (mean, total - places)):
            drawn = rows @ what @ columns.T
            kept.append(bool(drawn.max() > 0 and inside.flat[drawn.argmax()]))
    return np.array(own), np.array(mean)


@dataclass
class _Films:
    table: pd.DataFrame
    pixels: NDArray[np.uint8]
    marks: NDArray[np.uint8]
    """(films, side, side, 2): lungs and boxes, 255 inside."""

    def at(self, rows: NDArray[np.bool_]) -> _Films:
        return _Films(self.table[rows].reset_index(drop=True), self.pixels[rows], self.marks[rows])

    @property
    def labels(self) -> NDArray[np.float32]:
        return np.asarray(self.table["label"] != NORMAL, np.float32)[:, None]


def prepare(data: str, recipe: Recipe, table: pd.DataFrame, out: Path, say: Say) -> None:
    """Write the films of the splits train and validation as the network takes them.

    Losses of a JPEG are accepted, so that they travel; the gray levels are equalized after it.
    """
    from ..films.radiograph import read

    table = table[table["split"].isin(["train", "validation"])].reset_index(drop=True)
    corners = boxes_of(read_boxes(Path(data) / recipe.boxes), list(table["path"]), recipe.finding)
    plain = replace(recipe.to_input, channels=1, levels="plain")
    streams, painted = [], []
    for row, film in enumerate(table.to_dict("records")):
        picture = read(Path(data) / film["path"])
        stream = io.BytesIO()
        Image.fromarray(plain(picture.pixels)[..., 0]).save(stream, "JPEG", quality=90)
        streams.append(np.frombuffer(stream.getvalue(), np.uint8))
        found = corners.get(film["path"])
        if found is None or film["label"] == NORMAL:
            painted.append(np.zeros((SIDE, SIDE), bool))
        else:
            inside = mask(found, picture.height, picture.width).astype(np.float32)
            painted.append(plain(inside)[..., 0] >= 128)
        if row % 500 == 0:
            say(f"{row} of {len(table)} films read")
    text = table.to_csv(index=False).encode()
    np.savez_compressed(
        out,
        table=np.frombuffer(text, np.uint8),
        stream=np.concatenate(streams),
        ends=np.cumsum([len(stream) for stream in streams]),
        boxes=np.packbits(np.stack(painted), axis=-1),
    )


def _load(prepared: str, lungs: str) -> _Films:
    with np.load(prepared) as stored:
        table = pd.read_csv(io.BytesIO(stored["table"].tobytes()), keep_default_na=False)
        stream, ends = stored["stream"].tobytes(), [0, *stored["ends"]]
        boxes = np.unpackbits(stored["boxes"], axis=-1) * np.uint8(255)
    pictures: list[NDArray[np.uint8]] = []
    for start, end in pairwise(ends):
        picture: Image.Image = Image.open(io.BytesIO(stream[start:end]))
        if SHIPS.levels == "equalized":
            picture = ImageOps.equalize(picture)
        pictures.append(np.asarray(picture))
    pixels = np.stack(pictures)[..., None]
    network = lung_unet(SIDE)
    network.load_weights(lungs)
    inside = (np.asarray(predict_whole(network, pixels, 64)) > 0).astype(np.uint8) * 255
    return _Films(table, pixels, np.concatenate([inside, boxes[..., None]], axis=-1))


class _Trainer(CandidateTrainer):
    """Candidates for the tuberculosis flagship, each on all folds."""

    def __init__(self, films: _Films, out: Path, say: Say) -> None:
        super().__init__(SHIPS)
        self.films, self.out, self.say = films, out, say

    def run(self, name: str, candidate: Recipe, fold: str) -> None:
        """Train a candidate on a fold; measure and keep the average of its last weights."""
        began = time.monotonic()
        left_out, pairs = FOLDS[fold]
        table = self.films.table
        keys = table["source"] + "/" + table["label"]
        of_it = keys.isin(candidate.films) & ~table["source"].isin(left_out)
        train = self.films.at((of_it & (table["split"] == "train")).to_numpy())
        held = self.films.at((of_it & (table["split"] == "validation")).to_numpy())
        given = train.pixels, train.marks, train.labels
        late, history = self.fit(candidate, given, film_weights(train.table))
        seconds = round(time.monotonic() - began, 1)
        averaged = [np.mean(values, axis=0) for values in zip(*late, strict=True)]
        self.network.set_weights(averaged)
        which = f"{name}.{fold}"
        history.to_csv(self.out / f"{which}.history.csv", index=False)
        shown = [held]
        if left_out:
            shown.append(self.films.at(table["source"].isin(left_out).to_numpy()))
        figures, scored = self._measure(shown, pairs)
        scored.to_csv(self.out / f"{which}.predictions.csv", index=False, float_format="%.6f")
        counts = (train.table["source"] + "/" + train.table["label"]).value_counts().sort_index()
        facts = {
            "candidate": name,
            "fold": fold,
            "trained_on": {str(key): int(n) for key, n in counts.items()},
            **figures,
            "seconds": seconds,
        }
        self.say(json.dumps(facts))
        plain = {"recipe": candidate.to_json(), "versions": versions_of_backend()} | facts
        (self.out / f"{which}.json").write_text(json.dumps(plain, indent=1))
        half = [np.asarray(value, np.float16) for value in averaged]
        np.savez(self.out / f"{which}.weights.npz", *half)

    def _measure(
        self, shown: Sequence[_Films], pairs: Sequence[tuple[str, str]]
    ) -> tuple[dict[str, Any], pd.DataFrame]:
        from sklearn.metrics import log_loss, roc_auc_score

        figures: dict[str, Any] = {}
        parts = []
        for number, films in enumerate(shown):
            logits, evidence = self.see(films.pixels)
            scored = films.table[["split", "path", "patient", "label", "source"]].copy()
            scored["logit"] = logits
            scored["left_out"] = number == 1
            parts.append(scored)
            score, truth = 1 / (1 + np.exp(-logits)), films.labels[:, 0].astype(int)
            boxes = films.marks[..., 1] > 0
            boxed = boxes.any(axis=(1, 2))
            if number == 0:
                threshold = float(np.quantile(score[truth == 1], 0.05))
                figures |= {
                    "auc": round(float(roc_auc_score(truth, score)), 4),
                    "log_loss": round(float(log_loss(truth, score)), 4),
                    "specificity_at_95": round(float((score[truth == 0] < threshold).mean()), 4),
                }
                own, mean = pointing(evidence[boxed], boxes[boxed])
                called = score[boxed] >= threshold
                figures["boxes"] = {
                    "films": int(boxed.sum()),
                    "hit": round(float(own.mean()), 4),
                    "hit_called": round(float(own[called].mean()), 4),
                    "mean_map": round(float(mean.mean()), 4),
                }
                random = np.random.default_rng(0)
                at = np.sort(random.permutation(len(score))[:STEADY_FILMS])
                each = [disturbed(film[..., 0], random) for film in films.pixels[at]]
                for kind in DISTURBANCES:
                    moved, _ = self.see(np.stack([film[kind] for film in each])[..., None])
                    found = steadiness(score[at], 1 / (1 + np.exp(-moved)), threshold)
                    figures[kind] = {name: round(value, 4) for name, value in found.items()}
            keys = films.table["source"] + "/" + films.table["label"]
            for ill, well in pairs if number else ():
                of_it = keys.isin([ill, well]).to_numpy()
                figures[f"{ill} against {well}"] = {
                    "films": [int((keys == ill).sum()), int((keys == well).sum())],
                    "auc": round(float(roc_auc_score(truth[of_it], logits[of_it])), 4),
                    "found": round(float((score[keys == ill] >= threshold).mean()), 4),
                    "spared": round(float((score[keys == well] < threshold).mean()), 4),
                }
        return figures, pd.concat(parts, ignore_index=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Prepare films or run candidates from the command line."""
    parser = argparse.ArgumentParser(prog="python -m cxr.training.source_folds")
    commands = parser.add_subparsers(dest="command", required=True)
    reading = commands.add_parser("prepare")
    reading.add_argument("--data", required=True, help="folder of the data sets")
    reading.add_argument("--recipe", default=SHIPS.name, help="name of the recipe")
    reading.add_argument("--splits", nargs="*", default=[], help="film tables to keep splits of")
    reading.add_argument("--table", required=True, help="film table to write")
    reading.add_argument("--out", required=True, help="file to write")
    running = commands.add_parser("run")
    running.add_argument("--prepared", required=True, help="what prepare wrote")
    running.add_argument("--lungs", required=True, help="weights of the lung network")
    running.add_argument("--out", required=True, help="folder to write")
    running.add_argument("--candidates", nargs="+", default=list(CANDIDATES))
    running.add_argument("--folds", nargs="+", default=list(FOLDS))
    running.add_argument("--rows", type=int, default=0, help="films of each kind, to try the run")
    running.add_argument("--seconds", type=float, default=math.inf, help="start none after these")
    given = parser.parse_args(arguments)
    began = time.monotonic()

    def say(line: str) -> None:
        to_stderr(f"{time.monotonic() - began:.0f} s {line}")

    if given.command == "prepare":
        recipe = find_recipe(given.recipe)
        others = [pd.read_csv(path, keep_default_na=False) for path in given.splits]
        recipe = replace(recipe, films=tuple(dict.fromkeys([*recipe.films, *CHILDREN])))
        table = film_table(given.data, recipe, others, say=say)
        table.to_csv(given.table, index=False)
        prepare(given.data, recipe, table, Path(given.out), say)
        return
    out = Path(given.out)
    out.mkdir(parents=True, exist_ok=True)
    films = _load(given.prepared, given.lungs)
    if given.rows:
        rows = films.table.groupby(["split", "source", "label"]).head(given.rows).index
        films = films.at(films.table.index.isin(rows))
    say(f"films: {len(films.table)}")
    trainer = _Trainer(films, out, say)
    say("built")
    for name in given.candidates:
        for fold in given.folds:
            if time.monotonic() - began < given.seconds:
                trainer.run(name, CANDIDATES[name], fold)


if __name__ == "__main__":
    main()
