"""Recipes: everything that a training run depends on, apart from the films.

A recipe is data. `RECIPES` holds those behind the bundles that ship; a JSON file of the same
fields makes another.
"""

from __future__ import annotations

import json
from pathlib import Path

from ...scoring.recipe import Augmentation, FirstStep, LungSupervision, Recipe
from . import pneumonia, tuberculosis

__all__ = ["RECIPES", "Augmentation", "FirstStep", "LungSupervision", "Recipe", "find_recipe"]

RECIPES = {recipe.name: recipe for recipe in (*pneumonia.RECIPES, *tuberculosis.RECIPES)}


def find_recipe(name: str) -> Recipe:
    """Return a recipe by its name in `RECIPES`, or from a JSON file.

    Raises
    ------
    ValueError
        If there is no such recipe or the file is none.
    """
    if name in RECIPES:
        return RECIPES[name]
    path = Path(name)
    if not path.is_file():
        raise ValueError(
            f"There is no recipe {name!r}. Known: {', '.join(RECIPES)}; or give a JSON file."
        )
    try:
        return Recipe.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name} is not JSON: {error}") from error
