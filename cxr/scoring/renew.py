"""Bring stored bundles to the newest schema: ``python -m cxr.scoring.renew FOLDER``.

A bundle of an older schema can be used as it is; this stores it as it would be written today. The
card is migrated and names its tables with their hashes, and the table of the films goes where
bundles share it; evidence is named too, and the card carries its checksum. No value changes.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

from ..storage.checksum import FIELD, card_bytes, was_changed
from ..storage.hashes import file_hash
from .card import Card, CardError, OtherKindError, StoredFile
from .film_tables import OWN, store_bytes
from .store import CARD, bundle_writer, evidence_of

__all__ = ["main", "renew", "seal"]


def renew(folder: Path) -> bool:
    """Store a bundle anew, in its own folder.

    Parameters
    ----------
    folder : pathlib.Path
        The bundle's.

    Returns
    -------
    bool
        Whether there was anything to do.

    Raises
    ------
    CardError
        If the card is damaged.
    OSError
        If a table is missing.
    """
    with bundle_writer(folder) as writer:
        before = (folder / CARD).read_bytes() if (folder / CARD).is_file() else b""
        card = Card.read(folder / CARD)
        tables = card.tables
        for name in ("history", "predictions"):
            if getattr(tables, name) is None:
                file = f"{name}.csv"
                stored = StoredFile(file, file_hash(folder / file))
                tables = replace(tables, **{name: stored})
        if tables.films is None:
            content = (folder / OWN).read_bytes()
            tables = replace(tables, films=store_bytes(content, folder.resolve().parent))
        evidence = evidence_of(folder, card)
        after = replace(card, tables=tables, evidence=evidence).to_bytes()
        if after == before:
            return False
        writer.commit(after)
        (folder / OWN).unlink(missing_ok=True)
    return True


def seal(file: Path) -> bool:
    """Give the card of a bundle of another kind its checksum; whether it had none.

    Raises
    ------
    OSError
        If it cannot be read or written.
    ValueError
        If it is not JSON, or was changed after it was written.
    """
    with bundle_writer(file.parent) as writer:
        plain = json.loads(file.read_bytes())
        if was_changed(plain):
            raise CardError(f"The card.json of {file.parent.name} was changed. Restore it.")
        if FIELD in plain:
            return False
        writer.commit(card_bytes(plain))
    return True


def main(words: list[str]) -> int:
    """Renew all bundles of a folder of bundles; return the exit status."""
    if len(words) != 1 or not Path(words[0]).is_dir():
        print("Usage: python -m cxr.scoring.renew FOLDER, the folder of bundles", file=sys.stderr)
        return 2
    for file in sorted(Path(words[0]).glob(f"*/{CARD}")):
        try:
            changed = renew(file.parent)
        except OtherKindError:
            changed = seal(file)
        print(file.parent.name, "renewed" if changed else "is as it would be written today")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
