"""The published sets: what is said of them, and where their films stand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cxr.datasets.published import (
    SOURCES,
    data_folder,
    named_as_test_films,
    show_test_films,
)
from cxr.scoring.card import Card
from cxr.scoring.population import INTENDED_USE, folder_of, intended_use, split_note
from cxr.training.recipes import RECIPES


@pytest.fixture
def card(made_bundle) -> Card:
    """A card for children that was tried on adults, and on another set of children."""
    sets = {
        "adults": ["nih/normal", "qatar/normal", "nih/pneumonia"],
        "clinic": ["clinic/normal", "clinic/pneumonia"],
        "mixed": ["clinic/normal", "nih/pneumonia"],
        "other-children": ["kermany/normal", "kermany/pneumonia"],
    }
    recipe = replace(made_bundle.card.recipe, external=sets)
    return replace(made_bundle.card, recipe=recipe)


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
class TestSources:
    def test_say_all_that_must_be_said(self, source):
        assert SOURCES[source.name] is source
        assert all((source.title, source.citation, source.licence, source.population))
        assert source.layout

    def test_name_a_page(self, source):
        assert source.doi.startswith("10.")
        assert source.url == f"https://doi.org/{source.doi}"


def test_every_source_that_a_recipe_names_is_known():
    for recipe in RECIPES.values():
        parts = (*recipe.films, *(part for parts in recipe.external.values() for part in parts))
        assert {recipe.source, *(part.split("/")[0] for part in parts)} <= set(SOURCES)


class TestIntendedUse:
    def test_names_the_population(self):
        assert intended_use("adults") == f"{INTENDED_USE} Population: adults."

    def test_without_a_model(self):
        assert intended_use() == INTENDED_USE


class TestDataFolder:
    def test_is_that_of_the_set(self, tmp_path, monkeypatch):
        monkeypatch.setenv("CXR_DATA", str(tmp_path))
        (tmp_path / "nih").mkdir()
        (tmp_path / "nih" / "manifest.csv").touch()
        assert data_folder("nih") == tmp_path / "nih"

    @pytest.mark.parametrize("part", ["train", "test", "images"])
    def test_or_the_variables_own(self, tmp_path, monkeypatch, part):
        monkeypatch.setenv("CXR_DATA", str(tmp_path))
        (tmp_path / part).mkdir()
        assert data_folder("kermany") == tmp_path

    def test_is_none_where_nothing_is(self, tmp_path, monkeypatch):
        monkeypatch.setenv("CXR_DATA", str(tmp_path))
        assert data_folder("kermany") is None
        monkeypatch.delenv("CXR_DATA")
        assert data_folder("kermany") is None


class TestFolderOf:
    def test_a_bundles_own_splits_stand_in_its_data_set(self, card, tmp_path, monkeypatch):
        monkeypatch.setenv("CXR_DATA", str(tmp_path))
        (tmp_path / "kermany" / "test").mkdir(parents=True)
        for split in ("train", "validation", "test"):
            assert folder_of(card, split) == tmp_path / "kermany"

    def test_an_external_set_stands_in_the_folder_of_all_sets(self, card, tmp_path, monkeypatch):
        monkeypatch.setenv("CXR_DATA", str(tmp_path))
        (tmp_path / "kermany" / "test").mkdir(parents=True)
        assert folder_of(card, "adults") == tmp_path

    @pytest.mark.parametrize("split", ["test", "adults"])
    def test_is_none_where_nothing_is_at_hand(self, card, tmp_path: Path, monkeypatch, split):
        monkeypatch.setenv("CXR_DATA", str(tmp_path / "gone"))
        assert folder_of(card, split) is None
        monkeypatch.delenv("CXR_DATA")
        assert folder_of(card, split) is None


class TestSplitNote:
    @pytest.mark.parametrize("split", ["train", "validation", "test", ""])
    def test_nothing_is_said_of_a_bundles_own_splits(self, card, split):
        assert split_note(card, split) == ""

    def test_another_population_is_told(self, card):
        note = split_note(card, "adults")
        assert note.startswith("Outside the intended population: films of adults (")
        assert SOURCES["nih"].title in note
        assert SOURCES["qatar"].title in note
        assert note.endswith("; the model is meant for children of 1 to 5 years.")

    def test_each_source_is_named_once(self, card):
        assert split_note(card, "adults").count(SOURCES["nih"].title) == 1

    def test_the_same_population_is_no_warning(self, card):
        title = SOURCES["kermany"].title
        expected = f"From sources that the model did not learn from: {title}."
        assert split_note(card, "other-children") == expected

    def test_a_set_that_is_not_published_has_its_own_name(self, card):
        expected = "From sources that the model did not learn from: clinic."
        assert split_note(card, "clinic") == expected

    def test_one_source_of_another_population_is_enough(self, card):
        assert split_note(card, "mixed").startswith("Outside the intended population")


class TestTestFilms:
    def test_names_tell_them_whatever_the_folder(self):
        names = {
            "train/NORMAL/IM-0001-0001.jpeg": True,
            "train/PNEUMONIA/person1_virus_6.png": True,
            "valid/x/person1_virus_6_jpeg.rf.0a1b2c.jpg": True,
            "NORMAL2-IM-0007-0001.jpeg": True,
            "train/PNEUMONIA/person1_virus_60.jpeg": False,
            "train/PNEUMONIA/person1_bacteria_1.jpeg": False,
            "train/NORMAL/IM-0115-0001.jpeg": False,
            "test/NORMAL/other.png": False,
        }
        assert named_as_test_films(names).tolist() == list(names.values())

    def test_a_name_that_scanners_give_says_nothing_alone(self):
        assert not named_as_test_films(["a/IM-0001-0001.jpg", "b/IM-0003-0001.jpg"]).any()
        assert named_as_test_films([]).shape == (0,)

    def test_pixels_tell_them(self, stored_bundle_films):
        """The films of the Kermany set that ships as a table: all test films, and no other."""
        films = stored_bundle_films
        found = show_test_films(films["phash"])
        assert found.tolist() == (films["split"] == "test").tolist()
        assert found.sum() == 624
        assert (named_as_test_films(films["path"]) == found).all()
        assert show_test_films([]).shape == (0,)


@pytest.fixture(scope="module")
def stored_bundle_films():
    from cxr.model import load

    return load("pneumonia-efficientnet-lite0").films
