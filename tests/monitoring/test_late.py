"""The log written behind the reader: nobody waits, nothing is lost or written twice."""

from __future__ import annotations

import os
import signal
import sqlite3
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cxr.monitoring import LateReadings, Opened, Readings, ReadingsError
from cxr.monitoring import database as place
from cxr.monitoring import late as behind
from tests.conftest import ROOT
from tests.monitoring.test_readings import reading

#: Seconds that a click may take because of the log: one that waited for it would take `LOCKED`. The
#: median is held against this: a machine that does much else keeps one or another back.
CLICK, LOCKED = 0.1, 0.2


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "log" / "readings.sqlite3"


@pytest.fixture
def late(file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LateReadings]:
    monkeypatch.setattr(place, "PATIENCE", LOCKED)
    made = LateReadings(f"sqlite:///{file}", pauses=(0.02, 0.1))
    yield made
    made.close(0.1)


def problem(late: LateReadings) -> str:
    """Why the log is not written, once a first try has failed."""
    end = time.monotonic() + 20
    while not (told := late.backlog.problem):
        assert time.monotonic() < end, "no try has failed"
        time.sleep(0.01)
    return told


def scores(file: Path) -> list[float]:
    return list(Readings(f"sqlite:///{file}").table()["score"])


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Another program that is writing to the log."""
    Readings(f"sqlite:///{file}")
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


def test_all_is_written_in_the_order_in_which_it_was_noted(late, file) -> None:
    first = reading(score=0.1)
    late.scored(first, reading(score=0.2))
    late.called(first, "finding", blind=False)
    late.scored(reading(score=0.3))
    assert late.wait(20)
    table = Readings(f"sqlite:///{file}").table()
    assert list(table["event"]) == ["scored", "scored", "called", "scored"]
    assert list(table["score"]) == [0.1, 0.2, 0.1, 0.3]
    assert late.backlog.waiting == late.backlog.lost == 0


def test_a_locked_log_costs_a_click_nothing_and_is_written_when_it_is_free(late, file) -> None:
    with locked(file):
        took = []
        for number in range(20):
            began = time.monotonic()
            called = late.called(reading(score=number / 20), "finding", blind=True)
            late.scored(called)
            took.append(time.monotonic() - began)
        assert statistics.median(took) < CLICK
        assert not late.wait(0.5)
        assert problem(late)
        backlog = late.backlog
        assert (backlog.waiting, backlog.lost) == (40, 0)
        assert backlog.seconds >= 0.5
    assert late.wait(20)
    assert scores(file) == [number // 2 / 20 for number in range(40)]
    assert not late.backlog.problem


def test_a_place_that_comes_back_is_written_to(late, file) -> None:
    file.parent.write_text("a file where the folder should be")
    late.scored(reading(score=0.4))
    assert problem(late)
    assert late.backlog.waiting == 1
    file.parent.unlink()
    assert late.wait(20)
    assert scores(file) == [0.4]


def test_what_there_is_no_room_for_is_counted(file, monkeypatch) -> None:
    monkeypatch.setattr(place, "PATIENCE", 0.2)
    late = LateReadings(f"sqlite:///{file}", room=3, pauses=(0.02, 0.1))
    with locked(file):
        late.scored(*(reading(score=number / 10) for number in range(5)))
        late.scored(reading())
        assert (late.backlog.waiting, late.backlog.lost) == (3, 3)
    assert late.wait(20)
    assert scores(file) == [0.0, 0.1, 0.2]


def test_what_waits_at_the_end_is_written_then_or_counted(late, file, caplog) -> None:
    with locked(file):
        late.scored(reading())
        late.close(0.3)
        assert (late.backlog.waiting, late.backlog.lost) == (0, 1)
        assert "1" in caplog.records[-1].getMessage()
        late.scored(reading())
        assert late.backlog.lost == 2
        assert late._thread
        late._thread.join(20)  # a try that is under way could still get through
    again = LateReadings(f"sqlite:///{file}")
    again.scored(reading(score=0.9))
    again.close(20)
    assert again.backlog.lost == 0
    assert scores(file) == [0.9]


def test_a_reading_that_cannot_be_written_does_not_stop_those_behind_it(
    late, file, monkeypatch
) -> None:
    add = Readings.add

    def fail(self: Readings, event, readings, **how) -> None:
        if readings[0].score == 0.1:
            raise TypeError("a fault of the program")
        add(self, event, readings, **how)

    monkeypatch.setattr(Readings, "add", fail)
    late.called(reading(score=0.1), "finding", blind=True)
    late.scored(reading(score=0.2))
    assert late.wait(20)
    assert scores(file) == [0.2]
    assert late.backlog.lost == 1


@pytest.mark.parametrize(
    "error", [TypeError("a fault"), ReadingsError("not taken", code=place.ENTRY)], ids=type
)
def test_a_reading_that_is_never_taken_is_lost_alone(late, file, monkeypatch, error) -> None:
    add = Readings.add

    def refuse(self: Readings, event, readings, **how) -> None:
        if any(noted.score == 0.3 for noted in readings):
            raise error
        add(self, event, readings, **how)

    monkeypatch.setattr(Readings, "add", refuse)
    late.scored(*(reading(score=number / 10) for number in range(6)))
    late.scored(reading(score=0.6))
    assert late.wait(20)
    assert scores(file) == [0.0, 0.1, 0.2, 0.4, 0.5, 0.6]
    assert (late.backlog.lost, late.backlog.problem) == (1, "")


def test_what_was_written_and_its_answer_lost_is_not_written_again(late, file, monkeypatch) -> None:
    add, tries = Readings.add, []

    def written_unheard(self: Readings, event, readings, **how) -> None:
        add(self, event, readings, **how)
        tries.append(len(readings))
        if len(tries) == 1:
            late.scored(reading(score=0.7))  # which comes meanwhile, and is no part of it
            raise ReadingsError("The connection was lost.")

    monkeypatch.setattr(Readings, "add", written_unheard)
    late.scored(*(reading(score=number / 10) for number in range(3)))
    assert late.wait(20)
    assert scores(file) == [0.0, 0.1, 0.2, 0.7]
    assert late.backlog.lost == 0


def test_a_log_that_refuses_is_not_asked_without_end_when_the_server_stops(
    file, monkeypatch
) -> None:
    tries = []

    def refuse(self: Readings, event, readings, **how) -> None:
        tries.append(event)
        raise ReadingsError("The server refuses.")

    monkeypatch.setattr(Readings, "add", refuse)
    late = LateReadings(f"sqlite:///{file}", pauses=(0.1, 0.2))
    late.scored(reading())
    assert problem(late)
    late.close(0.5)
    assert len(tries) < 12
    assert late.backlog.lost == 1


def opening(number: int = 0) -> Opened:
    return Opened(reader="0f" * 16, film_sha256=f"{number:064x}", list_id="ab" * 16)


class TestTrail:
    """Entries of the audit trail wait as readings do, and what is lost of them is told."""

    def test_readings_take_none_of_its_room(self, file, monkeypatch) -> None:
        monkeypatch.setattr(place, "PATIENCE", 0.2)
        late = LateReadings(f"sqlite:///{file}", room=3, pauses=(0.02, 0.1))
        with locked(file):
            late.scored(*(reading(score=number / 10) for number in range(5)))
            late.opened(*map(opening, range(5)))
            backlog = late.backlog
            assert (backlog.waiting, backlog.trail_waiting) == (8, 5)
            assert (backlog.lost, backlog.trail_lost) == (2, 0)
            late.scored(reading())
            assert late.backlog.lost == 3
        assert late.wait(20)
        assert len(Readings(f"sqlite:///{file}").opened_films()) == 5
        assert late.backlog.trail_waiting == 0

    def test_what_there_is_no_room_for_is_told_entry_by_entry(
        self, file, monkeypatch, caplog
    ) -> None:
        monkeypatch.setattr(place, "PATIENCE", 0.2)
        monkeypatch.setattr(behind, "TRAIL_ROOM", 2)
        late = LateReadings(f"sqlite:///{file}", pauses=(0.02, 0.1))
        with locked(file):
            receipt = late.note("opened", [opening(number) for number in range(3)])
            assert (receipt.waiting, receipt.lost) == (2, 1)
            assert late.backlog.trail_lost == 1
            assert f"{2:064x}" in caplog.text
            late.close(0.3)
            # At the end what could not be written is told in the same way.
            assert f"{0:064x}" in caplog.text
            assert (late.backlog.trail_waiting, late.backlog.trail_lost) == (0, 3)
            assert (receipt.waiting, receipt.lost) == (0, 3)

    def test_a_receipt_says_when_it_is_written(self, late, file) -> None:
        with locked(file):
            receipt = late.note("opened", [opening()])
            # While the log is locked: it comes back when its time is over.
            assert not late.is_written([receipt], 0.05)
        assert late.is_written([receipt], 20)
        assert len(Readings(f"sqlite:///{file}").opened_films()) == 1

    def test_what_cannot_be_written_never_is(self, late, monkeypatch) -> None:
        def fail(self: Readings, event, readings, **how) -> None:
            raise TypeError("a fault of the program")

        monkeypatch.setattr(Readings, "add", fail)
        receipt = late.note("opened", [opening()])
        assert late.wait(20)
        assert not late.is_written([receipt], 0.05)
        assert LateReadings("off").note("opened", [opening()]).lost == 1


def test_threads_note_at_once(late, file) -> None:
    threads = [
        threading.Thread(target=lambda: [late.scored(reading()) for _ in range(50)])
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert late.wait(30)
    assert len(scores(file)) == 400


def test_a_log_that_is_off_keeps_nothing() -> None:
    late = LateReadings("off")
    late.scored(reading())
    assert not late.enabled
    assert late.backlog.waiting == late.backlog.lost == 0


def test_an_address_that_is_none_is_said_at_once() -> None:
    with pytest.raises(ReadingsError):
        LateReadings("ftp://somewhere")


WRITER = """
import sys
from cxr.monitoring import LateReadings
from tests.monitoring.test_readings import reading
late = LateReadings(sys.argv[1])
for number in range(300):
    late.scored(reading(score=number / 1000))
if sys.argv[2:]:
    late.wait(60)
    print("written", flush=True)
    sys.stdin.read()
"""


def test_a_program_that_ends_writes_what_waits(file) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WRITER, f"sqlite:///{file}"], cwd=ROOT, timeout=120, check=False
    )
    assert done.returncode == 0
    assert scores(file) == [number / 1000 for number in range(300)]


def test_what_was_written_survives_a_kill(file) -> None:
    command = [sys.executable, "-c", WRITER, f"sqlite:///{file}", "stay"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout
        assert writer.stdout.readline()
        os.kill(writer.pid, signal.SIGKILL)
    assert scores(file) == [number / 1000 for number in range(300)]
