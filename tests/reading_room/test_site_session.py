"""What a tab keeps while a site proves a model."""

from types import SimpleNamespace

import pandas as pd
import pytest

from cxr.evidence.score_split import learned_from
from cxr.monitoring import LateReadings, Readings
from cxr.reading_room import budget
from cxr.reading_room.site_session import MOST_MODELS, REMEMBERED, SiteSession, SiteSessions
from cxr.reading_room.trail import Trail
from tests.conftest import chest_like, png


def test_an_answer_is_worked_out_once_and_the_oldest_goes(made_bundle):
    session, asked = SiteSession(made_bundle), []

    def answer(key: int) -> int:
        def work() -> int:
            asked.append(key)
            return 10 * key

        return session.remember(key, work)

    assert [answer(1), answer(1)] == [10, 10]
    assert asked == [1]
    for key in range(2, REMEMBERED + 2):
        answer(key)
    answer(1)
    assert asked.count(1) == 2
    answer(REMEMBERED + 1)
    assert asked.count(REMEMBERED + 1) == 1


def test_a_session_that_is_closed_keeps_nothing(made_bundle):
    session = SiteSession(made_bundle)
    session.films.add("a.png", png(chest_like(0)))
    session.sheets["truth"] = ("id", pd.DataFrame())
    session.remember("a", lambda: 1)
    assert session.state == (1, 1)
    session.close()
    assert session.state == (0, 0)
    assert not session.sheets
    assert session.films.size == 0
    assert session.remember("a", lambda: 2) == 2


def test_whether_the_model_learned_from_a_film_is_asked_once(made_bundle, monkeypatch):
    session, asked = SiteSession(made_bundle), []
    learned = made_bundle.films.query("split == 'train'").iloc[:1]
    unlike = "".join(f"{15 - int(digit, 16):x}" for digit in learned["phash"].iloc[0])
    others = pd.DataFrame({"sha256": ["f" * 64, "", "f" * 64], "phash": unlike})

    def ask(bundle, films):
        asked.append(len(films))
        return learned_from(bundle, films)

    monkeypatch.setattr("cxr.reading_room.site_session.learned_from", ask)
    for films, said in (
        (others, [False] * 3),
        (pd.concat([others, learned]), [False] * 3 + [True]),
        (pd.concat([learned, others]), [True] + [False] * 3),
        (others[:0], []),
    ):
        assert session.learned(films).tolist() == said
    assert asked == [2, 1]


def test_a_film_is_asked_for_again_once_it_has_its_fingerprint(made_bundle):
    session = SiteSession(made_bundle)
    copy = made_bundle.films.query("split == 'train'").iloc[:1].assign(sha256="e" * 64)
    assert session.learned(copy.assign(phash="")).tolist() == [False]
    assert session.learned(copy).tolist() == [True]


def test_films_of_a_tab_that_gave_way_are_looked_after_when_it_is_back(made_bundle):
    sessions = SiteSessions()
    assert not sessions.is_closed
    sessions.close()
    assert sessions.is_closed


def test_films_of_a_tab_that_is_gone_are_not_scored(made_bundle):
    session = SiteSession(made_bundle, lambda: False)
    session.films.add("a.png", png(chest_like(0)))
    session.scorer.start()
    assert session.scorer.join(20)
    assert session.films.waiting


class TestSessionsOfSeveralModels:
    @pytest.fixture
    def of(self, made_bundle):
        """Choose a model by its weights; returns its session, in which a film waits."""
        sessions = SiteSessions()

        def chosen(weights: str) -> SiteSession:
            model = SimpleNamespace(card=SimpleNamespace(weights=SimpleNamespace(sha256=weights)))
            session = sessions.of(model, lambda: SiteSession(made_bundle))
            if not len(session.films):
                session.films.add("a.png", png(chest_like(0)))
            return session

        chosen.sessions = sessions
        return chosen

    def test_who_comes_back_to_a_model_finds_its_films(self, of):
        first, second = of("a"), of("b")
        assert first is not second
        assert (of("a"), of("b")) == (first, second)
        assert first.state == second.state == (1, 1)

    def test_those_of_the_model_that_was_left_longest_ago_are_let_go(self, of):
        first, second = of("a"), of("b")
        of("a")
        for k in range(MOST_MODELS - 1):
            of(str(k))
        assert (first.state, second.state) == ((1, 1), (0, 0))
        assert len(of.sessions) == MOST_MODELS

    def test_a_session_that_is_let_go_is_another_one_next_time(self, of):
        first = of("a")
        of.sessions.let_go(first)
        assert first.state == (0, 0)
        assert of("a") is not first

    def test_the_chosen_model_gives_no_way_and_others_do(self, no_other_lists, of, monkeypatch):
        budget.when_full(of.sessions.make_room)
        left, chosen = of("a"), of("b")
        monkeypatch.setenv("CXR_MAX_ALL_LISTS_MB", "1")
        share, size = budget.Share(), left.films.size
        share.take(1_000_000 - budget._used() + 1)
        assert (left.state, chosen.state) == ((0, 0), (1, 1))
        with pytest.raises(budget.NoRoomError):
            share.take(size)
        assert chosen.state == (1, 1)
        share.close()

    def test_a_tab_that_is_closed_keeps_none(self, of):
        first, second = of("a"), of("b")
        of.sessions.close()
        assert first.state == second.state == (0, 0)
        assert not len(of.sessions)


def test_films_that_are_shown_are_in_the_trail_each_time_they_come(made_bundle, tmp_path):
    url = f"sqlite:///{tmp_path / 'log.db'}"
    log, reader = LateReadings(url), "0f" * 16
    session = SiteSession(made_bundle, trail=Trail(log, reader))
    one, two = "1" * 64, "2" * 64
    for shown in ([one], [one], [one, two], [two], [one, one]):
        session.note_shown(shown)
    assert log.wait(20)
    opened = Readings(url).opened_films()
    assert opened["film_sha256"].tolist() == [one, two, one]
    assert set(opened["reader"]) == {reader}
    assert set(opened["list_id"]) == {session.trail.list_id}
