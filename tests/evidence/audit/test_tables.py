"""What an audit measured, as tables for people."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from cxr.evidence.audit.box_figures import BASELINES
from cxr.evidence.audit.store import BOXES, BOXES_ALL, COLUMNS, REFERENCE, SANITY
from cxr.evidence.audit.tables import box_table, sanity_table


def row(**values: object) -> dict:
    usual = dict.fromkeys(COLUMNS, math.nan) | {
        "kind": SANITY, "films": "validation", "method": "gradcam", "layer": "top", "n": 8,
    }  # fmt: skip
    return usual | values


def test_sanity_has_a_row_per_method_and_says_what_is_missing():
    rows = [
        row(measure="randomization_rank", stage=0.5, value=0.9, low=0.8, high=1.0),
        row(measure="randomization_rank", stage=1.0, value=0.1, low=0.05, high=0.2),
        row(measure="flat_maps", value=2.0),
        row(measure="edge_share", value=0.2),
    ]
    (found,) = sanity_table(pd.DataFrame(rows)).to_dict("records")
    assert found["method"] == "Grad-CAM, top"
    assert found["randomized"] == "0.10 (0.05 to 0.20)"
    assert found["no map"] == "2"
    assert found["edge"] == "0.20; even none"
    assert found["mirrored"] == found["tf-keras-vis"] == "none"


@pytest.mark.parametrize(("value", "words"), [(0.0, "1e-6"), (3.2e-5, "4e-5")])
def test_the_reference_is_told_to_one_digit_rounded_up(value, words):
    rows = [
        row(measure="flip_rank", value=0.9),
        row(kind=REFERENCE, measure="reference_difference", value=value),
    ]
    (found,) = sanity_table(pd.DataFrame(rows)).to_dict("records")
    assert found["tf-keras-vis"] == f"equal within {words}"


def test_boxes_have_a_row_per_method_and_baseline_on_each_set_of_films():
    rows = [
        row(kind=kind, films="test", measure=measure, value=0.5, low=0.4, high=0.6)
        for kind in (BOXES, BOXES_ALL)
        for measure in ("hit_rate", "mean.hit_rate")
    ]
    found = box_table(pd.DataFrame(rows))
    assert len(found) == 2 * (1 + len(BASELINES))
    assert set(found["films"]) == {"test, called", "test, all with boxes"}
    mean = found[found["map"].str.endswith("mean map of the other films")]
    assert mean["hit rate"].tolist() == ["0.500 (0.400 to 0.600)"] * 2
    assert set(found["share inside"]) == {"none"}
