"""What both kinds of DICOM export share: where they are filed, when and by what they were made.

Loaded with a DICOM export.
"""

from __future__ import annotations

import uuid
from copy import deepcopy
from datetime import datetime, timedelta, timezone
from io import BytesIO
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import UID, generate_uid

from ..scoring.card import Card
from ..scoring.region import Region
from .dicom_origin import IDENTITY, referable
from .item import VERSION

__all__ = ["anonymous", "device_uid", "equipment", "finish", "region_uid"]

NAMES = ("PatientName", "ReferringPhysicianName")
_LONG_STRING = 64


def anonymous(origin: Dataset) -> Dataset:
    """Return a copy without names, for highdicom, whose warnings would quote them.

    `finish` puts the names in place.
    """
    copy = deepcopy(origin)
    for keyword in NAMES:
        setattr(copy, keyword, None)
    return copy


def equipment(card: Card) -> dict[str, Any]:
    """Return what made an object, as highdicom's arguments, and the UIDs of object and series.

    The serial number is the first 12 digits of the weights' sha256.
    """
    return {
        "series_instance_uid": generate_uid(),
        "sop_instance_uid": generate_uid(),
        "instance_number": 1,
        "manufacturer": "cxr",
        "manufacturer_model_name": card.name.replace("\\", "/")[:_LONG_STRING],
        "device_serial_number": card.weights.sha256[:12],
        "software_versions": VERSION,
        "specific_character_set": "ISO_IR 192",
    }


def device_uid(sha256: str) -> UID:
    """Return the UID of a model from the hash of its weights: the same weights, the same UID.

    A name-based UUID as a UID (PS3.5 B.2, RFC 9562 5.5).
    """
    return UID(f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, sha256).int}")


def region_uid(image: Dataset, region: Region) -> UID:
    """Return the UID of a region of an image: the same in every object that has the region."""
    said = f"{image.SOPInstanceUID} {region.shape} {region.label} {region.finding} {region.box}"
    return UID(f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, said).int}")


def finish(dataset: Dataset, origin: Dataset, made: datetime) -> bytes:
    """Put patient, study and time into an object, and return it as a file.

    Dates and times of a DICOM object share one time zone (PS3.3 C.12.1.1.1): that of the study
    where its file states one, else the zone of this machine, unstated; UTC in a new study.
    """
    for keyword in IDENTITY:
        if keyword in origin:
            setattr(dataset, keyword, origin[keyword].value)
    new_study = not referable(origin) and not origin.StudyDate
    offset = "+0000" if new_study else origin.get("TimezoneOffsetFromUTC")
    if offset:
        dataset.TimezoneOffsetFromUTC = offset
    local = made.astimezone(_zone(offset))
    for keyword in ("InstanceCreation", "Content", "OfSecondaryCapture", "Series"):
        ends = keyword.startswith("Of")
        date, time = (f"{k}{keyword}" if ends else f"{keyword}{k}" for k in ("Date", "Time"))
        setattr(dataset, date, f"{local:%Y%m%d}")
        setattr(dataset, time, f"{local:%H%M%S}")
    if "PresentationCreationDate" in dataset:  # in place of the content's
        dataset.PresentationCreationDate = dataset.ContentDate
        dataset.PresentationCreationTime = dataset.ContentTime
        del dataset.ContentDate, dataset.ContentTime
    if "ConversionType" not in dataset:
        del dataset.DateOfSecondaryCapture, dataset.TimeOfSecondaryCapture
    for item in dataset.get("ContributingEquipmentSequence", []):
        item.ContributionDateTime = f"{made:%Y%m%d%H%M%S}+0000"
    out = BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def _zone(offset: str | None) -> timezone | None:
    if not offset:
        return None
    minutes = int(offset[1:3]) * 60 + int(offset[3:])
    return timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes))
