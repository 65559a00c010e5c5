"""One entry of the audit trail: a film was opened, by whom and when."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from .reading import LIST_ID, READER, SHA256, match, now

__all__ = ["OPENED_EVENTS", "OPENED_FIELDS", "Opened"]

#: What an entry tells of.
OPENED_EVENTS = ("opened",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A film of a worklist was shown to somebody who has signed in.

    Attributes
    ----------
    time : datetime
        UTC; any time with a zone is converted to it.
    reader : str
        Pseudonym, as `cxr.access.pseudonym` makes it.
    film_sha256 : str
        `Radiograph.sha256`, the hash of the pixels.
    list_id : str
        Of the worklist, from `cxr.monitoring.new_list_id`.

    Raises
    ------
    ValueError
        If a value is not of its kind. Texts are not quoted, since what was given by mistake could
        be a name.
    """

    time: datetime = field(default_factory=now)
    reader: str
    film_sha256: str
    list_id: str

    def __post_init__(self) -> None:
        if not isinstance(self.time, datetime) or self.time.tzinfo is None:
            raise ValueError("Expected a time with a zone.")
        object.__setattr__(self, "time", self.time.astimezone(UTC))
        match(READER, "reader", self.reader, "32 hexadecimal digits")
        match(SHA256, "film_sha256", self.film_sha256, "64 hexadecimal digits")
        match(LIST_ID, "list_id", self.list_id, "32 hexadecimal digits")

    def row(self) -> dict[str, Any]:
        """Return the values by name, as a database takes them, with the names `OPENED_FIELDS`."""
        return {name: getattr(self, name) for name in OPENED_FIELDS}


#: The names of an entry's values, in order.
OPENED_FIELDS = tuple(entry.name for entry in fields(Opened))
