"""The Monitoring page, on a log in a temporary folder."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import cxr
from cxr.monitoring import Reading, Readings, new_list_id
from tests.bundles import change_table
from tests.conftest import ROOT
from tests.pages.test_address import RUN
from tests.sites import a_site

PAGE = ROOT / "pages" / "monitoring.py"


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Readings:
    """A log that the page finds."""
    monkeypatch.setenv("CXR_READINGS_URL", f"sqlite:///{tmp_path / 'log' / 'readings.sqlite3'}")
    return Readings()


@pytest.fixture
def opened(made_models: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """Open the page on the made bundle, by itself or by another script."""
    monkeypatch.setenv("CXR_MODELS", str(made_models))
    st.cache_data.clear()

    def run(script: str = "") -> AppTest:
        if script:
            app = AppTest.from_string(script, default_timeout=60)
            app.session_state["navigated"] = True
            app.run()
        else:
            app = AppTest.from_file(str(PAGE), default_timeout=60).run()
        assert not app.exception, app.exception[0].message
        return app

    return run


def texts(app: AppTest) -> str:
    parts = [*app.markdown, *app.caption, *app.subheader, *app.info, *app.warning, *app.error]
    return "\n".join(str(part.value) for part in parts)


def plots(app: AppTest) -> int:
    return len(app.get("plotly_chart"))


def fill(log: Readings, card: cxr.Card, n: int, *, days_ago: int = 0) -> list[Reading]:
    """Log `n` films of the model, every fifth refused, and their reader's words on the others."""
    rng = np.random.default_rng(0)
    when = datetime.now(UTC) - timedelta(days=days_ago)
    list_id, made = new_list_id(), []
    for i in range(n):
        refused = i % 5 == 4
        made.append(
            Reading(
                time=when, list_id=list_id, film_sha256=f"{i:064x}", model=card.name,
                model_sha256=card.weights.sha256, finding=card.finding,
                operating_point="youden", threshold=0.5,
                score=None if refused else float(rng.random()),
                refusal_code="too_small" if refused else None, mean=0.5, spread=0.2,
            )
        )  # fmt: skip
    log.scored(*made)
    for i, reading in enumerate(made):
        if reading.score is not None and not days_ago:  # what a reader says is said now
            called = log.called(reading, "finding" if i % 2 else "no finding", blind=True)
            if i % 3:
                log.judged(called, "agree")
            else:
                log.judged(called, "override", "film quality")
    return made


def test_an_empty_log_says_what_to_do_and_where_it_stands(opened, log: Readings):
    app = opened()
    assert "No readings yet. Score films on Triage" in app.info[0].value
    text = texts(app)
    assert log.where in text
    assert "No name, no identifier, no file name, no picture" in text
    assert plots(app) == 0
    assert not app.get("download_button")


def test_states_the_intended_use_and_uses_no_words_of_a_diagnosis(opened, log, made_bundle):
    fill(log, made_bundle.card, 40)
    text = texts(opened())
    assert cxr.INTENDED_USE in text
    assert "children of 1 to 5 years" in text
    for word in ("confirmed", "confidence", "diagnosed", "healthy", "normal"):
        assert word not in text.lower()


def test_shows_use_refusals_agreement_and_drift(opened, log: Readings, made_bundle):
    fill(log, made_bundle.card, 60)
    app = opened()
    assert plots(app) == 5  # use, refusals, agreement, drift, scores
    values = {metric.label: metric.value for metric in app.metric}
    assert values["Refused"] == "20.0 %"
    assert values["Overridden"] == "0.0 %"
    labels = [metric.label for metric in app.metric]
    assert labels.count("Agreement") == labels.count("Override") == 2
    text = texts(app)
    assert "Called **before** the score was shown: n = 48" in text
    assert "Called **after** the score was shown: n = 48" in text
    assert text.count("n\u00a048") == 4
    assert "kappa " in text
    assert "Films: n = 60" in text
    frames = [frame.value for frame in app.dataframe]
    why = next(f for f in frames if "reason" in f.columns)
    assert why["reason"].tolist() == ["film quality"]
    drift = next(f for f in frames if "PSI" in f.columns).set_index("quantity")["drift"]
    n = (made_bundle.predictions["split"] == "validation").sum()
    assert drift["score"] == f"n = {n} validation films, too few"
    assert len(next(f for f in frames if "kappa" in f.columns)) == 2


