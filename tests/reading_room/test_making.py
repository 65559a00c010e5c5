"""Files made of a list's films in the background."""

from __future__ import annotations

import threading
from collections.abc import Iterable

import pytest

from cxr.films.radiograph import RadiographError
from cxr.model import Model
from cxr.reading_room import budget
from cxr.reading_room.budget import Share
from cxr.reading_room.entry import Entry
from cxr.reading_room.making import Making, Makings
from cxr.reading_room.session import ReadingSession
from cxr.reading_room.worklist import Worklist
from cxr.scoring.reader import Agreement, Call
from cxr.web.transfer import ready_film
from tests.conftest import chest_like, png
from tests.scoring.test_region import a_region

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


MB = 1_000_000


def names(films: Iterable[Entry]) -> bytes:
    return b" ".join(film.name.encode() for film in films)


@pytest.fixture
def session(made_bundle: Model) -> ReadingSession:
    """Three scored films, of which a file was made."""
    made = ReadingSession(Worklist(made_bundle), None, lambda: True, ready_film)
    for number in (1, 2, 3):
        made.worklist.add(f"{number}.png", png(chest_like(number)))
    list(made.worklist.score())
    made.makings.begin("PDF", made.worklist.entries, names)
    making = made.makings.of("PDF", made.worklist.entries)
    assert making
    assert making.join(20)
    assert making.state == "ready"
    return made


def state(session: ReadingSession) -> str:
    making = session.makings.of("PDF", session.worklist.entries)
    assert making
    assert bool(making.content) == (making.state == "ready")
    return making.state


@pytest.mark.parametrize(
    "change",
    [
        lambda session, film: session.call(film, Call.FINDING),
        lambda session, film: session.judge(film, Agreement.AGREE),
        lambda session, film: session.mark(film, [a_region(finding=film.finding)]),
        lambda session, film: session.maps.choose("layercam"),
        lambda session, film: session.worklist.turn(film),
        lambda session, film: session.worklist.rescore(
            session.worklist.models, session.worklist.models[0].card.operating_points[-1].name
        ),
        lambda session, film: session.worklist.entries.remove(film),
    ],
    ids=["call", "verdict", "region", "method", "turned", "operating point", "gone"],
)
def test_a_file_that_says_something_else_than_the_list_is_not_saved(session, change) -> None:
    assert state(session) == "ready"
    change(session, session.worklist.entries[1])
    assert state(session) == "changed"
    session.makings.begin("PDF", session.worklist.entries, names)
    session.makings.of("PDF", session.worklist.entries).join(20)
    assert state(session) == "ready"


def test_what_changes_while_a_file_is_made_is_not_in_it(session) -> None:
    slow = Slow()
    session.makings.begin("PDF", session.worklist.entries, slow)
    assert slow.taken.acquire(timeout=20)
    session.call(session.worklist.entries[0], Call.FINDING)
    slow.go.release(3)
    session.makings.of("PDF", session.worklist.entries).join(20)
    assert state(session) == "changed"


def test_a_file_stays_when_films_come_later_and_tells_how_many_it_lacks(session) -> None:
    session.worklist.add("4.png", png(chest_like(4)))
    list(session.worklist.score())
    assert state(session) == "ready"
    making = session.makings.of("PDF", session.worklist.entries)
    assert making.lacks(session.worklist.entries) == 1


class TestTheRoomOfFiles:
    @pytest.fixture(autouse=True)
    def ten_megabytes(self, no_other_lists, monkeypatch) -> None:
        monkeypatch.setenv("CXR_MAX_ALL_LISTS_MB", "10")

    @staticmethod
    def made(makings: Makings, size: int, name: str = "PDF") -> Making:
        makings.begin(name, FILMS, lambda films: bytes(size))
        making = makings.of(name, FILMS)
        assert making
        assert making.join(20)
        return making

    def test_it_counts_with_the_films_until_it_is_made_anew_or_out_of_date(self) -> None:
        said = [1]
        makings = Makings(lambda film: tuple(said))
        assert self.made(makings, 6 * MB).state == "ready"
        assert budget._used() == 6 * MB
        assert self.made(makings, 7 * MB).state == "ready"
        assert budget._used() == 7 * MB
        said.append(2)
        makings.of("PDF", FILMS)
        assert budget._used() == 0
        self.made(makings, 3 * MB)
        makings.close()
        assert budget._used() == 0

    def test_one_that_does_not_fit_is_not_kept(self) -> None:
        films = Share()
        films.take(6 * MB)
        making = self.made(Makings(lambda film: 0), 5 * MB)
        assert (making.state, making.content) == ("full", b"")
        assert budget._used() == 6 * MB

    def test_it_gives_way_to_a_film_before_a_list_does(self, monkeypatch) -> None:
        monkeypatch.setattr(budget, "_give_way", [lambda: pytest.fail("A list gave way.")])
        makings, films = Makings(lambda film: 0), Share()
        making = self.made(makings, 6 * MB)
        films.take(8 * MB)
        assert (making.state, making.content) == ("let go", b"")
        assert budget._used() == 8 * MB
        monkeypatch.setattr(budget, "_give_way", [])
        with pytest.raises(RadiographError):
            films.take(3 * MB)

    def test_one_that_is_stopped_at_its_end_is_not_counted(self) -> None:
        slow = Slow()
        makings = Makings(lambda film: 0)
        makings.begin("PDF", FILMS, slow)
        making = makings.of("PDF", FILMS)
        making.stop()
        slow.go.release(5)
        assert making.join(20)
        assert making.state == "stopped"
        assert budget._used() == 0
