"""What a browser tab keeps while a site proves a model: films, sheets, and what was worked out."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..evidence.score_split import learned_from
from ..model import Model
from . import budget
from .scorer import Scorer
from .site_films import SiteFilms
from .trail import Trail

__all__ = ["MOST_MODELS", "SiteSession", "SiteSessions"]

T = TypeVar("T")
#: Answers that are kept, so that a slider that moves back has them at once.
REMEMBERED = 40
#: Models whose films a tab keeps, those that were chosen last.
MOST_MODELS = 4


class SiteSession:
    """The films of a site, the sheet with their truth, and answers that took a while.

    Parameters
    ----------
    model : Model
        What scores the films.
    is_open : callable
        Whether the browser tab is still there.
    trail : Trail, optional
        Is told which films are shown (default: nobody is).

    Attributes
    ----------
    films : SiteFilms
    scorer : Scorer
    sheets : dict of str to (str, pandas.DataFrame)
        Name and rows of each sheet that was dropped, by what it is for.
    """

    def __init__(
        self,
        model: Model,
        is_open: Callable[[], bool] = lambda: True,
        trail: Trail | None = None,
    ) -> None:
        self.model = model
        self.films = SiteFilms(model)
        self.scorer = Scorer(self.films, wanted=is_open)
        self.trail = trail or Trail(None)
        self.sheets: dict[str, tuple[str, pd.DataFrame]] = {}
        self._answers: OrderedDict[Hashable, Any] = OrderedDict()
        self._shown: set[str] = set()
        self._learned: dict[str, bool] = {}

    def close(self) -> None:
        """Stop scoring and let everything go."""
        self.scorer.close()
        self.films.close()
        self.sheets = {}
        self._answers.clear()

    def note_shown(self, hashes: Collection[str]) -> None:
        """Tell the audit trail of the films that are shown now and were not before.

        Parameters
        ----------
        hashes : collection of str
            Of their pixels.
        """
        new = [sha256 for sha256 in dict.fromkeys(hashes) if sha256 not in self._shown]
        self._shown = set(hashes)
        self.trail.opened(*new)

    def learned(self, films: pd.DataFrame) -> NDArray[np.bool_]:
        """Say of films which the model learned from, each looked for once: that takes a while.

        Parameters
        ----------
        films : pandas.DataFrame
            As for `cxr.evidence.score_split.learned_from`.
        """
        new = films[~films["sha256"].isin(self._learned)].drop_duplicates("sha256")
        if not len(new):
            return films["sha256"].map(self._learned).to_numpy(bool)
        said = dict(zip(new["sha256"], map(bool, learned_from(self.model, new)), strict=True))
        # Of a film without a fingerprint, as one that is being scored, only for now.
        lasting = set(new["sha256"][new["phash"] != ""])
        self._learned |= {sha256: known for sha256, known in said.items() if sha256 in lasting}
        return films["sha256"].map(said | self._learned).to_numpy(bool)

    def remember(self, key: Hashable, work: Callable[[], T]) -> T:
        """Return what was worked out for a key, or work it out."""
        if key not in self._answers:
            self._answers[key] = work()
            while len(self._answers) > REMEMBERED:
                self._answers.popitem(last=False)
        self._answers.move_to_end(key)
        answer: T = self._answers[key]
        return answer

    @property
    def state(self) -> tuple[int, int]:
        """What changes with the films: how many there are, and how many wait."""
        return len(self.films), len(self.films.waiting)


class SiteSessions:
    """The sessions of a tab, one for each model that it chose last: who comes back has the films.

    The session of a model that is not chosen gives way where another list's films need the memory.
    """

    def __init__(self) -> None:
        self.is_closed = False
        self._kept: OrderedDict[str, SiteSession] = OrderedDict()
        self._lock = threading.Lock()  # what needs the memory is another tab's, in its own thread
        budget.when_full(self.make_room)

    def of(self, model: Model, make: Callable[[], SiteSession]) -> SiteSession:
        """Return the session of a model, which is the chosen one from now on; made if need be."""
        key = model.card.weights.sha256
        with self._lock:
            if key not in self._kept:
                self._kept[key] = make()
            self._kept.move_to_end(key)
            session = self._kept[key]
            over = [self._kept.popitem(last=False)[1] for _ in range(len(self) - MOST_MODELS)]
        for other in over:
            other.close()
        return session

    def __len__(self) -> int:
        return len(self._kept)

    def let_go(self, session: SiteSession) -> None:
        """Let everything go of a session: the next one of its model begins anew."""
        with self._lock:
            for key in [key for key, kept in self._kept.items() if kept is session]:
                del self._kept[key]
        session.close()

    def make_room(self) -> bool:
        """Let go the films of the model that was left longest ago; whether they took any room."""
        with self._lock:
            others = list(self._kept.values())[:-1]
        session = next((other for other in others if other.films.size), None)
        if session is None:
            return False
        self.let_go(session)
        return True

    def close(self) -> None:
        """Let everything go: the tab is closed, or was away and gave way to another."""
        self.is_closed = True
        with self._lock:
            every = list(self._kept.values())
            self._kept.clear()
        for session in every:
            session.close()
