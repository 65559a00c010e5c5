"""Candidates for a network with lung supervision, run one after another and measured.

``python -m cxr.training.lung_candidates --data DATA --films FILMS --lungs WEIGHTS --out DIR``
runs candidates for the pneumonia flagship, and measures them on validation films alone:
`cxr.training.lung_supervision` says how they are taught. Keras's backend is free.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from keras import ops
from numpy.typing import NDArray

from ..datasets.lung_masks import read_pictures
from ..evidence.steadiness import DISTURBANCES, disturbed, steadiness
from ..heatmaps.geometry import interpolation
from ..networks import build
from ..networks.lung_unet import lung_unet
from ..networks.pretrained import load_imagenet
from ..progress import Say, to_stderr
from .first_step import build_state
from .lung_supervision import DENSE, LungTaught, lungs_of_films, rate_at
from .lungs import predict_whole
from .recipes import RECIPES, LungSupervision, Recipe
from .variation import Amounts, Variation

__all__ = ["CANDIDATES", "CandidateTrainer", "maps_in_lungs", "versions_of_backend"]

SIDE = 224
BATCH = 64
#: Validation films that the steadiness of scores is measured on.
STEADY_FILMS = 200

SHIPS = RECIPES["pneumonia-efficientnet-lite0"]
assert SHIPS.lungs is not None
_ANEW = replace(SHIPS, lungs=replace(SHIPS.lungs, origin=0.0))
_DRAWN = replace(SHIPS, lungs=replace(SHIPS.lungs, origin=0.0, devices=0.0, shutters=0.0))
assert _DRAWN.lungs is not None
_TRIAL = replace(SHIPS.augmentation, tone=0.3, sharpness=0.5, noise=0.03, scale=(0.7, 1.0))

#: What was run, in this order: `docs/runs`, `pneumonia-efficientnet-lite0` 8 to 12.
CANDIDATES = {
    "trial": replace(SHIPS, augmentation=_TRIAL, lungs=LungSupervision(drawn=0.0, averaged=4)),
    "drawn": _DRAWN,
    "devices": _ANEW,
    "strong": replace(_DRAWN, lungs=replace(_DRAWN.lungs, outside=3.0, drawn=3.0), epochs=12),
    "long": replace(_DRAWN, epochs=16),
}
_TAUGHT = replace(
    SHIPS,
    lungs=replace(SHIPS.lungs, origin=0.0, taught=0.1),
    teachers=("pneumonia-efficientnet-lite0-v1",),
)
_MORE = replace(_TAUGHT, lungs=replace(SHIPS.lungs, origin=0.0, taught=0.4))
#: The same with teachers, 13 to 16.
CANDIDATES |= {
    "taught": _TAUGHT,
    "taught-more": _MORE,
    "taught-long": replace(_MORE, epochs=16),
    "taught-again": replace(_MORE, epochs=16, seed=1),
}


def maps_in_lungs(
    evidence: NDArray[np.float32], lungs: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
    """Say where the maps of some films lie, drawn as `cxr.heatmaps.heatmap.Heatmap` draws them.

    Parameters
    ----------
    evidence
        (films, rows, columns): logits of the places; what is negative is no heat.
    lungs
        (films, height, width).

    Returns
    -------
    peak : numpy.ndarray
        Whether the hottest pixel lies in the lungs; False where there is no heat.
    share : numpy.ndarray
        Of the heat in the lungs, in [0, 1]; 0 where there is none.
    area : numpy.ndarray
        Above half of the maximum, as a share of the lungs' area.
    """
    rows = interpolation(lungs.shape[1], evidence.shape[1])
    columns = interpolation(lungs.shape[2], evidence.shape[2])
    peak, share, area = [], [], []
    for places, mask in zip(evidence, lungs, strict=True):
        heat = np.asarray(rows @ np.maximum(places, 0) @ columns.T, np.float32)
        heat = heat - heat.min()
        top = heat.max()
        peak.append(bool(top > 0 and mask.flat[heat.argmax()]))
        share.append(float((heat * mask).sum() / heat.sum()) if top > 0 else 0.0)
        area.append(float((heat > top / 2).sum() / max(mask.sum(), 1)) if top > 0 else 0.0)
    return np.array(peak), np.array(share), np.array(area)


def _disturbed(films: NDArray[np.uint8]) -> dict[str, NDArray[np.uint8]]:
    """Return films with what must not move a score, by kind; uint8 (films, height, width, 1)."""
    random = np.random.default_rng(0)
    each = [disturbed(film[..., 0], random) for film in films]
    return {kind: np.stack([film[kind] for film in each])[..., None] for kind in DISTURBANCES}


@dataclass
class _Films:
    """The films of one split."""

    table: pd.DataFrame
    pixels: NDArray[np.uint8]
    lungs: NDArray[np.uint8]
    """As drawn where they were, else as the lung network says; 255 inside."""
    labels: NDArray[np.float32] = field(init=False)

    def __post_init__(self) -> None:
        self.labels = np.asarray(self.table["label"] != "normal", np.float32)[:, None]


def _read(data: str, films: str, lungs: str, rows: int) -> dict[str, _Films]:
    table = pd.read_csv(films, dtype=str, keep_default_na=False)
    table = table[table["split"].isin(["train", "validation"])].reset_index(drop=True)
    if rows:
        table = table.groupby(["split", "label"]).sample(rows, random_state=0)
        table = table.reset_index(drop=True)
    table["film"] = "kermany/" + table["path"]
    pixels = read_pictures(table["film"], data, SIDE)
    network = lung_unet(SIDE)
    network.load_weights(lungs)
    table = lungs_of_films(table, pixels, data, network, batch=BATCH)
    fields = np.stack([*table.pop("lungs")])
    result = {}
    for split in ("train", "validation"):
        at = np.flatnonzero(table["split"] == split)
        result[split] = _Films(table.iloc[at].reset_index(drop=True), pixels[at], fields[at])
    return result


def versions_of_backend() -> dict[str, str]:
    """Return the versions of what trains: Keras's backend with its own."""
    backend = keras.backend.backend()
    return {
        "python": platform.python_version(),
        backend: str(import_module(backend).__version__),
        "keras": keras.__version__,
        "numpy": np.__version__,
    }


