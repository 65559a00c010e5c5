"""What belongs to a browser tab is let go: soon after it was closed, late if it is only silent.

A laptop that sleeps and a network that breaks say nothing, and may come back after hours. A
tab that is closed says so, and so does one that is loaded anew, which is back in a moment.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ..errors import fault
from . import budget

__all__ = ["ClosedTabs", "Signs", "Tab"]

logger = logging.getLogger(__name__)

#: Seconds between two looks.
BEAT = 2.0
#: Seconds in which a tab that said it is closed may be back, since it was only loaded anew.
LOADED_ANEW = 20.0
#: Seconds of silence after which a tab is taken to be away, rather than behind a slow network.
AWAY = 120.0


def _now() -> float:
    return time.monotonic()


@dataclass(frozen=True)
class Signs:
    """How a tab is doing, to be asked from any thread.

    Attributes
    ----------
    is_open : callable
        Returns whether the server has a connection to it.
    has_left : callable
        Returns whether the tab said that it is closed.
    forget : callable
        Frees what the server keeps for that connection besides.
    """

    is_open: Callable[[], bool]
    has_left: Callable[[], bool] = lambda: False
    forget: Callable[[], None] = lambda: None


@dataclass(eq=False)
class Tab:
    """A browser tab, as long as something belongs to it.

    Attributes
    ----------
    signs : Signs
        Of the connection that it has now, or had last.
    let_go : callable
        Called once when it is gone for good.
    kept : object
        What belongs to it.
    key : str
        What the browser knows it by, through all its connections; "" before it was told.
    seen : float
        When it was open last, by the monotonic clock.
    """

    signs: Signs
    let_go: Callable[[], None] = lambda: None
    kept: object = None
    key: str = ""
    seen: float = field(default_factory=_now)

    def is_open(self) -> bool:
        """Whether it is open now, over whichever connection."""
        return self.signs.is_open()


class ClosedTabs:
    """Looks now and then which tabs are still open, in a thread that lives while there are any.

    Parameters
    ----------
    patience : float
        Seconds that a tab may be gone and come back: a network breaks, a laptop sleeps.
    beat : float, default: 2
        Seconds between two looks.

    A tab that is gone gives way when the films of an open one need the memory.
    """

    def __init__(self, patience: float, beat: float = BEAT) -> None:
        self.patience = patience
        self._beat = beat
        self._tabs: list[Tab] = []
        self._lock = threading.Lock()
        self._looks = False
        budget.when_full(self.make_room)

    def watch(self, tab: Tab) -> None:
        """Have what belongs to a tab let go once it is gone for good."""
        with self._lock:
            self._tabs.append(tab)
            if self._looks:
                return
            self._looks = True
        threading.Thread(target=self._run, daemon=True).start()

    def look(self) -> None:
        """Let go what belongs to tabs that are gone longer than the patience."""
        now = _now()
        for tab in list(self._tabs):
            if tab.is_open():
                tab.seen = now
                continue
            soon = min(self.patience, LOADED_ANEW)
            if now - tab.seen > (soon if tab.signs.has_left() else self.patience):
                self._let_go(tab)

    def make_room(self) -> bool:
        """Let go what belongs to the tab that is away longest; return whether there was one."""
        soonest = _now() - AWAY
        away = [tab for tab in list(self._tabs) if tab.seen < soonest and not tab.is_open()]
        return bool(away) and self._let_go(min(away, key=lambda tab: tab.seen))

    def name(self, tab: Tab, key: str) -> bool:
        """Keep what the browser knows a tab by; False if another open one is known by it."""
        with self._lock:
            for other in self._tabs:
                if other.key == key and other is not tab:
                    if other.is_open():
                        return False
                    other.key = ""
            tab.key = key
            return True

    def claim(self, key: str, signs: Signs) -> Tab | None:
        """Return the tab that is back over a new connection; None if there is none that was gone.

        Parameters
        ----------
        key : str
            What the browser knows it by.
        signs : Signs
            Of the new connection.
        """
        with self._lock:
            tab = next((tab for tab in self._tabs if tab.key == key), None)
            if tab is None or (tab.is_open() and not tab.signs.has_left()):
                return None
            before, tab.signs, tab.seen = tab.signs, signs, _now()
        before.forget()
        return tab

    def drop(self, tab: Tab) -> None:
        """Look after a tab no more: what belonged to it was let go, and cannot be claimed."""
        with self._lock:
            self._tabs = [other for other in self._tabs if other is not tab]

    def _let_go(self, tab: Tab) -> bool:
        with self._lock:
            # It may be back over a new connection since it was looked at, or be gone already.
            if tab not in self._tabs or tab.is_open():
                return False
            self._tabs.remove(tab)
        for part in (tab.let_go, tab.signs.forget):
            try:
                part()
            except Exception as error:  # the others are let go all the same
                logger.error("What belongs to a closed tab stays: %s", fault(error))
        return True

    def _run(self) -> None:
        while True:
            time.sleep(self._beat)
            self.look()
            with self._lock:
                if not self._tabs:
                    self._looks = False
                    return
