"""What a file calls its windows, and what it may not say."""

import pytest

from cxr.films.window_words import LONGEST, explained


@pytest.mark.parametrize(
    "words", ["LUNG", "Normal", "HARDER", "soft tissue", "WINDOW2", "Algo1", "Lung/Bone 2", "P 1"]
)
def test_words_that_windows_are_called_by(words):
    assert explained(f" {words} ") == words


@pytest.mark.parametrize(
    "words",
    [
        "DOE^JANE",
        "Jane Doe",
        "LUNG of Jane",
        "[x](http://a)",
        "LUNG\u202e",
        "<b>LUNG</b>",
        "12345678",
    ],
)
def test_anything_else_is_not_shown(words):
    assert explained(words) == ""


def test_no_line_without_end():
    assert explained("LUNG " * LONGEST) == ""
    assert explained("SOFT\n  TISSUE") == "SOFT TISSUE"
    assert explained("") == ""
