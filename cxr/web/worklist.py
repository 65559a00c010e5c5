"""The worklist as a dense list of studies: thumbnail, name, bands and scores, keys to move by."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Callable
from zlib import crc32

import streamlit as st

from ..exports import call_words
from ..films.dicom_words import OTHER
from ..reading_room.entry import Entry
from ..reading_room.studies import Study
from ..stats.wording import count
from .assets import component, showing

__all__ = [
    "BANDS",
    "cell_words",
    "choice_view",
    "choices_taken",
    "date_words",
    "state_of",
    "view_words",
    "worklist_view",
]

#: Sign and words of each band: a state is never told by its color alone.
BANDS = {
    "above": ("▲", "above"),
    "near": ("◆", "near"),
    "below": ("▽", "below"),
    "refused": ("✕", "no score"),
    "lateral": ("◨", "lateral"),
    "waiting": ("…", "waiting"),
    "hidden": ("○", "to call"),
}
_component = component("cxr_worklist", "worklist.js")
_choice = component("cxr_choice", "choice.js")


def worklist_view(
    rows: list[Study],
    chosen: int | None,
    *,
    hidden: Callable[[Entry], bool] = lambda entry: False,
    first_of: Callable[[Study], Entry] = lambda study: study.leader,
    priors: Callable[[Study], int] = lambda study: 0,
    may_change: str = "",
    turn: int = 0,
    height: int = 640,
    key: str = "worklist_view",
) -> None:
    """Show the rows in the order given, one per study.

    Parameters
    ----------
    rows : list of Study
        The studies.
    chosen : int
        Number of the film that is open.
    hidden : callable
        Returns whether a film's score must not be shown yet.
    first_of : callable
        Returns the film that opens with a row.
    priors : callable
        Returns how many earlier studies there are of a study's patient.
    may_change : str, default: ""
        Hash of the film that is open, where another one may open by itself: it is chosen then as
        soon as the reader works with it.
    turn : int, default: 0
        How many choices of the reader are in `chosen`: see `choices_taken`.
    height : int, default: 640
        CSS pixels; the list scrolls within.
    key : str, default: "worklist_view"
        Of the Streamlit element.
    """
    firsts = [first_of(row) for row in rows]
    # Pictures make up nearly all of a row: a browser that has one is not sent it again, and one
    # that lacks some, as after it was loaded anew, says so.
    sent: set[str] = st.session_state.setdefault(f"{key}_pictures", set())
    pictures = {name: first.thumbnail for first in firsts if (name := _picture(first))}
    new = {name: _address(picture) for name, picture in pictures.items() if name not in sent}
    sent.clear()
    sent.update(pictures)
    _component(
        key=key,
        height="content",
        data={
            "height": height,
            "chosen": chosen,
            "may_change": may_change,
            "turn": turn,
            "made": showing(),
            "pictures": new,
            "rows": [
                _row(row, hidden, first, priors(row)) | {"patient": patient}
                for row, first, patient in zip(rows, firsts, _patients(rows), strict=True)
            ],
        },
        on_lacking_change=sent.clear,
    )


def choice_view(on_choose: Callable[[int], None], *, key: str = "choice_view") -> None:
    """Take from the browser which film of the list its reader chooses; it shows nothing.

    The whole page is drawn then, the film first. Had the list been asked, which is drawn by itself
    while films are scored, it would be drawn before the page was, and again with it.

    Parameters
    ----------
    on_choose : callable
        Called with the film's number.
    key : str, default: "choice_view"
        Of the Streamlit element.
    """

    def changed() -> None:
        state = st.session_state.get(key)
        if chosen := state.get("chosen") if state else None:
            on_choose(int(chosen[0]))
            st.session_state[f"{key}_turn"] = int(chosen[1])

    with st.container(key="choice"):
        _choice(key=key, data={}, on_chosen_change=changed)


def choices_taken(key: str = "choice_view") -> int:
    """Return how many choices the browser had made when it made the last one that was taken."""
    taken: int = st.session_state.get(f"{key}_turn", 0)
    return taken


def state_of(entry: Entry, finding: str, *, hidden: bool) -> str:
    """Return which of `BANDS` a film is in for one finding.

    Parameters
    ----------
    entry : Entry
        The film.
    finding : str
        One that it is read for.
    hidden : bool
        Whether its scores must not be shown yet.
    """
    assessment = entry.assessments[finding]
    if entry.lateral:
        return "lateral"
    if assessment.prediction is None or entry.waits:
        return "waiting"
    if assessment.prediction.score is None:
        return "refused"
    return "hidden" if hidden else assessment.prediction.band or "refused"


def view_words(entry: Entry) -> str:
    """Return what to call a film within its study: its view, else its number in the list."""
    if entry.view and entry.view != OTHER:
        return "Lateral" if entry.view == "LATERAL" else entry.view
    return f"Film {entry.number}"


def date_words(study: Study) -> str:
    """Return the day of a study, as 2024-03-01; "" where its files say none."""
    day, _ = study.when
    return day.isoformat() if day else ""


def _patients(rows: list[Study]) -> list[int]:
    """Number the patients of whom the list has several studies; 0 for any other."""
    times = Counter(row.patient for row in rows if row.patient)
    several = [patient for patient, studies in times.items() if studies > 1]
    numbers = {patient: number for number, patient in enumerate(several, 1)}
    return [numbers.get(row.patient or "", 0) for row in rows]


def cell_words(entry: Entry, finding: str, *, hidden: bool) -> tuple[str, str]:
    """Return sign and word of what is said of one finding of a film; parameters of `state_of`."""
    state = state_of(entry, finding, hidden=hidden)
    sign, word = BANDS[state]
    said = entry.assessments[finding].prediction
    if state == "refused" and said and said.refusal and said.refusal.code == "age":
        word = "not read"
    return sign, word


def _row(
    study: Study, hidden: Callable[[Entry], bool], first: Entry, priors: int
) -> dict[str, object]:
    # One film of the study that is to be called first hides the others' scores too.
    unseen = any(map(hidden, study.scored))
    cells = _cells(study, first, unseen)
    scored = [cell for cell in cells if cell["score"] or cell["state"] in ("hidden", "waiting")]
    reasons = [str(cell["reason"]) for cell in (scored or cells[:1]) if cell["reason"]]
    told = [date_words(study), count(priors, "prior") if priors else ""]
    if len(cells) > 1 and first.age_unknown:
        told.append("age unknown")
    return {
        "number": study.number,
        "first": first.number,
        "name": study.name,
        "band": "hidden" if unseen else study.band(),
        "cells": cells,
        "reason": " ".join(reasons),
        "heat": " ".join(str(cell["heat"]) for cell in cells if cell["heat"]),
        "notes": " · ".join(filter(None, [*told, *_calls(study), *reasons])),
        "picture": _picture(first),
        "opened": study.opened,
        "films": [
            {"number": film.number, "view": _view(film), "name": film.name}
            for film in study.entries
        ],
    }


def _view(film: Entry) -> str:
    """Return the view of a film, with the sign of a refusal that its study's cells do not show."""
    sign = BANDS["refused"][0]
    return f"{sign} {view_words(film)}" if film.band == "refused" else view_words(film)


