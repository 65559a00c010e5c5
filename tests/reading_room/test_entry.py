"""A film of a list: what its reader is told of it."""

from __future__ import annotations

import numpy as np

from cxr.films.notes import Note
from cxr.films.radiograph import read
from cxr.reading_room.entry import Assessment, Entry
from cxr.scoring.predict import Prediction
from tests.film_files import dicom, scene


def test_what_the_gate_noted_is_told_after_how_the_film_was_read() -> None:
    entry = Entry(1, "a.png", b"", {"pneumonia": Assessment()}, notes=(Note.CHROMA,))
    assert entry.told == (Note.CHROMA,)
    notes = (Note.CHROMA, Note.ONE_LUNG, Note.AGE_UNKNOWN)
    entry.assessments["pneumonia"].prediction = Prediction(
        0.5, 0.0, "near", "sensitivity-95", 0.5, None, "m", "0" * 64, notes=notes
    )
    # That the age is not known is said elsewhere.
    assert entry.told == (Note.CHROMA, Note.ONE_LUNG)


def test_both_hashes_of_a_film_are_there_when_it_is_read() -> None:
    source = dicom(scene())
    film = Entry(1, "film.dcm", source).film()
    fresh = read(source)
    assert {"sha256"} <= vars(film).keys() & vars(film.values).keys()
    assert film.sha256 == fresh.sha256
    assert film.values.sha256 == fresh.values.sha256


def test_the_levels_of_a_film_are_counted_while_it_is_read() -> None:
    values = read(dicom(scene())).values
    assert "counts" in vars(values)
    np.testing.assert_array_equal(
        values.counts, np.bincount(values.levels.ravel(), minlength=len(values.counts))
    )
