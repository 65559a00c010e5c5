"""How long readings are kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cxr.monitoring import LateReadings, Opened, Reading, Readings, ReadingsError, log, new_list_id
from cxr.monitoring.keeping import KEEP, KEEP_TRAIL, keep_days


def reading(days: float) -> Reading:
    return Reading(
        time=datetime.now(UTC) - timedelta(days=days),
        list_id=new_list_id(),
        film_sha256="ab" * 32,
        model="made",
        model_sha256="cd" * 32,
        finding="pneumonia",
        operating_point="youden",
        threshold=0.4,
        score=0.5,
    )


#: Of the days by which the log believes what time it is.
RECENT = (reading(2), reading(1), reading(0))


@pytest.fixture
def url(tmp_path) -> str:
    return f"sqlite:///{tmp_path}/log.sqlite3"


def test_for_ever_unless_it_is_said(url, monkeypatch):
    monkeypatch.delenv(KEEP, raising=False)
    Readings(url).scored(reading(3000), reading(0))
    assert len(Readings(url).table()) == 2
    monkeypatch.setenv(KEEP, " ")
    assert keep_days() is None


def test_what_is_older_is_removed_when_the_log_is_opened(url, monkeypatch):
    Readings(url).scored(reading(34), reading(29), *RECENT)
    monkeypatch.setenv(KEEP, "30")
    assert len(Readings(url).table()) == 4
    monkeypatch.delenv(KEEP)
    assert len(Readings(url).table()) == 4


def test_what_grows_old_while_the_log_is_open_is_not_shown_and_goes_in_the_end(url, monkeypatch):
    monkeypatch.setenv(KEEP, "30")
    readings = Readings(url)
    readings.scored(reading(34), *RECENT)
    assert len(readings.table()) == len(readings.recent(None)) == len(readings.recent(90)) == 3
    assert len(readings.to_csv().splitlines()) == 4
    monkeypatch.setattr(log, "LOOKED_FOR", 0)
    readings.scored(reading(0))
    monkeypatch.delenv(KEEP)
    assert len(Readings(url).table()) == 4


def test_those_who_write_behind_remove_too(url, monkeypatch):
    Readings(url).scored(reading(34), *RECENT)
    monkeypatch.setenv(KEEP, "30")
    late = LateReadings(url)
    late.scored(reading(0))
    late.close()
    monkeypatch.delenv(KEEP)
    assert len(Readings(url).table()) == 4


@pytest.mark.parametrize("said", ["0", "-1", "1.5", "a month", "99999999999999999999", "٣"])
def test_what_is_no_number_of_days(url, monkeypatch, said):
    Readings(url).scored(reading(3000))
    monkeypatch.setenv(KEEP, said)
    with pytest.raises(ReadingsError, match=KEEP) as caught:
        Readings(url)
    assert caught.value.code == "keep_days"
    monkeypatch.delenv(KEEP)
    assert len(Readings(url).table()) == 1


def test_the_audit_trail_is_kept_for_its_own_time(url, monkeypatch):
    def opened(days: float) -> Opened:
        at = datetime.now(UTC) - timedelta(days=days)
        return Opened(time=at, reader="0f" * 16, film_sha256="ab" * 32, list_id=new_list_id())

    Readings(url).opened(opened(400), opened(200), opened(0))
    Readings(url).scored(reading(200), *RECENT)
    monkeypatch.setenv(KEEP, "30")
    assert len(Readings(url).opened_films()) == 3
    monkeypatch.setenv(KEEP_TRAIL, "365")
    assert len(Readings(url).opened_films()) == 2
    monkeypatch.delenv(KEEP_TRAIL)
    monkeypatch.delenv(KEEP)
    assert len(Readings(url).opened_films()) == 2
    assert len(Readings(url).table()) == 3
    monkeypatch.setenv(KEEP_TRAIL, "a year")
    with pytest.raises(ReadingsError, match=KEEP_TRAIL):
        Readings(url)
