"""Boxes that a radiologist drew around a finding: read from a table, matched to films, as masks."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from .errors import DatasetError
from .text_table import TableError, read_table

__all__ = ["BOX_COLUMNS", "boxes_of", "mask", "names_of", "read_boxes"]

#: The columns of a box table; the last four in pixels of the film.
BOX_COLUMNS = ["file", "finding", "left", "top", "right", "bottom"]
SIDES = BOX_COLUMNS[2:]
CORNERS = (("xmin", "ymin", "xmax", "ymax"), ("left", "top", "right", "bottom"))
# Corners first, and w before width: where they occur, width and height are those of the film.
SIZES = (("x", "y", "w", "h"), ("x", "y", "width", "height"))
NAMES = {"file": ("file", "path", "filename", "image"), "finding": ("finding", "label", "class")}


def read_boxes(path: str | Path) -> pd.DataFrame:
    """Read a table of boxes.

    Two forms are known, told apart by the names of the columns, in any case: corners (``xmin``
    ``ymin`` ``xmax`` ``ymax``, or ``left`` ``top`` ``right`` ``bottom``), and a corner with a
    size (``x`` ``y`` ``w`` ``h``, or ``x`` ``y`` ``width`` ``height``). Both count pixels from the
    film's upper left corner.

    Parameters
    ----------
    path : str or pathlib.Path
        A file of comma-separated values, one row per box: a column ``file`` (or ``path``,
        ``filename``, ``image``), the box, and, where it is known, ``finding`` (or ``label``,
        ``class``).

    Returns
    -------
    pandas.DataFrame
        `BOX_COLUMNS`; the sides are float64, the finding is empty if the file gives none.

    Raises
    ------
    DatasetError
        If there is no such file, a column is missing, a side is not a number, or a box is empty.
    """
    path = Path(path)
    if not path.is_file():
        raise DatasetError(f"There is no file of boxes at {path}. Give a .csv, one row per box.")
    try:
        table = read_table(path)
    except TableError as error:
        raise DatasetError(str(error)) from error
    known = {key: _first(table, names) for key, names in NAMES.items()}
    corners = next((names for names in CORNERS if set(names) <= set(table)), None)
    sizes = next((names for names in SIZES if set(names) <= set(table)), None)
    if known["file"] is None or (corners or sizes) is None:
        raise DatasetError(
            f"Expected {path.name} to have the columns file, xmin, ymin, xmax, ymax, or file, x, "
            f"y, w, h. Received: {', '.join(table.columns) or 'none'}"
        )
    if table.empty:
        raise DatasetError(f"{path.name} holds no box.")
    columns = list(corners or sizes or ())
    numbers = table[columns].apply(pd.to_numeric, errors="coerce").astype(np.float64)
    sides = numbers.set_axis(SIDES, axis=1)
    if corners is None:
        sides["right"] += sides["left"]
        sides["bottom"] += sides["top"]
    finite = np.isfinite(sides).all(axis=1)
    if not finite.all():
        raise _wrong(path, table, columns, finite, "not all of it numbers")
    wide = (sides["right"] > sides["left"]) & (sides["bottom"] > sides["top"])
    if not wide.all():
        raise _wrong(path, table, columns, wide, "a box without an area")
    finding = table[known["finding"]].str.strip() if known["finding"] else ""
    boxes: pd.DataFrame = sides.assign(file=table[known["file"]].str.strip(), finding=finding)
    return boxes[BOX_COLUMNS]


def _first(table: pd.DataFrame, names: Iterable[str]) -> str | None:
    return next((name for name in names if name in table), None)


def _wrong(
    path: Path, table: pd.DataFrame, columns: list[str], fine: pd.Series, what: str
) -> DatasetError:
    row = int(np.flatnonzero(~fine)[0])
    said = ", ".join(f"{name} {table[name].iloc[row]!r}" for name in columns)
    # The first line of the file is its header.
    return DatasetError(f"{path.name}, line {row + 2}, holds {said}: {what}.")


def boxes_of(
    boxes: pd.DataFrame, paths: Iterable[str], finding: str | None = None
) -> dict[str, NDArray[np.float64]]:
    """Find the boxes of films.

    A box belongs to the film of its path, or, where no film has that path, to the film of its
    file name, whatever the folder.

    Parameters
    ----------
    boxes : pandas.DataFrame
        As `read_boxes` returns them; boxes of other films are ignored.
    paths : iterable of str
        Of the films, as in a film table.
    finding : str, optional
        Only boxes whose finding contains this word, in any case: ``tuberculosis`` takes
        ``ActiveTuberculosis``. A box without a finding counts for any. All boxes where none
        is given.

    Returns
    -------
    dict of str to numpy.ndarray
        For each film that has any, float64 (boxes, 4): left, top, right, bottom in pixels. In the
        order of the films.

    Raises
    ------
    DatasetError
        If a name belongs to two films, or boxes of two paths to one film.
    """
    sides = {path: group[SIDES] for path, group in _groups(boxes, paths, finding).items()}
    return {path: group.to_numpy(np.float64) for path, group in sides.items()}


def names_of(
    boxes: pd.DataFrame, paths: Iterable[str], finding: str | None = None
) -> dict[str, str]:
    """Find what the boxes of films are called.

    Parameters
    ----------
    boxes, paths, finding
        See `boxes_of`.

    Returns
    -------
    dict of str to str
        For each film that has any box, the findings that its boxes name, each once, in the order of
        the alphabet, joined by " and ": ``ActiveTuberculosis and ObsoletePulmonaryTuberculosis``;
        empty if none is named.

    Raises
    ------
    DatasetError
        See `boxes_of`.
    """
    groups = _groups(boxes, paths, finding)
    named = {path: sorted(set(group["finding"]) - {""}) for path, group in groups.items()}
    return {path: " and ".join(names) for path, names in named.items()}


def _groups(
    boxes: pd.DataFrame, paths: Iterable[str], finding: str | None
) -> dict[str, pd.DataFrame]:
    """Return the rows of `boxes` of each film that has any, in the order of the films."""
    if finding is not None:
        said = boxes["finding"].str.lower()
        boxes = boxes[(said == "") | said.str.contains(finding.lower(), regex=False)]
    films = list(dict.fromkeys(paths))
    whole = set(films)
    by_name: dict[str, list[str]] = {}
    for path in films:
        by_name.setdefault(PurePosixPath(path).name, []).append(path)
    rows: dict[str, pd.DataFrame] = {}
    files: dict[str, str] = {}
    for file, group in boxes.groupby("file", sort=False):
        name = str(file).replace("\\", "/")
        matches = [name] if name in whole else by_name.get(PurePosixPath(name).name, [])
        if len(matches) > 1:
            raise DatasetError(
                f"The boxes of {name} may belong to {matches[0]} or to {matches[1]}. Give the "
                "paths of the films in the file of boxes, not their names alone."
            )
        for path in matches:
            if path in files:
                raise DatasetError(
                    f"The boxes of {files[path]} and those of {name} both belong to {path}. Give "
                    "one file of boxes for these films."
                )
            files[path] = name
            rows[path] = group
    return {path: rows[path] for path in films if path in rows}


def mask(corners: ArrayLike, height: int, width: int) -> NDArray[np.bool_]:
    """Mark the pixels of a film that its boxes touch.

    Parameters
    ----------
    corners : array_like
        (boxes, 4): left, top, right, bottom in pixels, a pixel being 1 wide. What reaches
        outside the film is clipped.
    height, width : int
        Of the film, pixels.

    Returns
    -------
    numpy.ndarray
        bool (height, width); all false if no box meets the film.
    """
    boxes = np.asarray(corners, np.float64)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"Expected boxes of shape (boxes, 4). Received: {boxes.shape}")
    result = np.zeros((height, width), np.bool_)
    # A pixel that is only touched counts: a box narrower than a pixel marks one too.
    starts = np.clip(np.floor(boxes[:, :2]), 0, (width, height)).astype(int)
    ends = np.clip(np.ceil(boxes[:, 2:]), 0, (width, height)).astype(int)
    for (left, top), (right, bottom) in zip(starts, ends, strict=True):
        result[top:bottom, left:right] = True
    return result
