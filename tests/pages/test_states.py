"""Every page in every state of the folder of the models: a page says what is wrong, none fails."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import cxr
from cxr.scoring import classifier
from tests.bundles import change_table, copy_bundle, table_path
from tests.conftest import ROOT, chest_like, png
from tests.pages.test_pages import PAGES, settled, texts

MODEL, OTHER, BASELINE = "pneumonia-small-cnn", "pneumonia-grey-cnn", "pneumonia-thumbnail"


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Loaded models are kept from test to test otherwise; and no test has data sets or a log."""
    monkeypatch.delenv("CXR_DATA", raising=False)
    monkeypatch.setenv("CXR_READINGS_URL", "off")
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Make a folder of models that ship, and open the dashboard on it."""

    def made(*names: str) -> Path:
        for name in names:
            copy_bundle(ROOT / "models" / name, tmp_path / name)
        monkeypatch.setenv("CXR_MODELS", str(tmp_path))
        return tmp_path

    return made


def open_dashboard() -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60).run()
    assert not app.exception
    return app


def each_page(app: AppTest) -> Iterator[str]:
    """Open every page in one session, Triage last, and say which; none may fail."""
    for name in (*PAGES[1:], PAGES[0]):
        app.switch_page(f"pages/{name}.py").run()
        assert not app.exception, name
        assert cxr.INTENDED_USE in texts(app), name
        yield name


def told(app: AppTest) -> str:
    return "\n".join(part.value for part in (*app.error, *app.warning))


def spoil(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize("names", [[MODEL], [MODEL, OTHER, BASELINE]], ids=["one", "many"])
def test_models_that_are_whole_have_no_error(folder, names: list[str]) -> None:
    folder(*names)
    app = open_dashboard()
    for name in each_page(app):
        assert not app.error, name
        boxes = [*app.selectbox, *app.multiselect]
        shown = MODEL in texts(app) or any(MODEL in box.options for box in boxes)
        assert shown or name == "monitoring", name  # whose log is off


def test_no_models_are_told_on_every_page(folder) -> None:
    folder()
    for _ in each_page(app := open_dashboard()):
        assert "python -m cxr train" in app.info[0].value


def test_a_single_baseline_reads_no_film_and_is_shown_all_the_same(folder) -> None:
    folder(BASELINE)
    app = open_dashboard()
    for name in each_page(app):
        reads = name in ("triage", "validation")
        assert any("python -m cxr train" in info.value for info in app.info) == reads, name


@pytest.mark.parametrize("models", [[OTHER], [MODEL, OTHER]], ids=["alone", "among good ones"])
def test_a_damaged_card_is_told_where_models_are(folder, models: list[str]) -> None:
    where = folder(*models)
    spoil(where / OTHER / "card.json")
    app = open_dashboard()
    for name in each_page(app):
        # Alone, it is why there is nothing to show; else it is a row of the page Models, and on
        # Triage the reason why its finding may have no default.
        says = MODEL not in models or name in ("models", "triage")
        assert (f"card.json of {OTHER}" in told(app)) == says, name


@pytest.mark.parametrize(
    ("file", "pages"),
    [
        ("predictions", {"evaluation"}),
        ("history", {"training"}),
        ("films", {"dataset"}),
        ("steadiness.csv", {"models"}),
        ("explanations.csv", {"models"}),
        ("weights.weights.h5", {*PAGES} - {"monitoring"}),
    ],
)
def test_a_damaged_file_is_told_on_the_pages_that_need_it_alone(
    folder, file: str, pages: set[str]
) -> None:
    where = folder(MODEL)
    tables = ("predictions", "history", "films")
    spoil(table_path(where / MODEL, file) if file in tables else where / MODEL / file)
    app = open_dashboard()
    for name in each_page(app):
        assert (MODEL in told(app)) == (name in pages), (name, told(app))


@pytest.mark.parametrize("other", ["lungs", "picture-check"])
def test_what_helps_the_models_is_told_where_they_are_if_it_is_damaged(folder, other: str) -> None:
    where = folder(MODEL, other)
    spoil(where / other / "card.json")
    app = open_dashboard()
    for name in each_page(app):
        words = f"card.json of {other}"
        assert told(app).count(words) == (name in ("models", "triage")), (name, told(app))
        assert "Automatic does not score" not in told(app)


@pytest.mark.parametrize(
    ("file", "why"), [("gate.npz", "gate.npz of"), ("export.onnx", "The export of")]
)
def test_a_film_is_not_scored_by_a_model_that_lacks_a_part(folder, monkeypatch, file, why) -> None:
    monkeypatch.setattr(classifier, "_NETWORKS", {})
    monkeypatch.setenv("CXR_ENGINE", "onnx")
    name = "pneumonia-efficientnet-lite0"
    spoil(folder(name) / name / file)
    app = open_dashboard()
    app.session_state["reading_session"].worklist.add("film.png", png(chest_like(1)))
    app.run()
    (entry,) = settled(app).entries
    app.run()
    assert entry.prediction is None
    assert why in told(app)


@pytest.mark.parametrize(
    ("table", "page"), [("predictions", "evaluation"), ("history", "training")]
)
def test_a_damaged_model_does_not_spoil_the_page_of_another(folder, table, page) -> None:
    where = folder(MODEL, OTHER)
    spoil(table_path(where / OTHER, table))
    app = open_dashboard()
    app.switch_page(f"pages/{page}.py").run()
    if page == "evaluation":
        app.selectbox(key="evaluation_model").set_value(MODEL).run()
    assert not app.exception
    assert f"{table}.csv of {OTHER}" in told(app)
    assert len(app.get("plotly_chart")) >= 3


def test_a_model_that_is_removed_meanwhile_is_told(folder) -> None:
    where = folder(MODEL, OTHER)
    app = open_dashboard()
    app.switch_page("pages/evaluation.py").run()
    app.selectbox(key="evaluation_model").set_value(OTHER).run()
    shutil.rmtree(where / OTHER)
    app.run()
    assert not app.exception
    assert app.selectbox(key="evaluation_model").value == MODEL
    assert OTHER in app.toast[0].value
    app.run()
    assert not app.toast
    for name in each_page(app):
        assert not app.error, name


def test_a_model_that_is_removed_while_it_reads_films_is_told(folder) -> None:
    where = folder(MODEL, OTHER)
    app = open_dashboard()
    app.selectbox(key="triage_model").set_value(OTHER).run()
    session = app.session_state["reading_session"]
    session.worklist.add("a.png", png(chest_like(1)))
    app.run()
    assert [model.name for model in session.worklist.models] == [OTHER]
    shutil.rmtree(where / OTHER)
    app.run()
    assert not app.exception
    assert OTHER in app.toast[0].value
    # No score of the other model stays under this one's name.
    assert [model.name for model in session.worklist.models] == [MODEL]
    assert len(session.worklist) == 1


def test_a_table_that_is_stored_anew_meanwhile_is_shown(folder) -> None:
    """As ``cxr evaluate --store`` does it next to a dashboard that has the model loaded."""
    where = folder(MODEL)
    app = open_dashboard()
    app.switch_page("pages/evaluation.py").run()
    change_table(
        where / MODEL,
        "predictions",
        lambda table: table.assign(split=table["split"].replace("test", "elsewhere")),
    )
    app.run()
    assert not app.exception
    assert not app.error
    split = next(part for part in app.segmented_control if part.label == "Split")
    assert "elsewhere" in split.options
