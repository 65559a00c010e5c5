"""The JSON Schema of ``card.json``: ``python -m cxr.scoring.card_schema > docs/card.schema.json``.

It is made from the dataclasses of `cxr.scoring.card`, so that the two cannot differ.
"""

from __future__ import annotations

import json
from typing import Any

from ..storage.checksum import FIELD
from ..storage.records import schema
from .card import SCHEMA_VERSION, Card

__all__ = ["card_schema"]


def card_schema() -> dict[str, Any]:
    """Return the schema of the newest cards, as JSON Schema 2020-12."""
    described = schema(Card)
    card = described["$defs"]["Card"]
    card["properties"] = {"schema_version": {"const": SCHEMA_VERSION}, **card["properties"]}
    card["properties"][FIELD] = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
    card["required"] = ["schema_version", *card["required"], FIELD]
    return {
        "$schema": described["$schema"],
        "title": f"card.json, schema {SCHEMA_VERSION}",
        **described,
    }


if __name__ == "__main__":
    print(json.dumps(card_schema(), indent=1))
