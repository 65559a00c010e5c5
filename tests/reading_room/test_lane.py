"""Tasks one after the other: each is done, whatever became of the one before."""

from __future__ import annotations

import threading

from cxr.reading_room.lane import Lane


def test_a_task_that_fails_stops_no_other(caplog) -> None:
    done: list[int] = []
    lane = Lane()
    lane.put("bad", lambda: done.append(1 // 0))
    lane.put("good", lambda: done.append(1))
    assert lane.join(30)
    assert done == [1]
    assert not lane.busy
    assert "ZeroDivisionError" in caplog.text
    lane.put("bad", lambda: done.append(2))  # by the same key
    assert lane.join(30)
    assert done == [1, 2]


def test_what_waits_or_is_under_way_is_not_added_again() -> None:
    done: list[str] = []
    begun, go_on = threading.Event(), threading.Event()

    def first() -> None:
        begun.set()
        assert go_on.wait(30)
        done.append("first")

    lane = Lane()
    lane.put("first", first)
    assert begun.wait(30)
    lane.put("first", lambda: done.append("again"))
    lane.put("second", lambda: done.append("second"))
    lane.put("second", lambda: done.append("again"))
    lane.put("at once", lambda: done.append("at once"), first=True)
    lane.put("dropped", lambda: done.append("dropped"))
    lane.drop("dropped")
    assert not lane.join(0)
    go_on.set()
    assert lane.join(30)
    assert done == ["first", "at once", "second"]
