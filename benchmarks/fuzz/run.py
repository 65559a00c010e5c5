"""Parts of a run: some inputs of one family in one way."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from . import damage
from .families import FAMILIES, Family
from .watch import Board, Find, Reader, Seen, watched

__all__ = ["by_mutation", "guided", "keep"]

#: Seconds beyond its time that a part is given to load its libraries.
LOADING = 60.0


def by_mutation(name: str, first: int, count: int, seconds: float) -> tuple[int, Seen]:
    """Read inputs ``first``, ``first + 1``, ...; where the process ends, go on behind that input.

    Parameters
    ----------
    name : str
        Of the family.
    first, count : int
        The first number, and how many at most.
    seconds : float
        On the clock.

    Returns
    -------
    end : int
        The number after the last input that was read.
    Seen
    """
    family, seen, at = FAMILIES[name], Seen(), first
    until = time.monotonic() + seconds
    while at < first + count and (left := until - time.monotonic()) > 0:
        part = watched(_mutations(name, family, at, first + count, left), left + LOADING)
        at += part.inputs
        seen.add(part)
        if not part.inputs:
            break
    return at, seen


def _mutations(
    name: str, family: Family, first: int, end: int, seconds: float
) -> Callable[[Board, Callable[[str], None]], None]:
    def work(board: Board, tell: Callable[[str], None]) -> None:
        read = Reader(family.read, family.errors, board, tell)
        read.warm([family.make(damage.chance(f"{name} warm", number)) for number in range(20)])
        until = time.monotonic() + seconds
        for number in range(first, end):
            read(number, family.make(damage.chance(name, number)))
            if time.monotonic() > until:
                return

    return work


def guided(name: str, seed: int, count: int, seconds: float, corpus: Path) -> Seen:
    """Let atheris look for inputs that reach new lines.

    Parameters
    ----------
    name : str
        Of the family.
    seed : int
        Of the search.
    count : int
        Inputs at most.
    seconds : float
        On the clock.
    corpus : pathlib.Path
        Folder in which inputs that reached new lines are kept for the next part.
    """
    corpus.mkdir(parents=True, exist_ok=True)
    family = FAMILIES[name]
    if not any(corpus.iterdir()):
        seeds = [*family.seeds()] if family.seeds else []
        seeds += [family.make(damage.chance(name, number)) for number in range(20)]
        for number, data in enumerate(seeds):
            (corpus / f"seed-{number}").write_bytes(data)
    seen, until = Seen(), time.monotonic() + seconds
    while seen.inputs < count and (left := until - time.monotonic()) > 0:
        part = watched(_search(name, seed, count - seen.inputs, left, corpus), left + LOADING)
        # The search itself may end its process; a fault of the reader is there without it.
        part.finds = [find for find in part.finds if _again(family, find)]
        seen.add(part)
        seed += 1
        if not part.inputs:
            break
    return seen


def _again(family: Family, find: Find) -> bool:
    """Whether an input is a find as well where nothing searches."""

    def work(board: Board, tell: Callable[[str], None]) -> None:
        read = Reader(family.read, family.errors, board, tell)
        read.warm([])
        read(find.number, find.data)

    return bool(watched(work, LOADING).finds)


def _search(
    name: str, seed: int, count: int, seconds: float, corpus: Path
) -> Callable[[Board, Callable[[str], None]], None]:
    def work(board: Board, tell: Callable[[str], None]) -> None:
        from .search import search

        search(name, seed, count, seconds, corpus, board, tell)

    return work


def keep(folder: Path, family: str, way: str, find: Find) -> Path:
    """Keep a find: the input, and next to it what happened."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{family.replace(' ', '-')}-{way}-{find.number}"
    path.with_suffix(".bin").write_bytes(find.data)
    path.with_suffix(".txt").write_text(f"{find.what}\n", encoding="utf-8")
    return path.with_suffix(".bin")
