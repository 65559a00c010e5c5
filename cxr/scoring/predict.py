"""Films in, predictions out: one by one, in batches, or whole folders."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..films.kinds import Kind, LeftOut, choose
from ..films.notes import Note
from ..films.radiograph import Radiograph, RadiographError, read
from ..films.walk import walk
from ..heatmaps.attribute import check as check_method
from ..heatmaps.heatmap import Cost, Heatmap
from ..heatmaps.methods import METHODS
from ..progress import Progress
from .bundle import Bundle
from .classifier import Classifier
from .heat_in_lungs import HeatInLungs, heat_in_lungs
from .lung_check import TURNED, lung_check
from .operating_points import band
from .refusal import Refusal
from .seen import SeenFilm, input_of, picture_refusals, rules

__all__ = [
    "FIELDS",
    "FILES_AT_ONCE",
    "Prediction",
    "batches",
    "find_films",
    "heatmaps_of",
    "logits",
    "predict",
    "predict_files",
    "score_files",
    "unread",
]

#: The columns of a prediction row.
FIELDS = (
    "path",
    "score",
    "band",
    "operating_point",
    "threshold",
    "refusal_code",
    "refusal_reason",
    "model",
    "model_sha256",
    "notes",
    "heat_in_lungs",
    "heat_remark_code",
    "heat_remark",
)
BATCH = 32
T = TypeVar("T")
#: Films held at full size at a time: a film of 3,000 x 3,000 pixels takes 36 MB.
FILES_AT_ONCE = 8


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a model says of one film: a score, or the reason why there is none.

    Attributes
    ----------
    score : float or None
        Calibrated, in (0, 1). None for a refused film, which has no score anywhere unless a reader
        has overridden the refusal.
    logit : float or None
        The network's output before calibration; None with `score`.
    band : str or None
        "above", "near" or "below" the operating point; None with `score`.
    operating_point : str
        Name of the operating point that the score is compared with.
    threshold : float
        Its threshold, on the calibrated score.
    refusal : Refusal or None
        Why the film was refused; None if it was not.
    model : str
        Name of the model.
    model_sha256 : str
        Hash of its weights.
    heatmap : Heatmap or None
        Only if it was asked for.
    notes : tuple of Note
        What a reader should know of how the film was read; in a row their codes, spaces between.
    heat_in_lungs : HeatInLungs or None
        Where the heat of `heatmap` lies; None without one.
    """

    score: float | None
    logit: float | None
    band: str | None
    operating_point: str
    threshold: float
    refusal: Refusal | None
    model: str
    model_sha256: str
    heatmap: Heatmap | None = None
    notes: tuple[Note, ...] = ()
    heat_in_lungs: HeatInLungs | None = None

    @property
    def overridden(self) -> bool:
        """Whether the film is scored although the gate refused it."""
        return self.refusal is not None and self.score is not None

    def row(self, path: str) -> dict[str, Any]:
        """Return the prediction as a row with the columns of `FIELDS`."""
        refusal = self.refusal
        values = {
            "path": path,
            "refusal_code": refusal.code if refusal else None,
            "refusal_reason": refusal.reason if refusal else None,
            "notes": " ".join(self.notes) or None,
            "heat_in_lungs": None,
        }
        if self.heat_in_lungs:
            values |= self.heat_in_lungs.row()
        return {name: values.get(name, getattr(self, name, None)) for name in FIELDS}


