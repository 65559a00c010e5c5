"""What a browser tab keeps while a site proves a model: films, sheets, and what was worked out."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

import pandas as pd

from ..model import Model
from .scorer import Scorer
from .site_films import SiteFilms

__all__ = ["SiteSession"]

T = TypeVar("T")
#: Answers that are kept, so that a slider that moves back has them at once.
REMEMBERED = 40


class SiteSession:
    """The films of a site, the sheet with their truth, and answers that took a while.

    Parameters
    ----------
    model : Model
        What scores the films.
    is_open : callable
        Whether the browser tab is still there.

    Attributes
    ----------
    films : SiteFilms
    scorer : Scorer
    sheets : dict of str to (str, pandas.DataFrame)
        Name and rows of each sheet that was dropped, by what it is for.
    """

    def __init__(self, model: Model, is_open: Callable[[], bool] = lambda: True) -> None:
        self.model = model
        self.films = SiteFilms(model)
        self.scorer = Scorer(self.films, wanted=is_open)
        self.sheets: dict[str, tuple[str, pd.DataFrame]] = {}
        self._answers: OrderedDict[Hashable, Any] = OrderedDict()

    def close(self) -> None:
        """Stop scoring and let everything go."""
        self.scorer.close()
        self.films.close()
        self.sheets = {}
        self._answers.clear()

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
