from __future__ import annotations

import csv
import dataclasses
import inspect
import io
import itertools
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from cxr import monitoring as package
from cxr.exports import call_words
from cxr.films.statistics import STATISTICS, film_statistics
from cxr.monitoring import (
    AGREEMENTS,
    CALLS,
    COLUMNS,
    EVENTS,
    EXPORTED_COLUMNS,
    OPENED_COLUMNS,
    REASONS,
    REGION_COLUMNS,
    SIGN_IN_COLUMNS,
    SIGN_IN_EVENTS,
    Exported,
    Opened,
    Reading,
    Readings,
    ReadingsError,
    RegionEntry,
    SignIn,
    agreement_of,
    film_numbers,
    new_list_id,
    schema,
)
from cxr.monitoring import (
    database as place,
)
from cxr.scoring.population import INTENDED_USE
from cxr.scoring.predict import Prediction
from cxr.scoring.refusal import Refusal
from cxr.scoring.region import Region
from tests.conftest import ROOT
from tests.ports import free_port

LIST = "0123456789abcdef" * 2
FILM, OTHER_FILM = "a" * 64, "b" * 64
WEIGHTS, OTHER_WEIGHTS = "c" * 64, "d" * 64
#: All that may ever be kept of a film. A new column wants a migration, and a thought.
ALLOWED = {
    *("time", "list_id", "film_sha256", "model", "model_sha256", "finding"),
    *("operating_point", "threshold", "score", "refusal_code", "refusal_overridden"),
    *("call", "call_blind", "agreement", "reason"),
    *("mean", "spread", "dark", "bright", "sharpness", "reader"),
}
ALLOWED_OF_REGIONS = {
    *("time", "list_id", "film_sha256", "shape", "label", "left", "top", "right", "bottom"),
    *("finding", "model_sha256", "method", "reader"),
}
ALLOWED_OF_TRAIL = {
    "opened": {"time", "reader", "film_sha256", "list_id"},
    "exported": {"time", "reader", "form", "film_sha256", "list_id"},
    "sign_ins": {"time", "reader", "role"},
}
READER = "0f" * 16
PASSWORD = "sesame-7f3"


def reading(**changes) -> Reading:
    values = {
        "list_id": LIST,
        "film_sha256": FILM,
        "model": "pneumonia-made",
        "model_sha256": WEIGHTS,
        "finding": "pneumonia",
        "operating_point": "youden",
        "threshold": 0.5,
        "score": 0.7,
    }
    return Reading(**(values | changes))


def refused(**changes) -> Reading:
    return reading(**({"score": None, "refusal_code": "blank"} | changes))


# a server of its own


def server_programs() -> Path | None:
    """Return the folder of PostgreSQL's programs; Debian keeps them out of the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """A PostgreSQL server that is thrown away; yields ``USER:PASSWORD@HOST:PORT``."""
    programs = server_programs()
    if programs is None:
        pytest.skip("wants a PostgreSQL server: apt-get install postgresql")
    # Not under tmp_path, which is closed to the user that the server runs as: it refuses root.
    folder = Path(tempfile.mkdtemp(prefix="cxr-postgresql-"))
    user = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
    port = free_port()
    try:
        (folder / "password").write_text(PASSWORD)
        if user:
            for path in (folder, folder / "password"):
                shutil.chown(path, **user)

        def run(program: str, *words: str) -> None:
            command = [str(programs / program), "-D", str(folder / "data"), *words]
            log = (folder / "output").open("ab")
            with log:
                done = subprocess.run(
                    command, cwd=folder, stdout=log, stderr=log, timeout=120, **user
                )
            assert done.returncode == 0, (folder / "output").read_text()

        run("initdb", "-U", "cxr", "-A", "scram-sha-256", f"--pwfile={folder / 'password'}", "-N")
        settings = f"-c listen_addresses=127.0.0.1 -p {port} -k {folder} -c fsync=off"
        run("pg_ctl", "-w", "-l", str(folder / "log"), "-o", settings, "start")
        try:
            yield f"cxr:{PASSWORD}@127.0.0.1:{port}"
        finally:
            run("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


_numbers = itertools.count()


@pytest.fixture
def on_server(server: str) -> str:
    """The address of an empty database on the server."""
    import psycopg

    name = f"readings{next(_numbers)}"
    with psycopg.connect(f"postgresql://{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"postgresql://{server}/{name}"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a log that is not there yet, in either kind of database."""
    if request.param == "postgresql":
        found: str = request.getfixturevalue("on_server")
        return found
    return f"sqlite:///{tmp_path / 'log' / 'readings.sqlite3'}"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "readings.sqlite3"


def told(error: BaseException) -> str:
    """All that stands in a log where an error was not caught."""
    return "".join(traceback.format_exception(error))


# what may be kept


def test_nothing_is_kept_but_what_is_listed_here(url: str):
    assert {field.name for field in dataclasses.fields(Reading)} == ALLOWED
    assert tuple(COLUMNS) == ("event", *(field.name for field in dataclasses.fields(Reading)))
    Readings(url)
    engine = sa.create_engine(place.address(url))
    tables = sa.inspect(engine).get_table_names()
    assert set(tables) == {*("readings", "regions", "readings_version"), *ALLOWED_OF_TRAIL}
    columns = {column["name"] for column in sa.inspect(engine).get_columns("readings")}
    assert columns == ALLOWED | {"id", "event"}
    columns = {column["name"] for column in sa.inspect(engine).get_columns("regions")}
    assert columns == ALLOWED_OF_REGIONS | {"id", "event"}
    for table, allowed in ALLOWED_OF_TRAIL.items():
        columns = {column["name"] for column in sa.inspect(engine).get_columns(table)}
        assert columns == allowed | {"id", "event"}
    engine.dispose()


@pytest.mark.parametrize("name", ["name", "patient", "path", "user", "note", "pixels", "event"])
def test_nothing_else_can_be_given(name: str):
    with pytest.raises(TypeError, match="unexpected keyword"):
        reading(**{name: "x"})
    with pytest.raises((AttributeError, TypeError)):
        object.__setattr__(reading(), name, "x")
    prediction = Prediction(0.7, 1.0, "above", "youden", 0.5, None, "m", WEIGHTS)
    with pytest.raises(TypeError, match="unexpected keyword"):
        Reading.of(prediction, finding="p", list_id=LIST, film_sha256=FILM, statistics={name: "x"})


