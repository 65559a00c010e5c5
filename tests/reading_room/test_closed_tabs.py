"""A tab that is gone for good lets its films go; one that comes back keeps them."""

from __future__ import annotations

import threading
import time

from cxr.reading_room import closed_tabs
from cxr.reading_room.closed_tabs import ClosedTabs


class Clock:
    def __init__(self, monkeypatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(closed_tabs.time, "monotonic", lambda: self.now)


def test_let_go_once_after_the_patience(monkeypatch):
    clock, gone, state = Clock(monkeypatch), [], {"open": True}
    tabs = ClosedTabs(100, beat=3600)
    tabs.watch(lambda: state["open"], lambda: gone.append("films"))
    for clock.now in (50, 300):
        tabs.look()
    state["open"] = False
    for clock.now in (310, 390):
        tabs.look()
    assert not gone
    for clock.now in (401, 500):
        tabs.look()
    assert gone == ["films"]


def test_a_tab_that_comes_back_keeps_its_films(monkeypatch):
    clock, gone, state = Clock(monkeypatch), [], {"open": False}
    tabs = ClosedTabs(100, beat=3600)
    tabs.watch(lambda: state["open"], lambda: gone.append("films"))
    clock.now = 90
    tabs.look()
    state["open"] = True
    clock.now = 95
    tabs.look()
    state["open"] = False
    clock.now = 190
    tabs.look()
    assert not gone


def test_one_that_fails_leaves_the_others(monkeypatch, caplog):
    clock, gone = Clock(monkeypatch), []
    tabs = ClosedTabs(100, beat=3600)
    tabs.watch(lambda: False, lambda: {}["Jane Doe"])
    tabs.watch(lambda: False, lambda: gone.append("films"))
    clock.now = 200
    tabs.look()
    assert gone == ["films"]
    assert "KeyError" in caplog.text
    assert "Jane" not in caplog.text


def test_the_thread_looks_by_itself():
    gone = threading.Event()
    tabs = ClosedTabs(0, beat=0.01)
    tabs.watch(lambda: False, gone.set)
    assert gone.wait(10)
    time.sleep(0.1)
    again = threading.Event()
    tabs.watch(lambda: False, again.set)
    assert again.wait(10)
