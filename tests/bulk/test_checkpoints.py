"""Rows that are appended: what a kill leaves, what is gone on with, what is refused."""

from __future__ import annotations

import os
import random
import resource
import signal
import time
from pathlib import Path

import pytest

from cxr.bulk import checkpoints
from cxr.bulk import rows as row_formats
from cxr.bulk.checkpoints import Checkpoint, CheckpointError, RowsOf, WriteError, lock
from cxr.bulk.rows import FORMATS, LINE_BY_LINE, NoRowsError, heading, read_rows, write_rows
from tests.bulk.test_rows import mapped, refused, scored

MODEL = RowsOf("pneumonia-made", "00" * 32, "sensitivity-95")
#: As the rows of `scored` are.
KNOWN = MODEL._replace(threshold=0.1 + 0.2, slope=0.8, intercept=-0.5)
NAMES = [f"{k}.png" for k in range(6)]


def write(path: Path, names: list[str], *, resume: bool = False) -> Checkpoint:
    with Checkpoint(path, [MODEL], resume=resume) as out:
        for name in names:
            if not out.done(name):
                out.append([[scored(name, 0.25)]])
    return out


def names(path: Path) -> list[str]:
    return [row["path"] for row in read_rows(path)]


@pytest.mark.parametrize("suffix", FORMATS)
class TestEveryFormat:
    def test_rows_come_back(self, tmp_path, suffix):
        path = tmp_path / "new" / f"rows{suffix}"
        rows = [scored("a.png", 1 / 3), refused("b.png"), scored("=1.png", 0.5)]
        with Checkpoint(path, [MODEL], resume=False) as out:
            out.append([[row] for row in rows])
        assert read_rows(path) == rows
        assert (out.films, out.refused) == (3, 1)
        assert list(path.parent.iterdir()) == [path]

    def test_goes_on(self, tmp_path, suffix):
        path = tmp_path / f"rows{suffix}"
        write(path, NAMES[:3])
        assert write(path, NAMES, resume=True).films == 6
        assert names(path) == NAMES
        assert write(path, NAMES, resume=True).films == 6
        assert names(path) == NAMES

    def test_a_file_that_is_there_is_left_alone(self, tmp_path, suffix):
        path = tmp_path / f"rows{suffix}"
        write(path, NAMES)
        before = path.read_bytes()
        with pytest.raises(CheckpointError) as caught:
            write(path, ["other.png"])
        assert caught.value.code == "output_exists"
        assert path.read_bytes() == before

    def test_stopped_the_rows_so_far_are_in_the_file(self, tmp_path, suffix):
        path = tmp_path / f"rows{suffix}"
        out = Checkpoint(path, [MODEL], resume=False)
        out.append([[scored(name, 0.5)] for name in NAMES[:2]])
        with pytest.raises(KeyboardInterrupt), out:
            raise KeyboardInterrupt
        assert names(path) == NAMES[:2]

    def test_stopped_before_the_first_row_nothing_is_left(self, tmp_path, suffix):
        with (
            pytest.raises(RuntimeError),
            Checkpoint(tmp_path / f"rows{suffix}", [MODEL], resume=False),
        ):
            raise RuntimeError
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        "other",
        [
            MODEL._replace(model="else"),
            MODEL._replace(sha256="11" * 32),
            MODEL._replace(operating_point="youden"),
            MODEL._replace(mapped=True),
            KNOWN._replace(threshold=0.25),
            KNOWN._replace(slope=0.5),
            KNOWN._replace(intercept=0.0),
        ],
    )
    def test_rows_of_something_else_are_not_mixed_in(self, tmp_path, suffix, other):
        path = tmp_path / f"rows{suffix}"
        write(path, NAMES)
        before = path.read_bytes()
        with pytest.raises(CheckpointError) as caught:
            Checkpoint(path, [other], resume=True)
        assert caught.value.code == "other_rows"
        assert path.read_bytes() == before
        assert list(tmp_path.iterdir()) == [path]

    def test_goes_on_at_the_same_threshold_and_calibration(self, tmp_path, suffix):
        path = tmp_path / f"rows{suffix}"
        write(path, NAMES)
        with Checkpoint(path, [KNOWN], resume=True) as out:
            assert out.films == 6

    def test_goes_on_where_rows_did_not_say_their_calibration_yet(
        self, tmp_path, suffix, monkeypatch
    ):
        path = tmp_path / f"rows{suffix}"
        with monkeypatch.context() as earlier:
            earlier.setattr(row_formats, "OF_FILE", ())
            write(path, NAMES[:3])
        with Checkpoint(path, [KNOWN], resume=True) as out:
            out.append([[scored(name, 0.25)] for name in NAMES if not out.done(name)])
        rows = read_rows(path)
        assert [row["path"] for row in rows] == NAMES
        assert {row["score"] for row in rows} == {0.25}
        # Lines of CSV have the columns that its first line names.
        later = None if suffix == ".csv" else "For research."
        assert [row["intended_use"] for row in rows] == [None] * 3 + [later] * 3
        with pytest.raises(CheckpointError):
            Checkpoint(path, [KNOWN._replace(threshold=0.25)], resume=True)
        with Checkpoint(path, [KNOWN], resume=True) as out:
            assert out.films == 6

    def test_rows_of_no_film_are_not_gone_on_with(self, tmp_path, suffix):
        """Found by damage: a cell that is empty, or a number, where a film's path should be."""
        path = tmp_path / f"rows{suffix}"
        write(path, NAMES)
        before = path.read_bytes()
        if suffix == ".parquet":
            write_rows([scored(name, 0.25) | {"path": None} for name in NAMES], path)
        else:
            path.write_bytes(before.replace(b'"1.png"', b"7").replace(b"\n1.png", b"\n"))
        before = path.read_bytes()
        with pytest.raises(NoRowsError):
            Checkpoint(path, [MODEL], resume=True)
        assert path.read_bytes() == before

    def test_rows_with_heatmaps_are_gone_on_with_by_rows_with_heatmaps(self, tmp_path, suffix):
        path, with_maps = tmp_path / f"rows{suffix}", [MODEL._replace(mapped=True)]
        with Checkpoint(path, with_maps, resume=False) as out:
            out.append([[mapped("a.png", 0.5)], [refused("b.png")]])
        with Checkpoint(path, with_maps, resume=True) as out:
            assert out.done("a.png")
            assert not out.done("c.png")

    def test_a_film_counts_once_it_has_the_rows_of_all_models(self, tmp_path, suffix):
        two = [MODEL, MODEL._replace(model="other")]
        path = tmp_path / f"rows{suffix}"
        other = {"model": "other"}
        with Checkpoint(path, two, resume=False) as out:
            for name in NAMES[:2]:
                out.append([[scored(name, 0.5), refused(name) | other]])
        assert (out.films, out.refused) == (2, 0)
        with pytest.raises(CheckpointError):
            Checkpoint(path, [MODEL], resume=True)
        if suffix in LINE_BY_LINE:
            path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
            with Checkpoint(path, two, resume=True) as out:
                assert [out.done(name) for name in NAMES[:2]] == [True, False]

    def test_two_processes_do_not_write_to_one_file(self, tmp_path, suffix):
        path = tmp_path / f"rows{suffix}"
        with Checkpoint(path, [MODEL], resume=False) as out:
            out.append([[scored("a.png", 0.5)]])
            with pytest.raises(CheckpointError) as caught:
                Checkpoint(path, [MODEL], resume=True)
            assert caught.value.code == "in_use"
        assert names(path) == ["a.png"]

    def test_a_file_that_another_process_takes_away_just_now_is_not_written_to(
        self, tmp_path, suffix, monkeypatch
    ):
        path = tmp_path / f"rows{suffix}"
        locked = []

        def late(handle: int, name: str) -> None:
            if not locked:  # the other one ends between opening and locking
                for file in tmp_path.iterdir():
                    file.unlink()
            locked.append(name)
            lock(handle, name)

        monkeypatch.setattr(checkpoints, "lock", late)
        write(path, NAMES)
        assert len(locked) == 2
        assert names(path) == NAMES

    def test_merged_and_killed_before_the_other_file_was_removed(self, tmp_path, suffix):
        path = tmp_path / f"rows{suffix}"
        if suffix in LINE_BY_LINE:
            return
        lines = tmp_path / "rows.jsonl"
        write(lines, NAMES[:4])
        write(path, NAMES[:3])
        lines.rename(tmp_path / f"rows{suffix}.part")
        (tmp_path / f".tmp-{'0' * 16}.rows{suffix}").touch()
        assert write(path, NAMES, resume=True).films == 6
        assert names(path) == NAMES
        assert list(tmp_path.iterdir()) == [path]

    def test_no_folder_to_write_to(self, tmp_path, suffix):
        (tmp_path / "file").touch()
        with pytest.raises(WriteError) as caught:
            Checkpoint(tmp_path / "file" / f"rows{suffix}", [MODEL], resume=False)
        assert caught.value.code == "unwritable"

    def test_a_full_disk_keeps_the_rows_before(self, tmp_path, suffix):
        """As many bytes as a file may have, stand in for the disk."""
        path = tmp_path / f"rows{suffix}"
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        films = [f"{k}.png" for k in range(20)]
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (3000, before[1]))
            with pytest.raises(WriteError) as caught:
                write(path, films)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert caught.value.code == "disk"
        log = path if suffix in LINE_BY_LINE else tmp_path / f"rows{suffix}.part"
        assert log.read_bytes().count(b"\n") > 3
        write(path, films, resume=True)
        assert names(path) == films


