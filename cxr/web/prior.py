"""The earlier film of the same patient next to the open one, and the list of all of them."""

from __future__ import annotations

import streamlit as st

from ..films.radiograph import Radiograph
from ..lungs.outline import Outline
from ..reading_room.entry import Entry
from ..reading_room.session import ReadingSession
from ..reading_room.studies import Study, to_hang
from .film import Hung
from .plain_text import plain
from .transfer import ReadyFilm
from .worklist import BANDS, cell_words, date_words, view_words

__all__ = ["ahead_of", "current_of", "prior_of", "prior_said", "priors_view"]

NONE, COMING = "No earlier film of this patient is in the list.", "The earlier film is being read."


def current_of(session: ReadingSession, entry: Entry) -> Hung | None:
    """Return what stands with the open film while a prior hangs next to it.

    Parameters
    ----------
    session : ReadingSession
        The reader's.
    entry : Entry
        The film that is open.
    """
    return _hung(session, entry, "Current", session.film(entry)) if session.prior(entry) else None


def prior_of(session: ReadingSession, entry: Entry) -> Hung | None:
    """Return the prior of the open film, if it is at hand.

    Parameters
    ----------
    session : ReadingSession
        The reader's.
    entry : Entry
        The film that is open.
    """
    prior = session.prior(entry)
    held = session.held(prior) if prior and not session.compared(entry) else None
    return _hung(session, prior, "Prior", held) if prior and isinstance(held, ReadyFilm) else None


def ahead_of(session: ReadingSession, entry: Entry) -> list[ReadyFilm]:
    """Return the other earlier films of the open film's patient, as far as they are at hand.

    Parameters
    ----------
    session : ReadingSession
        The reader's.
    entry : Entry
        The film that is open.
    """
    prior = session.prior(entry)
    held = [session.held(other) for other in session.ahead(entry) if other is not prior]
    return [film for film in held if isinstance(film, ReadyFilm)]


def prior_said(session: ReadingSession, entry: Entry) -> str:
    """Return why no prior is shown when the reader asks for it."""
    return COMING if session.prior(entry) else NONE


def priors_view(session: ReadingSession, entry: Entry) -> None:
    """List the earlier studies of the open film's patient, with their dates and scores.

    Parameters
    ----------
    session : ReadingSession
        The reader's.
    entry : Entry
        The film that is open.
    """
    earlier = {study.number: study for study in session.earlier(entry)}
    if not earlier:
        return
    prior = session.prior(entry)
    shown = next((n for n, study in earlier.items() if prior in study.entries), None)
    key = f"prior_{entry.number}"
    st.session_state[key] = shown

    def choose() -> None:
        if (number := st.session_state[key]) is not None:
            session.choose_prior(entry, earlier[number])

    st.radio(
        "Earlier films of this patient",
        list(earlier),
        key=key,
        format_func=lambda number: plain(_words(session, earlier[number], entry)),
        on_change=choose,
        help="P shows the one chosen next to this film, and puts it away.",
    )


def _words(session: ReadingSession, study: Study, entry: Entry) -> str:
    return f"{date_words(study)} · {_scores(session, to_hang(study, entry))}"


def _hung(session: ReadingSession, entry: Entry, what: str, film: Radiograph | ReadyFilm) -> Hung:
    lungs = session.outlines.of(entry.sha256)
    if isinstance(lungs, Outline) and entry.lateral:
        lungs = lungs._replace(box=None)  # from the side lungs are as high as they please
    date = date_words(session.worklist.study(entry))
    return Hung(
        film=film,
        heatmap=session.maps.shown(entry),
        name=" · ".join(filter(None, (what, date, entry.view and view_words(entry), entry.name))),
        lungs=lungs,
        scores=_scores(session, entry),
    )


def _scores(session: ReadingSession, entry: Entry) -> str:
    """Return the scores of a film in a line: "▲ pneumonia 0.95 above"."""
    hidden = session.worklist.hidden(entry)
    if entry.lateral:
        return " ".join(BANDS["lateral"])
    told = []
    for finding, assessment in entry.assessments.items():
        sign, word = cell_words(entry, finding, hidden=hidden)
        score = assessment.prediction.score if assessment.prediction else None
        shown = "" if score is None or hidden or entry.waits else f"{score:.3f}"
        # Each stays on one line.
        told.append("\u00a0".join(filter(None, (sign, finding, shown, word))))
    return "   ".join(told)
