"""A reader's session: what is looked for of the film that is open, and when the page is drawn."""

from __future__ import annotations

import threading

import pytest

import cxr.reading_room.explainer
import cxr.reading_room.outlines
import cxr.reading_room.session
import cxr.reading_room.trail
from cxr.lungs.segment import KIND, NO_LUNGS, Search
from cxr.model import Model
from cxr.monitoring import LateReadings, Readings, database, late
from cxr.monitoring.measures import agreement
from cxr.reading_room.outlines import COMING
from cxr.reading_room.session import ReadingSession
from cxr.reading_room.trail import TrailError
from cxr.reading_room.worklist import Worklist
from cxr.scoring.reader import Agreement, Call, Reason
from cxr.web.transfer import ready_film, sent
from tests.conftest import chest_like, png
from tests.monitoring.test_late import CLICK, locked
from tests.reading_room.test_studies import x_ray
from tests.reading_room.test_worklist import read_blind
from tests.scoring.test_region import a_region


@pytest.fixture
def session(made_bundle: Model) -> ReadingSession:
    made = ReadingSession(Worklist(made_bundle), None, lambda: True, ready_film)
    made.worklist.add("one.png", png(chest_like(1)))
    return made


def test_the_lungs_are_looked_for_once_the_film_is_scored(session, monkeypatch, tmp_path) -> None:
    turn = threading.Event()

    def find(film):
        assert turn.wait(20)
        return Search(None, NO_LUNGS)

    (tmp_path / KIND).mkdir()
    monkeypatch.setenv("CXR_MODELS", str(tmp_path))
    monkeypatch.setattr(cxr.reading_room.outlines, "find_once", find)
    monkeypatch.setattr(cxr.reading_room.outlines, "PATIENCE", 0.01)
    entry = session.opened()
    session.film(entry)
    assert not session.outlines.busy
    session.scorer.start()
    session.scorer.join()
    assert not session.working
    session.opened()
    drawn = session.drawn
    # The list looks again until the page can be drawn with the outline.
    assert session.working
    assert session.seen() == drawn
    assert session.outlines.of(entry.sha256) == COMING
    turn.set()
    assert session.outlines.join(20)
    assert not session.working
    assert session.seen() != drawn
    assert session.outlines.of(entry.sha256) == NO_LUNGS.reason


@pytest.fixture
def with_priors(made_bundle: Model) -> ReadingSession:
    """A patient's film with two earlier ones, and a film of somebody else; all are scored."""
    made = ReadingSession(Worklist(made_bundle), None, lambda: True, ready_film)
    for number, day in enumerate(("20240301", "20231101", "20230601"), 1):
        made.worklist.add(f"IM{number}", x_ray(number, number, day))
    made.worklist.add("IM4", x_ray(4, 4, "20200101", PatientID="OTHER-99"))
    list(made.worklist.score())
    made.choose(1)
    return made


def test_the_newest_earlier_film_is_read_ahead_and_the_page_drawn_with_it(with_priors) -> None:
    session = with_priors
    entry = session.opened()
    session.film(entry)
    assert [study.number for study in session.earlier(entry)] == [2, 3]
    prior = session.prior(entry)
    assert prior.number == 2
    # The list looks again until it is there, and no longer.
    assert not session.at_hand(prior)
    assert session.working
    session.read_ahead()
    assert session._ahead.join(20)
    session.outlines.join(20)
    assert session.at_hand(prior)
    assert session.seen() != session.drawn
    session.opened()
    assert session.seen() == session.drawn
    assert not session.working
    # What the page shows of it, and not its pixels.
    held = session.held(prior)
    assert held.sha256 == prior.film().sha256
    assert held.levels == sent(prior.film())
    assert list(session._films) == [entry.number]


