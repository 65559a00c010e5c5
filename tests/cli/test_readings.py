"""The log of readings on the command line."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from cxr.monitoring import COLUMNS, Exported, Opened, Reading, Readings, SignIn, new_list_id
from cxr.scoring.population import INTENDED_USE


@pytest.fixture
def log(tmp_path, monkeypatch) -> Readings:
    monkeypatch.setenv("CXR_READINGS_URL", f"sqlite:///{tmp_path}/log.sqlite3")
    made = Readings()
    for days in (40, 3, 0):
        made.scored(
            Reading(
                time=datetime.now(UTC) - timedelta(days=days),
                list_id=new_list_id(),
                film_sha256="ab" * 32,
                model="pneumonia-made",
                model_sha256="cd" * 32,
                finding="pneumonia",
                operating_point="sensitivity-95@north-1a2b3c4d",
                threshold=0.4,
                score=0.5,
            )
        )
    return made


@pytest.mark.parametrize("suffix", [".csv", ".json", ".parquet"])
def test_every_format_has_the_columns_of_the_log(run, log, tmp_path, suffix):
    out = tmp_path / "deep" / f"readings{suffix}"
    assert run("readings", "export", "--out", out)[0] == 0
    if suffix == ".json":
        table = pd.DataFrame(json.loads(out.read_text()))
    else:
        table = pd.read_csv(out) if suffix == ".csv" else pd.read_parquet(out)
    assert len(table) == 3
    assert set(COLUMNS) <= set(table)
    assert table["score"].tolist() == [0.5] * 3
    assert set(table["intended_use"]) == {INTENDED_USE}


def test_standard_output_and_a_first_day(run, log):
    first = (datetime.now(UTC) - timedelta(days=10)).date().isoformat()
    status, out, err = run("readings", "export", "--since", first)
    assert (status, err) == (0, "2 entries.\n")
    assert len(list(csv.DictReader(io.StringIO(out)))) == 2


def test_regions_have_their_own_columns(run, log):
    status, out, _ = run("readings", "export", "--regions")
    assert status == 0
    assert "list_id" in out.partition("\n")[0]


def test_the_audit_trail_is_written_by_itself(run, log):
    log.opened(Opened(reader="0f" * 16, film_sha256="ab" * 32, list_id=new_list_id()))
    status, out, err = run("readings", "export", "--opened")
    assert (status, err) == (0, "1 entry.\n")
    (row,) = csv.DictReader(io.StringIO(out))
    assert (row["event"], row["reader"]) == ("opened", "0f" * 16)
    log.exported(Exported(reader="0f" * 16, form="pdf", film_sha256="ab" * 32))
    log.signed("signed_out", SignIn(reader="0f" * 16, role="reader"))
    for option, word in (("--exported", "pdf"), ("--sign-ins", "signed_out")):
        (row,) = csv.DictReader(io.StringIO(run("readings", "export", option)[1]))
        assert word in row.values()
    for two in (("--opened", "--regions"), ("--exported", "--sign-ins")):
        assert run("readings", "export", *two)[0] == 2


def test_what_cannot_be_done(run, log, tmp_path, monkeypatch):
    there = tmp_path / "there.csv"
    there.write_text("kept")
    inside = ["--out", there / "log.csv"]
    for words in (
        ["--out", there],
        ["--out", "x.txt"],
        ["--since", "yesterday"],
        ["--force"],
        inside,
    ):
        status, _, err = run("readings", "export", *words)
        assert (status, err.startswith("cxr: ")) == (2, True)
    assert there.read_text() == "kept"
    assert run("readings", "export", "--out", there, "--force")[0] == 0
    monkeypatch.setenv("CXR_READINGS_URL", "off")
    assert run("readings", "export")[0] == 2


def test_what_is_too_old_is_neither_kept_nor_written(run, log, monkeypatch):
    for days in (2, 1):
        at = datetime.now(UTC) - timedelta(days=days)
        log.exported(Exported(time=at, reader="0f" * 16, form="csv"))
    monkeypatch.setenv("CXR_READINGS_KEEP_DAYS", "30")
    assert run("readings", "export")[2] == "2 entries.\n"
    monkeypatch.delenv("CXR_READINGS_KEEP_DAYS")
    assert run("readings", "export")[2] == "2 entries.\n"
    monkeypatch.setenv("CXR_READINGS_KEEP_DAYS", "soon")
    status, _, err = run("readings", "export")
    assert (status, "CXR_READINGS_KEEP_DAYS" in err) == (2, True)
