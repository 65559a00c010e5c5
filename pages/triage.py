"""Triage: drop films in, read the highest scores first."""

import streamlit as st

from cxr.reading_room.entry import Entry
from cxr.web import (
    ReadingSession,
    add_films,
    beside_of,
    call_view,
    choose_model,
    compare_view,
    empty_field,
    export_view,
    film_view,
    header,
    method_view,
    overview_button,
    reading_list,
    reading_session,
    score_view,
)

METHOD_KEY = ("N", "Heatmap by the next method of one pass")
FIELD = 680  # height of the film, chosen so that 1440 x 900 needs no scrolling


def main() -> None:
    list_column, film_column, facts_column = st.columns([1.1, 3.75, 1.15], gap="small")
    facts = facts_column.container(gap=6)
    with facts:
        card = choose_model("triage_model", baselines=False)
        point = st.selectbox(
            "Operating point",
            [point.name for point in card.operating_points],
            key="triage_point",
            help="The score at or above which a film is called positive, chosen on validation.",
        )
        blind = st.toggle(
            "Read blind", key="blind", help="Score and heatmap appear once you have called a film."
        )
    session = reading_session(card, point)
    session.worklist.blind = blind
    with list_column:
        add_films(session)
    entry = session.opened()
    with list_column:
        reading_list(session, height=FIELD - 38)
    with film_column:
        header("Triage", card)
        show_film(session, entry)
    with facts:
        if entry:
            show_facts(session, entry)


def show_film(session: ReadingSession, entry: Entry | None) -> None:
    if entry is None:
        waits = bool(len(session.worklist))
        text = "Add films on the left. The one with the highest score opens here."
        empty_field("Reading the first film." if waits else text, height=FIELD)
    elif not (entry.thumbnail and entry.prediction):
        refusal = entry.prediction.refusal if entry.prediction else None
        reason = refusal.reason if refusal else "It waits to be read."
        empty_field(f"{entry.name}: {reason}", height=FIELD)
    else:
        film_view(
            session.film(entry),
            session.maps.shown(entry),
            name=entry.name,
            height=FIELD,
            keys=[("J K", "Next, previous film"), ("A", "Agree"), ("D", "Disagree"), METHOD_KEY],
            without_heatmap=session.maps.without(entry),
            beside=beside_of(session, entry),
        )


def show_facts(session: ReadingSession, entry: Entry) -> None:
    worklist = session.worklist
    with st.container(key="film_name"):
        st.markdown(f"**{entry.name}**", help=entry.name)
    st.caption(entry.facts or "Not read")
    for note in entry.notes:
        st.caption(note.words)
    if twins := worklist.twins(entry):
        st.caption(f"Same pixels as film {', '.join(str(twin.number) for twin in twins)}")
    if not worklist.hidden(entry):
        score_view(entry, worklist.operating_point, worklist.bundle.card.finding)
    method_view(session, entry)
    call_view(session, entry)
    with st.container(key="film_acts"):
        left, middle, right = st.columns([1.05, 1.15, 1], gap="xsmall")
    with left:
        overview_button(session, entry)
    with middle:
        compare_view(session, entry)
    with right:
        export_view(session, entry)


main()
