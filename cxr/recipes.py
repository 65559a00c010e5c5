"""Recipes: everything that a training run depends on besides the films.

A recipe is data. `RECIPES` holds those behind the bundles that ship; a JSON file of the same
fields makes another.
"""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .architectures import ARCHITECTURES
from .radiograph import Resample
from .sources import SOURCES

__all__ = ["RECIPES", "Augmentation", "Recipe", "find_recipe"]


@dataclass(frozen=True)
class Augmentation:
    """How a film is varied each time it is seen. Zeros change nothing."""

    rotation: float = 0.0
    """Degrees to either side."""
    scale: tuple[float, float] = (1.0, 1.0)
    """Share of each side of the film that is seen, drawn for each side alone: below 1 zooms in."""
    anywhere: bool = False
    """Whether a part of the film (scale below 1) lies anywhere in it, or in its middle."""
    shift: float = 0.0
    """Share of each side, to either side."""
    shear: float = 0.0
    """Degrees to either side."""
    flip: bool = False
    """Left and right exchanged for half of the films."""
    gamma: float = 0.0
    """The exponent is exp(u) with u to either side of 0 by this much."""
    contrast: float = 0.0
    """Factor 1 plus or minus this, about the film's mean."""
    brightness: float = 0.0
    """Added to values in [0, 1], to either side."""
    noise: float = 0.0
    """Largest standard deviation of added Gaussian noise, for values in [0, 1]."""


@dataclass(frozen=True)
class Recipe:
    """A training run: architecture, optimizer, schedule, augmentation, split, seed."""

    name: str
    finding: str
    source: str
    architecture: str
    input_size: int
    channels: int
    optimizer: str
    learning_rate: float
    batch_size: int
    epochs: int
    arguments: dict[str, Any] = field(default_factory=dict)
    resample: Resample = "nearest"
    """How films are brought to the input size, see `cxr.radiograph.to_input`."""
    pretrained: str = ""
    """``imagenet`` where the architecture can load such weights, else nothing."""
    schedule: str = "constant"
    """``constant``, ``cosine`` (to zero over all epochs) or ``plateau`` (see below)."""
    warmup_epochs: float = 0.0
    """Of the cosine schedule: epochs in which the rate climbs from zero."""
    plateau_patience: int = 2
    plateau_factor: float = 0.3
    minimum_learning_rate: float = 1e-6
    """The plateau schedule multiplies the rate by the factor, down to the minimum, when
    ``val_accuracy`` has not risen for so many epochs."""
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    class_weights: bool = True
    patience: int = 0
    """Epochs without a better one after which the run stops; 0 runs all epochs."""
    keep: str = "best"
    """Whose weights ship: the ``best`` epoch's (highest ``val_auc``), or the ``last`` one's. Under
    the cosine schedule the weights come to rest only at its end, and on a few hundred validation
    films an earlier epoch can be ahead by chance."""
    validation: float = 0.1
    """Share of the training films set apart, by patient, where the set has no such split."""
    seed: int = 0
    augmentation: Augmentation = field(default_factory=Augmentation)

    def __post_init__(self) -> None:
        # Told here, and not hours later when the bundle is written. The name names its folder.
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", self.name):
            raise ValueError(
                f"Expected a name of letters, digits, dots, dashes. Received: {self.name!r}"
            )
        for name, known in (
            ("source", tuple(SOURCES)),
            ("architecture", ARCHITECTURES),
            ("optimizer", ("adam", "adamw", "rmsprop")),
            ("schedule", ("constant", "cosine", "plateau")),
            ("channels", (1, 3)),
            ("pretrained", ("", "imagenet")),
            ("keep", ("best", "last")),
            ("resample", ("nearest", "bilinear")),
        ):
            if (value := getattr(self, name)) not in known:
                raise ValueError(f"Expected {name} to be one of {known}. Received: {value!r}")
        for name in ("epochs", "batch_size", "input_size", "learning_rate"):
            if (value := getattr(self, name)) <= 0:
                raise ValueError(f"Expected {name} above 0. Received: {value!r}")
        if not 0 < self.validation <= 0.5:
            raise ValueError(f"Expected validation in (0, 0.5]. Received: {self.validation!r}")
        if not 0 <= self.warmup_epochs < self.epochs:
            raise ValueError(
                f"Expected warmup_epochs in [0, {self.epochs}), the epochs. "
                f"Received: {self.warmup_epochs!r}"
            )

    def to_json(self) -> dict[str, Any]:
        """Return the recipe as plain data."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Recipe:
        """Make a recipe from plain data.

        Raises
        ------
        ValueError
            If a field is unknown, missing or out of range.
        """
        try:
            data = dict(data)
            augmentation = dict(data.pop("augmentation", {}))
            if "scale" in augmentation:
                augmentation["scale"] = tuple(augmentation["scale"])
            return cls(**data, augmentation=Augmentation(**augmentation))
        except TypeError as error:
            raise ValueError(f"This is no recipe: {error}") from error


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="pneumonia-grey-cnn",
            finding="pneumonia",
            source="kermany",
            architecture="grey_cnn",
            input_size=150,
            channels=1,
            # Varied films are interpolated, hence smooth; so must be those that are not varied.
            resample="bilinear",
            optimizer="rmsprop",
            learning_rate=1e-3,
            batch_size=32,
            epochs=12,
            schedule="plateau",
            patience=5,
            augmentation=Augmentation(rotation=30, scale=(0.8, 1.2), shift=0.1, flip=True),
        ),
        Recipe(
            name="pneumonia-small-cnn",
            finding="pneumonia",
            source="kermany",
            architecture="small_cnn",
            input_size=150,
            channels=3,
            optimizer="rmsprop",
            learning_rate=1e-3,
            batch_size=32,
            epochs=20,
            patience=6,
            augmentation=Augmentation(scale=(0.8, 1.2), shear=0.2, flip=True),
        ),
        Recipe(
            name="pneumonia-efficientnet-lite0",
            finding="pneumonia",
            source="kermany",
            architecture="efficientnet_lite0",
            pretrained="imagenet",
            input_size=224,
            channels=3,
            optimizer="adamw",
            learning_rate=3e-4,
            weight_decay=1e-2,
            batch_size=32,
            epochs=8,
            schedule="cosine",
            warmup_epochs=0.5,
            keep="last",
            label_smoothing=0.05,
            augmentation=Augmentation(
                rotation=12,
                scale=(0.7, 1.0),
                anywhere=True,
                flip=True,
                gamma=0.4,
                contrast=0.3,
                brightness=0.15,
                noise=0.03,
            ),
        ),
    )
}


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
