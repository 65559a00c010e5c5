"""Recipes: found by name or file, taken back from JSON, refused before a run is begun."""

from __future__ import annotations

import dataclasses
import json

import pytest

from cxr.datasets.published import SOURCES
from cxr.films.preprocessing import Preprocessing
from cxr.networks import ARCHITECTURES, BASELINES
from cxr.training.recipes import (
    RECIPES,
    Augmentation,
    FirstStep,
    Recipe,
    find_recipe,
)
from cxr.training.source_folds import FOLDS


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
class TestShipped:
    def test_is_named_after_what_it_makes(self, recipe):
        assert RECIPES[recipe.name] is recipe
        name = f"{recipe.finding}-{recipe.architecture.replace('_', '-')}"
        assert recipe.name in (name, f"{name}-v1")
        assert recipe.architecture in ARCHITECTURES
        assert recipe.source in SOURCES

    def test_comes_back_from_json(self, recipe):
        assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe

    def test_learns_from_no_film_that_it_is_tried_on(self, recipe):
        learned = set(recipe.films) or {f"{recipe.source}/normal"}
        tried = {part for parts in recipe.external.values() for part in parts}
        sources = {part.split("/")[0] for part in learned}
        if tried:
            assert not learned & tried
        else:  # each source is left out in turn, see `cxr.training.source_folds`
            left_out = {source for sources, _ in FOLDS.values() for source in sources}
            assert left_out < sources

    def test_external_parts_are_of_known_sources_and_both_classes(self, recipe):
        for parts in recipe.external.values():
            sources, labels = zip(*(part.split("/") for part in parts), strict=True)
            assert set(sources) <= set(SOURCES)
            assert set(labels) == {"normal", recipe.finding}


def test_both_findings_have_recipes_and_both_baselines():
    assert {recipe.finding for recipe in RECIPES.values()} == {"pneumonia", "tuberculosis"}
    for finding in ("pneumonia", "tuberculosis"):
        own = {r.architecture for r in RECIPES.values() if r.finding == finding}
        assert set(BASELINES) < own


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
            ({"first_step": {"epochs": 2, "size": 96}}, "no recipe.*size"),
            ({"first_step": {}}, "no recipe.*epochs"),
            ({"first_step": [2]}, "no recipe"),
            ({"films": None}, "no recipe"),
            ({"films": "qatar/normal"}, "no recipe.*films"),
            ({"external": None}, "no recipe"),
            ({"external": ["nih/normal"]}, "no recipe"),
            ({"external": {"nih": "nih/normal"}}, "no recipe.*nih"),
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

    def test_what_recipes_have_gained_since_counts_with_its_default(self, made_recipe):
        plain = made_recipe.to_json()
        for name in (
            *("films", "external", "test", "first_step", "variants", "storage"),
            *("margin", "levels", "resample", "settle_units", "start_from"),
        ):
            del plain[name]
        for name in ("tone", "sharpness"):
            del plain["augmentation"][name]
        assert Recipe.from_json(plain) == made_recipe
        assert (made_recipe.margin, made_recipe.levels, made_recipe.storage) == (
            *(0.0, "plain"),
            "float32",
        )

    def test_every_field_comes_back_through_json(self, made_recipe):
        recipe = dataclasses.replace(
            made_recipe,
            films=("tbx11k/tuberculosis", "qatar/normal"),
            external={"other": ("nih/normal", "qatar/tuberculosis")},
            test=0.2,
            first_step=FirstStep(epochs=2, share=0.5, validation=0.2, input_size=32),
            settle_units=True,
            start_from="tuberculosis-made",
            variants=3,
            storage="float16",
            margin=0.08,
            levels="equalized",
            augmentation=Augmentation(scale=(0.8, 1.1), tone=0.3, sharpness=0.5),
        )
        default = Recipe.from_json({k: v for k, v in made_recipe.to_json().items() if k != "films"})
        assert recipe != default
        assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe

    def test_first_step_may_be_short(self, made_recipe):
        recipe = Recipe.from_json(made_recipe.to_json() | {"first_step": {"epochs": 2}})
        assert recipe.first_step == FirstStep(epochs=2, share=1.0, validation=0.1, input_size=0)

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
            ("storage", "float8"),
            ("test", -0.1),
            ("test", 0.6),
            ("variants", 0),
        ],
    )
    def test_value_out_of_range_is_named(self, made_recipe, field, value):
        with pytest.raises(ValueError, match=rf"Expected {field}.*Received: {value!r}"):
            dataclasses.replace(made_recipe, **{field: value})

    @pytest.mark.parametrize(
        ("field", "value", "words"),
        [
            ("margin", 0.5, r"a margin in \[0, 0\.4\]\. Received: 0\.5"),
            ("levels", "flat", "levels of .*equalized.*Received: 'flat'"),
            ("resample", "cubic", "resample 'nearest' or 'bilinear'. Received: 'cubic'"),
        ],
    )
    def test_what_films_are_prepared_with_is_checked(self, made_recipe, field, value, words):
        with pytest.raises(ValueError, match=words):
            dataclasses.replace(made_recipe, **{field: value})

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("epochs", 0),
            ("share", 0.0),
            ("share", 1.1),
            ("validation", 0.0),
            ("validation", 0.6),
            ("input_size", -1),
        ],
    )
    def test_first_step_out_of_range(self, field, value):
        """Hours of training come after it: it is told when the recipe is made."""
        with pytest.raises(ValueError, match=rf"Expected {field}.*Received: {value!r}"):
            FirstStep(**({"epochs": 2} | {field: value}))

    def test_lbfgs_is_for_the_baselines(self, made_recipe):
        """Elsewhere another optimizer would run under its name."""
        with pytest.raises(ValueError, match=r"lbfgs.*border, thumbnail.*Received: grey_cnn"):
            dataclasses.replace(made_recipe, optimizer="lbfgs", weight_decay=0.1)

    def test_the_baselines_are_solved_by_lbfgs(self):
        with pytest.raises(ValueError, match=r"lbfgs.*border, thumbnail.*Received: adam"):
            dataclasses.replace(RECIPES["pneumonia-thumbnail"], optimizer="adam")

    def test_a_baseline_without_weight_decay(self):
        with pytest.raises(ValueError, match=r"weight_decay above 0.*Received: 0\.0"):
            dataclasses.replace(RECIPES["pneumonia-border"], weight_decay=0.0)

    @pytest.mark.parametrize("name", ["", "../out", "a/b", ".hidden", "a b"])
    def test_name_that_is_no_folders_name(self, made_recipe, name):
        with pytest.raises(ValueError, match="Expected a name of letters"):
            dataclasses.replace(made_recipe, name=name)


class TestToInput:
    def test_is_made_of_the_recipes_fields(self, made_recipe):
        recipe = dataclasses.replace(
            made_recipe, channels=1, resample="bilinear", margin=0.1, levels="equalized"
        )
        assert recipe.to_input == Preprocessing(64, 64, 1, "bilinear", 0.1, "equalized")

    def test_for_another_size(self, made_recipe):
        other = made_recipe.prepare_for(32)
        assert other == dataclasses.replace(made_recipe.to_input, height=32, width=32)
