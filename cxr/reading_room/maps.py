"""Which heatmap a reader sees of a film: the chosen methods, and what is computed for them."""

from __future__ import annotations

from collections.abc import Callable
from weakref import WeakKeyDictionary

from ..evidence.audit.store import SANITY
from ..evidence.audit.verdict import failures
from ..films.radiograph import Radiograph
from ..heatmaps.heatmap import Heatmap
from ..heatmaps.methods import FAST, METHODS
from ..model import Model
from ..scoring.bundle import Bundle, BundleError
from ..scoring.heat_in_lungs import HeatInLungs
from .entry import Entry
from .explainer import Explainer, State
from .worklist import Worklist

__all__ = ["Maps"]

AFTER, NO_SCORE = "Score and heatmap come after your call.", "No heatmap: the film has no score."
NOT_YET = "The heatmap comes with the score."
#: States of a method that end by themselves once it was asked for.
COMING = ("running", "timing")
#: A heatmap, and where its heat lies.
Shown = tuple[Heatmap | None, HeatInLungs | None]
NOTHING: Shown = (None, None)
# Every page asks on each run, and a model stays as it is while the dashboard runs.
_known_doubts: WeakKeyDictionary[Bundle, dict[str, list[str] | None]] = WeakKeyDictionary()


class Maps:
    """The heatmaps of one reader's films.

    Parameters
    ----------
    worklist : Worklist
        The films.
    film : callable
        Reads a film's pixels.
    wanted : callable
        False if the reader's tab is closed.
    """

    def __init__(
        self, worklist: Worklist, film: Callable[[Entry], Radiograph], wanted: Callable[[], bool]
    ) -> None:
        self.explainer = Explainer(wanted=wanted)
        self.chosen = ["gradcam"]
        """Methods that the reader wants to see, the one chosen last first."""
        self.beside: str | None = None
        """The method by which the open film is compared with itself."""
        self.overview = False
        """Whether all methods are shown."""
        self.drawn: tuple[str, ...] = ()
        self.are_coming = False
        """Whether a map that the page is to show was under way as `drawn` was noted."""
        self._worklist = worklist
        self._film = film

    @property
    def method(self) -> str:
        """The method that the reader chose."""
        return self.chosen[0]

    def choose(self, method: str) -> None:
        """Show heatmaps by a method, of this film and of those that follow."""
        self.chosen = [method, *(other for other in self.chosen if other != method)]

    def next_fast(self) -> str:
        """Return the method of one pass after the one chosen."""
        at = FAST.index(self.method) if self.method in FAST else -1
        return FAST[(at + 1) % len(FAST)]

    def allowed(self, entry: Entry) -> bool:
        """Whether a film may have a heatmap now: it has a score, and the reader may see it."""
        scored = entry.prediction is not None and entry.prediction.score is not None
        return scored and not self._worklist.hidden(entry)

    def state(self, entry: Entry, method: str) -> State:
        """Return how far a method is with a film that may have a heatmap."""
        # Grad-CAM came with the score.
        if entry.prediction and (heatmap := entry.prediction.heatmap) and heatmap.method == method:
            return State("ready", heatmap, heat=entry.prediction.heat_in_lungs)
        return self.explainer.state(self._model(entry), entry.sha256, method)

    def states(self, entry: Entry) -> tuple[str, ...]:
        """What the page's maps depend on: they are redrawn when this has changed."""
        if not self.allowed(entry):
            return ()
        return tuple(self.state(entry, method).kind for method in METHODS)

    def shown(self, entry: Entry) -> Heatmap | None:
        """Return the map to show of a film: by the method chosen last of those that are ready."""
        return self._shown(entry)[0]

    def heat(self, entry: Entry) -> HeatInLungs | None:
        """Return where the heat of the map that is shown lies; None where none is shown."""
        return self._shown(entry)[1]

    def _shown(self, entry: Entry) -> Shown:
        if not self.allowed(entry):
            return None, None
        states = (self.state(entry, method) for method in self.chosen)
        return next(((state.heatmap, state.heat) for state in states if state.heatmap), NOTHING)

    def _model(self, entry: Entry) -> Model:
        """Return the model whose score of a film is shown."""
        return self._worklist.model(entry.finding)

    def doubts(self, entry: Entry, method: str) -> list[str] | None:
        """Return the checks of the audit that a method failed with a film's model, as sentences.

        None if it was not audited, or the audit's table cannot be read.
        """
        bundle = self._model(entry)
        known = _known_doubts.setdefault(bundle, {})
        if method not in known:
            known[method] = _doubts(bundle, method)
        return known[method]

    def without(self, entry: Entry) -> str:
        """Return why a film shows no heatmap."""
        if self._worklist.hidden(entry):
            return AFTER
        if entry.waits:
            return NOT_YET
        if not self.allowed(entry):
            return NO_SCORE
        return self.state(entry, self.method).message or "No heatmap yet."

    def coming(self, entry: Entry) -> bool:
        """Whether a film's heatmap is on its way: with its score, or by itself."""
        if self._worklist.hidden(entry):
            return False
        if not self.allowed(entry):
            return entry.waits
        return self.state(entry, self.method).kind in COMING

    def exported(self, entry: Entry, film: Radiograph, finding: str) -> Shown:
        """Return the map of a finding that would be shown of a film if it were open, with its heat.

        Parameters
        ----------
        entry : Entry
            The film.
        film : Radiograph
            Its pixels, which are at hand.
        finding : str
            One that it was scored for.
        """
        assessment = entry.assessments[finding]
        if not assessment.scored or self._worklist.hidden(entry):
            return NOTHING
        model, own = self._worklist.model(finding), assessment.prediction
        for method in self.chosen:
            if own and own.heatmap and own.heatmap.method == method:
                return own.heatmap, own.heat_in_lungs  # they came with the score
            state = self.explainer.state(model, entry.sha256, method)
            if state.heatmap is None and method in FAST:
                self.explainer.ask(model, film, method)
                self.explainer.wait(None)
                state = self.explainer.state(model, entry.sha256, method)
            if state.heatmap:
                return state.heatmap, state.heat
        return NOTHING

    def to_export(self, entry: Entry, finding: str) -> str | None:
        """Return the method of the map that `exported` would return, without making any."""
        assessment = entry.assessments[finding]
        if not assessment.scored or self._worklist.hidden(entry):
            return None
        own = assessment.prediction.heatmap if assessment.prediction else None
        model = self._worklist.model(finding)

        def is_had(method: str) -> bool:
            if method in FAST or (own and own.method == method):
                return True
            return self.explainer.state(model, entry.sha256, method).heatmap is not None

        return next(filter(is_had, self.chosen), None)

    def work_out(self, entry: Entry, method: str) -> None:
        """Start a slow map of the open film."""
        self.explainer.start(self._model(entry), self._film(entry), method)

    def prepare(self, entry: Entry | None, other: Entry | None) -> None:
        """Start the maps that the page is about to show; most are ready a moment later.

        Parameters
        ----------
        entry : Entry
            The film that is open.
        other : Entry
            The one it is compared with.
        """
        self.drawn, self.are_coming = (), False
        if entry is None or not self.allowed(entry):
            self.explainer.stop()
            return
        self.explainer.look_at(self._model(entry), entry.sha256)
        fast = next((method for method in self.chosen if method in FAST), self.method)
        asked = [m for m in METHODS if self.overview or m in (fast, self.method, self.beside)]
        for method in asked:
            self._ask(entry, method)
        if other and self.allowed(other):
            self._ask(other, fast)
        if self.state(entry, fast).heatmap is None:
            self.explainer.wait()
        self.drawn = self.states(entry)
        # A method that nobody asked for is "running" too, and stays so. What is told here is what
        # was noted: a map that is ready since then is one that the page has yet to show.
        kinds = dict(zip(METHODS, self.drawn, strict=True))
        self.are_coming = any(kinds[method] in COMING for method in asked)

    def _ask(self, entry: Entry, method: str) -> None:
        if self.state(entry, method).kind in COMING:
            self.explainer.ask(self._model(entry), self._film(entry), method)


def _doubts(bundle: Bundle, method: str) -> list[str] | None:
    try:
        table = bundle.explanations
    except BundleError:  # the Models page says so
        return None
    rows = table[table["method"] == method]
    return None if rows[rows["kind"] == SANITY].empty else failures(rows)
