"""The items of an export: films with what was said of them, and the texts for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from .. import __version__
from ..films.header_words import header_words
from ..films.polarity import negate
from ..films.radiograph import Radiograph, RadiographError, read
from ..heatmaps.heatmap import Heatmap
from ..scoring.card import Card
from ..scoring.predict import Prediction
from ..scoring.reader import Call

if TYPE_CHECKING:
    from ..reading_room.entry import Entry

__all__ = [
    "OVERRIDDEN",
    "VERSION",
    "Item",
    "call_words",
    "facts",
    "items_of",
    "method",
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
    """

    name: str = field(repr=False)
    film: Radiograph | None
    prediction: Prediction
    call: Call | None = None
    source: bytes | None = field(default=None, repr=False)


def items_of(
    entries: Iterable[Entry],
    shown: Callable[[Entry, Radiograph], Heatmap | None] | None = None,
) -> Iterator[Item]:
    """Read the films of a worklist one at a time, the refused with them, the waiting left out.

    Parameters
    ----------
    entries : iterable of Entry
        For instance of `cxr.reading_room.worklist.Worklist.ordered`.
    shown : callable, optional
        Returns the heatmap that the reader sees of a film (default: that of its prediction).

    Yields
    ------
    Item
        The film is None if its file cannot be read.
    """
    for entry in entries:
        if entry.prediction is None:
            continue
        prediction = entry.prediction
        source, film = entry.source, None
        try:
            if not isinstance(source, bytes):
                source = source.read_bytes()
            film = negate(read(source)) if entry.turned else read(source)
        except (OSError, RadiographError):
            pass
        if shown and film and prediction.score is not None:
            prediction = replace(prediction, heatmap=shown(entry, film))
        yield Item(
            entry.name,
            film,
            prediction,
            entry.call,
            source if isinstance(source, bytes) else None,
        )


def call_words(call: Call, finding: str) -> str:
    """Write what a reader said of a film: "pneumonia seen", "no pneumonia seen", "unsure"."""
    words = {Call.FINDING: f"{finding} seen", Call.NO_FINDING: f"no {finding} seen"}
    return words.get(call, str(call))


def scored_by(card: Card, prediction: Prediction) -> None:
    """Check that a prediction is by the model whose card an export states.

    Raises
    ------
    ValueError
        If it is by another one.
    """
    if (prediction.model, prediction.model_sha256) != (card.name, card.weights.sha256):
        raise ValueError(
            f"Expected films scored by {card.name} {card.weights.sha256[:12]}. "
            f"Received: one scored by {prediction.model} {prediction.model_sha256[:12]}"
        )


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
