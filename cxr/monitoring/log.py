"""The log of readings in a database: written as films are read, returned as tables."""

from __future__ import annotations

import dataclasses
import logging
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import pandas as pd
import sqlalchemy as sa

from ..progress import Progress
from ..scoring.population import INTENDED_USE
from ..scoring.reader import Agreement, Call, Reason
from ..storage.csv_text import table_text
from .database import (
    DAMAGED,
    address,
    connected,
    is_sqlite,
    open_engine,
)
from .keeping import KEEP_TRAIL, is_kept, keep_days, oldest_kept, remove_older
from .reading import (
    FIELDS,
    Reading,
    ReadingsError,
    agreement_of,
)
from .regions import REGION_EVENTS, REGION_FIELDS, RegionEntry
from .schema import (
    EVENTS,
    EXPORTED,
    OPENED,
    READINGS,
    REGIONS,
    SIGN_INS,
    TRAIL,
    bring_up_to_date,
)
from .trail import (
    EXPORTED_EVENTS,
    EXPORTED_FIELDS,
    OPENED_EVENTS,
    OPENED_FIELDS,
    SIGN_IN_EVENTS,
    SIGN_IN_FIELDS,
    Exported,
    Opened,
    SignIn,
    TrailEntry,
)

__all__ = [
    "COLUMNS",
    "EXPORTED_COLUMNS",
    "OPENED_COLUMNS",
    "REGION_COLUMNS",
    "SIGN_IN_COLUMNS",
    "Noted",
    "Readings",
    "Recorder",
    "film_numbers",
]

#: What the log keeps.
Noted: TypeAlias = Reading | RegionEntry | TrailEntry

logger = logging.getLogger(__name__)

#: Seconds between two looks for what is too old to be kept.
LOOKED_FOR = 3600
#: Seconds that what is written next waits at most for old entries to be removed, or a part longer.
REMOVES_FOR = 0.5
#: Rows of a table that are read before it is told how far it is.
AT_A_TIME = 5000
#: The columns of `Readings.table`.
COLUMNS = ("event", *FIELDS)
_TEXTS = [c for c in COLUMNS if isinstance(READINGS.columns[c].type, sa.String)]
_NUMBERS = [c for c in COLUMNS if isinstance(READINGS.columns[c].type, sa.Double)]
_FLAGS = [c for c in COLUMNS if isinstance(READINGS.columns[c].type, sa.Boolean)]
_DTYPES = (
    dict.fromkeys(_TEXTS, "str")
    | dict.fromkeys(_NUMBERS, "float64")
    | dict.fromkeys(_FLAGS, "bool")
    | {"time": "datetime64[us, UTC]"}
)
#: The columns of `Readings.regions`.
REGION_COLUMNS = ("event", *REGION_FIELDS)
_REGION_TEXTS = [c for c in REGION_COLUMNS if isinstance(REGIONS.columns[c].type, sa.String)]
_REGION_DTYPES = (
    dict.fromkeys(_REGION_TEXTS, "str")
    | dict.fromkeys(("left", "top", "right", "bottom"), "float64")
    | {"time": "datetime64[us, UTC]"}
)
#: The columns of `Readings.opened_films`, `Readings.exported_films` and `Readings.sign_ins`.
OPENED_COLUMNS = ("event", *OPENED_FIELDS)
EXPORTED_COLUMNS = ("event", *EXPORTED_FIELDS)
SIGN_IN_COLUMNS = ("event", *SIGN_IN_FIELDS)
_TABLES = (
    dict.fromkeys(EVENTS, READINGS)
    | dict.fromkeys(REGION_EVENTS, REGIONS)
    | dict.fromkeys(OPENED_EVENTS, OPENED)
    | dict.fromkeys(EXPORTED_EVENTS, EXPORTED)
    | dict.fromkeys(SIGN_IN_EVENTS, SIGN_INS)
)


