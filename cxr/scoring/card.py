"""The card of a bundle: what a trained model is, was trained on, and how far it can be believed."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..datasets.published import SOURCES
from ..errors import CxrError
from ..films.preprocessing import Preprocessing
from ..networks import BASELINES
from .operating_points import Calibration, OperatingPoint

__all__ = ["SCHEMA_VERSION", "Card", "CardError"]

SCHEMA_VERSION = 1


class CardError(CxrError, ValueError):
    """A card that is missing, damaged or of another schema."""

    code = "card"


@dataclass(frozen=True)
class Card:
    """The contents of ``card.json``; see the design for what each field holds."""

    name: str
    finding: str
    classes: tuple[str, str]
    population: str
    architecture: dict[str, Any]
    """``name``, ``arguments``, ``parameters`` (their number)."""
    input: dict[str, Any]
    """The fields of `cxr.films.preprocessing.Preprocessing`."""
    preprocessing: str
    recipe: dict[str, Any]
    training: dict[str, Any]
    """``epochs`` run, ``kept_epoch`` (whose weights ship), ``wall_seconds`` of these epochs,
    ``feature_seconds`` of what a frozen base took before them (not in older cards), ``share`` of
    the films, ``versions``."""
    data: dict[str, Any]
    """``set``, ``title``, ``citation``, ``doi``, ``licence``, ``films`` per split and class."""
    calibration: Calibration
    operating_points: tuple[OperatingPoint, ...]
    default_operating_point: str
    evaluation: dict[str, dict[str, Any]]
    """For each split the figures at the default operating point."""
    weights: dict[str, str]
    """``file`` and ``sha256``."""
    gate: dict[str, Any] = field(default_factory=dict)
    """What the learned part of the gate is and how it was measured (`cxr.scoring.gate`); empty
    where the bundle has none."""

    @property
    def baseline(self) -> bool:
        """Whether this is a trivial model to hold the others against, not one to read with."""
        return self.architecture["name"] in BASELINES

    @property
    def external(self) -> dict[str, list[str]]:
        """Films that the model did not learn from: a set's name, and its ``source/label`` parts."""
        found: dict[str, list[str]] = self.recipe.get("external", {})
        return found

    @property
    def ages(self) -> tuple[float, float]:
        """The population's ages, years: from the first up to, but not including, the second.

        Of a set that is not known here, all ages.
        """
        source = SOURCES.get(self.data.get("set", ""))
        return source.ages if source else (0.0, math.inf)

    @property
    def to_input(self) -> Preprocessing:
        """How a film is brought to the network's input."""
        return Preprocessing(**self.input)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the network's input, pixels."""
        return self.input["height"], self.input["width"]

    def operating_point(self, name: str | None = None) -> OperatingPoint:
        """Return an operating point by name, the default one where none is given.

        Raises
        ------
        ValueError
            If the bundle has none of that name.
        """
        wanted = name or self.default_operating_point
        for point in self.operating_points:
            if point.name == wanted:
                return point
        known = ", ".join(point.name for point in self.operating_points)
        raise ValueError(f"Expected one of {known}. Received: {wanted!r}")

    def to_json(self) -> dict[str, Any]:
        """Return the card as plain data, the schema version first."""
        plain = {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}
        plain["classes"] = list(self.classes)
        plain["calibration"] = self.calibration.to_json()
        plain["operating_points"] = [point.to_json() for point in self.operating_points]
        return {"schema_version": SCHEMA_VERSION, **plain}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Card:
        """Make a card from plain data.

        Raises
        ------
        CardError
            If the schema is another or a field is missing, unknown or malformed.
        """
        version = data.get("schema_version")
        if version != SCHEMA_VERSION:
            raise CardError(f"Expected a card of schema {SCHEMA_VERSION}. Received: {version!r}")
        data = {key: value for key, value in data.items() if key != "schema_version"}
        try:
            data["classes"] = tuple(data["classes"])
            data["calibration"] = Calibration.from_json(data["calibration"])
            data["operating_points"] = tuple(
                map(OperatingPoint.from_json, data["operating_points"])
            )
            card = cls(**data)
            card.operating_point()
            card._check()
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise CardError(f"The card is damaged: {error}") from error
        return card

    def _check(self) -> None:
        for part, keys in (
            ("architecture", ("name", "arguments", "parameters")),
            ("input", ("height", "width", "channels", "resample")),
            ("weights", ("file", "sha256")),
        ):
            if missing := set(keys) - set(getattr(self, part)):
                raise ValueError(f"{part} lacks {', '.join(sorted(missing))}")
        _ = self.to_input
        # A bundle's files stand in its own folder and nowhere else.
        if Path(self.weights["file"]).name != self.weights["file"]:
            raise ValueError(f"weights are not in the bundle: {self.weights['file']!r}")

    @classmethod
    def read(cls, path: Path) -> Card:
        """Read ``card.json``.

        Raises
        ------
        CardError
            If it is not there or cannot be understood.
        """
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise CardError(f"{path.parent.name} holds no card.json.") from error
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise CardError(f"The card.json of {path.parent.name} is not JSON.") from error
        if not isinstance(data, dict):
            raise CardError(f"The card.json of {path.parent.name} holds no card.")
        return cls.from_json(data)

    def write(self, path: Path) -> None:
        """Write ``card.json``."""
        path.write_text(json.dumps(self.to_json(), indent=1) + "\n", encoding="utf-8")
