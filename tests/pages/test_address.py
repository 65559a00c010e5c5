"""What a page shows is in its address: a link opens it, back goes back, nothing else is told."""

from __future__ import annotations

import re
from pathlib import Path
from unittest.mock import patch

import pytest
from streamlit.testing.v1 import AppTest

from cxr.web.address import SAID
from tests.conftest import ROOT
from tests.pages.test_pages import settled, two_models, with_samples

__all__ = ["two_models"]

#: As ``streamlit_app.py`` runs a page; Streamlit's test runner goes past it.
RUN = """
import runpy
from cxr.web import on_page
with on_page({name!r}):
    runpy.run_path({path!r})
"""


@pytest.fixture
def page(made_models: Path, made_films: Path, monkeypatch: pytest.MonkeyPatch):
    """Open a page on the made bundle, or on other models."""

    def opened(name: str, models: Path = made_models) -> AppTest:
        monkeypatch.setenv("CXR_MODELS", str(models))
        monkeypatch.setenv("CXR_DATA", str(made_films))
        path = str(ROOT / "pages" / f"{name}.py")
        script = RUN.format(name=name, path=path)
        app = AppTest.from_string(script, default_timeout=60)
        app.session_state["navigated"] = True
        app.run()
        assert not app.exception, app.exception[0].message
        return app

    return opened


def address(app: AppTest) -> dict[str, str]:
    return dict(app.query_params)


def go_to(app: AppTest, wanted: dict[str, str]) -> AppTest:
    """Open a link, or go back: the browser says what the address is now."""
    app.query_params.clear()
    for name, value in wanted.items():
        app.query_params[name] = value
    # Streamlit's test runner has no back.
    with patch("cxr.web.address.went_back", lambda: True):
        return app.run()


def test_what_is_as_at_first_is_not_in_the_address(page) -> None:
    for name in ("triage", "dataset", "training", "evaluation", "models", "monitoring"):
        assert address(page(name)) == {}, name


def test_a_choice_is_in_the_address_and_back_undoes_it(page, two_models: Path) -> None:
    app = page("evaluation", models=two_models)
    first = app.selectbox(key="evaluation_model").value
    other = next(o for o in app.selectbox(key="evaluation_model").options if o != first)
    app.selectbox(key="evaluation_model").set_value(other).run()
    assert address(app) == {"model": other}
    key = next(slider.key for slider in app.slider if slider.key.startswith(f"threshold_{other}"))
    app.slider(key=key).set_value(0.125).run()
    assert address(app) == {"model": other, "threshold": "0.125"}
    go_to(app, {"model": other})
    assert app.slider(key=key).value != 0.125
    go_to(app, {})
    assert app.selectbox(key="evaluation_model").value == first


def test_a_link_opens_what_was_seen(page, two_models: Path) -> None:
    app = page("evaluation", models=two_models)
    names = app.selectbox(key="evaluation_model").options
    wanted = {"model": names[-1], "split": "validation", "cell": "tp", "threshold": "0.300"}
    go_to(app, wanted)
    assert not app.exception
    assert app.selectbox(key="evaluation_model").value == names[-1]
    assert app.segmented_control(key="evaluation_cell").value == "tp"
    assert any(s.value == 0.3 for s in app.slider if s.key.startswith(f"threshold_{names[-1]}"))
    assert address(app) == wanted


@pytest.mark.parametrize("name", ["triage", "dataset", "training", "evaluation", "models"])
def test_what_no_page_can_show_is_not_taken(page, name: str) -> None:
    app = page(name)
    said = dict.fromkeys(
        ("model", "models", "finding", "point", "threshold", "split", "cell", "label", "metric",
         "tab", "order", "period", "second", "prevalence"),
        "<b>Jane Doe</b>",
    )  # fmt: skip
    go_to(app, said)
    assert not app.exception
    assert not address(app)


def test_the_film_that_was_chosen_is_in_the_address_by_its_hash_alone(page) -> None:
    app = page("triage")
    worklist = with_samples(app)
    settled(app)
    assert "film" not in address(app)
    session = app.session_state["reading_session"]
    one, other = worklist.entries[:2]
    session.choose(one.number)
    app.run()
    assert address(app) == {"film": one.sha256}
    session.choose(other.number)
    app.run()
    assert re.fullmatch("[0-9a-f]{64}", address(app)["film"])
    go_to(app, {"film": one.sha256})
    assert worklist.chosen == one.number
    assert app.session_state[SAID]["film"] == one.sha256


def test_a_film_that_is_not_in_the_list_is_said_until_another_is_chosen(page) -> None:
    app = page("triage")
    go_to(app, {"film": "0" * 64})
    assert any("not in the list" in info.value for info in app.info)
    worklist = with_samples(app)
    settled(app)
    assert any("not in the list" in info.value for info in app.info)
    app.session_state["reading_session"].choose(worklist.entries[0].number)
    app.run()
    assert not any("not in the list" in info.value for info in app.info)
    assert address(app)["film"] == worklist.entries[0].sha256


def test_an_address_that_is_late_changes_nothing(page) -> None:
    app = page("triage")
    worklist = with_samples(app)
    app.session_state["reading_session"].choose(worklist.entries[1].number)
    app.run()
    app.query_params.clear()  # as the browser had it before
    app.run()
    assert worklist.chosen == worklist.entries[1].number
    assert address(app) == {"film": worklist.entries[1].sha256}


COMES_TO = """
import streamlit as st
from cxr.web import on_page
with on_page(st.session_state.setdefault("page", "a")):
    if not st.session_state.setdefault("begun", False):
        st.session_state["begun"] = True
        st.rerun()
"""


def test_uploads_of_the_page_before_are_left_once() -> None:
    """Where a page's first run begins anew, the uploads are its own."""
    app = AppTest.from_string(COMES_TO)
    with patch("cxr.web.address.leave_uploads") as leave:
        app.run()
        app.run()
        assert leave.call_count == 1
        app.session_state["page"], app.session_state["begun"] = "b", False
        app.run()
        assert leave.call_count == 2


CLEARS = """
import streamlit as st
from cxr.web.tab import clear_tab
st.file_uploader("Site", key="site")
st.file_uploader("Films", key="films", accept_multiple_files=True)
st.button("Clear", on_click=clear_tab)
"""


def test_a_cleared_tab_leaves_the_uploads_that_stand_in_no_uploader() -> None:
    app = AppTest.from_string(CLEARS).run()
    app.file_uploader(key="site").upload("site.json", b"{}", "application/json")
    app.file_uploader(key="films").upload("film.png", b"film", "image/png")
    app.run()
    stand = {app.session_state["site"].file_id, app.session_state["films"][0].file_id}
    with patch("cxr.web.tab.leave_uploads") as leave:
        app.button[0].click().run()
    ((stay,), _) = leave.call_args
    assert set(stay) == stand
