"""Lung fields that people have drawn on films: which film, which mask, how sure it is that one's.

The table is a folder's ``lungs/masks.csv``, with the columns source, film, mask and matched_by.
Two conventions of drawing exist and are never mixed: lungs with what lies behind the heart, or
(`WITHOUT_HEART`) without.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from .folders import DatasetError

__all__ = ["CERTAIN", "WITHOUT_HEART", "read_lung_masks", "read_pictures"]

COLUMNS = ("source", "film", "mask", "matched_by")
#: Sources whose masks leave out what lies behind the heart.
WITHOUT_HEART = ("jsrt",)
#: How a mask was matched with its film where there is no doubt; the others are right on about 99 %.
CERTAIN = ("size", "sequence+size", "name", "original")


def read_lung_masks(data: str | Path) -> pd.DataFrame:
    """Read the table of masks that include what lies behind the heart.

    Parameters
    ----------
    data
        The folder that holds ``lungs/masks.csv``.

    Returns
    -------
    pandas.DataFrame
        Columns source, film and mask (paths from `data`), certain (bool).

    Raises
    ------
    DatasetError
        If there is no such table or it lacks a column.
    """
    path = Path(data) / "lungs" / "masks.csv"
    if not path.is_file():
        raise DatasetError(f"There is no table of lung masks at {path}.")
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    if missing := [column for column in COLUMNS if column not in table]:
        raise DatasetError(f"{path.name} lacks the columns {', '.join(missing)}.")
    table = table[~table["source"].isin(WITHOUT_HEART)].reset_index(drop=True)
    return pd.DataFrame(
        {
            "source": table["source"],
            "film": table["film"],
            "mask": "lungs/" + table["mask"],
            "certain": table["matched_by"].isin(CERTAIN),
        }
    )


def read_pictures(paths: pd.Series, data: str | Path, side: int) -> NDArray[np.uint8]:
    """Read grey pictures or masks, squashed to a square.

    Parameters
    ----------
    paths
        From `data`.
    data
        Folder.
    side
        In pixels.

    Returns
    -------
    numpy.ndarray
        uint8 (pictures, side, side, 1); of masks, 255 inside and 0 outside, but for the edge.
    """
    pictures = np.empty((len(paths), side, side, 1), np.uint8)
    for row, path in enumerate(paths):
        with Image.open(Path(data) / path) as picture:
            grey = picture.convert("L")
        if grey.size != (side, side):
            grey = grey.resize((side, side), Image.Resampling.BILINEAR)
        pictures[row, :, :, 0] = np.asarray(grey)
    return pictures
