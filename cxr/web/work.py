"""Work of over a second that a page needs: it shows how far it is, and can be stopped."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, Literal, Protocol, TypeVar

import pandas as pd
import streamlit as st

from ..errors import fault
from ..progress import Progress

__all__ = ["BEAT", "Shown", "Work", "progress_with_stop", "table_key", "worked_out"]

logger = logging.getLogger(__name__)

T = TypeVar("T")
#: Seconds between two looks at how far it is.
BEAT = 0.5
#: For so many the page waits: what is done by then shows no bar.
PATIENCE = 0.5
#: Results that are kept, of all readers together; the least recently used goes first.
KEPT = 16
#: And of one kind: each may be a table of the whole log.
OF_A_KIND = 4
STATE = "works"


class _StoppedError(Exception):
    pass


class Shown(Protocol):
    """What a bar is drawn of."""

    @property
    def done(self) -> float:
        """Of the work, in any unit."""

    @property
    def total(self) -> float:
        """In the same unit."""

    @property
    def state(self) -> str:
        """ "running" until it has ended."""

    def stop(self) -> None:
        """End it after the step that is under way."""


class Work(Generic[T]):
    """Something that is worked out in a thread.

    Parameters
    ----------
    do : callable
        Works it out, and tells the progress that it is given how far it is: where it is to stop,
        that raises.

    Attributes
    ----------
    done, total : float
        How far it is.
    state : {"running", "ready", "stopped", "failed"}
    result : object
        What `do` returned, once it is ready.
    error : Exception or None
        What went wrong.
    """

    def __init__(self, do: Callable[[Progress], T]) -> None:
        self.done, self.total = 0.0, 1.0
        self.state: Literal["running", "ready", "stopped", "failed"] = "running"
        self.result: T | None = None
        self.error: Exception | None = None
        self._do, self._end = do, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it after the step that is under way."""
        self._end.set()

    def join(self, seconds: float | None = None) -> bool:
        """Wait until it has ended; whether that came true in time."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self.result = self._do(self._tell)
            self.state = "ready"
        except _StoppedError:
            self.state = "stopped"
        except Exception as error:  # noqa: BLE001 - the page raises it again, where it is handled
            logger.info("Work of a page failed: %s", fault(error))
            self.error, self.state = error, "failed"

    def _tell(self, done: float, total: float) -> None:
        if self._end.is_set():
            raise _StoppedError
        self.done, self.total = done, total


class _Results:
    """What was worked out last, for all readers."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[Hashable, ...], object] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[Hashable, ...]) -> object:
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
            return self._known.get(key)

    def put(self, key: tuple[Hashable, ...], result: object) -> None:
        with self._lock:
            self._known[key] = result
            same = [known for known in self._known if known[0] == key[0]]
            for old in same[:-OF_A_KIND]:
                del self._known[old]
            while len(self._known) > KEPT:
                self._known.popitem(last=False)


@st.cache_resource(show_spinner=False)
def _results() -> _Results:
    return _Results()


def table_key(table: pd.DataFrame) -> Hashable:
    """Return what tells a table from another one."""
    return len(table), *table.columns, int(pd.util.hash_pandas_object(table).sum())


def worked_out(what: str, do: Callable[[Progress], T], *key: Hashable) -> T | None:
    """Return what is worked out, once it is; until then show how far it is, and a stop.

    The page is drawn anew once it is there, for any reader who needs the same. What this reader
    needed before of the same kind, and does not any more, is stopped.

    Parameters
    ----------
    what : str
        What is done, for people: "Averaging films".
    do : callable
        As of `Work`; it returns something else than None.
    key : hashable
        What the result depends on.

    Returns
    -------
    object or None
        None while it is not there: then its part of the page is left out.
    """
    whole = (what, *key)
    known = _results().get(whole)
    if known is not None:
        return known  # type: ignore[return-value]
    works: dict[tuple[Hashable, ...], Work[T]] = st.session_state.setdefault(STATE, {})
    for other in [other for other in works if other[0] == what and other != whole]:
        works.pop(other).stop()
    work = works.get(whole) or works.setdefault(whole, Work(do))
    work.join(PATIENCE)
    if work.state in ("ready", "failed"):
        del works[whole]
        if work.error:
            raise work.error
        _results().put(whole, work.result)
        return work.result

    def go_on() -> None:
        works.pop(whole, None)

    with st.container(gap="xsmall", width=420):
        if work.state == "running":
            st.fragment(progress_with_stop, run_every=BEAT)(work, what, f"stop {what}")
        else:
            st.caption(f"{what}: stopped.")
            st.button("Go on", key=f"go on {what}", on_click=go_on)
    return None


def progress_with_stop(work: Shown, words: str, key: str, *, of: str = "") -> None:
    """Show how far something is with a stop; draw the page anew once it has ended.

    Parameters
    ----------
    work : Work or Making
        What is under way.
    words : str
        What is done.
    key : str
        Of the button.
    of : str, optional
        How much it is in all, in words: "40 films".
    """
    if work.state != "running":
        st.rerun(scope="app")
    how_far = f": {work.done:,.0f} of {of}" if of else ""
    st.progress(min(1.0, work.done / work.total), f"{words}{how_far}")
    st.button("Stop", key=key, width="stretch", on_click=work.stop)
