"""Rows that are kept as soon as they are there: a kill at any moment loses none and doubles none.

CSV and JSON lines are appended to, batch by batch, each brought to the disk; nothing that was
written is written again. JSON and Parquet files have to be whole: their rows are appended as JSON
lines to a file next to them (``rows.parquet.part``), which is merged into the file by one rename
when the work ends.

Whoever goes on with a file cuts off what a kill left behind the last film with all its rows.
"""

from __future__ import annotations

import csv
import os
from array import array
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from ..errors import CxrError
from ..storage.atomic import clear_unfinished, write_file
from .rows import (
    LINE_BY_LINE,
    NoRowsError,
    Row,
    RowReader,
    check_format,
    columns,
    file_columns,
    heading,
    iter_rows,
    line_of,
    write_rows,
)

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = [
    "Checkpoint",
    "CheckpointError",
    "RowsOf",
    "WriteError",
    "digest",
    "holds",
    "lock",
    "ordered",
    "unwritten",
    "without_score",
]

#: What every JSON line of a row begins with.
FIRST = b'{"path": '
DIGEST = 8


class CheckpointError(CxrError, ValueError):
    """A file of rows that cannot be begun or gone on with; the code says why.

    ``output_exists``, ``other_rows``, ``in_use``.
    """

    code = "other_rows"


class WriteError(CxrError, OSError):
    """A file that cannot be written to: ``unwritable`` from the start, else ``disk``."""

    code = "disk"


class RowsOf(NamedTuple):
    """What the rows of a film must say that one model gives.

    Attributes
    ----------
    model : str
        The model's name.
    sha256 : str
        Hash of its weights.
    operating_point : str
        Name of the operating point.
    mapped : bool
        Whether a scored film has a heatmap.
    threshold : float or None
        The operating point's; None where it is not known.
    slope, intercept : float or None
        Of the calibration; None where they are not known.
    """

    model: str
    sha256: str
    operating_point: str
    mapped: bool = False
    threshold: float | None = None
    slope: float | None = None
    intercept: float | None = None

    def agrees(self, other: RowsOf) -> bool:
        """Whether both may be of one file: what one of them does not know, may be anything."""
        return all(one == two or None in (one, two) for one, two in zip(self, other, strict=True))

    def check(self, row: Row, name: str) -> None:
        """Raise CheckpointError if a row is of something else."""
        of = row["model"], row["operating_point"]
        if of != (self.model, self.operating_point):
            raise CheckpointError(
                f"The rows of {name} are of {of[0]} at {of[1]}, and not of {self.model} at the "
                f"operating point {self.operating_point}."
            )
        if row["model_sha256"] != self.sha256:
            raise CheckpointError(f"The rows of {name} are of other weights of {self.model}.")
        mapped = bool(row.get("heat_in_lungs") or row.get("heat_remark_code"))
        if row["score"] is not None and mapped != self.mapped:
            how = "with" if mapped else "without"
            raise CheckpointError(f"The rows of {name} were made {how} heatmaps.")
        # A model may be calibrated anew, and its operating points chosen anew, on the same weights.
        if self.threshold is not None and row["threshold"] != self.threshold:
            raise CheckpointError(
                f"The rows of {name} are of the threshold {row['threshold']}, and "
                f"{self.operating_point} of {self.model} is {self.threshold} now."
            )
        # Rows of earlier versions do not say how they were calibrated.
        now = self.slope, self.intercept
        then = row.get("calibration_slope"), row.get("calibration_intercept")
        if None not in (*now, *then) and then != now:
            raise CheckpointError(
                f"The scores of {name} were calibrated otherwise than {self.model} is now: by "
                f"{then[0]} x + {then[1]}, and not by {now[0]} x + {now[1]}."
            )


