"""What belongs to a browser tab is let go some time after the tab was closed."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from ..errors import fault

__all__ = ["ClosedTabs"]

logger = logging.getLogger(__name__)

#: Seconds between two looks.
BEAT = 10.0


@dataclass(eq=False)
class _Tab:
    is_open: Callable[[], bool]
    let_go: Callable[[], None]
    seen: float


class ClosedTabs:
    """Looks now and then which tabs are still open, in a thread that lives while there are any.

    Parameters
    ----------
    patience : float
        Seconds that a tab may be gone and come back: a network breaks, a laptop sleeps.
    beat : float, default: 10
        Seconds between two looks.
    """

    def __init__(self, patience: float, beat: float = BEAT) -> None:
        self.patience = patience
        self._beat = beat
        self._tabs: list[_Tab] = []
        self._lock = threading.Lock()
        self._looks = False

    def watch(self, is_open: Callable[[], bool], let_go: Callable[[], None]) -> None:
        """Have something let go once its tab is gone for good."""
        with self._lock:
            self._tabs.append(_Tab(is_open, let_go, time.monotonic()))
            if self._looks:
                return
            self._looks = True
        threading.Thread(target=self._run, daemon=True).start()

    def look(self) -> None:
        """Let go what belongs to tabs that are gone longer than the patience."""
        now = time.monotonic()
        for tab in list(self._tabs):
            if tab.is_open():
                tab.seen = now
            elif now - tab.seen > self.patience:
                with self._lock:
                    self._tabs.remove(tab)
                try:
                    tab.let_go()
                except Exception as error:  # the others are let go all the same
                    logger.error("What belongs to a closed tab stays: %s", fault(error))

    def _run(self) -> None:
        while True:
            time.sleep(self._beat)
            self.look()
            with self._lock:
                if not self._tabs:
                    self._looks = False
                    return
