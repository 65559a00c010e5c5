"""Files made of a list's films in the background."""

from __future__ import annotations

import threading
from collections.abc import Iterable

import pytest

from cxr.reading_room.entry import Entry
from cxr.reading_room.making import Making

FILMS = [Entry(number, f"{number}.png", b"") for number in range(1, 6)]


class Slow:
    """Makes a file of the films' numbers, one for each `go`."""

    def __init__(self) -> None:
        self.go = threading.Semaphore(0)
        self.taken = threading.Semaphore(0)

    def __call__(self, films: Iterable[Entry]) -> bytes:
        numbers = []
        for film in films:
            numbers.append(film.number)
            self.taken.release()
            assert self.go.acquire(timeout=20)
        return bytes(numbers)


def test_a_file_is_made_film_by_film_and_tells_how_far_it_is() -> None:
    slow = Slow()
    making = Making(FILMS, slow)
    for done in range(5):
        assert slow.taken.acquire(timeout=20)
        assert (making.done, making.total, making.state) == (done, 5, "running")
        slow.go.release()
    assert making.join(20)
    assert (making.state, making.content) == ("ready", bytes([1, 2, 3, 4, 5]))
    assert making.done == 5


def test_it_is_stopped_after_the_film_that_is_under_way() -> None:
    slow = Slow()
    making = Making(FILMS, slow)
    assert slow.taken.acquire(timeout=20)
    making.stop()
    slow.go.release()
    assert making.join(20)
    assert (making.state, making.content) == ("stopped", b"")
    assert not slow.taken.acquire(blocking=False)


def test_it_ends_with_the_tab_of_its_reader() -> None:
    making = Making(FILMS, lambda films: bytes(film.number for film in films), wanted=bool)
    assert making.join(20)
    assert making.state == "stopped"


def test_what_goes_wrong_is_told_and_no_name_logged(caplog: pytest.LogCaptureFixture) -> None:
    def fail(films: Iterable[Entry]) -> bytes:
        raise ValueError(next(iter(films)).name)

    making = Making(FILMS, fail)
    assert making.join(20)
    assert making.state == "failed"
    assert "A file was not made" in caplog.text
    assert "1.png" not in caplog.text
