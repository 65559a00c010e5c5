"""A list scored in the background: films come, go on, stop, fail, and the model may change."""

from __future__ import annotations

import dataclasses
import logging
import threading

import pytest

from cxr.model import Model
from cxr.reading_room.batch import BATCH
from cxr.reading_room.entry import Entry
from cxr.reading_room.scorer import MOST_FAILURES, Scorer, ScoringProgress
from cxr.reading_room.worklist import Worklist
from tests.conftest import chest_like, png
from tests.film_files import dicom, scene


def filled(bundle: Model, n: int) -> Worklist:
    worklist = Worklist(bundle)
    for k in range(n):
        worklist.add(f"{k}.png", png(chest_like(k, ill=k % 2 == 0)))
    return worklist


class Turns:
    """Each release lets one batch be scored; `begun` says that one has come."""

    def __init__(self) -> None:
        self._turns, self._begun = threading.Semaphore(0), threading.Semaphore(0)

    def release(self) -> None:
        self._turns.release()

    def begun(self) -> None:
        assert self._begun.acquire(timeout=20)

    def take(self) -> None:
        self._begun.release()
        assert self._turns.acquire(timeout=20)


@pytest.fixture
def slow(monkeypatch) -> Turns:
    import cxr.reading_room.batch

    turns, real = Turns(), cxr.reading_room.batch.predict

    def predict(*arguments, **options):
        turns.take()
        return real(*arguments, **options)

    monkeypatch.setattr("cxr.reading_room.batch.predict", predict)
    return turns


def test_scores_every_film_and_tells_of_each_once(made_bundle):
    worklist, told = filled(made_bundle, BATCH + 1), []
    worklist.add("no film", b"nothing")
    scorer = Scorer(worklist, scored=told.append)
    assert scorer.progress == ScoringProgress(0, BATCH + 2, None)
    scorer.start()
    scorer.join()
    assert not scorer.busy
    assert worklist.waiting == []
    assert sorted(entry.number for entry in told) == list(range(1, BATCH + 3))
    assert scorer.progress.done == BATCH + 2
    assert scorer.progress.seconds_left == 0
    worklist.add("late.png", png(chest_like(99)))
    scorer.start()
    scorer.join()
    assert len(told) == BATCH + 3


def test_a_film_can_be_waited_for_while_others_are_scored(made_bundle, slow):
    worklist = filled(made_bundle, BATCH + 2)
    scorer, first = Scorer(worklist), worklist.open()
    scorer.start()
    slow.begun()
    assert not scorer.wait_for(first, 0.05), "it is not scored yet"
    slow.release()
    assert scorer.wait_for(first, 20)
    assert not first.waits
    assert scorer.busy, "the others go on"
    scorer.pause()
    slow.release()
    scorer.join()


def test_who_waited_for_the_last_film_finds_all_done(made_bundle):
    worklist = filled(made_bundle, 1)
    scorer = Scorer(worklist)
    assert scorer.wait_for(worklist.open(), 0), "nothing is under way"
    for _ in range(20):
        worklist.score_again(worklist.entries[0])
        scorer.start()
        assert scorer.wait_for(worklist.entries[0], 20)
        assert not scorer.pending


def test_a_film_can_be_read_and_added_while_others_are_scored(made_bundle, slow):
    worklist = filled(made_bundle, 2 * BATCH)
    seen = threading.Event()
    scorer = Scorer(worklist, scored=lambda entry: seen.set())
    scorer.start()
    slow.release()
    assert seen.wait(20)
    assert scorer.busy
    assert worklist.open().prediction.score is not None
    assert scorer.progress.seconds_left > 0
    worklist.add("late.png", png(chest_like(99)))
    for _ in range(2):
        slow.release()
    scorer.join()
    assert worklist.waiting == []


def test_pause_and_go_on(made_bundle, slow):
    worklist = filled(made_bundle, 2 * BATCH)
    scorer = Scorer(worklist)
    scorer.start()
    slow.begun()
    scorer.pause()
    slow.release()
    scorer.join()
    assert len(worklist.waiting) == BATCH
    scorer.start()
    assert not scorer.busy
    slow.release()
    scorer.go_on()
    scorer.join()
    assert worklist.waiting == []


def test_stops_when_nobody_wants_it_any_more(made_bundle):
    worklist, looks = filled(made_bundle, 3 * BATCH), iter([True, False])
    scorer = Scorer(worklist, wanted=lambda: next(looks))
    scorer.start()
    scorer.join()
    assert len(worklist.waiting) == 2 * BATCH


def test_nothing_is_scored_for_a_tab_that_is_gone(made_bundle):
    worklist = filled(made_bundle, 1)
    scorer = Scorer(worklist, wanted=lambda: False)
    scorer.start()
    scorer.join()
    assert len(worklist.waiting) == 1


def test_what_goes_wrong_is_said_and_can_be_tried_again(made_bundle, monkeypatch):
    worklist = filled(made_bundle, 2)
    scorer = Scorer(worklist)
    with monkeypatch.context() as broken:
        broken.setattr("cxr.reading_room.batch.predict", lambda *a, **k: {}[1])
        scorer.start()
        scorer.join()
    assert scorer.error.startswith("2 films could not be scored:")
    assert len(worklist.waiting) == 2
    assert not scorer.pending
    scorer.start()
    assert not scorer.busy
    scorer.go_on()
    scorer.join()
    assert scorer.error == ""
    assert worklist.waiting == []


