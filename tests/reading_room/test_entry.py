"""A film of a list: what its reader is told of it."""

from __future__ import annotations

from cxr.films.notes import Note
from cxr.reading_room.entry import Assessment, Entry
from cxr.scoring.predict import Prediction


def test_what_the_gate_noted_is_told_after_how_the_film_was_read() -> None:
    entry = Entry(1, "a.png", b"", {"pneumonia": Assessment()}, notes=(Note.CHROMA,))
    assert entry.told == (Note.CHROMA,)
    notes = (Note.CHROMA, Note.ONE_LUNG, Note.AGE_UNKNOWN)
    entry.assessments["pneumonia"].prediction = Prediction(
        0.5, 0.0, "near", "sensitivity-95", 0.5, None, "m", "0" * 64, notes=notes
    )
    # That the age is not known is said elsewhere.
    assert entry.told == (Note.CHROMA, Note.ONE_LUNG)
