"""The command line as a person runs it, where its output cannot be written.

As many bytes as a file of the process may have, stand in for the disk.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import TextIO

import pytest

from cxr.bulk.rows import read_rows
from cxr.cli.commands import CLOSED, DONE, WRONG_USAGE
from cxr.cli.parser import main
from tests.conftest import ROOT, chest_like, png

FILMS = 20
#: Bytes for the rows of the first batch, and not for all: a line of JSON says more than one of CSV.
ROOM, ROOM_JSON = 4000, 8000


@pytest.fixture(scope="module")
def films(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    for k in range(FILMS):
        (folder / f"{k:02}.png").write_bytes(png(chest_like(k, ill=k % 2 == 0)))
    return folder


@pytest.fixture
def predict(films, made_bundle):
    """Run the command on `films` in a process of its own, its files no larger than `room`."""

    def run(*words: str | Path, room: int | None = None, paths: Path = films):
        def limited() -> None:
            if room is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

        command = [sys.executable, "-m", "cxr", "predict", paths, "--model", made_bundle.folder]
        environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(
            [*command, *words],
            capture_output=True,
            text=True,
            env=environment,
            preexec_fn=limited,
            check=False,
            timeout=300,
        )

    return run


def is_told(done: subprocess.CompletedProcess[str], what: Path) -> bool:
    """Say whether the command ended with one line, which names what could not be written."""
    last = done.stderr.strip().splitlines()[-1]
    return (
        done.returncode == WRONG_USAGE
        and last.startswith("cxr: ")
        and str(what) in last
        and "Traceback" not in done.stderr
        and "Errno" not in last
    )


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_full_disk_keeps_the_rows_before(predict, tmp_path, suffix):
    out = tmp_path / f"rows{suffix}"
    full = predict("--out", out, room=ROOM if suffix == ".csv" else ROOM_JSON)
    assert is_told(full, out)
    assert "--resume" in full.stderr
    kept = out if suffix == ".csv" else tmp_path / f"rows{suffix}.part"
    before = kept.read_bytes()
    assert 0 < before.count(b"\n") < FILMS

    # What is there is neither begun anew nor lost: without room, and with.
    again = predict("--out", out)
    assert again.returncode == WRONG_USAGE
    assert kept.read_bytes() == before
    assert is_told(predict("--out", out, "--resume", room=len(before)), out)
    assert predict("--out", out, "--resume").returncode == DONE
    names = [Path(row["path"]).name for row in read_rows(out)]
    assert sorted(names) == [f"{k:02}.png" for k in range(FILMS)]


def test_a_full_disk_and_heatmaps(predict, films, tmp_path):
    out, maps = tmp_path / "rows.csv", tmp_path / "maps"
    full = predict("--out", out, "--heatmaps", maps, room=ROOM, paths=films / "00.png")
    assert is_told(full, maps)
    assert not [*maps.glob("*.png")], "no half of a picture"
    done = predict("--out", out, "--heatmaps", maps, paths=films / "00.png")
    assert done.returncode == DONE, done.stderr
    assert len([*maps.glob("*.png")]) == len(read_rows(out)) == 1


def unwritable(folder: Path) -> Path:
    """Return a folder that nobody may write to: locked, or for the superuser one of the system."""
    folder = Path("/sys") if os.geteuid() == 0 else folder / "locked"
    if folder.name == "locked":
        folder.mkdir(mode=0o500)
    return folder


def test_a_folder_that_cannot_be_written_to(predict, films, tmp_path):
    locked, one = unwritable(tmp_path), films / "00.png"
    for words in (["--out", locked / "rows.csv"], ["--out", locked / "rows.parquet"]):
        assert is_told(done := predict(*words, paths=one), words[1])
        assert "--resume" not in done.stderr
    out = tmp_path / "rows.csv"
    assert is_told(predict("--out", out, "--heatmaps", locked / "maps", paths=one), locked)


def test_a_file_in_the_place_of_the_folder_is_left_alone(predict, films, tmp_path):
    (file := tmp_path / "file").write_text("mine")
    for words in (["--out", file / "rows.csv"], ["--out", tmp_path / "a.csv", "--heatmaps", file]):
        assert is_told(predict(*words, paths=films / "00.png"), file)
        assert file.read_text() == "mine"


def test_a_home_that_cannot_be_written_to(films, made_bundle, tmp_path):
    """Films are scored all the same; what wants the home says so."""
    home = unwritable(tmp_path)
    environment = {n: v for n, v in os.environ.items() if not n.startswith(("XDG_", "CXR_READ"))}
    environment |= {"HOME": str(home), "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}

    def run(*words: str | Path):
        command = [sys.executable, "-m", "cxr", *words]
        return subprocess.run(
            command, capture_output=True, text=True, env=environment, check=False, timeout=300
        )

    out = tmp_path / "rows.csv"
    done = run("predict", films / "00.png", "--model", made_bundle.folder, "--out", out)
    assert done.returncode == DONE, done.stderr
    assert len(read_rows(out)) == 1
    assert is_told(
        run("readings", "export", "--out", tmp_path / "log.csv"), Path("CXR_READINGS_URL")
    )


class TestStandardOutput:
    """Nobody reads it, or it goes to a disk that is full: a status of the reference, no traceback.

    The interpreter would write what is left once more at its end, and end with a status of its own.
    """

    WORDS = (["models"], ["models", "--json"], ["--version"], ["predict", "--help"])

    @pytest.fixture(autouse=True)
    def _models(self, made_models, monkeypatch):
        monkeypatch.setenv("CXR_MODELS", str(made_models))

    @staticmethod
    def status(words: list[str], output: TextIO, monkeypatch) -> int:
        with monkeypatch.context() as at, output:
            at.setattr(sys, "stdout", output)
            try:
                status = main(words)
            except SystemExit as end:  # argparse's own way
                status = end.code
            output.flush()  # as the interpreter does at its end
        return status

    @pytest.mark.parametrize("words", WORDS)
    def test_a_pipe_that_nobody_reads(self, words, monkeypatch, capsys):
        reader, writer = os.pipe()
        os.close(reader)
        assert self.status(words, os.fdopen(writer, "w"), monkeypatch) == CLOSED
        assert capsys.readouterr().err == ""

    @pytest.mark.parametrize("words", WORDS)
    def test_a_full_disk(self, words, monkeypatch, capsys):
        full = Path("/dev/full").open("w")  # noqa: SIM115 - closed where it is used
        assert self.status(words, full, monkeypatch) == WRONG_USAGE
        (said,) = capsys.readouterr().err.splitlines()
        assert said.startswith("cxr: ")
        assert "Standard output" in said

    def test_rows_for_a_pipe_that_nobody_reads(self, films, made_bundle, monkeypatch):
        reader, writer = os.pipe()
        os.close(reader)
        words = ["predict", str(films / "00.png"), "--model", str(made_bundle.folder)]
        assert self.status(words, os.fdopen(writer, "w", buffering=1), monkeypatch) == CLOSED

    def test_none_at_all(self, monkeypatch):
        monkeypatch.setattr(sys, "stdout", None)
        assert main(["models"]) == DONE

    def test_of_a_process(self, made_models):
        """As a person sees it: with the interpreter's own end."""
        environment = os.environ | {"PYTHONPATH": str(ROOT), "CXR_MODELS": str(made_models)}
        reader, pipe = os.pipe()
        os.close(reader)
        full = os.open("/dev/full", os.O_WRONLY)
        for output, status in ((full, WRONG_USAGE), (pipe, CLOSED)):
            done = subprocess.run(
                [sys.executable, "-m", "cxr", "models"],
                stdout=output,
                stderr=subprocess.PIPE,
                env=environment,
                check=False,
            )
            os.close(output)
            assert done.returncode == status, done.stderr
            assert b"Traceback" not in done.stderr
