"""The one writer of files that belong together: a kill at any point leaves the old or the new.

A single file is written under a temporary name in the same folder, brought to disk, and renamed
(`write_file`). That is not enough for a bundle, whose card names the other files by their hashes:
between two renames an old card would be together with a new table. So `FolderWriter` works in three
steps:

1. Each new file is written as ``.<16 digits of its hash>.<name>``. No old file is touched.
2. The head (``card.json``) is replaced, by a single rename. This is the moment at which the new
   contents count: before it all that the old head names is there, after it all that the new one
   names.
3. The new files are renamed to their plain names, over the old ones.

A reader takes a file under the first name where it is there and under the second elsewhere
(`located`), so that a kill before, within or after step 3 makes no difference to it. The next
writer finishes what a killed one left: a file of step 1 whose hash the head names gets its plain
name, any other is removed.

This needs no copy of what does not change (the weights, when a table is added), no rename of a
folder that is not empty, which no system can do in one step, and plain names stay plain. Names by
hash alone would need no step 3, but then every file's name would change with its contents.
"""

from __future__ import annotations

import glob
import os
import re
import secrets
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from .hashes import bytes_hash, file_hash

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = [
    "ChangedError",
    "FolderWriter",
    "clear_unfinished",
    "fitting_name",
    "left_unfinished",
    "located",
    "read_checked",
    "write_file",
]

DIGITS = 16
HASH = re.compile(rb"\b[0-9a-f]{64}\b")
STAGED = re.compile(rf"\.([0-9a-f]{{{DIGITS}}})\.(.+)")
UNFINISHED = re.compile(r"\.tmp-[0-9a-f]{16}\..+")
#: Bytes that a name may have, in the file systems of all systems that this runs on.
LONGEST_NAME = 255
#: Bytes of a temporary name before that of the file: ``.tmp-`` and what follows.
TEMPORARY = len(".tmp-") + 16 + 1


#: Seconds after which nobody is writing a file any more.
OLD = 24 * 3600
_cleared: set[Path] = set()


class ChangedError(ValueError):
    """A file that is not the one whose hash is named."""