def test_the_other_earlier_films_are_read_ahead_after_it_as_many_as_fit(
    with_priors, monkeypatch
) -> None:
    session = with_priors
    entry = session.opened()
    newest, oldest = (study.entries[0] for study in session.earlier(entry))
    assert session.ahead(entry) == [newest, oldest]
    session.choose_prior(entry, session.earlier(entry)[1])
    assert session.ahead(entry) == [oldest, newest]
    pixels = oldest.size[0] * oldest.size[1]
    monkeypatch.setattr(cxr.reading_room.session, "READY", 3 * pixels)
    assert session.ahead(entry) == [oldest]
    session.read_ahead()
    assert session._ahead.join(20)
    assert [session.at_hand(film) for film in (newest, oldest)] == [False, True]
    # One key shows it, so the other one is held whatever it takes, and this one goes.
    monkeypatch.setattr(cxr.reading_room.session, "READY", pixels // 2)
    session.choose_prior(entry, session.earlier(entry)[0])
    session.read_ahead()
    assert session._ahead.join(20)
    assert [session.at_hand(film) for film in (newest, oldest)] == [True, False]


def test_the_page_is_drawn_once_for_all_that_is_read_after_the_prior(with_priors) -> None:
    session = with_priors
    entry = session.opened()
    third = session.earlier(entry)[1].entries[0]
    session._hold(session.prior(entry), session._ready(session.prior(entry).film()), [])
    session.opened()
    assert session.working
    assert not session.awaits_prior
    session._hold(third, session._ready(third.film()), [])
    assert session.seen() != session.drawn


def test_the_open_film_may_change_until_the_reader_has_chosen_one(session) -> None:
    entry = session.opened()
    session.film(entry)
    # Also while nothing is scored: films that are dropped next would open above it.
    assert session.may_change == entry.sha256
    session.choose(entry.number)
    assert session.may_change == ""
    session.choose_none()
    session.opened()
    assert session.may_change == entry.sha256


def test_the_page_is_drawn_again_if_the_last_score_comes_while_a_film_is_chosen(
    session, monkeypatch
) -> None:
    session.worklist.add("low.png", png(chest_like(1)))
    session.worklist.add("high.png", png(chest_like(2)))
    session.opened()
    chosen = session.worklist.open

    def scored_meanwhile(**order):
        entry = chosen(**order)
        session.scorer.start()
        assert session.scorer.join(60)
        return entry

    monkeypatch.setattr(session.worklist, "open", scored_meanwhile)
    session.opened()
    assert not session.scorer.pending
    assert session.seen() != session.drawn


def test_a_prior_that_is_turned_is_read_again(with_priors) -> None:
    session = with_priors
    entry = session.opened()
    session.read_ahead()
    assert session._ahead.join(20)
    prior = session.prior(entry)
    before = session.held(prior)
    session.turn(prior)
    session.scorer.join()
    session.choose(entry.number)
    assert session.held(prior) is None
    session.read_ahead()
    assert session._ahead.join(20)
    assert session.held(prior).levels != before.levels


def test_an_earlier_film_that_is_turned_while_it_is_read_is_not_held_as_it_was(with_priors) -> None:
    session = with_priors
    entry = session.opened()
    prior = session.prior(entry)
    make = session._ready

    def turned_meanwhile(film):
        session._ready = make
        session.turn(prior)
        session.scorer.join()
        session.choose(entry.number)
        return make(film)

    session._ready = turned_meanwhile
    session.read_ahead()
    assert session._ahead.join(20)
    assert session.held(prior) is None
    session.read_ahead()
    assert session._ahead.join(20)
    assert session.held(prior).sha256 == prior.sha256 == prior.film().sha256


def test_an_earlier_film_that_the_program_fails_on_gives_way_to_the_next(
    with_priors, caplog
) -> None:
    session = with_priors
    entry = session.opened()
    first, make = session.prior(entry), session._ready

    def fail(film):
        if film.sha256 == first.sha256:
            raise MemoryError
        return make(film)

    session._ready = fail
    session.read_ahead()
    assert session._ahead.join(20)
    assert "An earlier film was not read" in caplog.text
    other = session.prior(entry)
    assert other is not first
    session.read_ahead()
    assert session._ahead.join(20)
    assert session.at_hand(other)


def test_the_reader_chooses_another_earlier_film_of_the_list(with_priors) -> None:
    session = with_priors
    entry = session.opened()
    session.beside = 4
    before = session.priors_chosen
    session.choose_prior(entry, session.earlier(entry)[1])
    assert session.prior(entry).number == 3
    assert session.beside is None
    assert session.priors_chosen == before + 1
    # It is kept for this study and says nothing of others.
    session.choose(2)
    assert session.prior(session.opened()).number == 3
    session.choose(3)
    assert session.prior(session.opened()) is None
    session.choose(1)
    assert session.prior(session.opened()).number == 3


def test_a_film_of_somebody_else_never_hangs_as_a_prior(with_priors) -> None:
    session = with_priors
    session.choose(4)
    entry = session.opened()
    assert session.earlier(entry) == []
    assert session.prior(entry) is None
    session.read_ahead()
    assert session.outlines.join(20)  # of the open film
    assert not session.working


def test_an_earlier_film_that_cannot_be_read_gives_way_to_the_next(with_priors) -> None:
    session = with_priors
    entry = session.opened()
    broken = session.prior(entry)
    broken.source = broken.source[:900]
    broken._read = None
    session.read_ahead()
    assert session._ahead.join(20)
    assert session.prior(entry).number == 3
    session.read_ahead()
    assert session._ahead.join(20)
    session.outlines.join(20)
    assert session.at_hand(session.prior(entry))


def test_who_compares_with_another_film_has_no_prior_read(with_priors) -> None:
    session = with_priors
    session.beside = 4
    session.opened()
    session.read_ahead()
    assert session.outlines.join(20)  # of the two films that are compared
    assert not session.working
    assert not session._held


def test_nothing_is_kept_of_a_prior_once_the_list_is_closed(with_priors) -> None:
    session = with_priors
    session.opened()
    session.read_ahead()
    session.close()
    assert session._ahead.join(20)
    assert session._films == {}
    assert session._held == {}
    assert not session.working


def test_regions_are_kept_and_logged_with_the_heatmap_that_was_shown(made_bundle, tmp_path) -> None:
    url = f"sqlite:///{tmp_path / 'log.sqlite3'}"
    log = LateReadings(url)
    session = ReadingSession(Worklist(made_bundle), log, lambda: True, ready_film)
    session.worklist.add("one.png", png(chest_like(1)))
    entry = session.opened()
    session.film(entry)
    session.mark(entry, [a_region()])  # before there is a score, and a heatmap
    list(session.worklist.score())
    session.opened()
    second = a_region(shape="ellipse", label="missed by the heatmap")
    session.mark(entry, [a_region(), second])
    session.mark(entry, [second])
    weights = made_bundle.card.weights.sha256
    (kept,) = entry.regions
    assert (kept.method, kept.model_sha256) == ("gradcam", weights)
    assert log.wait(20)
    log.close()
    table = Readings(url).regions()
    assert table["event"].tolist() == ["drawn", "drawn", "removed"]
    assert table["label"].tolist() == ["finding", "missed by the heatmap", "finding"]
    assert table["method"].fillna("").tolist() == ["", "gradcam", ""]
    assert set(table["film_sha256"]) == {entry.sha256}
    assert session.picked


def test_regions_of_a_film_that_is_turned_are_logged_under_both_hashes(
    made_bundle, tmp_path
) -> None:
    url = f"sqlite:///{tmp_path / 'log.sqlite3'}"
    log = LateReadings(url)
    session = ReadingSession(Worklist(made_bundle), log, lambda: True, ready_film)
    session.worklist.add("one.png", png(chest_like(1)))
    session.scorer.start()
    session.scorer.join()
    (entry,) = session.worklist.entries
    before = entry.sha256
    session.mark(entry, [a_region()])
    session.turn(entry)
    session.scorer.join()
    assert entry.sha256 != before
    assert len(entry.regions) == 1
    assert log.wait(20)
    log.close()
    table = Readings(url).regions()
    assert table["event"].tolist() == ["drawn", "drawn"]
    assert table["film_sha256"].tolist() == [before, entry.sha256]


@pytest.fixture
def logged(made_bundle: Model, tmp_path) -> ReadingSession:
    log = LateReadings(f"sqlite:///{tmp_path / 'log.sqlite3'}")
    made = ReadingSession(Worklist(made_bundle), log, lambda: True, ready_film)
    for seed in (1, 2, 3):
        made.worklist.add(f"{seed}.png", png(chest_like(seed)))
    made.scorer.start()
    made.scorer.join()
    return made


def events(session: ReadingSession):
    assert session.log.wait(20)
    table = Readings(session.log._url).table()
    return table[table["event"] != "scored"]


def test_what_a_reader_opens_and_says_is_theirs_by_pseudonym(made_bundle, tmp_path) -> None:
    url, reader = f"sqlite:///{tmp_path / 'log.sqlite3'}", "0f" * 16
    log = LateReadings(url)
    session = ReadingSession(Worklist(made_bundle), log, lambda: True, ready_film, reader=reader)
    for seed in (1, 2, 3):
        session.worklist.add(f"{seed}.png", png(chest_like(seed)))
    session.scorer.start()
    session.scorer.join()
    one, two, three = session.worklist.entries
    for _ in range(3):  # drawn anew by itself
        session.choose(one.number)
        session.opened()
    session.choose(two.number)
    session.beside = three.number
    session.opened()
    session.beside = None
    session.choose(one.number)
    session.opened()
    session.judge(one, Agreement.AGREE)
    session.mark(one, [a_region()])
    assert log.wait(20)
    log.close()
    readings = Readings(url)
    trail = readings.opened_films()
    opened = [one.sha256, two.sha256, three.sha256, one.sha256]
    assert trail["film_sha256"].tolist() == opened
    for table in (trail, readings.table(), readings.regions()):
        assert set(table["reader"]) == {reader}
    assert "png" not in trail.to_csv()


@pytest.fixture
def known(with_priors, tmp_path) -> ReadingSession:
    """The session of somebody who has signed in."""
    with_priors.trail.reader = "0f" * 16
    with_priors.trail.log = LateReadings(f"sqlite:///{tmp_path / 'log.sqlite3'}")
    return with_priors


def trail(session: ReadingSession) -> list[str]:
    assert session.log.wait(20)
    return Readings(session.log._url).opened_films()["film_sha256"].tolist()


def test_a_film_that_is_left_before_it_is_scored_is_in_the_trail(made_bundle, tmp_path) -> None:
    log = LateReadings(f"sqlite:///{tmp_path / 'log.sqlite3'}")
    worklist = Worklist(made_bundle)
    session = ReadingSession(worklist, log, lambda: True, ready_film, reader="0f" * 16)
    for seed in (1, 2, 3):
        worklist.add(f"{seed}.png", png(chest_like(seed)))
    one, two, three = worklist.entries
    for entry in (one, two):
        session.choose(entry.number)
        assert session.opened() is entry
        assert not entry.sha256
        session.film(entry)
    # Left before the page had read it: it was not shown.
    session.choose(three.number)
    session.opened()
    session.choose(two.number)
    list(worklist.score())
    for _ in range(2):
        session.film(session.opened())
    session.film(three)
    assert trail(session) == [one.sha256, two.sha256, two.sha256]


class TestARequiredTrail:
    """No film is shown and none is exported before the trail holds it."""

    @pytest.fixture
    def file(self, tmp_path, monkeypatch):
        monkeypatch.setattr(database, "PATIENCE", 0.2)
        return tmp_path / "log.sqlite3"

    @pytest.fixture
    def made(self, made_bundle, file) -> ReadingSession:
        log = LateReadings(f"sqlite:///{file}", pauses=(0.02, 0.1))
        worklist = Worklist(made_bundle)
        for seed in (1, 2):
            worklist.add(f"{seed}.png", png(chest_like(seed)))
        list(worklist.score())
        return ReadingSession(
            worklist, log, lambda: True, ready_film, reader="0f" * 16, trail_required=True
        )

    def test_a_film_waits_for_a_log_that_is_locked_and_no_click_does(self, made, file) -> None:
        assert cxr.reading_room.trail.MOMENT < CLICK
        with locked(file):
            for number in (1, 2, 1):
                made.choose(number)
                made.film(made.opened())
                assert not made.trail.holds()  # when its moment is over, not the lock
        assert made.trail.holds(20)
        assert made.trail.holds(0)
        assert len(trail(made)) == 3

    def test_what_there_was_no_room_for_is_noted_anew(self, made, file, monkeypatch) -> None:
        with locked(file):
            with monkeypatch.context() as full:
                full.setattr(late, "TRAIL_ROOM", 0)
                made.film(made.opened())
                assert not made.trail.holds()
                assert made.log.backlog.trail_lost == 1
                assert not made.trail.holds()
                assert made.log.backlog.trail_lost == 1  # not told again and again
            assert not made.trail.holds()
        assert made.trail.holds(20)
        assert len(trail(made)) == 1

    def test_without_a_log_nothing_is_shown_or_exported(self, made) -> None:
        for log in (None, LateReadings("off")):
            made.trail.log, made._shown = log, set()
            made.film(made.opened())
            assert not made.trail.holds()
            with pytest.raises(TrailError):
                made.note_export("csv", made.worklist.entries)

    def test_no_file_is_handed_out_before_the_trail_holds_it(self, made, file, monkeypatch) -> None:
        monkeypatch.setattr(cxr.reading_room.trail, "WHILE", 0.1)
        with locked(file), pytest.raises(TrailError):
            made.note_export("csv", made.worklist.entries)
        monkeypatch.setattr(cxr.reading_room.trail, "WHILE", 20)
        made.note_export("dicom", made.worklist.entries)
        taken = Readings(f"sqlite:///{file}").exported_films()
        # What was tried is in it too.
        assert taken["form"].tolist() == ["csv", "csv", "dicom", "dicom"]
        films = [entry.sha256 for entry in made.worklist.entries]
        assert taken["film_sha256"].tolist() == [*films, *films]

    def test_where_it_is_not_required_nothing_waits(self, made, file) -> None:
        made.trail.required = False
        with locked(file):
            made.film(made.opened())
            made.note_export("csv", made.worklist.entries)
            assert made.trail.holds(0)
        assert len(trail(made)) == 1


def test_nobody_who_has_not_signed_in_is_in_the_trail(made_bundle, tmp_path) -> None:
    log = LateReadings(f"sqlite:///{tmp_path / 'log.sqlite3'}")
    session = ReadingSession(Worklist(made_bundle), log, lambda: True, ready_film)
    session.worklist.add("one.png", png(chest_like(1)))
    list(session.worklist.score())
    session.film(session.opened())
    session.note_export("csv", session.worklist.entries)
    assert log.backlog.trail_waiting == 0
    assert session.trail.holds(0)


def test_a_film_that_is_turned_is_in_the_trail_under_both_hashes(known) -> None:
    entry = known.opened()
    before = entry.sha256
    known.film(entry)
    known.turn(entry)
    for _ in range(2):
        known.film(known.opened())
    assert entry.sha256 != before
    assert trail(known) == [before, entry.sha256]


def test_a_prior_that_comes_while_the_page_is_drawn_is_in_the_trail(known) -> None:
    entry = known.opened()
    prior = known.prior(entry)
    known.read_ahead()
    assert known._ahead.join(20)
    for _ in range(2):
        assert known.held(prior) is not None
    # The reader goes on before the page is drawn again.
    other = known.worklist.entries[3]
    known.choose(other.number)
    known.opened()
    assert trail(known) == [entry.sha256, prior.sha256, other.sha256]


def test_without_sign_in_there_is_no_trail(logged) -> None:
    logged.opened()
    assert logged.log.wait(20)
    assert Readings(logged.log._url).opened_films().empty


def test_the_last_word_is_taken_back_and_the_log_keeps_both(logged) -> None:
    one, other = logged.worklist.entries[:2]
    assert not logged.can_undo
    assert logged.undo() is None
    logged.judge(one, Agreement.AGREE)
    logged.judge(one, Agreement.OVERRIDE, Reason.FILM_QUALITY)
    logged.call(other, Call.UNSURE)
    assert logged.undo() is other
    assert (other.call, other.judgement) == (None, None)
    assert logged.undo() is one
    assert (one.judgement, one.reason) == (Agreement.AGREE, None)
    assert one.call is not None
    assert logged.worklist.chosen == one.number
    assert logged.undo() is one
    assert (one.call, one.judgement) == (None, None)
    assert not logged.can_undo
    table = events(logged)
    assert list(table["event"]) == ["judged", "judged", "called", "undone", "undone", "undone"]
    assert list(table["agreement"].fillna("")) == ["agree", "override", "", "", "agree", ""]
    assert list(table["call"].fillna("")) == ["", "", "unsure", "", "", ""]
    assert agreement(table, blind=False).n == 0


def test_a_blind_call_stays(logged) -> None:
    entry, seen = logged.worklist.entries[:2]
    read_blind(logged.worklist)
    seen.assessment.seen = True
    logged.call(seen, Call.FINDING)
    assert logged.undo() is seen
    assert not events(logged)["call_blind"].any()
    logged.call(entry, Call.FINDING)
    assert not logged.can_undo
    logged.judge(entry, Agreement.AGREE)
    logged.undo()
    assert entry.blind
    assert entry.call is Call.FINDING
    assert entry.judgement is None
    table = events(logged)
    assert agreement(table, blind=True).n == 1
    assert agreement(table, blind=False).n == 0
    logged.judge(entry, Agreement.OVERRIDE)
    assert events(logged)["call_blind"].iloc[-1]


def test_what_was_said_of_another_models_score_is_not_taken_back(logged, made_bundle) -> None:
    logged.judge(logged.worklist.entries[0], Agreement.AGREE)
    logged.worklist.rescore(made_bundle)
    assert not logged.can_undo


def test_the_next_film_of_a_kind_is_after_the_open_one_or_the_first(logged) -> None:
    rows = logged.worklist.rows("arrival")
    one, two, three = logged.worklist.entries
    assert logged.next_film(rows, lambda row: True) is one
    logged.choose(two.number)
    assert logged.next_film(rows, lambda row: True) is three
    assert logged.next_film(rows, lambda row: three not in row.entries) is one
    assert logged.next_film(rows, lambda row: two in row.entries) is None


def test_the_page_asks_for_a_map_while_one_that_it_shows_is_worked_out(
    session, monkeypatch
) -> None:
    turn, work = threading.Event(), cxr.reading_room.explainer.heatmaps

    def in_turn(*films, **how):
        assert turn.wait(20)
        return work(*films, **how)

    monkeypatch.setattr(cxr.reading_room.explainer, "heatmaps", in_turn)
    session.film(session.opened())
    session.scorer.start()
    session.scorer.join()
    entry = session.opened()
    # Grad-CAM came with the score; of the other methods nobody asked for one.
    assert not session.maps.are_coming
    session.maps.choose("layercam")
    session.opened()
    assert session.maps.are_coming
    turn.set()
    assert session.maps.explainer.join(20)
    assert session.maps.states(entry) != session.maps.drawn
    session.opened()
    assert session.maps.shown(entry).method == "layercam"
    assert not session.maps.are_coming
