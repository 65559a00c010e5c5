"""Sample films for someone who has none at hand: those already on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from ..datasets.published import SOURCES, data_folder
from ..scoring.predict import find_films

__all__ = ["sample_films"]

_KERMANY = SOURCES["kermany"]


def sample_films(each: int = 4) -> list[Path]:
    """Find a few films of each class and, where `pydicom-data` is installed, its radiograph.

    Parameters
    ----------
    each : int, default: 4
        Films of each class, from the test split of a set under ``CXR_DATA``. Spread evenly over
        the sorted names, so that they are always the same.

    Returns
    -------
    list of pathlib.Path
        Empty if nothing is found.
    """
    return [*_from_data(each), *_from_pydicom()]


def _from_data(per_class: int) -> Iterator[Path]:
    folder = data_folder(_KERMANY.name)
    if folder is None:
        return
    for label in ("NORMAL", "PNEUMONIA"):
        films = find_films([folder / "test" / label]) if (folder / "test" / label).is_dir() else []
        yield from islice(films[:: max(1, len(films) // per_class)], per_class)


def _from_pydicom() -> Iterator[Path]:
    from pydicom.data import get_testdata_file

    path = get_testdata_file("RG1_UNCR.dcm", download=False)
    if path:
        yield Path(str(path))
