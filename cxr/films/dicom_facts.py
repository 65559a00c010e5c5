"""What the header of a DICOM file says of a film: whose, of what, and at which scale."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from .dicom_grey import numbers, text

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["FACT_TAGS", "age", "facts"]

# The date of birth is there to work out an age and is not kept.
FACT_TAGS = (
    *("Modality", "BodyPartExamined", "ViewPosition", "PatientAge", "PatientSex"),
    *("PatientBirthDate", "StudyDate", "PixelSpacing", "ImagerPixelSpacing"),
)

_DAYS_A_YEAR = 365.25
_AGE_UNITS = {"Y": 1.0, "M": 1 / 12, "W": 7 / _DAYS_A_YEAR, "D": 1 / _DAYS_A_YEAR, "": 1.0}


def facts(dataset: Dataset) -> dict[str, Any]:
    """What a film's header says of it: the fields of `cxr.Radiograph` from ``bits`` on."""

    def word(keyword: str) -> str | None:
        return text(dataset, keyword).upper() or None

    spacing = None
    for keyword in ("ImagerPixelSpacing", "PixelSpacing"):  # the second, at the body, wins
        millimetres = numbers(dataset, keyword)
        if len(millimetres) == 2 and min(millimetres) > 0:  # 0\0 is met in practice
            spacing = (millimetres[0], millimetres[1])
    return {
        "bits": int(dataset.get("BitsStored") or dataset.get("BitsAllocated") or 8),
        "age": age(*(text(dataset, k) for k in ("PatientAge", "PatientBirthDate", "StudyDate"))),
        "sex": word("PatientSex"),
        "view": word("ViewPosition"),
        "modality": word("Modality"),
        "body_part": word("BodyPartExamined"),
        "pixel_spacing": spacing,
    }


def age(stated: str, birth: str, study: str) -> float | None:
    """Age in years, from an age string (PS3.5 6.2: "018M"), else from two dates.

    Bare digits are met in practice and taken as years. None if unknown or beyond 130 years.
    """
    stated = stated.strip().upper()
    digits = stated.rstrip("YMWD")
    unit = stated[len(digits) :]
    years = None
    if digits.isascii() and digits.isdigit() and unit in _AGE_UNITS:
        years = int(digits) * _AGE_UNITS[unit]
    else:
        try:
            span = datetime.strptime(study, "%Y%m%d") - datetime.strptime(birth, "%Y%m%d")
            years = span.days / _DAYS_A_YEAR
        except ValueError:
            return None
    return years if 0 <= years <= 130 else None
