"""What a film's header says of it, in words for the page and the exports."""

from __future__ import annotations

from .age import age_text
from .dicom_words import OTHER
from .radiograph import Radiograph

__all__ = ["header_words"]


def header_words(film: Radiograph) -> str:
    """Return modality, view, age and sex as far as they are told; "" where none is.

    Terms of closed lists alone: of a value that is none of them, only that there is one.
    """
    parts = {
        "modality": film.modality,
        "view": film.view,
        "age": None if film.age is None else age_text(film.age, film.age_unit),
        "sex": film.sex,
    }
    told = {name: f"{name}: {OTHER}" if part == OTHER else part for name, part in parts.items()}
    return " · ".join(part for part in told.values() if part)
