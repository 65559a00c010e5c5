"""Finds the film that a cell of a spreadsheet names."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from ..films.kinds import SUFFIXES

__all__ = ["FilmKey", "Finder", "KeyKind"]


class KeyKind(StrEnum):
    """What a column names a film by."""

    NAME = "file name"
    ACCESSION = "accession number"
    INSTANCE = "SOP instance UID"


class FilmKey(NamedTuple):
    """What a film can be matched by.

    Attributes
    ----------
    name : str
        Its file's name, with the folders that are known.
    accession, instance : str or None
        Keyed hashes, as `cxr.films.identity.Identity` has them; None where the file has none.
    """

    name: str
    accession: str | None = None
    instance: str | None = None


class Finder:
    """Finds the films that a cell names.

    Parameters
    ----------
    films : sequence of FilmKey
    """

    def __init__(self, films: Sequence[FilmKey]) -> None:
        self._parts = [_parts(film.name) for film in films]
        self._by_stem: dict[str, list[int]] = {}
        self._by_number: dict[str, list[int]] = {}
        self._by_accession: dict[str, list[int]] = {}
        self._by_instance: dict[str, list[int]] = {}
        for place, (film, parts) in enumerate(zip(films, self._parts, strict=True)):
            stem = _stem(parts[-1])
            self._by_stem.setdefault(stem, []).append(place)
            if stem != parts[-1]:
                self._by_stem.setdefault(parts[-1], []).append(place)
            if stem.isdecimal():
                self._by_number.setdefault(stem.lstrip("0"), []).append(place)
            if film.accession:
                self._by_accession.setdefault(film.accession, []).append(place)
            if film.instance:
                self._by_instance.setdefault(film.instance, []).append(place)

    def __call__(self, value: str, kind: KeyKind) -> list[int]:
        """Return the places of the films that a cell names; several where it does not tell."""
        if kind is KeyKind.NAME:
            return self._named(value)
        index = self._by_accession if kind is KeyKind.ACCESSION else self._by_instance
        if not index:
            return []
        from ..films.dicom_identity import accession_key, instance_key  # takes a while to load

        key = accession_key(value) if kind is KeyKind.ACCESSION else instance_key(value)
        return index.get(key, []) if key else []

    def folders_in_common(self, value: str, place: int) -> tuple[int, bool]:
        """Return how many folders, from the film's up, a cell names as the film has them.

        Returns
        -------
        int
        bool
            Whether the next is called otherwise in the cell.
        """
        return _in_common(_parts(value), self._parts[place])

    def _named(self, value: str) -> list[int]:
        parts = _parts(value)
        stem = _stem(parts[-1])
        places = self._by_stem.get(parts[-1]) or self._by_stem.get(stem) or []
        if not places and stem.isdecimal():  # a spreadsheet drops leading zeros
            places = self._by_number.get(stem.lstrip("0"), [])
        if len(places) < 2:
            return places
        # Of films of one name, those of the most folders in common, and of the same ending.
        alike = [
            (_in_common(parts, theirs)[0], parts[-1] == theirs[-1])
            for theirs in map(self._parts.__getitem__, places)
        ]
        best = max(alike)
        return [place for place, how in zip(places, alike, strict=True) if how == best]


def _in_common(ours: Sequence[str], theirs: Sequence[str]) -> tuple[int, bool]:
    """Count the folders, from the file up, that two paths have in common; do they differ then?"""
    pairs = list(zip(ours[-2::-1], theirs[-2::-1], strict=False))
    common = next((k for k, (one, other) in enumerate(pairs) if one != other), len(pairs))
    return common, common < len(pairs)


def _parts(name: str) -> list[str]:
    """Split a path into folders and file, in small letters, whatever system wrote it."""
    plain = unicodedata.normalize("NFC", name.strip().strip("\"'")).replace("\\", "/").casefold()
    return [part for part in plain.split("/") if part not in ("", ".")] or [""]


def _stem(name: str) -> str:
    """Drop the ending of a film's file; other dots belong to the name."""
    head, dot, ending = name.rpartition(".")
    return head if dot and head and f".{ending}" in SUFFIXES else name
