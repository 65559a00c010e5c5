"""Triage: drop films in, read the highest scores first."""

import streamlit as st

from cxr.films.radiograph import RadiographError
from cxr.reading_room.entry import Entry
from cxr.scoring.bundle import BundleError
from cxr.scoring.card import Card
from cxr.web import (
    ReadingSession,
    add_films,
    ahead_of,
    among,
    beside_of,
    call_view,
    choose_readers,
    choose_site,
    compare_view,
    current_of,
    damage_told,
    drawing_of,
    empty_field,
    export_view,
    film_view,
    finding_view,
    first_film_ahead,
    first_score,
    header,
    in_address,
    link_of,
    linked_film,
    method_view,
    open_linked,
    overview_button,
    plain,
    prior_of,
    prior_said,
    reading_list,
    reading_session,
    score_view,
    site_facts,
    start_view,
    stop_without_readers,
    study_view,
    trail_allows,
)

#: What this page takes by key besides the film's own, as keys.js calls it.
KEYS = (
    *("next", "previous", "view", "unread", "above"),
    *("agree", "disagree", "undo", "finding", "method"),
)
#: Among the operating points: the default of each model.
EACH_ITS_OWN = "each model's default"
FIELD = 680  # height of the film, chosen so that 1440 x 900 needs no scrolling


def main() -> None:
    stop_without_readers("Triage")
    list_column, film_column, facts_column = st.columns([1.1, 3.75, 1.15], gap="small")
    facts = facts_column.container(gap=6, key="facts")
    with facts:
        cards = choose_readers("triage_model")
        point_place = st.container()
        with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
            blind = st.toggle(
                "Read blind",
                key="blind",
                persist_state="session",
                help="Score and heatmap appear once you have called a film.",
            )
            site_place = st.container(width="content")
        site, cards = choose_site(cards, "triage_site", site_place)
        with point_place:
            point = choose_point(cards)
    try:
        session = reading_session(cards, point, site)
    except BundleError:
        with film_column:
            header("Triage", cards)
        raise
    session.worklist.blind = blind
    open_linked(session)
    entry = session.opened()
    missing = linked_film(session, entry)
    # The film before all else that depends on it: its reader waits for it.
    with film_column:
        header("Triage", cards)
        if missing:
            st.info(missing)
        if entry:
            show_film(session, entry)
            is_first = first_film_ahead(session, entry)
        else:
            start_view(session, height=FIELD)
    with list_column:
        if entry:
            with st.container(horizontal=True, gap="xsmall"):
                add_films(session)
                study_view(session, entry)
        reading_list(session, height=FIELD - 38)
    if entry and is_first:
        first_score(session, entry)
    with facts:
        if entry:
            show_facts(session, entry)
    # Not before the film is on its way: reading it and scoring it want the same processor.
    session.scorer.start()
    session.read_ahead()


def choose_point(cards: list[Card]) -> str | None:
    """Let the reader choose an operating point that all models have; None for each its own."""
    names = [
        point.name
        for point in cards[0].operating_points
        if all(point.name in [p.name for p in card.operating_points] for card in cards)
    ]
    own = dict.fromkeys(card.default_operating_point for card in cards)
    # Two models may have two defaults: then each takes its own unless one is chosen for both.
    first = EACH_ITS_OWN if len(own) > 1 else next(iter(own))
    points = list(dict.fromkeys([first, *names]))
    in_address("point", "triage_point", first, among(points))
    chosen = st.selectbox(
        "Operating point",
        points,
        key="triage_point",
        persist_state="session",
        help="The score at or above which a film is called positive; not chosen on test films.",
    )
    return None if chosen == EACH_ITS_OWN else chosen


def show_film(session: ReadingSession, entry: Entry) -> None:
    refusal = entry.prediction.refusal if entry.prediction else None
    try:
        if refusal and not entry.sha256:
            raise RadiographError(refusal.reason)
        film = session.film(entry)
    except RadiographError as error:
        empty_field(f"{entry.name}: {error.reason}", height=FIELD)
        return
    beside, prior, ahead = (
        beside_of(session, entry),
        prior_of(session, entry),
        ahead_of(session, entry),
    )
    # Of all films that are sent along, too.
    if not trail_allows(session.trail, height=FIELD):
        return
    film_view(
        film,
        session.maps.shown(entry),
        name=entry.name,
        height=FIELD,
        keys=KEYS,
        without_heatmap=session.maps.without(entry),
        coming=session.maps.coming(entry),
        beside=beside,
        lungs=session.outlines.of(entry.sha256),
        current=current_of(session, entry),
        prior=prior,
        prior_said=prior_said(session, entry),
        priors_chosen=session.priors_chosen,
        ahead=ahead,
        drawing=drawing_of(session, entry),
        link=link_of(entry, st.session_state["triage_model"]),
    )


def show_facts(session: ReadingSession, entry: Entry) -> None:
    worklist = session.worklist
    with st.container(key="film_name"):
        st.markdown(f"**{plain(entry.name)}**", help=plain(entry.name))
    unknown = " · age unknown" if entry.age_unknown and len(entry.assessments) > 1 else ""
    st.caption(plain(f"{entry.facts}{unknown}" if entry.facts else "Not read"))
    # What may be there or not has a place, so that nothing below it moves from film to film.
    with st.container(key="notes_place", gap="xsmall"):
        for note in entry.told:
            st.caption(note.words)
    finding_view(session, entry)
    # Each has its place before the score is there, so that nothing jumps when it comes.
    if not worklist.hidden(entry) and not (worklist.blind and entry.waits):
        refused = entry.prediction is not None and entry.prediction.score is None
        with st.container(key="refusal" if refused else "score_place", gap="xxsmall"):
            score_view(entry, worklist.point(entry.finding), entry.finding)
            if site := worklist.model(entry.finding).site:
                site_facts(site, entry.prediction.score if entry.prediction else None)
    else:
        st.empty()
    with st.container(key="method_place", gap="xsmall"):
        method_view(session, entry)
    with st.container(key="call_place", gap="xsmall"):
        call_view(session, entry)
    with st.container(key="film_acts"):
        left, middle, right = st.columns([1.05, 1.15, 1], gap="xsmall")
    # Both hand out pictures of the film.
    may_leave = session.trail.holds(0)
    with left:
        if may_leave:
            overview_button(session, entry)
    with middle:
        compare_view(session, entry)
    with right:
        if may_leave:
            export_view(session, entry)
    if twins := worklist.twins(entry):
        st.caption(f"Same pixels as film {', '.join(str(twin.number) for twin in twins)}")


with damage_told():
    main()
