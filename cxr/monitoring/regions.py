"""One entry of the log's table of regions: a reader drew one on a film, or took it away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from ..scoring.region import Region
from .reading import LIST_ID, READER, SHA256, match, now

__all__ = ["REGION_EVENTS", "REGION_FIELDS", "RegionEntry"]

#: What an entry tells of.
REGION_EVENTS = ("drawn", "removed")
_OF_REGION = tuple(entry.name for entry in fields(Region))
_OF_ENTRY = ("time", "list_id", "film_sha256")
#: The names of an entry's values, in order.
REGION_FIELDS = (*_OF_ENTRY, *_OF_REGION, "reader")


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionEntry:
    """A region of a film of a worklist, at one time.

    Attributes
    ----------
    time : datetime
        UTC; any time with a zone is converted to it.
    list_id : str
        Of the worklist, from `cxr.monitoring.new_list_id`.
    film_sha256 : str
        `Radiograph.sha256`, the hash of the pixels.
    region : Region
        What was drawn.
    reader : str or None
        Pseudonym of the reader; None without sign-in.

    Raises
    ------
    ValueError
        If a value is not of its kind. Texts are not quoted.
    """

    time: datetime = field(default_factory=now)
    list_id: str
    film_sha256: str
    region: Region
    reader: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.time, datetime) or self.time.tzinfo is None:
            raise ValueError("Expected a time with a zone.")
        object.__setattr__(self, "time", self.time.astimezone(UTC))
        match(LIST_ID, "list_id", self.list_id, "32 hexadecimal digits")
        match(SHA256, "film_sha256", self.film_sha256, "64 hexadecimal digits")
        if not isinstance(self.region, Region):
            raise ValueError("Expected a region.")
        if self.reader is not None:
            match(READER, "reader", self.reader, "32 hexadecimal digits")

    def row(self) -> dict[str, Any]:
        """Return the values by name, as a database takes them, with the names `REGION_FIELDS`."""
        values = {name: getattr(self.region, name) for name in _OF_REGION}
        values |= {name: getattr(self, name) for name in (*_OF_ENTRY, "reader")}
        return {k: v.value if isinstance(v, StrEnum) else v for k, v in values.items()}

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> RegionEntry:
        """Return the entry of a row, checked as any other.

        Raises
        ------
        ValueError
            If it is none.
        """
        region = Region(**{name: row[name] for name in _OF_REGION})
        others = {name: row[name] for name in (*_OF_ENTRY, "reader")}
        return cls(region=region, **others)
