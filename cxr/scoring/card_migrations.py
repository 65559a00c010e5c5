"""Cards of older schemas, brought to the newest: what was written once is read for good.

Each step takes the plain data of one schema to the next and changes no value: fields move, and
what older cards lack is said to be unknown. A step takes whatever it is given, for it comes before
the checks of `cxr.scoring.card`, and leaves to these what it cannot understand.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["SCHEMA_VERSION", "migrate"]

SCHEMA_VERSION = 4


def migrate(data: dict[str, Any]) -> dict[str, Any]:
    """Bring the plain data of a card to the newest schema.

    Parameters
    ----------
    data : dict
        With ``schema_version``, 1 to `SCHEMA_VERSION`. It is not changed.

    Returns
    -------
    dict
        Without ``schema_version``.
    """
    version = data["schema_version"]
    data = {key: value for key, value in data.items() if key != "schema_version"}
    for step in STEPS[version - 1 :]:
        data = step(data)
    return data


def _from_1(data: dict[str, Any]) -> dict[str, Any]:
    """Say the kind; no gate and no first step are null; an imported network has no recipe."""
    data = {"kind": "classifier", **data}
    if not data.get("gate"):
        data["gate"] = None
    training = data.get("training")
    if not isinstance(training, dict):
        return data
    training = data["training"] = dict(training)
    if not training.get("first_step"):
        training["first_step"] = None
    recipe, origin = data.get("recipe"), training.get("imported")
    if isinstance(recipe, dict) and isinstance(origin, dict) and recipe.get("imported"):
        drawn = {key: recipe[key] for key in ("seed", "validation") if key in recipe}
        training["imported"] = origin | drawn
        data["recipe"] = None
    return data


def _from_2(data: dict[str, Any]) -> dict[str, Any]:
    """No export is null."""
    return {**data, "export": data.get("export")}


def _from_3(data: dict[str, Any]) -> dict[str, Any]:
    """Evidence that no card names is there or not."""
    return {**data, "evidence": None}


#: From schema 1 to 2, and so on.
STEPS: tuple[Callable[[dict[str, Any]], dict[str, Any]], ...] = (_from_1, _from_2, _from_3)
