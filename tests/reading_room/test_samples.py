"""Sample films: those on this machine, always the same ones."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cxr.datasets.published import data_folder
from cxr.films.radiograph import read
from cxr.reading_room import samples
from cxr.reading_room.samples import sample_films
from cxr.scoring.population import intended_use
from cxr.scoring.refusal import check


@pytest.fixture
def without_pydicom(monkeypatch):
    monkeypatch.setattr(samples, "_from_pydicom", lambda: iter(()))


class TestFromData:
    def test_a_few_of_each_class_from_the_test_split(
        self, made_films, monkeypatch, without_pydicom
    ):
        monkeypatch.setenv("CXR_DATA", str(made_films))
        films = sample_films(3)
        assert [path.parent for path in films] == [made_films / "test" / "NORMAL"] * 3 + [
            made_films / "test" / "PNEUMONIA"
        ] * 3
        assert len(set(films)) == 6
        assert films == sample_films(3)
        # Spread over the names, and not the first ones.
        everything = sorted((made_films / "test" / "NORMAL").iterdir())
        assert films[:3] == everything[0:9:3]

    def test_fewer_films_than_asked_for(self, made_films, monkeypatch, without_pydicom):
        monkeypatch.setenv("CXR_DATA", str(made_films))
        assert len(sample_films(100)) == 20

    def test_a_set_in_a_folder_of_its_name(
        self, made_films, tmp_path, monkeypatch, without_pydicom
    ):
        shutil.copytree(made_films / "test", tmp_path / "kermany" / "test")
        monkeypatch.setenv("CXR_DATA", str(tmp_path))
        assert data_folder("kermany") == tmp_path / "kermany"
        assert len(sample_films()) == 8

    @pytest.mark.parametrize("folder", [None, "gone", "empty"])
    def test_nothing_there(self, tmp_path, monkeypatch, without_pydicom, folder):
        (tmp_path / "empty").mkdir()
        if folder:
            monkeypatch.setenv("CXR_DATA", str(tmp_path / folder))
        else:
            monkeypatch.delenv("CXR_DATA", raising=False)
        assert data_folder("kermany") is None
        assert sample_films() == []

    def test_a_set_with_one_class(self, made_films, tmp_path, monkeypatch, without_pydicom):
        shutil.copytree(made_films / "test" / "NORMAL", tmp_path / "test" / "NORMAL")
        monkeypatch.setenv("CXR_DATA", str(tmp_path))
        assert {path.parent.name for path in sample_films()} == {"NORMAL"}


class TestFromPydicom:
    def test_a_real_radiograph_where_the_package_is_installed(self, monkeypatch):
        pytest.importorskip("data_store", reason="wants pydicom-data")
        monkeypatch.delenv("CXR_DATA", raising=False)
        (path,) = sample_films()
        film = read(path)
        assert film.format == "dicom"
        assert check(film) is None

    def test_nothing_is_downloaded(self, monkeypatch):
        asked: list[dict] = []

        def lookup(name: str, **options) -> None:
            asked.append(options)

        monkeypatch.delenv("CXR_DATA", raising=False)
        monkeypatch.setattr("pydicom.data.get_testdata_file", lookup)
        assert sample_films() == []
        assert asked == [{"download": False}]


def test_intended_use_with_and_without_a_population():
    assert intended_use().endswith("Not for diagnostic use.")
    assert intended_use("adults") == f"{intended_use()} Population: adults."


@pytest.mark.data
def test_real_films_can_be_scored(data_dir: Path, monkeypatch, without_pydicom):
    monkeypatch.setenv("CXR_DATA", str(data_dir))
    films = sample_films()
    assert len(films) == 8
    assert all(check(read(path)) is None for path in films)
