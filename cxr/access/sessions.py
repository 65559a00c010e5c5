"""The sign-ins that are under way, in the server's memory: when they began and were used last.

A sign-in that this server does not know is none, whatever its cookie says: after a restart, and
after a sign-out, everybody signs in anew.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from .roles import Role

__all__ = ["Sessions", "SignedIn", "clock"]

#: Sign-ins that are kept; the oldest go first.
ROOM = 10_000


def clock() -> float:
    """Return the seconds since the machine was started.

    Nobody sets this clock, and it counts on while the machine sleeps where the system has such.
    """
    kind = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if kind is None else time.clock_gettime(kind)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody who has signed in.

    Attributes
    ----------
    pseudonym : str
        What readings know them by.
    role : Role or None
        None for somebody whom the provider knows but who is in none of the groups.
    """

    pseudonym: str
    role: Role | None


@dataclass(slots=True)
class _Session:
    who: SignedIn
    began: float
    used: float
    is_told: bool = False
    leaves: bool = False


class Sessions:
    """The sign-ins, by the hash of what the browser holds of each. May be used from any thread.

    Parameters
    ----------
    idle : float
        Seconds without use after which a sign-in is over.
    longest : float
        Seconds after which it is over, used or not.
    now : callable
        The clock.
    """

    def __init__(self, *, idle: float, longest: float, now: Callable[[], float] = clock) -> None:
        self.idle = idle
        self.longest = longest
        self._now = now
        self._lock = threading.Lock()
        self._sessions: OrderedDict[str, _Session] = OrderedDict()

    def begin(self, key: str, who: SignedIn) -> None:
        """Note that somebody signed in just now."""
        now = self._now()
        with self._lock:
            # Kept a while beyond their end, so that a page can say that they ended.
            kept = self._sessions.items()
            for old in [k for k, s in kept if s.is_told and now - s.began > 2 * self.longest]:
                del self._sessions[old]
            self._sessions[key] = _Session(who, now, now)
            while len(self._sessions) > ROOM:
                self._sessions.popitem(last=False)

    def live(self, key: str) -> SignedIn | None:
        """Return who is signed in; None if nobody is, or no longer."""
        with self._lock:
            session = self._sessions.get(key)
            return session.who if session and self._is_live(session) else None

    def use(self, key: str) -> None:
        """Note that somebody did something; what is over stays so."""
        with self._lock:
            session = self._sessions.get(key)
            if session and self._is_live(session):
                session.used = self._now()

    def leave(self, key: str) -> None:
        """Note that somebody pressed what signs out, and is on the way to it."""
        with self._lock:
            if session := self._sessions.get(key):
                session.leaves = True

    def leaves(self, key: str) -> bool:
        """Whether somebody pressed what signs out."""
        with self._lock:
            session = self._sessions.get(key)
            return session is not None and session.leaves

    def end(self, key: str) -> None:
        """Forget a sign-in: its reader signed out."""
        with self._lock:
            self._sessions.pop(key, None)

    def ran_out(self, key: str) -> bool:
        """Whether a sign-in is over because its time ran out."""
        with self._lock:
            session = self._sessions.get(key)
            return session is not None and not self._is_live(session)

    def newly_over(self) -> list[SignedIn]:
        """Return whose time ran out since this was asked last; of each sign-in once."""
        with self._lock:
            over = [s for s in self._sessions.values() if not s.is_told and not self._is_live(s)]
            for session in over:
                session.is_told = True
            return [session.who for session in over]

    def end_all(self) -> list[SignedIn]:
        """Forget all sign-ins, and return whose were under way: the server stops."""
        with self._lock:
            live = [s.who for s in self._sessions.values() if self._is_live(s)]
            self._sessions.clear()
            return live

    def _is_live(self, session: _Session) -> bool:
        now = self._now()
        return now - session.used < self.idle and now - session.began < self.longest
