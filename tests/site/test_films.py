"""A site's films with their truth, found in a folder."""

from __future__ import annotations

from pathlib import Path

from cxr.site.films import labeled_films
from tests.conftest import chest_like, png


def test_the_folders_of_patients_tell_whose_films_they_are(tmp_path: Path) -> None:
    names = ["NORMAL/p1/a.png", "NORMAL/p1/p1.png", "PNEUMONIA/p2/a.png", "PNEUMONIA/b.png"]
    for k, name in enumerate(names):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(chest_like(k, size=32)))
    found = labeled_films(tmp_path, "pneumonia").films
    patients = dict(zip(found["path"], found["patient"], strict=True))
    assert [patients[name] for name in names] == ["p1", "p1", "p2", ""]
