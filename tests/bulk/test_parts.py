"""A folder of Parquet parts: what a kill between any two steps leaves, and what is refused."""

from __future__ import annotations

import os
import random
import resource
import signal
import time

import pandas as pd
import pytest

from cxr.bulk.checkpoints import Checkpoint, CheckpointError, RowsOf, WriteError
from cxr.bulk.parts import PartsCheckpoint, iter_parts, manifest_of
from cxr.bulk.rows import NoRowsError
from tests.bulk.test_rows import refused, scored

MODEL = RowsOf("pneumonia-made", "00" * 32, "sensitivity-95")
#: As the rows of `scored` are.
KNOWN = MODEL._replace(threshold=0.1 + 0.2, slope=0.8, intercept=-0.5)
NAMES = [f"{k}.png" for k in range(8)]


def write(folder, names, *, resume=False, most=3):
    with PartsCheckpoint(folder, [MODEL], resume=resume, films_per_part=most) as out:
        for name in names:
            if not out.done(name):
                out.append([[scored(name, 0.25)]])
    return out


def names(folder):
    return [row["path"] for row in iter_parts(folder)]


def state(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


class TestRows:
    def test_come_back_from_parts_of_a_bounded_size(self, tmp_path):
        folder = tmp_path / "new" / "rows"
        rows = [scored("a.png", 1 / 3), refused("b.png"), *(scored(n, 0.5) for n in NAMES)]
        with PartsCheckpoint(folder, [MODEL], resume=False, films_per_part=4) as out:
            for row in rows:
                out.append([[row]])
        assert list(iter_parts(folder)) == rows
        assert (out.films, out.refused) == (10, 1)
        of, parts = manifest_of(folder)
        assert of == [MODEL]
        assert [part.films for part in parts] == [4, 4, 2]
        assert {*state(folder)} == {"_manifest.json", *(part.file for part in parts)}

    def test_are_read_by_a_reader_of_parquet(self, tmp_path):
        write(tmp_path / "rows", NAMES)
        assert [*pd.read_parquet(tmp_path / "rows")["path"]] == NAMES

    def test_while_they_are_written_are_those_of_the_parts_and_the_rest(self, tmp_path):
        with PartsCheckpoint(tmp_path / "rows", [MODEL], resume=False, films_per_part=3) as out:
            for number, name in enumerate(NAMES, 1):
                out.append([[scored(name, 0.5)]])
                assert names(tmp_path / "rows") == NAMES[:number]
                assert out.films == number

    def test_are_gone_on_with(self, tmp_path):
        folder = tmp_path / "rows"
        write(folder, NAMES[:4])
        before = state(folder)
        assert write(folder, NAMES, resume=True).films == 8
        assert names(folder) == NAMES
        written = state(folder)
        assert {name: written[name] for name in before if "part" in name} == {
            name: data for name, data in before.items() if "part" in name
        }
        assert write(folder, NAMES, resume=True).films == 8
        assert state(folder) == written

    def test_of_two_models_count_films(self, tmp_path):
        two = [MODEL, MODEL._replace(model="other")]
        with PartsCheckpoint(tmp_path / "rows", two, resume=False, films_per_part=2) as out:
            for name in NAMES[:5]:
                out.append([[scored(name, 0.5), refused(name) | {"model": "other"}]])
        assert (out.films, out.refused) == (5, 0)
        with PartsCheckpoint(tmp_path / "rows", two, resume=True) as out:
            assert [out.done(name) for name in NAMES[:6]] == [True] * 5 + [False]


class TestRefused:
    def test_a_folder_with_files(self, tmp_path):
        folder = tmp_path / "rows"
        write(folder, NAMES)
        before = state(folder)
        with pytest.raises(CheckpointError) as caught:
            write(folder, ["other.png"])
        assert caught.value.code == "output_exists"
        assert state(folder) == before

    @pytest.mark.parametrize("manifest", [None, "", "[]", '{"schema": 1, "parts": [{}]}'])
    def test_a_folder_of_something_else(self, tmp_path, manifest):
        (tmp_path / "letter.txt").write_text("precious")
        (tmp_path / "part-000009.parquet").write_text("precious")
        if manifest is not None:
            (tmp_path / "_manifest.json").write_text(manifest)
        before = state(tmp_path)
        with pytest.raises(NoRowsError):
            PartsCheckpoint(tmp_path, [MODEL], resume=True)
        assert state(tmp_path) == before

    def test_a_manifest_that_leads_out_of_the_folder(self, tmp_path):
        folder = tmp_path / "rows"
        write(folder, NAMES)
        manifest = folder / "_manifest.json"
        manifest.write_text(manifest.read_text().replace("part-000001", "../part-000001"))
        with pytest.raises(NoRowsError):
            list(iter_parts(folder))

    @pytest.mark.parametrize(
        "other",
        [
            MODEL._replace(model="else"),
            MODEL._replace(sha256="11" * 32),
            MODEL._replace(operating_point="youden"),
            MODEL._replace(mapped=True),
            # Of these the manifest says nothing, as one of an earlier version: the rows do.
            KNOWN._replace(threshold=0.25),
            KNOWN._replace(slope=0.5),
        ],
    )
    def test_rows_of_something_else(self, tmp_path, other):
        write(tmp_path / "rows", NAMES)
        before = state(tmp_path / "rows")
        with pytest.raises(CheckpointError) as caught:
            PartsCheckpoint(tmp_path / "rows", [other], resume=True)
        assert caught.value.code == "other_rows"
        assert state(tmp_path / "rows") == before

    @pytest.mark.parametrize("change", [{"threshold": 0.25}, {"intercept": 0.0}])
    def test_a_manifest_that_says_another_threshold_or_calibration(self, tmp_path, change):
        with PartsCheckpoint(tmp_path / "rows", [KNOWN], resume=False) as out:
            out.append([[refused("a.png") | {"calibration_slope": None}]])
        assert manifest_of(tmp_path / "rows")[0] == [KNOWN]
        with PartsCheckpoint(tmp_path / "rows", [KNOWN], resume=True) as out:
            assert out.films == 1
        with pytest.raises(CheckpointError) as caught:
            PartsCheckpoint(tmp_path / "rows", [KNOWN._replace(**change)], resume=True)
        assert caught.value.code == "other_rows"

    @pytest.mark.parametrize("change", [lambda p: p.unlink(), lambda p: p.write_bytes(b"PAR1")])
    def test_a_part_that_is_missing_or_changed(self, tmp_path, change):
        write(tmp_path / "rows", NAMES)
        change(tmp_path / "rows" / "part-000001.parquet")
        with pytest.raises(NoRowsError):
            PartsCheckpoint(tmp_path / "rows", [MODEL], resume=True)
        with pytest.raises(NoRowsError):
            list(iter_parts(tmp_path / "rows"))

    def test_a_folder_that_another_process_writes_to(self, tmp_path):
        with PartsCheckpoint(tmp_path / "rows", [MODEL], resume=False) as out:
            out.append([[scored("a.png", 0.5)]])
            with pytest.raises(CheckpointError) as caught:
                PartsCheckpoint(tmp_path / "rows", [MODEL], resume=True)
            assert caught.value.code == "in_use"
        assert names(tmp_path / "rows") == ["a.png"]

    def test_a_folder_that_cannot_be_made(self, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(WriteError) as caught:
            PartsCheckpoint(tmp_path / "file" / "rows", [MODEL], resume=False)
        assert caught.value.code == "unwritable"


class TestStopped:
    def test_the_rows_so_far_are_in_parts(self, tmp_path):
        out = PartsCheckpoint(tmp_path / "rows", [MODEL], resume=False)
        out.append([[scored(name, 0.5)] for name in NAMES[:2]])
        with pytest.raises(KeyboardInterrupt), out:
            raise KeyboardInterrupt
        assert [*pd.read_parquet(tmp_path / "rows")["path"]] == NAMES[:2]

    @pytest.mark.parametrize("there", [True, False])
    def test_before_the_first_row_nothing_is_left(self, tmp_path, there):
        folder = tmp_path / "rows"
        if there:
            folder.mkdir()
        with pytest.raises(RuntimeError), PartsCheckpoint(folder, [MODEL], resume=False):
            raise RuntimeError
        assert [*tmp_path.rglob("*")] == ([folder] if there else [])

    def test_by_a_full_disk_the_rows_before_are_kept(self, tmp_path):
        """As many bytes as a file may have, stand in for the disk."""
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        films = [f"{k}.png" for k in range(20)]
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (3000, before[1]))
            with pytest.raises(WriteError) as caught:
                write(tmp_path / "rows", films, most=100)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert caught.value.code == "disk"
        kept = names(tmp_path / "rows")
        assert len(kept) > 3
        assert kept == films[: len(kept)]
        write(tmp_path / "rows", films, resume=True)
        assert names(tmp_path / "rows") == films


class TestKilled:
    def test_before_the_manifest_named_the_part(self, tmp_path):
        folder = tmp_path / "rows"
        write(folder, NAMES[:3])
        part = (folder / "part-000001.parquet").read_bytes()
        (folder / "part-000002.parquet").write_bytes(part)
        (folder / f".tmp-{'0' * 16}._manifest.json").touch()
        (folder / "counterpart-1.txt").write_text("precious")
        write(folder, NAMES, resume=True)
        assert (folder / "counterpart-1.txt").read_text() == "precious"
        assert names(folder) == NAMES
        assert [part.films for part in manifest_of(folder)[1]] == [3, 3, 2]

    def test_before_the_rows_of_a_part_were_removed(self, tmp_path):
        folder = tmp_path / "rows"
        write(folder, NAMES[:3])
        with Checkpoint(folder / "_part-000001.jsonl", [MODEL], resume=False) as rows:
            rows.append([[scored(name, 0.25)] for name in NAMES[:3]])
        assert names(folder) == NAMES[:3]
        write(folder, NAMES, resume=True)
        assert names(folder) == NAMES
        assert not [*folder.glob("*.jsonl")]

    def test_before_the_first_manifest(self, tmp_path):
        (tmp_path / f".tmp-{'0' * 16}._manifest.json").touch()
        write(tmp_path, NAMES, resume=True)
        assert names(tmp_path) == NAMES

    def test_at_random_moments_nothing_is_lost_and_nothing_double(self, tmp_path):
        folder, rng, most = tmp_path / "rows", random.Random(1), 4
        sizes = [0]
        for _ in range(10):
            # A fork, since Python takes a second to come up.
            child = os.fork()
            if not child:
                try:
                    write(folder, [f"{k}.png" for k in range(60_000)], resume=True, most=most)
                finally:
                    os._exit(1)
            deadline = time.monotonic() + 20
            while not _written(folder) > sizes[-1]:
                assert time.monotonic() < deadline
                time.sleep(0.001)
            time.sleep(rng.random() * 0.1)
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            sizes.append(_written(folder))
        assert sizes == sorted(sizes)
        with PartsCheckpoint(folder, [MODEL], resume=True, films_per_part=most) as out:
            kept = out.films
        assert kept > 10
        wanted = [f"{k}.png" for k in range(kept + 5)]
        write(folder, wanted, resume=True, most=most)
        assert names(folder) == wanted


def _written(folder):
    """Count the films in parts and in what follows them, as they are just now."""
    try:
        return len([*iter_parts(folder)])
    except (NoRowsError, FileNotFoundError):
        return -1
