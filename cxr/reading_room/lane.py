"""Tasks done in the background, one after the other."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

from ..errors import fault

__all__ = ["Lane"]

logger = logging.getLogger(__name__)


class Lane:
    """Tasks done one after the other in a thread that lives while there are any.

    What a task raises is logged, and the next one is done.
    """

    def __init__(self) -> None:
        self._tasks: OrderedDict[Hashable, Callable[[], None]] = OrderedDict()
        self._current: Hashable = None
        self._lock = threading.Lock()
        self._idle = threading.Event()
        self._idle.set()

    @property
    def busy(self) -> bool:
        """Whether anything is left to do."""
        return not self._idle.is_set()

    def put(self, key: Hashable, task: Callable[[], None], *, first: bool = False) -> None:
        """Add a task, unless it waits or is under way already."""
        with self._lock:
            if key == self._current or key in self._tasks:
                return
            self._tasks[key] = task
            if first:
                self._tasks.move_to_end(key, last=False)
            if self._idle.is_set():
                self._idle.clear()
                threading.Thread(target=self._run, daemon=True).start()

    def drop(self, key: Hashable) -> None:
        """Forget a task that has not begun."""
        with self._lock:
            self._tasks.pop(key, None)

    def join(self, seconds: float | None = None) -> bool:
        """Wait until nothing is left to do; whether that came true in time."""
        return self._idle.wait(seconds)

    def _run(self) -> None:
        while True:
            with self._lock:
                self._current = None
                if not self._tasks:
                    self._idle.set()
                    return
                self._current, task = self._tasks.popitem(last=False)
            try:
                task()
            except Exception as error:  # noqa: BLE001 - the others are done all the same
                logger.error("A task failed: %s", fault(error))
