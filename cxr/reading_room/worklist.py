"""The worklist of one reader: films as they arrived, scored, ranked, read and called.

It is kept in memory alone: of each film the bytes as they came, a thumbnail and the prediction; the
pixels are read again when a film is opened, so that hundreds fit. Films may be added
and read while others are scored in another thread (`cxr.reading_room.service`).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path, PurePosixPath

from ..errors import fault
from ..films.archive import is_zip, unpack
from ..films.archive_names import NAMELESS, told_apart
from ..films.identity import NOBODY, Identity
from ..films.kinds import HEAD, Kind, LeftOut, choose, kind_of
from ..films.radiograph import RadiographError
from ..model import Model
from ..scoring.automatic import unread
from ..scoring.operating_points import OperatingPoint, band
from ..scoring.predict import Prediction
from ..scoring.reader import Agreement, Call, Reason
from ..scoring.refusal import Refusal
from ..scoring.region import MOST_REGIONS, Region
from ..stats.wording import count as counted
from .batch import BATCH, Portion, Scored, score_together
from .budget import Share
from .entry import BANDS, Assessment, Entry
from .studies import EVERYTHING, ORDERS, Study, Wanted, priors, same_study, studies
from .studies import ordered as sorted_rows

__all__ = ["BANDS", "ORDERS", "Entry", "Worklist"]

logger = logging.getLogger(__name__)

UNTAKEN = "The file could not be taken: the program failed on it. The other files are in the list."


class Worklist:
    """The films of one reader, in their order of arrival.

    Parameters
    ----------
    models : Model or sequence of Model
        The models that score them, one per finding.
    operating_point : str, optional
        Name of an operating point that each of them has (default: each card's default).

    Attributes
    ----------
    models : tuple of Model
    operating_point : str or None
        Name of the operating point that was asked for; None for each card's default.
    entries : list of Entry
    chosen : int or None
        Number of the film that is open.
    left_out : LeftOut
        The files of the last upload that are no films.
    """

    #: What its films are.
    entry_type: type[Entry] = Entry

    def __init__(self, models: Model | Sequence[Model], operating_point: str | None = None) -> None:
        self.models = _several(models)
        self._points = _points(self.models, operating_point)
        self.operating_point = operating_point
        self.entries: list[Entry] = []
        self.chosen: int | None = None
        self.left_out = LeftOut()
        self._blind = False
        self._share = Share()
        self._before = 0  # films that were in the list before the last upload
        self._lock = threading.Lock()
        self._turn = 0  # counts changes of the models: what was scored before one is out of date

    @property
    def blind(self) -> bool:
        """Whether score and heatmap of a film stay hidden until the reader has called it."""
        return self._blind

    @blind.setter
    def blind(self, blind: bool) -> None:
        begins = blind and not self._blind
        self._blind = blind
        for entry in self.entries:
            entry.call_first = blind
            for assessment in entry.assessments.values():
                assessment.seen |= begins and assessment.scored

    @property
    def findings(self) -> tuple[str, ...]:
        """What films are scored for."""
        return tuple(self._points)

    def model(self, finding: str) -> Model:
        """Return the model of a finding; the first one where there is none."""
        known = {model.card.finding: model for model in self.models}
        return known.get(finding, self.models[0])

    def point(self, finding: str) -> OperatingPoint:
        """Return the operating point that the scores of a finding are compared with."""
        return self._points[self.model(finding).card.finding]

    def __len__(self) -> int:
        return len(self.entries)

    def begin_upload(self) -> None:
        """Start a new account: what is added from now on is one upload."""
        self._before = len(self.entries)
        self.left_out = LeftOut()

    @property
    def account(self) -> str:
        """What came of the last upload, in one line: scored, lateral, refused, waiting, others."""
        bands = [entry.band for entry in self.entries[self._before :]]
        if not bands and not self.left_out.total:
            return ""
        waiting, refused, lateral = map(bands.count, ("waiting", "refused", "lateral"))
        told = [f"{counted(len(bands) - waiting - refused - lateral)} scored"]
        told += [f"{lateral:,} lateral"] if lateral else []
        told += [f"{refused:,} refused"]
        told += [f"{waiting:,} waiting"] if waiting else []
        others = str(self.left_out) or "No file left out."
        return f"{', '.join(told)}. {others}"

    def add(self, name: str, source: bytes | Path) -> None:
        """Add a film, or all films of a zip, at the end of the list.

        A film of a zip whose name is in the list already has the zip's name before its own: every
        disc has an IM000001. Whatever goes wrong with a file is told in a row of its own.
        """
        try:
            self._add(name, source)
        except RadiographError as error:
            self._append(name, error)
        except Exception as error:  # the files after this one are taken all the same
            logger.error("A file was not taken: %s", fault(error))
            self._append(name, RadiographError(UNTAKEN, code="error"))

    def _add(self, name: str, source: bytes | Path) -> None:
        if not (isinstance(source, bytes) and is_zip(source)):
            self._append(name, source)
            return
        taken = {entry.name for entry in self.entries}
        for inner, content in unpack(source, self.left_out):
            self._append(f"{name}/{inner}" if inner in taken else inner, content)

    def refuse(self, name: str, error: RadiographError) -> None:
        """Add a row for a film that is not here, with why."""
        self._append(name, error)

    def add_folder(self, files: Sequence[tuple[str, bytes]]) -> None:
        """Add the films of a folder or a disc, and those of its zips; count its other files.

        Parameters
        ----------
        files : sequence of (str, bytes)
            Path from the folder on, its name included, and content.
        """
        try:
            chosen = self._films_of(files)
        except Exception as error:  # each has its row then, film or not
            logger.error("A folder was not looked through: %s", fault(error))
            chosen = list(files)
        for name, content in chosen:
            self.add(name, content)

    def _films_of(self, files: Sequence[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
        paths = [PurePosixPath(path) for path, _ in files]
        kinds = [kind_of(content[:HEAD]) for _, content in files]
        chosen, others = choose(list(zip(paths, kinds, strict=True)), zips=True)
        names = told_apart([paths[place] for place in chosen])
        if files and not chosen:
            folder = "".join(paths[0].parts[:1])
            self._append(folder, RadiographError(f"The folder holds no films. {others}"))
        self.left_out.add(others)
        return [(name, files[place][1]) for place, name in zip(chosen, names, strict=True)]

    def _append(self, name: str, source: bytes | Path | RadiographError) -> None:
        entry = self.entry_type(len(self.entries) + 1, self._free(name), b"")
        entry.call_first = self.blind
        entry.assessments = {
            model.card.finding: Assessment(ages=model.card.ages) for model in self.models
        }
        try:
            if isinstance(source, RadiographError):
                raise source
            if isinstance(source, bytes):
                self._share.take(len(source))
            entry.source = source
            entry.identity = _identity(source)
        except RadiographError as error:
            _put(entry, self._unread(error))
        self.entries.append(entry)

    def close(self) -> None:
        """Let the films go: the list is empty then, and what is still said of them is dropped."""
        with self._lock:
            for entry in self.entries:
                entry.source = b""  # whoever still knows the film has nothing to hold on to
            self.entries, self.chosen = [], None
            self._turn += 1
        self._share.close()

    def _free(self, name: str) -> str:
        """Number a name that is in the list already, so that list and exports tell films apart."""
        name = name.strip() or NAMELESS
        taken = {entry.name for entry in self.entries}
        numbered = (f"{name} ({times})" for times in count(2))
        return name if name not in taken else next(n for n in numbered if n not in taken)

    def _unread(self, error: RadiographError) -> dict[str, Prediction]:
        return unread(self.models, Refusal(error.code, error.reason), self.operating_point)

    @property
    def waiting(self) -> list[Entry]:
        """Films that are not scored yet."""
        return [entry for entry in self.entries if entry.waits]

    def portion(self, *, without: Collection[Entry] = (), most: int = BATCH) -> Portion | None:
        """Return the films to score next: the open one alone, since its reader waits for it.

        Parameters
        ----------
        without : collection of Entry, optional
            Films that are left out, as they could not be scored.
        most : int, default: 4
            Films.
        """
        with self._lock:
            waiting = [entry for entry in self.waiting if entry not in without]
            is_open = [entry for entry in waiting if entry.number == self.chosen]
            if not waiting:
                return None
            return Portion(
                entries=tuple(is_open or waiting[:most]),
                models=self.models,
                operating_point=self.operating_point,
                urgent=bool(is_open),
                keep=partial(self._keep, self._turn),
            )

    def score(self) -> Iterator[int]:
        """Score the waiting films a few at a time; yields how many are done after each step.

        Can be abandoned at any point: what is done is kept, the rest keeps waiting.
        """
        while portion := self.portion():
            score_together([portion])
            yield len(self.entries) - len(self.waiting)

    def _keep(self, turn: int, scored: Scored) -> list[Entry]:
        """Keep what was said of films, unless the models were others when it was asked for."""
        with self._lock:
            if turn != self._turn:
                return []
            for entry, predictions in scored:
                if not entry.sha256:
                    self._drop(entry)
                _put(entry, predictions)
        return [entry for entry, _ in scored]

    def _drop(self, entry: Entry) -> None:
        """Let the bytes of a file go that cannot be read."""
        if isinstance(entry.source, bytes):
            self._share.give_back(len(entry.source))
            entry.source = b""

    def rescore(self, models: Model | Sequence[Model], operating_point: str | None = None) -> None:
        """Change the models or the operating point.

        With other models every readable film waits again, and what the reader said of the old
        scores is dropped; with another operating point alone the scores are kept. The reader's
        call of a film is kept where its finding is still scored.

        Raises
        ------
        ValueError
            If a model has no operating point of that name; nothing is changed then.
        """
        models = _several(models)
        points = _points(models, operating_point)
        with self._lock:
            same = [model.name for model in models] == [model.name for model in self.models]
            self.models, self._points, self.operating_point = models, points, operating_point
            self._turn += 1
            for entry in self.entries:
                old = entry.assessments
                refusal = next((a.prediction.refusal for a in old.values() if a.prediction), None)
                assessments = {}
                for model in models:
                    finding = model.card.finding
                    was = old.get(finding) or Assessment()
                    now = Assessment(
                        overridden=was.overridden, call=was.call, blind=was.blind, seen=was.seen
                    )
                    now.ages = model.card.ages
                    if was.prediction and same:
                        now.prediction = _at(was.prediction, points[finding], model)
                    elif not entry.source and refusal:
                        now.prediction = unread([model], refusal, operating_point)[finding]
                    assessments[finding] = now
                entry.assessments = assessments

    def override(self, entry: Entry) -> None:
        """Score a refused film for the finding that is shown; what cannot be read stays refused."""
        if entry.source and entry.prediction and entry.prediction.refusal:
            entry.assessment.overridden = True
            entry.chosen = entry.finding
            self.score_again(entry)

    def score_again(self, entry: Entry) -> None:
        """Have a film wait to be scored anew."""
        for assessment in entry.assessments.values():
            assessment.prediction = None

    def turn(self, entry: Entry) -> None:
        """Change black and white of a film over, or back, and score it anew.

        What was said of the film as it was is dropped; what was drawn on it stays.
        """
        if not entry.thumbnail or entry.prediction is None:
            return  # not read
        with self._lock:
            entry.turn()

    def hidden(self, entry: Entry) -> bool:
        """Whether a film's scores and heatmaps must not be shown yet: see `Entry.hidden`."""
        return entry.hidden

    def call(self, entry: Entry, call: Call | str | None, finding: str = "") -> None:
        """Record the reader's call of a finding, and whether the score was hidden until then.

        Parameters
        ----------
        entry : Entry
            The film.
        call : Call or str, or None
            What the reader says, or its value.
        finding : str, optional
            Of what (default: the finding that is shown).
        """
        assessment = entry.assessments.get(finding) or entry.assessment
        if assessment.blind:
            return  # a call made blind is not changed by what was seen after it
        said = Call(call) if call else None
        assessment.blind, assessment.call = self.hidden(entry) and not assessment.seen, said
        assessment.judgement = assessment.reason = None

    def judge(
        self,
        entry: Entry,
        judgement: Agreement | str | None,
        reason: Reason | str | None = None,
    ) -> None:
        """Record what the reader says of the score that is shown.

        Unless the film was called blind, the call follows from it.

        Raises
        ------
        ValueError
            If the film has no score, or there is no such judgement or reason.
        """
        assessment = entry.assessment
        if entry.prediction is None or entry.prediction.score is None:
            raise ValueError("A film without a score cannot be judged.")
        judgement = Agreement(judgement) if judgement else None
        reason = Reason(reason) if reason and judgement is Agreement.OVERRIDE else None
        assessment.judgement, assessment.reason = judgement, reason
        if assessment.blind:
            return
        if judgement is None:
            assessment.call = None
            return
        positive = entry.prediction.score >= entry.prediction.threshold
        seen = positive == (judgement is Agreement.AGREE)
        assessment.call = Call.FINDING if seen else Call.NO_FINDING

    def mark(self, entry: Entry, regions: Sequence[Region]) -> tuple[list[Region], list[Region]]:
        """Keep what the reader drew on a film, in place of what was drawn before.

        Parameters
        ----------
        entry : Entry
            A film whose pixels were read.
        regions : sequence of Region
            All that are on it now. One that was there before may name another model or method; it
            stays as it was.

        Returns
        -------
        added, removed : list of Region

        Raises
        ------
        ValueError
            If there are more than `MOST_REGIONS`, one is of a finding that films are not scored
            for, or the film was not read; nothing is changed then.
        """
        if not entry.sha256:
            raise ValueError("Expected a film that was read.")
        if len(regions) > MOST_REGIONS:
            raise ValueError(f"Expected at most {MOST_REGIONS} regions.")
        known = {_drawn(region): region for region in entry.regions}
        new = [region for region in regions if _drawn(region) not in known]
        if any(region.finding not in self.findings for region in new):
            raise ValueError("Expected regions of a finding that films are scored for.")
        kept = tuple(known.get(_drawn(region), region) for region in regions)
        before, entry.regions = entry.regions, kept
        return [r for r in kept if r not in before], [r for r in before if r not in kept]

    def ordered(self, order: str = "score", bands: Collection[str] = BANDS) -> list[Entry]:
        """Return the films of some bands, each by itself, as `cxr.reading_room.studies.ordered`.

        Raises
        ------
        ValueError
            If the order is not one of `ORDERS`.
        """
        single = [Study((entry,)) for entry in self.entries if entry.band in bands]
        return [row.leader for row in sorted_rows(single, self._told(order))]

    def rows(self, order: str = "score", wanted: Wanted = EVERYTHING) -> list[Study]:
        """Return the rows of the list, one per study, sorted as films are by `ordered`.

        Raises
        ------
        ValueError
            If the order is not one of `ORDERS`.
        """
        shown = [row for row in studies(self.entries) if row in wanted]
        return sorted_rows(shown, self._told(order), wanted.finding)

    def first_of(self, study: Study) -> Entry:
        """Return the film that opens with a row: its highest, or in a blind list the first."""
        return (study.scored or study.entries)[0] if self.blind else study.leader

    def _told(self, order: str) -> str:
        """Return the order that may be shown: a rank would give the scores of a blind list away."""
        return "arrival" if order == "score" and self.blind else order

    def study(self, entry: Entry) -> Study:
        """Return the study that a film of the list belongs to."""
        films = same_study(entry, self.entries)
        return Study(tuple(films)) if entry in films else Study((entry,))

    def priors(self, entry: Entry) -> list[Study]:
        """Return the earlier studies of a film's patient, the newest first."""
        if entry.identity.patient_key is None and not entry.joined:
            return []  # of whom the list cannot know another film
        rows = studies(self.entries)
        study = next((row for row in rows if entry in row.entries), None)
        return priors(study, rows) if study else []

    def join(self, numbers: Collection[int]) -> None:
        """Make films one study whose files name none; what they were joined with before comes too.

        Raises
        ------
        ValueError
            If there are fewer than two, or if a file says which study its film is of.
        """
        films = [entry for entry in self.entries if entry.number in numbers]
        if len(films) < 2 or any(entry.identity.study_key for entry in films):
            raise ValueError("Expected two films or more whose files name no study.")
        before = {entry.joined for entry in films} - {0}
        films = [entry for entry in self.entries if entry in films or entry.joined in before]
        for entry in films:
            entry.joined = films[0].number

    def part(self, entry: Entry) -> None:
        """Make the films that a film was joined with, and it too, rows of their own again."""
        number = entry.joined
        for other in self.entries:
            if other.joined == number:
                other.joined = 0

    def open(self, number: int | None = None, order: str = "score") -> Entry | None:
        """Open a film by number; if none is given or it is gone, that of the first row.

        It need not be scored yet: it can be looked at as soon as it is there.
        """
        wanted = number if number is not None else self.chosen
        entry = next((e for e in self.entries if e.number == wanted), None)
        entry = entry or next(map(self.first_of, self.rows(order)), None)
        if entry:
            self.chosen = entry.number
            entry.opened = True
        return entry

    def twins(self, entry: Entry) -> list[Entry]:
        """Other films of the list with the same pixels."""
        return [
            other
            for other in self.entries
            if other is not entry and other.sha256 and other.sha256 == entry.sha256
        ]


def _drawn(region: Region) -> Region:
    """Return what the reader drew, without which heatmap was shown."""
    return replace(region, model_sha256=None, method=None)


def _identity(source: bytes | Path) -> Identity:
    """Read whose film it is before the film itself is, so that no row changes its place later."""
    if isinstance(source, Path):
        try:
            with source.open("rb") as file:
                head = file.read(HEAD)
        except (OSError, ValueError):  # told where the film is read
            return NOBODY
    else:
        head = source[:HEAD]
    if kind_of(head) is not Kind.DICOM:
        return NOBODY
    from ..films.dicom_identity import identity_of  # here, as pydicom takes a while to load

    return identity_of(source)


def _several(models: Model | Sequence[Model]) -> tuple[Model, ...]:
    return (models,) if isinstance(models, Model) else tuple(models)


def _points(models: Sequence[Model], name: str | None) -> dict[str, OperatingPoint]:
    return {model.card.finding: model.card.operating_point(name) for model in models}


def _put(entry: Entry, predictions: Mapping[str, Prediction]) -> None:
    for finding, prediction in predictions.items():
        entry.assessments.setdefault(finding, Assessment()).prediction = prediction


def _at(prediction: Prediction, point: OperatingPoint, model: Model) -> Prediction:
    """Return the same under another operating point, and the calibration that it is on."""
    score = prediction.score
    if prediction.logit is not None:
        score = float(model.card.calibration.score(prediction.logit))
    return replace(
        prediction,
        score=score,
        operating_point=point.name,
        threshold=point.threshold,
        band=None if score is None else band(score, point),
    )