def test_statistics_are_those_that_are_measured():
    assert set(STATISTICS) < ALLOWED
    film = np.random.default_rng(0).random((30, 30), dtype=np.float32)
    found = reading(**film_statistics(film))
    assert {name: getattr(found, name) for name in STATISTICS} == film_statistics(film)


def test_a_reading_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        reading().score = 0.1  # type: ignore[misc]


# what a reading holds


def test_a_time_is_brought_to_utc_and_is_now_where_none_is_given():
    east = timezone(timedelta(hours=2))
    found = reading(time=datetime(2026, 1, 1, 1, 30, tzinfo=east))
    assert found.time == datetime(2025, 12, 31, 23, 30, tzinfo=UTC)
    assert found.time.tzinfo is UTC
    assert abs(datetime.now(UTC) - reading().time) < timedelta(seconds=10)
    for wrong in (datetime(2026, 1, 1), "2026-01-01", None):
        with pytest.raises(ValueError, match="Expected a time with a zone"):
            reading(time=wrong)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"film_sha256": "Doe^John"}, "film_sha256 to be 64 hexadecimal digits"),
        ({"film_sha256": FILM.upper()}, "film_sha256 to be 64"),
        ({"film_sha256": FILM + "a"}, "film_sha256 to be 64"),
        ({"film_sha256": FILM + "\n"}, "film_sha256 to be 64"),
        ({"model_sha256": "c" * 63}, "model_sha256 to be 64"),
        ({"list_id": "doe"}, "list_id to be 32 hexadecimal digits"),
        ({"model": "/home/doe/film.dcm"}, "model to be one line"),
        ({"model": ""}, "model to be one line"),
        ({"model": "m" * 101}, "model to be one line"),
        ({"model": "a\nb"}, "model to be one line"),
        ({"finding": None}, "finding to be one line"),
        ({"operating_point": 3}, "operating_point to be one line"),
        ({"threshold": float("nan")}, "threshold to be a finite number"),
        ({"threshold": None}, "threshold to be a number"),
        ({"threshold": "0.5"}, "threshold to be a finite number"),
        ({"score": 1.01}, "score within 0 to 1"),
        ({"score": -0.01}, "score within 0 to 1"),
        ({"score": float("nan")}, "score to be a finite number"),
        ({"score": "Doe"}, "score to be a number"),
        ({"score": True}, "score to be a finite number"),
        ({"mean": float("inf")}, "mean to be a finite number"),
        ({"sharpness": "Doe"}, "sharpness to be a number"),
        ({"call": "Doe seen"}, "call of finding, no finding, unsure"),
        ({"agreement": "Doe"}, "agreement of agree, override"),
        ({"agreement": "override", "reason": "Doe, John"}, "reason of artefact or device"),
        ({"refusal_code": "Doe John", "score": None}, "refusal_code to be one word"),
        ({"score": None}, "a score, or the code of a refusal"),
        ({"refusal_code": "blank"}, "a score, or the code of a refusal"),
        ({"refusal_overridden": True}, "code of the refusal that was overridden"),
        (
            {"score": None, "refusal_code": "blank", "refusal_overridden": True},
            "a score, or the code",
        ),
        ({"film_sha256": None}, "hash of a film that was scored"),
        ({"call_blind": True}, "a call where it was blind"),
        ({"reason": "other"}, "reason with an override alone"),
        ({"agreement": "agree", "reason": "other"}, "reason with an override alone"),
        ({"score": None, "refusal_code": "blank", "agreement": "agree"}, "a score to agree with"),
    ],
)
def test_a_value_of_another_kind_is_refused_and_not_repeated(changes, message):
    with pytest.raises(ValueError, match=message) as caught:
        reading(**changes)
    assert "doe" not in str(caught.value).lower()
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_what_makes_sense_is_taken():
    for score in (0, 1, np.float32(0.25)):
        found = reading(score=score)
        assert type(found.score) is float
    assert refused(film_sha256=None).film_sha256 is None
    assert reading(refusal_code="too_small", refusal_overridden=np.True_).refusal_overridden is True
    for reason in REASONS:
        assert reading(agreement="override", reason=reason).reason == reason
    for call in CALLS:
        assert reading(call=call, call_blind=True).call == call
    assert refused(call="unsure").call == "unsure"


def test_it_is_told_how_far_the_log_is_read(file: Path, monkeypatch):
    monkeypatch.setattr("cxr.monitoring.log.AT_A_TIME", 2)
    log, told = Readings(f"sqlite:///{file}"), []
    log.scored(*(reading(film_sha256=f"{i:064x}") for i in range(5)))
    read = log.recent(7, lambda done, total: told.append((done, total)))
    assert told == [(2, 5), (4, 5), (5, 5)]
    pd.testing.assert_frame_equal(read, log.table())

    def stop(done: float, total: float) -> None:
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        log.recent(7, stop)
    assert len(log.recent(7)) == 5  # it is open for the next


def test_reasons_and_calls_are_plain_words():
    assert all(text == text.lower() and len(text) <= 20 for text in (*REASONS, *CALLS, *AGREEMENTS))
    assert len(set(REASONS)) == len(REASONS) == 7
    # As exports and pages write them.
    assert [call_words(call, "pneumonia") for call in CALLS] == [
        "pneumonia seen", "no pneumonia seen", "unsure",
    ]  # fmt: skip
    assert CALLS == ("finding", "no finding", "unsure")
    columns = schema.READINGS.columns
    for name, words in (("call", CALLS), ("agreement", AGREEMENTS), ("reason", REASONS)):
        assert max(map(len, words)) <= columns[name].type.length
    assert max(map(len, EVENTS)) <= columns["event"].type.length


def test_list_ids_are_random():
    found = {new_list_id() for _ in range(200)}
    assert len(found) == 200
    for one in found:
        assert reading(list_id=one).list_id == one


