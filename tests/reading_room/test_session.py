"""A reader's session: what is looked for of the film that is open, and when the page is drawn."""

from __future__ import annotations

import threading

import pytest

import cxr.reading_room.outlines
from cxr.lungs.segment import KIND, NO_LUNGS, Search
from cxr.model import Model
from cxr.reading_room.outlines import COMING
from cxr.reading_room.session import ReadingSession
from cxr.reading_room.worklist import Worklist
from tests.conftest import chest_like, png


@pytest.fixture
def session(made_bundle: Model) -> ReadingSession:
    made = ReadingSession(Worklist(made_bundle), None, lambda: True)
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
