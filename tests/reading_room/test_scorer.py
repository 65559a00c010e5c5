"""A list scored in the background: films come, go on, stop, fail, and the model may change."""

from __future__ import annotations

import dataclasses
import logging
import threading

import pytest

from cxr.model import Model
from cxr.reading_room.entry import Entry
from cxr.reading_room.scorer import Scorer, ScoringProgress
from cxr.reading_room.worklist import BATCH, Worklist
from tests.conftest import chest_like, png
from tests.film_files import dicom, scene


def filled(bundle: Model, n: int) -> Worklist:
    worklist = Worklist(bundle)
    for k in range(n):
        worklist.add(f"{k}.png", png(chest_like(k, ill=k % 2 == 0)))
    return worklist


@pytest.fixture
def slow(monkeypatch) -> threading.Semaphore:
    """Each release lets one batch be scored."""
    import cxr.reading_room.worklist

    turn, real = threading.Semaphore(0), cxr.reading_room.worklist.predict

    def predict(*arguments, **options):
        assert turn.acquire(timeout=20)
        return real(*arguments, **options)

    monkeypatch.setattr("cxr.reading_room.worklist.predict", predict)
    return turn


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
    worklist = filled(made_bundle, 3 * BATCH)
    scorer = Scorer(worklist, wanted=lambda: False)
    scorer.start()
    scorer.join()
    assert len(worklist.waiting) == 2 * BATCH


def test_what_goes_wrong_is_said_and_can_be_tried_again(made_bundle, monkeypatch):
    worklist = filled(made_bundle, 2)
    scorer = Scorer(worklist)
    with monkeypatch.context() as broken:
        broken.setattr("cxr.reading_room.worklist.predict", lambda *a, **k: {}[1])
        scorer.start()
        scorer.join()
    assert scorer.error.startswith("The films could not be scored:")
    assert len(worklist.waiting) == 2
    scorer.start()
    assert not scorer.busy
    scorer.go_on()
    scorer.join()
    assert scorer.error == ""
    assert worklist.waiting == []


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
        context.setattr("cxr.reading_room.worklist.predict", failing)
        scorer.start()
        scorer.join()
    assert "Scoring stopped: ValueError at cxr.reading_room" in caplog.text
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
    """It arrives after the thread has looked for films for the last time, and before its end."""
    worklist = filled(made_bundle, 1)
    scorer = Scorer(worklist)
    real, late = worklist.score, iter(["late.png"])

    def score():
        yield from real()
        for name in late:
            worklist.add(name, png(chest_like(99)))
            scorer.start()
            assert scorer.busy

    monkeypatch.setattr(worklist, "score", score)
    scorer.start()
    scorer.join()
    assert worklist.waiting == []
    assert not scorer.busy


def test_gone_on_with_while_a_pause_takes_hold(made_bundle, monkeypatch):
    """The thread has seen the pause, and has not ended yet."""
    worklist, ends = filled(made_bundle, 2 * BATCH), []
    scorer = Scorer(worklist, scored=lambda entry: scorer.pause() if not ends else None)
    real = worklist.score

    def score():
        try:
            yield from real()
        finally:
            ends.append(len(worklist.waiting))
            scorer.go_on()

    monkeypatch.setattr(worklist, "score", score)
    scorer.start()
    scorer.join()
    assert ends == [BATCH, 0]
    assert worklist.waiting == []
