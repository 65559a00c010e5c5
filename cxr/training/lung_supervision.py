"""A classifier that is taught where it must not look: evidence outside the lungs is pushed to zero.

``python -m cxr.training.lung_supervision --data DATA --films FILMS --lungs WEIGHTS --out DIR``
runs candidates for the pneumonia flagship, and measures them on validation films alone. The film's
logit is taught its label. The evidence of a place is taught zero everywhere on normal films, and
outside the lungs on films with the finding. Where an opacity was drawn into a normal film, which
then counts as one with the finding, it is taught one inside the opacity and zero outside.
Keras's backend is free.
"""

from __future__ import annotations

import argparse
import dataclasses
import io
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
from PIL import Image

from ..datasets.lung_masks import read_lung_masks, read_pictures
from ..heatmaps.heatmap import interpolation
from ..networks import build
from ..networks.lung_unet import lung_unet
from ..networks.pretrained import load_imagenet
from ..progress import Say, to_stderr
from .lungs import predict_whole
from .variation import Amounts, Variation

__all__ = ["CANDIDATES", "Candidate", "heat_in_lungs", "steadiness"]

SIDE = 224
#: A place counts as in the lungs, or in what was drawn, where these cover this much about it.
COVERED = 0.5
#: A normal film into which an opacity of this density was drawn counts as one with the finding.
DENSE = 0.35
BATCH = 64
SMOOTHING = 0.05
#: Validation films that the steadiness of scores is measured on.
STEADY_FILMS = 200
#: Epochs at the end whose weights are averaged.
AVERAGED = 4

BASE = Amounts(
    rotation=12,
    scale_low=0.7,
    scale_high=1.0,
    flip=0.5,
    gamma=0.4,
    contrast=0.3,
    brightness=0.15,
    noise=0.03,
    tone=0.3,
    sharpness=0.5,
)


@dataclass(frozen=True)
class Candidate:
    """One run.

    Attributes
    ----------
    amounts : Amounts
        How much films are varied.
    outside : float
        Weight of the evidence's loss where it is taught zero.
    drawn : float
        The same where it is taught one.
    epochs : int
        Passes over the training films; the rate falls over them.
    learning_rate : float
        Of the start.
    seed : int
        Of order and variation.
    about : str
        What is tried, for people.
    """

    amounts: Amounts = BASE
    outside: float = 1.0
    drawn: float = 0.0
    epochs: int = 8
    learning_rate: float = 5e-4
    seed: int = 0
    about: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the fields as plain data."""
        return dataclasses.asdict(self)


VARIED = dataclasses.replace(
    BASE, aspect=0.15, tone=0.5, sharpness=0.9, noise=0.04, soft=0.3, scale_high=1.1
)
DRAWN = dataclasses.replace(VARIED, opacities=0.3)
COVERED_FILMS = dataclasses.replace(DRAWN, devices=0.2, shutters=0.2)

#: What was run, in this order: `docs/runs`, `pneumonia-efficientnet-lite0` 8 to 12.
CANDIDATES = {
    "trial": Candidate(about="the trial: tone 0.3, sharpness 0.5, nothing drawn"),
    "drawn": Candidate(DRAWN, drawn=1.0, about="opacities drawn as well"),
    "devices": Candidate(COVERED_FILMS, drawn=1.0, about="devices and shutters drawn as well"),
    "strong": Candidate(DRAWN, outside=3.0, drawn=3.0, epochs=12, about="places weigh three times"),
    "long": Candidate(DRAWN, drawn=1.0, epochs=16, about="drawn, twice as long"),
}


class _Targets(keras.layers.Layer):
    """What the evidence of each place is taught, and how much it weighs."""

    def __init__(self, grid: tuple[int, int], **arguments: Any) -> None:
        super().__init__(**arguments)
        reach = [interpolation(SIDE, nodes) for nodes in grid]
        self.reach = [part / part.sum(axis=0, keepdims=True) for part in reach]
        self.outside = self.add_weight(
            shape=(), initializer="ones", trainable=False, name="outside"
        )
        self.drawn = self.add_weight(shape=(), initializer="zeros", trainable=False, name="drawn")

    def _places(self, marked: Any) -> Any:
        """Return (films, places): how far a place's surroundings are marked, 1 from half on."""
        rows = ops.einsum("hr,nhw->nrw", self.reach[0], marked[..., 0])
        places = ops.einsum("nrw,wc->nrc", rows, self.reach[1])
        return ops.reshape(ops.minimum(places / COVERED, 1.0), (-1, math.prod(self.grid)))

    @property
    def grid(self) -> tuple[int, int]:
        return self.reach[0].shape[1], self.reach[1].shape[1]

    def call(self, label: Any, lungs: Any, drawn: Any) -> tuple[Any, Any, Any]:
        """Return the label, (films, 1), and targets and weights, (films, places)."""
        dense = ops.cast(ops.max(drawn, axis=(1, 2)) > DENSE, "float32")
        drawn_in = (1 - label) * dense
        inside = self._places(lungs)
        shown = self._places(drawn) * drawn_in
        one = ops.cast(shown > 0.6, "float32")
        zero = (1 - label) * ops.cast(shown < 0.15, "float32") + label * (1 - inside)
        return ops.maximum(label, drawn_in), one, one * self.drawn + zero * self.outside


