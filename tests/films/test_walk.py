"""The files of a folder, and what each is."""

from __future__ import annotations

import os
import time
from pathlib import Path

from cxr.films.kinds import HEAD, Kind
from cxr.films.walk import walk

PNG = b"\x89PNG\r\n\x1a\n"


def found(folder: Path) -> dict[str, Kind]:
    return {path.relative_to(folder).as_posix(): kind for path, kind in walk(folder)}


def test_files_at_every_depth(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "film").write_bytes(PNG)
    (tmp_path / "notes.txt").write_text("no film")
    assert found(tmp_path) == {"a/b/film": Kind.PNG, "notes.txt": Kind.TEXT}


def test_hidden_folders_are_not_walked(tmp_path):
    for name in (".git", "__MACOSX"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "film.png").write_bytes(PNG)
    assert found(tmp_path) == {".git": Kind.HIDDEN, "__MACOSX": Kind.HIDDEN}


def test_links_are_followed_and_no_folder_is_walked_twice(tmp_path):
    """Also not one that holds a link to itself, or to the folder above."""
    outside, root = tmp_path / "outside", tmp_path / "root"
    for folder in (outside, root / "z"):
        folder.mkdir(parents=True)
        (folder / "film").write_bytes(PNG)
    (root / "a-link").symlink_to(root / "z", target_is_directory=True)
    (root / "loop").symlink_to(root, target_is_directory=True)
    (root / "z" / "up").symlink_to(root, target_is_directory=True)
    (root / "other").symlink_to(outside, target_is_directory=True)
    (root / "file").symlink_to(outside / "film")
    assert found(root) == {"z/film": Kind.PNG, "other/film": Kind.PNG, "file": Kind.PNG}


def test_what_cannot_be_opened_has_its_place(tmp_path):
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe")  # is not waited for
    assert found(tmp_path) == {"gone.png": Kind.UNREADABLE, "pipe": Kind.SPECIAL}
    assert found(tmp_path / "nowhere") == {".": Kind.UNREADABLE}


def test_only_the_start_of_a_file_is_read(tmp_path, monkeypatch):
    (tmp_path / "film").write_bytes(PNG + bytes(10**6))
    asked: list[int] = []
    read = os.read

    def watched(handle: int, n: int) -> bytes:
        asked.append(n)
        return read(handle, n)

    monkeypatch.setattr(os, "read", watched)
    assert found(tmp_path) == {"film": Kind.PNG}
    assert asked == [HEAD]


def test_a_big_folder_is_quick(tmp_path):
    for i in range(3000):
        (tmp_path / f"1.2.{i}").write_bytes(PNG)
    start = time.perf_counter()
    assert len(found(tmp_path)) == 3000
    assert time.perf_counter() - start < 3  # 0.1 s where nothing else runs
