"""Sample films: those on this machine, always the same ones."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cxr.datasets.published import data_folder
from cxr.films.radiograph import read
from cxr.reading_room import samples
from cxr.reading_room.samples import PYDICOM, sample_films, write_samples
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

    def test_a_few_of_every_set(self, made_films, tmp_path, monkeypatch, without_pydicom):
        shutil.copytree(made_films / "test", tmp_path / "kermany" / "test")
        nih = tmp_path / "nih"
        shutil.copytree(made_films / "test" / "NORMAL", nih / "images")
        names = sorted(path.name for path in (nih / "images").iterdir())
        labels = ["No Finding" if k % 2 else "pneumonia" for k in range(len(names))]
        lines = [f"images/{name},{label}" for name, label in zip(names, labels, strict=True)]
        (nih / "manifest.csv").write_text("\n".join(["path,label", *lines]))
        # Neither a set nor in the way of one.
        (tmp_path / "tuberculosis").mkdir()
        (tmp_path / "tuberculosis" / "manifest.csv").write_text("nothing")
        monkeypatch.setenv("CXR_DATA", str(tmp_path))
        sets = [path.relative_to(tmp_path).parts[0] for path in sample_films(2)]
        assert sets == ["kermany"] * 4 + ["nih"] * 4

    def test_none_that_a_model_learned_from(self, made_films, tmp_path, monkeypatch):
        shutil.copytree(made_films / "train", tmp_path / "train")
        shutil.copytree(made_films / "test", tmp_path / "test")
        monkeypatch.setenv("CXR_DATA", str(tmp_path))
        monkeypatch.setattr(samples, "_from_pydicom", lambda: iter(()))
        assert {path.parts[-3] for path in sample_films(100)} == {"test"}


class TestFromPydicom:
    def test_a_radiograph_of_an_adult_without_any_data(self, monkeypatch):
        monkeypatch.delenv("CXR_DATA", raising=False)
        paths = sample_films()
        assert [path.name for path in paths] == list(PYDICOM)
        first, second = (read(path) for path in paths)
        assert first.format == "dicom"
        assert first.bits == 15
        assert first.age is not None
        assert first.age > 18
        assert check(first) is None
        # The same film, once compressed without loss.
        assert first.sha256 == second.sha256

    def test_nothing_is_downloaded(self, monkeypatch):
        asked: list[dict] = []

        def lookup(name: str, **options) -> None:
            asked.append(options)

        monkeypatch.delenv("CXR_DATA", raising=False)
        monkeypatch.setattr("pydicom.data.get_testdata_file", lookup)
        assert sample_films() == []
        assert asked == [{"download": False}] * len(PYDICOM)


class TestWritten:
    def test_copies_with_their_names(self, monkeypatch, tmp_path):
        monkeypatch.delenv("CXR_DATA", raising=False)
        written = write_samples(tmp_path / "deep" / "samples")
        assert [path.name for path in written] == list(PYDICOM)
        for copy, film in zip(written, sample_films(), strict=True):
            assert copy.parent == tmp_path / "deep" / "samples"
            assert copy.read_bytes() == film.read_bytes()
        assert write_samples(tmp_path / "deep" / "samples") == written

    def test_equal_names_do_not_meet(self, monkeypatch, tmp_path):
        films = []
        for folder in ("a", "b"):
            (tmp_path / folder).mkdir()
            films.append(tmp_path / folder / "film.png")
            films[-1].write_text(folder)
        monkeypatch.setattr(samples, "sample_films", lambda each: films)
        written = write_samples(tmp_path / "out")
        assert [path.read_text() for path in written] == ["a", "b"]

    def test_nothing_to_write(self, monkeypatch, tmp_path, without_pydicom):
        monkeypatch.delenv("CXR_DATA", raising=False)
        assert write_samples(tmp_path / "out") == []
        assert not (tmp_path / "out").exists()


def test_intended_use_with_and_without_a_population():
    assert intended_use().endswith("Not for diagnostic use.")
    assert intended_use("adults") == f"{intended_use()} Population: adults."


@pytest.mark.data
def test_real_films_can_be_scored(data_dir: Path, monkeypatch, without_pydicom):
    monkeypatch.setenv("CXR_DATA", str(data_dir))
    films = sample_films()
    sets = {path.relative_to(data_dir).parts[0] for path in films}
    assert sets == {"kermany", "tuberculosis", "nih"}
    assert all(check(read(path)) is None for path in films)
