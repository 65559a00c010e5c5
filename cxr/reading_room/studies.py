"""Films grouped as a radiologist reads them: by study, and studies by patient.

The films of one DICOM study are one row of the list. A PNG or a JPEG says nothing of its study: it
is a row by itself, unless the reader has joined it with others.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Hashable, Iterable
from dataclasses import dataclass
from datetime import date, time
from functools import cached_property

from ..scoring.automatic import rank
from .entry import BANDS, Entry

__all__ = [
    "EVERYTHING",
    "ORDERS",
    "Study",
    "Wanted",
    "ordered",
    "priors",
    "same_study",
    "studies",
    "to_hang",
]

#: What rows are sorted by: the highest band, arrival, the study's date, the name of its first film.
ORDERS = ("score", "arrival", "date", "name")


@dataclass(frozen=True, eq=False)
class Study:
    """The films of one examination.

    Attributes
    ----------
    entries : tuple of Entry
        At least one, as they arrived.
    """

    entries: tuple[Entry, ...]

    @property
    def number(self) -> int:
        """Of the film that arrived first: by it the row is known, whatever film is open."""
        return self.entries[0].number

    @property
    def name(self) -> str:
        """Of the film that arrived first."""
        return self.entries[0].name

    @cached_property
    def scored(self) -> tuple[Entry, ...]:
        """The films that are not lateral: those that scores are for, refused ones with them."""
        return tuple(entry for entry in self.entries if not entry.lateral)

    @cached_property
    def leader(self) -> Entry:
        """The film that opens with the row, by which the row is ranked: its highest."""
        return min(self.scored or self.entries, key=_film_key)

    def leader_of(self, finding: str) -> Entry:
        """Return the film that scores highest for one finding; one without a score comes last."""
        return min(
            self.scored or self.entries, key=lambda entry: (_rank(entry, finding), entry.number)
        )

    def rank_of(self, finding: str) -> tuple[int, float]:
        """Return what rows are sorted by within one finding."""
        return _rank(self.leader_of(finding), finding)

    @property
    def findings(self) -> tuple[str, ...]:
        """What its films are read for."""
        return tuple(self.leader.assessments)

    def band(self, finding: str = "") -> str:
        """Return one of `BANDS`: the highest of all findings, or that of one."""
        if not finding:
            return self._band
        entry = self.leader_of(finding)
        said = entry.assessments[finding].prediction if finding in entry.assessments else None
        if entry.lateral:
            return "lateral"
        return "waiting" if said is None else said.band or "refused"

    def bands(self, finding: str = "") -> set[str]:
        """Return the bands that a study is found under: `band`, and that of a refused film."""
        refused = {"refused"} if not finding and self._has_refused else set()
        return {self.band(finding)} | refused

    # What a list of a thousand rows asks of each of them several times as it is drawn.
    @cached_property
    def _band(self) -> str:
        return self.leader.band

    @cached_property
    def _has_refused(self) -> bool:
        return any(entry.band == "refused" for entry in self.entries)

    @property
    def waits(self) -> bool:
        """Whether none of its films is scored yet."""
        return self.leader.waits

    @property
    def opened(self) -> bool:
        """Whether the reader has opened one of its films."""
        return any(entry.opened for entry in self.entries)

    @property
    def joined(self) -> bool:
        """Whether the reader has joined its films."""
        return bool(self.entries[0].joined)

    @cached_property
    def when(self) -> tuple[date | None, time | None]:
        """Day and time of the study, as far as its files say."""
        told = [(who.study_date, who.study_time) for who in (e.identity for e in self.entries)]
        dated = [(day, at) for day, at in told if day]
        return min(dated, key=lambda one: (one[0], one[1] or time.max), default=(None, None))

    @property
    def patient(self) -> str | None:
        """Keyed hash of the patient; None where no file says whose it is."""
        return self.entries[0].identity.patient_key


@dataclass(frozen=True)
class Wanted:
    """Which rows of a list the reader wants to see.

    Attributes
    ----------
    bands : collection of str
        Some of `BANDS`; of the finding below, if one is named.
    finding : str
        Rows that are scored for it, or wait for it; "" for all.
    opened : bool or None
        Whether one of the row's films was opened; None for either.
    shown : int or None
        Number of the film that is open: its row counts as read and as unread, so that none goes
        away under its reader's eyes.
    """

    bands: Collection[str] = BANDS
    finding: str = ""
    opened: bool | None = None
    shown: int | None = None

    def __contains__(self, study: object) -> bool:
        if not isinstance(study, Study):
            return False
        band = study.band(self.finding)
        scored_for = not self.finding or band not in ("refused", "lateral")
        either = self.opened is None or any(e.number == self.shown for e in study.entries)
        found = not study.bands(self.finding).isdisjoint(self.bands)
        return scored_for and found and (either or study.opened == self.opened)


EVERYTHING = Wanted()


def studies(entries: Iterable[Entry]) -> list[Study]:
    """Group films by study.

    Films of one Study Instance UID are one study if they are of one patient too. Those that the
    reader has joined are one, and any other film is one by itself.

    Parameters
    ----------
    entries : iterable of Entry
        As they arrived.

    Returns
    -------
    list of Study
        In the order in which the first film of each arrived.
    """
    grouped: dict[Hashable, list[Entry]] = {}
    for entry in entries:
        grouped.setdefault(_study_of(entry), []).append(entry)
    return [Study(tuple(films)) for films in grouped.values()]


def same_study(entry: Entry, entries: Iterable[Entry]) -> list[Entry]:
    """Return the films of a film's study, as `studies` groups them."""
    wanted = _study_of(entry)
    return [other for other in entries if _study_of(other) == wanted]


