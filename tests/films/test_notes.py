"""Notes on a film: a closed set, with words."""

import numpy as np
import pytest

from cxr.films.notes import Note
from cxr.films.radiograph import Radiograph


@pytest.mark.parametrize("note", Note)
def test_a_note_has_a_short_code_and_words(note):
    assert note.isidentifier()
    assert len(note) <= 40
    assert note.words.endswith(".")


def test_a_film_takes_no_other_note():
    pixels = np.zeros((2, 2), np.float32)
    assert Radiograph(pixels, notes=("cut_short",)).notes == (Note.CUT_SHORT,)
    with pytest.raises(ValueError, match="Doe"):
        Radiograph(pixels, notes=("Doe",))