class Recorder(ABC):
    """What notes that films were scored and what their readers said of them."""

    @property
    @abstractmethod
    def enabled(self) -> bool:
        """False if the log is switched off."""

    @abstractmethod
    def add(self, event: str, readings: Sequence[Noted]) -> None:
        """Keep readings, all of one event (`EVENTS`), regions (`REGION_EVENTS`) or of the trail."""

    def scored(self, *readings: Reading) -> None:
        """Record that films were scored or refused; all of them, or none if that fails.

        Raises
        ------
        ReadingsError
            If the log cannot be written to.
        """
        self.add("scored", readings)

    def called(self, reading: Reading, call: Call | str, *, blind: bool) -> Reading:
        """Record a reader's call, and whether it agrees with the model.

        Parameters
        ----------
        reading : Reading
            The film's entry as it was scored.
        call : Call or str
            What was said, or its value.
        blind : bool
            Whether it was said before score and heatmap were shown.

        Returns
        -------
        Reading
            The new entry, with the call and the agreement (`agreement_of`), as of now.

        Raises
        ------
        ReadingsError
            If the log cannot be written to.
        ValueError
            If there is no such call.
        """
        call = Call(call)
        agreement = agreement_of(call, reading.score, reading.threshold)
        new = dataclasses.replace(
            reading,
            time=datetime.now(UTC),
            call=call,
            call_blind=blind,
            agreement=agreement,
            reason=None,
        )
        self.add("called", [new])
        return new

    def judged(
        self, reading: Reading, agreement: Agreement | str, reason: Reason | str | None = None
    ) -> Reading:
        """Record what the reader says of a score, having seen it.

        Parameters
        ----------
        reading : Reading
            The film's entry as it was scored or called; a call that it holds stays in the new one.
        agreement : Agreement or str
            What was said, or its value.
        reason : Reason or str, optional
            Of an override, or its value (default: none was given).

        Returns
        -------
        Reading
            The new entry, as of now.

        Raises
        ------
        ReadingsError
            If the log cannot be written to.
        ValueError
            If the film has no score, there is no such agreement or reason, or a reason is
            given without an override.
        """
        new = dataclasses.replace(
            reading,
            time=datetime.now(UTC),
            agreement=Agreement(agreement),
            reason=Reason(reason) if reason is not None else None,
        )
        self.add("judged", [new])
        return new

    def undone(self, before: Reading, *, said: bool) -> None:
        """Record that a reader took the last word on a score back; what was recorded of it stays.

        Parameters
        ----------
        before : Reading
            The film's entry before that word.
        said : bool
            Whether the reader had said something of the score before. If so that holds again, and
            is in the new entry; if not, the entry has neither call nor agreement.

        Raises
        ------
        ReadingsError
            If the log cannot be written to.
        """
        new = dataclasses.replace(before, time=datetime.now(UTC))
        if not said:
            new = dataclasses.replace(new, call=None, call_blind=False, agreement=None, reason=None)
        self.add("undone", [new])

    def drawn(self, *regions: RegionEntry) -> None:
        """Record regions that a reader drew; all of them, or none if that fails.

        Raises
        ------
        ReadingsError
            If the log cannot be written to.
        """
        self.add("drawn", regions)

    def removed(self, *regions: RegionEntry) -> None:
        """Record that a reader took regions away which had been drawn.

        Raises
        ------
        ReadingsError
            If the log cannot be written to.
        """
        self.add("removed", regions)

    def opened(self, *films: Opened) -> None:
        """Record that films were shown to somebody; all of them, or none if that fails.

        Raises
        ------
        ReadingsError
            If the log cannot be written to.
        """
        self.add("opened", films)

    def exported(self, *films: Exported) -> None:
        """Record that somebody took films along; all of them, or none if that fails.

        Raises
        ------
        ReadingsError
            If the log cannot be written to.
        """
        self.add("exported", films)

    def signed(self, event: str, who: SignIn) -> None:
        """Record that somebody signed in or was refused, or that it ended (`SIGN_IN_EVENTS`).

        Raises
        ------
        ReadingsError
            If the log cannot be written to.
        """
        self.add(event, [who])


