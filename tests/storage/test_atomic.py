"""Whatever kills a writer and whenever: what is read is the old or the new, whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cxr.storage import atomic
from cxr.storage.atomic import (
    ChangedError,
    FolderWriter,
    clear_unfinished,
    fitting_name,
    located,
    read_checked,
    write_file,
)
from cxr.storage.hashes import bytes_hash
from tests.conftest import ROOT

HEAD = "card.json"
#: Files of the old and of the new bundle: of some the contents stay, one comes, one goes.
OLD = {"weights.h5": b"w", "table.csv": b"old" * 1000, "gate.npz": b"g"}
NEW = {"weights.h5": b"w", "table.csv": b"new" * 2000, "history.csv": b"h" * 5000}


def head(files: dict[str, bytes]) -> bytes:
    return json.dumps({name: bytes_hash(content) for name, content in files.items()}).encode()


def fill(folder: Path, files: dict[str, bytes], *, alone: bool = False) -> None:
    with FolderWriter(folder, HEAD) as writer:
        for name, content in files.items():
            sha256 = writer.add(name, lambda path, content=content: path.write_bytes(content))
            assert sha256 == bytes_hash(content)
        writer.commit(head(files), alone=alone)


def read(folder: Path) -> dict[str, bytes]:
    names = json.loads((folder / HEAD).read_bytes())
    return {name: read_checked(folder, name, sha256) for name, sha256 in names.items()}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def fail(folder: Path) -> None:
    with FolderWriter(folder, HEAD) as writer:
        writer.add("table.csv", lambda path: path.write_bytes(b"new"))
        raise MemoryError


class TestWriteFile:
    def test_replaces_the_old_one(self, tmp_path):
        path = tmp_path / "a.csv"
        for content in ("old", "new"):
            write_file(path, lambda new, content=content: new.write_text(content))
            assert path.read_text() == content
        assert names(tmp_path) == {"a.csv"}

    def test_gives_a_path_with_the_same_ending(self, tmp_path):
        given = []
        write_file(tmp_path / "a.weights.h5", lambda new: (given.append(new.name), new.touch()))
        assert given[0].endswith(".weights.h5")

    def test_a_failure_leaves_the_old_one(self, tmp_path):
        path = tmp_path / "a.csv"
        path.write_text("old")

        def fail(new: Path) -> None:
            new.write_text("half")
            raise OSError("no space left")

        with pytest.raises(OSError, match="no space"):
            write_file(path, fail)
        assert path.read_text() == "old"
        assert names(tmp_path) == {"a.csv"}

    @pytest.mark.parametrize("name", ["a" * 251 + ".csv", "я" * 125 + ".csv"])
    def test_a_name_may_be_as_long_as_the_system_takes(self, tmp_path, name):
        path, written = tmp_path / name, []

        def write(new: Path) -> None:
            new.write_text("new")
            written.append(new)

        write_file(path, write)
        assert path.read_text() == "new"
        assert names(tmp_path) == {name}
        assert written[0].suffix == ".csv"
        # What a writer left that was killed is known by that name too.
        written[0].touch()
        clear_unfinished(path)
        assert names(tmp_path) == {name}

    def test_what_cannot_be_written_is_told_by_its_own_name(self, tmp_path):
        path = tmp_path / "none" / "a.csv"
        with pytest.raises(FileNotFoundError) as caught:
            write_file(path, lambda new: new.write_text("new"))
        assert caught.value.filename == str(path)

    def test_can_be_read_by_whom_any_file_can(self, tmp_path):
        (tmp_path / "other").touch()
        write_file(tmp_path / "a", lambda new: new.write_text("a"))
        assert (tmp_path / "a").stat().st_mode == (tmp_path / "other").stat().st_mode


@pytest.mark.parametrize(
    ("stem", "kept"),
    [
        ("a" * 251, "a" * 251),
        ("a" * 252, "a" * 251),
        ("я" * 126, "я" * 125),
        ("a" + "я" * 126, "a" + "я" * 125),
        # Letters with an accent of its own, as file systems of Apple write them: 3 bytes each.
        ("e\u0301" * 90, "e\u0301" * 83),
        ("a" * 250 + "e\u0301", "a" * 250),
        (os.fsdecode(b"\xff" * 252), os.fsdecode(b"\xff" * 251)),
        ("", ""),
    ],
)
def test_a_long_name_is_cut_between_letters(stem, kept):
    assert fitting_name(stem, ".png") == f"{kept}.png"


class TestFolderWriter:
    def test_makes_a_folder(self, tmp_path):
        fill(tmp_path / "deep" / "made", OLD)
        assert read(tmp_path / "deep" / "made") == OLD
        assert names(tmp_path / "deep" / "made") == {*OLD, HEAD}

    def test_leaves_what_it_does_not_write(self, tmp_path):
        fill(tmp_path, OLD)
        fill(tmp_path, NEW)
        assert read(tmp_path) == NEW
        assert names(tmp_path) == {*OLD, *NEW, HEAD}

    def test_or_takes_it_away(self, tmp_path):
        fill(tmp_path, OLD)
        fill(tmp_path, NEW, alone=True)
        assert read(tmp_path) == NEW
        assert names(tmp_path) == {*NEW, HEAD}

    def test_what_was_not_committed_is_not_there(self, tmp_path):
        fill(tmp_path, OLD)
        with FolderWriter(tmp_path, HEAD) as writer:
            writer.add("table.csv", lambda path: path.write_bytes(b"new"))
            assert read(tmp_path) == OLD
        assert read(tmp_path) == OLD
        assert names(tmp_path) == {*OLD, HEAD}

    def test_a_failure_leaves_the_old_ones(self, tmp_path):
        fill(tmp_path, OLD)
        with pytest.raises(MemoryError):
            fail(tmp_path)
        assert read(tmp_path) == OLD
        assert names(tmp_path) == {*OLD, HEAD}

    def test_a_failure_leaves_no_new_folder(self, tmp_path):
        with pytest.raises(MemoryError):
            fail(tmp_path / "made")
        assert names(tmp_path) == set()

    def test_a_file_added_can_be_read_before(self, tmp_path):
        with FolderWriter(tmp_path, HEAD) as writer:
            sha256 = writer.add("a.weights.h5", lambda path: path.write_bytes(b"w"))
            path = located(tmp_path, "a.weights.h5", sha256)
            assert path.read_bytes() == b"w"
            assert path.name.endswith(".weights.h5")

    def test_one_at_a_time(self, tmp_path):
        fill(tmp_path, OLD)
        with ThreadPoolExecutor() as pool:
            with FolderWriter(tmp_path, HEAD) as writer:
                other = pool.submit(fill, tmp_path, NEW)
                with pytest.raises(TimeoutError):
                    other.result(0.3)
                writer.commit(head({}))
            other.result(60)
        assert read(tmp_path) == NEW

    def test_one_that_cannot_begin_does_not_keep_the_next_waiting(self, tmp_path, monkeypatch):
        fill(tmp_path, OLD)

        def full(self: FolderWriter) -> None:
            raise OSError("no space left")

        with monkeypatch.context() as patch:
            patch.setattr(FolderWriter, "_settle", full)
            with pytest.raises(OSError, match="no space"):
                fill(tmp_path, NEW)
        with ThreadPoolExecutor() as pool:
            pool.submit(fill, tmp_path, NEW).result(60)
        assert read(tmp_path) == NEW


class TestReadChecked:
    def test_another_file(self, tmp_path):
        fill(tmp_path, OLD)
        (tmp_path / "table.csv").write_bytes(b"other")
        with pytest.raises(ChangedError, match=r"table\.csv"):
            read(tmp_path)

    def test_a_missing_file(self, tmp_path):
        with pytest.raises(FileNotFoundError):
            read_checked(tmp_path, "table.csv", "0" * 64)


#: A child process that replaces OLD by NEW and kills itself at one of its calls of the system.
CHILD = f"""
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from tests.storage.test_atomic import NEW, fill