class Checkpoint:
    """A file of rows that is written as the rows come.

    >>> with Checkpoint(path, [RowsOf(...)], resume=True) as out:
    ...     for film in films:
    ...         if not out.done(film):
    ...             out.append(rows_of(film))

    Parameters
    ----------
    path : pathlib.Path
        Ends in one of `cxr.bulk.rows.FORMATS`. Its folder is made where it is missing.
    expected : sequence of RowsOf
        The rows of each film, in order.
    resume : bool
        Whether to go on with what is there.

    Attributes
    ----------
    films, refused : int
        Films whose rows are in the file, and those of them that have no score in any row.

    Raises
    ------
    CheckpointError
        If there is such a file and it is not to be gone on with, if its rows are of something
        else, or if another process writes to it.
    NoRowsError
        If the file is of something else.
    WriteError
        If the file cannot be written.
    """

    def __init__(self, path: Path, expected: Sequence[RowsOf], *, resume: bool) -> None:
        self.path, self.expected = path, tuple(expected)
        suffix = check_format(path)
        self._appends = suffix in LINE_BY_LINE
        self._log = path if self._appends else path.with_name(f"{path.name}.part")
        self._suffix = suffix if self._appends else ".jsonl"
        # Those of a file that was begun before rows said all of them are gone on with.
        self._columns = file_columns()
        self.films = self.refused = 0
        self._hashes = array("Q")
        self._seen = np.zeros(0, np.uint64)
        # What lies there of an earlier run, and of what else.
        there = [old for old in {self.path, self._log} if old.exists()]
        if there and not resume:
            raise CheckpointError(f"There is already {there[0]}.", code="output_exists")
        self._fresh = not self._log.exists()
        self._file = self._open()
        try:
            if not self._appends and path.exists():
                for film in self._films(iter_rows(path), path.name):
                    self._note(film)
                self._index()
            self._end = self._read_log()
            self._new = self._end > 0
            if self._file.seek(0, os.SEEK_END) > self._end:
                self._file.truncate(self._end)
            self._index()
        except BaseException:
            self._close(superfluous=self._fresh)
            raise

    def _open(self) -> FileIO:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Not for appending: what is written goes behind the last whole film.
            handle = os.open(self._log, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
            file = FileIO(handle, "r+")
        except OSError as error:
            raise unwritten(self.path, error, "unwritable") from error
        try:
            lock(file.fileno(), self.path.name)
        except CheckpointError:
            file.close()
            raise
        if _is_there(file, self._log):
            return file
        file.close()  # of a run that ended just now, and took it away
        return self._open()

    def _read_log(self) -> int:
        """Note the films of the file that is appended to; return where the last whole one ends."""
        read = RowReader(self._suffix)
        end = last = 0
        film: list[Row] = []
        with self._log.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    if not end and not self._begins(line):
                        raise NoRowsError(self._foreign())
                    break
                end += len(line)
                try:
                    row = read(line)
                except (ValueError, TypeError, KeyError, AttributeError, csv.Error) as error:
                    raise NoRowsError(self._foreign()) from error
                if row is None:
                    if self._suffix == ".csv" and not last:
                        self._columns = self._columns_of(line)
                    last = end if not film else last
                    continue
                film.append(row)
                if self._whole(film, self.path.name):
                    self._note(film)
                    film, last = [], end
        return last

    def _heading(self) -> bytes:
        return heading(self._suffix, self._columns).encode()

    def _columns_of(self, line: bytes) -> tuple[str, ...]:
        """Return the columns to go on with, by the heading of a file of CSV."""
        for names in (file_columns(), columns()):
            if line == heading(self._suffix, names).encode():
                return names
        raise CheckpointError(f"{self.path.name} has other columns, as one of an earlier version.")

    def _begins(self, start: bytes) -> bool:
        """Whether a torn first line can be one of this format."""
        line = self._heading() or FIRST
        return line.startswith(start) or (not self._heading() and start.startswith(line))

    def _foreign(self) -> str:
        return f"{self._log.name} holds no prediction rows. Name another file."

    def _whole(self, film: list[Row], name: str) -> bool:
        """Check the last row of a film, and say whether the film has all of its rows."""
        if not isinstance(film[-1]["path"], str):
            raise NoRowsError(f"{name} holds a row of no film. Name another file.")
        self.expected[len(film) - 1].check(film[-1], name)
        if film[0]["path"] != film[-1]["path"]:
            raise CheckpointError(f"Films of {name} lack the rows of a model.")
        return len(film) == len(self.expected)

    def _films(self, rows: Iterator[Row], name: str) -> Iterator[list[Row]]:
        """Yield the rows of each film; the last one only if it has them all."""
        film: list[Row] = []
        for row in rows:
            film.append(row)
            if self._whole(film, name):
                yield film
                film = []

    def _note(self, film: list[Row]) -> None:
        if self.done(film[0]["path"]):  # merged, and killed before the other file was removed
            return
        self._hashes.append(digest(film[0]["path"]))
        self._count(film)

    def _count(self, film: Sequence[Row]) -> None:
        self.films += 1
        self.refused += without_score(film)

    def _index(self) -> None:
        self._seen = ordered(self._hashes)

    def done(self, path: str) -> bool:
        """Whether a film's rows were in the file when it was opened."""
        return holds(self._seen, path)

    def append(self, films: Sequence[Sequence[Row]]) -> None:
        """Append the rows of films, and have them on the disk.

        Raises
        ------
        WriteError
            If they cannot be written. What was there before is as it was.
        """
        lines = (line_of(row, self._suffix, self._columns) for film in films for row in film)
        start = b"" if self._end else self._heading()
        data = memoryview(start + "".join(lines).encode())
        try:
            at = self._file.seek(self._end)
            while at < self._end + len(data):
                at += self._file.write(data[at - self._end :]) or 0
            os.fsync(self._file.fileno())
        except OSError as error:
            self._file.truncate(self._end)
            raise unwritten(self.path, error, "disk") from error
        self._end += len(data)
        self._new = True
        for film in films:
            self._count(film)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        superfluous = self._fresh and not self._new and error is not None
        try:
            if not self._appends and not superfluous and not isinstance(error, OSError):
                self._merge()
                superfluous = True
        finally:
            self._close(superfluous=superfluous)

    def _merge(self) -> None:
        """Put the rows of the file's own and of the one next to it together, as one file."""
        if self._new or not self.path.exists():
            try:
                clear_unfinished(self.path)
                write_file(self.path, lambda path: write_rows(self._all_rows(), path))
            except OSError as error:
                raise unwritten(self.path, error, "disk") from error

    def _all_rows(self) -> Iterator[Row]:
        digests = array("Q")
        if self.path.exists():
            for film in self._films(iter_rows(self.path), self.path.name):
                digests.append(digest(film[0]["path"]))
                yield from film
        self._seen = ordered(digests)
        read = RowReader(self._suffix)
        with self._log.open("rb") as file:
            for line in file:
                row = read(line)
                if row and not self.done(row["path"]):
                    yield row

    def _close(self, *, superfluous: bool) -> None:
        """Let the file go; what has no rows, or only rows that are elsewhere, goes altogether."""
        # While it is locked: another run that holds it next has a file of its own.
        is_left = superfluous and not _removed(self._log)
        self._file.close()
        if is_left:
            self._log.unlink(missing_ok=True)


def _is_there(file: FileIO, path: Path) -> bool:
    """Whether an open file is the one that has a name."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _removed(path: Path) -> bool:
    """Remove a file; whether that is possible while it is open."""
    try:
        path.unlink(missing_ok=True)
    except PermissionError:
        return False
    return True


def without_score(film: Sequence[Row]) -> bool:
    """Whether no row of a film has a score: of one that a model scored, another may refuse it."""
    return all(row["refusal_code"] is not None for row in film)


def digest(path: str) -> int:
    """Return the number that stands for a film's path: a set of these is a tenth of the paths."""
    return int.from_bytes(blake2b(path.encode(), digest_size=DIGEST).digest(), "little")


def ordered(digests: array[int]) -> NDArray[np.uint64]:
    """Return digests as `holds` takes them."""
    return np.sort(np.frombuffer(digests, np.uint64)) if digests else np.zeros(0, np.uint64)


def holds(digests: NDArray[np.uint64], path: str) -> bool:
    """Whether a path's digest is among those of `ordered`."""
    wanted = np.uint64(digest(path))
    at = int(np.searchsorted(digests, wanted))
    return at < len(digests) and bool(digests[at] == wanted)


def lock(handle: int, name: str) -> None:
    """Lock a file or folder that is open, until it is closed, where the system knows such locks.

    Raises
    ------
    CheckpointError
        If another process has locked it.
    """
    if fcntl is not None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            text = f"Another process writes to {name}."
            raise CheckpointError(text, code="in_use") from error


def unwritten(path: Path, error: OSError, code: str) -> WriteError:
    """Return the error of rows that cannot be written."""
    why = os.strerror(error.errno) if error.errno else "an error of the system"
    return WriteError(f"{path} cannot be written: {why}.", code=code)
