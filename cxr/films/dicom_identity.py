"""Which films are of one patient and of one study, told without a name or an identifier.

Identifiers are read to be hashed with a random key, and nothing else is done with them. The key is
made anew in each process and is never written, so that no hash can be looked up afterwards, nor
compared with that of another process.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import re
import secrets
import unicodedata
import zlib
from datetime import date, time
from io import BytesIO
from pathlib import Path

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.filereader import read_partial

from ..errors import fault
from .age import date_of
from .dicom_grey import text
from .dicom_quiet import quiet
from .identity import NOBODY, Identity

__all__ = ["accession_key", "identity_of", "instance_key"]

logger = logging.getLogger(__name__)

_KEY = secrets.token_bytes(32)
_DATES = ("StudyDate", "AcquisitionDate", "SeriesDate", "ContentDate", "AcquisitionDateTime")
_WORDS = (
    *("SpecificCharacterSet", *_DATES, "StudyTime", "AcquisitionTime", "PatientBirthDate"),
    *("PatientID", "IssuerOfPatientID", "IssuerOfPatientIDQualifiersSequence", "StudyInstanceUID"),
    *("AccessionNumber", "SOPInstanceUID"),
)
_TAGS = [tag for tag in map(tag_for_keyword, _WORDS) if tag is not None]
_UNIVERSAL = ("UniversalEntityID", "UniversalEntityIDType")
#: Nothing after this element is read.
_LAST = 0x0020000D
_DEFLATED = b"1.2.840.10008.1.2.1.99"
#: Bytes of a file, and of a deflated one once inflated, in which all this stands.
_MOST = 1_000_000
#: Röntgen's discovery: a date before it stands for none.
_FIRST = date(1895, 11, 8)
#: What stands where an identifier was taken out: it tells nobody from anybody.
_PLACEHOLDERS = re.compile(
    r"(ANON|ANONYM\w*|DE?IDENTIF\w*|UNKNOWN|UNK|NONE|NULL|NA|NOID|NOPATIENTID|NOTAVAILABLE"
    r"|REMOVED|DELETED|PATIENT|PATIENTID|PAT|ID|TEST|DUMMY|DEFAULT|UNBEKANNT|INCONNU)0*1?"
)
_TIME = re.compile(r"(\d{2}):?(\d{2})?:?(\d{2})?", re.ASCII)


def identity_of(source: bytes | Path) -> Identity:
    """Read whose film a DICOM file is, and of which study; its pixels are not touched.

    Parameters
    ----------
    source : bytes or pathlib.Path
        The file. Whatever is wrong with it, nothing is raised: then nothing is known.

    Returns
    -------
    Identity
    """
    try:
        with quiet():
            return _identity(_header(_inflated(_head(source))))
    except Exception as error:  # noqa: BLE001 - told where the film is read
        logger.debug("A header was not read: %s", fault(error))
        return NOBODY


def _head(source: bytes | Path) -> bytes:
    if not isinstance(source, Path):
        return source[:_MOST]
    with source.open("rb") as file:
        return file.read(_MOST)


def _inflated(data: bytes) -> bytes:
    meta_end = 144 + int.from_bytes(data[140:144], "little")
    if data[128:132] != b"DICM" or _DEFLATED not in data[132:meta_end]:
        return data
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data[meta_end:], _MOST)


def _header(data: bytes) -> Dataset:
    return read_partial(
        BytesIO(data),
        stop_when=lambda tag, vr, length: int(tag) > _LAST,
        force=True,
        specific_tags=list(_TAGS),
    )


def _identity(dataset: Dataset) -> Identity:
    when, at = _when(dataset)
    return Identity(
        _patient(dataset),
        _study(dataset),
        when,
        at,
        accession_key(text(dataset, "AccessionNumber")),
        instance_key(text(dataset, "SOPInstanceUID")),
    )


def accession_key(number: str) -> str | None:
    """Hash an accession number as a film's is, to compare it with that of `identity_of`.

    Capitals and leading zeros tell nothing apart: a spreadsheet drops the latter.

    Returns
    -------
    str or None
        None for a word that stands for none.
    """
    plain = _plain(number).upper()
    if _stands_for_none(plain):
        return None
    return _hashed("accession", plain.lstrip("0") if plain.isdecimal() else plain)


def instance_key(uid: str) -> str | None:
    """Hash a SOP Instance UID as a film's is; None for one that is empty."""
    plain = _plain(uid)
    return _hashed("instance", plain) if plain.strip("0. ") else None


def _patient(dataset: Dataset) -> str | None:
    identifier = _plain(text(dataset, "PatientID"))
    if _stands_for_none(identifier):
        return None
    stated = text(dataset, "PatientBirthDate")
    born = date_of(stated)
    return _hashed(
        "patient",
        identifier,
        *_issuer(dataset),
        born.isoformat() if born else _plain(stated),
    )


def _issuer(dataset: Dataset) -> list[str]:
    """Return who gave the identifier: by name, and as a universal identifier."""
    parts = [_plain(text(dataset, "IssuerOfPatientID"))]
    for item in dataset.get("IssuerOfPatientIDQualifiersSequence") or ():
        parts += [
            _plain(text(item, word)) for word in ("UniversalEntityID", "UniversalEntityIDType")
        ]
    return parts


def _study(dataset: Dataset) -> str | None:
    uid = _plain(text(dataset, "StudyInstanceUID"))
    return _hashed("study", uid) if uid.strip("0. ") else None


def _when(dataset: Dataset) -> tuple[date | None, time | None]:
    for word in _DATES:
        day = date_of(text(dataset, word))
        if day and day >= _FIRST:
            times = (text(dataset, word) for word in ("StudyTime", "AcquisitionTime"))
            return day, next((at for at in map(_time_of, times) if at), None)
    return None, None


def _time_of(stated: str) -> time | None:
    match = _TIME.match(stated)
    if match is None:
        return None
    try:
        hour, minute, second = (int(part or 0) for part in match.groups())
        return time(hour, minute, second)
    except ValueError:
        return None


def _plain(value: str) -> str:
    """Bring a text to one form: padding and the way a letter is composed tell nothing apart."""
    return " ".join(unicodedata.normalize("NFKC", value).replace("\0", " ").split())


def _stands_for_none(identifier: str) -> bool:
    signs = re.sub(r"[\W_]", "", identifier).upper()
    # "XXXXXXXX" and "0000000000" are nobody's; "2" and "22" are somebody's.
    filled = len(set(signs)) == 1 and (signs[0] in "0X" or signs.isalpha() or len(signs) > 3)
    return not signs or filled or _PLACEHOLDERS.fullmatch(signs) is not None


def _hashed(kind: str, *parts: str) -> str:
    # As JSON, in which no two lists of texts are alike.
    message = json.dumps([kind, *parts]).encode()
    return hmac.new(_KEY, message, hashlib.sha256).hexdigest()
