"""The items of an export: films with what was said of them, and the texts for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from .. import __version__
from ..films.header_words import header_words
from ..films.polarity import negate
from ..films.radiograph import Radiograph, RadiographError, read
from ..heatmaps.heatmap import Heatmap
from ..scoring.card import Card
from ..scoring.heat_in_lungs import HeatInLungs
from ..scoring.predict import Prediction
from ..scoring.reader import Agreement, Call, Reason
from ..scoring.region import Region

if TYPE_CHECKING:
    from ..reading_room.entry import Entry

__all__ = [
    "OVERRIDDEN",
    "VERSION",
    "Item",
    "call_words",
    "card_of",
    "cards_by_model",
    "facts",
    "items_of",
    "method",
    "others_words",
    "scored_by",
    "utc",
]

#: Of this package, as exports state it.
VERSION = __version__
#: Written before the gate's reason if a film was scored against the gate's advice.
OVERRIDDEN = "The film was refused, and scored because the reader asked for it."


@dataclass(frozen=True, eq=False)
class Item:
    """One film of an export.

    Attributes
    ----------
    name : str
        The file's name, as the reader sees it on screen.
    film : Radiograph or None
        The film; None if the file could not be read.
    prediction : Prediction
        What the model says of it.
    call : Call or None
        What the reader said of it; None without a call.
    source : bytes or None
        The file as it came. Needed for DICOM exports of DICOM files, which are filed with it.
    others : dict of str to Prediction
        By finding what other models say of the film.
    number : int or None
        Of the film in the export, from 1, where it has several items.
    judgement : Agreement or None
        What the reader said of the score; None where nothing was said.
    reason : Reason or None
        Of an override.
    regions : tuple of Region
        What the reader drew on the film, of the prediction's finding.
    """

    name: str = field(repr=False)
    film: Radiograph | None
    prediction: Prediction
    call: Call | None = None
    source: bytes | None = field(default=None, repr=False)
    others: Mapping[str, Prediction] = field(default_factory=dict)
    number: int | None = None
    judgement: Agreement | None = None
    reason: Reason | None = None
    regions: tuple[Region, ...] = ()


def items_of(
    entries: Iterable[Entry],
    shown: Callable[[Entry, Radiograph, str], tuple[Heatmap | None, HeatInLungs | None]]
    | None = None,
) -> Iterator[Item]:
    """Read the films of a worklist one at a time, the refused with them, the waiting left out.

    A film that was scored for several findings makes an item for each, one after the other. One
    without any score makes one.

    Parameters
    ----------
    entries : iterable of Entry
        For instance of `cxr.reading_room.worklist.Worklist.ordered`.
    shown : callable, optional
        Returns the heatmap that the reader sees of a film for a finding, and where its heat lies
        (default: those of its prediction).

    Yields
    ------
    Item
        The film is None if its file cannot be read.
    """
    number = 0
    for entry in entries:
        if entry.waits:
            continue
        number += 1
        source, film = entry.source, None
        try:
            if not isinstance(source, bytes):
                source = source.read_bytes()
            film = negate(read(source)) if entry.turned else read(source)
        except (OSError, RadiographError):
            pass
        said = {f: a.prediction for f, a in entry.assessments.items() if a.prediction}
        scored = [f for f, p in said.items() if p.score is not None] or [entry.ranked_by]
        for finding in scored:
            prediction, assessment = said[finding], entry.assessments[finding]
            if shown and film and prediction.score is not None:
                heatmap, heat = shown(entry, film, finding)
                prediction = replace(prediction, heatmap=heatmap, heat_in_lungs=heat)
            yield Item(
                entry.name,
                film,
                prediction,
                assessment.call,
                source if isinstance(source, bytes) else None,
                {other: p for other, p in said.items() if other != finding},
                number,
                assessment.judgement,
                assessment.reason,
                _regions(entry, finding, scored),
            )


def _regions(entry: Entry, finding: str, scored: Sequence[str]) -> tuple[Region, ...]:
    """Return the regions of a finding; with the first, those of findings that have no item."""
    first = finding == scored[0]
    return tuple(
        region
        for region in entry.regions
        if region.finding == finding or (first and region.finding not in scored)
    )


def call_words(call: Call, finding: str) -> str:
    """Write what a reader said of a film: "pneumonia seen", "no pneumonia seen", "unsure"."""
    words = {Call.FINDING: f"{finding} seen", Call.NO_FINDING: f"no {finding} seen"}
    return words.get(call, str(call))


def cards_by_model(cards: Card | Sequence[Card]) -> dict[tuple[str, str], Card]:
    """Return the cards that an export states, by the model's name and its weights' hash."""
    several = [cards] if isinstance(cards, Card) else cards
    return {(card.name, card.weights.sha256): card for card in several}


def card_of(cards: Mapping[tuple[str, str], Card], prediction: Prediction) -> Card:
    """Return the card of the model that made a prediction.

    Raises
    ------
    ValueError
        If it is by none of those that the export states.
    """
    card = cards.get((prediction.model, prediction.model_sha256))
    if card is None:
        stated = " or ".join(f"{name} {sha256[:12]}" for name, sha256 in cards)
        raise ValueError(
            f"Expected films scored by {stated}. "
            f"Received: one scored by {prediction.model} {prediction.model_sha256[:12]}"
        )
    return card


def scored_by(card: Card, prediction: Prediction) -> None:
    """Check that a prediction is by the model whose card an export states.

    Raises
    ------
    ValueError
        If it is by another one.
    """
    card_of(cards_by_model(card), prediction)


def others_words(others: Mapping[str, Prediction]) -> str:
    """Write what other models say of a film, with the reason where one says nothing."""
    words = []
    for finding, prediction in others.items():
        if prediction.score is not None:
            words.append(f"{finding} {prediction.score:.3f}, {prediction.band}.")
        elif prediction.refusal:
            words.append(f"{finding}: no score. {prediction.refusal.reason}")
    return " ".join(words)


def facts(film: Radiograph) -> str:
    """Return size in pixels, and what the file says of modality, view, age and sex."""
    size = f"{film.width} x {film.height} pixels"
    return " · ".join(filter(None, (size, header_words(film))))


def method(prediction: Prediction) -> str:
    """Return the title of the heatmap's method; "" without a heatmap."""
    heatmap = prediction.heatmap
    return heatmap.title if heatmap else ""


def utc(made: datetime | None) -> datetime:
    """Return a time in UTC to the second: now if none is given, UTC where it has no zone."""
    made = made or datetime.now(UTC)
    made = made if made.tzinfo else made.replace(tzinfo=UTC)
    return made.astimezone(UTC).replace(microsecond=0)
