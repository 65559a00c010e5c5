"""One service for all readers: whose films come when, what is scored together, what fails alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from cxr.reading_room import service as module
from cxr.reading_room.batch import BATCH, Portion
from cxr.reading_room.entry import Entry
from cxr.reading_room.scorer import Scorer
from cxr.reading_room.service import ScoringService, scoring_service
from cxr.reading_room.session import ReadingSession
from cxr.reading_room.worklist import Worklist
from cxr.web.transfer import ready_film
from tests.conftest import chest_like, png

SOON = 20.0
INTERLEAVINGS = 1000


@dataclass(eq=False)
class Reader:
    """Somebody with films that need no scoring."""

    name: str
    films: int
    network: str = "a"
    opened: int | None = None
    told: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.waiting = [Entry(n + 1, f"{self.name}{n + 1}", b"") for n in range(self.films)]

    def offer(self) -> Portion | None:
        is_open = [entry for entry in self.waiting if entry.number == self.opened]
        entries = tuple(is_open or self.waiting[:BATCH])
        if not entries:
            return None
        return Portion(entries, (self.network,), None, bool(is_open), self.keep)

    def keep(self, scored) -> list[Entry]:
        done = [entry for entry, _ in scored]
        self.waiting = [entry for entry in self.waiting if entry not in done]
        return done

    def tell(self, entries: Sequence[Entry]) -> None:
        self.told += [entry.name for entry in entries]

    def fail(self, entry: Entry, error: Exception) -> None:
        self.failed.append(entry.name)
        self.waiting.remove(entry)


class Batches:
    """In the place of the scoring: notes each batch, and fails as it is told to."""

    def __init__(self) -> None:
        self.made: list[list[str]] = []
        self.before: Callable[[], None] = lambda: None
        self.bad: set[str] = set()

    def __call__(self, portions: Sequence[Portion]) -> list[list[Entry]]:
        names = [entry.name for portion in portions for entry in portion.entries]
        self.made.append(names)
        self.before()
        if self.bad.intersection(names):
            raise ValueError("This film takes the network down.")
        return [portion.keep([(entry, {}) for entry in portion.entries]) for portion in portions]


@pytest.fixture
def batches() -> Batches:
    return Batches()


@pytest.fixture
def service(batches: Batches) -> Iterator[ScoringService]:
    made = ScoringService(batches)
    yield made
    made.close()


def all_at_once(service: ScoringService, batches: Batches, *readers: Reader) -> list[list[str]]:
    """Queue all while the film of another one is scored; return the batches that follow."""
    held, begun = threading.Event(), threading.Event()

    def hold() -> None:
        begun.set()
        assert held.wait(SOON)

    batches.before = hold
    first = Reader("first", 1, network="other")
    service.put(first)
    assert begun.wait(SOON)
    for reader in readers:
        service.put(reader)
    batches.before = lambda: None
    held.set()
    for reader in (first, *readers):
        assert service.wait(reader, SOON)
    return batches.made[1:]


def test_500_films_do_not_starve_2(service, batches):
    many, few = Reader("many", 500), Reader("few", 2)
    made = all_at_once(service, batches, many, few)
    assert few.told == ["few1", "few2"]
    assert {name for batch in made[:1] for name in batch} >= {"few1", "few2"}
    assert len(many.told) == 500
    assert all(len(batch) <= BATCH for batch in made)


def test_with_another_network_a_reader_waits_for_one_batch_of_each_of_the_others(service, batches):
    others = [Reader(f"r{n}_", 100, network=f"n{n}") for n in range(7)]
    few = Reader("few", 2, network="its own")
    made = all_at_once(service, batches, *others, few)
    assert made.index(["few1", "few2"]) == len(others)


def test_who_comes_while_a_batch_is_scored_waits_for_no_second_one_of_it(service, batches):
    """Also if the list under way asks to be scored again and again, as its page does."""
    many, few = Reader("many", 3 * BATCH), Reader("few", 2, network="other")

    def while_scored() -> None:
        service.put(many)
        if not few.told:
            service.put(few)

    batches.before = while_scored
    service.put(many)
    assert service.wait(many, SOON)
    assert batches.made[1] == ["few1", "few2"]


def test_a_batch_is_filled_by_turns_from_readers_with_the_same_networks(service, batches):
    a, b, other = Reader("a", 6), Reader("b", 1), Reader("other", 6, network="b")
    made = all_at_once(service, batches, a, other, b)
    assert sorted(made[0]) == ["a1", "a2", "a3", "b1"]
    assert made[1] == ["other1", "other2", "other3", "other4"]


def test_more_readers_than_a_batch_holds_come_in_turn(service, batches):
    readers = [Reader(f"r{n}_", 2) for n in range(2 * BATCH)]
    made = all_at_once(service, batches, *readers)
    firsts = {f"r{n}_1" for n in range(2 * BATCH)}
    assert set(made[0]) | set(made[1]) == firsts


def test_the_open_film_goes_first_and_alone(service, batches):
    a, b = Reader("a", 8, opened=7), Reader("b", 8)
    made = all_at_once(service, batches, a, b)
    assert made[0] == ["a7"]
    assert any(name.startswith("b") for name in made[1])
    # Two open films are both waited for.
    a, b = Reader("a", 8, opened=7), Reader("b", 8, opened=2)
    start = len(batches.made) + 1
    all_at_once(service, batches, a, b)
    assert batches.made[start] == ["a7", "b2"]


def test_a_film_that_fails_fails_alone(service, batches):
    a, b = Reader("a", 6), Reader("b", 6)
    batches.bad = {"a2"}
    all_at_once(service, batches, a, b)
    assert a.failed == ["a2"]
    assert (len(a.told), len(b.told), b.failed) == (5, 6, [])


def test_a_list_that_cannot_be_asked_or_told_stops_nobody(service, batches, monkeypatch):
    silent, deaf, other = Reader("silent", 3), Reader("deaf", 3), Reader("other", 9)
    monkeypatch.setattr(silent, "offer", lambda: {}[1])
    monkeypatch.setattr(deaf, "tell", lambda entries: {}[1])
    all_at_once(service, batches, silent, deaf, other)
    assert len(other.told) == 9
    assert deaf.waiting == []


def test_the_thread_outlives_whatever_fails_in_it(service, batches, monkeypatch):
    reader, later = Reader("a", 1), Reader("b", 1)
    with monkeypatch.context() as broken:
        broken.setattr(service, "_form", lambda offers: {}[1])
        service.put(reader)
        assert service.wait(reader, SOON)
    for again in (reader, later):
        service.put(again)
        assert service.wait(again, SOON)
    assert (reader.told, later.told) == (["a1"], ["b1"])


def test_readers_are_counted_while_their_films_wait_or_are_scored(service, batches):
    counted: list[int] = []
    batches.before = lambda: counted.append(service.readers)
    readers = [Reader("a", 1, network="a"), Reader("b", 1, network="b")]
    with service._changed:  # no batch begins meanwhile
        for reader in readers:
            service.put(reader)
    for reader in readers:
        assert service.wait(reader, SOON)
    assert counted[0] == 2
    assert service.readers == 0


def test_who_is_dropped_gets_nothing_more(service, batches):
    gone, other = Reader("gone", 500), Reader("other", 2)
    batches.before = lambda: (gone.waiting.clear(), service.drop(gone), service.put(other))
    service.put(gone)
    assert service.wait(gone, SOON)
    assert service.wait(other, SOON)
    assert len(gone.told) <= BATCH
    assert [name for batch in batches.made[1:] for name in batch] == ["other1", "other2"]


def test_no_film_is_missed_however_threads_interleave():
    """A film comes, and its scoring is asked for, as the service stands at each of its lines.

    The service's thread is held at a line of its own code, the reader's thread adds a film and
    starts, and the service goes on; each time at another line, or another time at the same one.
    """
    gate = Gate()
    threading.settrace(gate.trace)
    try:
        service = ScoringService(Batches())
        reader = Reader("a", 1)
        service.put(reader)
        assert service.wait(reader, SOON)
    finally:
        threading.settrace(None)
    missed, held_at = 0, set()
    for turn in range(INTERLEAVINGS):
        late = Entry(1000 + turn, f"late{turn}", b"")

        def add(late: Entry = late) -> None:
            reader.waiting.append(late)
            service.put(reader)

        gate.hold_after(turn % LINES, add)
        reader.waiting.append(Entry(turn, f"early{turn}", b""))
        service.put(reader)
        service.wait(reader, SOON)
        if not gate.done():  # fewer lines than that this time: it comes as the service rests
            add()
        missed += not service.wait(reader, SOON) or bool(reader.waiting)
        held_at.add(gate.line)
    service.close()
    assert missed == 0
    assert len(reader.told) == 1 + 2 * INTERLEAVINGS
    assert len(held_at) > 30, "the service was held at few of its lines"


#: Lines that the service goes through for one film and until it rests, and some more.
LINES = 200


class Gate:
    """Holds the traced thread once, after so many lines of the service, until something is done."""

    def __init__(self) -> None:
        self.line = 0
        self._lock = threading.Lock()
        self._left = -1
        self._act: Callable[[], None] = lambda: None
        self._acting: threading.Thread | None = None

    def hold_after(self, lines: int, act: Callable[[], None]) -> None:
        self._act, self._acting, self._left = act, None, lines

    def done(self) -> bool:
        """Whether it was held, and what was to be done has come to its end."""
        with self._lock:
            self._left = -1
        if self._acting is None:
            return False
        self._acting.join()
        return True

    def trace(self, frame, event: str, argument: object):
        if frame.f_code.co_filename not in (module.__file__, __file__):
            return None
        if event == "line":
            with self._lock:
                now, self._left = self._left == 0, max(self._left - 1, -1)
                if now:
                    self.line = frame.f_lineno
                    self._acting = threading.Thread(target=self._act)
                    self._acting.start()
            if now:
                # It may need the lock that the service holds here: then this goes on first.
                self._acting.join(0.002)
        return self.trace


def test_a_process_has_one_service(made_bundle):
    assert scoring_service() is scoring_service()
    a, b = (ReadingSession(Worklist(made_bundle), None, lambda: True, ready_film) for _ in range(2))
    for session in (a, b):
        session.worklist.add("film.png", png(chest_like(1)))
        session.scorer.start()
    for session in (a, b):
        assert session.scorer.join(SOON)
        assert session.worklist.waiting == []
    assert sum(thread.name == "scoring" for thread in threading.enumerate()) == 1


def test_two_lists_are_scored_in_one_call(made_bundle, monkeypatch):
    import cxr.reading_room.batch

    real, calls = cxr.reading_room.batch.predict, []

    def predict(models, films, **options):
        calls.append(len(films))
        return real(models, films, **options)

    monkeypatch.setattr("cxr.reading_room.batch.predict", predict)
    lists = [Worklist(made_bundle), Worklist(made_bundle)]
    service, held = ScoringService(), threading.Event()
    first, asked = Reader("first", 1), threading.Event()
    monkeypatch.setattr(first, "offer", lambda: asked.set() or (held.wait(SOON) and None))
    service.put(first)
    assert asked.wait(SOON), "else the lists may be asked with it, one before the other has films"
    scorers = [Scorer(worklist, service=service) for worklist in lists]
    for k, (worklist, scorer) in enumerate(zip(lists, scorers, strict=True)):
        for n in range(2):
            worklist.add(f"{n}.png", png(chest_like(10 * k + n)))
        scorer.start()
    held.set()
    assert all(scorer.join(SOON) for scorer in scorers)
    service.close()
    assert calls == [4]
    apart = Worklist(made_bundle)
    for k in range(2):
        for n in range(2):
            apart.add(f"{k}{n}.png", png(chest_like(10 * k + n)))
    list(apart.score())
    together = [entry.prediction.logit for worklist in lists for entry in worklist.entries]
    assert together == pytest.approx([e.prediction.logit for e in apart.entries], abs=1e-4)
