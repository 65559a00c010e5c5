"""What a tab keeps while a site proves a model."""

import pandas as pd

from cxr.reading_room.site_session import REMEMBERED, SiteSession
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
    assert session.films._share.used == 0
    assert session.remember("a", lambda: 2) == 2


def test_films_of_a_tab_that_is_gone_are_not_scored(made_bundle):
    session = SiteSession(made_bundle, lambda: False)
    session.films.add("a.png", png(chest_like(0)))
    session.scorer.start()
    assert session.scorer.join(20)
    assert session.films.waiting
