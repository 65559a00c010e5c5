"""The tables of data sets: ``films/<16 digits of the hash>.csv``, shared by bundles.

Bundles of one data set have one table of its films, one row per film: path, split, label, subtype,
patient, size, hash of the pixels, and what `cxr.datasets.describe` notes. It is stored once in the
folder of the bundles, wherever that is (``models``, or what was given as ``--out``), and each card
names it with its hash. It is next to the bundles and not in one of them since none of them is the
first: any may be removed or made again. A table is never changed: another one has another name, so
that a kill leaves a card with its own. Who copies a bundle elsewhere copies its table along.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from ..storage.atomic import read_checked, write_file
from ..storage.csv_text import table_text, texts_of
from ..storage.hashes import bytes_hash
from .card import StoredFile

if TYPE_CHECKING:
    import pandas as pd

    from .card import Card

__all__ = ["DECIMALS", "FOLDER", "OWN", "film_table_bytes", "store_film_table", "text_table"]

FOLDER = "films"
#: In the bundle's folder: the table of a bundle whose card is of schema 1.
OWN = "films.csv"
#: Of the numbers in a table.
DECIMALS = 4


def store_film_table(table: pd.DataFrame, models: Path) -> StoredFile:
    """Store a table of films in a folder of bundles, where it is not there yet.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per film.
    models : pathlib.Path
        The folder that holds the bundles' folders.

    Returns
    -------
    StoredFile
        For the card.
    """
    text = table_text(table, float_format=f"%.{DECIMALS}f")
    return store_bytes(text.encode(), models)


def store_bytes(content: bytes, models: Path) -> StoredFile:
    """Store a table that is written already; see `store_film_table`."""
    sha256 = bytes_hash(content)
    path = models / FOLDER / f"{sha256[:16]}.csv"
    if not (path.is_file() and path.read_bytes() == content):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, lambda new: new.write_bytes(content))
    return StoredFile(path.name, sha256)


def film_table_bytes(folder: Path, card: Card) -> bytes:
    """Read the table of a bundle's films.

    Parameters
    ----------
    folder : pathlib.Path
        The bundle's.
    card : Card
        Its card.

    Raises
    ------
    OSError
        If it is missing or cannot be read.
    ChangedError
        If it is not the one that the card names.
    """
    stored = card.tables.films
    if stored is None:
        return (folder / OWN).read_bytes()
    return read_checked(folder.resolve().parent / FOLDER, stored.file, stored.sha256)


def text_table(content: bytes) -> pd.DataFrame:
    """Return a table with all its cells as texts, numbers as they are written in the file."""
    import pandas as pd

    return texts_of(pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False))