CALLS = ("open", "fsync", "replace", "rename", "unlink", "rmdir", "mkdir")
root, out = Path(sys.argv[1]), Path(sys.argv[2])
for step in range(1000):
    folder = root / str(step)
    if not folder.exists():
        break
    if not (child := os.fork()):
        left = step
        def killing(call):
            def called(*given, **named):
                global left
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                left -= 1
                return call(*given, **named)
            return called
        for name in CALLS:
            setattr(os, name, killing(getattr(os, name)))
        fill(folder, NEW, alone=True)
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        out.write_text(str(step))
        break
"""

ROUNDS = 20
#: Children that write OLD and NEW in turn until they are killed.
AT_RANDOM = f"""
import os, random, signal, sys, time
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from tests.storage.test_atomic import NEW, OLD, ROUNDS, fill

random.seed(0)
for number in range(ROUNDS):
    folder = Path(sys.argv[1]) / str(number)
    if not (child := os.fork()):
        while True:
            fill(folder, NEW)
            fill(folder, OLD)
    time.sleep(random.uniform(0, 0.1))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="wants a system that forks")
class TestKilled:
    def test_at_each_step(self, tmp_path):
        """Killed before the first call of the system, before the second, and so on to the end."""
        root = tmp_path / "folders"
        for step in range(80):
            fill(root / str(step), OLD)
        out = tmp_path / "steps"
        subprocess.run([sys.executable, "-c", CHILD, root, out], check=True, timeout=120)
        steps = int(out.read_text())  # so many calls does it take in all
        assert 15 < steps < 80
        seen = []
        for step in range(steps):
            found = read(root / str(step))
            assert found in (OLD, NEW), step
            seen.append(found == NEW)
        assert seen == sorted(seen)  # once new, it stays so
        assert 0 < sum(seen) < steps

        # The next writer clears up, and nothing is lost by it.
        for step in range(steps):
            folder = root / str(step)
            with FolderWriter(folder, HEAD):
                pass
            assert read(folder) == (NEW if seen[step] else OLD)
            assert not [name for name in names(folder) if name.startswith(".")]

    def test_at_random(self, tmp_path):
        for number in range(ROUNDS):
            fill(tmp_path / str(number), OLD)
        subprocess.run([sys.executable, "-c", AT_RANDOM, tmp_path], check=True, timeout=120)
        for number in range(ROUNDS):
            assert read(tmp_path / str(number)) in (OLD, NEW), number


