"""Outlines of the lungs of the films that a reader opens, traced in the background."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable

from ..errors import fault
from ..films.radiograph import Radiograph
from ..lungs.once import find_once, has_lung_network
from ..lungs.outline import Outline, outline
from .lane import Lane

__all__ = ["COMING", "Outlines"]

logger = logging.getLogger(__name__)

#: Outlines that are remembered: some hundred numbers each.
KEPT = 256
#: Seconds that a page waits for an outline before it does without.
PATIENCE = 0.3
COMING = "The lungs are being looked for."
FAILED = "The lungs could not be looked for."


class Outlines:
    """The outlines for one reader.

    Parameters
    ----------
    wanted : callable
        Asked before each search: False ends the work, as when the reader's tab is closed.
    """

    def __init__(self, *, wanted: Callable[[], bool] = lambda: True) -> None:
        self._wanted = wanted
        self._lane = Lane()
        self._known: OrderedDict[str, Outline | str] = OrderedDict()

    @property
    def busy(self) -> bool:
        """Whether a film is being searched."""
        return self._lane.busy

    def known(self, film_sha256: str) -> bool:
        """Whether a film's search has come to its end."""
        return film_sha256 in self._known

    def ask(self, film: Radiograph) -> None:
        """Have the lungs of a film looked for, unless that was done; waits a moment for it."""
        if has_lung_network() and not self.known(film.sha256):
            self._lane.put(film.sha256, lambda: self._trace(film))
            self._lane.join(PATIENCE)

    def of(self, film_sha256: str) -> Outline | str | None:
        """Return a film's outline; starts nothing.

        Returns
        -------
        Outline, str or None
            Why there is none, as a sentence; None where there is no lung network.
        """
        return self._known.get(film_sha256, COMING) if has_lung_network() else None

    def join(self, seconds: float | None = None) -> bool:
        """Wait until nothing is under way; whether that came true in time."""
        return self._lane.join(seconds)

    def _trace(self, film: Radiograph) -> None:
        if not self._wanted():
            return
        told: Outline | str
        try:
            lungs, remark = find_once(film)
            told = outline(lungs) if lungs else remark.reason if remark else FAILED
        except Exception as error:  # a thread that dies in silence would leave the page waiting
            logger.error("No lungs of film %s: %s", film.sha256, fault(error))
            told = str(error) if isinstance(error, ValueError) else FAILED
        self._known[film.sha256] = told
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
