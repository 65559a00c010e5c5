"""A negative turned to positive, or back, at a reader's word."""

from __future__ import annotations

from dataclasses import replace

from .notes import Note
from .radiograph import Radiograph

__all__ = ["negate"]


def negate(film: Radiograph) -> Radiograph:
    """Change black and white over.

    Parameters
    ----------
    film : Radiograph
        As it was read, or as this function gave it.

    Returns
    -------
    Radiograph
        The same with its values kept, and with `Note.TURNED_BY_HAND`; turned twice, without it.
    """
    values, pixels = film.values, 1 - film.pixels
    if values is not None:
        values = replace(values, inverted=not values.inverted)
        pixels = values.pixels()  # padding stays black
    others = tuple(note for note in film.notes if note is not Note.TURNED_BY_HAND)
    turned = () if Note.TURNED_BY_HAND in film.notes else (Note.TURNED_BY_HAND,)
    return replace(film, pixels=pixels, values=values, notes=(*others, *turned))