def test_a_film_that_fails_does_not_stop_the_others(made_bundle, monkeypatch):
    worklist, told = filled(made_bundle, 2 * BATCH), []
    bad = worklist.entries[1]
    monkeypatch.setattr(bad, "film", lambda: {}[1])
    scorer = Scorer(worklist, scored=told.append)
    scorer.start()
    scorer.join()
    assert worklist.waiting == [bad]
    assert len(told) == 2 * BATCH - 1
    assert scorer.error.startswith("1 film could not be scored:")
    monkeypatch.undo()
    scorer.go_on()
    scorer.join()
    assert worklist.waiting == []


def test_where_every_film_fails_the_list_is_given_up_soon(made_bundle, monkeypatch):
    worklist, tried = filled(made_bundle, 5 * BATCH), []

    def failing(models, films, **options):
        tried.append(len(films))
        raise ValueError

    monkeypatch.setattr("cxr.reading_room.batch.predict", failing)
    scorer = Scorer(worklist)
    scorer.start()
    scorer.join()
    assert scorer.error
    assert not scorer.pending
    assert MOST_FAILURES <= sum(tried) <= 2 * BATCH


def test_a_list_that_is_closed_gets_nothing_more(made_bundle, slow):
    worklist, told = filled(made_bundle, 3 * BATCH), []
    scorer = Scorer(worklist, scored=told.append)
    scorer.start()
    slow.begun()
    scorer.close()
    worklist.close()
    slow.release()
    scorer.join()
    assert told == []
    assert not scorer.pending


def test_the_log_of_a_bad_film_holds_no_name(made_bundle, monkeypatch, caplog):
    """Neither that of the patient in the header nor that of the file, whatever goes wrong."""
    name, header = "Miller_Jane.dcm", "Roe^Richard"
    whole = dicom(scene(64, 64).astype("uint16"), PatientName=header, PatientID="4711-ROE")
    broken = whole[:-64]
    worklist = Worklist(made_bundle)
    worklist.add(name, broken)
    worklist.add(name, png(chest_like(1)))
    scorer = Scorer(worklist)

    def failing(*arguments, **options):
        raise ValueError(f"{name} of {header} (4711-ROE) cannot be scored")

    caplog.set_level(logging.DEBUG)
    with monkeypatch.context() as context:
        context.setattr("cxr.reading_room.batch.predict", failing)
        scorer.start()
        scorer.join()
    assert "A film was not scored: ValueError at cxr.reading_room" in caplog.text
    scorer.go_on()
    scorer.join()
    assert "unread" in caplog.text
    assert worklist.entries[1].sha256 in caplog.text
    for secret in (name, "Miller", header, "Roe", "ROE", "4711"):
        assert secret not in caplog.text


def test_another_model_while_films_are_scored(made_bundle, slow):
    """What was under way with the old model must not end in the list of the new one."""
    other = Model(made_bundle.folder, dataclasses.replace(made_bundle.card, name="other"))
    worklist = filled(made_bundle, BATCH)
    told: list[Entry] = []
    scorer = Scorer(worklist, scored=told.append)
    scorer.start()
    slow.begun()
    worklist.rescore(other)
    for _ in range(2):
        slow.release()
    scorer.join()
    assert {entry.prediction.model for entry in worklist.entries} == {"other"}
    assert len(told) == BATCH


def test_a_film_scored_again_is_told_of_again(made_bundle):
    from tests.reading_room.test_worklist import BLANK

    worklist, told = Worklist(made_bundle), []
    worklist.add("blank.png", BLANK)
    scorer = Scorer(worklist, scored=lambda entry: told.append(entry.prediction.overridden))
    scorer.start()
    scorer.join()
    worklist.override(worklist.entries[0])
    scorer.start()
    scorer.join()
    assert told == [False, True]


def test_a_film_that_comes_as_the_last_is_done_does_not_wait_for_ever(made_bundle, monkeypatch):
    """It arrives after the service has asked for films for the last time, and before it rests."""
    worklist = filled(made_bundle, 1)
    scorer = Scorer(worklist)
    real, late = worklist.portion, iter(["late.png"])

    def portion(**options):
        if (offered := real(**options)) is None:
            for name in late:
                worklist.add(name, png(chest_like(99)))
                scorer.start()
                assert scorer.busy
        return offered

    monkeypatch.setattr(worklist, "portion", portion)
    scorer.start()
    scorer.join()
    assert worklist.waiting == []
    assert not scorer.busy


def test_gone_on_with_while_a_pause_takes_hold(made_bundle, monkeypatch):
    """The service has seen the pause, and the reader goes on before it has let the list go."""
    worklist, ends = filled(made_bundle, 2 * BATCH), []
    scorer = Scorer(worklist, scored=lambda entry: scorer.pause() if not ends else None)
    real = scorer.offer

    def offer():
        if (offered := real()) is None and worklist.waiting:
            ends.append(len(worklist.waiting))
            scorer.go_on()
        return offered

    monkeypatch.setattr(scorer, "offer", offer)
    scorer.start()
    scorer.join()
    assert ends == [BATCH]
    assert worklist.waiting == []
