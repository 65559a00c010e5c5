from __future__ import annotations

import pytest
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag
from pydicom.uid import DigitalXRayImageStorageForProcessing

from cxr.films.dicom import open_dataset
from cxr.films.dicom_facts import facts
from cxr.films.dicom_words import OTHER
from tests.film_files import dicom, dicom_dataset, save, scene

VALUES = scene(top=4095)


@pytest.mark.filterwarnings("ignore:Invalid value for VR CS")
def test_facts():
    tags = {
        "PatientAge": "005Y",
        "PatientSex": "F",
        "ViewPosition": "PA ",
        "Modality": "CR",
        "BodyPartExamined": "Chest",
        "ImagerPixelSpacing": [0.2, 0.3],
    }
    got = facts(open_dataset(dicom(VALUES, **tags)))
    assert got == {
        "bits": 16,
        "age": 5.0,
        "age_unit": "years",
        "sex": "F",
        "view": "PA",
        "modality": "CR",
        "body_part": "CHEST",
        "pixel_spacing": (0.2, 0.3),
        "spacing_at": "detector",
        "intent": None,
    }


def test_facts_that_are_not_there():
    got = facts(open_dataset(dicom(VALUES, Modality="", PixelSpacing=[0, 0])))
    assert {key for key, value in got.items() if value is None} == set(got) - {"bits"}


def test_spacing_at_the_body_comes_before_that_at_the_detector():
    tags = {"ImagerPixelSpacing": [0.2, 0.2], "PixelSpacing": [0.1, 0.15]}
    assert facts(open_dataset(dicom(VALUES, **tags)))["pixel_spacing"] == (0.1, 0.15)


def made(**tags):
    return facts(open_dataset(dicom(VALUES, **tags)))


@pytest.mark.parametrize(
    ("stated", "birth", "study", "years"),
    [
        ("005Y", "", "", 5),
        ("018M", "", "", 1.5),
        ("003W", "", "", 21 / 365.25),
        ("010D", "", "", 10 / 365.25),
        ("000Y", "", "", 0),
        ("81", "", "", 81),
        ("005Y", "19000101", "20200101", 5),
        ("000Y", "19700101", "20240101", 54),
        ("", "20100601", "20130601", 3),
        ("X", "20100601", "20130601", 3),
        ("", "2010.06.01", "20130601", 3),
        ("", "20130601", "20100601", None),
        ("", "20100601", "", None),
        ("", "2010", "20130601", None),
        ("999Y", "", "", None),
        ("-05Y", "", "", None),
        ("", "", "", None),
    ],
)
@pytest.mark.filterwarnings("ignore:Invalid value for VR")
def test_age(stated, birth, study, years):
    got = made(PatientAge=stated, PatientBirthDate=birth, StudyDate=study)["age"]
    assert got == (None if years is None else pytest.approx(years, abs=0.01))


@pytest.mark.parametrize(
    "keyword",
    [
        *("SeriesDate", "AcquisitionDate", "ContentDate", "AcquisitionDateTime"),
        *("PerformedProcedureStepStartDate", "InstanceCreationDate", "DateOfSecondaryCapture"),
    ],
)
def test_any_date_of_the_film_tells_the_age(keyword):
    got = made(PatientBirthDate="19700101", StudyDate="", **{keyword: "20240102"})
    assert int(got["age"]) == 54


@pytest.mark.parametrize(
    ("tags", "millimetres", "at"),
    [
        ({"EstimatedRadiographicMagnificationFactor": "1.1"}, 0.13, "patient"),
        ({"DistanceSourceToDetector": 1800, "DistanceSourceToPatient": 1600}, 0.1271, "patient"),
        ({"DistanceSourceToDetector": 1600, "DistanceSourceToPatient": 1800}, 0.143, "detector"),
        ({"DistanceSourceToDetector": 1800, "DistanceSourceToPatient": 0}, 0.143, "detector"),
        ({"EstimatedRadiographicMagnificationFactor": "110"}, 0.143, "detector"),
        ({"PixelSpacing": [0.13, 0.13]}, 0.13, "patient"),
        ({"PixelSpacing": [0.143, 0.143]}, 0.143, "detector"),
        (
            {"PixelSpacing": [0.143, 0.143], "PixelSpacingCalibrationType": "FIDUCIAL"},
            0.143,
            "patient",
        ),
        ({"PixelSpacing": [0.2, 0.2], "ImagerPixelSpacing": None}, 0.2, None),
        ({}, 0.143, "detector"),
    ],
)
def test_millimetres_of_the_patient_where_the_file_tells_them(tags, millimetres, at):
    got = made(**({"ImagerPixelSpacing": [0.143, 0.143]} | tags))
    assert got["pixel_spacing"] == pytest.approx((millimetres, millimetres), abs=0.0005)
    assert got["spacing_at"] == at


def raw(keyword: str, value: bytes) -> bytes:
    """A film with an element as it stands in files that no library would write."""
    dataset = dicom_dataset(VALUES)
    tag = Tag(keyword)
    value += b" " * (len(value) % 2)
    dataset[tag] = RawDataElement(tag, "CS", len(value), value, 0, False, True)
    return save(dataset)


@pytest.mark.parametrize(
    ("charset", "encoding"), [(None, "latin-1"), (None, "utf-8"), ("ISO_IR 192", "utf-8")]
)
def test_body_parts_with_accents(charset, encoding):
    dataset = dicom_dataset(VALUES, SpecificCharacterSet=charset)
    value = "TÓRAX ".encode(encoding)
    value += b" " * (len(value) % 2)
    tag = Tag("BodyPartExamined")
    dataset[tag] = RawDataElement(tag, "CS", len(value), value, 0, False, True)
    assert facts(open_dataset(save(dataset)))["body_part"] == "CHEST"


@pytest.mark.parametrize("keyword", ["BodyPartExamined", "ViewPosition", "Modality", "PatientSex"])
@pytest.mark.parametrize(
    "value", [b"MUSTERMANN ERIKA", b"![X](HTTP://127.0.0.1:9/A.PNG)", b"<B>X</B>", b"A" * 5000]
)
def test_nothing_that_is_written_into_a_header_word_comes_out(keyword, value):
    got = facts(open_dataset(raw(keyword, value)))
    words = [got[name] for name in ("body_part", "view", "modality", "sex")]
    assert OTHER in words
    assert all(word in (None, "DX", OTHER) for word in words)


@pytest.mark.parametrize(
    ("tags", "want"),
    [
        ({"PresentationIntentType": "FOR PROCESSING"}, "FOR PROCESSING"),
        ({"PresentationIntentType": "For presentation "}, "FOR PRESENTATION"),
        ({"PresentationIntentType": "DOE^JANE"}, None),
        ({"SOPClassUID": DigitalXRayImageStorageForProcessing}, "FOR PROCESSING"),
        (
            {
                "SOPClassUID": DigitalXRayImageStorageForProcessing,
                "PresentationIntentType": "FOR PRESENTATION",
            },
            "FOR PRESENTATION",
        ),
        ({}, None),
    ],
)
def test_what_a_film_is_for(tags, want):
    assert made(**tags)["intent"] == want
