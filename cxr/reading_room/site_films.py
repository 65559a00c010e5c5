"""A site's films on their way through: scored in the background, described, and let go.

Of each film a small picture, the score and what `cxr.site` compares stay; the file itself goes as
soon as it is scored, so that thousands fit what a list may take, in parts that follow each other.
"""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from PIL import Image

from ..datasets.near_duplicates import fingerprint_of
from ..films.radiograph import Radiograph
from ..films.statistics import STATISTICS
from ..scoring.predict import Prediction
from ..site.finder import FilmKey
from .batch import Scored
from .entry import Entry
from .worklist import Worklist

__all__ = ["PREVIEW", "SiteEntry", "SiteFilms"]

#: Longest side of the picture that stays of a film, pixels: enough to see which film it is.
PREVIEW = 224


@dataclass(eq=False)
class SiteEntry(Entry):
    """A film of a site.

    Attributes
    ----------
    given : str
        The file's name as it came, for a spreadsheet to be matched with.
    preview : bytes
        JPEG, at most `PREVIEW` pixels on a side; empty until the film is read.
    fingerprint : str
        See `cxr.datasets.near_duplicates`; "" until it is read.
    height, width : int
        Pixels; 0 until it is read.
    sex : str
        As its file says; "" where it does not.
    """

    given: str = field(default="", repr=False)
    preview: bytes = field(default=b"", repr=False)
    fingerprint: str = field(default="", repr=False)
    height: int = 0
    width: int = 0
    sex: str = ""

    def __post_init__(self) -> None:
        self.given = self.name
        super().__post_init__()

    def note(self, film: Radiograph) -> None:
        """Keep what is said of the film once its pixels are gone."""
        if self.preview:
            return
        super().note(film)
        self.height, self.width, self.sex = film.height, film.width, film.sex or ""
        self.preview = _preview(film)
        self.fingerprint = fingerprint_of(film.pixels)


class SiteFilms(Worklist):
    """The films of a site, scored by one model; each is let go once it has its score."""

    entry_type = SiteEntry

    def _keep(self, turn: int, scored: Scored) -> list[Entry]:
        bare = [(entry, {name: _bare(p) for name, p in said.items()}) for entry, said in scored]
        kept = super()._keep(turn, bare)
        for entry in kept:
            self._drop(entry)
        return kept

    def _drop(self, entry: Entry) -> None:
        """Let a film's file go; the pictures that stay of it are counted in its place."""
        if isinstance(entry, SiteEntry) and isinstance(entry.source, bytes):
            stays = len(entry.preview) + len(entry.thumbnail)
            self._share.give_back(max(0, len(entry.source) - stays))
            entry.source = b""

    @property
    def size(self) -> int:
        """Bytes that the films take: their files, and what stays of those that are scored."""
        return self._share.used

    @property
    def keys(self) -> list[FilmKey]:
        """What a spreadsheet may name the films by, in their order."""
        return [_key(entry) for entry in self.entries]

    @property
    def refusals(self) -> dict[str, int]:
        """Films without a score by the reason in words, the most frequent first."""
        told: Counter[str] = Counter()
        for entry in self.entries:
            if (said := entry.prediction) and said.refusal:
                told[said.refusal.reason] += 1
        return dict(told.most_common())

    def table(self) -> pd.DataFrame:
        """Return what is known of each film.

        Returns
        -------
        pandas.DataFrame
            In their order: ``path``, ``sha256`` of the pixels, ``logit`` and ``score`` (NaN without
            a score), ``refusal`` (its code, ""); as the files say, ``patient`` (a keyed hash, ""),
            ``age`` in years (NaN), ``sex`` and ``date`` (ISO 8601, ""); ``width``, ``height``,
            ``phash``, and `cxr.films.statistics.STATISTICS` (NaN).
        """
        return pd.DataFrame([_row(entry) for entry in self.entries], columns=list(_COLUMNS)).astype(
            dict.fromkeys(_NUMBERS, float)
        )


_NUMBERS = ("logit", "score", "age", "width", "height", *STATISTICS)
_COLUMNS = ("path", "sha256", "refusal", "patient", "sex", "date", "phash", *_NUMBERS)


def _bare(prediction: Prediction) -> Prediction:
    return replace(prediction, heatmap=None, heat_in_lungs=None)


def _key(entry: Entry) -> FilmKey:
    name = entry.given if isinstance(entry, SiteEntry) else entry.name
    return FilmKey(name, entry.identity.accession_key, entry.identity.instance_key)


def _row(entry: Entry) -> dict[str, object]:
    assert isinstance(entry, SiteEntry)
    said, whose = entry.prediction, entry.identity
    known = {name: entry.statistics.get(name, np.nan) for name in STATISTICS}
    return known | {
        "path": entry.name,
        "sha256": entry.sha256,
        "logit": said.logit if said else None,
        "score": said.score if said else None,
        "refusal": said.refusal.code if said and said.refusal else "",
        "age": entry.age,
        "patient": whose.patient_key or "",
        "sex": entry.sex,
        "date": whose.study_date.isoformat() if whose.study_date else "",
        "width": entry.width or None,
        "height": entry.height or None,
        "phash": entry.fingerprint,
    }


def _preview(film: Radiograph) -> bytes:
    image = Image.fromarray(np.rint(film.pixels * 255).astype(np.uint8))
    image.thumbnail((PREVIEW, PREVIEW))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=80)
    return out.getvalue()
