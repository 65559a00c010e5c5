"""What the films of a list keep in memory, bounded for each list and for all of a server together.

A list belongs to the session of one browser tab. Of each film it keeps the bytes of its file; the
pixels of the two films that were open last are kept on top of that, see `cxr.films.bounds`, and so
are the earlier films of the open one's patient, see `cxr.reading_room.session.READY`. Files that
are made of many films count too, see `cxr.reading_room.making`, and so do files on their way to a
list, see `cxr.web.arrivals`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from weakref import WeakMethod, WeakSet

from ..films.bounds import ALL_LISTS, LIST
from ..films.radiograph import RadiographError

__all__ = ["NoRoomError", "Share", "beyond", "came_in_vain", "count_also", "when_full"]

_lock = threading.Lock()
_shares: WeakSet[Share] = WeakSet()
_give_way: list[WeakMethod[Callable[[], bool]]] = []
_others: list[Callable[[], int]] = []


class NoRoomError(RadiographError):
    """What was to be kept would go beyond a bound, which the reason names."""


def when_full(make_room: Callable[[], bool]) -> None:
    """Have a method called before a film is refused because all lists together are full.

    Parameters
    ----------
    make_room : method
        Frees the list that is needed least and returns whether it did; forgotten with its object.
    """
    with _lock:
        _give_way[:] = [known for known in _give_way if known()]
        _give_way.append(WeakMethod(make_room))


def count_also(others: Callable[[], int]) -> None:
    """Have what is in no list count with all lists together.

    Parameters
    ----------
    others : callable
        Returns bytes; called from any thread, and not to wait for anything.
    """
    _others.append(others)


def beyond(own: int = 0) -> str:
    """Return why there is no room for what counts already, after others made some; "" if there is.

    What is in no list is counted before it is there, to be let go where it finds no room.

    Parameters
    ----------
    own : int
        Bytes of it that are for one list. Nobody makes room for more than a list takes.
    """
    if own > LIST.value * 1_000_000:
        return (
            f"The uploads of one tab that no list has taken are {_mb(own)} MB, of {LIST.value} MB. "
            f"Add fewer films at once, or {LIST.how}."
        )
    while True:
        with _lock:
            if _used() <= ALL_LISTS.value * 1_000_000:
                return ""
        if not any(make_room() for make_room in _ways()):
            return _full()


def came_in_vain() -> NoRoomError:
    """Return what is said of a file that came when there was no room for it."""
    return NoRoomError(
        "The server had no room for this file: what comes at once is bounded to "
        f"{LIST.value} MB, what all lists and uploads keep to {ALL_LISTS.value} MB. Add fewer "
        "films at once, clear lists that are done or close their tabs, and add the file again; or "
        f"{LIST.how}, or {ALL_LISTS.how}."
    )


class Share:
    """The bytes that one list keeps; given back when it is closed or forgotten.

    Parameters
    ----------
    make_room : callable, optional
        Frees what can be made again, and returns whether there was any. Called before another
        list's films give way.

    Attributes
    ----------
    used : int
        Bytes.
    """

    def __init__(self, make_room: Callable[[], bool] = lambda: False) -> None:
        self.used = 0
        self.make_room = make_room
        with _lock:
            _shares.add(self)

    def take(self, size: int) -> None:
        """Count bytes that are about to be kept.

        Raises
        ------
        NoRoomError
            If they would go beyond a bound, which it names; nothing is counted then.
        """
        while not self._take(size):
            if not any(make_room() for make_room in _ways()):
                raise NoRoomError(_full())

    def _take(self, size: int) -> bool:
        with _lock:
            if self.used + size > LIST.value * 1_000_000:
                raise NoRoomError(
                    f"The list is full: its films take {_mb(self.used)} MB of {LIST.value} MB. "
                    f"Clear it and go on with a new one, or {LIST.how}."
                )
            if _used() + size > ALL_LISTS.value * 1_000_000:
                return False
            self.used += size
            return True

    def give_back(self, size: int) -> None:
        """Count bytes that are no longer kept."""
        with _lock:
            self.used = max(0, self.used - size)

    def close(self) -> None:
        """Give everything back."""
        with _lock:
            self.used = 0


def _ways() -> Iterator[Callable[[], bool]]:
    """Return what may make room, that first which costs a reader least."""
    with _lock:
        shares, give_way = list(_shares), list(_give_way)
    yield from (share.make_room for share in shares)
    yield from (method for known in give_way if (method := known()))


def _used() -> int:
    return sum(share.used for share in _shares) + sum(others() for others in _others)


def _full() -> str:
    with _lock:
        used = _used()
    return (
        f"The server is full: the films of all lists, and those on their way, take {_mb(used)} MB "
        f"of {ALL_LISTS.value} MB. Clear lists that are done, close their tabs, or {ALL_LISTS.how}."
    )


def _mb(size: int) -> str:
    return f"{size / 1e6:,.0f}"
