"""Every page through Streamlit's own test runner, on a bundle that was trained for the tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import cxr
from cxr.worklist import Worklist
from tests.conftest import ROOT

PAGES = ("triage", "dataset", "training", "evaluation", "models")


@pytest.fixture
def page(made_models: Path, made_films: Path, monkeypatch: pytest.MonkeyPatch):
    """Open a page of the dashboard on the made bundle; `data` says where its films stand."""

    def opened(name: str, data: Path | None = made_films) -> AppTest:
        monkeypatch.setenv("CXR_MODELS", str(made_models))
        if data is None:
            monkeypatch.delenv("CXR_DATA", raising=False)
        else:
            monkeypatch.setenv("CXR_DATA", str(data))
        app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60).run()
        if name != "triage":
            app.switch_page(f"pages/{name}.py").run()
        assert not app.exception, app.exception[0].message
        return app

    return opened


def texts(app: AppTest) -> str:
    parts = [*app.markdown, *app.caption, *app.subheader, *app.info, *app.warning, *app.error]
    return "\n".join(str(part.value) for part in parts)


def plots(app: AppTest) -> int:
    return len(app.get("plotly_chart"))


@pytest.mark.parametrize("name", PAGES)
def test_every_page_states_the_intended_use_and_the_population(page, name: str) -> None:
    text = texts(page(name))
    assert cxr.INTENDED_USE in text
    assert "children of 1 to 5 years" in text


@pytest.mark.parametrize("name", PAGES)
def test_no_page_uses_words_of_a_diagnosis(page, name: str) -> None:
    text = texts(page(name)).lower()
    for word in ("confirmed", "confidence", "diagnosed", "healthy"):
        assert word not in text


@pytest.mark.parametrize("name", PAGES)
def test_every_page_says_what_to_do_without_models(
    page, name: str, tmp_path: Path, made_models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page(name)
    monkeypatch.setenv("CXR_MODELS", str(tmp_path))
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60).run()
    if name != "triage":
        app.switch_page(f"pages/{name}.py").run()
    assert not app.exception
    assert "python -m cxr train" in app.info[0].value


def test_a_page_says_which_weights_were_changed(
    made_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    shutil.copytree(made_models / "pneumonia-made", tmp_path / "pneumonia-made")
    weights = tmp_path / "pneumonia-made" / "weights.weights.h5"
    weights.write_bytes(weights.read_bytes() + b"\0")
    monkeypatch.setenv("CXR_MODELS", str(tmp_path))
    import streamlit as st

    st.cache_resource.clear()
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60).run()
    assert not app.exception
    assert "weights of pneumonia-made are not those" in app.error[0].value
    st.cache_resource.clear()


def test_dataset_page_shows_balance_and_films(page, made_films: Path) -> None:
    app = page("dataset")
    values = {metric.label: metric.value for metric in app.metric}
    assert values["Films"] == "80"
    assert values["Patients in two splits"] == "0"
    assert plots(app) >= 4  # bars, pie, sizes, a mean film for each label
    assert len(app.get("image")) == 12


def test_dataset_page_works_from_films_csv_alone(page) -> None:
    app = page("dataset", data=None)
    assert plots(app) >= 2
    assert "CXR_DATA" in app.info[0].value
    assert not app.get("image")


def test_training_page_draws_the_stored_history(page) -> None:
    app = page("training")
    assert plots(app) == 3
    assert app.dataframe[0].value["epochs"].tolist() == [2]
    app.segmented_control[0].set_value("loss").run()
    assert not app.exception
    assert plots(app) == 3


def test_evaluation_page_follows_the_threshold(page, made_bundle) -> None:
    app = page("evaluation")
    assert plots(app) == 6
    slider = next(s for s in app.slider if s.label == "Threshold")
    assert slider.value == pytest.approx(made_bundle.card.operating_point().threshold, abs=1e-3)
    rates = {}
    for threshold in (0.0, 1.0):
        slider = next(s for s in app.slider if s.label == "Threshold")
        slider.set_value(threshold).run()
        assert not app.exception
        rates[threshold] = {metric.label: metric.value for metric in app.metric}
    assert rates[0.0]["Sensitivity"] == "100.0%"
    assert rates[0.0]["Specificity"] == "0.0%"
    assert rates[1.0]["Sensitivity"] == "0.0%"
    assert rates[1.0]["Specificity"] == "100.0%"


def test_models_page_shows_the_card(page, made_bundle) -> None:
    app = page("models")
    facts = app.table[0].value.set_index("fact")["value"]
    assert facts["Weights (SHA-256)"] == made_bundle.card.weights["sha256"]
    points = app.dataframe[1].value
    assert [name.split(" ")[0] for name in points["name"]] == [
        point.name for point in made_bundle.card.operating_points
    ]


def test_triage_offers_the_films_that_are_there(page) -> None:
    app = page("triage")
    button = next(b for b in app.button if b.label == "Sample films")
    button.click().run()
    assert not app.exception
    worklist: Worklist = app.session_state["worklist"]
    assert len(worklist) >= 8
    assert not worklist.waiting
    assert all(e.prediction and e.prediction.score is not None for e in worklist.entries)
    scores = [e.prediction.score for e in worklist.ordered() if e.prediction]
    assert scores == sorted(scores, reverse=True)
    assert worklist.chosen == worklist.ordered()[0].number


def test_triage_says_how_to_get_films(page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cxr.samples._from_pydicom", lambda: iter(()))
    app = page("triage", data=None)
    next(b for b in app.button if b.label == "Sample films").click().run()
    assert "10.17632/rscbjbr9sj" in app.info[0].value
    assert "pydicom-data" in app.info[0].value


def test_triage_scores_against_the_operating_point_that_is_chosen(page) -> None:
    app = page("triage")
    next(b for b in app.button if b.label == "Sample films").click().run()
    box = next(s for s in app.selectbox if s.label == "Operating point")
    box.set_value("fixed-0.6").run()
    assert not app.exception
    worklist: Worklist = app.session_state["worklist"]
    assert {e.prediction.threshold for e in worklist.entries if e.prediction} == {0.6}


def test_triage_gives_a_refused_film_no_score(page) -> None:
    app = page("triage")
    app.session_state["worklist"].add("letter.png", b"no picture at all")
    app.run()
    assert not app.exception
    entry = app.session_state["worklist"].entries[0]
    assert entry.band == "refused"
    text = texts(app)
    assert entry.prediction.refusal.reason in text
    assert not re.search(r"\d\.\d\d", text.replace("1.67", "")), "a score is shown"


def test_the_readers_call_stays_with_the_film(page) -> None:
    app = page("triage")
    next(b for b in app.button if b.label == "Sample films").click().run()
    app.radio[0].set_value("pneumonia seen").run()
    worklist: Worklist = app.session_state["worklist"]
    first = worklist.chosen
    assert worklist.open(first).call == "pneumonia seen"
    other = worklist.ordered()[1].number
    worklist.chosen = other
    app.run()
    assert app.radio[0].value is None
    rows = {row["path"]: row["call"] for row in worklist.rows()}
    assert list(rows.values()).count("pneumonia seen") == 1
