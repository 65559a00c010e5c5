"""One entry of the log: what a model said of a film, and what the reader said."""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ..errors import CxrError
from ..films.statistics import STATISTICS
from ..scoring.reader import Agreement, Call, Reason
from ..storage.records import one_line

if TYPE_CHECKING:
    from ..scoring.predict import Prediction

__all__ = [
    "AGREEMENTS",
    "CALLS",
    "FIELDS",
    "LIST_ID",
    "READER",
    "REASONS",
    "SHA256",
    "Agreement",
    "Call",
    "Reading",
    "ReadingsError",
    "Reason",
    "agreement_of",
    "match",
    "new_list_id",
    "now",
]

_SAID: dict[str, type[StrEnum]] = {"call": Call, "agreement": Agreement, "reason": Reason}
CALLS = tuple(Call)
AGREEMENTS = tuple(Agreement)
REASONS = tuple(Reason)

# What comes from a card or a rule of this package: one line, and not a path.
_WORDS = re.compile(one_line(100).pattern)
SHA256 = re.compile(r"[0-9a-f]{64}")
LIST_ID = re.compile(r"[0-9a-f]{32}")
#: A pseudonym, as `cxr.access.pseudonym` makes it: of letters it could be a name.
READER = re.compile(r"[0-9a-f]{32}")
_CODE = re.compile(r"[a-z0-9_-]{1,40}")


class ReadingsError(CxrError, RuntimeError):
    """The log cannot be opened, read or written; the message is for people."""

    code = "readings"


def new_list_id() -> str:
    """Return a random name for a worklist: 32 hexadecimal digits that identify nobody."""
    return uuid.uuid4().hex


