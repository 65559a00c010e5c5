"""A tab that is gone for good lets its films go; one that comes back keeps them."""

from __future__ import annotations

import threading
import time

import pytest

from cxr.films.radiograph import RadiographError
from cxr.reading_room import closed_tabs
from cxr.reading_room.budget import Share
from cxr.reading_room.closed_tabs import LOADED_ANEW, ClosedTabs, Signs, Tab


class Clock:
    def __init__(self, monkeypatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(closed_tabs.time, "monotonic", lambda: self.now)


def tab(is_open, let_go, **signs) -> Tab:
    return Tab(Signs(is_open, **signs), let_go)


def test_let_go_once_after_the_patience(monkeypatch):
    clock, gone, state = Clock(monkeypatch), [], {"open": True}
    tabs = ClosedTabs(100, beat=3600)
    tabs.watch(tab(lambda: state["open"], lambda: gone.append("films")))
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
    tabs.watch(tab(lambda: state["open"], lambda: gone.append("films")))
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
    tabs.watch(tab(lambda: False, lambda: {}["Jane Doe"]))
    tabs.watch(tab(lambda: False, lambda: gone.append("films")))
    clock.now = 200
    tabs.look()
    assert gone == ["films"]
    assert "KeyError" in caplog.text
    assert "Jane" not in caplog.text


def test_the_thread_looks_by_itself():
    gone = threading.Event()
    tabs = ClosedTabs(0, beat=0.01)
    tabs.watch(tab(lambda: False, gone.set))
    assert gone.wait(10)
    time.sleep(0.1)
    again = threading.Event()
    tabs.watch(tab(lambda: False, again.set))
    assert again.wait(10)


def test_one_that_said_it_is_closed_is_let_go_soon(monkeypatch):
    clock, gone, state = Clock(monkeypatch), [], {"open": True}
    tabs = ClosedTabs(10_000, beat=3600)
    signs = {"has_left": lambda: not state["open"], "forget": lambda: gone.append("media")}
    tabs.watch(tab(lambda: state["open"], lambda: gone.append("films"), **signs))
    tabs.watch(tab(lambda: state["open"], lambda: gone.append("silent")))
    tabs.look()
    state["open"] = False
    clock.now = LOADED_ANEW - 1
    tabs.look()
    assert not gone
    clock.now = LOADED_ANEW + 1
    tabs.look()
    assert gone == ["films", "media"]


def test_one_that_is_loaded_anew_has_its_films_back(monkeypatch):
    clock, gone, state = Clock(monkeypatch), [], {"open": True}
    tabs = ClosedTabs(100, beat=3600)
    signs = {"has_left": lambda: not state["open"], "forget": lambda: gone.append("media")}
    mine = tab(lambda: state["open"], lambda: gone.append("films"), **signs)
    mine.kept = "a list"
    tabs.watch(mine)
    assert tabs.name(mine, "key")
    new = Signs(lambda: True)
    assert tabs.claim("key", new) is None  # a copy of the tab, while this one is open
    assert not tabs.name(Tab(new), "key")
    state["open"] = False
    assert tabs.claim("other", new) is None
    assert tabs.claim("key", new).kept == "a list"
    assert gone == ["media"]
    clock.now = 1000
    tabs.look()
    assert mine.is_open()
    assert gone == ["media"]


@pytest.mark.usefixtures("no_other_lists")
def test_one_that_is_silent_gives_way_to_one_that_is_open(monkeypatch):
    monkeypatch.setenv("CXR_MAX_ALL_LISTS_MB", "10")
    clock, old, open_one = Clock(monkeypatch), Share(), Share()
    tabs = ClosedTabs(100_000, beat=3600)
    tabs.watch(tab(lambda: False, old.close))
    old.take(6_000_000)
    clock.now = 30
    with pytest.raises(RadiographError):
        open_one.take(6_000_000)  # the network may only be slow
    clock.now = 3600
    open_one.take(6_000_000)
    assert old.used == 0
    with pytest.raises(RadiographError):
        open_one.take(6_000_000)
