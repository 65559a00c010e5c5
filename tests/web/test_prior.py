"""What stands by a film and its prior, and when there is one to show."""

from __future__ import annotations

import pytest

from cxr.lungs.outline import Outline
from cxr.model import Model
from cxr.reading_room.session import ReadingSession
from cxr.reading_room.worklist import Worklist
from cxr.web.prior import COMING, NONE, current_of, prior_of, prior_said
from cxr.web.transfer import ready_film
from tests.reading_room.test_studies import x_ray


@pytest.fixture
def session(made_bundle: Model) -> ReadingSession:
    """A patient's study with a lateral, and an earlier one; all are scored."""
    made = ReadingSession(Worklist(made_bundle), None, lambda: True, ready_film)
    for name, study, day, view in (
        ("IM1", 1, "20240301", "PA"),
        ("IM2", 1, "20240301", "LL"),
        ("IM3", 2, "20231101", "AP"),
    ):
        made.worklist.add(name, x_ray(len(made.worklist) + 1, study, day, ViewPosition=view))
    list(made.worklist.score())
    return made


def ready(session: ReadingSession, number: int):
    session.choose(number)
    entry = session.opened()
    session.film(entry)
    session.read_ahead()
    assert session._ahead.join(20)
    return entry


def test_both_films_have_their_dates_and_their_scores(session: ReadingSession) -> None:
    entry = ready(session, 1)
    current, prior = current_of(session, entry), prior_of(session, entry)
    assert current.name == "Current · 2024-03-01 · PA · IM1"
    assert prior.name == "Prior · 2023-11-01 · AP · IM3"
    assert prior.film is session.held(session.worklist.entries[2])
    for hung, film in ((current, entry), (prior, session.worklist.entries[2])):
        said = f"pneumonia {film.prediction.score:.3f} {film.prediction.band}"
        assert said in hung.scores.replace("\N{NO-BREAK SPACE}", " ")


def test_until_it_is_read_a_prior_has_its_place_and_no_film(session: ReadingSession) -> None:
    session.choose(1)
    entry = session.opened()
    assert current_of(session, entry) is not None
    assert prior_of(session, entry) is None
    assert prior_said(session, entry) == COMING


def test_who_has_no_earlier_film_is_told_so(session: ReadingSession) -> None:
    entry = ready(session, 3)
    assert current_of(session, entry) is prior_of(session, entry) is None
    assert prior_said(session, entry) == NONE


def test_a_blind_list_shows_no_score_of_either_film(session: ReadingSession) -> None:
    session.worklist.blind = True
    entry = ready(session, 1)
    for hung in (current_of(session, entry), prior_of(session, entry)):
        assert not any(sign.isdigit() for sign in hung.scores)
        assert "to call" in hung.scores
        assert hung.heatmap is None


def test_a_lateral_has_no_score_and_is_matched_by_no_lungs(session, monkeypatch) -> None:
    box = Outline((), (), (), (1.0, 2.0, 3.0, 4.0))
    monkeypatch.setattr(session.outlines, "of", lambda sha256: box)
    lateral = ready(session, 2)
    assert current_of(session, lateral).lungs.box is None
    assert "lateral" in current_of(session, lateral).scores
    frontal = ready(session, 1)
    assert current_of(session, frontal).lungs.box == box.box
