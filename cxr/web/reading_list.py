"""The left side of Triage: upload, progress of scoring, the list to work through."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from functools import partial

import streamlit as st

from ..films.radiograph import RadiographError
from ..reading_room.entry import BANDS, Entry
from ..reading_room.samples import sample_films
from ..reading_room.session import ReadingSession
from ..reading_room.studies import ORDERS, Study, Wanted, priors
from ..stats.wording import count
from .address import among, in_address
from .messages import ADD_FILMS, NO_SAMPLES, START
from .plain_text import plain
from .tab import LOST, clear_tab
from .tour import start_tour, tour_steps
from .uploads import film_uploader, page_uploader, scoring_progress
from .worklist import BANDS as SIGNS
from .worklist import choice_view, choices_taken, worklist_view

__all__ = ["add_films", "first_film_ahead", "first_score", "reading_list", "start_view"]

#: Seconds between two looks at how far the scoring is; and that each film of the list adds, so that
#: one of a thousand is not sent all the time.
BEAT, PER_FILM = 0.4, 0.001
#: Between two looks at the open film while its reader waits for its score, or its prior.
SOON = 0.15
#: Readers whose films are scored at once without one waiting longer between two looks: each look
#: takes the interpreter from the scoring, and the looks of sixteen took nearly all of it.
AT_ONCE = 4
#: Seconds after which a browser has painted a film on a machine that is quiet, so that scoring it
#: takes the processor from nobody: those of a small film, and those of a million pixels more.
THERE, PER_MEGAPIXEL = 0.18, 0.04
#: After how many more it gets the list; and for how long at most the rest of the page waits for the
#: score.
AND_IF_BUSY, PATIENCE = 0.1, 0.4
SORTED_BY = {
    "score": "Highest band",
    "arrival": "Arrival",
    "date": "Newest date",
    "name": "Name",
}
#: What "read" means in the list: that one of a row's films was opened.
READ = {"unread": False, "read": True}


def start_view(session: ReadingSession, *, height: int) -> None:
    """Say, in the place of a film, how to get one: drop films, or take the sample films.

    Parameters
    ----------
    session : ReadingSession
        The reader's; its list is empty.
    height : int
        Of the film's field in CSS pixels.
    """
    with st.container(
        key="start", height=height, border=False, vertical_alignment="center", gap="small"
    ):
        if lost := st.session_state.get(LOST):
            st.warning(lost)
        st.markdown("##### Drop chest radiographs here", text_alignment="center")
        film_uploader(session.worklist, label_visibility="collapsed")
        st.caption("No films at hand?", text_alignment="center")
        _samples(session, primary=True)
        if st.session_state.pop("no_samples", False):
            st.info(NO_SAMPLES)
        st.button(
            "Take the tour",
            on_click=partial(_begin_tour, session),
            key="take_tour",
            type="tertiary",
            icon=":material/tour:",
            width="stretch",
            help=f"Steps: {', '.join(step.title for step in tour_steps())}",
        )
        st.caption(START, text_alignment="center")
    # Out of sight: the browser fetches now what it draws the list with, and not when a score waits.
    with st.container(key="ahead"):
        st.pills("Bands", BANDS[:4], key="bands_ahead", label_visibility="collapsed")
    st.session_state["start_shown"] = True


def first_film_ahead(session: ReadingSession, entry: Entry) -> bool:
    """Let the browser paint the first film of a list before it gets the rest of the page.

    The rest takes it longer to build than the film, and it builds all that it has got at once. Once
    the film is painted it is scored, and the list is built meanwhile; what else there is comes with
    the score: see `first_score`. Later films come into a page that is there.

    Returns
    -------
    bool
        Whether it is the first film.
    """
    first: bool = st.session_state.pop("start_shown", False)
    if first:
        time.sleep(_until_painted(session, entry))
        session.scorer.start()
        time.sleep(AND_IF_BUSY)
    return first


def _until_painted(session: ReadingSession, entry: Entry) -> float:
    """Say how long a browser takes to paint a film that it was just sent, seconds."""
    try:
        film = session.film(entry)
    except RadiographError:
        return THERE
    return THERE + PER_MEGAPIXEL * film.height * film.width / 1e6


def first_score(session: ReadingSession, entry: Entry) -> None:
    """Wait a moment for the score of the first film, and draw the page anew once it is there."""
    session.scorer.wait_for(entry, PATIENCE)
    if session.seen() != session.drawn:
        st.rerun()


def add_films(session: ReadingSession) -> None:
    """Take further films into a list that has some, or clear it."""
    with st.popover("Add films", width="stretch"):
        film_uploader(session.worklist)
        _samples(session)
        if st.session_state.pop("no_samples", False):
            st.info(NO_SAMPLES)
        # By callback: a press that the script itself answers is lost where it runs anew meanwhile.
        st.button("Clear the list", width="stretch", on_click=clear_tab)


def _samples(session: ReadingSession, *, primary: bool = False) -> None:
    st.button(
        "Sample films",
        width="stretch",
        type="primary" if primary else "secondary",
        on_click=partial(_take_samples, session),
        help="Films that are on this machine",
    )


def _take_samples(session: ReadingSession) -> None:
    samples = sample_films()
    st.session_state["no_samples"] = not samples
    session.worklist.begin_upload()
    for path in samples:
        session.worklist.add(path.name, path)


def _begin_tour(session: ReadingSession) -> None:
    _take_samples(session)
    start_tour()


def reading_list(session: ReadingSession, *, height: int) -> None:
    """Show the list; while films are scored it updates by itself, and the open film is not redrawn.

    Parameters
    ----------
    session : ReadingSession
        The reader's.
    height : int
        Of the list in CSS pixels.
    """
    if not len(session.worklist):
        st.caption(ADD_FILMS)
        return
    st.session_state.pop(LOST, None)
    choice_view(session.choose)
    with_page = [True]
    # Also if the score came after the film was drawn, and before the list is: the film is redrawn.
    changing = session.working or session.seen() != session.drawn
    readers = session.scorer.readers
    beat = _between_looks(BEAT + PER_FILM * len(session.worklist), readers)
    draw = st.fragment(_list, run_every=beat if changing else None)
    draw(session, height, with_page, changing)
    if session.awaits_score or session.awaits_prior:
        st.fragment(_draw_once_changed, run_every=_between_looks(SOON, readers))(session, with_page)
    with_page.clear()
    page_uploader(session.worklist)


def _between_looks(seconds: float, readers: int) -> float:
    """Return how long a page waits for its next look, where so many readers have films scored."""
    return seconds * max(1.0, readers / AT_ONCE)


def _list(session: ReadingSession, height: int, with_page: list[bool], beats: bool) -> None:
    """Draw the list: with the page, or by itself while films are scored, `with_page` is empty."""
    worklist = session.worklist
    # The page starts it once the film is shown; should that not have come to its end, here.
    if not with_page and session.drawn == session.seen():
        session.scorer.start()
    if len(worklist.waiting) > 1 or session.scorer.error or session.scorer.paused:
        scoring_progress(session.scorer)
        height -= 74
    order = _order(session)
    if order != session.order:
        session.order = order
        st.rerun(scope="app")
    every = worklist.rows(order)
    wanted = _wanted(session, every)
    films, unread = count(len(worklist)), sum(not row.opened for row in every)
    single = len(every) == len(worklist)
    grouped = films if single else f"{count(len(every), 'study', 'studies')}, {films}"
    # Sorted by band, what is wanted of one finding is in another order.
    by_finding = wanted.finding and order == "score"
    shown = worklist.rows(order, wanted) if by_finding else [row for row in every if row in wanted]
    filtered = f", {len(shown):,} shown" if len(shown) < len(every) else ""
    st.caption(f"{grouped}, {unread} unread{filtered}")
    st.caption(worklist.account)
    earlier = _earlier_studies(every)
    _next_buttons(session, shown)
    worklist_view(
        shown,
        worklist.chosen,
        hidden=worklist.hidden,
        first_of=worklist.first_of,
        priors=lambda row: earlier.get(row.number, 0),
        may_change=session.may_change,
        turn=choices_taken(),
        height=height - 172,
    )
    # What went on was of a film that is not open any more: the list would ask on and on.
    is_over = beats and not session.working
    _draw_once_changed(session, with_page, is_over)


def _draw_once_changed(
    session: ReadingSession, with_page: list[bool], is_over: bool = False
) -> None:
    """Draw the page anew once it shows something else; one that is being drawn ends first."""
    if not with_page and (is_over or session.seen() != session.drawn):
        st.rerun(scope="app")


def _earlier_studies(rows: list[Study]) -> dict[int, int]:
    """Count the earlier studies of a row's patient, by the row's number."""
    of_patient: dict[str, list[Study]] = {}
    for row in rows:
        if row.patient:
            of_patient.setdefault(row.patient, []).append(row)
    return {
        row.number: len(priors(row, same))
        for same in of_patient.values()
        if len(same) > 1
        for row in same
    }


def _next_buttons(session: ReadingSession, rows: list[Study]) -> None:
    """Lead to the next row of a kind: by button, and by the key that presses it."""
    unread = session.next_film(rows, lambda row: not row.opened)
    # In a blind list it would say which film is above.
    above = None
    if not session.worklist.blind:
        above = session.next_film(rows, lambda row: row.band() == "above")
    with st.container(horizontal=True, gap="xxsmall", key="next_row"):
        for label, key, entry, help_text in (
            ("Next unread", "next_unread", unread, "The next film that was not opened yet"),
            ("Next above", "next_above", above, "The next film above its operating point"),
        ):
            st.button(
                label,
                key=key,
                on_click=session.choose,
                args=(entry.number if entry else 0,),
                disabled=entry is None,
                width="stretch",
                help=help_text,
            )


def _order(session: ReadingSession) -> str:
    """Let the reader choose what the rows are sorted by."""
    blind = session.worklist.blind
    # A rank would give the scores of a blind list away.
    orders = [order for order in ORDERS if not (blind and order == "score")]
    row = st.container(horizontal=True, gap="xxsmall", key="list_row")
    key = f"order_{blind}"
    in_address("order", key, orders[0], among(orders))
    with row:
        chosen = st.selectbox(
            "Order",
            orders,
            format_func=SORTED_BY.__getitem__,
            key=key,
            persist_state="session",
            label_visibility="collapsed",
            help="A blind list is not ranked: that would give scores away." if blind else None,
        )
        _filters(session)
    return chosen


def _filters(session: ReadingSession) -> None:
    worklist = session.worklist
    finding, opened = _finding_key(session), "filter_opened"
    # How many rows they leave is said below: with another name it would close at each choice.
    with st.popover("Filter", key="list_filter", width="stretch"):
        if len(worklist.findings) > 1:
            st.pills(
                "Scored for",
                worklist.findings,
                format_func=lambda finding: plain(finding.capitalize()),
                key=finding,
                help="The bands are those of this finding then, and so is the order by band.",
            )
        st.pills("Films", READ, key=opened, format_func=str.capitalize)


def _wanted(session: ReadingSession, every: list[Study]) -> Wanted:
    """Let the reader choose bands; return what is to be seen by this and the other filters."""
    worklist = session.worklist
    finding = st.session_state.get(_finding_key(session)) or ""
    opened = READ.get(st.session_state.get("filter_opened") or "")
    wanted = Wanted(finding=finding, opened=opened, shown=worklist.chosen)
    if worklist.blind:
        return wanted
    rows = [row for row in every if row in wanted]
    counts = Counter(band for row in rows for band in row.bands(finding))
    picked = st.pills(
        "Bands",
        BANDS[:4],
        selection_mode="multi",
        format_func=lambda band: f"{SIGNS[band][0]} {counts[band]}",
        key="bands",
        label_visibility="collapsed",
        help=", ".join(f"{SIGNS[band][0]} {SIGNS[band][1]}" for band in BANDS[:4]),
    )
    return replace(wanted, bands=(*picked, "waiting")) if picked else wanted


def _finding_key(session: ReadingSession) -> str:
    # Another element with other models, whose findings are others.
    return f"filter_{'_'.join(session.worklist.findings)}"
