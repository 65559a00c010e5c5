"""The learned part of the gate, fitted and measured: `cxr.scoring.gate` says what it is.

It learns what frontal films are from the training films of the published sets, and what they are
not from the folders ``lateral`` and ``not_chest``, whose pictures are few and hence also taken
mirrored, turned and in parts. Every figure is of pictures that had no part in the fit: sets held
out as a whole, or parts held out in turn.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from ..datasets.folders import DatasetError, scan
from ..datasets.withheld import withheld
from ..films.kinds import SUFFIXES
from ..films.radiograph import RadiographError, read
from ..model import Model
from ..networks import ARCHITECTURES
from ..progress import Say, to_stderr
from ..scoring.bundle import Bundle
from ..scoring.card import Card, GateFacts, GateFigures
from ..scoring.gate import CLASSES, FILE, Gate
from ..scoring.store import CARD, bundle_writer
from ..stats.bootstrap import owners
from ..stats.intervals import wilson

__all__ = ["LAYERS", "fit_gate", "store_gate"]

#: Whose averages are the features: the middle of a network still tells a hand from a chest, its
#: end tells only what it was trained for.
LAYERS = {
    name: architecture.gate_layers
    for name, architecture in ARCHITECTURES.items()
    if architecture.gate_layers
}
#: Frontal films that are learned from: split train of the first set, all of the second.
LEARNED = ("kermany", "tuberculosis")
#: A further set to learn from where it is there, less what is withheld from learning.
SOFT = "shenzhen_128"
#: Frontal films that are only measured on; the last are those before it, softened.
MEASURED = ("kermany test", "nih", "nih softened")
#: Side in pixels that a film is brought to, and back, to be soft: such copies are passed about.
SOFT_SIDE = 128
#: One frontal film in so many is learned from softened as well.
SOFTENED = 4
#: Pictures of ``not_chest`` that are frontal chest films, put there by mistake: not learned from.
MISFILED = ("ct_256",)
MOST = 1500  # films of a set to learn from
FOLDS = 5
COMPONENTS = 200
#: Share of the held-out frontal films that each of the two cuts may refuse.
REFUSED = 0.004
BATCH = 16


@dataclass(frozen=True, eq=False)
class Pictures:
    """Features of pictures, with where they come from.

    Attributes
    ----------
    features : numpy.ndarray of float32
        Shape (pictures, features).
    kind : numpy.ndarray of int64
        Shape (pictures,): index into `CLASSES`.
    group : numpy.ndarray
        Shape (pictures,): the set or folder, as it is reported.
    picture : numpy.ndarray of int64
        Shape (pictures,): number of the picture; a variant has that of its original.
    original : numpy.ndarray of bool
        Shape (pictures,): False for a variant.
    patient : numpy.ndarray of str
        Shape (pictures,): whose film it is; of other pictures its path.
    """

    features: NDArray[np.float32]
    kind: NDArray[np.int64]
    group: NDArray[Any]
    picture: NDArray[np.int64]
    original: NDArray[np.bool_]
    patient: NDArray[np.str_]

    def part(self, rows: NDArray[Any]) -> Pictures:
        """Return some of them."""
        return Pictures(
            self.features[rows],
            self.kind[rows],
            self.group[rows],
            self.picture[rows],
            self.original[rows],
            self.patient[rows],
        )


def fit_gate(
    bundle: Model,
    data: str | Path,
    *,
    seed: int = 0,
    say: Say = to_stderr,
) -> tuple[Gate, list[GateFigures]]:
    """Fit the gate of a bundle and measure it.

    Parameters
    ----------
    bundle : Bundle
        Whose network gives the features; its architecture must be one of `LAYERS`.
    data : str or pathlib.Path
        The folder that holds the sets ``kermany``, ``tuberculosis``, ``nih``, and the folders
        ``lateral`` and ``not_chest``.
    seed : int, default: 0
        Of the draw of films and of the folds.
    say : Say, optional
        Called with one line per group (default: writes to standard error).

    Returns
    -------
    gate : Gate
        Fitted on all pictures that may be learned from.
    measured : list of GateFigures
        One for each group.

    Raises
    ------
    ValueError
        If the architecture has no layers named for it.
    DatasetError
        If a folder is missing or empty.
    """
    name = bundle.card.architecture.name
    if name not in LAYERS:
        raise ValueError(f"Expected a bundle of {', '.join(LAYERS)}. Received: {name}")
    layers = LAYERS[name]
    learned, measured = _pictures(bundle, layers, Path(data), seed, say)
    folds = _folds(learned, seed)
    p, distances = _held_out(learned, folds, layers)
    frontal = learned.kind == 0
    least = float(np.quantile(p[frontal, 0], REFUSED))
    farthest = float(np.quantile(distances[frontal], 1 - REFUSED))
    gate = _fit(learned, layers, least, farthest)
    rows = []
    refused = (p[:, 0] < least) | (distances > farthest)
    for group in dict.fromkeys(learned.group):
        members = (learned.group == group) & learned.original
        rows.append(_row(group, refused[members], f"{FOLDS} parts in turn"))
    # What the gate makes of kinds of pictures that it has never seen.
    other = learned.kind == CLASSES.index("other")
    for group in dict.fromkeys(learned.group[other]):
        rest, members = learned.group != group, (learned.group == group) & learned.original
        refusals = _fit(learned.part(rest), layers, least, farthest)(learned.features[members])
        left_out = np.array([refusal is not None for refusal in refusals])
        rows.append(_row(group, left_out, "this kind left out of the fit"))
    for group in dict.fromkeys(measured.group):
        members = (measured.group == group) & measured.original
        refusals = gate(measured.features[members])
        rows.append(_row(group, np.array([r is not None for r in refusals]), "never learned from"))
    return gate, rows


def store_gate(bundle: Bundle, gate: Gate, measured: list[GateFigures], seed: int = 0) -> None:
    """Store a gate in its bundle: the file, and its part of the card."""
    soft = (SOFT,) if any(row.films == SOFT for row in measured) else ()
    with bundle_writer(bundle.folder) as writer:
        facts = GateFacts(
            file=FILE,
            sha256=writer.add(FILE, gate.save),
            layers=gate.layers,
            learned_from=(*LEARNED, *soft, "lateral", "not_chest"),
            seed=seed,
            measured=tuple(measured),
        )
        writer.commit(replace(Card.read(bundle.folder / CARD), gate=facts).to_bytes())


def _pictures(
    bundle: Model,
    layers: tuple[str, ...],
    data: Path,
    seed: int,
    say: Say,
) -> tuple[Pictures, Pictures]:
    """Read all pictures and run them through the network: those to learn from, those not."""
    rng = np.random.default_rng(seed)
    films = scan(data / "kermany")
    drawn = {
        "kermany": films[films["split"] == "train"],
        "tuberculosis": scan(data / "tuberculosis"),
    }
    parts = []
    for name, table in drawn.items():
        rows = np.sort(rng.permutation(len(table))[:MOST])
        parts.append((name, 0, _whose(data / name, table.iloc[rows])))
    if (data / SOFT).is_dir():
        soft = scan(data / SOFT)
        kept = ~withheld(soft.assign(source=soft.get("source", SOFT)), data)
        parts.append((SOFT, 0, _whose(data / SOFT, soft[kept])))
    parts.append(("lateral", 1, _files(data / "lateral")))
    folders = sorted(path for path in (data / "not_chest").iterdir() if path.is_dir())
    parts += [(path.name, 2, _files(path)) for path in folders if path.name not in MISFILED]
    learned = _features(bundle, layers, parts, say)
    tested = films[films["split"] == "test"]
    nih = scan(data / "nih")
    if "also_listed_normal" in nih:  # these are in the Qatar collection too
        nih = nih[nih["also_listed_normal"].fillna("").astype(str) == ""]
    held = [
        (MEASURED[0], 0, _whose(data / "kermany", tested)),
        (MEASURED[1], 0, _whose(data / "nih", nih)),
        (MEASURED[2], 0, _whose(data / "nih", nih)),
        *((path.name, 0, _files(path)) for path in folders if path.name in MISFILED),
    ]
    return learned, _features(bundle, layers, held, say)


def _whose(folder: Path, table: pd.DataFrame) -> list[tuple[Path, str]]:
    """Return the films of a table, each with its patient."""
    return [
        (folder / path, str(patient))
        for path, patient in zip(table["path"], owners(table), strict=True)
    ]


def _files(folder: Path) -> list[tuple[Path, str]]:
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not files:
        raise DatasetError(f"There are no pictures in {folder.name}.")
    return [(path, path.as_posix()) for path in files]


def _features(
    bundle: Model,
    layers: tuple[str, ...],
    parts: Iterable[tuple[str, int, list[tuple[Path, str]]]],
    say: Say,
) -> Pictures:
    forward = bundle.network.features(layers)
    features, rows = [], []
    number = 0
    for name, kind, paths in parts:
        say(f"{len(paths)} pictures of {name}")
        for start in range(0, len(paths), BATCH):
            inputs = []
            for path, patient in paths[start : start + BATCH]:
                try:
                    film = read(path)
                except RadiographError as error:
                    raise DatasetError(f"{path.name}: {error}") from error
                first = softened(film.pixels) if name == MEASURED[2] else film.pixels
                taken = [first, *_variants(first, kind, number)]
                inputs += [bundle.card.input(pixels) for pixels in taken]
                rows += [(kind, name, number, k == 0, patient) for k in range(len(taken))]
                number += 1
            features.append(forward(np.stack(inputs)))
    return Pictures(np.concatenate(features), *map(np.array, zip(*rows, strict=True)))


def softened(pixels: NDArray[np.float32], side: int = SOFT_SIDE) -> NDArray[np.float32]:
    """Bring a film to a square of some pixels, and back to its size."""
    image = Image.fromarray(pixels)
    small = image.resize((side, side), Image.Resampling.BILINEAR)
    return np.asarray(small.resize(image.size, Image.Resampling.BILINEAR), np.float32)


def _variants(pixels: NDArray[np.float32], kind: int, number: int) -> list[NDArray[np.float32]]:
    """Return a picture mirrored, turned, and parts of it; of some frontal films a soft copy."""
    height, width = pixels.shape
    if kind == 0:
        soft = number % SOFTENED == 0 and min(height, width) > SOFT_SIDE
        return [softened(pixels)] if soft else []
    variants = [
        pixels[:, ::-1],
        *(np.rot90(pixels, turns) for turns in (1, 2, 3)),
        pixels[height // 10 : height - height // 10, width // 10 : width - width // 10],
        pixels[: height * 4 // 5, : width * 4 // 5],
        pixels[height // 5 :, width // 5 :],
    ]
    return [np.ascontiguousarray(variant) for variant in variants]


def _folds(pictures: Pictures, seed: int) -> NDArray[np.int64]:
    """Deal the patients of each group out to the folds, each with all pictures and variants."""
    rng = np.random.default_rng(seed)
    folds = np.zeros(len(pictures.group), np.int64)
    for group in dict.fromkeys(pictures.group):
        rows = pictures.group == group
        patient, known = pd.factorize(pictures.patient[rows])
        fold_of = np.zeros(len(known), np.int64)
        fold_of[rng.permutation(len(known))] = np.arange(len(known)) % FOLDS
        folds[rows] = fold_of[patient]
    return folds


def _held_out(
    pictures: Pictures, folds: NDArray[np.int64], layers: tuple[str, ...]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Measure every picture by a gate that did not learn from its fold."""
    p, distance = np.zeros((len(folds), len(CLASSES))), np.zeros(len(folds))
    for fold in range(FOLDS):
        held = folds == fold
        gate = _fit(pictures.part(~held), layers, 0.0, np.inf)
        p[held], distance[held] = gate.measures(pictures.features[held])
    return p, distance


