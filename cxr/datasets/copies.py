"""Films that a folder or a table holds more than once: each counts once, since n is of films.

The zip of the Kermany films that most people have holds a folder ``chest_xray`` within
``chest_xray``, a copy of all films. What is a copy, the bytes of the files tell; they are compared
only where the names are alike.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path, PurePosixPath

import pandas as pd

from ..progress import Say
from ..stats.wording import count
from .errors import DatasetError

__all__ = ["once"]

#: What systems add to the name of a copy: "film (1)", "film - Copy", "copy of film".
_COPY = re.compile(
    r"^(copy|kopie|copia|copie) (of|von|de) |"
    r"( ?\(\d+\)|[ _-]+(copy|kopie|copia|copie)( ?\(?\d+\)?)?)+$"
)


def once(table: pd.DataFrame, root: Path, say: Say) -> pd.DataFrame:
    """Keep one of the rows of each film.

    Parameters
    ----------
    table : pandas.DataFrame
        A film table with path, split and label.
    root : pathlib.Path
        The folder that its paths start from.
    say : Say
        Told of rows that were left out.

    Returns
    -------
    pandas.DataFrame
        Of rows of one path the first, of copies that of the shortest path. A copy in no split is
        left out where another is in one; copies in two splits or of two labels stay, as leakage
        is another matter.

    Raises
    ------
    DatasetError
        If two rows of one path have different labels or splits.
    """
    for column in ("label", "split"):
        if column in table:
            different = table.groupby("path")[column].nunique()
            if different.gt(1).any():
                first = str(different.index[different.gt(1)][0])
                raise DatasetError(
                    f"The table gives more than one {column} for "
                    f"{count(int(different.gt(1).sum()))}. The first: {first}. "
                    "Give each film one row."
                )
    rows = len(table)
    table = table.drop_duplicates("path", ignore_index=True)
    if rows > len(table):
        say(f"Left out {count(rows - len(table), 'row')} of films that are listed twice.")
    copies = _copies(table, root)
    if copies:
        shown = table["path"].iloc[copies[0]]
        say(
            f"Left out {count(len(copies))} of which the same file is there twice: each film "
            f"counts once. The first copy: {shown}."
        )
    return table.drop(index=table.index[copies]).reset_index(drop=True)


def _copies(table: pd.DataFrame, root: Path) -> list[int]:
    """List the rows of films that are copies of a film of another row."""
    paths, labels = table["path"].tolist(), table["label"].tolist()
    splits = table["split"].fillna("").tolist() if "split" in table else [""] * len(table)
    groups: dict[tuple[str, str], list[int]] = {}
    for row, (path, label) in enumerate(zip(paths, labels, strict=True)):
        groups.setdefault((label, _name(path)), []).append(row)
    copies: list[int] = []
    for alike in groups.values():
        if len(alike) == 1:
            continue
        # A film in a split goes before one in none, then the shortest path before the others.
        rows = sorted(alike, key=lambda row: (not splits[row], *_distance(paths[row])))
        contents = _contents([root / paths[row] for row in rows])
        seen: dict[bytes, set[str]] = {}
        for row, content in zip(rows, contents, strict=True):
            if content is None:
                continue
            before = seen.setdefault(content, set())
            if splits[row] in before or (before and not splits[row]):
                copies.append(row)
            before.add(splits[row])
    return sorted(copies)


def _name(path: str) -> str:
    stem = PurePosixPath(path).stem.lower()
    return _COPY.sub("", stem) or stem


def _distance(path: str) -> tuple[int, int, str]:
    """Order paths so that the original comes before its copies."""
    return path.count("/"), len(path), path


def _contents(paths: list[Path]) -> list[bytes | None]:
    """Hash files, but only those of one size; None where a file is like no other by its size."""
    sizes = [_size(path) for path in paths]
    # Empty files hold no film: nothing says that they are the same.
    several = {size for size in sizes if size > 0 and sizes.count(size) > 1}
    return [
        hashlib.sha256(path.read_bytes()).digest() if size in several else None
        for path, size in zip(paths, sizes, strict=True)
    ]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # that it is not there is told where it is read
        return 0
