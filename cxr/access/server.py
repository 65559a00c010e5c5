"""The sign-in of the server that runs in this process, shared by its layer and its pages."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .pseudonyms import pseudonym
from .roles import role_of
from .sessions import Sessions, SignedIn
from .settings import Settings

__all__ = ["Access", "is_guarded", "running", "start"]

#: What a browser holds: who, which sign-in, and what Streamlit asks of its own cookie.
HELD = ("iss", "sub", "nonce", "origin", "is_logged_in", "provider")


@dataclass(frozen=True, slots=True)
class Access:
    """Who is signed in, told by what browsers hold.

    Attributes
    ----------
    settings : Settings
    sessions : Sessions
    identity : callable
        Returns what the web server wrote and signed of somebody, of a browser's cookies: JSON; None
        where there is nothing or it is not from the server.
    note : callable
        Called with what happened (of `cxr.monitoring.SIGN_IN_EVENTS`) and to whom; it must not
        wait for anything.
    """

    settings: Settings
    sessions: Sessions
    identity: Callable[[Mapping[str, str]], bytes | None]
    note: Callable[[str, SignedIn], object] = lambda event, who: None

    def key(self, cookies: Mapping[str, str]) -> str:
        """Return what tells a sign-in from all others; "" where there is none."""
        return _key(self.identity(cookies))

    def live(self, cookies: Mapping[str, str]) -> SignedIn | None:
        """Return who is signed in with these cookies; None if nobody is, or no longer."""
        return self.sessions.live(self.key(cookies))

    def begin(self, cookies: Mapping[str, str], before: str = "") -> bytes | None:
        """Note that somebody signed in, whose cookies these are.

        Parameters
        ----------
        cookies : mapping of str to str
            What their browser is about to hold.
        before : str
            The `key` of what it held till now. If that is the sign-in of somebody else, it ends.

        Returns
        -------
        bytes or None
            What their browser is to hold of it, in place of all that the provider said: no name,
            and short, since a person in many groups would have cookies that no server takes. None
            if the cookies are nobody's.
        """
        self.note_over()  # in its order
        said = self.identity(cookies)
        claims = json.loads(said) if said else {}
        # The nonce is new with each sign-in, so that no two of them have one key.
        if not all(isinstance(claims.get(name), str) for name in ("iss", "sub", "nonce")):
            return None
        role = role_of(claims, self.settings.claim, self.settings.groups)
        held = json.dumps({name: claims[name] for name in HELD if name in claims}).encode()
        who = SignedIn(self.pseudonym(claims), role)
        earlier = self.sessions.live(before)
        if earlier and earlier.pseudonym != who.pseudonym:
            self.end(before)
        self.sessions.begin(_key(held), who)
        self.note("refused" if role is None else "signed_in", who)
        return held

    def end(self, key: str) -> None:
        """Note that somebody signed out; nothing where their sign-in is over already."""
        who = self.sessions.live(key)
        self.sessions.end(key)
        if who and who.role:
            self.note("signed_out", who)

    def note_over(self) -> None:
        """Note of each sign-in whose time ran out that it did; to be called now and then."""
        for who in self.sessions.newly_over():
            if who.role:
                self.note("timed_out", who)

    def stop(self) -> list[object]:
        """End all sign-ins, and note it: the server stops, and knows nobody when it is back.

        Returns
        -------
        list of object
            What `note` returned for each.
        """
        self.note_over()
        return [self.note("server_stopped", who) for who in self.sessions.end_all() if who.role]

    def pseudonym(self, claims: Mapping[str, Any]) -> str:
        """Return what readings know somebody by, of what the provider says of them."""
        return pseudonym(
            self.settings.pseudonym_key, str(claims.get("iss")), str(claims.get("sub"))
        )


def _key(said: bytes | None) -> str:
    return hashlib.sha256(said).hexdigest() if said else ""


#: Nothing where no layer of this project stands around the server of this process.
_running: list[Access | None] = []


def start(access: Access | None) -> Access | None:
    """Have this process's pages know that its server is guarded, and its sign-in if it has one."""
    _running[:] = [access]
    return access


def running() -> Access | None:
    """Return the sign-in of the server in this process; None where there is none."""
    return _running[0] if _running else None


def is_guarded() -> bool:
    """Whether the server of this process has the layers around it that refuse and let in."""
    return bool(_running)
