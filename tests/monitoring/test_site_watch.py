"""Whether films still are like those of a site's file."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxr.films.statistics import STATISTICS
from cxr.monitoring import Reading, Readings, new_list_id
from cxr.monitoring.drift import OF_SITE, drifts, logged_films
from cxr.monitoring.measures import agreement
from cxr.monitoring.site_watch import of_site, shares_by_week, watch
from cxr.scoring.bundle import Bundle
from cxr.scoring.site_file import SiteFile, SiteFilms
from tests.cards import a_card
from tests.sites import SITE_POINT, a_site

CARD = a_card()
BUNDLE = Bundle(Path("nowhere"), CARD)


@pytest.fixture(scope="module")
def site() -> SiteFile:
    """Of films whose scores and gray values are spread evenly: 60 of 100 lie above the point."""
    evenly = tuple(np.round(np.linspace(0.001, 0.999, 101), 6).tolist())
    point = replace(SITE_POINT, threshold=0.4, near=(0.3, 0.5), sensitivity=0.9, specificity=0.6)
    return a_site(
        CARD,
        operating_points=(point,),
        films=SiteFilms(200, 300, 0, 500, None, None, "ab" * 32),
        reference=dict.fromkeys(("score", *STATISTICS), evenly),
    )


@pytest.fixture
def table(tmp_path, site: SiteFile):
    def logged(n: int, *, power: float = 1.0, point: str = "", days: int = 0) -> pd.DataFrame:
        """Log films of which, with a power below 1, more than expected score high."""
        log = Readings(f"sqlite:///{tmp_path}/log.sqlite3")
        rng = np.random.default_rng(n)
        log.scored(
            *(
                Reading(
                    time=datetime.now(UTC) - timedelta(days=days),
                    list_id=new_list_id(),
                    film_sha256=f"{k + n * 1000:064x}",
                    model=CARD.name,
                    model_sha256=CARD.weights.sha256,
                    finding=CARD.finding,
                    operating_point=point or site.point().name,
                    threshold=0.4,
                    score=float(rng.random() ** power),
                    **dict.fromkeys(STATISTICS, float(rng.random() ** power)),
                )
                for k in range(n)
            )
        )
        return log.table()

    return logged


def test_films_like_the_sites_own(table, site):
    watched = watch(table(400), site, BUNDLE)
    assert watched.expected == (180 + 120) / 500
    assert watched.n == 400
    assert watched.share == pytest.approx(0.6, abs=0.07)
    assert watched.share_ci[0] < watched.share < watched.share_ci[1]
    assert not watched.premise_fails
    assert {drift.against for drift in watched.drifts} == {OF_SITE}
    assert [drift.n_validation for drift in watched.drifts] == [500] * 6


def test_films_that_are_not(table, site):
    watched = watch(table(400, power=0.4), site, BUNDLE)
    assert watched.premise_fails
    assert watched.moved[0] == "share above"
    assert set(STATISTICS) <= set(watched.moved)
    low, high = watched.difference_ci
    assert 0 < low < watched.share - watched.expected < high


def test_too_few_films_say_nothing(table, site):
    watched = watch(table(12, power=0.05), site, BUNDLE)
    assert not watched.enough
    assert not watched.premise_fails


def test_no_film_at_all(table, site):
    watched = watch(table(3, point="youden"), site, BUNDLE)
    assert (watched.n, watched.premise_fails) == (0, False)
    assert shares_by_week(table(3, point="youden"), site).empty


def test_only_films_scored_by_this_very_file_count(table, site):
    other = a_site(CARD, site="south")
    table(50, point="youden")
    events = table(60, point=other.point().name)
    events = table(40)
    assert len(of_site(events, site)) == 40
    assert len(of_site(events, other)) == 60
    # Scores on another calibration are none of the model's own, nor of the site's.
    assert logged_films(events)["score"].notna().sum() == 50
    assert logged_films(events, site)["score"].notna().sum() == 40
    assert len(logged_films(events)) == 150


def test_by_week(table, site):
    table(40, days=8)
    weeks = shares_by_week(table(10), site)
    assert weeks["n"].tolist() == [40, 10]
    assert weeks["note"].tolist() == ["", "few"]
    assert (weeks["low"] <= weeks["share"]).all()
    assert (weeks["share"] <= weeks["high"]).all()


def test_a_film_counts_once_however_often_it_was_scored(table, site):
    table(40)
    assert watch(table(40), site, BUNDLE).n == 40


def test_chance_alone_seldom_says_that_the_premise_fails(tmp_path, site):
    rng = np.random.default_rng(5)
    failed = 0
    for _ in range(100):
        columns = {name: rng.random(300) for name in STATISTICS}
        events = pd.DataFrame(columns).assign(
            event="scored",
            time=pd.Timestamp.now("UTC"),
            operating_point=site.point().name,
            film_sha256=[f"{k:064x}" for k in range(300)],
            model_sha256=CARD.weights.sha256,
            score=rng.random(300),
            threshold=0.4,
        )
        failed += watch(events, site, BUNDLE).premise_fails
    assert failed <= 12


def test_agreement_is_that_of_the_sites_point(table, site, tmp_path):
    log = Readings(f"sqlite:///{tmp_path}/calls.sqlite3")
    reading = Reading(
        list_id=new_list_id(),
        film_sha256="ab" * 32,
        model=CARD.name,
        model_sha256=CARD.weights.sha256,
        finding=CARD.finding,
        operating_point=site.point().name,
        threshold=0.4,
        score=0.5,
    )
    log.scored(reading)
    log.called(reading, "finding", blind=True)
    assert agreement(of_site(log.table(), site), blind=True).agreed == 1


def test_without_a_reference_drift_is_not_known(table, site):
    bare = a_site(CARD, reference={})
    notes = {drift.note for drift in drifts(table(40), BUNDLE, bare)}
    assert notes == {"not known"}
