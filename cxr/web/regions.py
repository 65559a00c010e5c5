"""The regions that the reader draws on the films of the page."""

from __future__ import annotations

from functools import partial

from ..reading_room.entry import Entry
from ..reading_room.session import ReadingSession
from ..scoring.region import Region
from .film import Drawing

__all__ = ["drawing_of"]


def drawing_of(session: ReadingSession, entry: Entry) -> Drawing:
    """Return what is drawn on the open film and on those next to it, and take what is drawn next.

    Parameters
    ----------
    session : ReadingSession
        The reader's.
    entry : Entry
        The film that is open.
    """
    others = (session.compared(entry), session.prior(entry))
    # Of films with the same pixels the open one is drawn on.
    shown = {film.sha256: film for film in (*others, entry) if film and film.sha256}
    return Drawing(
        {sha256: film.regions for sha256, film in shown.items()},
        {sha256: film.finding for sha256, film in shown.items()},
        partial(_keep, session, entry),
    )


def _keep(session: ReadingSession, opened: Entry, sha256: str, regions: list[Region]) -> None:
    """Keep what was drawn on a film, which need not be shown any more."""
    films = [entry for entry in session.worklist.entries if entry.sha256 == sha256]
    if not films:
        raise ValueError("Expected regions of a film of the list.")
    session.mark(opened if opened in films else films[0], regions)
