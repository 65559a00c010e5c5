"""Where the log is kept: its address, its file, its connections, and what can go wrong."""

from __future__ import annotations

import errno
import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    IntegrityError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.pool import NullPool

from ..errors import fault
from .reading import ReadingsError

__all__ = [
    "DAMAGED",
    "ENTRY",
    "FAILED",
    "PATIENCE",
    "VARIABLE",
    "address",
    "connected",
    "explained",
    "is_sqlite",
    "open_engine",
]

logger = logging.getLogger(__name__)

#: Environment variable that names the log's place.
VARIABLE = "CXR_READINGS_URL"
OFF = "off"
# Seconds that one waits for another to finish writing, or for a server to answer.
PATIENCE = 10
ELSEWHERE = f"or set {VARIABLE} to another place"

BUSY = "The log of readings is busy: another program is writing to it. Try again."
FULL = "There is no room left for the log of readings. Free some space on its disk."
CLOSED = f"The log of readings cannot be opened or written. Make its folder writable, {ELSEWHERE}."
DAMAGED = (
    f"The log of readings is damaged. Move its file away, so that a new one is begun, {ELSEWHERE}."
)
UNREACHED = f"The server of the log of readings cannot be reached or refuses. See {VARIABLE}."
FAILED = "The log of readings cannot be read or written."
#: Code of an entry that the database takes at no time, and its message.
ENTRY = "entry"
NOT_TAKEN = "The database of the log of readings does not take an entry."
# What SQLite's and PostgreSQL's error codes start with.
_SQLITE = {
    ("SQLITE_BUSY", "SQLITE_LOCKED"): BUSY,
    ("SQLITE_FULL",): FULL,
    ("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM", "SQLITE_AUTH"): CLOSED,
    ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_FORMAT"): DAMAGED,
}
_POSTGRESQL = {
    ("55P03", "57014", "40"): BUSY,
    ("53100",): FULL,
    ("25006", "42501"): CLOSED,
    ("08", "28", "3D000", "57P", "53300"): UNREACHED,
}


def address(url: str | None = None) -> sa.URL | None:
    """Return where the log is kept, or None if it is switched off.

    Parameters
    ----------
    url : str, optional
        ``sqlite:///FILE``, ``postgresql://...`` or ``off``. If none is given, what
        ``CXR_READINGS_URL`` names, and ``readings.sqlite3`` in the user's data folder where that
        is not set either.

    Raises
    ------
    ReadingsError
        If it is neither.
    """
    given = (url if url is not None else os.environ.get(VARIABLE, "")).strip()
    if given.lower() == OFF:
        return None
    if not given:
        import platformdirs

        file = Path(platformdirs.user_data_dir("cxr")) / "readings.sqlite3"
        return sa.URL.create("sqlite", database=str(file))
    try:
        parsed = sa.make_url(given)
    except (ArgumentError, ValueError):
        parsed = None
    kind = parsed.drivername.partition("+")[0] if parsed else ""
    if parsed and kind == "sqlite" and parsed.database not in (None, "", ":memory:"):
        return parsed.set(drivername="sqlite")
    if parsed and kind in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    # The address may hold a password, so that it is not quoted; nor is what it raised.
    raise ReadingsError(f"Expected {VARIABLE} to be sqlite:///FILE, postgresql://... or {OFF}.")


def is_sqlite(url: sa.URL) -> bool:
    """Whether the log is a file."""
    return url.get_backend_name() == "sqlite"


def open_engine(url: sa.URL) -> sa.Engine:
    """Create an engine that keeps no connection, so that threads and processes may share it.

    A file that does not exist yet is created for its owner alone (0600), and so is its folder
    (0700).

    Raises
    ------
    ReadingsError
        If the file cannot be made or a PostgreSQL driver is missing.
    """
    if is_sqlite(url):
        assert url.database
        if not url.database.startswith("file:"):
            with explained():
                file = Path(url.database)
                file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                os.close(os.open(file, os.O_RDONLY | os.O_CREAT, 0o600))
        # No transaction but those that are begun below.
        arguments: dict[str, Any] = {"timeout": PATIENCE, "isolation_level": None}
    else:
        arguments = {
            "connect_timeout": PATIENCE,
            "options": f"-c statement_timeout={PATIENCE * 1000}",
            "application_name": "cxr",
            # One that was made without a language gives bytes for text, unless it is asked for it.
            "client_encoding": "utf8",
        }
        arguments = {name: value for name, value in arguments.items() if name not in url.query}
    try:
        engine = sa.create_engine(
            url, poolclass=NullPool, hide_parameters=True, connect_args=arguments
        )
    except ImportError as error:
        raise ReadingsError(
            "A log on PostgreSQL wants psycopg: pip install -r requirements-postgresql.txt"
        ) from error
    if is_sqlite(url):
        sa.event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: sa.Connection) -> None:
    # One who reads first and writes then could find that another has written in between.
    write = connection.get_execution_options().get("cxr_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


@contextmanager
def connected(engine: sa.Engine, *, write: bool = False) -> Iterator[sa.Connection]:
    """Connect for one transaction: committed at the end, rolled back if something is raised.

    Raises
    ------
    ReadingsError
        If the database cannot be reached, read or written.
    """
    with explained(), engine.connect() as connection:
        connection.execution_options(cxr_write=write)
        with connection.begin():
            yield connection


@contextmanager
def explained() -> Iterator[None]:
    """Turn what databases and files raise into a `ReadingsError` for people."""
    try:
        yield
    except (DataError, IntegrityError) as error:
        logger.error("The log of readings does not take an entry: %s", fault(error))
        raise ReadingsError(NOT_TAKEN, code=ENTRY) from error
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        logger.error("The log of readings failed: %s", fault(error))
        raise ReadingsError(_message(error)) from error


def _message(error: Exception) -> str:
    if isinstance(error, OSError):
        return FULL if error.errno in (errno.ENOSPC, errno.EDQUOT) else CLOSED
    cause = getattr(error, "orig", None) or error
    if name := getattr(cause, "sqlite_errorname", None):
        return _looked_up(_SQLITE, name)
    if state := getattr(cause, "sqlstate", None):
        return _looked_up(_POSTGRESQL, state)
    return UNREACHED if isinstance(error, OperationalError) else FAILED


def _looked_up(messages: dict[tuple[str, ...], str], code: str) -> str:
    return next((text for starts, text in messages.items() if code.startswith(starts)), FAILED)
