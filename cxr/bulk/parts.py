"""Rows in a folder of Parquet files that never become one: for more films than a file should hold.

``_manifest.json`` lists the parts with their hashes, and says of which weights their rows are. New
rows are appended as JSON lines to ``_part-000004.jsonl``, batch by batch, each brought to the disk.
With enough of them they become ``part-000004.parquet``, by one rename, and then a part of the
manifest, by another. What readers of Parquet are to pass over begins with an underscore, so that
``pandas.read_parquet(folder)`` gives all rows but those that are not in a part yet.

A kill between two of these steps leaves rows that are in a part and in the JSON lines too, or a
Parquet file that the manifest does not name. Whoever goes on removes either.
"""

from __future__ import annotations

import json
import os
import re
from array import array
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ..storage.atomic import clear_unfinished, left_unfinished, write_file
from ..storage.hashes import file_hash
from .checkpoints import (
    Checkpoint,
    CheckpointError,
    RowsOf,
    digest,
    holds,
    lock,
    ordered,
    unwritten,
)
from .rows import NoRowsError, Row, iter_rows, write_rows

__all__ = ["Part", "PartsCheckpoint", "iter_parts", "manifest_of"]

MANIFEST = "_manifest.json"
SCHEMA = 1
#: The names of parts and of the rows that are in none yet.
WRITTEN = re.compile(r"part-\d{6,}\.parquet|_part-\d{6,}\.jsonl")
#: Films in a part. A row takes some 100 bytes in it.
FILMS = 10_000


@dataclass(frozen=True)
class Part:
    """A Parquet file of rows.

    Attributes
    ----------
    file : str
        Its name.
    sha256 : str
        Of the file.
    films, refused : int
        Films in it, and those of them without a score in any row.
    """

    file: str
    sha256: str
    films: int
    refused: int


def manifest_of(folder: Path) -> tuple[list[RowsOf], list[Part]]:
    """Read what the rows of a folder are of, and its parts.

    Raises
    ------
    NoRowsError
        If the folder has no manifest, or a damaged one.
    """
    try:
        read = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if read["schema"] != SCHEMA:
            raise NoRowsError(f"The rows of {folder.name} are of another version of cxr.")
        parts = [Part(**part) for part in read["parts"]]
        if any(Path(part.file).name != part.file for part in parts):
            raise ValueError("a part outside the folder")
        return [RowsOf(**of) for of in read["rows_of"]], parts
    except NoRowsError:
        raise
    except (ValueError, TypeError, KeyError, OSError) as error:
        text = f"{folder.name} is no folder of prediction rows. Name another folder."
        raise NoRowsError(text) from error


def iter_parts(folder: Path) -> Iterator[Row]:
    """Read back the rows of a folder one by one, those that are not in a part yet at the end.

    Raises
    ------
    NoRowsError
        If the folder holds no prediction rows, or a part is missing or was changed.
    """
    _, parts = manifest_of(folder)
    for part in parts:
        yield from _rows_of(folder, part)
    rest = folder / _tail(len(parts))
    if rest.exists():
        yield from iter_rows(rest)


def _rows_of(folder: Path, part: Part) -> Iterator[Row]:
    path = folder / part.file
    if not path.is_file() or file_hash(path) != part.sha256:
        what = "was changed" if path.is_file() else "is missing"
        raise NoRowsError(f"{part.file} of {folder.name} {what}. Put it back, or begin anew.")
    return iter_rows(path)


def _tail(parts: int) -> str:
    return f"_part-{parts + 1:06}.jsonl"


