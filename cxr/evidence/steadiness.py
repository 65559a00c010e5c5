"""How steady a model's scores are: noise, a JPEG's losses, a shift that no reader would notice.

What each film scored is kept in ``steadiness.csv`` of the bundle; the figures are computed from it.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from ..datasets.folders import DatasetError
from ..films.radiograph import read
from ..progress import Progress
from ..scoring.bundle import Bundle
from ..scoring.classifier import Classifier
from ..scoring.operating_points import band
from ..scoring.predict import logits
from ..scoring.store import replace_evidence
from ..stats.bootstrap import owners
from ..stats.intervals import wilson
from ..stats.wording import count
from .score_split import films_folder

__all__ = [
    "CHECK",
    "DISTURBANCES",
    "FILE",
    "FILMS",
    "LARGEST",
    "MOST_BANDS",
    "disturbed",
    "figures",
    "films_measured",
    "measure",
    "steadiness",
]

#: Its name among the checks of an audit.
CHECK = "steadiness"
FILE = "steadiness.csv"
SPLIT = "validation"
#: Films that are drawn.
FILMS = 200
#: What is done to a film, for people.
DISTURBANCES = {
    "noise": "noise of 2 gray levels of 255",
    "jpeg": "stored as JPEG of quality 85",
    "right": "shifted 2 pixels to the right",
    "down": "shifted 2 pixels down",
}
NOISE = 2.0
QUALITY = 85
SHIFT = 2
#: A score is steady if on 95 % of the films it moves by at most this much,
LARGEST = 0.10
#: and on at most this share of them comes into another band.
MOST_BANDS = 0.02
CLEAN = "clean"
COLUMNS = ["weights", "path", "patient", CLEAN, *DISTURBANCES]
BATCH = 8


def disturbed(film: NDArray[np.uint8], random: np.random.Generator) -> dict[str, NDArray[np.uint8]]:
    """Return a film with each of `DISTURBANCES`.

    Parameters
    ----------
    film
        uint8 (height, width).
    random
        Draws the noise.
    """
    noisy = np.clip(np.rint(film + random.normal(0, NOISE, film.shape)), 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(film).save(file, "JPEG", quality=QUALITY)
    across = np.concatenate([film[:, :1]] * SHIFT + [film[:, :-SHIFT]], axis=1)
    down = np.concatenate([film[:1]] * SHIFT + [film[:-SHIFT]], axis=0)
    return {"noise": noisy, "jpeg": np.asarray(Image.open(file)), "right": across, "down": down}


def measure(
    bundle: Classifier, data: str | Path, *, seed: int = 0, progress: Progress | None = None
) -> pd.DataFrame:
    """Score validation films as they are and disturbed, and keep the logits in the bundle.

    Parameters
    ----------
    bundle : Classifier
        Its folder is written to.
    data : str or pathlib.Path
        See `cxr.evidence.score_split.score_split`.
    seed : int, default: 0
        Of the draw of `FILMS` films and of the noise.
    progress : Progress, optional
        Called with the films done and in all.

    Returns
    -------
    pandas.DataFrame
        The figures: `figures`.

    Raises
    ------
    DatasetError
        If the folder does not hold the bundle's films.
    """
    folder = films_folder(bundle, data, SPLIT)
    films = bundle.predictions[bundle.predictions["split"] == SPLIT].reset_index(drop=True)
    _check(bundle, folder, films)
    random = np.random.default_rng(seed)
    drawn = films.iloc[np.sort(random.permutation(len(films))[:FILMS])]
    rows = drawn[["path"]].assign(weights=bundle.card.weights.sha256, patient=owners(drawn))
    found: dict[str, list[NDArray[np.float64]]] = {kind: [] for kind in (CLEAN, *DISTURBANCES)}
    for start in range(0, len(rows), BATCH):
        inputs: dict[str, list[NDArray[np.uint8]]] = {kind: [] for kind in found}
        for path in rows["path"].iloc[start : start + BATCH]:
            film = read(folder / path)
            whole = np.rint(film.pixels * np.float32(255)).astype(np.uint8)
            for kind, pixels in {CLEAN: whole, **disturbed(whole, random)}.items():
                inputs[kind].append(bundle.card.input(pixels.astype(np.float32) / 255))
        for kind, batch in inputs.items():
            found[kind].append(logits(bundle, np.stack(batch)))
        if progress:
            progress(min(start + BATCH, len(rows)), len(rows))
    for kind, parts in found.items():
        rows[kind] = np.round(np.concatenate(parts), 6)
    replace_evidence(bundle, FILE, rows[COLUMNS])
    return figures(bundle)


def _check(bundle: Bundle, folder: Path, films: pd.DataFrame) -> None:
    if not folder.is_dir():
        raise DatasetError(f"There is no folder {folder.name!r}. Give the folder with the films.")
    if films.empty:
        raise DatasetError(f"{bundle.name} has no {SPLIT} films.")
    gone = sum(not (folder / path).is_file() for path in films["path"])
    if gone:
        raise DatasetError(
            f"{count(gone, f'{SPLIT} film')} of {bundle.name} not in {folder.name!r}. Give the "
            "folder that the model was trained on."
        )


def films_measured(bundle: Bundle) -> pd.DataFrame:
    """Read the logits that were measured with the bundle's weights; empty where none were."""
    content = bundle.evidence(FILE)
    if content is None:
        return pd.DataFrame(columns=COLUMNS)
    table = pd.read_csv(io.BytesIO(content), dtype={"weights": str, "path": str, "patient": str})
    return table[table["weights"] == bundle.card.weights.sha256].reset_index(drop=True)


def figures(bundle: Bundle) -> pd.DataFrame:
    """Return how far the scores of a bundle move.

    Returns
    -------
    pandas.DataFrame
        One row per disturbance, none where nothing was measured: disturbance, n, moves (the 95th
        percentile of the difference of the calibrated scores), crosses (share of films on the other
        side of the operating point) and bands (in another band), each share with ``_low`` and
        ``_high``, and steady (whether `LARGEST` and `MOST_BANDS` hold).
    """
    films = films_measured(bundle)
    card = bundle.card
    point = card.operating_point()
    scores = {kind: card.calibration.score(films[kind].to_numpy()) for kind in COLUMNS[3:]}
    bands = {kind: np.array([band(s, point) for s in some]) for kind, some in scores.items()}
    rows = []
    for kind, words in DISTURBANCES.items() if len(films) else ():
        moved = steadiness(scores[CLEAN], scores[kind], point.threshold)
        changed = bands[kind] != bands[CLEAN]
        shares = {"crosses": moved["crosses"], "bands": float(changed.mean())}
        row: dict[str, object] = {"disturbance": words, "n": len(films), "moves": moved["moves_95"]}
        for name, share in shares.items():
            low, high = wilson(round(share * len(films)), len(films))
            row |= {name: share, f"{name}_low": low, f"{name}_high": high}
        row["steady"] = moved["moves_95"] <= LARGEST and shares["bands"] <= MOST_BANDS
        rows.append(row)
    return pd.DataFrame(rows)


def steadiness(
    clean: NDArray[np.float64], moved: NDArray[np.float64], threshold: float
) -> Mapping[str, float]:
    """Say by how much scores move, and on what share of films across the threshold."""
    return {
        "moves_95": float(np.percentile(np.abs(moved - clean), 95)),
        "crosses": float(((moved >= threshold) != (clean >= threshold)).mean()),
    }
