"""A film of a worklist: its bytes as they came, what the models say of it, the reader's calls."""

from __future__ import annotations

import io
import math
import threading
from collections.abc import Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from weakref import ReferenceType, ref

import numpy as np
from PIL import Image

from ..films.dicom_words import is_lateral
from ..films.header_words import header_words
from ..films.identity import NOBODY, Identity
from ..films.notes import Note
from ..films.polarity import negate
from ..films.radiograph import Radiograph, read
from ..films.statistics import LEAST, film_statistics
from ..plain_text import name_of
from ..scoring.automatic import leading, rank
from ..scoring.predict import Prediction
from ..scoring.reader import Agreement, Call, Reason
from ..scoring.region import Region

__all__ = ["BANDS", "THUMBNAIL", "Assessment", "Entry"]

BANDS = ("above", "near", "below", "refused", "lateral", "waiting")
THUMBNAIL = 56
#: One film at a time in all threads: while it is decoded, the largest takes up to 600 MB.
_decoding = threading.Lock()


@dataclass(eq=False)
class Assessment:
    """What is said of one finding of a film: by a model, and by the reader.

    Attributes
    ----------
    prediction : Prediction or None
        None until the film is scored.
    overridden : bool
        Whether the reader wants it scored although it is refused.
    call : Call or None
        What the reader sees in it.
    blind : bool
        Whether the call was made before score and heatmap were shown.
    seen : bool
        Whether the score was on show before the list was read blind: no call is blind then.
    judgement : Agreement or None
        Whether the score lies on the right side of the operating point, as the reader sees it.
    reason : Reason or None
        Of an override.
    ages : tuple of float
        Of the model's population, years: from the first up to, but not including, the second.
    """

    prediction: Prediction | None = None
    overridden: bool = False
    call: Call | None = None
    blind: bool = False
    seen: bool = False
    judgement: Agreement | None = None
    reason: Reason | None = None
    ages: tuple[float, float] = (0.0, math.inf)

    @property
    def scored(self) -> bool:
        """Whether there is a score."""
        return self.prediction is not None and self.prediction.score is not None

    @property
    def version(self) -> Hashable:
        """All of it, to be compared: another value once any of it has changed."""
        said = self.prediction
        return (
            *(self.call, self.blind, self.judgement, self.reason, self.overridden),
            *((said.model_sha256, said.score, said.threshold, said.refusal) if said else ()),
            said and said.operating_point,
        )


