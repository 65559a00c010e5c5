from __future__ import annotations

import logging
import threading
import warnings

import numpy as np
import pytest
from pydicom.dataelem import RawDataElement
from pydicom.misc import warn_and_log
from pydicom.tag import Tag

from cxr.exports.dicom_origin import origin_of
from cxr.films.dicom_quiet import quiet
from cxr.films.radiograph import RadiographError, read
from tests.film_files import dicom_dataset, save, scene

NAME = b"MUSTERMANN ERIKA"


def damaged(*keywords: str) -> bytes:
    """A film with a name in elements that are for something else."""
    dataset = dicom_dataset(scene(256, 256, 4095))
    for keyword in keywords:
        tag = Tag(keyword)
        dataset[tag] = RawDataElement(tag, "CS", len(NAME), NAME, 0, False, True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return save(dataset)


@pytest.mark.parametrize(
    "keyword",
    [
        *("SpecificCharacterSet", "BodyPartExamined", "PatientBirthDate", "PatientAge"),
        *("StudyDate", "WindowCenter", "PixelSpacing", "RescaleSlope", "BitsStored", "HighBit"),
        *("PhotometricInterpretation", "NumberOfFrames", "PixelPaddingValue", "PatientSex"),
    ],
)
@pytest.mark.filterwarnings("always")
def test_a_name_in_a_header_is_told_nowhere(keyword, caplog, capfd, recwarn):
    data = damaged(keyword)
    caplog.clear()
    recwarn.clear()
    said = ""
    with caplog.at_level(logging.DEBUG):
        try:
            film = read(data)
            said = repr(film.__dict__)
            origin_of(film, data)
        except (RadiographError, ValueError) as error:
            said += str(error)
    told = [said, caplog.text, *capfd.readouterr(), *(str(w.message) for w in recwarn)]
    assert not any("MUSTERMANN" in text for text in told)


def test_other_threads_and_what_comes_after_are_heard(caplog):
    heard: list[str] = []

    def other() -> None:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            warn_and_log("of another thread")
            heard.extend(str(warning.message) for warning in caught)

    with caplog.at_level(logging.WARNING, "pydicom"):
        with quiet():
            with quiet():
                logging.getLogger("pydicom").warning("within")
            logging.getLogger("pydicom").warning("still within")
            thread = threading.Thread(target=other)
            thread.start()
            thread.join()
        with pytest.warns(UserWarning, match="after"):
            warn_and_log("after")
    assert heard == ["of another thread"]
    assert caplog.messages == ["of another thread", "after"]


def test_the_filters_of_warnings_are_as_they_were():
    before = list(warnings.filters)

    def reader() -> None:
        for _ in range(50):
            with quiet():
                np.zeros(10)

    threads = [threading.Thread(target=reader) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert warnings.filters == before


def test_a_transfer_syntax_that_is_none_is_not_quoted():
    dataset = dicom_dataset(scene(256, 256, 4095))
    data = save(dataset)
    old = dataset.file_meta.TransferSyntaxUID.encode()
    new = b"1.2.77.MUSTERMANN-ERIKA"[: len(old)].ljust(len(old), b"9")
    with pytest.raises(RadiographError) as caught:
        read(data.replace(old, new))
    assert "MUSTER" not in str(caught.value)