def now() -> datetime:
    """Return the time in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What is known of one film of a worklist at one time.

    It holds no name, no identifier, no file name and no pixel.

    Attributes
    ----------
    time : datetime
        UTC; any time with a zone is converted to it.
    list_id : str
        Of the worklist, from `new_list_id`.
    film_sha256 : str or None
        `Radiograph.sha256`, the hash of the pixels: it recognizes the same film again and tells
        nothing else. None for a file that could not be read.
    model : str
        Name of the model.
    model_sha256 : str
        Hash of its weights.
    finding : str
        What the model looks for.
    operating_point : str
        Name of the operating point.
    threshold : float
        Its threshold, on the calibrated score.
    score : float or None
        In [0, 1]; None for a film that was refused.
    refusal_code : str or None
        Why the film was refused; None if it was not.
    refusal_overridden : bool
        Whether the reader had a refused film scored: it then has a code and a score.
    call : Call or None
        None if the film was only scored. This, `agreement` and `reason` may be given by value.
    call_blind : bool
        Whether the call was made before score and heatmap were shown.
    agreement : Agreement or None
        Whether the reader agrees with the model.
    reason : Reason or None
        Of an override.
    mean, spread, dark, bright, sharpness : float or None
        As `cxr.films.statistics.film_statistics` gives them.
    reader : str or None
        Pseudonym of the reader, as `cxr.access.pseudonym` makes it; None without sign-in.

    Raises
    ------
    ValueError
        If a value is not of its kind. Texts are not quoted, since what was given by mistake could
        be a name.
    """

    time: datetime = field(default_factory=now)
    list_id: str
    film_sha256: str | None = None
    model: str
    model_sha256: str
    finding: str
    operating_point: str
    threshold: float
    score: float | None = None
    refusal_code: str | None = None
    refusal_overridden: bool = False
    call: Call | None = None
    call_blind: bool = False
    agreement: Agreement | None = None
    reason: Reason | None = None
    mean: float | None = None
    spread: float | None = None
    dark: float | None = None
    bright: float | None = None
    sharpness: float | None = None
    reader: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.time, datetime) or self.time.tzinfo is None:
            raise ValueError("Expected a time with a zone.")
        self._set("time", self.time.astimezone(UTC))
        self._set("threshold", _finite("threshold", self.threshold))
        for name in ("score", *STATISTICS):
            if (value := getattr(self, name)) is not None:
                self._set(name, _finite(name, value))
        for name in ("refusal_overridden", "call_blind"):
            self._set(name, bool(getattr(self, name)))
        for name in ("model", "finding", "operating_point"):
            match(_WORDS, name, getattr(self, name), "one line of at most 100 letters")
        match(LIST_ID, "list_id", self.list_id, "32 hexadecimal digits")
        match(SHA256, "model_sha256", self.model_sha256, "64 hexadecimal digits")
        if self.film_sha256 is not None:
            match(SHA256, "film_sha256", self.film_sha256, "64 hexadecimal digits")
        if self.refusal_code is not None:
            match(_CODE, "refusal_code", self.refusal_code, "one word")
        if self.reader is not None:
            match(READER, "reader", self.reader, "32 hexadecimal digits")
        for name, known in _SAID.items():
            if (value := getattr(self, name)) is not None:
                self._set(name, known(value))
        self._check_sense()

    def _check_sense(self) -> None:
        if self.score is not None and not 0 <= self.score <= 1:
            raise ValueError(f"Expected a score within 0 to 1. Received: {self.score}")
        refused = self.refusal_code is not None
        if self.refusal_overridden and not refused:
            raise ValueError("Expected the code of the refusal that was overridden.")
        if (self.score is None) != (refused and not self.refusal_overridden):
            raise ValueError("Expected a score, or the code of a refusal that stands.")
        if self.film_sha256 is None and not refused:
            raise ValueError("Expected the hash of a film that was scored.")
        if self.call_blind and self.call is None:
            raise ValueError("Expected a call where it was blind.")
        if self.agreement is not None and self.score is None:
            raise ValueError("Expected a score to agree with.")
        if self.reason is not None and self.agreement is not Agreement.OVERRIDE:
            raise ValueError("Expected a reason with an override alone.")

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    @classmethod
    def of(
        cls,
        prediction: Prediction,
        *,
        finding: str,
        list_id: str,
        film_sha256: str | None = None,
        statistics: Mapping[str, float] | None = None,
        reader: str | None = None,
    ) -> Reading:
        """Make the entry of a film that was scored or refused.

        Parameters
        ----------
        prediction : Prediction
            What the model says. With a refusal and a score, the refusal was overridden.
        finding : str
            Of the model's card.
        list_id : str
            Of the worklist, from `new_list_id`.
        film_sha256 : str, optional
            `Radiograph.sha256`; None or empty for a file that could not be read.
        statistics : mapping of str to float, optional
            As `cxr.films.statistics.film_statistics` returns them; None if not measured.
        reader : str, optional
            Pseudonym of the reader; None without sign-in.
        """
        refusal = prediction.refusal
        measured: dict[str, Any] = dict(statistics or {})
        return cls(
            list_id=list_id,
            film_sha256=film_sha256 or None,
            model=prediction.model,
            model_sha256=prediction.model_sha256,
            finding=finding,
            operating_point=prediction.operating_point,
            threshold=prediction.threshold,
            score=prediction.score,
            refusal_code=refusal.code if refusal else None,
            refusal_overridden=refusal is not None and prediction.score is not None,
            reader=reader,
            **measured,
        )

    def row(self) -> dict[str, Any]:
        """Return the values by name, as a database takes them, with the names of `FIELDS`."""
        values = {name: getattr(self, name) for name in FIELDS}
        return {k: v.value if isinstance(v, StrEnum) else v for k, v in values.items()}


#: The names of a reading's values, in order.
FIELDS = tuple(entry.name for entry in fields(Reading))


def agreement_of(
    call: Call | str | None, score: float | None, threshold: float
) -> Agreement | None:
    """Return whether a reader's call agrees with the model's.

    The operating point decides, also within its ``near`` zone: at or above the threshold the
    model's call is the finding.

    Parameters
    ----------
    call : Call or str, or None
        What the reader says, or its value.
    score : float
        Calibrated, in [0, 1]; None for a refused film.
    threshold : float
        Of the operating point.

    Returns
    -------
    Agreement or None
        None if there is no score, no call, or the reader is unsure.

    Raises
    ------
    ValueError
        If there is no such call.
    """
    call = None if call is None else Call(call)
    if call in (None, Call.UNSURE) or score is None:
        return None
    alike = (score >= threshold) == (call is Call.FINDING)
    return Agreement.AGREE if alike else Agreement.OVERRIDE


def _finite(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ValueError(f"Expected {name} to be a number.") from None
    if isinstance(value, str | bool) or not math.isfinite(number):
        raise ValueError(f"Expected {name} to be a finite number.")
    return number


def match(pattern: re.Pattern[str], name: str, value: object, what: str) -> None:
    """Check a text that goes into the log.

    Raises
    ------
    ValueError
        If it is no text of that pattern; it says what is expected and does not quote the text.
    """
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ValueError(f"Expected {name} to be {what}.")
