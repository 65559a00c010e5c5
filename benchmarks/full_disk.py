"""Commands on a full disk: how often something was lost, half written or not told.

    python -m benchmarks.full_disk [COMMAND...] [--folder FOLDER]

The folder must be on a small disk of its own, as a tmpfs of 200 MB; where none is given, one is
mounted, which wants the rights of a superuser. Each command is run with no room at all, then with
a third and two thirds of what it needs. After each run

- it has ended with status 2 and one line that says what could not be written, and no traceback;
- what was there before is there: the bundle is the old one (or the new one where only the end of
  the command failed) and whole, the file is the old one, or holds the first rows;
- nothing is left behind, but what a training run goes on with.

Then room is made, and the same command comes to its end. Prints a line per command; ends with
status 1 if anything was wrong.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from cxr.bulk.rows import FORMATS, read_rows
from cxr.cli.parser import main as command_line

from .killed_commands import NAME, Command, commands, in_child, state_of

SIZE = "200m"
FULL, WANTED, OLD = "filler", 2, b"old"
SHARES = (0.0, 1 / 3, 2 / 3)


def run(words: list[str]) -> tuple[int, str]:
    """Run a command in a child; return its status and what it said."""
    with tempfile.TemporaryFile() as said:
        child = os.fork()
        if not child:
            status = 1
            try:
                os.dup2(said.fileno(), 1)
                os.dup2(said.fileno(), 2)
                status = command_line(words)
            finally:
                sys.stderr.flush()
                os._exit(status)
        _, ended = os.waitpid(child, 0)
        said.seek(0)
        return os.waitstatus_to_exitcode(ended), said.read().decode(errors="replace")


def used(folder: Path) -> int:
    """Return the bytes that a disk holds."""
    facts = os.statvfs(folder)
    return (facts.f_blocks - facts.f_bfree) * facts.f_frsize


@contextmanager
def room(disk: Path, left: int) -> Iterator[None]:
    """Leave so many bytes on a disk."""
    filler = disk / FULL
    with filler.open("wb") as file:
        facts = os.statvfs(disk)
        size = max(facts.f_bfree * facts.f_frsize - left, 1)
        while True:
            try:
                os.posix_fallocate(file.fileno(), 0, size)
                break
            except OSError:  # what is free is counted roughly
                size -= 65536
    try:
        yield
    finally:
        filler.unlink()


def tried(
    disk: Path, begin: Callable[[], object], words: list[str], check: Callable[[bool], str]
) -> list[str]:
    """Run a command on a disk that is too full for it; return what was wrong."""
    begin()
    before = used(disk)
    status, said = run(words)
    if status or check(True):
        return [f"does not work at all: status {status}, {check(True)}, {said[-300:]}"]
    needed = used(disk) - before
    wrong = []
    for share in SHARES:
        begin()
        with room(disk, int(needed * share)):
            status, said = run(words)
            last = said.strip().splitlines()[-1] if said.strip() else ""
            if status != WANTED or not last.startswith("cxr: ") or "Traceback" in said:
                wrong.append(f"with {share:.0%} of the room: status {status}, {last[:200]}")
            if what := check(False):
                wrong.append(f"with {share:.0%} of the room: {what}")
        again = [*words, "--resume"] if words[0] == "predict" else words
        status, said = run(again)
        if status and "--resume" in said:  # of rows there were none yet
            status, said = run(words)
        if status or (what := check(True)):
            wrong.append(f"does not come to its end: status {status}, {what}, {said[-200:]}")
    return wrong


def of_bundle(command: Command) -> Callable[[bool], str]:
    """Return what says what is wrong with a bundle after its command has ended or failed."""

    def check(is_done: bool) -> str:
        state = in_child(lambda: state_of(command))
        if state not in (("new",) if is_done else ("old", "new")):
            return state
        left = [path.name for path in command.bundle.iterdir() if path.name.startswith(".")]
        return f"left behind: {', '.join(left)}" if left else ""

    return check


def of_rows(path: Path, films: list[str]) -> Callable[[bool], str]:
    """Return what says what is wrong with rows of films."""

    def check(is_done: bool) -> str:
        if not path.exists():
            return "no file" if is_done else ""
        try:
            names = [Path(str(row["path"])).name for row in read_rows(path)]
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told
            # Of a line that is cut the next run takes the part away.
            return "" if not is_done and path.suffix in (".csv", ".jsonl") else str(error)
        if is_done:
            return "" if sorted(names) == films else "films are missing or doubled"
        return "" if len(set(names)) == len(names) else "films are doubled"

    return check


def of_file(path: Path, old: bytes) -> Callable[[bool], str]:
    """Return what says what is wrong with a file that is written as a whole."""

    def check(is_done: bool) -> str:
        if (path.read_bytes() == old) == is_done:
            return "the old file is there" if is_done else "the old file is not there any more"
        left = [file.name for file in path.parent.iterdir() if file.name.startswith(".")]
        return f"left behind: {', '.join(left)}" if left else ""

    return check


def trials(disk: Path) -> Iterator[tuple[str, Callable[[], list[str]]]]:
    """Yield each command's name and what tries it."""
    for command in commands(disk):
        check = of_bundle(command)
        yield command.name, partial(tried, disk, command.begin, command.words, check)
    folder = disk / "data" / "kermany" / "test"
    films = sorted(path.name for path in folder.rglob("*.png"))
    model = str(disk / "made" / NAME)
    for suffix in FORMATS:
        yield f"predict {suffix}", partial(try_rows, disk, model, folder, films, suffix)
    film, far = str(next(folder.rglob("*.png"))), str(disk / "data" / "far")
    words = ["explain", film, "--model", model]
    yield "explain", partial(try_file, disk, disk / "out" / "map.png", words)
    words = ["calibrate", model, "--data", far, "--force"]
    yield "calibrate", partial(try_file, disk, disk / "out" / "site.json", words)