def test_few_films_are_said_to_be_few(opened, log: Readings, made_bundle):
    fill(log, made_bundle.card, 10)
    text = texts(opened())
    assert "the score was shown: n = 8, few" in text
    assert "Films: n = 10, few" in text


def test_films_without_a_call_or_a_refusal(opened, log: Readings, made_bundle):
    card = made_bundle.card
    log.scored(
        Reading(
            list_id=new_list_id(), film_sha256="a" * 64, model=card.name,
            model_sha256=card.weights.sha256, finding=card.finding, operating_point="youden",
            threshold=0.5, score=0.4,
        )
    )  # fmt: skip
    app = opened()
    text = texts(app)
    assert "No film was refused." in text
    assert "No call to compare yet." in text
    assert plots(app) == 3
    drift = next(f.value for f in app.dataframe if "PSI" in f.value.columns)
    assert drift["drift"].tolist()[0].startswith("n = 1, too few")


def test_validation_statistics_are_read_where_they_are_stored(
    opened, log: Readings, made_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    shutil.copytree(made_models, tmp_path / "models")

    def change(films: pd.DataFrame) -> pd.DataFrame:
        means = [f"{value:.4f}" for value in np.linspace(0.2, 0.4, len(films))]
        films = films.drop(columns=[name for name in films if name.startswith("stat_")])
        return films.assign(split="validation", stat_mean=means)

    folder = tmp_path / "models" / "pneumonia-made"
    change_table(folder, "films", change, dtype=str, keep_default_na=False)
    monkeypatch.setenv("CXR_MODELS", str(tmp_path / "models"))
    st.cache_resource.clear()
    fill(log, cxr.load("pneumonia-made").card, 60)
    app = AppTest.from_file(str(PAGE), default_timeout=60).run()
    st.cache_resource.clear()
    assert not app.exception
    drift = next(f.value for f in app.dataframe if "PSI" in f.value.columns)
    drift = drift.set_index("quantity")["drift"]
    assert drift["mean"] == "much"
    assert drift["spread"] == "not known"


def test_a_period_leaves_out_what_is_older(opened, log: Readings, made_bundle):
    fill(log, made_bundle.card, 10, days_ago=40)
    app = opened()
    assert "Films: n = 10" in texts(app)
    for period, words in (("7 days", "No readings within 7 days"), ("All", "Films: n = 10")):
        app.segmented_control[0].set_value(period).run()
        assert not app.exception
        assert words in texts(app)


def test_what_is_logged_meanwhile_is_shown(opened, log: Readings, made_bundle):
    fill(log, made_bundle.card, 10)
    app = opened()
    fill(log, made_bundle.card, 5)
    app.run()
    assert "Films: n = 15, few" in texts(app)


def test_a_log_that_grows_while_it_is_read_is_shown(
    opened, log: Readings, made_bundle, monkeypatch
):
    fill(log, made_bundle.card, 20)
    monkeypatch.setattr(sys.modules["cxr.web.work"], "PATIENCE", 0.0)
    may_read, recent = threading.Event(), Readings.recent

    def late(*asked, **named) -> pd.DataFrame:
        assert may_read.wait(60)
        return recent(*asked, **named)

    monkeypatch.setattr(Readings, "recent", late)
    app = opened()
    assert plots(app) == 0
    may_read.set()
    for _ in range(50):
        fill(log, made_bundle.card, 1)
        app.run()
        if plots(app):
            break
        time.sleep(0.1)
    assert plots(app)


def test_readings_of_other_models_are_told_apart(opened, log: Readings, made_bundle):
    card = made_bundle.card
    for name, weights in ((card.name, "e" * 64), ("pneumonia-other", "f" * 64)):
        log.scored(
            Reading(
                list_id=new_list_id(), film_sha256="a" * 64, model=name, model_sha256=weights,
                finding="pneumonia", operating_point="youden", threshold=0.5, score=0.4,
            )
        )  # fmt: skip
    app = opened()
    text = texts(app)
    assert "of other weights of pneumonia-made: 1 entries" in text
    assert "No readings by pneumonia-made" in text
    assert plots(app) == 1


def test_the_log_can_be_taken_home(opened, log: Readings, made_bundle):
    fill(log, made_bundle.card, 10)
    labels = [button.label for button in opened().get("download_button")]
    assert labels == ["CSV of the log", "CSV of the regions"]


def test_a_log_that_is_off_is_said(opened, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CXR_READINGS_URL", "off")
    app = opened()
    assert "switched off" in app.info[0].value
    assert plots(app) == 0


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite:///{}/damaged", "damaged"),
        ("postgresql://cxr:sesame-7f3@127.0.0.1:1/cxr", "cannot be reached"),
        ("mysql://cxr:sesame-7f3@host/cxr", "Expected CXR_READINGS_URL"),
    ],
)
def test_a_log_that_cannot_be_opened_is_said(
    opened, url: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "damaged").write_bytes(b"no database" * 99)
    monkeypatch.setenv("CXR_READINGS_URL", url.format(tmp_path))
    app = opened()
    assert words in app.error[0].value
    assert "sesame-7f3" not in texts(app)


