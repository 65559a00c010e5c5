"""Inputs that reach new lines, looked for by atheris. Runs in the inner process, which it ends."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import atheris

from .watch import Board, Reader

__all__ = ["search"]

#: Bytes of an input.
LARGEST = 8192
#: What is told which of its lines an input reaches, and what has to be loaded anew for it.
FOLLOWED = ("cxr", "pydicom")
LOADED_ANEW = (*FOLLOWED, "tests", "benchmarks.fuzz.films", "benchmarks.fuzz.documents")


def search(
    name: str,
    seed: int,
    count: int,
    seconds: float,
    corpus: Path,
    board: Board,
    tell: Callable[[str], None],
) -> None:
    """Search until so many inputs were read, or so many seconds are over."""
    anew = (*LOADED_ANEW, "benchmarks.fuzz.families")
    for module in list(sys.modules):
        if module in anew or module.startswith(tuple(f"{one}." for one in anew)):
            del sys.modules[module]
            holder, _, own = module.rpartition(".")
            if holder in sys.modules:
                vars(sys.modules[holder]).pop(own, None)
    with atheris.instrument_imports(include=FOLLOWED):
        from . import families, films
    family = families.FAMILIES[name]
    read = Reader(family.read, family.errors, board, tell)
    read.warm([path.read_bytes() for path in sorted(corpus.iterdir())[:40]])
    number = 0

    def one(data: bytes) -> None:
        nonlocal number
        read(number, data)
        number += 1

    def changed(data: bytes, most: int, drawn: int) -> bytes:
        spoiled: bytes = atheris.Mutate(data, most)
        rng = random.Random(drawn)  # noqa: S311 - of damage
        return films.with_checksums(spoiled, rng)[:most] if rng.random() < 0.8 else spoiled

    options = [f"-seed={seed + 1}", f"-runs={count}", f"-max_total_time={int(seconds) + 1}"]
    options += [f"-max_len={LARGEST}", "-rss_limit_mb=0", "-timeout=0", "-detect_leaks=0"]
    options += [f"-artifact_prefix={corpus.parent}/{corpus.name}-"]
    # What is behind the checksums of a PNG is reached by none that are drawn by chance.
    mutator: dict[str, Any] = {"custom_mutator": changed} if name == "png" else {}
    atheris.Setup(["fuzz", *options, str(corpus)], one, **mutator)
    atheris.Fuzz()
