"""The table of what was run: one row per run, family and way, written anew as the run goes on."""

from __future__ import annotations

import csv
import io
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import cxr
from cxr.storage.atomic import write_file

from .watch import Seen

__all__ = ["COLUMNS", "TABLE", "Record", "total"]

TABLE = Path(__file__).parent.parent / "fuzz.csv"
#: ``first`` and ``end``: the numbers of the inputs, the last one left out; of a guided run the
#: first is the seed too. ``seconds``: of a processor, of the slowest input. ``mb``: what the
#: process grew by at most.
COLUMNS = (
    *("date", "version", "commit", "family", "way", "first", "end", "inputs", "outcomes"),
    *("finds", "seconds", "mb"),
)


class Record:
    """The rows of one run, after those of earlier ones.

    Parameters
    ----------
    path : pathlib.Path
        The table; it is made where there is none.
    """

    def __init__(self, path: Path = TABLE) -> None:
        self.path = path
        self.before = _rows(path)
        self._own: dict[tuple[str, str], tuple[int, int, Seen]] = {}
        self._commit = _commit()

    def next_number(self, family: str, way: str) -> int:
        """Return the first number of a family that was never run in a way."""
        ends = [
            int(row["end"]) for row in self.before if (row["family"], row["way"]) == (family, way)
        ]
        own = self._own.get((family, way))
        return max([*ends, own[1] if own else 0, 0])

    def add(self, family: str, way: str, first: int, end: int, seen: Seen) -> None:
        """Take in what came of inputs, and write the table."""
        begun, _, known = self._own.setdefault((family, way), (first, end, Seen()))
        known.add(seen)
        self._own[family, way] = begun, end, known
        self._write()

    def _write(self) -> None:
        out = io.StringIO()
        table = csv.DictWriter(out, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(self.before)
        for (family, way), (first, end, seen) in self._own.items():
            table.writerow(
                {
                    "date": f"{datetime.now(UTC):%Y-%m-%d}",
                    "version": cxr.__version__,
                    "commit": self._commit,
                    "family": family,
                    "way": way,
                    "first": first,
                    "end": end,
                    "inputs": seen.inputs,
                    "outcomes": len(seen.outcomes),
                    "finds": len(seen.finds),
                    "seconds": f"{seen.slowest:.2f}",
                    "mb": f"{seen.grown_mb:.0f}",
                }
            )
        write_file(self.path, lambda new: new.write_text(out.getvalue(), encoding="utf-8"))


def total(path: Path = TABLE) -> dict[str, float]:
    """Return the sums of the table: inputs and finds, and its slowest and largest."""
    rows = _rows(path)
    return {
        "inputs": sum(int(row["inputs"]) for row in rows),
        "finds": sum(int(row["finds"]) for row in rows),
        "seconds": max((float(row["seconds"]) for row in rows), default=0.0),
        "mb": max((float(row["mb"]) for row in rows), default=0.0),
    }


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _commit() -> str:
    """Return the checkout's commit, with a plus where files differ from it; empty without git."""
    folder = Path(__file__).parent

    def git(*words: str) -> str:
        command = ["git", "-C", str(folder), *words]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()

    return git("rev-parse", "--short=9", "HEAD") + ("+" if git("status", "--porcelain") else "")