def test_does_not_load_tensorflow(log: Readings, made_models: Path, made_bundle):
    fill(log, made_bundle.card, 40)
    program = f"""
import sys
from streamlit.testing.v1 import AppTest
app = AppTest.from_file({str(PAGE)!r}, default_timeout=90).run()
assert not app.exception, app.exception[0].message
assert "#### Monitoring" in [text.value for text in app.markdown]
print("LOADED", sorted(name for name in ("tensorflow", "keras") if name in sys.modules))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=os.environ | {"CXR_MODELS": str(made_models)},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "LOADED []" in done.stdout


def test_a_sites_file_shows_what_the_site_expects(opened, log: Readings, made_bundle):
    site = a_site(made_bundle.card)
    made = fill(log, made_bundle.card, 60)
    log.scored(
        *(
            dataclasses.replace(r, operating_point=site.point().name, film_sha256=f"{k + 900:064x}")
            for k, r in enumerate(made)
        )
    )
    app = opened()
    app.file_uploader(key="monitoring_site").upload("s.json", site.to_bytes(), "application/json")
    app.run()
    assert not app.exception, app.exception[0].message
    text = texts(app)
    assert "Films of the site north" in text
    assert "Expected 58.9 %" in text
    assert "n = 48" in text
    assert "films of the site" in str(app.dataframe[-1].value.columns)
    later = a_site(made_bundle.card, site="south")
    app.file_uploader(key="monitoring_site").upload("s.json", later.to_bytes(), "application/json")
    app.run()
    assert "No film in this period was scored at the points of this file of south" in texts(app)


def test_a_sites_file_without_a_scored_film_leaves_the_rest_of_the_page(
    opened, log: Readings, made_bundle
):
    site = a_site(made_bundle.card)
    film, *_ = fill(log, made_bundle.card, 5)
    point = site.point().name
    log.scored(dataclasses.replace(film, operating_point=point, score=None, refusal_code="blank"))
    app = opened()
    app.file_uploader(key="monitoring_site").upload("s.json", site.to_bytes(), "application/json")
    app.run()
    assert not app.exception, app.exception[0].message
    headings = [heading.value for heading in app.subheader]
    assert "Films of the site north" in headings
    assert headings[-1] == "Drift"


def test_films_that_two_models_read_are_counted_once(opened, log: Readings, made_bundle):
    card = made_bundle.card
    for made in fill(log, card, 20):
        other = {"model": "tuberculosis-made", "model_sha256": "e" * 64, "score": None}
        log.scored(dataclasses.replace(made, refusal_code="age", **other))
    # And an adult, whom the model of the page does not read.
    adult = dataclasses.replace(made, film_sha256="f" * 64, score=None, refusal_code="age")
    log.scored(adult)
    app = opened()
    assert "20 films read" in str(app.get("plotly_chart")[0].proto.alt)
    assert "Films: n = 20" in texts(app)
    assert "1 film of another age" in texts(app)


def test_who_comes_back_sees_what_was_logged_meanwhile(
    opened, log: Readings, made_bundle, monkeypatch: pytest.MonkeyPatch
):
    """The log was still being read when its reader left the page to call films."""
    fill(log, made_bundle.card, 20)
    monkeypatch.setattr(sys.modules["cxr.web.work"], "PATIENCE", 0.0)
    may_end, recent = threading.Event(), Readings.recent

    def late(*asked, **named) -> pd.DataFrame:
        table = recent(*asked, **named)
        assert may_end.wait(60)
        return table

    monkeypatch.setattr(Readings, "recent", late)
    app = opened(RUN.format(name="monitoring", path=str(PAGE)))
    assert plots(app) == 0
    fill(log, made_bundle.card, 5)
    may_end.set()
    for work in [*app.session_state["works"].values()]:
        assert work.join(60)
    app.session_state["address_page"] = "triage"
    for _ in range(100):
        app.run()
        if plots(app):
            break
        time.sleep(0.1)
    assert "Films: n = 25" in texts(app)
