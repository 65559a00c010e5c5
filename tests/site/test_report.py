"""A report as plain data."""

import json
import math
from datetime import UTC, datetime

import numpy as np

from cxr.scoring.bundle import Bundle
from cxr.site.agreement import reader_agreement
from cxr.site.costs import Programme, per_thousand
from cxr.site.difference import difference
from cxr.site.proof import prove
from cxr.site.report import SiteReport, report_of
from cxr.site.subgroups import subgroups
from cxr.stats.band import band_in_between
from cxr.stats.waiting import Queue, waiting
from tests.site.test_difference import films as statistics
from tests.site.test_proof import films


def made_report(**more) -> SiteReport:
    table = films(120, sex=np.tile(["F", "M"], 60))
    proof = prove(table, 0.5)
    programme, queue = Programme(0.05, 1, 10), Queue(10, 5, 1)
    given = {
        "card": Bundle.load("tuberculosis-efficientnet-lite0").card,
        "name": "tuberculosis-efficientnet-lite0",
        "proof": proof,
        "data_sha256": "0" * 64,
        "refusals": {"The picture looks like a lateral view.": 2},
        "remarks": ("2 rows of no film.",),
        "groups": subgroups(table, 0.5),
        "difference": difference(statistics(60, 0, side=128), statistics(60, 1)),
        "programme": programme,
        "counted": {"this threshold": per_thousand(programme, 0.9, 0.8)},
        "band": band_in_between(table["score"], table["truth"]),
        "queue": queue,
        "waiting": waiting(queue, 0.1, 0.9, 0.8),
        "readers": reader_agreement(list("abcd"), [1, 0, 1, 0], [1, 0, 0, 0]),
        "notes": ("A note.",),
        "made": datetime(2026, 11, 27, 15, tzinfo=UTC),
    }
    return SiteReport(**{**given, **more})


def test_a_report_is_json_with_hashes_and_versions():
    report = made_report()
    told = json.loads(json.dumps(report_of(report), allow_nan=False))
    assert told["model"]["sha256"] == report.card.weights.sha256
    assert told["data"]["sha256"] == "0" * 64
    assert told["data"]["films"] == 120
    assert set(told["versions"]) == {"cxr", "python", "numpy"}
    assert "Not for diagnostic use" in told["intended_use"]
    assert told["result"]["sensitivity_ci"][0] < told["result"]["sensitivity"]
    assert [row["group"] for row in told["subgroups"]] == ["F", "M"]
    assert told["difference"]["side_site"] == 128
    assert told["band"]["width"] == 1
    assert "LungIMPACT" in told["waiting_minutes"]["note"]
    assert told["waiting_minutes"]["threshold"] == report.proof.threshold
    assert told["readers"]["agreed"] == 3
    assert told["made"].startswith("2026-11-27")


def test_what_was_not_asked_for_is_null():
    told = report_of(
        made_report(band=None, difference=None, readers=None, waiting=None, queue=None)
    )
    assert told["band"] is told["difference"] is told["readers"] is told["queue"] is None


def test_numbers_that_do_not_exist_are_null():
    counted = {"none": per_thousand(Programme(0.1), 0.0, 1.0)}
    told = report_of(made_report(counted=counted))
    assert math.isinf(counted["none"].cost_per_case)
    assert told["per_1000"]["none"]["cost_per_case"] is None


def test_scores_of_another_tool_have_no_card():
    told = report_of(made_report(card=None, name="another tool"))
    assert told["model"] == {"name": "another tool", "sha256": None, "finding": None}