def test_is_made_of_a_prediction():
    made = Prediction(0.62, 0.5, "near", "sensitivity-97", 0.41, None, "m-x", WEIGHTS)
    statistics = {"mean": 0.5, "spread": 0.2, "dark": 0.0, "bright": 0.1, "sharpness": 0.03}
    found = Reading.of(
        made, finding="pneumonia", list_id=LIST, film_sha256=FILM, statistics=statistics
    )
    assert found == Reading(
        time=found.time, list_id=LIST, film_sha256=FILM, model="m-x", model_sha256=WEIGHTS,
        finding="pneumonia", operating_point="sensitivity-97", threshold=0.41, score=0.62,
        **statistics,
    )  # fmt: skip


def test_is_made_of_a_refusal_and_of_one_that_was_overridden():
    refusal = Refusal("blank", "The picture is one grey: Doe.")
    plain = Prediction(None, None, None, "youden", 0.5, refusal, "m", WEIGHTS)
    found = Reading.of(plain, finding="p", list_id=LIST, film_sha256="")
    assert (found.refusal_code, found.refusal_overridden, found.score) == ("blank", False, None)
    assert found.film_sha256 is None
    assert "Doe" not in repr(found)
    scored = dataclasses.replace(plain, score=0.3, logit=-1.0, band="below")
    found = Reading.of(scored, finding="p", list_id=LIST, film_sha256=FILM)
    assert (found.refusal_code, found.refusal_overridden, found.score) == ("blank", True, 0.3)


@pytest.mark.parametrize(
    ("call", "score", "expected"),
    [
        ("finding", 0.5, "agree"),
        ("finding", 0.51, "agree"),
        ("finding", 0.49, "override"),
        ("no finding", 0.5, "override"),
        ("no finding", 0.49, "agree"),
        ("unsure", 0.9, None),
        (None, 0.9, None),
        ("finding", None, None),
        ("no finding", None, None),
    ],
)
def test_the_operating_point_decides_who_agrees(call, score, expected):
    assert agreement_of(call, score, 0.5) == expected


def test_agreement_wants_a_call_that_is_known():
    with pytest.raises(ValueError, match="Expected a call of finding, no finding, unsure"):
        agreement_of("Doe", 0.5, 0.5)


# written and read


def test_what_is_written_is_read_back(url: str):
    log = Readings(url)
    when = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)
    values = {"mean": 0.1, "spread": 0.2, "dark": 0.3, "bright": 0.4, "sharpness": 0.0123456789}
    first = reading(time=when, score=1 / 3, threshold=0.123456789012345, **values)
    second = refused(time=when - timedelta(hours=1), film_sha256=None, refusal_code="unreadable")
    log.scored(first, second)
    table = log.table()
    assert tuple(table.columns) == COLUMNS
    assert len(table) == 2  # in the order of writing, not of time
    row = table.iloc[0]
    assert row["event"] == "scored"
    assert row["time"].to_pydatetime() == when
    assert row["time"].utcoffset() == timedelta(0)
    for name in set(COLUMNS) - {"event", "time"}:
        value = getattr(first, name)
        assert (row[name] == value) if value is not None else pd.isna(row[name]), name
    row = table.iloc[1]
    assert pd.isna(row["score"])
    assert pd.isna(row["film_sha256"])
    assert row["refusal_code"] == "unreadable"


def test_the_table_has_the_same_types_empty_or_full(url: str):
    log = Readings(url)
    empty = log.table()
    assert empty.empty
    assert tuple(empty.columns) == COLUMNS
    log.scored(reading())
    pd.testing.assert_series_equal(empty.dtypes, log.table().dtypes)
    assert str(empty["time"].dtype) == "datetime64[us, UTC]"
    assert str(empty["call_blind"].dtype) == "bool"


def test_scoring_several_is_all_or_nothing(url: str, monkeypatch: pytest.MonkeyPatch):
    log = Readings(url)
    good, bad = reading(), reading(film_sha256=OTHER_FILM)
    object.__setattr__(bad, "model", None)  # as the database would refuse it
    with pytest.raises(ReadingsError):
        log.scored(good, bad)
    assert log.table().empty
    log.scored()
    assert log.table().empty


def test_a_call_is_a_new_event_and_says_whether_it_agrees(url: str):
    log = Readings(url)
    then = reading(time=datetime(2026, 1, 1, tzinfo=UTC))
    log.scored(then)
    first = log.called(then, "no finding", blind=True)
    second = log.called(first, "finding", blind=False)
    third = log.called(second, "unsure", blind=False)
    found = log.table()
    assert found["event"].tolist() == ["scored", "called", "called", "called"]
    assert found["call"].fillna("-").tolist() == ["-", "no finding", "finding", "unsure"]
    assert found["call_blind"].tolist() == [False, True, False, False]
    assert found["agreement"].fillna("-").tolist() == ["-", "override", "agree", "-"]
    assert (first.agreement, second.agreement, third.agreement) == ("override", "agree", None)
    assert found["score"].tolist() == [0.7] * 4
    assert first.time > then.time + timedelta(days=1)
    assert found["time"].is_monotonic_increasing
    with pytest.raises(ValueError, match="Expected a call of"):
        log.called(then, "Doe", blind=True)
    assert len(log.table()) == 4


def test_a_judgement_keeps_the_call_and_a_later_call_drops_its_reason(url: str):
    log = Readings(url)
    called = log.called(reading(), "finding", blind=True)
    judged = log.judged(called, "override", "film quality")
    assert (judged.call, judged.call_blind) == ("finding", True)
    assert (judged.agreement, judged.reason) == ("override", "film quality")
    again = log.called(judged, "finding", blind=False)
    assert (again.agreement, again.reason) == ("agree", None)
    assert log.table()["event"].tolist() == ["called", "judged", "called"]
    assert log.table()["reason"].fillna("-").tolist() == ["-", "film quality", "-"]
    assert log.judged(judged, "agree").reason is None
    for wrong, words in (
        (("Doe",), "Expected an agreement of"),
        ((None,), "Expected an agreement of"),
        (("agree", "other"), "reason with an override alone"),
        (("override", "Doe"), "Expected a reason of"),
    ):
        with pytest.raises(ValueError, match=words):
            log.judged(called, *wrong)
    with pytest.raises(ValueError, match="a score to agree with"):
        log.judged(refused(), "agree")


