"""What a reader is told of how a film was read: a closed set of codes, each with its words."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Note"]


class Note(StrEnum):
    """A word on a film that was read all the same; the value is its code.

    Nothing of a file is ever part of one, so that codes and words may be shown, logged and
    exported as they are.
    """

    CUT_SHORT = "cut_short"
    AGE_UNKNOWN = "age_unknown"

    @property
    def words(self) -> str:
        """A sentence for people."""
        return _WORDS[self]


_WORDS = {
    Note.CUT_SHORT: (
        "The file ends early: the film is shown as far as it goes, and its lower part or its "
        "detail may be missing. Copy or export it again."
    ),
    Note.AGE_UNKNOWN: (
        "The file does not say how old the patient is: the film is read for every finding, and "
        "each score holds for its own population alone."
    ),
}
