"""Work of over a second on a page: how far it is, stopped, gone on with, kept."""

from __future__ import annotations

import threading

import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from cxr.progress import Progress
from cxr.web import work
from cxr.web.work import Work, table_key

LIMIT = 20  # seconds; none is waited for that long unless something is wrong


class Steps:
    """Work of four steps, each of which is let go by the test."""

    def __init__(self) -> None:
        self.go, self.taken = threading.Semaphore(0), threading.Semaphore(0)

    def __call__(self, progress: Progress) -> str:
        for step in range(4):
            progress(step, 4)
            self.taken.release()
            assert self.go.acquire(timeout=LIMIT)
        return "done"


def test_it_tells_how_far_it_is() -> None:
    steps = Steps()
    made = Work(steps)
    for step in range(4):
        assert steps.taken.acquire(timeout=LIMIT)
        assert (made.done, made.total, made.state) == (step, 4, "running")
        steps.go.release()
    assert made.join(LIMIT)
    assert (made.state, made.result) == ("ready", "done")


def test_it_is_stopped_after_the_step_that_is_under_way() -> None:
    steps = Steps()
    made = Work(steps)
    assert steps.taken.acquire(timeout=LIMIT)
    made.stop()
    steps.go.release(4)
    assert made.join(LIMIT)
    assert (made.state, made.result) == ("stopped", None)
    assert not steps.taken.acquire(blocking=False)


def test_what_goes_wrong_is_kept_and_no_word_of_it_logged(caplog) -> None:
    def fail(progress: Progress) -> str:
        raise ValueError("Jane Doe")

    made = Work(fail)
    assert made.join(LIMIT)
    assert made.state == "failed"
    assert isinstance(made.error, ValueError)
    assert "Jane" not in caplog.text


#: What the page of the test works out, and how often.
STEPS: list[Steps] = []


def _page() -> None:
    import streamlit as st

    from cxr.web.work import worked_out
    from tests.web.test_work import STEPS

    found = worked_out("Counting", STEPS[-1], st.session_state.of)
    st.text(found or "nothing yet")


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setattr(work, "PATIENCE", 0.01)
    st.cache_resource.clear()
    STEPS[:] = [Steps()]
    made = AppTest.from_function(_page, default_timeout=60)
    made.session_state["of"] = "one"
    return made.run()


def said(app: AppTest) -> str:
    assert not app.exception, app.exception[0].message
    return app.text[0].value


def finished(app: AppTest) -> AppTest:
    STEPS[-1].go.release(4)
    for made in app.session_state[work.STATE].values():
        made.join(LIMIT)
    return app.run()


def test_a_page_goes_on_without_it_and_has_it_once_it_is_there(app: AppTest) -> None:
    assert said(app) == "nothing yet"
    assert [button.label for button in app.button] == ["Stop"]
    assert said(finished(app)) == "done"
    assert not app.button
    # It is known now, to every reader.
    STEPS.append(Steps())
    assert said(app.run()) == "done"
    assert not STEPS[-1].taken.acquire(blocking=False)


def test_it_is_stopped_and_gone_on_with(app: AppTest) -> None:
    app.button[0].click().run()
    STEPS[-1].go.release(4)
    for made in app.session_state[work.STATE].values():
        assert made.join(LIMIT)
    app.run()
    assert said(app) == "nothing yet"
    assert [button.label for button in app.button] == ["Go on"]
    STEPS.append(Steps())
    app.button[0].click().run()
    assert [button.label for button in app.button] == ["Stop"]
    assert said(finished(app)) == "done"


def test_what_is_not_needed_any_more_is_stopped(app: AppTest) -> None:
    (first,) = app.session_state[work.STATE].values()
    STEPS.append(Steps())
    app.session_state["of"] = "another"
    app.run()
    STEPS[0].go.release(4)
    assert first.join(LIMIT)
    assert first.state == "stopped"
    assert said(finished(app)) == "done"


def test_a_table_has_the_key_of_what_is_in_it() -> None:
    table = pd.DataFrame({"path": ["a", "b"], "split": ["train", "test"]})
    assert table_key(table) == table_key(table.copy())
    other = table.assign(split=["test", "train"])
    assert len({table_key(t) for t in (table, other, table[["path"]], table.iloc[:1])}) == 4


def test_of_a_kind_the_newest_are_kept() -> None:
    results = work._Results()
    results.put(("other", 0), "kept")
    for number in range(work.OF_A_KIND + 2):
        results.put(("kind", number), number)
    known = [results.get(("kind", number)) for number in range(work.OF_A_KIND + 2)]
    assert known == [None, None, *range(2, work.OF_A_KIND + 2)]
    assert results.get(("other", 0)) == "kept"