@dataclass(eq=False)
class Entry:
    """One film of the list.

    `prediction`, `call`, `blind`, `judgement`, `reason` and `overridden` are those of the finding
    that is shown.

    Attributes
    ----------
    number : int
        Order of arrival, from 1.
    name : str
        The file's name: on the reader's screen and in the reader's exports, nowhere else. What
        cannot be seen in it is shown, and of a long one the middle is left out.
    source : bytes or Path
        The bytes of the file, or its path.
    assessments : dict of str to Assessment
        By finding.
    chosen : str
        Finding that the reader wants to see; "" for the one that the film is ranked by.
    thumbnail : bytes
        JPEG, at most `THUMBNAIL` pixels on a side; empty until `note` was called.
    sha256 : str
        Hash of the film's pixels; "" until it is read.
    facts : str
        Size, and what the file says of view, age and sex.
    age : float or None
        In years, as the file says; None where it does not, and until it is read.
    view : str or None
        A term of `cxr.films.dicom_words.view`; None where the file has none, and until it is read.
    identity : Identity
        Whose film it is and of which study, as hashes.
    joined : int
        The same number for films that the reader has joined to one study; 0 for none.
    opened : bool
        Whether the reader has opened it.
    turned : bool
        Whether the reader has changed black and white over.
    notes : tuple of Note
        What the reader should know of how it was read.
    statistics : dict of str to float
        Of its gray values, see `cxr.films.statistics`.
    size : tuple of int
        Height and width in pixels; (0, 0) until it is read.
    regions : tuple of Region
        What the reader drew on it, in that order.
    call_first : bool
        Whether the reader calls it before score and heatmap are shown.
    """

    number: int
    name: str = field(repr=False)
    source: bytes | Path = field(repr=False)
    assessments: dict[str, Assessment] = field(default_factory=dict)
    chosen: str = ""
    thumbnail: bytes = field(default=b"", repr=False)
    sha256: str = ""
    facts: str = ""
    age: float | None = None
    view: str | None = None
    identity: Identity = field(default=NOBODY, repr=False)
    joined: int = 0
    opened: bool = False
    turned: bool = False
    notes: tuple[Note, ...] = ()
    statistics: dict[str, float] = field(default_factory=dict, repr=False)
    size: tuple[int, int] = (0, 0)
    regions: tuple[Region, ...] = ()
    call_first: bool = False

    def __post_init__(self) -> None:
        self.name = name_of(self.name)
        self._lock = threading.Lock()
        self._read: ReferenceType[Radiograph] | None = None

    def film(self) -> Radiograph:
        """Read the film's pixels, turned where the reader has turned them.

        Who holds them at the same time shares them.

        Raises
        ------
        RadiographError
            If it cannot be read.
        """
        with self._lock:
            film = self._read() if self._read else None
            if film is None:
                with _decoding:
                    film = read(self.source)
                film = negate(film) if self.turned else film
                self._read = ref(film)
            if not self.sha256:
                self.facts = _facts(film)
                self.size = film.height, film.width
                self.age = film.age
                self.view = film.view
                self.notes = film.notes
                self.sha256 = _hashed(film)
            return film

    def turn(self) -> None:
        """Change black and white over, or back; what was said of the film as it was is dropped.

        What the reader drew stays: it lies where it lay.
        """
        with self._lock:
            self.turned = not self.turned
            self._read, self.sha256, self.thumbnail = None, "", b""
            self.assessments = {
                finding: Assessment(ages=a.ages) for finding, a in self.assessments.items()
            }

    @property
    def lateral(self) -> bool:
        """Whether it is shown and not scored, since its file says that it is from the side.

        A film that its reader wants scored all the same is not.
        """
        if not is_lateral(self.view) or any(a.overridden for a in self.assessments.values()):
            return False
        said = [a.prediction for a in self.assessments.values() if a.prediction]
        return all(p.refusal is not None and p.refusal.code == "lateral" for p in said)

    @property
    def finding(self) -> str:
        """The finding that is shown: the one chosen, else the one that the film is ranked by.

        Before it is scored, and as long as its scores are hidden, the first whose population fits:
        a rank would tell which score is higher.
        """
        if self.chosen in self.assessments:
            return self.chosen
        fitting = (f for f, a in self.assessments.items() if _within(self.age, a.ages))
        first = next(fitting, next(iter(self.assessments), ""))
        return first if self.hidden else self.ranked_by or first

    @property
    def hidden(self) -> bool:
        """Whether scores and heatmaps must not be shown yet, because the reader calls first.

        Of a film that is scored for several findings each has to be called.
        """
        if not self.call_first or self.waits:
            return False
        return any(a.scored and a.call is None for a in self.assessments.values())

    @property
    def age_unknown(self) -> bool:
        """Whether the film was read, and its file does not say how old the patient is."""
        return bool(self.sha256) and self.age is None

    @property
    def ranked_by(self) -> str:
        """The finding that the film is ranked by; "" before it is scored."""
        predictions = {f: a.prediction for f, a in self.assessments.items() if a.prediction}
        if not predictions or len(predictions) < len(self.assessments):
            return ""
        first = leading(predictions.values())
        return next(f for f, prediction in predictions.items() if prediction is first)

    @property
    def assessment(self) -> Assessment:
        """What is said of the finding that is shown."""
        return self.assessments.get(self.finding) or Assessment()

    @property
    def waits(self) -> bool:
        """Whether it has yet to be scored."""
        return any(a.prediction is None for a in self.assessments.values())

    @property
    def prediction(self) -> Prediction | None:
        """What the model of the finding that is shown says; None until the film is scored."""
        return None if self.waits else self.assessment.prediction

    @property
    def overridden(self) -> bool:
        """Whether the reader wants it scored although it is refused."""
        return self.assessment.overridden

    def wanted(self, finding: str) -> bool:
        """Whether the reader wants a finding scored although the film is refused."""
        assessment = self.assessments.get(finding)
        return assessment is not None and assessment.overridden

    @property
    def call(self) -> Call | None:
        """What the reader sees in it; the finding is the one that is shown."""
        return self.assessment.call

    @property
    def blind(self) -> bool:
        """Whether the call was made before score and heatmap were shown."""
        return self.assessment.blind

    @property
    def judgement(self) -> Agreement | None:
        """Whether the score lies on the right side, as the reader sees it."""
        return self.assessment.judgement

    @property
    def reason(self) -> Reason | None:
        """Of an override."""
        return self.assessment.reason

    @property
    def rank(self) -> tuple[int, float]:
        """What films are sorted by, see `cxr.scoring.automatic.rank`; those that wait come last."""
        finding = self.ranked_by
        prediction = self.assessments[finding].prediction if finding else None
        return rank(prediction) if prediction else (len(BANDS), 0.0)

    @property
    def band(self) -> str:
        """One of `BANDS`: the highest of all findings; waiting before it is scored."""
        if self.lateral:
            return "lateral"
        finding = self.ranked_by
        prediction = self.assessments[finding].prediction if finding else None
        if prediction is None:
            return "waiting"
        return prediction.band or "refused"

    @property
    def version(self) -> Hashable:
        """All that can be said of it, to be compared: another value once any of it has changed."""
        return (
            self.name,
            self.sha256,
            self.turned,
            self.regions,
            *((finding, a.version) for finding, a in self.assessments.items()),
        )

    @property
    def told(self) -> tuple[Note, ...]:
        """What the reader is told of the film: how it was read, and what the gate noted."""
        said = self.assessment.prediction.notes if self.assessment.prediction else ()
        # That the age is not known is said where the age would be.
        others = [n for n in said if n not in (*self.notes, Note.AGE_UNKNOWN)]
        return (*self.notes, *others)

    def note(self, film: Radiograph) -> None:
        """Keep what the list and the log say of the film's pixels: thumbnail, gray values."""
        if self.thumbnail:
            return  # scored again: it is the same film
        self.statistics = film_statistics(film.pixels) if min(film.pixels.shape) >= LEAST else {}
        self.thumbnail = _thumbnail(film)


def _within(age: float | None, ages: tuple[float, float]) -> bool:
    return age is None or ages[0] <= age < ages[1]


def _hashed(film: Radiograph) -> str:
    """Return the hash of the pixels, that of the values made at the same time by another core.

    The page wants both before it can show the film.
    """
    if film.values is None:
        return film.sha256
    with ThreadPoolExecutor(1) as other:
        other.submit(lambda values: values.sha256, film.values)
        return film.sha256


def _thumbnail(film: Radiograph) -> bytes:
    image = Image.fromarray(np.rint(film.pixels * 255).astype(np.uint8))
    image.thumbnail((THUMBNAIL, THUMBNAIL))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=80)
    return out.getvalue()


def _facts(film: Radiograph) -> str:
    size = f"{film.width} x {film.height}"
    return " · ".join(filter(None, (size, header_words(film))))
