"""Writers killed at random moments: how often something was lost, doubled or left unusable.

    python -m benchmarks.kills [--kills 200] [--postgresql URL] [--folder FOLDER]

Each writer works in a child process that is killed (SIGKILL) after a random time, and goes on in
the next one with what was left. After each kill what is on the disk is read as the program does:

- bundle: a table of evidence and the card that names it are replaced in turn by two others; the
  bundle loads, and the table is one of the two, whole.
- rows.csv, .jsonl, .json, .parquet: films are appended one by one; those that are there are the
  first ones, each once, and no fewer than before.
- SQLite, PostgreSQL: three readings are recorded at a time, each acknowledged; what was
  acknowledged is there, what is there came whole, each once.

Prints a line per writer; ends with status 1 if anything was wrong. ``--folder`` names a folder to
work in, as one on a small disk.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from cxr.bulk.checkpoints import Checkpoint, RowsOf
from cxr.bulk.rows import FORMATS, LINE_BY_LINE, Row, columns, read_rows
from cxr.monitoring import Reading, Readings, new_list_id
from cxr.scoring.bundle import Bundle
from cxr.scoring.store import replace_evidence
from cxr.storage.models import models_folder

SHIPPED = "pneumonia-small-cnn"
EVIDENCE = "steadiness.csv"
#: Seconds after its first work within which a child is killed.
WITHIN = 0.06
TOGETHER = 3


class Writer(NamedTuple):
    """What is killed.

    Attributes
    ----------
    name : str
        For people.
    work : callable
        Works until it is killed; calls what it is given after each step that is done.
    check : callable
        Takes the steps that were done in all; returns what is wrong, "" if
        nothing is.
    """

    name: str
    work: Callable[[Callable[[], object]], None]
    check: Callable[[int], str]


def killed(writer: Writer, kills: int, seed: int = 0) -> tuple[int, list[str]]:
    """Kill a writer so many times; return the steps that it did in all, and what was wrong."""
    rng = random.Random(f"{writer.name} {seed}")  # noqa: S311 - of waiting times
    wrong, steps = [], 0
    for _ in range(kills):
        reader, end = os.pipe()
        child = os.fork()
        if not child:
            os.close(reader)
            _work(writer, end)
        os.close(end)
        first = os.read(reader, 1)
        if first == b".":
            time.sleep(rng.random() * WITHIN)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        said = first
        while more := os.read(reader, 65536):
            said += more
        os.close(reader)
        done = len(said) - len(said.lstrip(b"."))
        steps += done
        if error := said.lstrip(b".").decode(errors="replace"):
            wrong.append(f"the writer could not go on: {error}")
        elif what := writer.check(steps):
            wrong.append(what)
    return steps, wrong


def _work(writer: Writer, end: int) -> None:
    """Work until killed: a dot for each step that is done, or what went wrong."""
    try:
        writer.work(lambda: os.write(end, b"."))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told
        os.write(end, f"!{type(error).__name__}: {error}".encode()[:500])
    finally:
        os._exit(1)


def bundle_writer(folder: Path) -> Writer:
    """Return what replaces a table of a bundle and its card."""
    models = folder / "models"
    shutil.copytree(models_folder() / SHIPPED, models / SHIPPED)
    shutil.copytree(models_folder() / "films", models / "films")
    tables = [
        pd.DataFrame({"weights": "0" * 64, "path": [f"{letter}{k}" for k in range(2000)]})
        for letter in "ab"
    ]
    whole = {table.to_csv(index=False).encode() for table in tables}

    def work(done: Callable[[], object]) -> None:
        while True:
            for table in tables:
                replace_evidence(Bundle.load(SHIPPED, folder=models), EVIDENCE, table)
                done()

    def check(_: int) -> str:
        try:
            kept = Bundle.load(SHIPPED, folder=models).evidence(EVIDENCE)
        except ValueError as error:
            return f"the bundle is damaged: {error}"
        return "" if kept in whole else "the table is neither of the two"

    return Writer("bundle", work, check)


def rows_writer(folder: Path, suffix: str) -> Writer:
    """Return what appends rows of films."""
    path = folder / f"rows{suffix}"
    log = path if suffix in LINE_BY_LINE else path.with_name(path.name + ".part")
    of = RowsOf("pneumonia-made", "00" * 32, "sensitivity-95")
    blank: Row = dict.fromkeys(columns())
    seen = [0]

    def row(number: int) -> Row:
        return blank | {
            "path": f"{number}.png",
            "score": 0.25,
            "model": of.model,
            "model_sha256": of.sha256,
            "operating_point": of.operating_point,
            "threshold": 0.5,
            "band": "below",
        }

    def work(done: Callable[[], object]) -> None:
        with Checkpoint(path, [of], resume=True) as out:
            for number in range(out.films, 10**9):
                out.append([[row(number)]])
                done()

    def check(steps: int) -> str:
        copy = folder / "copy" / path.name
        copy.parent.mkdir(exist_ok=True)
        for file in (path, log):
            if file.exists():
                shutil.copy(file, copy.with_name(file.name))
        with Checkpoint(copy, [of], resume=True) as out:
            kept = out.films
        names = [said["path"] for said in read_rows(copy)]
        shutil.rmtree(copy.parent)
        if names != [f"{number}.png" for number in range(kept)]:
            return "films are missing, doubled or out of order"
        if kept < max(steps, seen[0]):
            return f"{max(steps, seen[0]) - kept} films that were written are lost"
        seen[0] = kept
        return ""

    return Writer(f"rows{suffix}", work, check)


def readings_writer(url: str, name: str) -> Writer:
    """Return what records readings, three at a time."""
    listed, log = new_list_id(), Readings(url)

    def reading(number: int) -> Reading:
        return Reading(
            list_id=listed,
            film_sha256=f"{number:064x}",
            model="pneumonia-made",
            model_sha256="00" * 32,
            finding="pneumonia",
            operating_point="youden",
            threshold=0.5,
            score=0.25,
        )

    def films() -> list[int]:
        table = log.table()
        mine = table[table["list_id"] == listed]
        return [int(sha256, 16) for sha256 in mine["film_sha256"]]

    def work(done: Callable[[], object]) -> None:
        own, number = Readings(url), len(films())
        while True:
            own.scored(*(reading(number + k) for k in range(TOGETHER)))
            number += TOGETHER
            done()

    def check(steps: int) -> str:
        there = films()
        if there != list(range(len(there))) or len(there) % TOGETHER:
            return "readings are missing, doubled or half written"
        return "" if len(there) >= TOGETHER * steps else "acknowledged readings are lost"

    return Writer(name, work, check)


def main() -> int:
    """Kill all of them; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--postgresql", metavar="URL")
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory(dir=options.folder) as made:
        folder = Path(made)
        writers = [bundle_writer(folder), *(rows_writer(folder, suffix) for suffix in FORMATS)]
        writers.append(readings_writer(f"sqlite:///{folder / 'readings.sqlite3'}", "SQLite"))
        if options.postgresql:
            writers.append(readings_writer(options.postgresql, "PostgreSQL"))
        else:
            print("PostgreSQL: not done, --postgresql names no server")
        for writer in writers:
            steps, wrong = killed(writer, options.kills)
            failed |= bool(wrong)
            print(f"{writer.name:14} {options.kills} kills, {steps:,} steps, {len(wrong)} wrong")
            for what in dict.fromkeys(wrong):
                print(f"{'':14} {what}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
