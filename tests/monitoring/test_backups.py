"""The log of readings, backed up while it is written to and restored, as docs/deploy.md says."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from cxr.monitoring import Readings
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


def filled(url: str, films: int) -> Readings:
    log = Readings(url)
    for number in range(films):
        log.scored(reading(film_sha256=f"{number:064x}"))
    return log


def test_sqlite(tmp_path: Path) -> None:
    log = filled(f"sqlite:///{tmp_path / 'readings.sqlite3'}", 30)
    before = log.table()
    made = shlex.split(command("VACUUM INTO"))
    assert made[0] == "python3"
    # Copied whole while the newest entries lie in a file of their own (WAL).
    subprocess.run([sys.executable, *made[1:]], cwd=tmp_path, check=True)
    log.scored(reading())
    file = (tmp_path / "readings.sqlite3").stat().st_ino
    for words in ("readings.sqlite3-wal", "> readings.sqlite3"):
        subprocess.run(command(words), shell=True, cwd=tmp_path, check=True)
    # In the same file, which whoever runs the dashboard may still write to.
    assert (tmp_path / "readings.sqlite3").stat().st_ino == file
    restored = Readings(f"sqlite:///{tmp_path / 'readings.sqlite3'}")
    assert restored.table().equals(before)
    restored.scored(reading())
    assert len(restored.table()) == 31


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
        *("VACUUM INTO", "pg_dump", "dropdb", "createdb", "pg_restore"),
        *("readings.sqlite3-wal", "> readings.sqlite3"),
    ],
)
def test_the_guide_has_each_command_once(words: str) -> None:
    assert command(words)