def write_file(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file as a whole: it is the old one, or none, until it is the new one.

    The first time that this process writes into a folder, it removes what writers left there that
    were killed a day ago or longer.

    Parameters
    ----------
    path : pathlib.Path
        The file. Its folder must be there.
    write : callable
        Called with the path to write to: a temporary one in the same folder, with the same ending.

    Raises
    ------
    OSError
        If the file cannot be written. The old one then is as it was.
    """
    with _temporary(path.parent, path.name) as new:
        write(new)
        _to_disk(new)
        _clear_old(path.parent, new.stat().st_mtime)
        new.replace(path)
    _to_disk(path.parent)


def clear_unfinished(path: Path) -> None:
    """Remove what writers of a file left that were killed; nobody may be writing it now."""
    for left in list(path.parent.glob(f".tmp-*.{glob.escape(_end_of(path.name))}")):
        if left_unfinished(left):
            left.unlink(missing_ok=True)


def left_unfinished(path: Path) -> bool:
    """Whether a file is one that `write_file` writes to, or that one left which was killed."""
    return UNFINISHED.fullmatch(path.name) is not None


def fitting_name(stem: str, ending: str) -> str:
    """Return a name for a file that no file system finds too long: the stem is cut where it is.

    Parameters
    ----------
    stem : str
        Of any length. It is cut between letters, those with their accents whole.
    ending : str
        What the name ends in, which is kept.
    """
    kept = len(stem)
    while kept and _bytes_in(stem[:kept] + ending) > LONGEST_NAME:
        kept -= 1
        while kept and unicodedata.combining(stem[kept]):
            kept -= 1
    return stem[:kept] + ending


def _end_of(name: str) -> str:
    """Return as much of a name's end as there is room for in the name of a temporary file."""
    while _bytes_in(name) > LONGEST_NAME - TEMPORARY:
        name = name[1:]
    return name


def _bytes_in(name: str) -> int:
    return len(os.fsencode(name))


def located(folder: Path, name: str, sha256: str) -> Path:
    """Return where a file that a head names lies now; see above.

    Parameters
    ----------
    folder : pathlib.Path
        The head's.
    name : str
        The file's plain name.
    sha256 : str
        Its hash, in hexadecimal.

    Returns
    -------
    pathlib.Path
        The file need not be there, nor be the one of that hash.
    """
    staged = folder / f".{sha256[:DIGITS]}.{name}"
    return staged if staged.is_file() else folder / name


def read_checked(folder: Path, name: str, sha256: str) -> bytes:
    """Read a file that a head names.

    Raises
    ------
    OSError
        If it is missing or cannot be read.
    ChangedError
        If it is another one.
    """
    try:
        content = located(folder, name, sha256).read_bytes()
    except FileNotFoundError:  # a writer gave it its plain name in between
        content = (folder / name).read_bytes()
    if bytes_hash(content) != sha256:
        raise ChangedError(f"{name} is not the file that was stored with that hash.")
    return content


class FolderWriter:
    """Replaces files of a folder together with the head that names them by their hashes.

    >>> with FolderWriter(folder, "card.json") as writer:
    ...     sha256 = writer.add("history.csv", history.to_csv)
    ...     writer.commit(card_with(sha256))

    What was added and not committed is removed at the end. One writer is at work in a folder at a
    time: another waits until it ends (not on Windows).

    Parameters
    ----------
    folder : pathlib.Path
        Made where it is missing.
    head : str
        Name of the file that names the others.
    """

    def __init__(self, folder: Path, head: str) -> None:
        self.folder = folder
        self.head = folder / head
        self._lock = -1

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        if fcntl is not None:
            self._lock = os.open(self.folder, os.O_RDONLY)
        try:
            if fcntl is not None:
                fcntl.flock(self._lock, fcntl.LOCK_EX)
            self._settle()
        except BaseException:  # the next writer of this process would wait for ever
            self._unlock()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._settle()
            if not any(self.folder.iterdir()):
                self.folder.rmdir()
        finally:
            self._unlock()

    def add(self, name: str, write: Callable[[Path], object]) -> str:
        """Write a file that the new head will name.

        Parameters
        ----------
        name : str
            The file's, in the folder.
        write : callable
            Called with the path to write to, which has the same ending.

        Returns
        -------
        str
            The SHA-256 of the file.
        """
        with _temporary(self.folder, name) as new:
            write(new)
            _to_disk(new)
            sha256 = file_hash(new)
            new.replace(self.folder / f".{sha256[:DIGITS]}.{name}")
        return sha256

    def commit(self, head: bytes, *, alone: bool = False) -> None:
        """Put the new head in place: from here on it and all that was added count.

        Parameters
        ----------
        head : bytes
            Contents of the head, with the hash of every file that was added.
        alone : bool, default: False
            Whether files that are neither the head nor added are removed afterwards.
        """
        added = {match[2] for _, match in self._staged()}
        _to_disk(self.folder)
        write_file(self.head, lambda path: path.write_bytes(head))
        self._settle()
        if alone:
            for path in list(self.folder.iterdir()):
                if path.is_file() and path.name not in {self.head.name, *added}:
                    path.unlink()

    def _unlock(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _staged(self) -> list[tuple[Path, re.Match[str]]]:
        candidates = [(path, STAGED.fullmatch(path.name)) for path in self.folder.iterdir()]
        return [(path, match) for path, match in candidates if match]

    def _settle(self) -> None:
        """Give the files that the head names their plain names, remove what was not finished."""
        head = self.head.read_bytes() if self.head.is_file() else b""
        named = {sha256[:DIGITS].decode() for sha256 in HASH.findall(head)}
        for path, match in self._staged():
            if match[1] in named:
                path.replace(self.folder / match[2])
            else:
                path.unlink()
        for path in list(self.folder.iterdir()):
            if UNFINISHED.fullmatch(path.name):
                path.unlink()
        _to_disk(self.folder)


def _clear_old(folder: Path, now: float) -> None:
    """Remove, once per folder, what was left unfinished long before `now`, by the disk's clock."""
    if folder in _cleared:
        return
    _cleared.add(folder)
    for left in list(folder.glob(".tmp-*")):
        # Another program may clear the same folder, or own what is there.
        with suppress(OSError):
            if left_unfinished(left) and now - left.stat().st_mtime > OLD:
                left.unlink()


@contextmanager
def _temporary(folder: Path, name: str) -> Iterator[Path]:
    path = folder / f".tmp-{secrets.token_hex(8)}.{_end_of(name)}"
    try:
        yield path
    except OSError as error:
        # Nobody knows the temporary name.
        if error.filename in (path, os.fspath(path)):
            error.filename = os.fspath(folder / name)
        raise
    finally:
        path.unlink(missing_ok=True)


def _to_disk(path: Path) -> None:
    """Have a file's contents, or the names in a folder, written out to the disk."""
    if os.name == "nt" and path.is_dir():  # Windows opens no folders
        return
    handle = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