def test_a_table_can_begin_at_a_time(url: str):
    log = Readings(url)
    days = [datetime(2026, 1, day, tzinfo=UTC) for day in (3, 1, 2)]
    log.scored(*(reading(time=day) for day in days))
    found = log.table(since=datetime(2026, 1, 2, tzinfo=UTC))
    assert found["time"].dt.day.tolist() == [3, 2]
    west = timezone(-timedelta(hours=5))
    found = log.table(since=datetime(2026, 1, 1, 20, tzinfo=west))  # 01:00 UTC on the 2nd
    assert found["time"].dt.day.tolist() == [3]


def test_the_newest_number_grows_with_each_event(url: str):
    log = Readings(url)
    seen = [log.newest()]
    for _ in range(3):
        log.scored(reading())
        seen.append(log.newest())
    assert seen == [0, 1, 2, 3]


def test_a_table_can_be_of_the_last_days(url: str):
    log = Readings(url)
    now = datetime.now(UTC)
    log.scored(reading(time=now - timedelta(days=8)), reading(time=now - timedelta(days=6)))
    assert len(log.recent(7)) == 1
    assert len(log.recent(None)) == 2


def test_csv_holds_the_events_and_the_intended_use(url: str):
    log = Readings(url)
    log.scored(reading(time=datetime(2026, 1, 1, tzinfo=UTC)), refused(film_sha256=OTHER_FILM))
    rows = list(csv.DictReader(io.StringIO(log.to_csv())))
    assert list(rows[0]) == [*COLUMNS, "intended_use"]
    assert rows[0]["time"] == "2026-01-01T00:00:00+00:00"
    assert (rows[0]["score"], rows[0]["refusal_code"]) == ("0.7", "")
    assert (rows[1]["score"], rows[1]["refusal_code"]) == ("", "blank")
    assert {row["intended_use"] for row in rows} == {INTENDED_USE}
    assert len(list(csv.reader(io.StringIO(log.to_csv(since=datetime.now(UTC)))))) == 1


def test_no_method_changes_or_takes_away():
    """What was said stays said, but for what is older than readings are kept."""
    sources = {p.name: p.read_text() for p in Path(inspect.getfile(package)).parent.glob("*.py")}
    assert not [name for name, source in sources.items() if "sa.update" in source]
    assert [name for name, source in sources.items() if "sa.delete" in source] == ["keeping.py"]
    assert sources["keeping.py"].count("sa.delete") == 1


# which events are of one film


def test_a_film_is_one_of_a_list_and_of_weights(url: str):
    log = Readings(url)
    other_list = new_list_id()
    log.scored(
        reading(score=0.1),
        reading(film_sha256=OTHER_FILM, score=0.2),
        reading(list_id=other_list, score=0.3),
        reading(model_sha256=OTHER_WEIGHTS, score=0.4),
        reading(score=0.9, threshold=0.8, operating_point="fixed-0.6"),
    )
    assert film_numbers(log.table()).tolist() == [0, 1, 2, 3, 0]


def test_files_that_could_not_be_read_are_a_film_each(url: str):
    log = Readings(url)
    log.scored(*(refused(film_sha256=None, refusal_code="unreadable") for _ in range(3)))
    assert film_numbers(log.table()).nunique() == 3
    assert film_numbers(log.table().iloc[[2, 0]]).tolist() == [0, 1]


# where it stands


def test_stands_in_the_users_folder_for_its_owner_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("CXR_READINGS_URL", raising=False)
    monkeypatch.setattr("platformdirs.user_data_dir", lambda name: str(tmp_path / "data" / name))
    mask = os.umask(0o002)
    try:
        log = Readings()
        log.scored(reading())
        with sqlite3.connect(log.where) as kept:  # so that the files beside it are there
            kept.execute("SELECT count(*) FROM readings").fetchone()
            log.scored(reading())
            found = {path.name: path for path in (tmp_path / "data" / "cxr").iterdir()}
            assert "readings.sqlite3" in found
            for path in found.values():
                assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        kept.close()
    finally:
        os.umask(mask)
    assert log.where == str(tmp_path / "data" / "cxr" / "readings.sqlite3")
    assert stat.S_IMODE((tmp_path / "data" / "cxr").stat().st_mode) == 0o700
    monkeypatch.setenv("CXR_READINGS_URL", "")
    assert len(Readings().table()) == 2


def test_the_modes_of_what_is_there_already_are_left_alone(tmp_path: Path):
    folder = tmp_path / "shared"
    folder.mkdir(mode=0o750)
    file = folder / "readings.sqlite3"
    file.touch(mode=0o640)
    Readings(f"sqlite:///{file}").scored(reading())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o750
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_the_variable_names_the_place_and_an_argument_goes_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("CXR_READINGS_URL", f"sqlite:///{tmp_path / 'one'}")
    Readings().scored(reading())
    assert Readings(f"sqlite:///{tmp_path / 'two'}").table().empty
    assert len(Readings(f"sqlite:///{tmp_path / 'one'}").table()) == 1


