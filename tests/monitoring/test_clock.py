"""A clock that is set while films are read: what is counted goes by the order of writing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cxr.monitoring import Readings, keeping, log
from cxr.monitoring.keeping import KEEP
from cxr.monitoring.measures import agreement
from tests.monitoring.test_readings import reading

DAY = timedelta(days=1)


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


def test_a_clock_a_day_ahead_removes_a_day_too_soon_and_no_more(tmp_path, set_clock, monkeypatch):
    monkeypatch.setenv(KEEP, "30")
    url = f"sqlite:///{tmp_path / 'log.sqlite3'}"
    now = datetime.now(UTC)
    Readings(url).scored(*(reading(time=now - timedelta(days=d)) for d in (29.5, 28.5, 0)))
    set_clock(DAY)
    assert len(Readings(url).table()) == 2
    set_clock(-DAY)
    assert len(Readings(url).table()) == 2
    Readings(url).scored(reading())
    set_clock(timedelta(0))
    assert len(Readings(url).table()) == 3
