"""How long readings and the audit trail are kept: for ever, unless a setting says how many days."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from .reading import ReadingsError
from .schema import READINGS, REGIONS

__all__ = ["KEEP", "KEEP_TRAIL", "keep_days", "oldest_kept", "remove_before"]

#: The environment variables that say for how many days: readings, and the audit trail.
KEEP = "CXR_READINGS_KEEP_DAYS"
KEEP_TRAIL = "CXR_AUDIT_KEEP_DAYS"
MOST = 36_500


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
    """Return the time before which readings are removed; None if none are."""
    return None if days is None else datetime.now(UTC) - timedelta(days=days)


def remove_before(
    connection: sa.Connection, limit: datetime, tables: Sequence[sa.Table] = (READINGS, REGIONS)
) -> int:
    """Remove the entries of tables that are older than a time, and return how many there were.

    It is all that ever takes anything out of the log.
    """
    old = (sa.delete(table).where(table.columns["time"] < limit) for table in tables)
    return sum(connection.execute(delete).rowcount for delete in old)