def priors(study: Study, others: Iterable[Study]) -> list[Study]:
    """Return the earlier studies of a study's patient, the newest first.

    Two studies of one day are told apart by their times; where one has none, neither is earlier.
    """
    patient = study.patient
    if patient is None:
        return []
    earlier = [
        other
        for other in others
        if other.patient == patient and other is not study and _is_earlier(other, study)
    ]
    return sorted(earlier, key=lambda other: (_moment(other), -other.number), reverse=True)


def to_hang(study: Study, entry: Entry) -> Entry:
    """Return the film of a study to hang next to a film: of the same view, if there is one.

    Of several it is the highest, or, where the reader has yet to call one of them, the first.
    """
    same_kind = [e for e in study.entries if e.lateral == entry.lateral]
    candidates = [e for e in same_kind if e.view == entry.view] or same_kind
    shown = candidates or study.entries
    if any(e.hidden for e in shown):
        return shown[0]  # a rank would tell of the scores
    return min(shown, key=_film_key)


def ordered(rows: Iterable[Study], order: str = "score", finding: str = "") -> list[Study]:
    """Sort studies for the list.

    By score: those come first whose highest film lies in the highest band and, within it, farthest
    above its operating point; refused ones, which have no score, come together after these, and
    those that wait behind them. By date the newest come first, and those without a date last.

    Parameters
    ----------
    rows : iterable of Study
        As they arrived.
    order : str
        One of `ORDERS`.
    finding : str, optional
        What the order by score goes by (default: of each row the finding in which it is highest).

    Raises
    ------
    ValueError
        If there is no such order.
    """
    if order not in ORDERS:
        raise ValueError(f"Expected one of {', '.join(ORDERS)}. Received: {order!r}")
    arrived = sorted(rows, key=lambda row: row.number)
    if order == "date":
        newest = sorted(arrived, key=_moment, reverse=True)
        return sorted(newest, key=lambda row: row.when[0] is None)
    if order == "name":
        return sorted(arrived, key=lambda row: _natural(row.name))
    if order == "score" and finding:
        return sorted(arrived, key=lambda row: row.rank_of(finding))
    return sorted(arrived, key=lambda row: _film_key(row.leader)) if order == "score" else arrived


def _study_of(entry: Entry) -> Hashable:
    if entry.joined:
        return "joined", entry.joined
    who = entry.identity
    if who.study_key:
        return "study", who.patient_key, who.study_key
    return "film", entry.number


def _film_key(entry: Entry) -> tuple[bool, tuple[int, float], int]:
    return entry.waits, entry.rank, entry.number


def _rank(entry: Entry, finding: str) -> tuple[int, float]:
    assessment = entry.assessments.get(finding)
    said = assessment.prediction if assessment else None
    return rank(said) if said else (len(BANDS), 0.0)


def _moment(study: Study) -> tuple[date, time]:
    day, at = study.when
    return day or date.min, at or time.min


def _is_earlier(one: Study, other: Study) -> bool:
    (day, at), (other_day, other_at) = one.when, other.when
    if day is None or other_day is None:
        return False
    if day == other_day:
        return at is not None and other_at is not None and at < other_at
    return day < other_day


def _natural(name: str) -> list[tuple[int, str]]:
    """Bring a name to what people sort by: film 2 comes before film 10."""
    parts = re.split(r"([0-9]+)", name.casefold())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]
