"""The README's Python blocks and commands, run as they stand."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file

from tests.conftest import ROOT

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working folder with the film that the README speaks of, and a folder of such films."""
    film = get_testdata_file("RG1_UNCR.dcm", download=False)
    assert film, "pydicom-data is not installed"
    # An adult's film, which the default model would refuse: here it is a child's.
    dataset = pydicom.dcmread(film)
    dataset.PatientAge, dataset.PatientBirthDate = "004Y", ""
    dataset.save_as(tmp_path / "film.dcm")
    (tmp_path / "films").mkdir()
    shutil.copy(tmp_path / "film.dcm", tmp_path / "films" / "one.dcm")
    return tmp_path


def run(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, timeout=300)


def test_the_two_commands_are_one_line_each() -> None:
    lines = TEXT.splitlines()
    start = "python -m venv .venv && . .venv/bin/activate && pip install -r "
    assert f"{start}requirements.txt && streamlit run streamlit_app.py" in lines
    assert f"{start}requirements-dev.txt && pytest" in lines


def test_python_blocks_run(folder: Path) -> None:
    found = blocks("python")
    assert found
    for block in found:
        done = run([sys.executable, "-c", block], folder)
        assert done.returncode == 0, done.stderr
        assert re.fullmatch(r"0\.\d\d, (above|near|below) 0\.\d\d\n", done.stdout), done.stdout


def test_python_blocks_of_the_documentation_run(folder: Path) -> None:
    pages = sorted((ROOT / "docs").rglob("*.md"))
    parts = [
        block
        for page in pages
        for block in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    ]
    assert len(parts) >= 3
    done = run([sys.executable, "-c", "\n".join(parts)], folder)
    assert done.returncode == 0, done.stderr


@pytest.mark.data
def test_commands_run(folder: Path, data_dir: Path) -> None:
    (folder / "kermany").symlink_to(data_dir / "kermany")
    commands = re.findall(r"^python -m cxr .*$", "\n".join(blocks("sh")), re.MULTILINE)
    assert len(commands) >= 5
    for command in commands:
        done = run([sys.executable, *command.split()[1:]], folder)
        assert done.returncode == 0, f"{command}\n{done.stderr}"
    assert (folder / "scores.csv").read_text().startswith("path,score,band")
    assert list((folder / "heatmaps").glob("*.png"))
    assert (folder / "overlay.png").stat().st_size > 10_000


def test_every_file_that_the_readme_names_is_there() -> None:
    for name in re.findall(r"\]\(([^)#:]+)\)", TEXT):
        assert (ROOT / name).exists(), name
    rows = TEXT.split("## Where things are")[1]
    for name in re.findall(r"`([\w/.]+(?:\.py|/))`", rows):
        assert (ROOT / name).exists() or (ROOT / "cxr" / name).exists(), name
