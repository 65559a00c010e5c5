"""The files of a folder and what each is, without reading more of it than the start."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from .kinds import HEAD, Kind, hidden_name, kind_of

__all__ = ["walk"]

#: Without waiting, since a named pipe opens when somebody writes to it.
_READING = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def walk(
    folder: Path, *, unless: Callable[[str], bool] = lambda name: False
) -> Iterator[tuple[Path, Kind | None]]:
    """Yield the files of a folder and of those in it.

    Parameters
    ----------
    folder : pathlib.Path
        The folder.
    unless : callable, optional
        Says of a file's name that the file need not be opened.

    Yields
    ------
    path : pathlib.Path
        Starts with `folder`. A hidden folder is yielded as one file and not walked.
    kind : Kind or None
        What the file's first bytes tell; None if it was not opened. No folder is walked twice:
        links to folders are followed last, where they lead to one that was not seen.
    """
    seen: set[tuple[int, int]] = set()
    waiting, links = [str(folder)], list[str]()
    while waiting or links:
        place = waiting.pop() if waiting else links.pop()
        try:
            known = Path(place).stat()
            if (known.st_dev, known.st_ino) in seen:
                continue
            seen.add((known.st_dev, known.st_ino))
            with os.scandir(place) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            yield Path(place), Kind.UNREADABLE
            continue
        for entry in found:
            if hidden_name(entry.name):
                yield Path(entry.path), Kind.HIDDEN
            elif _is_folder(entry):
                (links if entry.is_symlink() else waiting).append(entry.path)
            elif unless(entry.name):
                yield Path(entry.path), None
            else:
                yield Path(entry.path), _kind(entry.path)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _kind(path: str) -> Kind:
    try:
        handle = os.open(path, _READING)
    except OSError:
        return Kind.UNREADABLE
    try:
        regular = stat.S_ISREG(os.fstat(handle).st_mode)
        return kind_of(os.read(handle, HEAD)) if regular else Kind.SPECIAL
    except OSError:
        return Kind.UNREADABLE
    finally:
        os.close(handle)
