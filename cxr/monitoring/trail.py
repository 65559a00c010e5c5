"""Entries of the audit trail: who signed in and out, opened which film, took which film along."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from .reading import LIST_ID, READER, SHA256, match, now

__all__ = [
    "EXPORTED_EVENTS",
    "EXPORTED_FIELDS",
    "OPENED_EVENTS",
    "OPENED_FIELDS",
    "SIGN_IN_EVENTS",
    "SIGN_IN_FIELDS",
    "TRAIL_EVENTS",
    "Exported",
    "Opened",
    "SignIn",
    "TrailEntry",
]

#: What an entry tells of.
OPENED_EVENTS = ("opened",)
EXPORTED_EVENTS = ("exported",)
#: Refused is who the provider knows but who is in none of the groups.
SIGN_IN_EVENTS = ("signed_in", "signed_out", "timed_out", "server_stopped", "refused")
TRAIL_EVENTS = (*OPENED_EVENTS, *EXPORTED_EVENTS, *SIGN_IN_EVENTS)
_WORD = re.compile(r"[a-z_]{1,16}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailEntry:
    """Somebody who has signed in did something.

    Attributes
    ----------
    time : datetime
        UTC; any time with a zone is converted to it.
    reader : str
        Pseudonym, as `cxr.access.pseudonym` makes it.

    Raises
    ------
    ValueError
        If a value is not of its kind. Texts are not quoted, since what was given by mistake could
        be a name.
    """

    time: datetime = field(default_factory=now)
    reader: str

    def __post_init__(self) -> None:
        if not isinstance(self.time, datetime) or self.time.tzinfo is None:
            raise ValueError("Expected a time with a zone.")
        object.__setattr__(self, "time", self.time.astimezone(UTC))
        match(READER, "reader", self.reader, "32 hexadecimal digits")

    def row(self) -> dict[str, Any]:
        """Return the values by name, as a database takes them."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened(TrailEntry):
    """A film of a worklist was shown to somebody.

    Attributes
    ----------
    film_sha256 : str
        `Radiograph.sha256`, the hash of the pixels.
    list_id : str
        Of the worklist, from `cxr.monitoring.new_list_id`.
    """

    film_sha256: str
    list_id: str

    def __post_init__(self) -> None:
        TrailEntry.__post_init__(self)
        match(SHA256, "film_sha256", self.film_sha256, "64 hexadecimal digits")
        match(LIST_ID, "list_id", self.list_id, "32 hexadecimal digits")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported(TrailEntry):
    """A film of a worklist, or what is known of it, was taken along in a file; or the log was.

    Attributes
    ----------
    form : str
        What the file is, such as ``csv`` or ``dicom``.
    film_sha256, list_id : str or None
        As of `Opened`; None of what is of no list, as the log of readings itself.
    """

    form: str
    film_sha256: str | None = None
    list_id: str | None = None

    def __post_init__(self) -> None:
        TrailEntry.__post_init__(self)
        match(_WORD, "form", self.form, "a word")
        if self.film_sha256 is not None:
            match(SHA256, "film_sha256", self.film_sha256, "64 hexadecimal digits")
        if self.list_id is not None:
            match(LIST_ID, "list_id", self.list_id, "32 hexadecimal digits")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn(TrailEntry):
    """Somebody signed in or was refused, or their sign-in ended.

    Attributes
    ----------
    role : str or None
        As `cxr.access.Role`; None for somebody in none of the groups.
    """

    role: str | None = None

    def __post_init__(self) -> None:
        TrailEntry.__post_init__(self)
        if self.role is not None:
            match(_WORD, "role", self.role, "a word")


#: The names of an entry's values, in order.
OPENED_FIELDS = tuple(entry.name for entry in fields(Opened))
EXPORTED_FIELDS = tuple(entry.name for entry in fields(Exported))
SIGN_IN_FIELDS = tuple(entry.name for entry in fields(SignIn))
