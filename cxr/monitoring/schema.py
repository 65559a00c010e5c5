"""The log's tables, and how a log of an older version is brought up to this one."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from .database import (
    FAILED,
    PATIENCE,
    connected,
    explained,
)
from .reading import FIELDS, ReadingsError
from .regions import REGION_FIELDS
from .trail import EXPORTED_FIELDS, OPENED_FIELDS, SIGN_IN_FIELDS

__all__ = [
    "EVENTS",
    "EXPORTED",
    "HEAD",
    "OPENED",
    "READINGS",
    "REGIONS",
    "SIGN_INS",
    "TRAIL",
    "VERSION_TABLE",
    "bring_up_to_date",
]

#: What an entry tells of: a film was scored, called by its reader, the score was judged, or the
#: reader's last word was taken back.
EVENTS = ("scored", "called", "judged", "undone")
#: The version of the tables that this code reads and writes.
HEAD = "0004"
#: Has a name of its own, so that the log may share a database with other programs.
VERSION_TABLE = "readings_version"
MIGRATIONS = Path(__file__).parent / "migrations"
NEWER = "The log was written by a newer version; update, or set CXR_READINGS_URL to another place."
# Any number will do, the same in all processes.
_LOCK_NUMBER = 0x637872
# Alembic keeps what it is at in globals.
_one_at_a_time = threading.Lock()


class UtcTime(sa.types.TypeDecorator[datetime]):
    """A time in UTC; SQLite stores it without its zone."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Bring a time to UTC, without a zone where the database has none."""
        if value is None:
            return None
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Return a time with its zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _text(name: str, length: int, *, needed: bool = True) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=not needed)


def _number(name: str) -> sa.Column[float]:
    return sa.Column(name, sa.Double)


READINGS = sa.Table(
    "readings",
    sa.MetaData(),
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    _text("event", 8),
    sa.Column("time", UtcTime, nullable=False, index=True),
    _text("list_id", 32),
    _text("film_sha256", 64, needed=False),
    _text("model", 100),
    _text("model_sha256", 64),
    _text("finding", 100),
    _text("operating_point", 100),
    sa.Column("threshold", sa.Double, nullable=False),
    _number("score"),
    _text("refusal_code", 40, needed=False),
    sa.Column("refusal_overridden", sa.Boolean, nullable=False),
    _text("call", 16, needed=False),
    sa.Column("call_blind", sa.Boolean, nullable=False),
    _text("agreement", 16, needed=False),
    _text("reason", 32, needed=False),
    _number("mean"),
    _number("spread"),
    _number("dark"),
    _number("bright"),
    _number("sharpness"),
    _text("reader", 32, needed=False),
)
assert tuple(READINGS.columns.keys()) == ("id", "event", *FIELDS)

#: What readers drew on films.
REGIONS = sa.Table(
    "regions",
    READINGS.metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    _text("event", 8),
    sa.Column("time", UtcTime, nullable=False, index=True),
    _text("list_id", 32),
    _text("film_sha256", 64),
    _text("shape", 16),
    _text("label", 32),
    *(sa.Column(side, sa.Double, nullable=False) for side in ("left", "top", "right", "bottom")),
    _text("finding", 100),
    _text("model_sha256", 64, needed=False),
    _text("method", 40, needed=False),
    _text("reader", 32, needed=False),
)
assert tuple(REGIONS.columns.keys()) == ("id", "event", *REGION_FIELDS)

#: Who opened which film.
OPENED = sa.Table(
    "opened",
    READINGS.metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    _text("event", 8),
    sa.Column("time", UtcTime, nullable=False, index=True),
    _text("reader", 32),
    _text("film_sha256", 64),
    _text("list_id", 32),
)
assert tuple(OPENED.columns.keys()) == ("id", "event", *OPENED_FIELDS)

#: Who took which film along, in which form.
EXPORTED = sa.Table(
    "exported",
    READINGS.metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    _text("event", 16),
    sa.Column("time", UtcTime, nullable=False, index=True),
    _text("reader", 32),
    _text("form", 16),
    _text("film_sha256", 64, needed=False),
    _text("list_id", 32, needed=False),
)
assert tuple(EXPORTED.columns.keys()) == ("id", "event", *EXPORTED_FIELDS)

#: Who signed in and out.
SIGN_INS = sa.Table(
    "sign_ins",
    READINGS.metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    _text("event", 16),
    sa.Column("time", UtcTime, nullable=False, index=True),
    _text("reader", 32),
    _text("role", 16, needed=False),
)
assert tuple(SIGN_INS.columns.keys()) == ("id", "event", *SIGN_IN_FIELDS)

#: The audit trail.
TRAIL = (OPENED, EXPORTED, SIGN_INS)


def bring_up_to_date(engine: sa.Engine) -> None:
    """Create the tables, or bring them up to `HEAD`; does nothing if they are up to date.

    Several threads and processes may do so at once: one does the work, the others wait.

    Raises
    ------
    ReadingsError
        If the log is of a newer version, damaged, or cannot be opened or written.
    """
    with connected(engine) as connection:
        is_current = _version(connection) == HEAD
        if is_current and _writes_ahead(connection):
            return
    if is_current:  # restored from a backup, which does not have the setting
        with _one_at_a_time, suppress(ReadingsError):
            _write_ahead(engine)
        return
    with _one_at_a_time:
        if engine.dialect.name == "sqlite":
            _write_ahead(engine)
        with connected(engine, write=True) as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK_NUMBER)))
            if _version(connection) != HEAD:
                _migrate(connection)


def _version(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    table = sa.table(VERSION_TABLE, sa.column("version_num", sa.String))
    version = connection.execute(sa.select(table.c.version_num)).scalar()
    return None if version is None else str(version)


def _writes_ahead(connection: sa.Connection) -> bool:
    if connection.dialect.name != "sqlite":
        return True
    return connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def _write_ahead(engine: sa.Engine) -> None:
    """Let readers and one writer not wait for each other; the setting is kept in the file."""
    until = time.monotonic() + PATIENCE
    with explained():
        raw = engine.raw_connection()
        try:
            while True:
                try:
                    raw.cursor().execute("PRAGMA journal_mode=WAL")
                    return
                except sqlite3.OperationalError as error:
                    # SQLite does not wait by itself here where another does the same.
                    if error.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > until:
                        raise
                    time.sleep(0.05)
        finally:
            raw.close()


def _migrate(connection: sa.Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if _version(connection) not in {None, *known}:
        raise ReadingsError(NEWER)
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise ReadingsError(FAILED) from error
