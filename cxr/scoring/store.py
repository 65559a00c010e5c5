"""What is changed in a bundle that is there: new tables and the card that names them, at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..storage.atomic import FolderWriter
from ..storage.csv_text import table_text
from ..storage.hashes import file_hash
from .card import EVIDENCE, Card, StoredFile
from .film_tables import OWN, film_table_bytes, store_film_table, text_table

if TYPE_CHECKING:
    import pandas as pd

    from .bundle import Bundle

__all__ = [
    "CARD",
    "add_table",
    "bundle_writer",
    "evidence_of",
    "replace_evidence",
    "replace_film_table",
]

CARD = "card.json"


def bundle_writer(folder: Path) -> FolderWriter:
    """Return the writer of a bundle's folder: files are added, the card commits."""
    return FolderWriter(folder, CARD)


def add_table(
    writer: FolderWriter, name: str, table: pd.DataFrame, float_format: str | None = None
) -> StoredFile:
    """Add a CSV file to a bundle that is being written.

    Parameters
    ----------
    writer : FolderWriter
        See `bundle_writer`.
    name : str
        Of the file.
    table : pandas.DataFrame
        Stored without its index.
    float_format : str, optional
        Of its numbers, ``%.6f``.
    """
    text = table_text(table, float_format=float_format)
    sha256 = writer.add(name, lambda path: path.write_bytes(text.encode()))
    return StoredFile(name, sha256)


def evidence_of(folder: Path, card: Card) -> dict[str, str]:
    """Return the SHA-256 of each file of `EVIDENCE`: as the card names them, else as they are."""
    if card.evidence is not None:
        return card.evidence
    files = [folder / name for name in EVIDENCE]
    return {file.name: file_hash(file) for file in files if file.is_file()}


def replace_evidence(bundle: Bundle, name: str, table: pd.DataFrame) -> None:
    """Store a table that was measured of a bundle which is there, and name it in the card.

    Parameters
    ----------
    bundle : Bundle
        Its folder is written to.
    name : str
        One of `cxr.scoring.card.EVIDENCE`.
    table : pandas.DataFrame
        Stored without its index, numbers as ``%.6f``.

    Raises
    ------
    OSError, CardError
        If the folder cannot be written or the card is damaged. Nothing is changed then.
    """
    assert name in EVIDENCE
    with bundle_writer(bundle.folder) as writer:
        card = Card.read(bundle.folder / CARD)
        stored = add_table(writer, name, table, "%.6f")
        named = {**evidence_of(bundle.folder, card), name: stored.sha256}
        writer.commit(replace(card, evidence=named).to_bytes())


def replace_film_table(bundle: Bundle, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    """Store another table of films for a bundle; bundles that share the old one keep it.

    Parameters
    ----------
    bundle : Bundle
        Its folder is written to.
    change : callable
        Takes the stored table, its cells as texts, and returns the new one.

    Raises
    ------
    OSError, ChangedError
        If the stored table cannot be read, or is not the one that the card names.
    """
    with bundle_writer(bundle.folder) as writer:
        card = Card.read(bundle.folder / CARD)
        table = change(text_table(film_table_bytes(bundle.folder, card)))
        films = store_film_table(table, bundle.folder.resolve().parent)
        writer.commit(replace(card, tables=replace(card.tables, films=films)).to_bytes())
        (bundle.folder / OWN).unlink(missing_ok=True)
