"""A clock that is set while films are read: what is counted goes by the order of writing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cxr.monitoring import Opened, Readings, ReadingsError, keeping, log
from cxr.monitoring.keeping import KEEP, KEEP_TRAIL
from cxr.monitoring.measures import agreement
from tests.monitoring.test_readings import reading

DAY = timedelta(days=1)
FILM = {"film_sha256": "ab" * 32, "list_id": "cd" * 16}


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch):
    """Set the clock of the log by so much from the right time."""

    def by(offset: timedelta) -> None:
        class Clock(datetime):
            @classmethod
            def now(cls, tz=None):
                return datetime.now(tz) + offset

        for module in (log, keeping):
            monkeypatch.setattr(module, "datetime", Clock)

    return by


@pytest.mark.parametrize("offset", [-DAY, DAY], ids=["back", "forward"])
def test_the_last_word_of_a_reader_counts_whatever_its_time(tmp_path, set_clock, offset):
    readings = Readings(f"sqlite:///{tmp_path / 'log.sqlite3'}")
    film = reading(score=0.9, threshold=0.5)
    readings.scored(film)
    first = readings.called(film, "no finding", blind=False)
    set_clock(offset)
    readings.called(first, "finding", blind=False)
    set_clock(timedelta(0))
    table = readings.recent(7)
    assert table["event"].tolist() == ["scored", "called", "called"]
    assert table["call"].tolist()[1:] == ["no finding", "finding"]
    assert table["time"].is_monotonic_increasing == (offset > timedelta(0))
    summary = agreement(table, blind=False)
    assert summary.n == 1
    assert readings.newest() == 3


@pytest.mark.parametrize(
    "offset",
    [DAY, 3653 * DAY, -DAY, -3653 * DAY],
    ids=["day", "ten years", "back", "ten years back"],
)
def test_a_clock_that_jumps_removes_nothing(tmp_path, set_clock, monkeypatch, offset):
    """Also where readings are written meanwhile, before and after midnight, with those times."""
    monkeypatch.setenv(KEEP, "30")
    monkeypatch.setenv(KEEP_TRAIL, "30")
    monkeypatch.setattr(log, "LOOKED_FOR", 0)
    url = f"sqlite:///{tmp_path / 'log.sqlite3'}"
    noon = datetime.now(UTC).replace(hour=12)
    ages = [29, 28, 12, 3, 2, 1]
    Readings(url).scored(*(reading(time=noon - timedelta(days=age)) for age in ages))
    Readings(url).opened(Opened(time=noon - 29 * DAY, reader="0f" * 16, **FILM))
    set_clock(offset)
    readings = Readings(url)
    for later in (timedelta(0), timedelta(hours=12)):
        set_clock(offset + later)
        readings.scored(reading(time=noon + offset + later))
    set_clock(timedelta(0))
    table = Readings(url).table()
    assert len(table) == len(ages) + 2
    assert len(Readings(url).opened_films()) == 1


def test_what_is_old_is_removed_once_three_days_have_seen_it(tmp_path, monkeypatch):
    monkeypatch.setenv(KEEP, "30")
    monkeypatch.setattr(log, "LOOKED_FOR", 0)
    url = f"sqlite:///{tmp_path / 'log.sqlite3'}"
    now = datetime.now(UTC)

    def kept() -> int:
        with monkeypatch.context() as all_of_it:
            all_of_it.delenv(KEEP)
            return len(Readings(url).table())

    Readings(url).scored(*(reading(time=now - timedelta(days=age)) for age in (40, 35, 20)))
    for day, left in ((2, 3), (1, 4), (0, 5)):
        assert kept() == left
        Readings(url).scored(reading(time=now - timedelta(days=day)))
    Readings(url).table()
    assert kept() == 4


def test_an_entry_of_a_clock_that_was_not_set_goes_with_those_around_it(tmp_path, monkeypatch):
    monkeypatch.setenv(KEEP, "30")
    monkeypatch.setattr(log, "LOOKED_FOR", 0)
    url = f"sqlite:///{tmp_path / 'log.sqlite3'}"
    now = datetime.now(UTC)
    unset = datetime(2000, 1, 1, tzinfo=UTC)
    Readings(url).scored(reading(time=now - timedelta(days=40), score=0.1))
    Readings(url).scored(reading(time=unset, score=0.2))
    Readings(url).scored(reading(time=now - timedelta(days=20), score=0.3))
    for day in (3, 2, 1):
        Readings(url).scored(reading(time=now - timedelta(days=day), score=0.4))
    assert Readings(url).table()["score"].tolist() == [0.2, 0.3, *[0.4] * 3]
    monkeypatch.setenv(KEEP, "15")
    assert Readings(url).table()["score"].tolist() == [0.4] * 3
    assert len(Readings(url).recent(7)) == 3


def test_what_is_old_is_removed_in_parts_and_keeps_nothing_from_being_written(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(keeping, "AT_ONCE", 2)
    monkeypatch.setattr(log, "REMOVES_FOR", -1)  # one part with each that is written
    url = f"sqlite:///{tmp_path / 'log.sqlite3'}"
    now = datetime.now(UTC)
    Readings(url).scored(*(reading(time=now - timedelta(days=40), score=0.1) for _ in range(7)))
    Readings(url).scored(*(reading(time=now - timedelta(days=day)) for day in (3, 2, 1)))
    monkeypatch.setenv(KEEP, "30")
    kept = Readings(url)
    left = []
    for _ in range(5):
        kept.scored(reading())
        monkeypatch.delenv(KEEP)
        left.append((Readings(url).table()["score"] == 0.1).sum())
        monkeypatch.setenv(KEEP, "30")
    assert left == [3, 1, 0, 0, 0]


def test_an_account_that_may_only_add_goes_on_adding(tmp_path, monkeypatch, caplog):
    def refuse(*_):
        raise ReadingsError("not allowed")

    monkeypatch.setenv(KEEP, "30")
    monkeypatch.setattr(log, "remove_older", refuse)
    readings = Readings(f"sqlite:///{tmp_path / 'log.sqlite3'}")
    readings.scored(reading())
    assert len(readings.table()) == 1
    assert "could not be removed" in caplog.text
