"""The reading session of a browser tab, and the log of readings that all tabs share."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence

import streamlit as st

from ..model import Model
from ..monitoring import LateReadings, Readings, ReadingsError
from ..reading_room.prepare import prepare
from ..reading_room.session import ReadingSession
from ..reading_room.worklist import Worklist
from ..scoring.card import Card
from ..scoring.site_file import SiteFile
from .sign_in import reader, trail_required
from .site_file import at_site
from .tab import SESSION, new_tab, tab_has
from .transfer import ready_film

__all__ = ["close_recorder", "reading_session", "readings", "recorder"]

#: Seconds that the log is waited for before it is read: it is written in less, unless it is locked.
MOMENT = 1.0


@st.cache_resource(max_entries=2, show_spinner=False)
def _log(url: str | None) -> Readings:
    return Readings(url)


#: The recorder, by the log's address. In no cache of Streamlit's: nothing may empty this one.
_recorders: dict[str | None, LateReadings] = {}
_making = threading.Lock()


def recorder() -> LateReadings:
    """Return what notes the readings of all tabs: it is never waited for.

    Raises
    ------
    ReadingsError
        If the log's address is none.
    """
    url = os.environ.get("CXR_READINGS_URL")
    with _making:
        if url not in _recorders:
            made = LateReadings(url)
            _close_all(0.0)  # of another address, as tests have it
            _recorders[url] = made
        return _recorders[url]


def close_recorder(seconds: float) -> None:
    """Write what waits, for so many seconds at most: the server stops."""
    with _making:
        _close_all(seconds)


def _close_all(seconds: float) -> None:
    while _recorders:
        _recorders.popitem()[1].close(seconds)


def readings() -> Readings:
    """Return the log of readings, to be read: what was noted a moment ago is in it.

    Raises
    ------
    ReadingsError
        If it cannot be opened.
    """
    noted = recorder()
    if not noted.backlog.problem:  # else it is not written in a moment
        noted.wait(MOMENT)
    return _log(os.environ.get("CXR_READINGS_URL"))


def reading_session(
    cards: Sequence[Card], operating_point: str | None, site: SiteFile | None = None
) -> ReadingSession:
    """Return this tab's session, with the models and the operating point that were chosen.

    What the models need is loaded in the background meanwhile; scoring starts once the caller
    starts `ReadingSession.scorer`.

    Parameters
    ----------
    cards : sequence of Card
        Of the models.
    operating_point : str or None
        Name of an operating point; None for each card's default.
    site : SiteFile, optional
        Of one of the models, which then has the site's operating points.
    """
    models = [at_site(card, site) for card in cards]
    if SESSION not in st.session_state:
        log, problem = None, ""
        try:
            log = recorder()
        except ReadingsError as error:
            problem = str(error)
        tab = new_tab()
        made = ReadingSession(
            Worklist(models, operating_point),
            log,
            tab.is_open,
            ready=ready_film,
            reader=reader(),
            trail_required=trail_required(),
        )
        made.log_error = problem
        tab_has(tab, made)
        prepare(models)
    session: ReadingSession = st.session_state[SESSION]
    worklist = session.worklist
    before = _chosen(worklist.models), worklist.operating_point
    if before != (_chosen(models), operating_point):
        worklist.rescore(models, operating_point)
    return session


def _chosen(models: Sequence[Model]) -> list[tuple[str, str]]:
    """Tell models apart by their names and the sites that their operating points are of."""
    return [(model.name, model.site.label if model.site else "") for model in models]