def try_rows(disk: Path, model: str, folder: Path, films: list[str], suffix: str) -> list[str]:
    """Try what writes rows of films."""
    rows = disk / f"rows{suffix}"

    def begin() -> None:
        for file in (rows, rows.with_name(rows.name + ".part")):
            file.unlink(missing_ok=True)

    words = ["predict", str(folder), "--model", model, "--out", str(rows)]
    return tried(disk, begin, words, of_rows(rows, films))


def try_file(disk: Path, file: Path, words: list[str]) -> list[str]:
    """Try what writes a file over another."""

    def begin() -> None:
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(OLD)

    return tried(disk, begin, [*words, "--out", str(file)], of_file(file, OLD))


@contextmanager
def small_disk(given: Path | None) -> Iterator[Path]:
    """Yield a folder on a small disk: the given one, or one that is mounted for it."""
    if given:
        yield given
        return
    mount, unmount = shutil.which("mount"), shutil.which("umount")
    with tempfile.TemporaryDirectory() as folder:
        if not mount or not unmount:
            sys.exit("No mount here. Name a folder on a small disk with --folder.")
        try:
            subprocess.run(
                [mount, "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", folder], check=True
            )
        except subprocess.CalledProcessError:
            sys.exit("No disk can be mounted here. Name a folder on a small one with --folder.")
        try:
            yield Path(folder)
        finally:
            subprocess.run([unmount, folder], check=True)


def main() -> int:
    """Try all of them; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("commands", nargs="*", metavar="COMMAND")
    parser.add_argument("--folder", type=Path, help="on a small disk of its own")
    options = parser.parse_args()
    failed = False
    with small_disk(options.folder) as disk:
        for name, trial in trials(disk):
            if options.commands and name.partition(" ")[0] not in options.commands:
                continue
            wrong = trial()
            failed |= bool(wrong)
            print(f"{name:16} {len(SHARES)} full disks, {len(wrong)} wrong", flush=True)
            for what in wrong:
                print(f"{'':16} {what}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
