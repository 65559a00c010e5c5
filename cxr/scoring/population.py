"""Whom a bundle is meant for: what every page and export says of its use, and of other films."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ..datasets.published import SOURCES, data_folder

if TYPE_CHECKING:
    from .card import Card

__all__ = ["INTENDED_USE", "folder_of", "intended_use", "split_note"]

#: Shown on every page and every export, followed by the population.
INTENDED_USE = "For research and demonstration. Not for diagnostic use."


def intended_use(population: str | None = None) -> str:
    """Return the intended-use line, with the population where a model is named."""
    return f"{INTENDED_USE} Population: {population}." if population else INTENDED_USE


def folder_of(card: Card, split: str) -> Path | None:
    """Return the folder that the paths of a split start from; None if it is not at hand.

    The paths of a bundle's own splits start from its data set, those of an external set from
    the folder that holds the sets.
    """
    if split in card.external:
        root = os.environ.get("CXR_DATA")
        return Path(root) if root and Path(root).is_dir() else None
    return data_folder(card.data.set)


def split_note(card: Card, split: str) -> str:
    """Say what must be known of an external set's films; nothing of a bundle's own splits."""
    names = sorted({part.split("/")[0] for part in card.external.get(split, ())})
    if not names:
        return ""
    titles = " and ".join(SOURCES[name].title if name in SOURCES else name for name in names)
    others = {SOURCES[name].population for name in names if name in SOURCES} - {card.population}
    if others:
        return (
            f"Outside the intended population: films of {' and '.join(sorted(others))} "
            f"({titles}); the model is meant for {card.population}."
        )
    return f"From sources that the model did not learn from: {titles}."
