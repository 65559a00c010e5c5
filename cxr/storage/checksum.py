"""A checksum that a JSON file carries of itself, so that one which was edited is told.

It guards against mistakes: a threshold that was typed over, half a merge. It is no signature: who
wants to deceive writes another.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .hashes import bytes_hash

__all__ = ["FIELD", "card_bytes", "checksum", "was_changed"]

FIELD = "checksum"


def checksum(plain: Mapping[str, Any]) -> str:
    """Return the SHA-256 of plain data but for its own field `FIELD`, in hexadecimal.

    Neither the order of names nor white space counts.
    """
    others = {name: value for name, value in plain.items() if name != FIELD}
    text = json.dumps(others, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return bytes_hash(text.encode())


def was_changed(plain: Mapping[str, Any]) -> bool:
    """Whether plain data carries a checksum that is not its own."""
    return FIELD in plain and plain[FIELD] != checksum(plain)


def card_bytes(plain: Mapping[str, Any]) -> bytes:
    """Return the contents of a card's file: the data as JSON, its checksum last."""
    # As it will be read: a tuple is a list there.
    stored = json.loads(json.dumps({k: v for k, v in plain.items() if k != FIELD}))
    return (json.dumps(stored | {FIELD: checksum(stored)}, indent=1) + "\n").encode()