class Readings(Recorder):
    """The log: tables of events to which rows are only ever added.

    A film's entry is written when it is scored, again with each call of its reader, again when the
    reader judges the score, and again when such a word is taken back. Nothing is changed, so that a
    call that was made before the score was seen stays in the log whatever is said later; and
    nothing is removed but what is older than the days for which readings are kept
    (`cxr.monitoring.keeping`), nor from the audit trail but what is older than
    that is kept. No connection is kept between calls: one log may be shared by
    threads, and any number of processes may use one database.

    Parameters
    ----------
    url : str, optional
        ``sqlite:///FILE``, ``postgresql://USER:PASSWORD@HOST/NAME`` or ``off``. Where none is
        given, what ``CXR_READINGS_URL`` names; else ``readings.sqlite3`` in the user's data
        folder, made for its owner alone. With ``off`` nothing is kept.

    Raises
    ------
    ReadingsError
        If the log cannot be opened, is damaged, or was written by a newer version; or
        ``CXR_READINGS_KEEP_DAYS`` or ``CXR_AUDIT_KEEP_DAYS`` is no number of days.
    """

    def __init__(self, url: str | None = None) -> None:
        self._url = address(url)
        self._engine = None
        self.keep_days = keep_days()
        self.keep_trail_days = keep_days(KEEP_TRAIL)
        self._looked = -math.inf
        if self._url is not None:
            self._engine = open_engine(self._url)
            bring_up_to_date(self._engine)
            self._remove_old()

    def __repr__(self) -> str:
        return f"<Readings in {self.where}>"

    @property
    def enabled(self) -> bool:
        """False if the log is switched off."""
        return self._engine is not None

    @property
    def where(self) -> str:
        """For people: the file's path, ``PostgreSQL``, or ``nowhere`` if it is off."""
        if self._url is None:
            return "nowhere"
        return self._url.database or "" if is_sqlite(self._url) else "PostgreSQL"

    def add(self, event: str, readings: Sequence[Noted], *, again: bool = False) -> None:
        """Write readings, all of one event, regions or entries of the trail, in one transaction.

        Parameters
        ----------
        event : str
        readings : sequence
        again : bool
            Whether they may be there already, since an answer was lost: then nothing is written.

        Raises
        ------
        ReadingsError
            If the log cannot be written to; its code is `cxr.monitoring.database.ENTRY` where that
            is so at any time, for one of these entries.
        """
        table = _TABLES[event]
        rows = [{"event": event, **reading.row()} for reading in readings]
        if self._engine is None or not rows:
            return
        self._remove_old()
        with connected(self._engine, write=True) as connection:
            if not (again and _has(connection, table, rows[0])):
                connection.execute(sa.insert(table), rows)

    def _remove_old(self) -> None:
        """Remove what is older than readings are kept; looked for once in `LOOKED_FOR` seconds.

        A part at a time, so that nothing that is to be written waits for long; and what cannot be
        removed, by an account that may only add, keeps nothing from being written.
        """
        if self._engine is None or time.monotonic() - self._looked < LOOKED_FOR:
            return
        since = time.monotonic()
        try:
            for tables, days in (
                ((READINGS, REGIONS), self.keep_days),
                (TRAIL, self.keep_trail_days),
            ):
                while days is not None:
                    with connected(self._engine, write=True) as connection:
                        removed = remove_older(connection, days, tables)
                    if not removed:
                        break
                    logger.info("Entries removed that were older than %d days: %d", days, removed)
                    if time.monotonic() - since > REMOVES_FOR:
                        return  # the rest with what is written next
        except ReadingsError as error:
            logger.error("Entries that are too old could not be removed: %s", error)
        self._looked = time.monotonic()

    def table(
        self, since: datetime | None = None, progress: Progress | None = None
    ) -> pd.DataFrame:
        """Return all events in the order in which they were written.

        Parameters
        ----------
        since : datetime, optional
            Leave out what is older; a time with a zone.
        progress : Progress, optional
            Called with the events read and the events in all.

        Returns
        -------
        pandas.DataFrame
            The columns of `COLUMNS`: the event (`EVENTS`) and the values of `Reading`. A time is
            in UTC; a text or number that is not known is NaN.

        Raises
        ------
        ReadingsError
            If the log cannot be read.
        """
        rows = self._rows(READINGS, COLUMNS, since, progress)
        return pd.DataFrame(rows, columns=list(COLUMNS)).astype(_DTYPES)

    def regions(self, since: datetime | None = None) -> pd.DataFrame:
        """Return what readers drew and took away, in the order in which it was written.

        Parameters
        ----------
        since : datetime, optional
            Leave out what is older; a time with a zone.

        Returns
        -------
        pandas.DataFrame
            The columns of `REGION_COLUMNS`: the event (``drawn`` or ``removed``), and the values of
            `RegionEntry` and its region.

        Raises
        ------
        ReadingsError
            If the log cannot be read, or a row is no region.
        """
        rows = self._rows(REGIONS, REGION_COLUMNS, since)
        try:
            for row in rows:
                RegionEntry.of(dict(zip(REGION_COLUMNS, row, strict=True)))
        except (TypeError, ValueError) as error:
            raise ReadingsError(DAMAGED) from error
        return pd.DataFrame(rows, columns=list(REGION_COLUMNS)).astype(_REGION_DTYPES)

    def opened_films(self, since: datetime | None = None) -> pd.DataFrame:
        """Return of the audit trail who opened which film, in the order in which it was written.

        Parameters
        ----------
        since : datetime, optional
            Leave out what is older; a time with a zone.

        Returns
        -------
        pandas.DataFrame
            The columns of `OPENED_COLUMNS`: the event (``opened``) and the values of `Opened`.

        Raises
        ------
        ReadingsError
            If the log cannot be read.
        """
        return self._trail(OPENED, OPENED_COLUMNS, since)

    def exported_films(self, since: datetime | None = None) -> pd.DataFrame:
        """Return of the audit trail who took which film along, as `opened_films` does.

        Parameters
        ----------
        since : datetime, optional
            Leave out what is older; a time with a zone.

        Returns
        -------
        pandas.DataFrame
            The columns of `EXPORTED_COLUMNS`: the event (``exported``) and the values of
            `Exported`.

        Raises
        ------
        ReadingsError
            If the log cannot be read.
        """
        return self._trail(EXPORTED, EXPORTED_COLUMNS, since)

    def sign_ins(self, since: datetime | None = None) -> pd.DataFrame:
        """Return of the audit trail who signed in and out, as `opened_films` does.

        Parameters
        ----------
        since : datetime, optional
            Leave out what is older; a time with a zone.

        Returns
        -------
        pandas.DataFrame
            The columns of `SIGN_IN_COLUMNS`: the event (`SIGN_IN_EVENTS`) and the values of
            `SignIn`.

        Raises
        ------
        ReadingsError
            If the log cannot be read.
        """
        return self._trail(SIGN_INS, SIGN_IN_COLUMNS, since)

    def _trail(
        self, table: sa.Table, columns: Sequence[str], since: datetime | None
    ) -> pd.DataFrame:
        rows = self._rows(table, columns, since)
        types = dict.fromkeys(columns, "str") | {"time": "datetime64[us, UTC]"}
        return pd.DataFrame(rows, columns=list(columns)).astype(types)

    def _rows(
        self,
        table: sa.Table,
        columns: Iterable[str],
        since: datetime | None,
        progress: Progress | None = None,
    ) -> list[tuple[object, ...]]:
        if self._engine is None:
            return []
        wanted = sa.select(*(table.columns[name] for name in columns))
        # What is old and not yet removed is not shown either.
        limit = oldest_kept(self.keep_trail_days if table in TRAIL else self.keep_days)
        if limit is not None:
            wanted = wanted.where(is_kept(table, limit))
        if since is not None:
            wanted = wanted.where(table.columns["time"] >= since)
        try:
            with connected(self._engine) as connection:
                counted = sa.select(sa.func.count()).select_from(wanted.subquery())
                total = connection.execute(counted).scalar_one() if progress else 0
                rows: list[tuple[object, ...]] = []
                result = connection.execute(wanted.order_by(table.columns["id"]))
                for part in result.partitions(AT_A_TIME):
                    rows += map(tuple, part)
                    if progress and total:
                        progress(min(len(rows), total), total)
                return rows
        except (TypeError, ValueError) as error:  # of a time that is none
            raise ReadingsError(DAMAGED) from error

    def recent(self, days: int | None, progress: Progress | None = None) -> pd.DataFrame:
        """Return the events of the last days as `table` does; all where `days` is None.

        Raises
        ------
        ReadingsError
            If the log cannot be read.
        """
        since = datetime.now(UTC) - timedelta(days=days) if days is not None else None
        return self.table(since, progress)

    def newest(self) -> int:
        """Return the number of the newest event, 0 where there is none: it grows with each.

        Raises
        ------
        ReadingsError
            If the log cannot be read.
        """
        if self._engine is None:
            return 0
        with connected(self._engine) as connection:
            return connection.execute(sa.select(sa.func.max(READINGS.columns["id"]))).scalar() or 0

    def to_csv(self, since: datetime | None = None) -> str:
        """Return the events as CSV: the columns of `table`, and the intended use after them."""
        return _csv(self.table(since))

    def regions_csv(self, since: datetime | None = None) -> str:
        """Return what readers drew as CSV: the columns of `regions`, and the intended use."""
        return _csv(self.regions(since))


def _has(connection: sa.Connection, table: sa.Table, row: dict[str, object]) -> bool:
    """Whether a table has a row, time and all: that is one to the microsecond."""
    same = (table.columns[name].is_not_distinct_from(value) for name, value in row.items())
    return connection.execute(sa.select(sa.exists().where(*same))).scalar_one()


def _csv(table: pd.DataFrame) -> str:
    table = table.assign(intended_use=INTENDED_USE)
    table["time"] = [at.isoformat() for at in table["time"]]
    return table_text(table)


def film_numbers(table: pd.DataFrame) -> pd.Series[int]:
    """Number the films: events of one list, film and weights have one number.

    Parameters
    ----------
    table : pandas.DataFrame
        As `Readings.table` returns it, or some of its rows.

    Returns
    -------
    pandas.Series
        int, with the table's index: from 0 in the order in which the films first came. Each event
        of a file that could not be read has a number of its own.
    """
    unread = pd.Series([f"unread {i}" for i in range(len(table))], table.index, dtype="str")
    film = table["film_sha256"].fillna(unread)
    keys = [table["list_id"], film, table["model_sha256"]]
    return table.groupby(keys, sort=False).ngroup()