def logits(bundle: Classifier, films: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Run the network on prepared films, in batches.

    Parameters
    ----------
    bundle : Classifier
        The model.
    films : numpy.ndarray of uint8
        uint8 (films, height, width, channels), prepared by `Bundle.prepare`. One channel
        is repeated where the network takes three.

    Returns
    -------
    numpy.ndarray
        float64 (films,).
    """
    channels = bundle.card.input.channels
    if films.shape[-1] != channels:
        films = np.repeat(films, channels, axis=-1)
    starts = range(0, len(films), BATCH)
    forward = bundle.network.forward()
    parts = [forward(films[i : i + BATCH]).logits for i in starts]
    return np.concatenate(parts).astype(np.float64) if parts else np.zeros(0)


def predict(
    bundle: Classifier,
    films: Sequence[Radiograph | SeenFilm],
    *,
    operating_point: str | None = None,
    heatmaps: bool | str = False,
    layer: str | None = None,
    overridden: Collection[int] = (),
    judged: Mapping[int, Refusal | None] | None = None,
    lungs: bool = True,
) -> list[Prediction]:
    """Check films and score those that are not refused, in one call of the network.

    Parameters
    ----------
    bundle : Classifier
        The model.
    films : sequence of Radiograph or SeenFilm
        The films, or what `cxr.scoring.seen.see` made of them; a few dozen at most, since they
        are scored together.
    operating_point : str, optional
        Name of one of the card's operating points (default: the card's default).
    heatmaps : bool or str, default: False
        Whether each prediction brings its Grad-CAM, at the price of about a tenth more time; or
        one of `cxr.heatmaps.methods.FAST` for that map instead.
    layer : str, optional
        To map (default: the last convolution).
    overridden : collection of int, optional
        Places in `films` of those whose refusal a reader has overridden: they are scored, and
        say both.
    judged : mapping of int to Refusal or None, optional
        What the gate of another model has said of films, by their places in `films`: it counts
        in place of this one's (default: this model's gate judges each).
    lungs : bool, default: True
        Whether each heatmap is compared with the film's lungs.

    Returns
    -------
    list of Prediction
        One per film, in order.

    Raises
    ------
    ValueError
        If the bundle has no operating point of that name, or the method or the layer is unknown.
    """
    card = bundle.card
    method = "gradcam" if heatmaps is True else heatmaps or None
    point = card.operating_point(operating_point)
    judged = judged or {}
    refusals = [rules(film, card) or judged.get(i) for i, film in enumerate(films)]
    to_see = [i for i, refusal in enumerate(refusals) if refusal is None and i not in judged]
    seen = picture_refusals(bundle, [films[i] for i in to_see])
    for i, refusal in zip(to_see, seen, strict=True):
        refusals[i] = refusal
    open_ = [i for i, refusal in enumerate(refusals) if refusal is None or i in overridden]
    looked = {i: lung_check(films[i], bundle.folder.parent) for i in open_}
    scored: dict[int, tuple[float, Heatmap | None]] = {}
    if open_:
        if method:
            check_method(bundle.network, method, layer)
        passed = [films[i] for i in open_]
        inputs = np.stack([input_of(film, bundle) for film in passed])
        forward = bundle.network.forward(method, layer)
        start = time.perf_counter()
        outputs = forward(inputs)
        cost = Cost((time.perf_counter() - start) / len(passed), 1)
        to_judge = [k for k, i in enumerate(open_) if i not in judged]
        refused_by_gate = _learned(
            bundle, [passed[k] for k in to_judge], outputs.features[to_judge]
        )
        learned = dict(zip((open_[k] for k in to_judge), refused_by_gate, strict=True))
        maps: Sequence[Heatmap | None] = [None] * len(passed)
        if method:
            maps = heatmaps_of(bundle, passed, outputs.maps, method, layer, cost)
        for i, logit, heatmap in zip(open_, outputs.logits, maps, strict=True):
            if i not in judged:
                refusals[i] = refusals[i] or _first(learned[i], looked[i].refusal)
            # The network may have run, but a refused film has no score anywhere.
            if refusals[i] is None or i in overridden:
                scored[i] = float(logit), heatmap

    def result(i: int) -> Prediction:
        logit, heatmap = scored.get(i, (None, None))
        score = None if logit is None else float(card.calibration.score(np.float64(logit)))
        return Prediction(
            score=score,
            logit=logit,
            band=None if score is None else band(score, point),
            operating_point=point.name,
            threshold=point.threshold,
            refusal=refusals[i],
            model=card.name,
            model_sha256=card.weights.sha256,
            heatmap=heatmap,
            # What is to be said of a score means nothing where there is none.
            notes=(*films[i].notes, *(looked[i].notes if i in scored else ())),
            heat_in_lungs=heat_in_lungs(films[i], heatmap, bundle.folder.parent)
            if heatmap and lungs
            else None,
        )

    return [result(i) for i in range(len(films))]


def _first(learned: Refusal | None, by_lungs: Refusal | None) -> Refusal | None:
    """Choose a refusal: that a film is turned comes first, since it says what to do."""
    if by_lungs and by_lungs.code == TURNED:
        return by_lungs
    return learned or by_lungs


def heatmaps_of(
    bundle: Classifier,
    films: Sequence[Radiograph | SeenFilm],
    maps: NDArray[np.float32],
    method: str = "gradcam",
    layer: str | None = None,
    cost: Cost | None = None,
) -> list[Heatmap]:
    """Make heatmaps from maps, one per film.

    Parameters
    ----------
    bundle : Classifier
        The model.
    films : sequence of Radiograph or SeenFilm
        As they were read or seen.
    maps : numpy.ndarray of float32
        (films, rows, columns), see `cxr.heatmaps.attribute.attribute`.
    method, layer : str
        That they were made by.
    cost : Cost, optional
        Of each.
    """
    name = bundle.network.layer(layer) if METHODS[method].layered else ""
    margin, finding = bundle.card.input.margin, bundle.card.finding
    return [
        Heatmap(grid, film.height, film.width, method, name, finding, margin, cost)
        for grid, film in zip(maps, films, strict=True)
    ]


def _learned(
    bundle: Classifier, films: Sequence[Radiograph | SeenFilm], features: NDArray[np.float32]
) -> list[Refusal | None]:
    """Say of films that the rules let pass whether the learned gate refuses them.

    The features are those that came with the score; they are of use to the bundle's own gate.
    """
    judge = bundle.judge if films else None
    if judge is None:
        return [None] * len(films)
    if judge.classifier is bundle:
        return judge.gate(features)
    inputs = np.stack([input_of(film, judge.classifier) for film in films])
    return judge.gate.judge(judge.classifier.network, inputs)


def find_films(
    paths: Iterable[str | Path], left_out: dict[Path, LeftOut] | None = None
) -> list[Path]:
    """List the files to score: files as given, folders walked for films.

    Which files of a folder are films, their first bytes tell: `cxr.films.kinds.choose`. A file that
    is named like a film is taken whatever it holds, so that damage has its row. Links are
    followed, but no folder is walked twice.

    Parameters
    ----------
    paths : iterable of str or pathlib.Path
        Files and folders.
    left_out : dict of pathlib.Path to LeftOut, optional
        Is given the account of each folder's other files, under the folder's path.

    Returns
    -------
    list of pathlib.Path
        Each once, those of a folder sorted.
    """
    films: list[Path] = []
    for path in map(Path, paths):
        if not path.is_dir():
            films.append(path)
            continue
        files = list(walk(path))
        start = len(path.parts)
        inside = [(PurePath(*file.parts[start:]), kind or Kind.OTHER) for file, kind in files]
        chosen, others = choose(inside)
        films += sorted(files[place][0] for place in chosen)
        if left_out is not None:
            left_out[path] = others
    return list(dict.fromkeys(films))


def predict_files(
    bundle: Classifier,
    paths: Iterable[Path],
    *,
    operating_point: str | None = None,
    heatmaps: bool = False,
    progress: Progress | None = None,
) -> Iterator[tuple[Path, Radiograph | None, Prediction]]:
    """Read and score files, batch by batch; a file that cannot be read is a refusal of its own.

    Parameters
    ----------
    bundle : Classifier
        The model.
    paths : iterable of pathlib.Path
        Files.
    operating_point : str, optional
        Name of one of the card's operating points (default: the card's default).
    heatmaps : bool, default: False
        Whether each prediction brings its Grad-CAM.
    progress : Progress, optional
        Called with the files done and the files in all; to count these, an iterator is run to its
        end first.

    Yields
    ------
    path : pathlib.Path
    film : Radiograph or None
        None if the file cannot be read.
    prediction : Prediction
    """
    return score_files(
        paths,
        lambda films: predict(bundle, films, operating_point=operating_point, heatmaps=heatmaps),
        lambda refusal: unread(bundle, refusal, operating_point),
        progress,
    )


def score_files(
    paths: Iterable[Path],
    score: Callable[[list[Radiograph]], Sequence[T]],
    unread: Callable[[Refusal], T],
    progress: Progress | None = None,
) -> Iterator[tuple[Path, Radiograph | None, T]]:
    """Read files batch by batch, and score what was read.

    Parameters
    ----------
    paths : iterable of pathlib.Path
        Files.
    score : callable
        Takes films, and returns what is said of each.
    unread : callable
        Returns what is said of a file that cannot be read.
    progress : Progress, optional
        As for `predict_files`.

    Yields
    ------
    path : pathlib.Path
    film : Radiograph or None
        None if the file cannot be read.
    said : object
        By `score` or by `unread`.
    """
    done = total = 0
    if progress:
        paths = list(paths)
        total = len(paths)
        if paths:
            progress(0, total)
    for batch in batches(paths, FILES_AT_ONCE):
        films: list[Radiograph | None] = []
        refusals: list[Refusal | None] = []
        for path in batch:
            try:
                films.append(read(path))
                refusals.append(None)
            except RadiographError as error:
                films.append(None)
                refusals.append(Refusal(error.code, error.reason))
        results = iter(score([film for film in films if film is not None]))
        for path, film, refusal in zip(batch, films, refusals, strict=True):
            if film is None:
                assert refusal is not None
                yield path, None, unread(refusal)
            else:
                yield path, film, next(results)
            done += 1
            if progress:
                progress(done, total)


def unread(bundle: Bundle, refusal: Refusal, operating_point: str | None = None) -> Prediction:
    """Make the prediction of a file that could not be read: a refusal and no score."""
    point = bundle.card.operating_point(operating_point)
    name, sha256 = bundle.card.name, bundle.card.weights.sha256
    return Prediction(None, None, None, point.name, point.threshold, refusal, name, sha256)


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield items in lists of a size, the last one shorter."""
    batch: list[T] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