KILLED = """
import os, signal, sys
from pathlib import Path
from cxr.storage.atomic import write_file
def die(path):
    path.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
write_file(Path(sys.argv[1]), die)
"""


def test_what_a_killed_writer_left_goes_once_it_is_old(tmp_path, monkeypatch):
    """As in ``models/films``, where a table is written under a name that does not come again."""
    command = [sys.executable, "-c", KILLED, str(tmp_path / "a.csv")]
    assert subprocess.run(command, cwd=ROOT).returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    others = [tmp_path / name for name in (".tmp-notes", ".tmp-0123.a.csv", "tmp-a.csv")]
    for other in others:
        other.write_text("of somebody else")
        os.utime(other, (0, 0))

    def written() -> bool:
        monkeypatch.setattr(atomic, "_cleared", set())
        write_file(tmp_path / "b.csv", lambda path: path.write_text("whole"))
        return left.exists()

    assert written()  # it could still be at work
    os.utime(left, (left.stat().st_mtime - atomic.OLD - 5,) * 2)
    assert not written()
    assert all(other.exists() for other in others)
    assert (tmp_path / "b.csv").read_text() == "whole"


def test_a_folder_is_looked_through_once(tmp_path, monkeypatch):
    """Not for each of thousands of heatmaps."""
    monkeypatch.setattr(atomic, "_cleared", set())
    looked = []
    glob = Path.glob
    monkeypatch.setattr(
        Path, "glob", lambda self, pattern: looked.append(self) or glob(self, pattern)
    )
    for number in range(3):
        write_file(tmp_path / f"{number}.png", lambda path: path.write_text("x"))
    assert looked == [tmp_path]
