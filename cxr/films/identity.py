"""Whose film it is and of which study, as hashes: see `cxr.films.dicom_identity`."""

from __future__ import annotations

from datetime import date, time
from typing import NamedTuple

__all__ = ["NOBODY", "Identity"]


class Identity(NamedTuple):
    """Whose film it is and of which study, as hashes that hold within this process.

    Attributes
    ----------
    patient_key : str or None
        The same for all films of one identifier, issuer and birth date; None where the file has no
        identifier, or a word that stands for none.
    study_key : str or None
        The same for all films of one Study Instance UID; None where the file has none.
    study_date : datetime.date or None
        When the study was made, to be shown and sorted by.
    study_time : datetime.time or None
        Of that day; None where the file does not say.
    accession_key, instance_key : str or None
        Of the Accession Number, the same for all films of an order, and of the SOP Instance UID,
        which only this film has; None where the file has none.
    """

    patient_key: str | None = None
    study_key: str | None = None
    study_date: date | None = None
    study_time: time | None = None
    accession_key: str | None = None
    instance_key: str | None = None


#: Of a film whose file says nothing of its patient and its study.
NOBODY = Identity()
