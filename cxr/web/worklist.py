"""The worklist as a dense list: thumbnail, name, band and score, with keys to move through it."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable

import streamlit as st

from ..exports import call_words
from ..reading_room.entry import Entry
from .assets import component

__all__ = ["BANDS", "state_of", "worklist_view"]

#: Sign and words of each band: a state is never told by its color alone.
BANDS = {
    "above": ("▲", "above"),
    "near": ("◆", "near"),
    "below": ("▽", "below"),
    "refused": ("✕", "no score"),
    "waiting": ("…", "waiting"),
    "hidden": ("○", "to call"),
}
_component = component("cxr_worklist", "worklist.js")


def worklist_view(
    entries: list[Entry],
    chosen: int | None,
    *,
    hidden: Callable[[Entry], bool] = lambda entry: False,
    on_choose: Callable[[int], None],
    height: int = 640,
    key: str = "worklist_view",
) -> None:
    """Show the films in the order given.

    Parameters
    ----------
    entries : list of Entry
        The films.
    chosen : int
        Number of the film that is open.
    hidden : callable
        Returns whether a film's score must not be shown yet.
    on_choose : callable
        Called with a film's number when the reader chooses it.
    height : int, default: 640
        CSS pixels; the list scrolls within.
    key : str, default: "worklist_view"
        Of the Streamlit element.
    """

    def changed() -> None:
        state = st.session_state.get(key)
        number = state.get("chosen") if state else None
        if number is not None:
            on_choose(int(number))

    _component(
        key=key,
        height="content",
        data={
            "height": height,
            "chosen": chosen,
            "made": time.time(),
            "rows": [_row(entry, hidden(entry)) for entry in entries],
        },
        on_chosen_change=changed,
    )


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
    if assessment.prediction is None or entry.waits:
        return "waiting"
    if assessment.prediction.score is None:
        return "refused"
    return "hidden" if hidden else assessment.prediction.band or "refused"


def _row(entry: Entry, hidden: bool) -> dict[str, object]:
    thumbnail = base64.b64encode(entry.thumbnail).decode()
    cells = [_cell(entry, finding, hidden) for finding in entry.assessments]
    scored = [cell for cell in cells if cell["score"] or cell["state"] in ("hidden", "waiting")]
    reasons = [str(cell["reason"]) for cell in (scored or cells[:1]) if cell["reason"]]
    calls = [call_words(a.call, f) for f, a in entry.assessments.items() if a.call]
    several = len(cells) > 1
    notes = [*calls, *reasons]
    if several and entry.age_unknown:
        notes.insert(0, "age unknown")
    return {
        "number": entry.number,
        "name": entry.name,
        "band": "hidden" if hidden else entry.band,
        "cells": cells,
        "reason": " ".join(reasons),
        "heat": " ".join(str(cell["heat"]) for cell in cells if cell["heat"]),
        "notes": " · ".join(notes),
        "thumbnail": f"data:image/jpeg;base64,{thumbnail}" if thumbnail else "",
        "opened": entry.opened,
    }


def _cell(entry: Entry, finding: str, hidden: bool) -> dict[str, object]:
    state = state_of(entry, finding, hidden=hidden)
    sign, word = BANDS[state]
    prediction = entry.assessments[finding].prediction
    score = prediction.score if prediction and state not in ("hidden", "waiting") else None
    refusal = prediction.refusal if prediction else None
    reason = refusal.reason if refusal else ""
    heat = prediction.heat_in_lungs if prediction and score is not None else None
    if refusal and refusal.code == "age" and state == "refused":
        word = "not read"
    return {
        "finding": finding.capitalize(),
        "state": state,
        "sign": sign,
        "word": word,
        "score": None if score is None else f"{score:.2f}",
        "reason": f"Scored in spite of: {reason}" if reason and score is not None else reason,
        "heat": heat.statement if heat and heat.share else "",
    }
