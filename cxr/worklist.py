"""The worklist of one reader: films as they arrived, scored, ranked, read and called.

Lives in memory alone. Of each film it keeps the bytes as they came, a thumbnail and what the
model said; the pixels are read anew when a film is opened, so that hundreds fit.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .archive import is_zip, unpack
from .bundle import Bundle
from .prediction import Prediction, predict, unread
from .quality import Refusal
from .radiograph import Radiograph, RadiographError, read
from .sources import intended_use

__all__ = ["CALLS", "EXPORTED", "ORDERS", "Entry", "Worklist"]

ORDERS = ("score", "arrival")
#: What a reader can say of a film. The finding's name stands for the star.
CALLS = ("* seen", "no * seen", "unsure")
#: What an exported worklist says of a film behind the columns of a prediction row.
EXPORTED = ("call", "intended_use")
THUMBNAIL = 56
BATCH = 4


@dataclass(eq=False)
class Entry:
    """One film of the list."""

    number: int
    """Order of arrival, from 1."""
    name: str = field(repr=False)
    """The file's name: on the reader's screen and in the reader's exports, nowhere else."""
    source: bytes | Path = field(repr=False)
    prediction: Prediction | None = None
    thumbnail: bytes = field(default=b"", repr=False)
    """JPEG, at most `THUMBNAIL` pixels a side."""
    sha256: str = ""
    facts: str = ""
    """Size, and what the file says of view, age and sex."""
    opened: bool = False
    call: str | None = None

    def film(self) -> Radiograph:
        """Read the film's pixels.

        Raises
        ------
        RadiographError
            If it cannot be read.
        """
        return read(self.source)

    @property
    def band(self) -> str:
        """``above``, ``near``, ``below``, ``refused``, or ``waiting`` before it is scored."""
        if self.prediction is None:
            return "waiting"
        return self.prediction.band or "refused"


class Worklist:
    """The films of one reader, in their order of arrival.

    Parameters
    ----------
    bundle
        The model that scores them.
    operating_point
        Name of one of its operating points; the default where none is given.
    """

    def __init__(self, bundle: Bundle, operating_point: str | None = None) -> None:
        self.bundle = bundle
        self.operating_point = bundle.card.operating_point(operating_point)
        self.entries: list[Entry] = []
        self.chosen: int | None = None
        """Number of the film that is open."""

    def __len__(self) -> int:
        return len(self.entries)

    def add(self, name: str, source: bytes | Path) -> None:
        """Put a film, or all films of a zip, at the end of the list."""
        if isinstance(source, bytes) and is_zip(source):
            try:
                for inner, content in unpack(source):
                    self._append(inner, content)
            except RadiographError as error:
                self._append(name, error)
            return
        self._append(name, source)

    def _append(self, name: str, source: bytes | Path | RadiographError) -> None:
        entry = Entry(len(self.entries) + 1, name, b"")
        if isinstance(source, RadiographError):
            entry.prediction = self._unread(source)
        else:
            entry.source = source
        self.entries.append(entry)

    def _unread(self, error: RadiographError) -> Prediction:
        return unread(self.bundle, Refusal(error.code, error.reason), self.operating_point.name)

    @property
    def waiting(self) -> list[Entry]:
        """Films that are not scored yet."""
        return [entry for entry in self.entries if entry.prediction is None]

    def score(self) -> Iterator[int]:
        """Score the waiting films a few at a time; yields how many are done after each step.

        Can be left at any point: what is done stays, the rest keeps waiting.
        """
        done = len(self.entries) - len(self.waiting)
        while batch := self.waiting[:BATCH]:
            films: list[tuple[Entry, Radiograph]] = []
            for entry in batch:
                try:
                    films.append((entry, entry.film()))
                except RadiographError as error:
                    entry.prediction = self._unread(error)
            results = predict(
                self.bundle,
                [film for _, film in films],
                operating_point=self.operating_point.name,
                heatmaps=True,
            )
            for (entry, film), prediction in zip(films, results, strict=True):
                entry.thumbnail = _thumbnail(film)
                entry.sha256 = film.sha256
                entry.facts = _facts(film)
                entry.prediction = prediction
            done += len(batch)
            yield done

    def rescore(self, bundle: Bundle, operating_point: str | None = None) -> None:
        """Change the model or the operating point; every film that can be read waits anew."""
        self.operating_point = bundle.card.operating_point(operating_point)
        self.bundle = bundle
        for entry in self.entries:
            if entry.source:
                entry.prediction = None
            elif entry.prediction and entry.prediction.refusal:
                refusal = entry.prediction.refusal
                entry.prediction = unread(bundle, refusal, self.operating_point.name)

    def ordered(self, order: str = "score") -> list[Entry]:
        """Return the films, highest score first or as they arrived.

        Refused films have no score: they stand together behind the scored ones, and films that
        wait behind those.

        Raises
        ------
        ValueError
            If the order is not one of `ORDERS`.
        """
        if order not in ORDERS:
            raise ValueError(f"Expected one of {', '.join(ORDERS)}. Received: {order!r}")
        if order == "arrival":
            return list(self.entries)

        def key(entry: Entry) -> tuple[int, float, int]:
            if entry.prediction is None:
                return 2, 0.0, entry.number
            if entry.prediction.score is None:
                return 1, 0.0, entry.number
            # The same film scored in another batch may differ in its last bits.
            return 0, -round(entry.prediction.score, 6), entry.number

        return sorted(self.entries, key=key)

    def open(self, number: int | None = None, order: str = "score") -> Entry | None:
        """Open a film by number, the first of the list where none is given or it is gone."""
        wanted = number if number is not None else self.chosen
        found = next((e for e in self.entries if e.number == wanted), None)
        found = found or next(iter(self.ordered(order)), None)
        if found:
            self.chosen = found.number
            found.opened = True
        return found

    def twins(self, entry: Entry) -> list[Entry]:
        """Other films of the list with the same pixels."""
        return [
            other
            for other in self.entries
            if other is not entry and other.sha256 and other.sha256 == entry.sha256
        ]

    def rows(self, order: str = "score") -> list[dict[str, Any]]:
        """Return the scored films as prediction rows, with the columns of `EXPORTED` behind."""
        use = intended_use(self.bundle.card.population)
        return [
            entry.prediction.row(entry.name) | {"call": entry.call, "intended_use": use}
            for entry in self.ordered(order)
            if entry.prediction
        ]


def _thumbnail(film: Radiograph) -> bytes:
    image = Image.fromarray(np.rint(film.pixels * 255).astype(np.uint8))
    image.thumbnail((THUMBNAIL, THUMBNAIL))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=80)
    return out.getvalue()


def _facts(film: Radiograph) -> str:
    age = None if film.age is None else f"{film.age:.0f} years"
    parts = [f"{film.width} x {film.height}", film.modality, film.view, age, film.sex]
    return " · ".join(part for part in parts if part)
