"""The network of `cxr.scoring.picture_check`, trained, measured and stored.

``python -m cxr.training.picture_check --data SETS --out models/picture-check``. It learns from the
training films of the two findings' default models, as they are and as `cxr.training.implausible`
makes them up, from laterals and from pictures of other things. Each threshold is set on the
validation films. The figures of the card are of films that had no part in either, but for the rows
of validation films and of other things: `cxr.scoring.picture_check.part_in_fit` tells them.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..datasets.folders import DatasetError, scan
from ..films.kinds import SUFFIXES
from ..films.radiograph import Radiograph, read
from ..model import load
from ..networks.runtime import keep_memory, prepare
from ..progress import Say, to_stderr
from ..scoring.bundle import Bundle
from ..scoring.picture_check import (
    CHOSEN_ON,
    KIND,
    KINDS,
    OTHER_THINGS,
    REASONS,
    SIDE,
    Layer,
    PictureCheck,
    thumbnail,
)
from ..stats.intervals import wilson
from ..storage.atomic import FolderWriter
from ..storage.checksum import card_bytes
from . import implausible

__all__ = ["Recipe", "fit_picture_check", "measure", "store_picture_check"]

Grey = NDArray[np.float32]
Refuses = Callable[[Sequence[Grey]], NDArray[np.bool_]]
FILE = "weights.npz"
SCHEMA = 1
LEARNED_FROM = (
    "Kermany et al. 2018 (children); TBX11K and the Qatar collection (adults); laterals of the "
    "COVID-19 image data collection; pictures of other things"
)
#: Longest side of the films that pictures are made of, pixels.
LONGEST = 288
#: Made pictures of each kind and set that are measured.
MADE = 100
#: Screenshots of a viewer without panels, learned as such and measured apart.
THIN_BAR = "screenshot, thin bar"
#: The bundle whose split a set of films has. Not the default models: these may learn from several
#: sets, and name their films by them.
SPLIT_BY = {"kermany": "pneumonia-grey-cnn", "tuberculosis": "tuberculosis-vgg16-features"}
#: How the names of the sets begin that they are made of.
MADE_OF = ("nih", "tuberculosis")


@dataclass(frozen=True)
class Recipe:
    """How the network is trained.

    Attributes
    ----------
    pictures : tuple of int
        To learn from, of each of `KINDS`.
    thin_bars : int
        How many of the screenshots have one thin bar of icons and little else.
    channels, strides : tuple of int
        Of the convolutions.
    epochs, batch_size : int
    learning_rate : float
        At first; falls to 0 along a cosine.
    flagged : float
        Share of the validation films that a kind may be told of.
    least : float
        Lowest threshold.
    seed : int
    """

    pictures: tuple[int, ...] = (11000, 6500, 2600, 5000, 4200, 1200)
    thin_bars: int = 2400
    channels: tuple[int, ...] = (12, 24, 32, 48, 64)
    strides: tuple[int, ...] = (2, 2, 1, 2, 2)
    epochs: int = 10
    batch_size: int = 128
    learning_rate: float = 2e-3
    flagged: float = 0.001
    least: float = 0.6
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Films:
    """Films in 8 bits, small, by set.

    Attributes
    ----------
    groups : dict of str to list of numpy.ndarray
        By the name of the set, uint8 of (height, width).
    """

    groups: dict[str, list[NDArray[np.uint8]]]

    def all(self) -> list[Grey]:
        """Return the films of all sets, in [0, 1]."""
        return [_unit(film) for films in self.groups.values() for film in films]


def read_films(paths: Sequence[Path]) -> list[NDArray[np.uint8]]:
    """Read films, at most `LONGEST` pixels on a side."""
    films = []
    for path in paths:
        picture = Image.fromarray(np.rint(read(path).pixels * np.float32(255)).astype(np.uint8))
        scale = LONGEST / max(picture.size)
        if scale < 1:
            size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
            picture = picture.resize(size, Image.Resampling.BOX)
        films.append(np.asarray(picture))
    return films


def learned_films(data: Path, split: str) -> Films:
    """Read the films of a split of `SPLIT_BY`, by set and source."""
    groups: dict[str, list[Path]] = {}
    for name, bundle in SPLIT_BY.items():
        table = Bundle.load(bundle).films
        table = table[table["split"] == split]
        sources = table["source"] if "source" in table else [""] * len(table)
        for path, source in zip(table["path"], sources, strict=True):
            groups.setdefault(f"{name} {source}".strip(), []).append(data / name / path)
    return Films({name: read_films(paths) for name, paths in groups.items()})


def unseen_films(data: Path) -> Films:
    """Read the films that had no part in the fit, by set and source; the sets that are there."""
    nih = scan(data / "nih")
    if "also_listed_normal" in nih:  # these are in the Qatar collection too
        nih = nih[nih["also_listed_normal"].fillna("").astype(str) == ""]
    groups = {"nih": [data / "nih" / path for path in nih["path"]]}
    kermany = Bundle.load(SPLIT_BY["kermany"]).films
    tested = kermany.loc[kermany["split"] == "test", "path"]
    groups["kermany test"] = [data / "kermany" / path for path in tested]
    tuberculosis = scan(data / "tuberculosis")
    learned = set(Bundle.load(SPLIT_BY["tuberculosis"]).films["path"])
    others = [path for path in tuberculosis["path"] if path not in learned]
    groups["tuberculosis qatar, with tuberculosis"] = [data / "tuberculosis" / p for p in others]
    for name, folder in (
        ("shenzhen", "shenzhen_128"),
        ("jsrt", "lungs/jsrt/films"),
        ("adults with masks", "lungs/adults/films"),
    ):
        if (data / folder).is_dir():
            groups[name] = _files(data / folder)
    return Films({name: read_films(paths) for name, paths in groups.items()})


def _files(folder: Path) -> list[Path]:
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not files:
        raise DatasetError(f"There are no pictures in {folder.name}.")
    return files


def _unit(film: NDArray[np.uint8]) -> Grey:
    return np.asarray(film, np.float32) / np.float32(255)


def made(kind: str, films: Sequence[Grey], others: Sequence[Grey], rng: Any) -> Grey:
    """Make a picture of a kind of films drawn at random; `others` are laterals and no chests."""

    def one() -> Grey:
        return films[int(rng.integers(len(films)))]

    if kind == "film":
        return implausible.film(one(), rng)
    if kind == "negative":
        return implausible.negative(one(), rng)
    if kind == "two_films":
        lateral = bool(others) and rng.random() < 0.3
        second = others[int(rng.integers(len(others)))] if lateral else one()
        return implausible.two_films(
            *((one(), second) if rng.random() < 0.7 else (second, one())), rng
        )
    if kind == "screenshot":
        return implausible.screenshot([one(), one()], rng)
    if kind == THIN_BAR:
        return implausible.thin_bar(one(), rng)
    if kind == "photo":
        return implausible.light_box(one(), rng)
    return implausible.film(others[int(rng.integers(len(others)))], rng)


# Of a worker process: given to it once, as the films are large.
_given: dict[str, list[Grey]] = {}


def _take(films: list[Grey], laterals: list[Grey], strangers: list[Grey]) -> None:
    _given.update(films=films, laterals=laterals, strangers=strangers)


def _thumbnails(job: tuple[str, int, int]) -> NDArray[np.uint8]:
    kind, count, seed = job
    rng = np.random.default_rng(seed)
    others = _given["strangers" if kind == "other" else "laterals"]
    pictures = (made(kind, _given["films"], others, rng) for _ in range(count))
    return np.stack([np.rint(thumbnail(x) * 255).astype(np.uint8) for x in pictures])


def make_pictures(
    films: list[Grey],
    laterals: list[Grey],
    strangers: list[Grey],
    counts: Sequence[int],
    *,
    seed: int,
    thin_bars: int = 0,
    workers: int = 2,
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Make thumbnails of every kind, (pictures, `SIDE`, `SIDE`), and number their kinds."""
    part = 100
    wanted = dict(zip(KINDS, counts, strict=True)) | {THIN_BAR: thin_bars}
    wanted["screenshot"] -= thin_bars
    jobs = [
        (kind, min(part, count - start), seed * 1_000_000 + number * 10_000 + start // part)
        for number, (kind, count) in enumerate(wanted.items())
        for start in range(0, count, part)
    ]
    with ProcessPoolExecutor(
        workers, initializer=_take, initargs=(films, laterals, strangers)
    ) as pool:
        parts = list(pool.map(_thumbnails, jobs))
    learned = [job[0].partition(",")[0] for job in jobs]
    kinds = [np.full(len(x), KINDS.index(kind)) for x, kind in zip(parts, learned, strict=True)]
    return np.concatenate(parts), np.concatenate(kinds)


def fit_picture_check(
    thumbnails: NDArray[np.uint8], kinds: NDArray[np.int64], recipe: Recipe
) -> PictureCheck:
    """Train the network; every threshold is 0 yet, see `thresholds`."""
    prepare()
    keep_memory()
    import keras
    from keras import layers

    keras.utils.set_random_seed(recipe.seed)
    inputs = keras.Input((SIDE, SIDE, 1))
    maps = inputs
    for channels, stride in zip(recipe.channels, recipe.strides, strict=True):
        maps = layers.ZeroPadding2D(1)(maps)
        maps = layers.Conv2D(channels, 3, stride, use_bias=False)(maps)
        maps = layers.BatchNormalization()(maps)
        maps = layers.ReLU()(maps)
    pooled = [layers.GlobalAveragePooling2D()(maps), layers.GlobalMaxPooling2D()(maps)]
    dropped = layers.Dropout(0.2)(layers.Concatenate()(pooled))
    model = keras.Model(inputs, layers.Dense(len(KINDS))(dropped))
    steps = -(-len(kinds) // recipe.batch_size) * recipe.epochs
    rate = keras.optimizers.schedules.CosineDecay(recipe.learning_rate, steps)
    model.compile(
        keras.optimizers.AdamW(rate, weight_decay=1e-3),
        keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.01),
        metrics=["accuracy"],
    )
    wanted = np.eye(len(KINDS), dtype=np.float32)[kinds]
    model.fit(
        thumbnails[..., None].astype(np.float32) / 255,
        wanted,
        batch_size=recipe.batch_size,
        epochs=recipe.epochs,
        verbose=2,
    )
    return _folded(model, recipe)


def _folded(model: Any, recipe: Recipe) -> PictureCheck:
    """Take the normalization into the convolutions, which then add a bias."""
    import keras

    convolutions = [x for x in model.layers if isinstance(x, keras.layers.Conv2D)]
    norms = [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]
    folded = []
    for convolution, norm, stride in zip(convolutions, norms, recipe.strides, strict=True):
        gamma, beta, mean, variance = (np.asarray(x) for x in norm.get_weights())
        scale = gamma / np.sqrt(variance + norm.epsilon)
        kernel = np.asarray(convolution.get_weights()[0])
        folded.append(Layer(kernel * scale, beta - mean * scale, stride))
    weights, bias = (np.asarray(x) for x in model.layers[-1].get_weights())
    check = PictureCheck(tuple(folded), weights, bias, dict.fromkeys(REASONS, 0.0))
    return PictureCheck.from_bytes(check.to_bytes(), check.least)  # as it will be read


def thresholds(check: PictureCheck, films: Sequence[Grey], recipe: Recipe) -> dict[str, float]:
    """Set how sure the check must be of each kind: see `Recipe.flagged` and `Recipe.least`."""
    p = _probabilities(check, [thumbnail(film) for film in films])
    highest = np.quantile(p, 1 - recipe.flagged, axis=0)
    return {
        kind: round(max(recipe.least, float(highest[KINDS.index(kind)])), 4) for kind in REASONS
    }


def _probabilities(check: PictureCheck, seen: Sequence[Grey]) -> NDArray[np.float64]:
    starts = range(0, len(seen), 64)
    return np.concatenate([check.probabilities(np.stack(seen[i : i + 64])) for i in starts])


def measure(
    check: PictureCheck,
    films: Films,
    laterals: list[Grey],
    seed: int,
    gates: Mapping[str, Refuses] | None = None,
) -> list[dict[str, Any]]:
    """Count what is told of films, of their negatives, and of pictures made of them.

    Parameters
    ----------
    check : PictureCheck
    films : Films
        Pictures are made of those whose set is one of `MADE_OF`.
    laterals : list of numpy.ndarray
        For pictures with a lateral film.
    seed : int
        Of the pictures made.
    gates : mapping, optional
        What refuses pictures besides, by its name: of made pictures it is also counted how many
        the check and the gate refuse together.

    Returns
    -------
    list of dict
        The rows of the card.
    """
    rows = []
    for group, small in films.groups.items():
        grey = [_unit(film) for film in small]
        rows.append(_row(group, "film", check, grey))
        rows.append(_row(group, "negative", check, [1 - film for film in grey]))
        rows.append(_row(group, "negative, raw", check, [_raw(film) for film in grey]))
    for group in MADE_OF:
        grey = [
            _unit(x)
            for name, small in films.groups.items()
            if name.startswith(group)
            for x in small
        ]
        for kind in ("two_films", "screenshot", THIN_BAR, "photo") if grey else ():
            rng = np.random.default_rng(seed)
            pictures = [made(kind, grey, laterals, rng) for _ in range(MADE)]
            rows.append(_row(group, kind, check, pictures, gates))
    return rows


def _raw(film: Grey) -> Grey:
    """Return a film as a detector counts it: what is let through, no logarithm."""
    return np.asarray(np.expm1(2.5 * (1 - film)) / np.expm1(2.5), np.float32)


def _row(
    group: str,
    made_as: str,
    check: PictureCheck,
    pictures: Sequence[Grey],
    gates: Mapping[str, Refuses] | None = None,
) -> dict[str, Any]:
    told = check.kinds(_probabilities(check, [thumbnail(x) for x in pictures]))
    told = [kind if kind in REASONS else "film" for kind in told]
    n, k = len(told), sum(kind != "film" for kind in told)
    low, high = wilson(k, n)
    named = {kind: told.count(kind) for kind in REASONS if kind in told}
    interval = [round(float(low), 6), round(float(high), 6)]
    row = {"films": group, "as": made_as, "n": n, "told": k, "ci": interval, "named": named}
    if gates:
        seen = np.array([kind != "film" for kind in told])
        row["with_gate"] = {
            name: int((seen | gate(pictures)).sum()) for name, gate in gates.items()
        }
    return row


def _gate(finding: str) -> Refuses:
    """Return what the gate of a finding's default model refuses of pictures."""
    judge = load(finding).judge
    assert judge is not None

    def refuses(pictures: Sequence[Grey]) -> NDArray[np.bool_]:
        refusals = []
        for start in range(0, len(pictures), 20):
            films = [Radiograph(pixels) for pixels in pictures[start : start + 20]]
            inputs = np.stack([judge.classifier.prepare(film) for film in films])
            refusals += judge.gate.judge(judge.classifier.network, inputs)
        return np.array([refusal is not None for refusal in refusals])

    return refuses


def store_picture_check(
    check: PictureCheck, recipe: Recipe, measured: list[dict[str, Any]], out: Path
) -> None:
    """Write the folder: the weights, and the card that names them by their hash."""
    with FolderWriter(out, "card.json") as writer:
        content = check.to_bytes()
        card = {
            "schema": SCHEMA,
            "kind": KIND,
            "name": KIND,
            "kinds": KINDS,
            "architecture": {"name": "picture_check", "parameters": check.parameters},
            "input": f"Gray, squashed to {SIDE} x {SIDE}, its middle 98 % stretched to [0, 1].",
            "recipe": asdict(recipe),
            "data": {"films": LEARNED_FROM},
            "weights": {
                "file": FILE,
                "sha256": writer.add(FILE, lambda path: path.write_bytes(content)),
            },
            "least": check.least,
            "measured": measured,
        }
        writer.commit(card_bytes(card))


def make(data: Path, out: Path, recipe: Recipe, say: Say = to_stderr) -> list[dict[str, Any]]:
    """Do all of it; return what was measured."""
    say("Reading the films")
    learned, chosen = learned_films(data, "train"), learned_films(data, "validation")
    # Half of the few laterals is kept for the pictures that are measured.
    laterals = [_unit(film) for film in read_films(_files(data / "lateral"))]
    strangers = [_unit(film) for film in read_films(_files(data / OTHER_THINGS))]
    say("Making the pictures")
    thumbnails, kinds = make_pictures(
        learned.all(),
        laterals[::2],
        strangers + laterals[::2],
        recipe.pictures,
        seed=recipe.seed,
        thin_bars=recipe.thin_bars,
    )
    check = fit_picture_check(thumbnails, kinds, recipe)
    least = thresholds(check, chosen.all(), recipe)
    check = PictureCheck(check.layers, check.weights, check.bias, least)
    say("Measuring")
    tested = learned_films(data, "test").groups
    unseen = unseen_films(data).groups
    groups = {f"{name}, test": films for name, films in tested.items() if name != "kermany"}
    gates = {finding: _gate(finding) for finding in ("pneumonia", "tuberculosis")}
    measured = measure(check, Films(groups | unseen), laterals[1::2], recipe.seed + 1, gates)
    for name, small in chosen.groups.items():
        films = [_unit(film) for film in small]
        measured.append(_row(f"{name}{CHOSEN_ON}", "film", check, films))
        negatives = [1 - film for film in films]
        measured.append(_row(f"{name}{CHOSEN_ON}", "negative", check, negatives))
    # Of the laterals, those that were not learned from; of the other things there is no such half.
    for name, pictures in (("lateral", laterals[1::2]), (OTHER_THINGS, strangers)):
        measured.append(_row(name, "other", check, pictures))
    store_picture_check(check, recipe, measured, out)
    return measured


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the check from the command line."""
    parser = argparse.ArgumentParser(prog="python -m cxr.training.picture_check")
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    given = parser.parse_args(arguments)
    for row in make(given.data, given.out, Recipe()):
        print(json.dumps(row))


if __name__ == "__main__":
    main()
