"""Bundles copied and changed by tests, as the program would write them."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd

from cxr.datasets.published import SOURCES
from cxr.scoring.card import Card, StoredFile
from cxr.scoring.film_tables import FOLDER, OWN, film_table_bytes, store_film_table
from cxr.scoring.store import CARD, add_table, bundle_writer
from cxr.storage.checksum import card_bytes

Change = Callable[[pd.DataFrame], pd.DataFrame]


def copy_bundle(folder: Path, to: Path) -> Path:
    """Copy a bundle and, beside it, the table of its films."""
    shutil.copytree(folder, to)
    shutil.copytree(folder.parent / FOLDER, to.parent / FOLDER, dirs_exist_ok=True)
    return to


def change_table(folder: Path, name: str, change: Change, **options: object) -> None:
    """Change the table ``history``, ``predictions`` or ``films``; options are pandas's."""
    with bundle_writer(folder) as writer:
        card = Card.read(folder / CARD)
        films = name == "films"
        content = film_table_bytes(folder, card) if films else (folder / f"{name}.csv").read_bytes()
        table = change(pd.read_csv(io.BytesIO(content), **options))
        if films:
            stored = store_film_table(table, folder.parent)
        else:
            stored = add_table(writer, f"{name}.csv", table)
        tables = replace(card.tables, **{name: stored})
        writer.commit(replace(card, tables=tables).to_bytes())


def table_path(folder: Path, name: str) -> Path:
    """Where a table of a bundle lies."""
    stored: StoredFile = getattr(Card.read(folder / CARD).tables, name)
    return (folder.parent / FOLDER if name == "films" else folder) / stored.file


def write_card(folder: Path, plain: dict[str, object]) -> None:
    """Write ``card.json`` from plain data, with the checksum of what it holds now."""
    (folder / CARD).write_bytes(card_bytes(plain))


def to_schema_1(folder: Path) -> None:
    """Turn a bundle into one of schema 1: its films in its own folder, no hashes of tables."""
    shutil.copy(table_path(folder, "films"), folder / OWN)
    plain = json.loads((folder / CARD).read_text())
    del plain["tables"], plain["kind"], plain["evidence"], plain["checksum"]
    (folder / CARD).write_text(json.dumps(plain | {"schema_version": 1}))


def films_root(card: Card, data: Path) -> Path:
    """Return where the films' paths of a bundle start from, in the folder of the data sets."""
    return data if SOURCES[card.data.set].folders else data / card.data.set
