"""The worklist of one reader: films as they arrived, scored, ranked, read and called.

It is kept in memory alone: of each film the bytes as they came, a thumbnail and the prediction; the
pixels are read again when a film is opened, so that hundreds fit. Films may be added
and read while others are scored in another thread (`cxr.reading_room.scorer`).
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path, PurePosixPath

from ..films.archive import is_zip, unpack
from ..films.archive_names import told_apart
from ..films.kinds import HEAD, LeftOut, choose, kind_of
from ..films.radiograph import Radiograph, RadiographError
from ..model import Model
from ..scoring.bundle import Bundle
from ..scoring.operating_points import OperatingPoint, band
from ..scoring.predict import Prediction, predict, unread
from ..scoring.reader import Agreement, Call, Reason
from ..scoring.refusal import Refusal
from .entry import BANDS, Entry

__all__ = ["BANDS", "ORDERS", "Entry", "Worklist"]

ORDERS = ("score", "arrival")
BATCH = 4


class Worklist:
    """The films of one reader, in their order of arrival.

    Parameters
    ----------
    bundle : Bundle
        The model that scores them.
    operating_point : str, optional
        Name of one of its operating points (default: the card's default).
    """

    def __init__(self, bundle: Model, operating_point: str | None = None) -> None:
        self.bundle = bundle
        self.operating_point = bundle.card.operating_point(operating_point)
        self.entries: list[Entry] = []
        self.chosen: int | None = None
        """Number of the film that is open."""
        self.left_out = LeftOut()
        """The files of all uploads that are no films."""
        self.blind = False
        """Whether score and heatmap of a film stay hidden until the reader has called it."""
        self._lock = threading.Lock()
        self._turn = 0  # counts changes of the model: what was scored before one is out of date

    def __len__(self) -> int:
        return len(self.entries)

    def add(self, name: str, source: bytes | Path) -> None:
        """Add a film, or all films of a zip, at the end of the list.

        A film of a zip whose name is in the list already has the zip's name before its own: every
        disc has an IM000001.
        """
        if isinstance(source, bytes) and is_zip(source):
            taken = {entry.name for entry in self.entries}
            try:
                for inner, content in unpack(source, self.left_out):
                    self._append(f"{name}/{inner}" if inner in taken else inner, content)
            except RadiographError as error:
                self._append(name, error)
            return
        self._append(name, source)

    def add_folder(self, files: Sequence[tuple[str, bytes]]) -> None:
        """Add the films of a folder or a disc, and those of its zips; count its other files.

        Parameters
        ----------
        files : sequence of (str, bytes)
            Path from the folder on, its name included, and content.
        """
        paths = [PurePosixPath(path) for path, _ in files]
        kinds = [kind_of(content[:HEAD]) for _, content in files]
        chosen, others = choose(list(zip(paths, kinds, strict=True)), zips=True)
        self.left_out.add(others)
        if files and not chosen:
            self._append(paths[0].parts[0], RadiographError(f"The folder holds no films. {others}"))
        names = told_apart([paths[place] for place in chosen])
        for place, name in zip(chosen, names, strict=True):
            self.add(name, files[place][1])

    def _append(self, name: str, source: bytes | Path | RadiographError) -> None:
        entry = Entry(len(self.entries) + 1, self._free(name), b"")
        if isinstance(source, RadiographError):
            entry.prediction = self._unread(source)
        else:
            entry.source = source
        self.entries.append(entry)

    def _free(self, name: str) -> str:
        """Number a name that is in the list already, so that list and exports tell films apart."""
        taken = {entry.name for entry in self.entries}
        numbered = (f"{name} ({times})" for times in count(2))
        return name if name not in taken else next(n for n in numbered if n not in taken)

    def _unread(self, error: RadiographError) -> Prediction:
        return unread(self.bundle, Refusal(error.code, error.reason), self.operating_point.name)

    @property
    def waiting(self) -> list[Entry]:
        """Films that are not scored yet."""
        return [entry for entry in self.entries if entry.prediction is None]

    def score(self) -> Iterator[int]:
        """Score the waiting films a few at a time; yields how many are done after each step.

        Can be abandoned at any point: what is done is kept, the rest keeps waiting.
        """
        while batch := self.waiting[:BATCH]:
            with self._lock:
                turn, bundle, point = self._turn, self.bundle, self.operating_point.name
            films: list[tuple[Entry, Radiograph]] = []
            scored: list[tuple[Entry, Prediction]] = []
            for entry in batch:
                try:
                    films.append((entry, entry.film()))
                except RadiographError as error:
                    scored.append((entry, self._unread(error)))
            results = predict(
                bundle,
                [film for _, film in films],
                operating_point=point,
                # Without a convolution there is no Grad-CAM, and a score all the same.
                heatmaps=bool(bundle.network.convolutions()),
                overridden={i for i, (entry, _) in enumerate(films) if entry.overridden},
            )
            for (entry, film), prediction in zip(films, results, strict=True):
                entry.note(film)
                scored.append((entry, prediction))
            with self._lock:
                if turn == self._turn:
                    for entry, prediction in scored:
                        entry.prediction = prediction
            yield len(self.entries) - len(self.waiting)

    def rescore(self, bundle: Model, operating_point: str | None = None) -> None:
        """Change the model or the operating point.

        With another model every readable film waits again, and what the reader said of the old
        scores is dropped; with another operating point alone the scores are kept. The reader's
        call of a film is kept as long as the finding is the same.
        """
        point = bundle.card.operating_point(operating_point)
        with self._lock:
            same = bundle.name == self.bundle.name
            other_finding = bundle.card.finding != self.bundle.card.finding
            self.operating_point, self.bundle = point, bundle
            self._turn += 1
            for entry in self.entries:
                entry.judgement = entry.reason = None
                if other_finding:
                    entry.call, entry.blind = None, False
                if entry.prediction is None:
                    continue
                if same or not entry.source:
                    entry.prediction = _at(entry.prediction, bundle, point)
                else:
                    entry.prediction = None

    def override(self, entry: Entry) -> None:
        """Score a film that the gate refused; one that could not be read stays refused."""
        if entry.source and entry.prediction and entry.prediction.refusal:
            entry.overridden = True
            entry.prediction = None

    def turn(self, entry: Entry) -> None:
        """Change black and white of a film over, or back, and score it anew.

        What was said of the film as it was is dropped.
        """
        if not entry.thumbnail or entry.prediction is None:
            return  # not read
        with self._lock:
            entry.turned, entry.overridden = not entry.turned, False
            entry.sha256, entry.thumbnail = "", b""
            entry.call, entry.blind, entry.judgement, entry.reason = None, False, None, None
            entry.prediction = None

    def hidden(self, entry: Entry) -> bool:
        """Whether score and heatmap must not be shown yet, because the reader calls first."""
        scored = entry.prediction is not None and entry.prediction.score is not None
        return self.blind and scored and entry.call is None

    def call(self, entry: Entry, call: Call | str | None) -> None:
        """Record the reader's call of a film, and whether the score was hidden until then."""
        if entry.blind:
            return  # a call made blind is not changed by what was seen after it
        said = Call(call) if call else None
        entry.blind, entry.call = self.hidden(entry), said
        entry.judgement = entry.reason = None

    def judge(
        self,
        entry: Entry,
        judgement: Agreement | str | None,
        reason: Reason | str | None = None,
    ) -> None:
        """Record what the reader says of a score.

        Unless the film was called blind, the call follows from it.

        Raises
        ------
        ValueError
            If the film has no score, or there is no such judgement or reason.
        """
        if entry.prediction is None or entry.prediction.score is None:
            raise ValueError("A film without a score cannot be judged.")
        judgement = Agreement(judgement) if judgement else None
        reason = Reason(reason) if reason and judgement is Agreement.OVERRIDE else None
        entry.judgement, entry.reason = judgement, reason
        if entry.blind:
            return
        if judgement is None:
            entry.call = None
            return
        positive = entry.prediction.score >= entry.prediction.threshold
        seen = positive == (judgement is Agreement.AGREE)
        entry.call = Call.FINDING if seen else Call.NO_FINDING

    def ordered(self, order: str = "score", bands: Collection[str] = BANDS) -> list[Entry]:
        """Return the films of some bands, highest score first or as they arrived.

        Refused films have no score: they come together after the scored ones, and films that
        wait behind those. A rank would give scores away, so blind lists stay as they arrived.

        Raises
        ------
        ValueError
            If the order is not one of `ORDERS`.
        """
        if order not in ORDERS:
            raise ValueError(f"Expected one of {', '.join(ORDERS)}. Received: {order!r}")
        entries = [entry for entry in self.entries if entry.band in bands]
        if order == "arrival" or self.blind:
            return entries

        def key(entry: Entry) -> tuple[int, float, int]:
            if entry.prediction is None:
                return 2, 0.0, entry.number
            if entry.prediction.score is None:
                return 1, 0.0, entry.number
            # The same film scored in another batch may differ in its last bits.
            return 0, -round(entry.prediction.score, 6), entry.number

        return sorted(entries, key=key)

    def open(self, number: int | None = None, order: str = "score") -> Entry | None:
        """Open a film by number; if none is given or it is gone, the first that is done."""
        wanted = number if number is not None else self.chosen
        entry = next((e for e in self.entries if e.number == wanted), None)
        entry = entry or next((e for e in self.ordered(order) if e.prediction), None)
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


def _at(prediction: Prediction, bundle: Bundle, point: OperatingPoint) -> Prediction:
    """Return the same under another operating point."""
    if prediction.refusal and prediction.score is None:
        return unread(bundle, prediction.refusal, point.name)
    return replace(
        prediction,
        operating_point=point.name,
        threshold=point.threshold,
        band=None if prediction.score is None else band(prediction.score, point),
    )
