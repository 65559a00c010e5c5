"""The tour: six steps over three pages, to be left at any of them."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from cxr.access import Reader, Role
from cxr.web.tour import STEP, STEPS, tour_steps
from tests.pages.test_address import page

__all__ = ["page"]


def step(app: AppTest) -> int:
    said = [caption.value for caption in app.caption if caption.value.startswith("Tour, step")]
    return int(said[0].split()[2]) if said else 0


def test_six_steps_lead_from_a_sample_film_to_the_limits() -> None:
    assert len(STEPS) == 6
    assert [STEPS[0].page, STEPS[4].page, STEPS[5].page] == ["Triage", "Evaluation", "Models"]


@pytest.mark.parametrize("leave_at", [1, 3])
def test_it_begins_with_the_samples_and_can_be_left(page, leave_at: int) -> None:
    app = page("triage")
    assert step(app) == 0
    app.button(key="take_tour").click().run()
    assert step(app) == 1
    assert len(app.session_state["reading_session"].worklist)
    for _ in range(leave_at - 1):
        app.button(key="tour_next").click().run()
    assert step(app) == leave_at
    app.button(key="tour_leave").click().run()
    assert step(app) == 0
    assert not app.exception


def test_who_may_not_open_a_page_is_not_led_there(page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cxr.web.sign_in.signed_in", lambda: Reader(Role.READER))
    assert [step.page for step in tour_steps()] == [*["Triage"] * 4, "Models"]
    app = page("models")
    app.session_state[STEP] = 4
    app.run()
    assert step(app) == 5
    app.button(key="tour_next").click().run()
    assert not app.exception
    assert step(app) == 0
