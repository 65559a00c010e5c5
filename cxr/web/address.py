"""What a page shows in the browser's address: back goes back, and what is seen can be sent.

An element is bound to the address by Streamlit itself so that back leaves the page: each choice
takes the place of the one before. What the server puts there is a step of its own in the browser's
history. The address has what is not as at first: hashes and names of models, never a file's name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner import RerunException

from .streamlit_hooks import leave_uploads, went_back

__all__ = ["among", "asked", "has_come", "in_address", "number_within", "on_page", "put"]

T = TypeVar("T")
#: Of the session: the page, what its address said last, what it is to say, and whether what it says
#: now is the reader's doing.
PAGE, SAID, PUT, NEWS = "address_page", "address_said", "address_put", "address_news"
#: The page whose uploads the tab has.
UPLOADS = "address_uploads"
#: And whether the run before was another page's.
COME = "address_come"


@contextmanager
def on_page(page: str) -> Iterator[None]:
    """Run a page, and put what it shows into the address once it has come to its end.

    All at once: one step back for one thing done, whatever changes with it.

    Parameters
    ----------
    page : str
        Its path; another page begins with what its own address says.
    """
    state = st.session_state
    has_come = state.get(PAGE) != page
    # A run may be asked for before the browser has what was put last: its address is no news then.
    state[COME] = has_come
    state[NEWS] = has_come or went_back()
    if has_come:
        state[SAID] = {}
    # Once for each page that is come to: where its first run begins anew, its own uploaders are
    # there already. Those of the page before are gone.
    if state.get(UPLOADS) != page:
        state[UPLOADS] = page
        leave_uploads()
    state[PUT] = {}
    try:
        yield
    except RerunException:
        raise  # the next run tells
    except BaseException:
        _tell(page)
        raise
    _tell(page)


def _tell(page: str) -> None:
    """Put what was gathered into the address, if it says something else."""
    state = st.session_state
    wanted = {name: text for name, text in state[PUT].items() if text is not None}
    state[PAGE], state[SAID] = page, wanted
    others = {name: text for name, text in st.query_params.items() if name.startswith("embed")}
    if st.query_params.to_dict() != others | wanted:
        st.query_params.from_dict(wanted)


def has_come() -> bool:
    """Whether the reader has just come to this run's page."""
    come: bool = st.session_state.get(COME, False)
    return come


def asked(name: str) -> tuple[bool, str | None]:
    """Return whether the address says something new, and what it says.

    New is what the page did not put there: somebody opened a link, or went back.

    Parameters
    ----------
    name : str
        Of the parameter.
    """
    text = st.query_params.get(name)
    is_other = text != st.session_state.get(SAID, {}).get(name)
    return is_other and st.session_state.get(NEWS, True), text


def put(name: str, text: str | None) -> None:
    """Have the address say something from the end of this run on; None for nothing."""
    st.session_state.setdefault(PUT, {})[name] = text


def in_address(
    name: str,
    key: str,
    at_first: T,
    parse: Callable[[str], T | None],
    text: Callable[[T], str] = str,
) -> None:
    """Keep an element's choice in the address; to be called before the element is made.

    The element is made without a default of its own: what it shows at first is in its state then.

    Parameters
    ----------
    name : str
        Of the parameter.
    key : str
        Of the element.
    at_first : object
        What is chosen where the address does not say.
    parse : callable
        Returns what a text stands for, None for nothing that can be chosen.
    text : callable, optional
        The text for a choice, of which `parse` makes the same choice.
    """
    state = st.session_state
    new, said = asked(name)
    chosen: Any = state.get(key, at_first)
    if new:
        chosen = parse(said) if said is not None else at_first
    elif chosen is not None and parse(text(chosen)) is None:
        chosen = at_first  # what was chosen is not there any more
    if chosen is None and at_first is not None:
        chosen = at_first
    state[key] = chosen
    # A link may say what is chosen at first all the same: it stays as it is.
    told = chosen != at_first or (chosen is not None and said == text(chosen))
    put(name, text(chosen) if told and chosen is not None else None)


def among(options: Iterable[T], text: Callable[[T], str] = str) -> Callable[[str], T | None]:
    """Return what finds the option that a text stands for."""
    by_text = {text(option): option for option in options}
    return by_text.get


def number_within(low: float, high: float, digits: int = 3) -> Callable[[str], float | None]:
    """Return what reads a number of a slider, of at most so many digits after the point."""

    def parse(said: str) -> float | None:
        try:
            number = round(float(said), digits)
        except ValueError:
            return None
        return number if low <= number <= high else None

    return parse
