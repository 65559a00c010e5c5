"""A site's report as a PDF and as JSON."""

import io
import json

import numpy as np
import pandas as pd
from pypdf import PdfReader

from cxr.exports import site_report_json, site_report_pdf
from cxr.scoring.bundle import Bundle
from cxr.site.calibrate import calibrate
from cxr.site.subgroups import subgroups
from tests.site.test_proof import films
from tests.site.test_report import made_report


def pages(report) -> list[str]:
    return [page.extract_text() for page in PdfReader(io.BytesIO(site_report_pdf(report))).pages]


def test_a_pdf_says_what_was_proven_and_on_what():
    report = made_report()
    text = "\n".join(pages(report))
    for said in (
        "tuberculosis-efficientnet-lite0",
        "AUC",
        "By group",
        "Low resolution",
        "Of 1,000 people",
        "No band can be promised",
        "LungIMPACT",
        "Two readers",
        report.card.weights.sha256,
        report.data_sha256,
        "2 rows of no film.",
        "looks like a lateral view",
    ):
        assert said in text, said


def test_every_page_has_the_intended_use_and_its_number():
    table = films(400, scanner=np.tile([f"scanner {k}" for k in range(20)], 20))
    table["site"] = np.repeat([f"site {k}" for k in range(20)], 20)
    table["sex"] = np.tile(["F", "M"], 200)
    told = pages(made_report(groups=subgroups(table, 0.5)))
    assert len(told) > 1
    for number, text in enumerate(told, 1):
        assert "Not for diagnostic use" in text
        assert f"{number} of {len(told)}" in text


def test_the_site_s_threshold_is_told_with_its_rule():
    bundle = Bundle.load("tuberculosis-efficientnet-lite0")
    site = calibrate(
        bundle, films(200).assign(path=[f"film {k}" for k in range(200)]), site="north"
    )
    text = "\n".join(pages(made_report(point=site.point())))
    assert "Threshold for this site" in text
    assert f"{site.point().threshold:.3f}" in text


def test_groups_and_ranking_name_the_threshold_that_they_are_at():
    bundle = Bundle.load("tuberculosis-efficientnet-lite0")
    table = films(200).assign(path=[f"film {k}" for k in range(200)])
    point = calibrate(bundle, table, site="north").point()
    text = " ".join("\n".join(pages(made_report(point=point))).split())
    assert f"{point.threshold:.3f}" != "0.500"
    groups, ranking = text.split("By group")[1], text.split("What ranking buys")[1]
    for part in (groups.split("sensitivity")[0], ranking.split("In order of arrival")[0]):
        assert "0.500, the threshold of the figures" in part


def test_parts_that_were_not_asked_for_are_left_out():
    without = dict.fromkeys(("band", "difference", "readers", "waiting", "queue", "programme"))
    report = made_report(**without, groups=pd.DataFrame(), counted={}, card=None, name="a tool")
    text = "\n".join(pages(report))
    assert "a tool" in text
    for head in ("By group", "A band in between", "What ranking buys", "Two readers"):
        assert head not in text
    assert "scores of another tool" in text


def test_json_is_read_back():
    report = made_report()
    told = json.loads(site_report_json(report))
    assert told["result"]["auc"] == report.proof.auc
