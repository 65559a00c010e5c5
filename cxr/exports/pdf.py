"""One film or a whole worklist as a PDF."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from datetime import datetime

from ..films.notes import Note
from ..heatmaps.overlay import overlay
from ..scoring.automatic import rank
from ..scoring.card import Card
from .item import (
    Item,
    call_words,
    card_of,
    cards_by_model,
    facts,
    method,
    others_words,
    utc,
)
from .latin import label
from .page import Page, Section
from .pictures import bounded, grey, jpeg

__all__ = ["SIDE", "to_pdf"]

#: Longest side of a picture in a PDF, pixels: about 420 to the inch as printed.
SIDE = 1400


def to_pdf(
    items: Iterable[Item], cards: Card | Sequence[Card], *, made: datetime | None = None
) -> bytes:
    """Set films as a PDF in A4: one page per film, and for more than one a list before them.

    The list ranks the films by score, highest first; those without a score are in a band of
    their own behind, each with its reason. Every page carries the intended use and its number.
    Names are written in the letters that the standard fonts have (see `cxr.exports.paper`).

    Parameters
    ----------
    items : iterable of Item
        The films, in any order, scored by the models of the cards, all of one model at one
        operating point. May be a generator: only one film at a time is held at full size.
    cards : Card or sequence of Card
        Of those models. Each has a part of its own, in this order, with its list and its pages.
    made : datetime, optional
        When the PDF was made, in UTC where it names no zone (default: now). The same
        items at the same time make the same bytes.

    Returns
    -------
    bytes
        The file. It holds nothing of a DICOM header but size, modality, view, age and sex.

    Raises
    ------
    ValueError
        If there is no film, a film was scored by another model or at another operating point than
        the first, or a heatmap is not its film's.
    """
    from .sheets import Sheets

    known = cards_by_model(cards)
    parts: dict[str, list[Page]] = {card.name: [] for card in known.values()}
    for item in items:
        card = card_of(known, item.prediction)
        parts[card.name].append(_page(item, card))
    if not any(parts.values()):
        raise ValueError("Expected at least one film. Received: none")
    sections = [_section(card, parts[card.name]) for card in known.values() if parts[card.name]]
    return Sheets(utc(made)).set(sections)


def _section(card: Card, pages: list[Page]) -> Section:
    points = {page.prediction.operating_point for page in pages}
    if len(points) > 1:
        raise ValueError(f"Expected one operating point. Received: {', '.join(sorted(points))}")
    # As the worklist ranks: scores that differ in their last bits alone count as one.
    scored = [page for page in pages if page.prediction.score is not None]
    scored.sort(key=lambda page: rank(page.prediction))
    refused = [page for page in pages if page.prediction.score is None]
    return Section(card, card.operating_point(points.pop()), scored, refused)


def _notes(item: Item) -> list[Note]:
    """Return what is noted of a film and how it was scored; its age has a place of its own."""
    said = [*(item.film.notes if item.film else ()), *item.prediction.notes]
    return [note for note in dict.fromkeys(said) if note is not Note.AGE_UNKNOWN]


def _page(item: Item, card: Card) -> Page:
    film, heatmap = item.film, item.prediction.heatmap
    words = Page(
        label=label(item.name, film.sha256 if film else ""),
        facts=facts(film) if film else "Not read",
        sha256=film.sha256 if film else "",
        prediction=dataclasses.replace(item.prediction, heatmap=None),
        call=item.call and call_words(item.call, card.finding),
        method=method(item.prediction),
        notes=" ".join(note.words for note in _notes(item)),
        sign=heatmap.sign if heatmap else "",
        others=others_words(item.others),
        regions=item.regions,
    )
    if film is None:
        return words
    film, heatmap = bounded(film, heatmap if item.prediction.score is not None else None, SIDE)
    return dataclasses.replace(
        words,
        size=(film.width, film.height),
        picture=jpeg(grey(film)),
        overlay=jpeg(overlay(film, heatmap)) if heatmap else None,
        raised=bool(heatmap and heatmap.array.any()),
    )
