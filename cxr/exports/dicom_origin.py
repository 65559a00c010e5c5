"""The origin of a film: patient, study and image that a DICOM export takes over from the upload.

Headers met in practice break the standard in many ways, and what is written here must not: of each
element only a valid value is taken, as if a wrong one were not there. Loaded with a DICOM export.
"""

from __future__ import annotations

import logging
import re
from datetime import datetime
from io import BytesIO

from pydicom import config, dcmread
from pydicom.charset import convert_encodings, decode_bytes, python_encoding
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset
from pydicom.uid import UID, generate_uid
from pydicom.valuerep import PN_DELIMS, TEXT_VR_DELIMS, validate_value

from ..errors import fault
from ..films.bounds import UnreadableFile
from ..films.dicom import open_dataset
from ..films.dicom_grey import text
from ..films.dicom_quiet import quiet
from ..films.radiograph import Radiograph

__all__ = ["IDENTITY", "REFERENCE", "origin_of", "referable"]

logger = logging.getLogger(__name__)

#: What names patient and study. The first nine must be there, if only empty (PS3.3, Type 2).
IDENTITY = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime"),
    *("StudyID", "AccessionNumber", "ReferringPhysicianName"),
    *("IssuerOfPatientID", "PatientAge", "StudyDescription"),
)
TYPE_2 = IDENTITY[:9]
#: What an image is referred to by.
REFERENCE = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
ABOUT = (
    *("Modality", "PatientOrientation", "ImagerPixelSpacing", "TimezoneOffsetFromUTC"),
    *("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod"),
)
_COUNTS = {"PatientOrientation": (2, 2), "ImagerPixelSpacing": (2, 2)} | dict.fromkeys(
    ("LossyImageCompressionRatio", "LossyImageCompressionMethod"), (1, 9)
)
_FORMS = {
    "PatientSex": "[MFO]",
    "PatientOrientation": "[APRLHF]{1,3}",
    "LossyImageCompression": "0[01]",
    "TimezoneOffsetFromUTC": r"[+-](0\d|1[0-4])[0-5]\d",
}


def origin_of(film: Radiograph, source: bytes | None) -> Dataset:
    """Return patient, study and image that an export of a film is filed with.

    Parameters
    ----------
    film : Radiograph
        The film.
    source : bytes
        The file that it was read from; not looked at unless the film says that it is DICOM.

    Returns
    -------
    pydicom.Dataset
        All Type 2 elements of `IDENTITY`, empty if the file holds no valid value, and a
        ``StudyInstanceUID``: the film's own, or a new one where the file is not DICOM or does not
        name both study and series. The other elements of `REFERENCE` only where all are valid.
        Names in a character set that the file does not state are taken as UTF-8 where they are,
        else as Latin-1.

    Raises
    ------
    ValueError
        If the source is not the film's file.
    """
    origin = Dataset()
    for keyword in TYPE_2:
        setattr(origin, keyword, None)
    origin.Rows, origin.Columns = film.height, film.width
    if film.format == "jpeg":
        origin.LossyImageCompression = "01"
    if film.format == "dicom" and source is not None:
        # Checked as at the first reading, so that no deflated file can swell beyond bounds.
        try:
            with quiet():
                checked = open_dataset(source)
        except UnreadableFile:
            raise
        except Exception as error:
            logger.info("A film's file is damaged: %s", fault(error))
            # As in `cxr.films.radiograph`: libraries answer damaged bytes with whatever goes wrong
            # first.
            raise ValueError("Expected the film's DICOM file. Received: no such file") from None
        if (checked.Rows, checked.Columns) != (film.height, film.width):
            raise ValueError(
                f"Expected the file of a film of {film.height} x {film.width} pixels. "
                f"Received: one of {checked.Rows} x {checked.Columns}"
            )
        _take(source, origin)
    if not all(keyword in origin for keyword in ("StudyInstanceUID", "SeriesInstanceUID")):
        origin.StudyInstanceUID = generate_uid()
        _forget(origin)
    elif not all(keyword in origin for keyword in REFERENCE):
        _forget(origin)
    return origin


def referable(origin: Dataset) -> bool:
    """Whether the film's own image can be referred to."""
    return "SOPInstanceUID" in origin


def _forget(origin: Dataset) -> None:
    for keyword in REFERENCE:
        if keyword != "StudyInstanceUID" and keyword in origin:
            delattr(origin, keyword)


@quiet()
def _take(source: bytes, origin: Dataset) -> None:
    keywords = (*IDENTITY, *REFERENCE, *ABOUT)
    header = dcmread(
        BytesIO(source), force=True, stop_before_pixels=True, specific_tags=list(keywords)
    )
    encodings = _encodings(header)
    for keyword in keywords:
        if keyword in header:
            values = _values(header, keyword, encodings)
            low, high = _COUNTS.get(keyword, (1, 1))
            if low <= len(values) <= high and all(_valid(keyword, value) for value in values):
                setattr(origin, keyword, values[0] if high == 1 else values)


def _encodings(header: Dataset) -> list[str]:
    """Return the encodings that the file states; none for plain ASCII, or charsets unheard of."""
    stated = [name.strip() for name in text(header, "SpecificCharacterSet").split("\\")]
    # Of ISO_IR 6, which has no letter with an accent, nothing follows for a name that has one.
    known = [name for name in stated if name in python_encoding]
    return convert_encodings(known) if set(known) - {"", "ISO_IR 6", "ISO 2022 IR 6"} else []


def _decoded(value: bytes, encodings: list[str], delimiters: set[int]) -> str:
    if encodings:
        return decode_bytes(value, encodings, delimiters)
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _values(header: Dataset, keyword: str, encodings: list[str]) -> list[str]:
    # As written in the file: pydicom's own conversion warns, and its warnings quote names.
    try:
        value = header.get_item(keyword).value
    except Exception as error:  # an element of no kind that there is
        logger.info("An element of a film's file cannot be read: %s", fault(error))
        return []
    if not isinstance(value, bytes):
        return []
    kind = dictionary_VR(keyword)
    if kind in ("LO", "PN", "SH"):
        content = _decoded(value, encodings, PN_DELIMS if kind == "PN" else TEXT_VR_DELIMS)
    else:
        content = value.decode("latin-1")
    values = [part.strip(" \0") for part in content.split("\\")]
    return values if any(values) else []


def _valid(keyword: str, value: str) -> bool:
    kind = dictionary_VR(keyword)
    if not value.isprintable() or "\ufffd" in value:
        return False
    if keyword in _FORMS and not re.fullmatch(_FORMS[keyword], value):
        return False
    if kind == "UI":
        return UID(value).is_valid
    if kind == "DA":
        try:
            datetime.strptime(value, "%Y%m%d")
        except ValueError:
            return False
        return len(value) == 8
    if kind == "PN" and any(group.count("^") > 4 for group in value.split("=")):
        return False
    try:
        validate_value(kind, value, config.RAISE)
    except ValueError:
        return False
    return keyword != "ImagerPixelSpacing" or float(value) > 0
