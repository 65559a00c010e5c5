"""Whose film it is and of which study: what is joined, what is kept apart, what is never told."""

from __future__ import annotations

import logging
import subprocess
import sys
from datetime import date, time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian

import cxr
from cxr.films import dicom_identity
from cxr.films.dicom_identity import accession_key, identity_of, instance_key
from cxr.films.identity import NOBODY, Identity
from tests.conftest import ROOT
from tests.film_files import dicom, dicom_dataset, png_16, save

VALUES = np.tile(np.arange(16, dtype=np.uint16), (16, 1))
PERSON = {"PatientID": "4711-ROE", "IssuerOfPatientID": "NORTH", "PatientBirthDate": "20180301"}
STUDY = {"StudyInstanceUID": "1.2.826.0.1.77", "StudyDate": "20240105", "StudyTime": "101500.25"}

words = st.text("ABCDEFGHJKLMNPRSTUVWYZ23456789-", min_size=3, max_size=12).filter(
    lambda word: sum(sign.isdigit() for sign in word) > 1 and len(set(word)) > 2
)


def of(**tags: Any) -> Identity:
    return identity_of(dicom(VALUES, **{**PERSON, **STUDY, **tags}))


@given(words, words)
@settings(max_examples=40, deadline=None)
def test_films_of_one_identifier_are_one_patients_and_others_are_not(one: str, other: str) -> None:
    assert of(PatientID=one).patient_key == of(PatientID=f"{one}  ", **STUDY).patient_key
    assert (of(PatientID=one).patient_key == of(PatientID=other).patient_key) == (one == other)
    # Two hospitals may give the same number to two people.
    keys = {of(PatientID=one, IssuerOfPatientID=issuer).patient_key for issuer in ("N", "S", "")}
    assert len(keys) == 3


@given(words, words)
@settings(max_examples=40, deadline=None)
def test_no_two_sets_of_facts_run_into_one_another(one: str, other: str) -> None:
    # "AB" of "C" is not "A" of "BC".
    first = of(PatientID=f"{one}{other}", IssuerOfPatientID="")
    second = of(PatientID=one, IssuerOfPatientID=other)
    assert first.patient_key != second.patient_key


def test_an_issuer_may_be_named_by_a_universal_identifier() -> None:
    def issued(uid: str) -> str | None:
        item = Dataset()
        item.UniversalEntityID, item.UniversalEntityIDType = uid, "ISO"
        return of(IssuerOfPatientIDQualifiersSequence=[item]).patient_key

    assert issued("1.2.3") == issued("1.2.3")
    assert len({issued("1.2.3"), issued("1.2.4"), of().patient_key}) == 3


@pytest.mark.filterwarnings("ignore:Invalid value for VR")
def test_a_birth_date_tells_patients_apart_however_it_is_written() -> None:
    assert of(PatientBirthDate="20180302").patient_key != of().patient_key
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pydicom.config.settings.writing_validation_mode", 0)
        assert of(PatientBirthDate="2018.03.01").patient_key == of().patient_key


@pytest.mark.parametrize(
    "identifier",
    [
        *("", " ", "-", "?", "0", "000000", "XXXXXXXX", "xx", "9999", "ANON", "Anonymous"),
        *(
            "ANONYMIZED",
            "anonymised",
            "ANON000",
            "Unknown",
            "NO ID",
            "n/a",
            "none",
            "De-identified",
        ),
    ],
)
def test_what_stands_for_no_identifier_joins_nobody(identifier: str) -> None:
    assert of(PatientID=identifier).patient_key is None
    assert of(PatientID=None).patient_key is None
    assert of(PatientID=identifier).study_key is not None


@pytest.mark.parametrize("identifier", ["1", "2", "22", "A1", "ANON-0012", "0001", "TEST-77"])
def test_a_short_identifier_is_one(identifier: str) -> None:
    assert of(PatientID=identifier).patient_key is not None


