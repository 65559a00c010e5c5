"""The worklist as a dense list: thumbnail, name, band and score, with keys to move through it."""

from __future__ import annotations

import base64
from collections.abc import Callable

import streamlit as st

from ..exports import call_words
from ..reading_room.entry import Entry
from .assets import component

__all__ = ["BANDS", "worklist_view"]

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
    finding: str,
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
    finding : str
        What the reader's calls are of.
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
            "rows": [_row(entry, hidden(entry), finding) for entry in entries],
        },
        on_chosen_change=changed,
    )


def _row(entry: Entry, hidden: bool, finding: str) -> dict[str, object]:
    band = "hidden" if hidden else entry.band
    sign, word = BANDS[band]
    prediction = entry.prediction
    score = prediction.score if prediction and not hidden else None
    thumbnail = base64.b64encode(entry.thumbnail).decode()
    return {
        "number": entry.number,
        "name": entry.name,
        "band": band,
        "sign": sign,
        "word": word,
        "score": None if score is None else f"{score:.2f}",
        "reason": _reason(entry),
        "thumbnail": f"data:image/jpeg;base64,{thumbnail}" if thumbnail else "",
        "opened": entry.opened,
        "called": call_words(entry.call, finding) if entry.call else "",
    }


def _reason(entry: Entry) -> str:
    refusal = entry.prediction.refusal if entry.prediction else None
    if refusal is None:
        return ""
    return f"Scored in spite of: {refusal.reason}" if entry.overridden else refusal.reason
