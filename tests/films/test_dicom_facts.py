from __future__ import annotations

import pytest

from cxr.films.dicom import open_dataset
from cxr.films.dicom_facts import age, facts
from tests.film_files import dicom, scene

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
        "sex": "F",
        "view": "PA",
        "modality": "CR",
        "body_part": "CHEST",
        "pixel_spacing": (0.2, 0.3),
    }


def test_facts_that_are_not_there():
    got = facts(open_dataset(dicom(VALUES, Modality="", PixelSpacing=[0, 0])))
    assert {key for key, value in got.items() if value is None} == set(got) - {"bits"}


def test_spacing_at_the_body_comes_before_that_at_the_detector():
    tags = {"ImagerPixelSpacing": [0.2, 0.2], "PixelSpacing": [0.1, 0.15]}
    assert facts(open_dataset(dicom(VALUES, **tags)))["pixel_spacing"] == (0.1, 0.15)


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
        ("", "20100601", "20130601", 3),
        ("X", "20100601", "20130601", 3),
        ("", "20130601", "20100601", None),
        ("", "20100601", "", None),
        ("", "2010", "20130601", None),
        ("999Y", "", "", None),
        ("-05Y", "", "", None),
        ("", "", "", None),
    ],
)
def test_age(stated, birth, study, years):
    got = age(stated, birth, study)
    assert got == (None if years is None else pytest.approx(years, abs=0.01))
