from __future__ import annotations

import numpy as np
import pytest

from cxr.films.dicom_words import OTHER
from cxr.films.header_words import header_words
from cxr.films.radiograph import Radiograph

GREY = np.zeros((4, 4), np.float32)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({}, ""),
        ({"modality": "DX", "view": "PA", "age": 1.5, "sex": "F"}, "DX · PA · 18 months · F"),
        ({"age": 1.0, "age_unit": "years"}, "1 year"),
        ({"modality": "CR", "view": OTHER, "sex": OTHER}, f"CR · view: {OTHER} · sex: {OTHER}"),
        ({"body_part": "HAND"}, ""),
    ],
)
def test_what_is_told(told, words):
    assert header_words(Radiograph(GREY, **told)) == words