def _fit(pictures: Pictures, layers: tuple[str, ...], least: float, farthest: float) -> Gate:
    from sklearn.linear_model import LogisticRegression

    frontal = pictures.features[pictures.kind == 0].astype(np.float64)
    mean = frontal.mean(axis=0)
    _, spread, axes = np.linalg.svd(frontal - mean, full_matrices=False)
    kept = min(COMPONENTS, int((spread > spread[0] * 1e-4).sum()))
    deviation = spread[:kept] / np.sqrt(len(frontal) - 1)
    basis = (axes[:kept] / deviation[:, None]).T
    parts = (pictures.features - mean) @ basis
    solver = LogisticRegression(C=0.01, class_weight="balanced", max_iter=2000)
    solver.fit(parts, pictures.kind)
    return Gate(
        layers,
        mean.astype(np.float32),
        basis.astype(np.float32),
        solver.coef_.T.astype(np.float32),
        solver.intercept_.astype(np.float32),
        least,
        farthest,
    )


def _row(name: str, refused: NDArray[Any], how: str) -> GateFigures:
    n, k = len(refused), int(refused.sum())
    low, high = wilson(k, n)
    return GateFigures(
        films=str(name),
        n=n,
        refused=k,
        share=round(k / n, 6),
        ci=(round(float(low), 6), round(float(high), 6)),
        how=how,
    )
