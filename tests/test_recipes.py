"""Recipes: found by name or file, taken back from JSON, refused before a run is begun."""

from __future__ import annotations

import dataclasses
import json

import pytest

from cxr.architectures import ARCHITECTURES
from cxr.recipes import RECIPES, Augmentation, Recipe, find_recipe
from cxr.sources import SOURCES


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
class TestShipped:
    def test_is_named_after_what_it_makes(self, recipe):
        assert RECIPES[recipe.name] is recipe
        assert recipe.name == f"{recipe.finding}-{recipe.architecture.replace('_', '-')}"
        assert recipe.architecture in ARCHITECTURES
        assert recipe.source in SOURCES

    def test_comes_back_from_json(self, recipe):
        assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe


class TestFindRecipe:
    def test_by_name(self):
        assert find_recipe("pneumonia-grey-cnn").architecture == "grey_cnn"

    def test_from_a_file(self, made_recipe, tmp_path):
        file = tmp_path / "mine.json"
        file.write_text(json.dumps(made_recipe.to_json()))
        assert find_recipe(str(file)) == made_recipe

    def test_unknown_names_the_known(self):
        with pytest.raises(ValueError, match=r"no recipe 'nope'. Known: .*pneumonia-grey-cnn"):
            find_recipe("nope")

    @pytest.mark.parametrize("content", [b"{", b"\xff\xfe\xfd"])
    def test_a_file_that_is_not_json(self, tmp_path, content):
        (tmp_path / "bad.json").write_bytes(content)
        with pytest.raises(ValueError, match=r"bad\.json is not JSON"):
            find_recipe(str(tmp_path / "bad.json"))

    @pytest.mark.parametrize("content", ["[1, 2]", "3", "null", '"words"', "{}"])
    def test_json_that_is_no_recipe(self, tmp_path, content):
        (tmp_path / "bad.json").write_text(content)
        with pytest.raises(ValueError):  # noqa: PT011 - the words differ, what matters is the kind
            find_recipe(str(tmp_path / "bad.json"))


class TestFromJson:
    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"epoch": 3}, "no recipe.*epoch"),
            ({"augmentation": {"rotate": 3}}, "no recipe.*rotate"),
            ({"augmentation": None}, "no recipe"),
            ({"augmentation": {"scale": 1}}, "no recipe"),
            ({"epochs": "8"}, "no recipe"),
        ],
    )
    def test_fields_that_are_none(self, made_recipe, change, words):
        with pytest.raises(ValueError, match=words):
            Recipe.from_json(made_recipe.to_json() | change)

    def test_fields_may_be_left_out(self, made_recipe):
        plain = made_recipe.to_json()
        for name in ("augmentation", "seed", "keep"):
            del plain[name]
        recipe = Recipe.from_json(plain)
        assert recipe.augmentation == Augmentation()
        assert (recipe.seed, recipe.keep) == (0, "best")

    def test_what_is_given_is_not_changed(self, made_recipe):
        plain = made_recipe.to_json()
        before = json.dumps(plain)
        Recipe.from_json(plain)
        assert json.dumps(plain) == before


class TestRefusals:
    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("optimizer", "sgd"),
            ("schedule", "linear"),
            ("channels", 2),
            ("pretrained", "jft"),
            ("keep", "first"),
            ("architecture", "vgg"),
            ("source", "unknown"),
            ("epochs", 0),
            ("batch_size", -1),
            ("input_size", 0),
            ("learning_rate", 0.0),
            ("validation", 0.0),
            ("validation", 0.6),
            ("warmup_epochs", 2.0),
            ("warmup_epochs", -1),
        ],
    )
    def test_value_out_of_range_is_named(self, made_recipe, field, value):
        with pytest.raises(ValueError, match=rf"Expected {field}.*Received: {value!r}"):
            dataclasses.replace(made_recipe, **{field: value})

    @pytest.mark.parametrize("name", ["", "../out", "a/b", ".hidden", "a b"])
    def test_name_that_is_no_folders_name(self, made_recipe, name):
        with pytest.raises(ValueError, match="Expected a name of letters"):
            dataclasses.replace(made_recipe, name=name)
