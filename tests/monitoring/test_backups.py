"""The log of readings, backed up while it is written to and restored, as docs/deploy.md says."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from cxr.monitoring import Readings, ReadingsError, schema
from cxr.monitoring.database import CLOSED
from tests.conftest import ROOT
from tests.monitoring.test_readings import (  # noqa: F401 - fixtures
    on_server,
    reading,
    server,
    server_programs,
)

GUIDE = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")


def command(words: str) -> str:
    """The one line of the guide's commands that has these words."""
    blocks = re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL)
    (found,) = [line for block in blocks for line in block.splitlines() if words in line]
    return found


def python(words: str, folder: Path) -> str:
    """Run the guide's line of Python that has these words; returns what it says."""
    program, *rest = shlex.split(command(words))
    assert program == "python3"
    run = [sys.executable, *rest]
    return subprocess.run(
        run, cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def mode(file: Path) -> str:
    """How SQLite writes to a file."""
    connection = sqlite3.connect(file)
    try:
        return str(connection.execute("PRAGMA journal_mode").fetchone()[0])
    finally:
        connection.close()


def filled(url: str, films: int) -> Readings:
    log = Readings(url)
    for number in range(films):
        log.scored(reading(film_sha256=f"{number:064x}"))
    return log


def test_sqlite(tmp_path: Path) -> None:
    log = filled(f"sqlite:///{tmp_path / 'readings.sqlite3'}", 30)
    before = log.table()
    # Copied whole while the newest entries lie in a file of their own (WAL).
    python("VACUUM INTO", tmp_path)
    assert python("integrity_check", tmp_path) == "ok delete 30"
    log.scored(reading())
    file = (tmp_path / "readings.sqlite3").stat().st_ino
    for words in ("readings.sqlite3-wal", "> readings.sqlite3"):
        subprocess.run(command(words), shell=True, cwd=tmp_path, check=True)
    # In the same file, which whoever runs the dashboard may still write to.
    assert (tmp_path / "readings.sqlite3").stat().st_ino == file
    assert mode(tmp_path / "readings.sqlite3") == "delete"
    restored = Readings(f"sqlite:///{tmp_path / 'readings.sqlite3'}")
    assert restored.table().equals(before)
    restored.scored(reading())
    assert len(restored.table()) == 31
    # Again one that readers and a writer use at once without waiting for each other.
    assert mode(tmp_path / "readings.sqlite3") == "wal"


def test_a_copy_of_the_file_by_itself_is_told(tmp_path: Path) -> None:
    """Without what lies in the other file it is whole, opens, and lacks the newest entries."""
    log = filled(f"sqlite:///{tmp_path / 'readings.sqlite3'}", 30)
    other = sqlite3.connect(tmp_path / "readings.sqlite3")  # the last to close would take all in
    other.execute("SELECT * FROM readings").fetchone()
    log.scored(reading())
    shutil.copy(tmp_path / "readings.sqlite3", tmp_path / "readings.backup")
    other.close()
    assert python("integrity_check", tmp_path) == "ok wal 30"
    assert len(log.table()) == 31
    restored = Readings(f"sqlite:///{tmp_path / 'readings.backup'}")
    assert restored.table().equals(log.table().iloc[:30])


def test_a_log_that_cannot_be_written_is_read_all_the_same(tmp_path: Path, monkeypatch) -> None:
    filled(f"sqlite:///{tmp_path / 'readings.sqlite3'}", 3)
    python("VACUUM INTO", tmp_path)

    def cannot(engine: object) -> None:
        raise ReadingsError(CLOSED)

    monkeypatch.setattr(schema, "_write_ahead", cannot)
    assert len(Readings(f"sqlite:///{tmp_path / 'readings.backup'}").table()) == 3


def test_postgresql(server: str, on_server: str, tmp_path: Path) -> None:  # noqa: F811
    import psycopg

    programs = server_programs()
    assert programs is not None
    log = filled(on_server, 30)
    before = log.table()
    user, _, rest = server.partition(":")
    password, _, at = rest.partition("@")
    host, _, port = at.partition(":")
    env = os.environ | {"PGPASSWORD": password, "PGHOST": host, "PGPORT": port}

    def run(words: str, name: str, **options: object) -> None:
        # What is done in the container is done here, on the test's own server.
        inside = re.split(" [<>] ", command(words).split("readings ", 1)[1])[0]
        program, *arguments = shlex.split(inside)
        arguments = [re.sub("^(--dbname=)?cxr$", rf"\1{name}", word) for word in arguments]
        subprocess.run([str(programs / program), *arguments], env=env, check=True, **options)

    assert user == "cxr"
    with (tmp_path / "readings.dump").open("wb") as dump:
        run("pg_dump", on_server.rpartition("/")[2], stdout=dump)
    log.scored(reading())
    name = "restored"
    with psycopg.connect(f"postgresql://{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    # Over what is there already, as after an update that went wrong: of a newer version too.
    filled(f"postgresql://{server}/{name}", 3)
    with psycopg.connect(f"postgresql://{server}/{name}", autocommit=True) as connection:
        connection.execute("CREATE TABLE of_a_newer_version (id integer)")
    run("dropdb", name)
    run("createdb", name)
    with (tmp_path / "readings.dump").open("rb") as dump:
        run("pg_restore", name, stdin=dump)
    restored = Readings(f"postgresql://{server}/{name}")
    assert restored.table().equals(before)
    restored.scored(reading())
    assert len(restored.table()) == 31
    with psycopg.connect(f"postgresql://{server}/{name}") as connection:
        found = connection.execute("SELECT to_regclass('of_a_newer_version')").fetchone()
    assert found == (None,)


@pytest.mark.parametrize(
    "words",
    [
        *("VACUUM INTO", "integrity_check", "pg_dump", "dropdb", "createdb", "pg_restore"),
        *("readings.sqlite3-wal", "> readings.sqlite3"),
    ],
)
def test_the_guide_has_each_command_once(words: str) -> None:
    assert command(words)
