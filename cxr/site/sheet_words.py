"""The words of spreadsheets: names of columns, and what labels mean.

Which words are known for findings in general is said in `cxr.datasets.words`.
"""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum

from ..datasets.words import KNOWN_FINDINGS, NORMAL, split_label

__all__ = ["COLUMN_NAMES", "Meaning", "meaning_of", "names_another", "plain_name", "plain_words"]


class Meaning(StrEnum):
    """What a label says of a film."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    LEAVE_OUT = "leave out"


#: The names of columns, letters and digits alone, the most telling first.
COLUMN_NAMES: dict[str, tuple[str, ...]] = {
    "name": (
        *("path", "filepath", "imagepath", "file", "filename", "imagefile", "imagefilename"),
        *("image", "imagename", "imageindex", "imageid", "film", "filmname", "dicom", "dicomfile"),
        *("picture", "datei", "dateiname", "fichier", "archivo", "name", "study", "id"),
    ),
    "accession": (
        *("accessionnumber", "accession", "accessionno", "accessionnr", "accno", "accnumber"),
        *("accnr", "acc", "ordernumber", "orderno", "auftragsnummer", "examid", "examnumber"),
    ),
    "instance": (
        *("sopinstanceuid", "sopuid", "instanceuid", "imageuid", "dicomuid", "sopinstance"),
        *("uid", "sopinstanceuniqueidentifier"),
    ),
    "label": (
        *("label", "truth", "groundtruth", "goldstandard", "reference", "referencestandard"),
        *("class", "target", "finding", "diagnosis", "result", "outcome", "reading", "read"),
        *("status", "finalreading", "conclusion", "befund", "category", "disease"),
    ),
    "patient": (
        *("patient", "patientid", "patientnumber", "patientno", "patientkey", "subject"),
        *("subjectid", "person", "personid", "mrn", "pid", "participant", "participantid"),
        *("caseid", "patid"),
    ),
    "age": ("age", "patientage", "ageyears", "ageinyears", "alter", "edad"),
    "sex": ("sex", "gender", "patientsex", "patientgender", "geschlecht", "sexo", "sexe"),
    "site": (
        *("site", "hospital", "clinic", "centre", "center", "facility", "institution"),
        *("institutionname", "siteid", "location", "source", "klinik"),
    ),
    "scanner": (
        *("scanner", "device", "machine", "equipment", "manufacturer", "vendor", "modelname"),
        *("manufacturermodelname", "xraymachine", "detector", "station", "stationname"),
    ),
    "date": (
        *("date", "studydate", "acquisitiondate", "examdate", "imagedate", "dateofexam"),
        *("filmdate", "datum", "fecha"),
    ),
    "subtype": ("subtype", "type", "kind", "pattern", "etiology"),
}
#: Words for films that are neither positive nor negative.
_LEAVE_OUT = frozenset(
    (
        *("other", "others", "other finding", "other findings", "not normal"),
        *("no lung opacity not normal", "not normal no opacity", "not normal no lung opacity"),
        *("unknown", "unk", "uncertain", "indeterminate", "unclear"),
        *("equivocal", "inconclusive", "excluded", "exclude", "leave out", "not readable"),
        *("unreadable", "na", "n a", "missing", "not available", "nan", "null", "invalid"),
        *("contaminated", "not done", "pending", "", "?", "-", "-1"),
    )
)
#: Words for a finding that `cxr.datasets.words` keeps apart from it.
_POSITIVE = {
    "pneumonia": frozenset(("lung opacity", "opacity", "consolidation")),
    "tuberculosis": frozenset(
        (
            *("tb positive", "mtb detected", "mtb positive", "xpert positive", "culture positive"),
            *(f"bacteriologically {word}" for word in ("confirmed", "positive")),
            *("tuberculose", "tuberkulose", "tuberculous"),
        )
    ),
}
_NEGATIVE = frozenset(
    (
        *("non tb", "not tb", "no tb", "tb negative", "mtb not detected", "xpert negative"),
        *("culture negative", "clear", "unremarkable", "no abnormality", "n", "f", "control"),
        *("controls", "no opacity", "no lung opacity", "no pneumonia", "no tuberculosis"),
    )
)
_YES = frozenset(("y", "t", "detected", "present", "disease", "diseased", "case"))


def plain_name(word: str) -> str:
    """Write the name of a column in letters and digits alone, as those of `COLUMN_NAMES`."""
    return re.sub(r"[^a-z0-9]", "", word.lower())


def plain_words(word: str) -> str:
    """Write a label with single blanks between its words, in small letters."""
    text = unicodedata.normalize("NFKC", word).strip().strip("\"'").lower()
    return re.sub(r"[\s_/\\,;:()\[\]-]+", " ", text).strip() or text


def meaning_of(label: str, finding: str) -> Meaning | None:
    """Guess what a label says of a film; None where the word does not tell."""
    words = plain_words(label)
    if words in _LEAVE_OUT:
        return Meaning.LEAVE_OUT
    if words in _NEGATIVE:
        return Meaning.NEGATIVE
    if words in _YES or words in _POSITIVE.get(finding, ()):
        return Meaning.POSITIVE
    said, _ = split_label(label, finding or None)
    if said == NORMAL:
        return Meaning.NEGATIVE
    return Meaning.POSITIVE if said in (finding or "positive", "positive") else None


def names_another(label: str, finding: str) -> bool:
    """Whether a label names a finding, and not the one that films are positive for."""
    said, _ = split_label(label)
    return bool(finding) and said in KNOWN_FINDINGS and said != finding
