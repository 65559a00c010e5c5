"""Films that are there twice count once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from cxr.datasets.folders import DatasetError, scan

FILMS = ("train/NORMAL/a.png", "train/PNEUMONIA/b.png", "test/NORMAL/c.png")


@pytest.fixture
def root(tmp_path) -> Path:
    return write(tmp_path / "chest_xray", *FILMS)


def write(root: Path, *paths: str) -> Path:
    """Files that differ, as films do."""
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"film " + path.encode())
    return root


def told(root: Path) -> tuple[pd.DataFrame, str]:
    lines: list[str] = []
    return scan(root, say=lines.append), " ".join(lines)


@pytest.mark.parametrize("copy", ["chest_xray", "backup/old", "chest_xray (1)"])
def test_a_copy_of_the_whole_set_in_it(root, copy):
    before = scan(root)
    shutil.copytree(root, root.parent / "copy")
    (root / copy).parent.mkdir(parents=True, exist_ok=True)
    shutil.move(root.parent / "copy", root / copy)
    after, said = told(root)
    pd.testing.assert_frame_equal(after, before)
    assert "twice" in said
    assert f"{len(FILMS)} films" in said


def test_two_copies_side_by_side(root):
    shutil.copytree(root, root.parent / "other")
    table, said = told(root.parent)
    assert len(table) == len(FILMS)
    assert "twice" in said


@pytest.mark.parametrize("name", ["a (1).png", "a - Copy.png", "a copy.png", "Copy of a.png"])
def test_a_copy_under_the_name_of_one(root, name):
    shutil.copy(root / FILMS[0], root / "train/NORMAL" / name)
    table, said = told(root)
    assert table["path"].tolist() == sorted(FILMS)
    assert "twice" in said


def test_a_copy_in_no_split_does_not_count_beside_one_in_a_split(root):
    for path in FILMS:
        copy = root / path.partition("/")[2]
        copy.parent.mkdir(exist_ok=True)
        shutil.copy(root / path, copy)
    assert scan(root)["path"].tolist() == sorted(FILMS)


def test_a_film_in_two_splits_is_leakage_and_stays(root):
    shutil.copy(root / FILMS[0], root / "test/NORMAL/a.png")
    table, said = told(root)
    assert len(table) == len(FILMS) + 1
    assert said == ""


def test_films_of_one_name_that_differ_are_no_copies(root):
    write(root, "train/NORMAL/patient2/a.png", "train/PNEUMONIA/VIRUS/b.png")
    table, said = told(root)
    assert len(table) == len(FILMS) + 2
    assert said == ""


def test_films_that_differ_in_name_stay_though_their_bytes_are_equal(root):
    """The Kermany set holds such pairs; `cxr dataset` lists them."""
    shutil.copy(root / FILMS[0], root / "train/NORMAL/z.png")
    assert len(scan(root)) == len(FILMS) + 1


class TestRows:
    def manifest(self, folder: Path, *rows: str) -> Path:
        (folder / "manifest.csv").write_text("\n".join(["path,label,split", *rows]) + "\n")
        return folder

    def test_pasted_twice(self, root):
        rows = [f"{path},{path.split('/')[1]},{path.split('/')[0]}" for path in FILMS]
        again = [f".\\{row.replace('/', chr(92))}" for row in rows]
        table, said = told(self.manifest(root, *rows, *rows, *again))
        assert table["path"].tolist() == sorted(FILMS)
        assert "6 rows" in said
        assert "twice" in said

    @pytest.mark.parametrize("row", ["a.png,pneumonia,train", "a.png,normal,test"])
    def test_two_rows_that_say_different_things(self, tmp_path, row):
        with pytest.raises(
            DatasetError, match=r"more than one (label|split) for 1 film\. The first: a\.png"
        ):
            scan(self.manifest(tmp_path, "a.png,normal,train", row))

    def test_copies_that_are_listed(self, root):
        shutil.copytree(root, root.parent / "copy")
        shutil.move(root.parent / "copy", root / "chest_xray")
        rows = [f"{p},{p.split('/')[1]},{p.split('/')[0]}" for p in FILMS]
        rows += [f"chest_xray/{row}" for row in rows]
        table, said = told(self.manifest(root, *rows))
        assert table["path"].tolist() == sorted(FILMS)
        assert "twice" in said
