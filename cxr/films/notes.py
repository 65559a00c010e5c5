"""What a reader is told of how a film was read: a closed set of codes, each with its words."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Note"]


class Note(StrEnum):
    """A word on a film that was read all the same; the value is its code.

    Nothing of a file is ever part of one, so that codes and words may be shown, logged and
    exported as they are.
    """

    BIT_DEPTH = "bit_depth"
    CHROMA = "chroma"
    CUT_SHORT = "cut_short"
    NARROW_TABLE = "narrow_table"
    OUTLIERS = "outliers"
    AGE_UNKNOWN = "age_unknown"
    TURNED_BY_HAND = "turned_by_hand"
    ONE_LUNG = "one_lung"
    SMALL_LUNGS = "small_lungs"
    LUNGS_UNCHECKED = "lungs_unchecked"

    @property
    def words(self) -> str:
        """A sentence for people."""
        return _WORDS[self]


_WORDS = {
    Note.BIT_DEPTH: (
        "The file says a bit depth that its values do not keep to. They are read as the picture "
        "shows them to be meant."
    ),
    Note.CHROMA: (
        "The file says one kind of color and holds another. The film is read as the picture shows "
        "it to be meant."
    ),
    Note.CUT_SHORT: (
        "The file ends early: the film is shown as far as it goes, and its lower part or its "
        "detail may be missing. Copy or export it again."
    ),
    Note.NARROW_TABLE: (
        "The file's lookup table uses fewer bits than it says. It is read by the bits in use."
    ),
    Note.OUTLIERS: (
        "The file has no window, and a few pixels lie far from all others. They are left out of "
        "the range that is shown."
    ),
    Note.AGE_UNKNOWN: (
        "The file does not say how old the patient is: the film is read for every finding, and "
        "each score holds for its own population alone."
    ),
    Note.ONE_LUNG: (
        "Only one lung was found on the film. Where the other is neither white nor missing, the "
        "film may be cut or no frontal view, and its score means little."
    ),
    Note.SMALL_LUNGS: (
        "The lungs take up less than a tenth of the picture: the score may come from what is "
        "around them. Export the chest alone."
    ),
    Note.LUNGS_UNCHECKED: (
        "The lung network is damaged: whether the film shows lungs, and hangs upright, was not "
        "checked."
    ),
    Note.TURNED_BY_HAND: (
        "Turned by hand: the reader changed black and white over, and the film is read so."
    ),
}
