"""Sample films for someone who has none at hand: those already on this machine."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from ..datasets.folders import DatasetError, scan
from ..datasets.published import SOURCES, data_folder
from ..scoring.bundle import Bundle, BundleError
from ..scoring.card import CardError

__all__ = ["sample_films", "write_samples"]

#: An adult's radiograph that comes with `pydicom-data`: uncompressed, and the same as JPEG 2000.
PYDICOM = ("RG1_UNCR.dcm", "RG1_J2KR.dcm")


def sample_films(each: int = 4) -> list[Path]:
    """Find a few films of every data set on this machine, and the radiograph of `pydicom-data`.

    Parameters
    ----------
    each : int, default: 4
        Films of each label of each data set under ``CXR_DATA``: of those that no shipped model
        learned from. Spread evenly over the sorted names, so that they are always the same.

    Returns
    -------
    list of pathlib.Path
        Empty if nothing is found.
    """
    return [*_from_data(each), *_from_pydicom()]


def write_samples(folder: Path, each: int = 4) -> list[Path]:
    """Copy the sample films into a folder, which is made where it is missing.

    Parameters
    ----------
    folder : pathlib.Path
        Where to. A film of the same name there is written over.
    each : int, default: 4
        See `sample_films`.

    Returns
    -------
    list of pathlib.Path
        The copies; empty if there are no sample films, and then no folder is made.

    Raises
    ------
    OSError
        If a film cannot be written.
    """
    films = sample_films(each)
    names = [film.name for film in films]
    written = []
    for film in films:
        # Two sets may use one name.
        name = film.name if names.count(film.name) == 1 else f"{film.parent.name}-{film.name}"
        folder.mkdir(parents=True, exist_ok=True)
        written.append(Path(shutil.copyfile(film, folder / name)))
    return written


def _from_data(per_label: int) -> Iterator[Path]:
    seen = set()
    for name in SOURCES:
        folder = data_folder(name)
        # `CXR_DATA` may itself be one set, and is then the folder of every one.
        if folder is None or folder in seen or SOURCES[name].folders:
            continue
        seen.add(folder)
        try:
            table = _not_learned_from(scan(folder), name)
        except DatasetError:
            continue
        for _, films in table.groupby("label"):
            step = max(1, len(films) // per_label)
            yield from (folder / path for path in films["path"].iloc[::step][:per_label])


def _not_learned_from(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Leave out the films that a model learned from, as far as that is known."""
    if "test" in set(table["split"]):
        return table[table["split"] == "test"]
    for finding in ("pneumonia", "tuberculosis"):
        try:
            bundle = Bundle.load(finding)
            learned = SOURCES.get(bundle.card.data.set)
            if learned and name in (learned.name, *learned.folders):
                stored = bundle.predictions
                tested = stored.loc[stored["split"] == "test", "path"]
                if learned.folders:  # its paths begin with the set's folder
                    tested = tested.str.removeprefix(f"{name}/")
                if len(known := table[table["path"].isin(tested)]):
                    return known
        except (BundleError, CardError):
            continue
    return table


def _from_pydicom() -> Iterator[Path]:
    from pydicom.data import get_testdata_file

    for name in PYDICOM:
        path = get_testdata_file(name, download=False)
        if path:
            yield Path(str(path))
