"""What the header of a DICOM file says of a film: whose, of what, and at which scale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydicom.charset import python_encoding
from pydicom.uid import (
    DigitalIntraOralXRayImageStorageForProcessing,
    DigitalMammographyXRayImageStorageForProcessing,
    DigitalXRayImageStorageForProcessing,
)

from . import dicom_words
from .age import age_between, stated_age
from .dicom_grey import numbers, text

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["FACT_TAGS", "INTENTS", "age", "facts", "intent", "spacing"]

# When the film was made, the likeliest first: any of them may be empty. Times may follow a date.
_DATES = (
    *("StudyDate", "AcquisitionDate", "SeriesDate", "ContentDate", "AcquisitionDateTime"),
    *("PerformedProcedureStepStartDate", "PerformedProcedureStepStartDateTime"),
    *("DateOfSecondaryCapture", "InstanceCreationDate", "CurveDate", "OverlayDate"),
    *("PerformedProcedureStepEndDate", "PerformedProcedureStepEndDateTime"),
    *("StudyVerifiedDate", "ScheduledProcedureStepStartDate"),
)
# The date of birth is there to work out an age and is not kept.
FACT_TAGS = (
    *("SpecificCharacterSet", "Modality", "BodyPartExamined", "ViewPosition", "PatientSex"),
    *("PatientAge", "PatientBirthDate", *_DATES, "PixelSpacing", "ImagerPixelSpacing"),
    *("PixelSpacingCalibrationType", "EstimatedRadiographicMagnificationFactor"),
    *("DistanceSourceToDetector", "DistanceSourceToPatient"),
    *("PresentationIntentType", "SOPClassUID"),
)
INTENTS = ("FOR PRESENTATION", "FOR PROCESSING")
_FOR_PROCESSING = (
    DigitalXRayImageStorageForProcessing,
    DigitalMammographyXRayImageStorageForProcessing,
    DigitalIntraOralXRayImageStorageForProcessing,
)
#: A body is not thrown larger than this: another factor is a slip.
MOST_MAGNIFIED = 3.0


def facts(dataset: Dataset) -> dict[str, Any]:
    """What a film's header says of it: the fields of `cxr.Radiograph` from ``bits`` on."""
    stated = text(dataset, "SpecificCharacterSet").split("\\")
    encodings = [
        python_encoding[name] for name in map(str.strip, stated) if name in python_encoding
    ]
    years, unit = age(dataset)
    millimetres, at = spacing(dataset)
    return {
        "bits": int(dataset.get("BitsStored") or dataset.get("BitsAllocated") or 8),
        "age": years,
        "age_unit": unit,
        "sex": dicom_words.sex(_raw(dataset, "PatientSex"), encodings),
        "view": dicom_words.view(_raw(dataset, "ViewPosition"), encodings),
        "modality": dicom_words.modality(_raw(dataset, "Modality"), encodings),
        "body_part": dicom_words.body_part(_raw(dataset, "BodyPartExamined"), encodings),
        "pixel_spacing": millimetres,
        "spacing_at": at,
        "intent": intent(dataset),
    }


def _raw(dataset: Dataset, keyword: str) -> str | bytes:
    value = dataset.get_item(keyword).value if keyword in dataset else b""
    return value if isinstance(value, bytes) else text(dataset, keyword)


def intent(dataset: Dataset) -> str | None:
    """Return what a film is for, by its own word (PS3.3 C.8.11.1.1.1), else by its kind."""
    stated = " ".join(text(dataset, "PresentationIntentType").upper().split())
    if stated in INTENTS:
        return stated
    return INTENTS[1] if text(dataset, "SOPClassUID") in _FOR_PROCESSING else None


def age(dataset: Dataset) -> tuple[float | None, str | None]:
    """Return a patient's age in years, and in which of `cxr.films.age.UNITS` it is told.

    As the file states it, else from the date of birth and the first date of the film that makes
    sense with it. A stated 0 is what some systems write for an age that they do not know: there
    the dates count, where they say that the patient is no newborn.
    """
    stated = stated_age(text(dataset, "PatientAge"))
    if stated and stated[0] > 0:
        return stated
    dates = (text(dataset, keyword) for keyword in _DATES)
    return age_between(text(dataset, "PatientBirthDate"), dates) or stated or (None, None)


def spacing(dataset: Dataset) -> tuple[tuple[float, float] | None, str | None]:
    """Return the size of a pixel (row, column) in mm, and where it is measured.

    A body lies before the detector and is thrown larger. Where the file tells by how much, or was
    calibrated (PS3.3 10.7.1.3), millimeters are those of the patient.

    Returns
    -------
    tuple of float, or None
        None where the file does not say.
    str or None
        "patient" or "detector"; None where the file does not say.
    """
    detector, stated = _pair(dataset, "ImagerPixelSpacing"), _pair(dataset, "PixelSpacing")
    calibrated = bool(text(dataset, "PixelSpacingCalibrationType"))
    if stated and (calibrated or (detector and stated != detector)):
        return stated, "patient"
    if detector is None:
        return stated, None
    if factor := _magnification(dataset):
        return (detector[0] / factor, detector[1] / factor), "patient"
    return detector, "detector"


def _pair(dataset: Dataset, keyword: str) -> tuple[float, float] | None:
    millimetres = numbers(dataset, keyword)
    if len(millimetres) == 2 and min(millimetres) > 0:  # 0\0 is met in practice
        return millimetres[0], millimetres[1]
    return None


def _magnification(dataset: Dataset) -> float | None:
    """Return by how much the body is thrown larger, if that is known and can be."""
    factors = numbers(dataset, "EstimatedRadiographicMagnificationFactor")
    to_detector = numbers(dataset, "DistanceSourceToDetector")
    to_patient = numbers(dataset, "DistanceSourceToPatient")
    if to_detector and to_patient and to_patient[0] > 0:
        factors.append(to_detector[0] / to_patient[0])
    return next((factor for factor in factors if 1 <= factor <= MOST_MAGNIFIED), None)
