"""What the workers of a run make once."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.conftest import made_once


def worker(run: Path, name: str) -> Any:
    """A factory of folders like that of a worker of pytest-xdist."""
    own = run / name
    own.mkdir()

    def mktemp(folder: str) -> Path:
        (own / folder).mkdir()
        return own / folder

    return SimpleNamespace(mktemp=mktemp, getbasetemp=lambda: own)


def test_each_worker_has_a_copy_of_its_own(tmp_path: Path) -> None:
    made: list[Path] = []

    def make(folder: Path) -> None:
        made.append(folder)
        (folder / "in").mkdir()
        (folder / "in" / "it").write_text("first")

    one, two = (made_once("x", make, worker(tmp_path, name), "run") for name in ("gw0", "gw1"))
    assert len(made) == 1
    assert one != two
    (one / "in" / "it").write_text("changed")
    assert (two / "in" / "it").read_text() == "first"
    alone = made_once("x", make, worker(tmp_path, "alone"), None)
    assert made[1:] == [alone]


def test_what_was_left_unfinished_is_made_again(tmp_path: Path) -> None:
    def fails(folder: Path) -> None:
        (folder / "half").touch()
        raise KeyError("killed")

    with pytest.raises(KeyError, match="killed"):
        made_once("x", fails, worker(tmp_path, "gw0"), "run")
    whole = made_once("x", lambda folder: (folder / "it").touch(), worker(tmp_path, "gw1"), "run")
    assert [path.name for path in whole.iterdir()] == ["it"]
