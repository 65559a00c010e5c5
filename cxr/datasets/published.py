"""The published data sets that bundles learn from: what they are, whose, under which license."""

from __future__ import annotations

import csv
import math
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from .near_duplicates import any_alike

__all__ = [
    "SOURCES",
    "Source",
    "data_folder",
    "named_as_test_films",
    "show_test_films",
]

#: Names of the Kermany films in names of files, also where a tool has added something to them.
_NAME = re.compile(r"person\d+_(?:bacteria|virus)_\d+|(?:NORMAL2-)?IM-\d+(?:-\d+)+", re.IGNORECASE)
#: Scanners name films IM-0001-0001 too: such a name alone says nothing of where a film is from.
_COMMON = "im-"

#: "1 to 5 years" are completed years: the sixth birthday ends them.
CHILDREN = (1.0, 6.0)
ADULTS = (18.0, math.inf)


@dataclass(frozen=True)
class Source:
    """A published set of films.

    Attributes
    ----------
    name : str
        Short name, as in cards and recipes.
    title : str
        Name for people.
    citation : str
        Who to cite.
    doi : str
        Digital object identifier.
    licence : str
        License of the films.
    population : str
        Whose films these are, in words.
    layout : str
        How the films are arranged in folders.
    ages : tuple of float
        Ages of the population in years: from the first up to, but not including, the second.
    folders : tuple of str
        Of a set that is made of others: their folders, next to each other.
    """

    name: str
    title: str
    citation: str
    doi: str
    licence: str
    population: str
    layout: str
    ages: tuple[float, float] = (0.0, math.inf)
    folders: tuple[str, ...] = ()

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
            ages=CHILDREN,
        ),
        Source(
            name="tuberculosis",
            title="Tuberculosis films of TBX11K, normal films of the Qatar collection",
            citation="Liu et al. 2020, CVPR; Rahman et al. 2020, IEEE Access 8:191586",
            doi="10.1109/ACCESS.2020.3031384",
            licence="for research, under the terms of each set",
            population="adults",
            layout="manifest.csv with path, source, label",
            ages=ADULTS,
        ),
        Source(
            name="tuberculosis-sources",
            title="Tuberculosis and normal films of TBX11K, Qatar, Shenzhen and ChestX-ray14",
            citation=(
                "Liu et al. 2020, CVPR; Rahman et al. 2020, IEEE Access 8:191586; Jaeger et al. "
                "2014, Quant Imaging Med Surg 4:475; Wang et al. 2017, CVPR"
            ),
            doi="10.1109/ACCESS.2020.3031384",
            licence="for research, under the terms of each set",
            population="adults",
            layout="tuberculosis/, nih/ and shenzhen_128/, each with manifest.csv",
            ages=ADULTS,
            folders=("tuberculosis", "nih", "shenzhen_128"),
        ),
        Source(
            name="tbx11k",
            title="TBX11K, tuberculosis films with boxes",
            citation="Liu et al. 2020, CVPR",
            doi="10.1109/CVPR42600.2020.00272",
            licence="for research, under the set's own terms",
            population="adults",
            layout="a part of the tuberculosis folder",
            ages=ADULTS,
        ),
        Source(
            name="qatar",
            title="Tuberculosis chest X-ray database, Qatar and Dhaka",
            citation="Rahman et al. 2020, IEEE Access 8:191586",
            doi="10.1109/ACCESS.2020.3031384",
            licence="for research, under the terms of the sets that it gathers",
            population="adults",
            layout="a part of the tuberculosis folder",
            ages=ADULTS,
        ),
        Source(
            name="shenzhen",
            title="Shenzhen set, National Library of Medicine",
            citation="Jaeger et al. 2014, Quant Imaging Med Surg 4:475",
            doi="10.3978/j.issn.2223-4292.2014.11.20",
            licence="as its publisher states",
            population="adults",
            layout="manifest.csv with path, source, label",
            ages=ADULTS,
        ),
        Source(
            name="nih",
            title="ChestX-ray14, National Institutes of Health",
            citation="Wang et al. 2017, CVPR; labels mined from reports",
            doi="10.1109/CVPR.2017.369",
            licence="no restriction on use, with acknowledgement",
            population="adults",
            layout="manifest.csv with path, label, patient",
            ages=ADULTS,
        ),
    )
}


def data_folder(name: str) -> Path | None:
    """Find a published set under ``CXR_DATA``.

    Parameters
    ----------
    name : str
        A name of `SOURCES`.

    Returns
    -------
    pathlib.Path or None
        ``CXR_DATA/<name>``, or ``CXR_DATA`` itself where it holds the films directly, or all
        folders of a set that is made of others; None if the variable is not set or nothing is
        there.
    """
    root = os.environ.get("CXR_DATA")
    if not root:
        return None
    if folders := SOURCES[name].folders if name in SOURCES else ():
        return Path(root) if all((Path(root) / part).is_dir() for part in folders) else None
    for folder in (Path(root) / name, Path(root)):
        parts = ("train", "test", "images", "manifest.csv")
        if any((folder / part).exists() for part in parts):
            return folder
    return None


@cache
def _test_films() -> dict[str, str]:
    """Return the names of the published test films in small letters, and their fingerprints."""
    with (Path(__file__).parent / "published_test_films.csv").open(encoding="ascii") as file:
        return {row["name"].lower(): row["phash"] for row in csv.DictReader(file)}


def named_as_test_films(paths: Iterable[str]) -> NDArray[np.bool_]:
    """Tell which films have the name of a published test film, whatever the folder.

    Parameters
    ----------
    paths : iterable of str
        Of the films of a data set.

    Returns
    -------
    numpy.ndarray
        bool (films,). Names that other films have as well (``IM-0001-0001``) count only in a set
        with other names of test films.
    """
    names = _test_films()
    found = [
        {match.lower() for match in _NAME.findall(PurePosixPath(path).stem)} & names.keys()
        for path in paths
    ]
    sure = [any(not name.startswith(_COMMON) for name in match) for match in found]
    return np.array([bool(match) for match in found] if any(sure) else sure, np.bool_)


def show_test_films(fingerprints: Iterable[str]) -> NDArray[np.bool_]:
    """Tell which films show a published test film: renamed, resized or compressed again.

    Parameters
    ----------
    fingerprints : iterable of str
        See `cxr.datasets.near_duplicates.fingerprint`.

    Returns
    -------
    numpy.ndarray
        bool (films,).
    """
    return any_alike(list(fingerprints), list(_test_films().values()))
