"""A reading session: the list, what scores it in the background, the log of readings."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol

from ..errors import fault
from ..films.radiograph import Radiograph, RadiographError
from ..monitoring import LateReadings, Reading, RegionEntry
from ..networks.runtime import give_back_memory
from ..scoring.predict import Prediction
from ..scoring.reader import Agreement, Call, Reason
from ..scoring.region import Region
from .entry import Assessment, Entry
from .lane import Lane
from .making import Makings
from .maps import Maps
from .outlines import Outlines
from .scorer import Scorer
from .studies import Study, to_hang
from .trail import Trail
from .worklist import Worklist

__all__ = ["HeldReady", "ReadingSession"]

logger = logging.getLogger(__name__)

#: Bytes that the films take at most which are held ready before their reader asks for them; the
#: one that one key shows is held whatever its size.
READY = 64_000_000


class HeldReady(Protocol):
    """A film as the page shows it, which takes less memory than its pixels."""

    @property
    def size(self) -> int:
        """Bytes."""


class _Word(NamedTuple):
    """What a reader said of a film's score, and how it was before."""

    entry: Entry
    finding: str
    assessment: Assessment
    before: Assessment
    reading: Reading | None


class ReadingSession:
    """The worklist of a browser tab and what belongs to it, kept in memory.

    Parameters
    ----------
    worklist : Worklist
        The films.
    log : LateReadings or None
        Of readings.
    is_open : callable
        False if the reader's tab is closed.
    ready : callable
        Makes of an earlier film what `held` returns, in the background.
    reader : str, optional
        The reader's pseudonym; None without sign-in.
    trail_required : bool, default: False
        Whether films are shown and exported only once the audit trail holds that they are.
    """

    def __init__(
        self,
        worklist: Worklist,
        log: LateReadings | None,
        is_open: Callable[[], bool],
        ready: Callable[[Radiograph], HeldReady],
        reader: str | None = None,
        *,
        trail_required: bool = False,
    ) -> None:
        self.worklist = worklist
        self.scorer = Scorer(worklist, wanted=is_open, scored=self._note_score)
        self.maps = Maps(worklist, self.film, is_open)
        self.outlines = Outlines(wanted=is_open)
        self.picked = False
        """Whether the reader has chosen a film; until then the first of the list is open."""
        self.order = "score"
        self.beside: int | None = None
        """Number of the film that the reader compares the open one with."""
        self.priors_chosen = 0
        """How often the reader has chosen a prior: each time it is to be seen at once."""
        self.drawn: tuple[object, ...] = ()
        self.makings = Makings(self._version, is_open)
        """Files of many films that are being made for the reader, or were."""
        self.trail = Trail(log, reader, required=trail_required)
        self.log_error = ""
        """Why there is no log, for people."""
        self._shown: set[int] = set()
        self._unread: set[int] = set()
        """Numbers of films that are shown once they are read, and are not in the trail yet."""
        self._readings: dict[tuple[int, str], Reading] = {}
        self._words: list[_Word] = []
        self._films: dict[int, Radiograph] = {}
        self._lock = threading.Lock()
        self._ready = ready
        self._is_open = is_open
        self._held: dict[int, HeldReady] = {}
        self._ahead = Lane()
        self._unreadable: set[int] = set()
        self._redrawn: set[int] = set()
        """Numbers of turned films whose regions are not in the log yet under the hash of now."""
        self._prior: dict[int, int] = {}
        """Of a study's number, that of the earlier one that the reader chose to see with it."""

    @property
    def log(self) -> LateReadings | None:
        """Of readings."""
        return self.trail.log

    @property
    def reader(self) -> str | None:
        """The reader's pseudonym; None without sign-in."""
        return self.trail.reader

    def close(self) -> None:
        """Stop all work and let the films go: the list was cleared, or its tab was closed."""
        self.scorer.close()
        self.maps.explainer.stop()
        self.makings.close()
        self.worklist.close()
        with self._lock:
            self._films = {}
            self._held = {}
        give_back_memory()

    def choose(self, number: int) -> None:
        """Open a film that the reader asked for."""
        self.picked = True
        self.worklist.chosen = number

    def choose_none(self) -> None:
        """Show the first film of the list again, as before the reader chose one."""
        self.picked = False
        self.worklist.chosen = self.beside = None

    def opened(self) -> Entry | None:
        """Return the film to show, if any; nothing jumps while the reader reads."""
        # Asked first: if the last score comes while the film is chosen, the page is drawn again.
        pending = self.scorer.pending
        if not self.picked and not self.scorer.busy:
            self.worklist.chosen = None
        entry = self.worklist.open(order=self.order)
        other = self.compared(entry) if entry else None
        for shown in (entry, other):
            self._look_for_lungs(shown)
        self.drawn = self._seen(pending)
        self.maps.prepare(entry, other)
        sent_along = filter(self.at_hand, self.ahead(entry)) if entry else ()
        self._note_shown(entry, other, *sent_along)
        return entry

    def _note_shown(self, *films: Entry | None) -> None:
        """Log what is shown now and was not before: who opened which film.

        What has yet to be read has no hash: it is logged by `film`, with which the page reads it.
        """
        shown = {film.number: film for film in films if film}
        new = {n: film.sha256 for n, film in shown.items() if n not in self._shown}
        with self._lock:
            self._unread &= set(shown)
            self._unread |= {number for number, sha256 in new.items() if not sha256}
        self._shown = set(shown)
        self.trail.opened(*filter(None, new.values()))

    def note_export(self, form: str, films: Iterable[Entry]) -> None:
        """Log that a file of films is handed to the reader.

        Parameters
        ----------
        form : str
            What the file is.
        films : iterable of Entry
            Those that it tells of.

        Raises
        ------
        TrailError
            See `Trail.exported`.
        """
        self.trail.exported(form, (film.sha256 for film in films))

    def earlier(self, entry: Entry) -> list[Study]:
        """Return the earlier studies of a film's patient that can be shown, the newest first."""
        studies = self.worklist.priors(entry)
        return [study for study in studies if self._readable(to_hang(study, entry))]

    def prior(self, entry: Entry) -> Entry | None:
        """Return the earlier film that hangs next to a film: the one chosen, else the newest."""
        earlier = self.earlier(entry)
        if not earlier:
            return None
        chosen = self._prior.get(self.worklist.study(entry).number)
        study = next((study for study in earlier if study.number == chosen), earlier[0])
        return to_hang(study, entry)

    def choose_prior(self, entry: Entry, study: Study) -> None:
        """Hang a film of an earlier study next to a film, from now on."""
        self.picked = True
        self.beside = self.maps.beside = None
        self._prior[self.worklist.study(entry).number] = study.number
        self.priors_chosen += 1

    def at_hand(self, entry: Entry) -> bool:
        """Whether an earlier film is held ready, so that to show it takes no time."""
        return entry.number in self._held

    def held(self, entry: Entry) -> HeldReady | None:
        """Return an earlier film as it is held ready, to be shown; None if it is not."""
        held = self._held.get(entry.number)
        # It may have come since the page began to be drawn.
        if held is not None and entry.number not in self._shown:
            self._shown.add(entry.number)
            self.trail.opened(entry.sha256)
        return held

    def ahead(self, entry: Entry) -> list[Entry]:
        """Return the earlier films that are held ready, or will be, while a film is open.

        First the one that hangs next to it, then the newest, as many as fit into `READY`.
        """
        prior = self._hung(entry)
        if prior is None:
            return []
        others = (to_hang(study, entry) for study in self.earlier(entry))
        chosen, left = [prior], READY - _bytes_of(prior)
        for other in others:
            size = _bytes_of(other)
            if other is not prior and 0 < size <= left:
                chosen.append(other)
                left -= size
        return chosen

    def read_ahead(self) -> None:
        """Read the earlier films of the open one in the background, and look for their lungs."""
        self._read_behind(self._to_read())

    def _read_behind(self, prior: Entry | None) -> None:
        if prior:
            self._ahead.put(prior.number, lambda: self._read_prior(prior))

    def _to_read(self) -> Entry | None:
        """Return an earlier film of the open one that is not ready to be shown."""
        return self._missing() or next(filter(self._lacks_lungs, self._all_ahead), None)

    def _missing(self) -> Entry | None:
        return next((prior for prior in self._all_ahead if not self.at_hand(prior)), None)

    @property
    def _all_ahead(self) -> list[Entry]:
        entry = self._open
        return self.ahead(entry) if entry else []

    def _lacks_lungs(self, prior: Entry) -> bool:
        # Its score comes before its lungs, as that of the open film.
        outlined = prior.waits or self.outlines.of(prior.sha256) is None
        return not (outlined or self.outlines.known(prior.sha256))

    def _read_prior(self, prior: Entry) -> None:
        if prior not in self._all_ahead:
            return
        try:
            film = prior.film()
            ready = self.held(prior) or self._ready(film)
        except RadiographError:
            self._unreadable.add(prior.number)
            return
        except Exception as error:  # a thread that dies in silence would leave the page waiting
            logger.error("An earlier film was not read: %s", fault(error))
            self._unreadable.add(prior.number)
            return
        if not self.at_hand(prior):
            with self._lock:
                ahead = self._all_ahead
                # The list may have been closed meanwhile, or the film turned.
                if prior in ahead and prior.sha256 == film.sha256:
                    self._hold(prior, ready, ahead)
        if not prior.waits:
            self.outlines.ask(film)
        self._read_behind(self._missing())

    def _hold(self, film: Entry, ready: HeldReady, needed: Sequence[Entry]) -> None:
        """Hold a film ready; those that were held longest go, but none that is needed."""
        self._held[film.number] = ready
        numbers = {entry.number for entry in needed}
        for other in [number for number in self._held if number not in numbers]:
            if sum(held.size for held in self._held.values()) <= READY:
                break
            del self._held[other]

    @property
    def _open(self) -> Entry | None:
        chosen = self.worklist.chosen
        return next((e for e in self.worklist.entries if e.number == chosen), None)

    def _hung(self, entry: Entry) -> Entry | None:
        """Return the prior that the page shows, or holds ready: none next to another comparison."""
        return None if self.compared(entry) else self.prior(entry)

    def _readable(self, entry: Entry) -> bool:
        return bool(entry.source) and entry.number not in self._unreadable

    def show(self, entry: Entry, finding: str) -> None:
        """Show a finding's score and heatmap of a film."""
        self.picked = True
        entry.chosen = finding

    def compared(self, entry: Entry) -> Entry | None:
        """Return the film to compare with, if there is one with a picture."""
        other = next((e for e in self.worklist.entries if e.number == self.beside), None)
        return other if other is not entry and other and other.thumbnail else None

    def film(self, entry: Entry) -> Radiograph:
        """Read a film's pixels; the last two are kept, since every click draws the page anew."""
        radiograph = self._films.get(entry.number) or entry.film()
        with self._lock:
            others = [(n, film) for n, film in self._films.items() if n != entry.number]
            self._films = {**dict(others[-1:]), entry.number: radiograph}
            was_unread = entry.number in self._unread
            self._unread.discard(entry.number)
        if was_unread:
            self.trail.opened(radiograph.sha256)
        return radiograph

    def _look_for_lungs(self, entry: Entry | None) -> None:
        """Have the lungs of a film looked for once it is scored: its score comes first."""
        if entry and entry.sha256 and not entry.waits:
            self.outlines.ask(self.film(entry))

    @property
    def working(self) -> bool:
        """Whether something is under way that will change what `seen` tells."""
        if self.scorer.pending or self.outlines.busy or self._ahead.busy:
            return True
        return self._to_read() is not None

    @property
    def may_change(self) -> str:
        """Hash of the open film where another one may open by itself; "" where none may."""
        entry = self._open
        # Also while nothing is scored: the reader may drop more films.
        return entry.sha256 if entry and not self.picked else ""

    @property
    def awaits_score(self) -> bool:
        """Whether the film that is open is being scored, or waits for its turn."""
        entry = self._open
        return entry is not None and entry.waits and self.scorer.pending

    @property
    def awaits_prior(self) -> bool:
        """Whether the prior of the open film is being read, or will be."""
        entry = self._open
        prior = self._hung(entry) if entry else None
        return prior is not None and not self.at_hand(prior)

    def seen(self) -> tuple[object, ...]:
        """What the page next to the list depends on: it is redrawn when this has changed."""
        return self._seen(self.scorer.pending)

    def _seen(self, pending: bool) -> tuple[object, ...]:
        entry = self._open
        prior = self._hung(entry) if entry else None
        films = [film for film in (entry, prior) if film]
        said = [id(a.prediction) for film in films for a in film.assessments.values()]
        outlined = [self.outlines.known(film.sha256) for film in films]
        at_hand = prior and (prior.number, self.at_hand(prior))
        # The others are told to the browser once, when all are there.
        ready = all(self.at_hand(other) for other in self._all_ahead)
        return self.worklist.chosen, *said, pending, *outlined, at_hand, ready

    def call(self, entry: Entry, call: Call | str, finding: str = "") -> None:
        """Record the reader's call of a film: of the finding that is shown, if none is named."""
        self.picked = True
        finding = finding or entry.finding
        blind = self.worklist.hidden(entry) and not entry.assessments[finding].seen
        if not blind:
            self._remember(entry, finding)
        self.worklist.call(entry, call, finding)
        self._note(entry, finding, lambda log, reading: log.called(reading, call, blind=blind))

    def judge(
        self, entry: Entry, judgement: Agreement | str, reason: Reason | str | None = None
    ) -> None:
        """Record what the reader says of the score that is shown."""
        self.picked = True
        self._remember(entry, entry.finding)
        self.worklist.judge(entry, judgement, reason)
        self._note(
            entry, entry.finding, lambda log, reading: log.judged(reading, judgement, entry.reason)
        )

    @property
    def can_undo(self) -> bool:
        """Whether there is a word of the reader to take back."""
        return bool(self._undoable())

    def undo(self) -> Entry | None:
        """Take the reader's last word on a score back, and log that; a blind call stays.

        Returns
        -------
        Entry or None
            The film, which is open then; None if there was nothing to take back.
        """
        words = self._undoable()
        if not words:
            return None
        entry, finding, assessment, before, reading = words.pop()
        for name in ("call", "blind", "judgement", "reason"):
            setattr(assessment, name, getattr(before, name))
        self.choose(entry.number)
        entry.chosen = finding
        if reading and self.log is not None:
            self._readings[entry.number, finding] = reading
            said = before.judgement is not None or (before.call is not None and not before.blind)
            self.log.undone(reading, said=said)
        return entry

    def _remember(self, entry: Entry, finding: str) -> None:
        assessment = entry.assessments[finding]
        reading = self._readings.get((entry.number, finding))
        self._words.append(_Word(entry, finding, assessment, replace(assessment), reading))

    def _undoable(self) -> list[_Word]:
        """Return the words on scores that are still there: other models say something else."""
        words = self._words
        words[:] = [w for w in words if w.entry.assessments.get(w.finding) is w.assessment]
        return words

    def _version(self, entry: Entry) -> Hashable:
        """Return all that a file of many films says of one, to tell whether it has changed."""
        return entry.version, *(self.maps.to_export(entry, f) for f in entry.assessments)

    def next_film(self, rows: Sequence[Study], wanted: Callable[[Study], bool]) -> Entry | None:
        """Return the film that opens with the next row of a kind, after the one that is open.

        Parameters
        ----------
        rows : sequence of Study
            Those of the list, in the order that the reader sees; after the last comes the first.
        wanted : callable
            Tells of a row whether it is of that kind.
        """
        entry = self._open
        at = next((i for i, row in enumerate(rows) if entry in row.entries), -1)
        following = [*rows[at + 1 :], *rows[: max(at, 0)]]
        row = next(filter(wanted, following), None)
        return self.worklist.first_of(row) if row else None

    def mark(self, entry: Entry, regions: Sequence[Region]) -> None:
        """Keep what the reader drew on a film, in place of what was drawn before, and log it.

        What is new says which heatmap was shown with it.

        Raises
        ------
        ValueError
            See `Worklist.mark`.
        """
        self.picked = True
        shown = self.maps.shown(entry)
        if shown:
            weights = self.worklist.model(entry.finding).card.weights.sha256
            regions = [
                replace(region, model_sha256=weights, method=shown.method)
                if region.finding == entry.finding
                else region
                for region in regions
            ]
        added, removed = self.worklist.mark(entry, regions)
        if self.log is None:
            return
        for write, changed in ((self.log.removed, removed), (self.log.drawn, added)):
            write(*self._logged(entry, changed))

    def _logged(self, entry: Entry, regions: Iterable[Region]) -> list[RegionEntry]:
        return [
            RegionEntry(
                list_id=self.trail.list_id,
                film_sha256=entry.sha256,
                region=region,
                reader=self.reader,
            )
            for region in regions
        ]

    def turn(self, entry: Entry) -> None:
        """Change black and white of a film over, or back, and score it anew."""
        self.choose(entry.number)
        with self._lock:
            self._films.pop(entry.number, None)
            self._held.pop(entry.number, None)
        was_turned = entry.turned
        self.worklist.turn(entry)
        if entry.turned != was_turned:
            self._shown.discard(entry.number)  # what is sent now has another hash
        if entry.regions and entry.waits:
            self._redrawn.add(entry.number)
        self.scorer.start()

    def _note_score(self, entry: Entry) -> None:
        """Log what each model says of a film, unless it was what it said before."""
        if self.log is None or not self.log.enabled:
            return
        if entry.number in self._redrawn and entry.sha256:
            self._redrawn.discard(entry.number)
            self.log.drawn(*self._logged(entry, entry.regions))
        for finding, assessment in entry.assessments.items():
            prediction = assessment.prediction
            if prediction is None or self._is_logged(entry, finding, prediction):
                continue
            self._readings[entry.number, finding] = reading = Reading.of(
                prediction,
                finding=finding,
                list_id=self.trail.list_id,
                film_sha256=entry.sha256,
                statistics=entry.statistics,
                reader=self.reader,
            )
            self.log.scored(reading)

    def _is_logged(self, entry: Entry, finding: str, prediction: Prediction) -> bool:
        last = self._readings.get((entry.number, finding))
        return last is not None and (last.model_sha256, last.refusal_overridden) == (
            prediction.model_sha256,
            prediction.overridden,
        )

    def _note(
        self, entry: Entry, finding: str, write: Callable[[LateReadings, Reading], Reading]
    ) -> None:
        reading = self._readings.get((entry.number, finding))
        prediction = entry.assessments[finding].prediction
        if self.log is None or reading is None or prediction is None:
            return
        # The operating point may have been changed since the film was scored.
        reading = replace(
            reading,
            operating_point=prediction.operating_point,
            threshold=prediction.threshold,
        )
        self._readings[entry.number, finding] = write(self.log, reading)


def _bytes_of(film: Entry) -> int:
    """Return what a film takes that is held ready, at most; 0 before it was read."""
    height, width = film.size
    return 2 * height * width
