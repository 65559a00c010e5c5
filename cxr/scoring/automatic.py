"""A film read by the default model of every finding whose population it may belong to.

What the file says of the patient's age decides: an adult's film is scored for tuberculosis, a
child's for pneumonia, and one of unknown age for both, with a note. A finding whose population
does not fit has a refusal in the place of its score.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ..films.notes import Note
from ..films.radiograph import Radiograph
from ..progress import Progress
from . import predict as single
from .bundle import Bundle, available, default_name
from .card import Card
from .classifier import Classifier
from .predict import Prediction
from .refusal import Refusal
from .seen import SeenFilm

__all__ = ["AUTOMATIC", "default_cards", "leading", "predict", "predict_files", "rank", "unread"]

#: What this choice is called where a model's name is expected.
AUTOMATIC = "automatic"
BANDS = ("above", "near", "below")


def default_cards(folder: Path | None = None) -> list[Card]:
    """Read the cards of the default model of every finding, by finding.

    Parameters
    ----------
    folder : pathlib.Path, optional
        Folder of the bundles (default: `cxr.scoring.bundle.models_folder`).

    Returns
    -------
    list of Card
        A finding without a default is left out.

    Raises
    ------
    CardError, BundleError
        If one of the cards, or ``defaults.json``, is damaged.
    """
    cards = {card.name: card for card in available(folder)}
    findings = sorted({card.finding for card in cards.values()})
    names = [default_name(finding, folder) for finding in findings]
    return [cards[name] for name in names if name in cards]


def predict(
    models: Sequence[Classifier],
    films: Sequence[Radiograph | SeenFilm],
    *,
    operating_point: str | None = None,
    heatmaps: bool | str = False,
    overridden: Mapping[str, Collection[int]] | None = None,
) -> list[dict[str, Prediction]]:
    """Score films by several models, each film once checked by a gate.

    Parameters
    ----------
    models : sequence of Classifier
        One per finding. With a single one this is `cxr.scoring.predict.predict`.
    films : sequence of Radiograph or SeenFilm
        A few dozen at most.
    operating_point : str, optional
        Name of an operating point that each card has (default: each card's default).
    heatmaps : bool or str, default: False
        As for `cxr.scoring.predict.predict`. A model without a convolution makes none.
    overridden : mapping of str to collection of int, optional
        By finding the places in `films` of those whose refusal a reader has overridden.

    Returns
    -------
    list of dict of str to Prediction
        Per film a prediction by finding, in the order of the models: with a score, or with the
        reason why there is none. The gate of the first model whose population fits decides for
        all whether it is a chest film at all. Where several populations are read and the file
        says no age, each prediction has the note `Note.AGE_UNKNOWN`.

    Raises
    ------
    ValueError
        If a card has no operating point of that name, or the method is unknown.
    """
    judged: dict[int, Refusal | None] = {}
    rows: list[dict[str, Prediction]] = [{} for _ in films]
    ages = len({model.card.ages for model in models}) > 1
    for model in models:
        finding = model.card.finding
        results = single.predict(
            model,
            films,
            operating_point=operating_point,
            # Without a convolution there is no Grad-CAM, and a score all the same.
            heatmaps=heatmaps if heatmaps and model.network.convolutions() else False,
            overridden=(overridden or {}).get(finding, ()),
            judged=judged,
        )
        for i, (film, prediction) in enumerate(zip(films, results, strict=True)):
            if ages and film.age is None:
                notes = (*prediction.notes, Note.AGE_UNKNOWN)
                prediction = replace(prediction, notes=notes)  # noqa: PLW2901
            rows[i][finding] = prediction
            other_population = prediction.refusal and prediction.refusal.code == "age"
            if model.judge and not other_population:
                judged.setdefault(i, prediction.refusal)
    return rows


def predict_files(
    models: Sequence[Classifier],
    paths: Iterable[Path],
    *,
    operating_point: str | None = None,
    heatmaps: bool = False,
    progress: Progress | None = None,
) -> Iterator[tuple[Path, Radiograph | None, dict[str, Prediction]]]:
    """Read and score files by several models, batch by batch.

    Parameters
    ----------
    models : sequence of Classifier
        One per finding.
    paths : iterable of pathlib.Path
        Files.
    operating_point, heatmaps
        As for `predict`.
    progress : Progress, optional
        As for `cxr.scoring.predict.predict_files`.

    Yields
    ------
    path : pathlib.Path
    film : Radiograph or None
        None if the file cannot be read.
    predictions : dict of str to Prediction
        By finding.
    """
    return single.score_files(
        paths,
        lambda films: predict(models, films, operating_point=operating_point, heatmaps=heatmaps),
        lambda refusal: unread(models, refusal, operating_point),
        progress,
    )


def unread(
    models: Sequence[Bundle], refusal: Refusal, operating_point: str | None = None
) -> dict[str, Prediction]:
    """Make the predictions, by finding, of a file that could not be read."""
    return {model.card.finding: single.unread(model, refusal, operating_point) for model in models}


def rank(prediction: Prediction) -> tuple[int, float]:
    """Return what predictions by any models are sorted by, the most urgent first.

    The band comes first, then how far the score lies above or below its operating point, as a
    share of the way to 1 or to 0. Of one model this is the order of the scores. Predictions without
    a score come last.
    """
    if prediction.score is None or prediction.band is None:
        return len(BANDS), 0.0
    # The same film scored in another batch may differ in its last bits.
    score, threshold = round(prediction.score, 6), prediction.threshold
    room = max(1 - threshold if score >= threshold else threshold, 1e-9)
    return BANDS.index(prediction.band), -(score - threshold) / room


def leading(predictions: Iterable[Prediction]) -> Prediction:
    """Return the prediction that a film is ranked by.

    Without a score it is a refusal of the film itself, if there is one, rather than that of a
    model for another population.

    Raises
    ------
    ValueError
        If there is none.
    """

    def key(prediction: Prediction) -> tuple[int, float, bool]:
        refusal = prediction.refusal
        return *rank(prediction), refusal is not None and refusal.code == "age"

    return min(predictions, key=key)