@pytest.mark.parametrize("suffix", LINE_BY_LINE)
class TestTorn:
    @pytest.mark.parametrize("cut", range(1, 400, 7))
    def test_at_any_byte(self, tmp_path, suffix, cut):
        path = tmp_path / f"rows{suffix}"
        write(path, NAMES[:3])
        whole = path.read_bytes()
        path.write_bytes(whole[:-cut])
        write(path, NAMES[:3], resume=True)
        assert path.read_bytes() == whole

    def test_in_the_first_line(self, tmp_path, suffix):
        path = tmp_path / f"rows{suffix}"
        for start in (b"", (heading(suffix) or '{"path": "a')[:7].encode()):
            path.write_bytes(start)
            write(path, NAMES, resume=True)
            assert names(path) == NAMES
            path.unlink()

    @pytest.mark.parametrize("content", [b"precious", b"name,age\nx,3\n", b'{"precious": 1}\n'])
    def test_a_file_of_something_else_is_not_cut(self, tmp_path, suffix, content):
        path = tmp_path / f"rows{suffix}"
        path.write_bytes(content)
        with pytest.raises(NoRowsError):
            Checkpoint(path, [MODEL], resume=True)
        assert path.read_bytes() == content


@pytest.mark.parametrize("suffix", FORMATS)
def test_killed_at_random_moments_nothing_is_lost_and_nothing_double(tmp_path, suffix):
    path, number = tmp_path / f"rows{suffix}", 60_000
    log = path if suffix in LINE_BY_LINE else tmp_path / f"rows{suffix}.part"
    rng, sizes = random.Random(suffix), [0]
    for _ in range(10):
        # A fork, since Python takes a second to come up.
        child = os.fork()
        if not child:
            try:
                write(path, [f"{k}.png" for k in range(number)], resume=True)
            finally:
                os._exit(1)
        deadline = time.monotonic() + 20
        while not (log.exists() and log.stat().st_size > sizes[-1]):
            assert time.monotonic() < deadline
            time.sleep(0.001)
        time.sleep(rng.random() * 0.05)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        sizes.append(log.stat().st_size)
    assert sizes == sorted(sizes)
    with Checkpoint(path, [MODEL], resume=True) as out:
        kept = out.films
    assert kept > 10
    write(path, [f"{k}.png" for k in range(kept + 5)], resume=True)
    assert names(path) == [f"{k}.png" for k in range(kept + 5)]
