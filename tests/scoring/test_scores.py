from __future__ import annotations

import numpy as np
import pandas as pd

from cxr.scoring.operating_points import Calibration
from cxr.scoring.scores import labels_of, scored


def test_labels_of_any_finding_are_positive():
    frame = pd.DataFrame({"label": ["normal", "pneumonia", "tuberculosis", "normal"]})
    assert labels_of(frame).tolist() == [0, 1, 1, 0]


def test_scores_are_the_calibrated_logits_and_the_table_stays_as_it_was():
    frame = pd.DataFrame({"label": ["normal", "pneumonia"], "logit": [-1.0, 3.0]}, index=[7, 4])
    table = scored(frame, Calibration(2.0))
    np.testing.assert_allclose(table["score"], 1 / (1 + np.exp([0.5, -1.5])))
    assert table["truth"].tolist() == [0, 1]
    assert table.index.tolist() == [7, 4]
    assert frame.columns.tolist() == ["label", "logit"]


def test_no_films():
    table = scored(pd.DataFrame(columns=["label", "logit"]), Calibration(2.0))
    assert table.empty
    assert {"score", "truth"} <= set(table)
