"""The way of many films: read ahead in processes, scored in batches, given back in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from ..scoring import automatic
from ..scoring.classifier import Classifier
from ..scoring.predict import FILES_AT_ONCE, Prediction, batches
from ..scoring.refusal import Refusal
from ..scoring.seen import Needs, SeenFilm
from .reading import Readers, processes

__all__ = ["FEW", "Scored", "score_batch", "score_many"]

#: Films that are read in this process: starting others would take longer.
FEW = 16


class Scored(NamedTuple):
    """A film with what models say of it.

    Attributes
    ----------
    path : str
        As it was given.
    film : SeenFilm or None
        None if the file cannot be read.
    predictions : dict of str to Prediction
        By finding.
    """

    path: str
    film: SeenFilm | None
    predictions: dict[str, Prediction]


def score_many(
    models: Sequence[Classifier],
    paths: Sequence[str],
    *,
    operating_point: str | None = None,
    heatmaps: bool = False,
    readers: int | None = None,
) -> Iterator[list[Scored]]:
    """Read and score files by several models.

    Parameters
    ----------
    models : sequence of Classifier
        One per finding.
    paths : sequence of str
        Files.
    operating_point : str, optional
        Name of an operating point that each card has (default: each card's default).
    heatmaps : bool, default: False
        Whether each prediction brings its Grad-CAM, and each film its pixels.
    readers : int, optional
        Processes that read; 0 to read in this one (default: by the number of files).

    Yields
    ------
    list of Scored
        A batch, the films in order.
    """
    if readers is None:
        readers = 0 if len(paths) <= FEW else processes()
    with Readers(Needs.of(models, film=heatmaps), readers) as pool:
        for names, seen in pool.read(batches(paths, FILES_AT_ONCE)):
            predictions = score_batch(models, seen, operating_point, heatmaps=heatmaps)
            yield [
                Scored(path, film if isinstance(film, SeenFilm) else None, said)
                for path, film, said in zip(names, seen, predictions, strict=True)
            ]


def score_batch(
    models: Sequence[Classifier],
    seen: Iterable[SeenFilm | Refusal],
    operating_point: str | None = None,
    *,
    heatmaps: bool = False,
) -> list[dict[str, Prediction]]:
    """Score a batch of films, wherever they were read.

    Parameters
    ----------
    models : sequence of Classifier
        One per finding.
    seen : iterable of SeenFilm or Refusal
        Films, a few dozen at most; a refusal in the place of one that cannot be read.
    operating_point, heatmaps
        As for `score_many`.

    Returns
    -------
    list of dict of str to Prediction
        Per film a prediction by finding.
    """
    seen = list(seen)
    films = [film for film in seen if isinstance(film, SeenFilm)]
    said = iter(
        automatic.predict(models, films, operating_point=operating_point, heatmaps=heatmaps)
    )
    return [
        automatic.unread(models, film, operating_point) if isinstance(film, Refusal) else next(said)
        for film in seen
    ]