@pytest.mark.parametrize("word", ["off", "OFF", " off "])
def test_off_keeps_nothing(word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("platformdirs.user_data_dir", lambda name: str(tmp_path / "data"))
    monkeypatch.setenv("CXR_READINGS_URL", word)
    log = Readings()
    assert not log.enabled
    assert log.where == "nowhere"
    log.scored(reading())
    called = log.called(reading(), "finding", blind=True)
    assert called.agreement == "agree"
    assert log.judged(called, "override", "other").reason == "other"
    assert log.table().empty
    assert tuple(log.table().columns) == COLUMNS
    assert log.newest() == 0
    assert len(log.to_csv().splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_is_switched_on_otherwise(url: str):
    log = Readings(url)
    assert log.enabled
    kind = "PostgreSQL" if url.startswith("postgresql") else url.removeprefix("sqlite:///")
    assert log.where == kind
    assert repr(log) == f"<Readings in {kind}>"
    assert PASSWORD not in repr(log)


@pytest.mark.parametrize(
    "wrong",
    [
        f"mysql://cxr:{PASSWORD}@host/name",
        f"postgresql://cxr:{PASSWORD}@host:port/name",
        f"{PASSWORD}",
        f"://{PASSWORD}",
        "sqlite://",
        "sqlite:///:memory:",
        f"postgresql:{PASSWORD}",
        "/data/readings.sqlite3",
    ],
)
def test_another_address_is_refused_without_quoting_it(wrong: str):
    with pytest.raises(ReadingsError, match=r"Expected CXR_READINGS_URL to be sqlite:///") as error:
        Readings(wrong)
    assert PASSWORD not in told(error.value)
    assert "/data" not in str(error.value)


def test_drivers_are_those_that_are_installed():
    for given in ("postgresql://h/n", "postgres://h/n", "postgresql+psycopg2://h/n"):
        assert place.address(given).drivername == "postgresql+psycopg"
    assert place.address("sqlite+aiosqlite:///x").drivername == "sqlite"


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ReadingsError, match=r"pip install -r requirements-postgresql\.txt"):
        Readings("postgresql://host/name")
    assert "psycopg" in (ROOT / "requirements-postgresql.txt").read_text()


# what goes wrong


def said(error: pytest.ExceptionInfo[ReadingsError], *words: str) -> None:
    message = str(error.value)
    for word in words:
        assert word in message
    assert message.endswith(".")
    assert "/" not in message.replace("sqlite:///", "").replace("postgresql://", "")
    assert "SELECT" not in message
    assert PASSWORD not in told(error.value)


def test_a_damaged_file_is_said_and_left_alone(file: Path):
    for damage in (
        b"no database at all, but long enough to look at" * 40,
        b"SQLite format 3\0" * 99,
    ):
        file.write_bytes(damage)
        with pytest.raises(ReadingsError) as error:
            Readings(f"sqlite:///{file}")
        said(error, "damaged", "CXR_READINGS_URL")
        assert file.read_bytes() == damage


def test_damage_that_comes_later_is_said(file: Path):
    log = Readings(f"sqlite:///{file}")
    log.scored(*(reading() for _ in range(200)))
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    content = bytearray(file.read_bytes())
    content[8192:] = b"\xff" * (len(content) - 8192)
    file.write_bytes(content)
    with pytest.raises(ReadingsError) as error:
        log.table()
    said(error, "damaged")


def test_a_time_that_is_none_is_damage(file: Path):
    log = Readings(f"sqlite:///{file}")
    log.scored(reading())
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE readings SET time = 'Doe'")
    connection.close()
    with pytest.raises(ReadingsError) as error:
        log.table()
    said(error, "damaged")


def test_a_place_that_cannot_be_opened_is_said(tmp_path: Path):
    (tmp_path / "file").touch()
    for where in (tmp_path, tmp_path / "file" / "log.sqlite3", tmp_path / ("x" * 300)):
        with pytest.raises(ReadingsError) as error:
            Readings(f"sqlite:///{where}")
        said(error, "cannot be opened or written", "CXR_READINGS_URL")


def test_a_log_that_may_only_be_read_is_read(file: Path):
    Readings(f"sqlite:///{file}").scored(reading())
    log = Readings(f"sqlite:///file:{file}?mode=ro&uri=true")
    assert len(log.table()) == 1
    with pytest.raises(ReadingsError) as error:
        log.scored(reading())
    said(error, "cannot be opened or written")


def test_a_log_that_is_held_by_another_is_said(file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(place, "PATIENCE", 0.2)
    log = Readings(f"sqlite:///{file}")
    log.scored(reading())
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(ReadingsError) as error:
        log.scored(reading())
    said(error, "busy", "Try again")
    assert len(log.table()) == 1  # who reads does not wait
    holder.execute("COMMIT")
    holder.close()
    log.scored(reading())
    assert len(log.table()) == 2


def test_who_writes_waits_for_another(file: Path):
    log = Readings(f"sqlite:///{file}")
    holder = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.5, lambda: holder.execute("COMMIT"))
    release.start()
    log.scored(reading())
    release.join()
    holder.close()
    assert len(log.table()) == 1


def test_who_is_going_to_write_holds_the_log_from_the_start(file: Path):
    """Or one who reads first and writes then could find that another has written in between."""
    log = Readings(f"sqlite:///{file}")
    other = sqlite3.connect(file, timeout=0, isolation_level=None)
    with place.connected(log._engine, write=True), pytest.raises(sqlite3.OperationalError):
        other.execute("BEGIN IMMEDIATE")
    with place.connected(log._engine):
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")
    other.close()


def test_a_full_disk_is_said_and_nothing_is_half_written(file: Path):
    log = Readings(f"sqlite:///{file}")
    log.scored(reading())
    assert log._engine is not None
    limited = True

    def limit(connection, record):
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages if limited else 10**6}")

    sa.event.listen(log._engine, "connect", limit)
    many = [reading(film_sha256=f"{i:064x}") for i in range(300)]
    with pytest.raises(ReadingsError) as error:
        log.scored(*many)
    said(error, "no room left")
    assert len(log.table()) == 1
    limited = False
    log.scored(*many)
    assert len(log.table()) == 301


