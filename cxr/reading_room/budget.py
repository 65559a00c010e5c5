"""What the films of a list keep in memory, bounded for each list and for all of a server together.

A list belongs to the session of one browser tab. Of each film it keeps the bytes of its file; the
pixels of the two films that were open last are kept on top of that, see `cxr.films.bounds`.
"""

from __future__ import annotations

import threading
from weakref import WeakSet

from ..films.bounds import ALL_LISTS, LIST
from ..films.radiograph import RadiographError

__all__ = ["Share"]

_lock = threading.Lock()
_shares: WeakSet[Share] = WeakSet()


class Share:
    """The bytes that one list keeps; given back when it is closed or forgotten.

    Attributes
    ----------
    used : int
        Bytes.
    """

    def __init__(self) -> None:
        self.used = 0
        with _lock:
            _shares.add(self)

    def take(self, size: int) -> None:
        """Count bytes that are about to be kept.

        Raises
        ------
        RadiographError
            If they would go beyond a bound, which it names; nothing is counted then.
        """
        with _lock:
            if self.used + size > LIST.value * 1_000_000:
                raise RadiographError(
                    f"The list is full: its films take {_mb(self.used)} MB of {LIST.value} MB. "
                    f"Clear it and go on with a new one, or {LIST.how}."
                )
            used = sum(share.used for share in _shares)
            if used + size > ALL_LISTS.value * 1_000_000:
                raise RadiographError(
                    f"The server is full: the films of all lists take {_mb(used)} MB of "
                    f"{ALL_LISTS.value} MB. Clear lists that are done, close their tabs, or "
                    f"{ALL_LISTS.how}."
                )
            self.used += size

    def give_back(self, size: int) -> None:
        """Count bytes that are no longer kept."""
        with _lock:
            self.used = max(0, self.used - size)

    def close(self) -> None:
        """Give everything back."""
        with _lock:
            self.used = 0


def _mb(size: int) -> str:
    return f"{size / 1e6:,.0f}"
