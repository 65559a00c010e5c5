"""What stands beside a film's heatmap: its cost, and what the audit found of its method."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest

from cxr.evidence.audit.store import COLUMNS
from cxr.reading_room.maps import Maps
from cxr.scoring.bundle import BundleError
from cxr.web.methods import doubt
from tests.evidence.audit.test_verdict import table

ENTRY = SimpleNamespace(finding="pneumonia")


def maps(explanations: pd.DataFrame) -> Maps:
    return maps_of(Audited(explanations))


class Audited:
    """What is asked of a model, told by its identity as a model is."""

    def __init__(self, explanations: pd.DataFrame) -> None:
        self.explanations = explanations


def maps_of(model: object) -> Maps:
    """Maps of a list whose films are scored by one model."""
    worklist = SimpleNamespace(model={"pneumonia": model}.__getitem__)
    return Maps(worklist, lambda entry: None, lambda: True)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ""),
        ({"deletion": {"low": -0.1}}, "1 check failed"),
        ({"deletion": {"low": -0.1}, "share": {"value": 0.5, "low": 0.4}}, "2 checks failed"),
    ],
)
def test_a_method_that_failed_a_check_says_so(changes: dict, said: str):
    found = maps(table(**changes)).doubts(ENTRY, "gradcam++")
    assert found is not None
    assert doubt(found) == said
    assert all(sentence.startswith("Grad-CAM++: ") for sentence in found)


def test_a_method_that_was_not_audited_says_so():
    measured = table(deletion={"low": -0.1})
    assert maps(measured).doubts(ENTRY, "gradcam") is None
    assert maps(measured[measured["kind"] != "sanity"]).doubts(ENTRY, "gradcam++") is None
    assert maps(pd.DataFrame(columns=COLUMNS)).doubts(ENTRY, "gradcam++") is None
    assert doubt(None) == "not audited"


def test_a_damaged_table_counts_as_no_audit():
    class Damaged:
        @property
        def explanations(self) -> pd.DataFrame:
            raise BundleError("explanations.csv is damaged.")

    assert maps_of(Damaged()).doubts(ENTRY, "gradcam") is None
