"""A film of a worklist: its bytes as they came, the model's prediction, the reader's call."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from ..films.header_words import header_words
from ..films.notes import Note
from ..films.polarity import negate
from ..films.radiograph import Radiograph, read
from ..films.statistics import LEAST, film_statistics
from ..plain_text import name_of
from ..scoring.predict import Prediction
from ..scoring.reader import Agreement, Call, Reason

__all__ = ["BANDS", "THUMBNAIL", "Entry"]

BANDS = ("above", "near", "below", "refused", "waiting")
THUMBNAIL = 56


@dataclass(eq=False)
class Entry:
    """One film of the list.

    Attributes
    ----------
    number : int
        Order of arrival, from 1.
    name : str
        The file's name: on the reader's screen and in the reader's exports, nowhere else. What
        cannot be seen in it is shown, and of a long one the middle is left out.
    source : bytes or Path
        The bytes of the file, or its path.
    prediction : Prediction or None
        None until the film is scored.
    thumbnail : bytes
        JPEG, at most `THUMBNAIL` pixels on a side.
    sha256 : str
        Hash of the film's pixels; "" until it is read.
    facts : str
        Size, and what the file says of view, age and sex.
    opened : bool
        Whether the reader has opened it.
    turned : bool
        Whether the reader has changed black and white over.
    overridden : bool
        Whether the reader wants it scored although the gate refuses it.
    call : Call or None
        What the reader sees in it; the finding is the model's.
    blind : bool
        Whether the call was made before score and heatmap were shown.
    judgement : Agreement or None
        Whether the score lies on the right side of the operating point, as the reader sees it.
    reason : Reason or None
        Of an override.
    notes : tuple of Note
        What the reader should know of how it was read.
    statistics : dict of str to float
        Of its gray values, see `cxr.films.statistics`.
    """

    number: int
    name: str = field(repr=False)
    source: bytes | Path = field(repr=False)
    prediction: Prediction | None = None
    thumbnail: bytes = field(default=b"", repr=False)
    sha256: str = ""
    facts: str = ""
    opened: bool = False
    turned: bool = False
    overridden: bool = False
    call: Call | None = None
    blind: bool = False
    judgement: Agreement | None = None
    reason: Reason | None = None
    notes: tuple[Note, ...] = ()
    statistics: dict[str, float] = field(default_factory=dict, repr=False)

    def film(self) -> Radiograph:
        """Read the film's pixels, turned where the reader has turned them.

        Raises
        ------
        RadiographError
            If it cannot be read.
        """
        film = read(self.source)
        return negate(film) if self.turned else film

    def __post_init__(self) -> None:
        self.name = name_of(self.name)

    @property
    def band(self) -> str:
        """One of `BANDS`: waiting before it is scored."""
        if self.prediction is None:
            return "waiting"
        return self.prediction.band or "refused"

    def note(self, film: Radiograph) -> None:
        """Keep what the list and the log say of the film: thumbnail, hash, facts, gray values."""
        if self.sha256:
            return  # scored again: it is the same film
        self.thumbnail = _thumbnail(film)
        self.sha256 = film.sha256
        self.facts = _facts(film)
        self.notes = film.notes
        self.statistics = film_statistics(film.pixels) if min(film.pixels.shape) >= LEAST else {}


def _thumbnail(film: Radiograph) -> bytes:
    image = Image.fromarray(np.rint(film.pixels * 255).astype(np.uint8))
    image.thumbnail((THUMBNAIL, THUMBNAIL))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=80)
    return out.getvalue()


def _facts(film: Radiograph) -> str:
    size = f"{film.width} x {film.height}"
    return " · ".join(filter(None, (size, header_words(film))))
