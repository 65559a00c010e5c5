"""Files made of a list's films in the background: how far they are, and how they are stopped."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Literal

from ..errors import fault
from ..scoring.explain import StoppedError
from .budget import NoRoomError, Share
from .entry import Entry

__all__ = ["Making", "Makings"]

logger = logging.getLogger(__name__)

State = Literal["running", "ready", "stopped", "failed", "full", "changed", "let go"]


class Making:
    """A file that is being made, or was made; it stays in memory until it is let go.

    Parameters
    ----------
    films : sequence of Entry
        What it is made of.
    make : callable
        Makes the file of the films, which it takes one after the other.
    wanted : callable
        Asked before each film: False ends the work, as when the reader's tab is closed.
    version : callable
        Returns all that the file says of a film, as a value that is another one once any of it has
        changed.
    share : Share, optional
        What the bytes of the file count in, until it is let go.

    Attributes
    ----------
    done, total : int
        Films that are done with, and all of them.
    content : bytes
        The file; empty until it is ready, and once it is let go.
    state : str
        "running", "ready", "stopped", "failed"; "full": there was no room for it; "changed": what
        it says of a film is out of date, and it was let go; "let go": its room was needed.
    begun : datetime.datetime
        When it was asked for, in UTC.
    """

    def __init__(
        self,
        films: Sequence[Entry],
        make: Callable[[Iterable[Entry]], bytes],
        *,
        wanted: Callable[[], bool] = lambda: True,
        version: Callable[[Entry], Hashable] = lambda film: None,
        share: Share | None = None,
    ) -> None:
        self.done, self.total = 0, len(films)
        self.content = b""
        self.state: State = "running"
        self.begun = datetime.now(UTC)
        self._films, self._make, self._wanted = films, make, wanted
        self._version, self._share = version, share or Share()
        # Of what was asked for: what changes while the film waits for its turn is a change too.
        self._versions = {film.number: version(film) for film in films}
        self._end, self._lock = threading.Event(), threading.Lock()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the work after the film that is under way."""
        self._end.set()

    def join(self, seconds: float | None = None) -> bool:
        """Wait until the work has ended; whether that came true in time."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def changed(self, films: Sequence[Entry]) -> int:
        """Count the films in the file of which other things are to be said by now, or nothing.

        Parameters
        ----------
        films : sequence of Entry
            Those that a file would be made of now.
        """
        now = {film.number: self._version(film) for film in films if film.number in self._versions}
        missing = object()
        return sum(now.get(n, missing) != version for n, version in self._versions.items())

    def lacks(self, films: Sequence[Entry]) -> int:
        """Count the films that would be in a file that is made now, and are not in this one."""
        return sum(film.number not in self._versions for film in films)

    def let_go(self, why: Literal["changed", "let go"] = "let go") -> bool:
        """Let the file go; return whether it was ready."""
        with self._lock:
            if self.state != "ready":
                return False
            self._share.give_back(len(self.content))
            self.state, self.content = why, b""
            return True

    def _run(self) -> None:
        try:
            content = self._make(self._counted())
            self._check()
            self._share.take(len(content))
            with self._lock:
                if not self._end.is_set():
                    self.content, self.state = content, "ready"
                    return
            # Stopped in this very moment: nobody lets it go any more.
            self._share.give_back(len(content))
            self.state = "stopped"
        except StoppedError:
            self.state = "stopped"
        except NoRoomError:
            self.state = "full"
        except Exception as error:  # a thread that dies in silence would leave the page waiting
            logger.error("A file was not made: %s", fault(error))
            self.state = "failed"

    def _counted(self) -> Iterator[Entry]:
        for film in self._films:
            self._check()
            yield film
            self.done += 1

    def _check(self) -> None:
        if self._end.is_set() or not self._wanted():
            raise StoppedError


class Makings:
    """The files that are made for one reader, the last of each name.

    Their bytes count with the films of all lists; a file can be made again, so that one that is
    ready gives way when a film needs the room.

    Parameters
    ----------
    version : callable
        As of `Making`.
    wanted : callable
        As of `Making`.
    """

    def __init__(
        self, version: Callable[[Entry], Hashable], wanted: Callable[[], bool] = lambda: True
    ) -> None:
        self._version, self._wanted = version, wanted
        self._by_name: dict[str, Making] = {}
        self._share = Share(self.make_room)

    def begin(
        self, name: str, films: Sequence[Entry], make: Callable[[Iterable[Entry]], bytes]
    ) -> None:
        """Have a file made of films, in place of the last of its name.

        Parameters
        ----------
        name : str
            What the file is.
        films : sequence of Entry
            The films.
        make : callable
            Makes it.
        """
        if before := self._by_name.get(name):
            before.stop()
            before.let_go()
        self._by_name[name] = Making(
            films, make, wanted=self._wanted, version=self._version, share=self._share
        )

    def of(self, name: str, films: Sequence[Entry]) -> Making | None:
        """Return the file of a name, if one was asked for; let go what is out of date.

        Parameters
        ----------
        name : str
            What the file is.
        films : sequence of Entry
            Those that it would be made of now.
        """
        making = self._by_name.get(name)
        if making and making.state == "ready" and making.changed(films):
            making.let_go("changed")
        return making

    def make_room(self) -> bool:
        """Let one of the files go that are ready; return whether there was any."""
        return any(making.let_go() for making in list(self._by_name.values()))

    def close(self) -> None:
        """Stop all work and let every file go."""
        for making in self._by_name.values():
            making.stop()
        self._by_name = {}
        self._share.close()
