"""The published data sets that bundles learn from: what they are, whose, under which licence.

Also what every page and export says of the use that a bundle is meant for.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

__all__ = ["INTENDED_USE", "SOURCES", "Source", "data_folder", "intended_use"]

#: Stands on every page and every export, followed by the population.
INTENDED_USE = "For research and demonstration. Not for diagnostic use."


@dataclass(frozen=True)
class Source:
    """A published set of films."""

    name: str
    title: str
    citation: str
    doi: str
    licence: str
    population: str
    layout: str

    @property
    def url(self) -> str:
        """Where the set is published."""
        return f"https://doi.org/{self.doi}"


SOURCES = {
    source.name: source
    for source in (
        Source(
            name="kermany",
            title="Paediatric chest radiographs, Guangzhou",
            citation="Kermany et al. 2018, Cell 172:1122",
            doi="10.17632/rscbjbr9sj.3",
            licence="CC BY 4.0",
            population="children of 1 to 5 years",
            layout="train/ and test/, each with NORMAL/ and PNEUMONIA/",
        ),
    )
}


def intended_use(population: str | None = None) -> str:
    """Return the intended-use line, with the population where a model is named."""
    return f"{INTENDED_USE} Population: {population}." if population else INTENDED_USE


def data_folder(name: str) -> Path | None:
    """Find a published set under ``CXR_DATA``.

    Parameters
    ----------
    name
        A name of `SOURCES`.

    Returns
    -------
    pathlib.Path or None
        ``CXR_DATA/<name>``, or ``CXR_DATA`` itself where it holds the films directly; None where
        the variable is not set or nothing is there.
    """
    root = os.environ.get("CXR_DATA")
    if not root:
        return None
    for folder in (Path(root) / name, Path(root)):
        if any((folder / part).is_dir() for part in ("train", "test", "images")):
            return folder
    return None