def _cells(study: Study, first: Entry, unseen: bool) -> list[dict[str, object]]:
    if not study.scored:
        return [_cell(first, next(iter(first.assessments)), unseen)]
    leaders = {finding: first if unseen else study.leader_of(finding) for finding in study.findings}
    return [_cell(entry, finding, unseen) for finding, entry in leaders.items()]


def _calls(study: Study) -> list[str]:
    called = [(a.call, f) for e in study.entries for f, a in e.assessments.items() if a.call]
    return list(dict.fromkeys(call_words(call, finding) for call, finding in called))


def _picture(entry: Entry) -> str:
    """Name a film's thumbnail: another one, as of a film turned into its negative, is another."""
    return f"{entry.number}-{crc32(entry.thumbnail):08x}" if entry.thumbnail else ""


def _address(thumbnail: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(thumbnail).decode()}"


def _cell(entry: Entry, finding: str, hidden: bool) -> dict[str, object]:
    state = state_of(entry, finding, hidden=hidden)
    sign, word = cell_words(entry, finding, hidden=hidden)
    prediction = entry.assessments[finding].prediction
    score = prediction.score if prediction and state not in ("hidden", "waiting") else None
    refusal = prediction.refusal if prediction else None
    reason = refusal.reason if refusal else ""
    heat = prediction.heat_in_lungs if prediction and score is not None else None
    return {
        "finding": finding.capitalize(),
        "state": state,
        "sign": sign,
        "word": word,
        "score": None if score is None else f"{score:.3f}",
        "reason": f"Scored in spite of: {reason}" if reason and score is not None else reason,
        "heat": heat.statement if heat and heat.share else "",
    }
