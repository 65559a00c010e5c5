"""How long readings and the audit trail are kept: for ever, unless a setting says how many days.

An entry is old by the machine's clock, and is not shown any more then. It is removed only once it
is old by the log itself too, that is by the third newest of the days on which something was
written: a clock that jumps years ahead, for a minute or across midnight, removes nothing. An entry
of a clock that stood years back, as one without a battery does, is as old as what was written next
by one that was right.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from .reading import ReadingsError
from .schema import READINGS, REGIONS, TRAIL

__all__ = ["KEEP", "KEEP_TRAIL", "is_kept", "keep_days", "oldest_kept", "remove_older"]

#: The environment variables that say for how many days: readings, and the audit trail.
KEEP = "CXR_READINGS_KEEP_DAYS"
KEEP_TRAIL = "CXR_AUDIT_KEEP_DAYS"
MOST = 36_500
#: Days on which something was written, after which the log believes what time it is.
DAYS_SEEN = 3
#: Entries that are removed from a table at a time.
AT_ONCE = 5_000
#: There was no log of readings before: an entry from before is of a clock that was not set.
FIRST_DAY = datetime(2025, 1, 1, tzinfo=UTC)


def keep_days(variable: str = KEEP) -> int | None:
    """Return for how many days entries are kept; None for ever.

    Parameters
    ----------
    variable : str
        `KEEP` or `KEEP_TRAIL`.

    Raises
    ------
    ReadingsError
        If the setting is no number of days: nothing is then kept for longer than was meant, nor
        removed too soon.
    """
    said = os.environ.get(variable, "").strip()
    if not said:
        return None
    days = int(said) if said.isascii() and said.isdecimal() and len(said) < 10 else 0
    if not 1 <= days <= MOST:
        raise ReadingsError(
            f"{variable} says for how many days entries are kept: a whole number from 1 to "
            f"{MOST:,}. Unset it to keep them for ever.",
            code="keep_days",
        )
    return days


def oldest_kept(days: int | None) -> datetime | None:
    """Return the time before which entries are not shown; None if all are."""
    return None if days is None else datetime.now(UTC) - timedelta(days=days)


def is_kept(table: sa.Table, since: datetime) -> sa.ColumnElement[bool]:
    """Return the condition that an entry of a table is of a time or later.

    One of a clock that was not set counts as such.
    """
    time = table.columns["time"]
    return sa.or_(time >= since, time < FIRST_DAY)


def remove_older(connection: sa.Connection, days: int, tables: Sequence[sa.Table]) -> int:
    """Remove entries of tables that are older than so many days; return how many.

    At most `AT_ONCE` of each table, the first ones; 0 once there are none. It is all that ever
    takes anything out of the log.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that writes.
    days : int
        For how many they are kept.
    tables : sequence of sqlalchemy.Table
        Theirs.
    """
    seen = _day_seen(connection)
    if seen is None:
        return 0
    limit = seen - timedelta(days=days)
    return sum(_remove(connection, table, limit) for table in tables)


def _remove(connection: sa.Connection, table: sa.Table, limit: datetime) -> int:
    number, time = table.columns["id"], table.columns["time"]
    dated = sa.and_(time >= FIRST_DAY, time < limit)
    last = connection.execute(sa.select(sa.func.max(number)).where(dated)).scalar()
    if last is None:
        return 0
    old = sa.select(number).where(sa.or_(dated, sa.and_(time < FIRST_DAY, number < last)))
    first = connection.execute(old.order_by(number).limit(AT_ONCE)).scalars().all()
    return connection.execute(sa.delete(table).where(number.in_(first))).rowcount


def _day_seen(connection: sa.Connection) -> datetime | None:
    """Return the last entry of the third newest day of the log, up to now; None if it has fewer."""
    before = datetime.now(UTC)
    newest = None
    for _ in range(DAYS_SEEN):
        found = (
            connection.execute(
                sa.select(sa.func.max(table.columns["time"])).where(table.columns["time"] < before)
            ).scalar()
            for table in (READINGS, REGIONS, *TRAIL)
        )
        newest = max(filter(None, found), default=None)
        if newest is None:
            return None
        before = newest.replace(hour=0, minute=0, second=0, microsecond=0)
    return newest