def _teacher(folder: Path) -> keras.Model:
    """Return the network of a bundle, on whatever backend Keras runs."""
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    network = build(card["architecture"]["name"], **card["architecture"]["arguments"])
    network.load_weights(folder / card["weights"]["file"])
    return network


class CandidateTrainer:
    """A network with what teaches it, and one compiled step for all candidates.

    Parameters
    ----------
    recipe
        Of the network that ships; candidates are of the same network.
    teachers
        See `LungTaught`.

    Attributes
    ----------
    network : keras.Model
        The classifier.
    look : keras.Model
        The same with its map of evidence as a second output.
    """

    def __init__(self, recipe: Recipe, teachers: Mapping[str, keras.Model] | None = None) -> None:
        keras.utils.set_random_seed(recipe.seed)
        side = recipe.input_size
        self.network = build(recipe.architecture, input_size=side, **recipe.arguments)
        load_imagenet(self.network)
        evidence = self.network.get_layer("evidence").output
        self.look = keras.Model(self.network.input, [self.network.output, evidence])
        self.taught = LungTaught(self.network, recipe, teachers)
        self.taught.compile(recipe)
        optimizer = self.taught.model.optimizer
        build_state(self.taught.model, np.zeros((1, 1), np.float32), np.ones(1, np.float32))
        self.fresh = [ops.convert_to_numpy(v) for v in optimizer.variables]
        self.start = self.network.get_weights()

    def see(self, films: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Return logits (films,) and evidence (films, rows, columns) of (films, side, side, 1)."""
        three = np.repeat(films.astype(np.float32), 3, axis=-1)
        logits, evidence = predict_whole(self.look, three, BATCH)
        return np.asarray(logits[:, 0], np.float64), np.asarray(evidence[..., 0], np.float32)

    def fit(
        self,
        candidate: Recipe,
        films: tuple[NDArray[Any], NDArray[Any], NDArray[Any]],
        weights: NDArray[np.float32],
    ) -> tuple[list[list[NDArray[Any]]], pd.DataFrame]:
        """Train a candidate from the start.

        Parameters
        ----------
        candidate
            With lung supervision.
        films
            Films, marks and labels, as `LungTaught.model` takes them.
        weights
            Shape (films,).

        Returns
        -------
        late : list of list of numpy.ndarray
            The weights after each of the last epochs, which are averaged.
        history : pandas.DataFrame
            A row for each epoch.
        """
        assert candidate.lungs is not None
        began = time.monotonic()
        keras.utils.set_random_seed(candidate.seed)
        self.network.set_weights(self.start)
        model = self.taught.model
        for variable, value in zip(model.optimizer.variables, self.fresh, strict=True):
            variable.assign(value)
        self.taught.follow(candidate)
        size = candidate.batch_size
        whole = max(len(weights) // size, 1) * size  # a smaller batch would be compiled anew
        at = np.random.default_rng(candidate.seed).permutation(len(weights))[:whole]
        late: list[list[NDArray[Any]]] = []
        history: list[dict[str, float]] = []
        first, rate = candidate.epochs - candidate.lungs.averaged, rate_at(candidate)

        def note(epoch: int, logs: dict[str, float]) -> None:
            if epoch >= first:
                late.append(self.network.get_weights())
            row = {"epoch": epoch + 1, "loss": float(logs["loss"]), "learning_rate": rate(epoch, 0)}
            row |= {key: float(logs[key]) for key in ("accuracy", "auc") if key in logs}
            history.append(row | {"seconds": round(time.monotonic() - began, 1)})

        model.fit(
            [part[at] for part in films],
            np.zeros((len(at), 1), np.float32),
            sample_weight=weights[at],
            batch_size=size,
            epochs=candidate.epochs,
            callbacks=[
                keras.callbacks.LearningRateScheduler(rate),
                keras.callbacks.LambdaCallback(on_epoch_end=note),
            ],
            verbose=0,
        )
        return late, pd.DataFrame(history)


class _Trainer(CandidateTrainer):
    """Candidates for the pneumonia flagship, on the films of both splits."""

    def __init__(
        self,
        films: dict[str, _Films],
        out: Path,
        say: Say,
        teachers: Mapping[str, keras.Model] | None = None,
    ) -> None:
        super().__init__(SHIPS, teachers)
        self.films = films
        self.out = out
        self.say = say
        self.white = self._whitened()

    def _whitened(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the normal validation films with an opacity in each, and where it is."""
        held = self.films["validation"]
        at = held.labels[:, 0] == 0
        draw = Variation(Amounts(opacities=1.0), 5)
        films, _, drawn = draw(held.pixels[at], held.lungs[at] / 255, training=True)
        return ops.convert_to_numpy(films), ops.convert_to_numpy(drawn)

    def run(self, name: str, candidate: Recipe) -> None:
        """Train a candidate; measure and keep its last weights and their average."""
        assert candidate.lungs is not None
        began = time.monotonic()
        train, held = self.films["train"], self.films["validation"]
        positive = float(train.labels.mean())
        weights = np.where(train.labels[:, 0] > 0, 0.5 / positive, 0.5 / (1 - positive))
        films = train.pixels, train.lungs, train.labels
        late, history = self.fit(candidate, films, weights.astype(np.float32))
        seconds = time.monotonic() - began
        history.to_csv(self.out / f"{name}.history.csv", index=False)
        averaged = [np.mean(values, axis=0) for values in zip(*late, strict=True)]
        for suffix, kept in (("", late[-1]), ("-averaged", averaged)):
            self.network.set_weights(kept)
            figures = self._measure(name + suffix, held)
            note_ = {"name": name + suffix, **figures, "seconds": round(seconds, 1)}
            self.say(json.dumps(note_))
            plain = {"recipe": candidate.to_json(), "versions": versions_of_backend()} | note_
            (self.out / f"{name}{suffix}.json").write_text(json.dumps(plain, indent=1))
            half = [np.asarray(value, np.float16) for value in kept]
            np.savez(self.out / f"{name}{suffix}.weights.npz", *half)

    def _measure(self, name: str, held: _Films) -> dict[str, Any]:
        from sklearn.metrics import log_loss, roc_auc_score

        logits, evidence = self.see(held.pixels)
        truth = held.labels[:, 0].astype(int)
        score = 1 / (1 + np.exp(-logits))
        threshold = float(np.quantile(score[truth == 1], 0.05))
        figures: dict[str, Any] = {
            "auc": round(float(roc_auc_score(truth, score)), 4),
            "log_loss": round(float(log_loss(truth, score)), 4),
            "specificity_at_95": round(float((score[truth == 0] < threshold).mean()), 4),
        }
        lungs = held.lungs[..., 0] >= 128
        certain = held.table["certain"].to_numpy()
        drawn = (held.table["mask"] != "").to_numpy()
        for group, at in (
            ("certain", (truth == 1) & certain),
            ("drawn", (truth == 1) & drawn),
            ("called", (score >= threshold) & drawn),
        ):
            peak, share, area = maps_in_lungs(evidence[at], lungs[at])
            figures[group] = {
                "films": int(at.sum()),
                "peak": round(float(peak.mean()), 4),
                "share": round(float(share.mean()), 4),
                "area": round(float(np.median(area)), 4),
            }
        random = np.random.default_rng(0)
        at = np.sort(random.permutation(len(score))[:STEADY_FILMS])
        for kind, films in _disturbed(held.pixels[at]).items():
            moved, _ = self.see(films)
            found = steadiness(score[at], 1 / (1 + np.exp(-moved)), threshold)
            figures[kind] = {name: round(value, 4) for name, value in found.items()}
        whitened, drawn_in = self.white
        white, places = self.see(whitened)
        dense = drawn_in.max(axis=(1, 2, 3)) > DENSE
        peak, share, _ = maps_in_lungs(places[dense], drawn_in[dense, ..., 0] > 0.25)
        figures["drawn_in"] = {
            "called": round(float((1 / (1 + np.exp(-white[dense])) >= threshold).mean()), 4),
            "peak": round(float(peak.mean()), 4),
            "share": round(float(share.mean()), 4),
        }
        np.savez_compressed(
            self.out / f"{name}.validation.npz", logits=logits, evidence=evidence.astype(np.float16)
        )
        return figures


def main(arguments: Sequence[str] | None = None) -> None:
    """Run candidates from the command line."""
    parser = argparse.ArgumentParser(prog="python -m cxr.training.lung_candidates")
    parser.add_argument("--data", required=True, help="folder of the data sets")
    parser.add_argument("--films", required=True, help="film table of a bundle on the children")
    parser.add_argument("--lungs", required=True, help="weights of the lung network")
    parser.add_argument("--out", required=True, help="folder to write")
    parser.add_argument("--candidates", nargs="+", default=list(CANDIDATES))
    parser.add_argument("--models", help="folder of the teachers' bundles")
    parser.add_argument("--rows", type=int, default=0, help="films of each kind, to try the run")
    parser.add_argument("--seconds", type=float, default=math.inf, help="start none after these")
    given = parser.parse_args(arguments)
    began = time.monotonic()
    out = Path(given.out)
    out.mkdir(parents=True, exist_ok=True)

    def say(line: str) -> None:
        to_stderr(f"{time.monotonic() - began:.0f} s {line}")

    films = _read(given.data, given.films, given.lungs, given.rows)
    say(f"films: { {split: len(part.table) for split, part in films.items()} }")
    names = {teacher for name in given.candidates for teacher in CANDIDATES[name].teachers}
    teachers = {name: _teacher(Path(given.models or "models") / name) for name in sorted(names)}
    trainer = _Trainer(films, out, say, teachers)
    say("built")
    for name in given.candidates:
        if time.monotonic() - began < given.seconds:
            trainer.run(name, CANDIDATES[name])


if __name__ == "__main__":
    main()