def test_a_full_disk_at_the_making_is_said(file: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device", str(file))

    monkeypatch.setattr(place.os, "open", full)
    with pytest.raises(ReadingsError) as error:
        Readings(f"sqlite:///{file}")
    said(error, "no room left")


def test_a_wrong_password_and_a_missing_database_are_said(server: str):
    wrong = server.replace(PASSWORD, "open-" + PASSWORD)
    for url in (f"postgresql://{wrong}/postgres", f"postgresql://{server}/nowhere"):
        with pytest.raises(ReadingsError) as error:
            Readings(url)
        said(error, "server", "CXR_READINGS_URL")


def test_a_server_that_is_not_there_is_said():
    port = free_port()
    with pytest.raises(ReadingsError) as error:
        Readings(f"postgresql://cxr:{PASSWORD}@127.0.0.1:{port}/cxr")
    said(error, "cannot be reached")


def test_who_may_only_read_on_a_server_is_told(on_server: str):
    import psycopg

    log = Readings(on_server)
    log.scored(reading())
    with psycopg.connect(on_server, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    assert len(Readings(on_server).table()) == 1
    with pytest.raises(ReadingsError) as error:
        log.scored(reading())
    said(error, "cannot be opened or written")


def test_a_database_without_an_encoding_will_do(server: str):
    """As the server's own programs make one where the machine has no language."""
    import psycopg

    name = f"readings{next(_numbers)}"
    with psycopg.connect(f"postgresql://{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} ENCODING 'SQL_ASCII' TEMPLATE template0")
    log = Readings(f"postgresql://{server}/{name}")
    log.signed("signed_in", SignIn(reader="0f" * 16, role="reader"))
    assert log.sign_ins()["reader"].tolist() == ["0f" * 16]


def test_who_waits_long_on_a_server_is_told(on_server: str, monkeypatch: pytest.MonkeyPatch):
    import psycopg

    monkeypatch.setattr(place, "PATIENCE", 1)
    log = Readings(on_server)
    with psycopg.connect(on_server) as connection:
        connection.execute("LOCK TABLE readings")
        with pytest.raises(ReadingsError) as error:
            log.scored(reading())
    said(error, "busy")


def test_errors_do_not_quote_what_was_to_be_written(url: str):
    log = Readings(url)
    bad = reading()
    object.__setattr__(bad, "model", None)
    with pytest.raises(ReadingsError) as error:
        log.scored(bad)
    assert FILM not in "".join(
        str(e) for e in (error.value, error.value.__cause__)
    ) or not url.startswith("sqlite")
    assert "parameters hidden" in str(error.value.__cause__)


# versions

#: The log as version 1 made it on SQLite, word for word. Never to be changed.
VERSION_1 = """
CREATE TABLE readings_version (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT readings_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO readings_version VALUES('0001');
CREATE TABLE readings (
	id INTEGER NOT NULL,
	event VARCHAR(8) NOT NULL,
	time DATETIME NOT NULL,
	list_id VARCHAR(32) NOT NULL,
	film_sha256 VARCHAR(64),
	model VARCHAR(100) NOT NULL,
	model_sha256 VARCHAR(64) NOT NULL,
	finding VARCHAR(100) NOT NULL,
	operating_point VARCHAR(100) NOT NULL,
	threshold DOUBLE NOT NULL,
	score DOUBLE,
	refusal_code VARCHAR(40),
	refusal_overridden BOOLEAN NOT NULL,
	call VARCHAR(16),
	call_blind BOOLEAN NOT NULL,
	agreement VARCHAR(16),
	reason VARCHAR(32),
	mean DOUBLE,
	spread DOUBLE,
	dark DOUBLE,
	bright DOUBLE,
	sharpness DOUBLE,
	PRIMARY KEY (id)
);
CREATE INDEX ix_readings_time ON readings (time);
INSERT INTO readings VALUES(1,'scored','2026-01-02 03:04:05.000006','LIST','FILM',
    'pneumonia-made','WEIGHTS','pneumonia','youden',0.5,0.75,NULL,0,NULL,0,NULL,NULL,
    0.25,NULL,NULL,NULL,NULL);
"""

NEXT = '''
"""A version to come."""
import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade():
    op.add_column("readings", sa.Column("monitor", sa.String(20)))


def downgrade():
    op.drop_column("readings", "monitor")
'''


def version_1(file: Path) -> str:
    words = VERSION_1.replace("LIST", LIST).replace("FILM", FILM).replace("WEIGHTS", WEIGHTS)
    with sqlite3.connect(file) as connection:
        connection.executescript(words)
    connection.close()
    return f"sqlite:///{file}"


@pytest.fixture
def next_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let this be version 5, which has a column more."""
    folder = tmp_path / "next"
    shutil.copytree(schema.MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "v0005_monitor.py").write_text(NEXT)
    with monkeypatch.context() as patched:
        patched.setattr(schema, "MIGRATIONS", folder)
        patched.setattr(schema, "HEAD", "0005")
        yield


def test_a_log_of_version_1_opens(file: Path):
    log = Readings(version_1(file))
    assert log.table().to_dict("records")[0] == {
        "event": "scored", "time": pd.Timestamp("2026-01-02 03:04:05.000006", tz="UTC"),
        "list_id": LIST, "film_sha256": FILM, "model": "pneumonia-made", "model_sha256": WEIGHTS,
        "finding": "pneumonia", "operating_point": "youden", "threshold": 0.5, "score": 0.75,
        "refusal_code": pytest.approx(np.nan, nan_ok=True), "refusal_overridden": False,
        "call": pytest.approx(np.nan, nan_ok=True), "call_blind": False,
        "agreement": pytest.approx(np.nan, nan_ok=True),
        "reason": pytest.approx(np.nan, nan_ok=True), "mean": 0.25,
        **dict.fromkeys(STATISTICS[1:], pytest.approx(np.nan, nan_ok=True)),
        "reader": pytest.approx(np.nan, nan_ok=True),
    }  # fmt: skip
    log.scored(reading())
    assert len(log.table()) == 2


def test_version_1_is_what_the_first_migration_makes(file: Path, tmp_path: Path, monkeypatch):
    folder = tmp_path / "first"
    later = shutil.ignore_patterns("__pycache__", "v0002*", "v0003*", "v0004*")
    shutil.copytree(schema.MIGRATIONS, folder, ignore=later)
    with monkeypatch.context() as first:
        first.setattr(schema, "MIGRATIONS", folder)
        first.setattr(schema, "HEAD", "0001")
        Readings(f"sqlite:///{file}")
    version_1(tmp_path / "old")
    assert tables(file) == tables(tmp_path / "old")


def test_a_log_of_version_1_becomes_what_a_new_one_is(file: Path, tmp_path: Path):
    Readings(f"sqlite:///{file}")
    Readings(version_1(tmp_path / "old"))
    assert tables(file) == tables(tmp_path / "old")


def tables(path: Path) -> list[str]:
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
        found = sorted(" ".join(sql.split()) for (sql,) in rows)
    connection.close()
    return found


def test_the_migrations_make_the_table_that_is_written_to(url: str):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    Readings(url)
    engine = sa.create_engine(place.address(url))
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": schema.VERSION_TABLE, "compare_type": True}
        )
        assert context.get_current_revision() == schema.HEAD
        assert compare_metadata(context, schema.READINGS.metadata) == []
    engine.dispose()


def test_the_last_migration_is_the_one_that_is_expected():
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [schema.HEAD]


def test_an_old_log_is_brought_up_and_keeps_its_rows(url: str, next_version: None, monkeypatch):
    with monkeypatch.context() as before:
        before.setattr(schema, "HEAD", "0004")
        before.setattr(schema, "MIGRATIONS", Path(inspect.getfile(schema)).parent / "migrations")
        Readings(url).scored(reading())
    log = Readings(url)
    assert len(log.table()) == 1
    engine = sa.create_engine(place.address(url))
    assert "monitor" in {column["name"] for column in sa.inspect(engine).get_columns("readings")}
    engine.dispose()
    log.scored(reading())
    assert len(Readings(url).table()) == 2


def test_a_migration_that_fails_leaves_the_log_as_it_was(url: str, next_version: None, monkeypatch):
    with monkeypatch.context() as before:
        before.setattr(schema, "HEAD", "0004")
        before.setattr(schema, "MIGRATIONS", Path(inspect.getfile(schema)).parent / "migrations")
        Readings(url).scored(reading())
    script = schema.MIGRATIONS / "versions" / "v0005_monitor.py"
    twice = "    op.add_column('readings', sa.Column('time', sa.String(20)))\n\n\ndef downgrade"
    script.write_text(script.read_text().replace("\n\ndef downgrade", twice, 1))
    with pytest.raises(ReadingsError):
        Readings(url)
    monkeypatch.setattr(schema, "HEAD", "0004")
    assert len(Readings(url).table()) == 1
    engine = sa.create_engine(place.address(url))
    assert "monitor" not in {c["name"] for c in sa.inspect(engine).get_columns("readings")}
    engine.dispose()


def test_a_newer_log_is_refused_and_left_alone(url: str):
    Readings(url).scored(reading())
    engine = sa.create_engine(place.address(url))
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE readings_version SET version_num = '0007'"))
    with pytest.raises(ReadingsError) as error:
        Readings(url)
    said(error, "newer version", "CXR_READINGS_URL")
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT version_num FROM readings_version")).scalar() == (
            "0007"
        )
    engine.dispose()


def test_a_table_of_somebody_else_is_not_touched(url: str):
    engine = sa.create_engine(place.address(url))
    if url.startswith("sqlite"):
        Path(url.removeprefix("sqlite:///")).parent.mkdir()
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
        connection.execute(sa.text("INSERT INTO alembic_version VALUES ('theirs')"))
    Readings(url).scored(reading())
    with engine.connect() as connection:
        found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    assert found == "theirs"
    engine.dispose()


def test_a_folder_with_a_percent_sign_is_no_obstacle(tmp_path: Path, monkeypatch):
    folder = tmp_path / "100%s"
    shutil.copytree(schema.MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(schema, "MIGRATIONS", folder)
    log = Readings(f"sqlite:///{tmp_path / '50% log'}")
    log.scored(reading())
    assert len(log.table()) == 1


def test_who_writes_the_log_ahead_is_not_in_the_way_of_who_reads(file: Path):
    Readings(f"sqlite:///{file}")
    with sqlite3.connect(file) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


# several at once

WRITER = """
import sys
from cxr.monitoring import Reading, Readings, new_list_id
log, list_id = Readings(), new_list_id()
for i in range(50):
    log.scored(Reading(list_id=list_id, film_sha256=f"{i:064x}", model="m", model_sha256="c" * 64,
                       finding="p", operating_point="o", threshold=0.5, score=i / 50))
"""


def test_four_processes_write_to_a_log_that_is_not_there_yet(url: str):
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER],
            cwd=ROOT,
            env=os.environ | {"CXR_READINGS_URL": url},
            stderr=subprocess.PIPE,
        )
        for _ in range(4)
    ]
    for writer in writers:
        _, errors = writer.communicate(timeout=240)
        assert writer.returncode == 0, errors.decode()
    found = Readings(url).table()
    assert len(found) == 200
    assert found["list_id"].value_counts().tolist() == [50] * 4
    for _, rows in found.groupby("list_id"):
        assert rows["film_sha256"].tolist() == [f"{i:064x}" for i in range(50)]


def test_threads_open_and_write_at_once(url: str):
    barrier, errors = threading.Barrier(6), []

    def write(number: int) -> None:
        barrier.wait()
        try:
            log = Readings(url)
            for i in range(5):
                log.scored(reading(film_sha256=f"{number * 100 + i:064x}"))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert Readings(url).table()["film_sha256"].nunique() == 30


def test_no_connection_is_kept(on_server: str):
    import psycopg

    log = Readings(on_server)
    log.scored(reading())
    log.table()
    with psycopg.connect(on_server) as connection:
        count = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'cxr' "
            "AND datname = current_database() AND state IS NOT NULL"
        ).fetchone()
    assert count == (0,)


# regions


def a_region(**changes) -> Region:
    values = {
        "shape": "ellipse",
        "label": "missed by the heatmap",
        "left": 0.1,
        "top": 0.25,
        "right": 0.5,
        "bottom": 0.75,
        "finding": "pneumonia",
        "model_sha256": WEIGHTS,
        "method": "gradcam",
    }
    return Region(**(values | changes))


def an_entry(**changes) -> RegionEntry:
    return RegionEntry(list_id=LIST, film_sha256=FILM, region=a_region(**changes))


def test_regions_come_back_as_they_were_drawn(url: str):
    log = Readings(url)
    assert log.regions().empty
    drawn, other = an_entry(), an_entry(label="other", model_sha256=None, method=None)
    log.drawn(drawn, other)
    log.removed(drawn)
    table = Readings(url).regions()
    assert tuple(table.columns) == REGION_COLUMNS
    assert table["event"].tolist() == ["drawn", "drawn", "removed"]
    rows = table.astype(object).where(table.notna(), None).to_dict("records")
    assert [RegionEntry.of(row) for row in rows] == [drawn, other, drawn]
    assert log.table().empty
    assert log.regions(datetime.now(UTC) + timedelta(days=1)).empty


def test_regions_as_csv(file: Path):
    log = Readings(f"sqlite:///{file}")
    log.drawn(an_entry())
    (row,) = csv.DictReader(io.StringIO(log.regions_csv()))
    assert tuple(row) == (*REGION_COLUMNS, "intended_use")
    assert (row["label"], row["left"], row["intended_use"]) == (
        "missed by the heatmap", "0.1", INTENDED_USE,
    )  # fmt: skip
    assert datetime.fromisoformat(row["time"]).tzinfo is not None


def test_regions_are_kept_nowhere_where_the_log_is_off():
    log = Readings("off")
    log.drawn(an_entry())
    assert log.regions().empty


def test_a_log_of_version_1_takes_regions(file: Path):
    log = Readings(version_1(file))
    log.drawn(an_entry())
    assert len(log.regions()) == len(log.table()) == 1


@pytest.mark.parametrize(
    "change", ["label = 'Doe, John'", "left = 0.9", "shape = 'circle'", "film_sha256 = 'Doe'"]
)
def test_what_is_no_region_is_told_as_damage(file: Path, change: str):
    log = Readings(f"sqlite:///{file}")
    log.drawn(an_entry())
    with sqlite3.connect(file) as connection:
        connection.execute(f"UPDATE regions SET {change}")
    connection.close()
    with pytest.raises(ReadingsError) as error:
        log.regions()
    said(error, "damaged")
    assert "Doe" not in told(error.value).replace(change, "")


@pytest.mark.parametrize(
    ("name", "value"), [("time", datetime(2026, 1, 1)), ("list_id", "doe"), ("film_sha256", "doe")]
)
def test_an_entry_of_a_region_is_checked(name: str, value: object):
    values = {"list_id": LIST, "film_sha256": FILM, "region": a_region()}
    with pytest.raises(ValueError, match="Expected") as error:
        RegionEntry(**(values | {name: value}))
    assert "doe" not in str(error.value)


# readers


def test_readings_and_regions_carry_a_pseudonym(url: str):
    log = Readings(url)
    log.scored(reading(reader=READER), reading())
    called = log.called(reading(reader=READER), "finding", blind=False)
    assert called.reader == READER
    table = log.table()
    assert table["reader"].fillna("").tolist() == [READER, "", READER]
    log.drawn(dataclasses.replace(an_entry(), reader=READER), an_entry())
    assert log.regions()["reader"].fillna("").tolist() == [READER, ""]


@pytest.mark.parametrize(
    "name", ["Rosa Reader", "r.reader@site.example", "0f" * 15, "", 7, "0F" * 16]
)
def test_a_name_is_no_pseudonym_and_is_not_quoted(name):
    for make in (
        lambda: reading(reader=name),
        lambda: RegionEntry(list_id=LIST, film_sha256=FILM, region=a_region(), reader=name),
        lambda: Opened(list_id=LIST, film_sha256=FILM, reader=name),
        lambda: Exported(form="csv", reader=name),
        lambda: SignIn(reader=name),
    ):
        with pytest.raises(ValueError, match="reader") as error:
            make()
        assert not name or str(name) not in str(error.value)


def test_the_trail_tells_who_opened_which_film_and_when(url: str):
    log = Readings(url)
    assert log.opened_films().empty
    at = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
    log.opened(Opened(time=at, reader=READER, film_sha256=FILM, list_id=LIST))
    log.opened(
        Opened(reader=READER, film_sha256=OTHER_FILM, list_id=LIST),
        Opened(reader="1f" * 16, film_sha256=FILM, list_id=LIST),
    )
    trail = Readings(url).opened_films()
    assert tuple(trail.columns) == OPENED_COLUMNS
    assert trail["film_sha256"].tolist() == [FILM, OTHER_FILM, FILM]
    assert trail["reader"].tolist() == [READER, READER, "1f" * 16]
    assert trail["time"].iloc[0] == pd.Timestamp(at)
    assert len(log.opened_films(datetime.now(UTC) - timedelta(hours=1))) == 2
    assert log.table().empty
    assert log.newest() == 0  # of readings


def test_the_trail_tells_who_took_which_film_along_and_in_which_form(url: str):
    log = Readings(url)
    film = Exported(reader=READER, form="dicom", film_sha256=FILM, list_id=LIST)
    log.exported(film, dataclasses.replace(film, film_sha256=OTHER_FILM))
    log.exported(Exported(reader="1f" * 16, form="readings"))
    trail = Readings(url).exported_films()
    assert tuple(trail.columns) == EXPORTED_COLUMNS
    assert trail["form"].tolist() == ["dicom", "dicom", "readings"]
    assert trail["film_sha256"].fillna("").tolist() == [FILM, OTHER_FILM, ""]
    assert log.exported_films(datetime.now(UTC) + timedelta(hours=1)).empty
    for words in ("Rosa's films", "", "a" * 17, 3):
        with pytest.raises(ValueError, match="form"):
            dataclasses.replace(film, form=words)


def test_the_trail_tells_who_signed_in_and_out(url: str):
    log = Readings(url)
    for event in SIGN_IN_EVENTS:
        log.signed(event, SignIn(reader=READER, role=None if event == "refused" else "reader"))
    trail = Readings(url).sign_ins()
    assert tuple(trail.columns) == SIGN_IN_COLUMNS
    assert trail["event"].tolist() == list(SIGN_IN_EVENTS)
    assert trail["role"].fillna("").tolist() == [*["reader"] * 4, ""]
    with pytest.raises(ValueError, match="role"):
        SignIn(reader=READER, role="Head of Radiology")


def test_nothing_changes_or_removes_what_the_trail_holds():
    """Rows are added, and removed by their age alone: no other statement is in the room."""
    folder = Path(inspect.getfile(package)).parent
    said = "".join(path.read_text() for path in folder.glob("*.py"))
    assert said.count("sa.delete(") == 1
    assert "sa.update(" not in said
    assert said.count("sa.insert(") == 1