def test_films_of_one_study() -> None:
    assert of(ViewPosition="PA").study_key == of(ViewPosition="LL").study_key
    assert of().study_key != of(StudyInstanceUID="1.2.826.0.1.78").study_key
    assert of(StudyInstanceUID=None).study_key is None
    assert of(StudyInstanceUID="0").study_key is None


def test_when_a_study_was_made() -> None:
    assert of()[2:4] == (date(2024, 1, 5), time(10, 15))
    assert of(StudyDate="", AcquisitionDate="20230701", StudyTime="")[2:4] == (
        date(2023, 7, 1),
        None,
    )
    assert of(StudyDate="", StudyTime="")[2:4] == (None, None)
    # A day before there were X-rays stands for none.
    assert of(StudyDate="00010101")[2:4] == (None, None)


def test_the_same_in_every_coding_and_from_a_path(tmp_path: Path) -> None:
    dataset = dicom_dataset(VALUES, **PERSON, **STUDY)
    plain = save(dataset)
    path = tmp_path / "film.dcm"
    path.write_bytes(plain)
    assert identity_of(path) == of()
    for syntax in (ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian):
        assert identity_of(save(dicom_dataset(VALUES, **PERSON, **STUDY), syntax)) == of()


def test_a_film_has_them_and_does_not_show_them() -> None:
    data = dicom(VALUES, **PERSON, **STUDY)
    film = cxr.read(data)
    told = Identity(*(getattr(film, name) for name in Identity._fields))
    assert told == identity_of(data)
    assert "key" not in repr(film)
    assert "2024" not in repr(film)
    for told in (repr(vars(film)), repr(of())):
        assert not any(word in told for word in ("4711", "ROE", "NORTH", "1.2.826", "SECRET"))


def test_other_files_and_damaged_ones_are_nobodys(caplog, recwarn, tmp_path: Path) -> None:
    caplog.set_level(logging.DEBUG)
    data = dicom(VALUES, **PERSON, **STUDY)
    for cut in range(0, 700, 7):
        identity_of(data[:cut])
        identity_of(data[:cut] + b"\xff\xff" + data[cut + 2 :])
    assert identity_of(b"") == identity_of(tmp_path / "gone") == identity_of(tmp_path) == NOBODY
    assert identity_of(png_16(np.zeros((4, 4, 1)), 0)).patient_key is None
    told = caplog.text + " ".join(str(warning.message) for warning in recwarn)
    assert not any(word in told for word in ("4711", "ROE", "NORTH", "SECRET"))


def test_another_process_has_other_keys(tmp_path: Path) -> None:
    path = tmp_path / "film.dcm"
    path.write_bytes(dicom(VALUES, **PERSON, **STUDY))
    code = (
        "import pathlib, sys; from cxr.films.dicom_identity import identity_of;"
        "print(*identity_of(pathlib.Path(sys.argv[1]))[:2])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(dicom_identity._KEY) >= 32
    assert not set(done.stdout.split()) & set(identity_of(path)[:2])


def test_accession_numbers_are_compared_as_a_spreadsheet_writes_them() -> None:
    key = of(AccessionNumber="000123 ").accession_key
    assert key
    assert key == accession_key("123") == accession_key(" 0123")
    assert of(AccessionNumber="ab-7").accession_key == accession_key("AB-7")
    assert key != of(AccessionNumber="124").accession_key
    for nothing in ("", "   ", "0000", "ANONYMOUS"):
        assert of(AccessionNumber=nothing).accession_key is accession_key(nothing) is None


def test_a_film_has_the_key_of_its_own_uid() -> None:
    key = of(SOPInstanceUID="1.2.3.4").instance_key
    assert key
    assert key == instance_key("1.2.3.4 ")
    assert key not in (instance_key("1.2.3.5"), accession_key("1.2.3.4"))
    assert instance_key("") is instance_key("0") is None