class PartsCheckpoint:
    """A folder of rows that is written as the rows come; used as `Checkpoint` is.

    Parameters
    ----------
    folder : pathlib.Path
        Is made where it is missing.
    expected : sequence of RowsOf
        The rows of each film, in order.
    resume : bool
        Whether to go on with what is there.
    films_per_part : int, default: 10,000
        Films in a part; the last one of a run may have fewer.

    Raises
    ------
    CheckpointError
        If the folder has files and is not to be gone on with, if its rows are of something else, or
        if another process writes to it.
    NoRowsError
        If the folder is of something else, or a part is missing or was changed.
    WriteError
        If the folder cannot be written to.
    """

    def __init__(
        self,
        folder: Path,
        expected: Sequence[RowsOf],
        *,
        resume: bool,
        films_per_part: int = FILMS,
    ) -> None:
        self.folder, self.expected = folder, tuple(expected)
        self._most = films_per_part
        self._fresh = not folder.exists()
        there = not self._fresh and any(not left_unfinished(path) for path in folder.iterdir())
        if there and not resume:
            raise CheckpointError(f"There are already files in {folder}.", code="output_exists")
        self._parts: list[Part] = []
        self._of = list(self.expected)
        if there:
            self._of, self._parts = manifest_of(folder)
            if len(self._of) != len(self.expected) or not all(
                map(RowsOf.agrees, self._of, self.expected)
            ):
                raise CheckpointError(
                    f"The rows of {folder.name} are of another model, of other weights or at "
                    "another operating point, threshold or calibration, or were made with other "
                    "heatmaps."
                )
        self._lock = self._open()
        try:
            if there:
                # Again: what was read before another process let go may be out of date.
                self._parts = manifest_of(folder)[1]
            self._clear()
            if not there:
                self._write_manifest()
            self._seen = ordered(self._read_paths())
            self._tail = self._begin(resume=True)
        except BaseException:
            self._let_go(nothing=not there)
            raise

    @property
    def films(self) -> int:
        """Films whose rows are in the folder."""
        return sum(part.films for part in self._parts) + self._tail.films

    @property
    def refused(self) -> int:
        """Those of them that have no score in any row."""
        return sum(part.refused for part in self._parts) + self._tail.refused

    def done(self, path: str) -> bool:
        """Whether a film's rows were in the folder when it was opened."""
        return holds(self._seen, path) or self._tail.done(path)

    def append(self, films: Sequence[Sequence[Row]]) -> None:
        """Append the rows of films, and have them on the disk.

        Raises
        ------
        WriteError
            If they cannot be written. What was there before is as it was.
        """
        self._tail.append(films)
        if self._tail.films >= self._most:
            self._finish_part()

    def _open(self) -> int:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            folder = os.open(self.folder, os.O_RDONLY) if os.name == "posix" else -1
        except OSError as error:
            raise unwritten(self.folder, error, "unwritable") from error
        if folder >= 0:
            try:
                lock(folder, self.folder.name)
            except CheckpointError:
                os.close(folder)
                raise
        return folder

    def _begin(self, *, resume: bool) -> Checkpoint:
        return Checkpoint(self.folder / _tail(len(self._parts)), self.expected, resume=resume)

    def _clear(self) -> None:
        """Remove what a kill left: rows that are in a part, and files that no manifest names."""
        clear_unfinished(self.folder / MANIFEST)
        named, rest = {part.file for part in self._parts}, _tail(len(self._parts))
        for path in list(self.folder.iterdir()):
            if WRITTEN.fullmatch(path.name) and path.name not in {*named, rest}:
                path.unlink()

    def _read_paths(self) -> array[int]:
        digests = array("Q")
        rows_of_film = len(self.expected)
        for part in self._parts:
            for k, row in enumerate(_rows_of(self.folder, part)):
                self.expected[k % rows_of_film].check(row, self.folder.name)
                if k % rows_of_film == 0:
                    digests.append(digest(row["path"]))
        return digests

    def _finish_part(self) -> None:
        """Make a part of the rows that are in none yet."""
        films, refused = self._tail.films, self._tail.refused
        # Its file goes only after the manifest names the part.
        self._tail.__exit__(None, None, None)
        rows = self.folder / _tail(len(self._parts))
        path = self.folder / f"part-{len(self._parts) + 1:06}.parquet"
        try:
            write_file(path, lambda new: write_rows(iter_rows(rows), new))
            self._parts.append(Part(path.name, file_hash(path), films, refused))
            self._write_manifest()
        except OSError as error:
            raise unwritten(self.folder, error, "disk") from error
        self._tail = self._begin(resume=False)
        rows.unlink()

    def _write_manifest(self) -> None:
        listed: dict[str, Any] = {
            "schema": SCHEMA,
            "rows_of": [of._asdict() for of in self._of],
            "parts": [asdict(part) for part in self._parts],
        }
        text = json.dumps(listed, indent=1) + "\n"
        try:
            write_file(self.folder / MANIFEST, lambda new: new.write_text(text, encoding="utf-8"))
        except OSError as error:
            raise unwritten(self.folder, error, "disk") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if self._tail.films and not isinstance(error, OSError):
                self._finish_part()
        finally:
            empty = not self.films
            self._tail.__exit__(None, None, None)
            if not self._tail.films:
                (self.folder / _tail(len(self._parts))).unlink(missing_ok=True)
            self._let_go(nothing=empty and error is not None)

    def _let_go(self, *, nothing: bool) -> None:
        """Leave the folder; what has no rows because of an error goes altogether."""
        if self._lock >= 0:
            os.close(self._lock)
        if nothing:
            (self.folder / MANIFEST).unlink(missing_ok=True)
            if self._fresh:
                with suppress(OSError):
                    self.folder.rmdir()
