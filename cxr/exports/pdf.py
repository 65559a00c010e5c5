"""One film or a whole worklist as a PDF."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from datetime import datetime

from ..heatmaps.overlay import overlay
from ..scoring.card import Card
from .item import (
    Item,
    call_words,
    facts,
    method,
    scored_by,
    utc,
)
from .latin import label
from .page import Page
from .pictures import bounded, grey, jpeg

__all__ = ["SIDE", "to_pdf"]

#: Longest side of a picture in a PDF, pixels: about 420 to the inch as printed.
SIDE = 1400


def to_pdf(items: Iterable[Item], card: Card, *, made: datetime | None = None) -> bytes:
    """Set films as a PDF in A4: one page per film, and for more than one a list before them.

    The list ranks the films by score, highest first; those without a score are in a band of
    their own behind, each with its reason. Every page carries the intended use and its number.
    Names are written in the letters that the standard fonts have (see `cxr.exports.paper`).

    Parameters
    ----------
    items : iterable of Item
        The films, in any order, all scored by the card's model at one operating point. May be a
        generator: only one film at a time is held at full size.
    card : Card
        Of that model.
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

    pages = [_page(item, card) for item in items]
    if not pages:
        raise ValueError("Expected at least one film. Received: none")
    points = {page.prediction.operating_point for page in pages}
    if len(points) > 1:
        raise ValueError(f"Expected one operating point. Received: {', '.join(sorted(points))}")
    # As the worklist ranks: scores that differ in their last bits alone count as one.
    scored = [page for page in pages if page.prediction.score is not None]
    scored.sort(key=lambda page: -round(page.prediction.score or 0.0, 6))
    refused = [page for page in pages if page.prediction.score is None]
    point = card.operating_point(points.pop())
    return Sheets(card, point, utc(made)).set(scored, refused)


def _page(item: Item, card: Card) -> Page:
    scored_by(card, item.prediction)
    film, heatmap = item.film, item.prediction.heatmap
    words = Page(
        label=label(item.name, film.sha256 if film else ""),
        facts=facts(film) if film else "Not read",
        sha256=film.sha256 if film else "",
        prediction=dataclasses.replace(item.prediction, heatmap=None),
        call=item.call and call_words(item.call, card.finding),
        method=method(item.prediction),
        notes=" ".join(note.words for note in film.notes) if film else "",
        sign=heatmap.sign if heatmap else "",
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