def _loss(_: Any, y_pred: Any) -> Any:
    """Return the loss of each film: of its logit, and of its places, averaged over all of them."""
    logit, label = y_pred[:, 0], y_pred[:, 1]
    target = label * (1 - SMOOTHING) + 0.5 * SMOOTHING
    film = ops.softplus(logit) - target * logit
    evidence, targets, weights = ops.split(y_pred[:, 2:], 3, axis=-1)
    places = weights * (ops.softplus(evidence) - targets * evidence)
    return film + ops.mean(places, axis=-1)


def heat_in_lungs(
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


def disturbed(films: NDArray[np.uint8], seed: int) -> dict[str, NDArray[np.uint8]]:
    """Return the films with what must not move a score: noise, JPEG's losses, a small shift."""
    random = np.random.default_rng(seed)
    noisy = np.clip(np.rint(films + random.normal(0, 2, films.shape)), 0, 255).astype(np.uint8)
    packed = np.empty_like(films)
    for row, film in enumerate(films):
        file = io.BytesIO()
        Image.fromarray(film[..., 0]).save(file, "JPEG", quality=85)
        packed[row, ..., 0] = np.asarray(Image.open(file))
    across = np.concatenate([films[:, :, :1], films[:, :, :1], films[:, :, :-2]], axis=2)
    down = np.concatenate([films[:, :1], films[:, :1], films[:, :-2]], axis=1)
    return {"noise": noisy, "jpeg": packed, "right": across, "down": down}


def steadiness(
    clean: NDArray[np.float64], moved: NDArray[np.float64], threshold: float
) -> dict[str, float]:
    """Say by how much scores move, and on what share of films across the threshold."""
    return {
        "moves_95": round(float(np.percentile(np.abs(moved - clean), 95)), 4),
        "crosses": round(float(((moved >= threshold) != (clean >= threshold)).mean()), 4),
    }


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
    masks = read_lung_masks(data)[["film", "mask", "certain"]]
    table = table.merge(masks, on="film", how="left").fillna({"mask": "", "certain": False})
    table["certain"] = table["certain"].astype(bool)
    pixels = read_pictures(table["film"], data, SIDE)
    network = lung_unet(SIDE)
    network.load_weights(lungs)
    predicted = np.asarray(predict_whole(network, pixels, BATCH)) > 0
    fields = predicted.astype(np.uint8) * 255
    drawn = np.flatnonzero(table["mask"] != "")
    fields[drawn] = read_pictures(table["mask"].iloc[drawn], data, SIDE)
    result = {}
    for split in ("train", "validation"):
        at = np.flatnonzero(table["split"] == split)
        result[split] = _Films(table.iloc[at].reset_index(drop=True), pixels[at], fields[at])
    return result


class _Trainer:
    """The network with what teaches it, and one compiled step for all candidates."""

    def __init__(self, films: dict[str, _Films], out: Path, say: Say) -> None:
        self.films = films
        self.out = out
        self.say = say
        keras.utils.set_random_seed(0)
        self.network = build("efficientnet_lite0", input_size=SIDE, pooling="fine_evidence")
        load_imagenet(self.network)
        evidence = self.network.get_layer("evidence").output
        self.look = keras.Model(self.network.input, [self.network.output, evidence])
        film = keras.Input((SIDE, SIDE, 1), name="film")
        lungs = keras.Input((SIDE, SIDE, 1), name="lungs")
        label = keras.Input((1,), name="label")
        self.variation = Variation(BASE, 0)
        varied, moved, drawn = self.variation(film, lungs / 255)
        logit, places = self.look(ops.repeat(varied, 3, axis=-1))
        self.targets = _Targets(tuple(evidence.shape[1:3]))
        said, *held = self.targets(label, moved, drawn)
        flat = keras.layers.Flatten()(places)
        self.model = keras.Model(
            [film, lungs, label], keras.layers.Concatenate()([logit, said, flat, *held])
        )
        optimizer = keras.optimizers.AdamW(5e-4, weight_decay=1e-2, global_clipnorm=5.0)
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        self.model.compile(optimizer, _loss)
        optimizer.build(self.model.trainable_variables)
        self.fresh = [ops.convert_to_numpy(v) for v in optimizer.variables]
        self.start = self.network.get_weights()
        self.white = self._whitened()

    def _whitened(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the normal validation films with an opacity in each, and where it is."""
        held = self.films["validation"]
        at = held.labels[:, 0] == 0
        draw = Variation(Amounts(opacities=1.0), 5)
        films, _, drawn = draw(held.pixels[at], held.lungs[at] / 255, training=True)
        return ops.convert_to_numpy(films), ops.convert_to_numpy(drawn)

    def _see(self, films: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        three = np.repeat(films.astype(np.float32), 3, axis=-1)
        logits, evidence = predict_whole(self.look, three, BATCH)
        return np.asarray(logits[:, 0], np.float64), np.asarray(evidence[..., 0], np.float32)

    def run(self, name: str, candidate: Candidate) -> None:
        """Train a candidate; measure and keep its last weights and their average."""
        began = time.monotonic()
        keras.utils.set_random_seed(candidate.seed)
        self.network.set_weights(self.start)
        for variable, value in zip(self.model.optimizer.variables, self.fresh, strict=True):
            variable.assign(value)
        self.variation.set_amounts(candidate.amounts)
        self.variation.seeds.state.assign([candidate.seed, 0])
        self.targets.outside.assign(candidate.outside)
        self.targets.drawn.assign(candidate.drawn)
        train, held = self.films["train"], self.films["validation"]
        positive = float(train.labels.mean())
        weights = np.where(train.labels[:, 0] > 0, 0.5 / positive, 0.5 / (1 - positive))
        whole = max(len(weights) // BATCH, 1) * BATCH  # a smaller batch would be compiled anew
        at = np.random.default_rng(candidate.seed).permutation(len(weights))[:whole]
        epochs = candidate.epochs
        late: list[list[NDArray[Any]]] = []
        history: list[dict[str, float]] = []

        def rate(epoch: int, _: float = 0) -> float:
            # Falls to a twentieth: with zero the last epochs would not differ to be averaged.
            fall = 0.05 + 0.95 * (0.5 + 0.5 * math.cos(math.pi * epoch / (epochs - 1)))
            return candidate.learning_rate * fall * (0.3 if epoch == 0 else 1.0)

        def note(epoch: int, logs: dict[str, float]) -> None:
            if epoch >= epochs - AVERAGED:
                late.append(self.network.get_weights())
            row = {"epoch": epoch + 1, "loss": float(logs["loss"]), "learning_rate": rate(epoch)}
            history.append(row | {"seconds": round(time.monotonic() - began, 1)})

        self.model.fit(
            [train.pixels[at], train.lungs[at], train.labels[at]],
            np.zeros((len(at), 1), np.float32),
            sample_weight=weights[at].astype(np.float32),
            batch_size=BATCH,
            epochs=epochs,
            callbacks=[
                keras.callbacks.LearningRateScheduler(rate),
                keras.callbacks.LambdaCallback(on_epoch_end=note),
            ],
            verbose=0,
        )
        seconds = time.monotonic() - began
        pd.DataFrame(history).to_csv(self.out / f"{name}.history.csv", index=False)
        averaged = [np.mean(values, axis=0) for values in zip(*late, strict=True)]
        for suffix, kept in (("", late[-1]), ("-averaged", averaged)):
            self.network.set_weights(kept)
            figures = self._measure(name + suffix, held)
            note_ = {"name": name + suffix, **figures, "seconds": round(seconds, 1)}
            self.say(json.dumps(note_))
            plain = candidate.to_json() | note_
            (self.out / f"{name}{suffix}.json").write_text(json.dumps(plain, indent=1))
            half = [np.asarray(value, np.float16) for value in kept]
            np.savez(self.out / f"{name}{suffix}.weights.npz", *half)

    def _measure(self, name: str, held: _Films) -> dict[str, Any]:
        from sklearn.metrics import log_loss, roc_auc_score

        logits, evidence = self._see(held.pixels)
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
            peak, share, area = heat_in_lungs(evidence[at], lungs[at])
            figures[group] = {
                "films": int(at.sum()),
                "peak": round(float(peak.mean()), 4),
                "share": round(float(share.mean()), 4),
                "area": round(float(np.median(area)), 4),
            }
        random = np.random.default_rng(0)
        at = np.sort(random.permutation(len(score))[:STEADY_FILMS])
        for kind, films in disturbed(held.pixels[at], 0).items():
            moved, _ = self._see(films)
            figures[kind] = steadiness(score[at], 1 / (1 + np.exp(-moved)), threshold)
        whitened, drawn_in = self.white
        white, places = self._see(whitened)
        dense = drawn_in.max(axis=(1, 2, 3)) > DENSE
        peak, share, _ = heat_in_lungs(places[dense], drawn_in[dense, ..., 0] > 0.25)
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
    parser = argparse.ArgumentParser(prog="python -m cxr.training.lung_supervision")
    parser.add_argument("--data", required=True, help="folder of the data sets")
    parser.add_argument("--films", required=True, help="film table of a bundle on the children")
    parser.add_argument("--lungs", required=True, help="weights of the lung network")
    parser.add_argument("--out", required=True, help="folder to write")
    parser.add_argument("--candidates", nargs="+", default=list(CANDIDATES))
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
    trainer = _Trainer(films, out, say)
    say("built")
    for name in given.candidates:
        if time.monotonic() - began < given.seconds:
            trainer.run(name, CANDIDATES[name])


if __name__ == "__main__":
    main()
