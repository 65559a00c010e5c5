"""Triage: drop films in, read the highest scores first."""

import streamlit as st

from cxr import report
from cxr.samples import HOW_TO_GET, sample_films
from cxr.viewer import (
    bundle,
    choose_model,
    empty_field,
    film_view,
    header,
    score_view,
    worklist_view,
)
from cxr.worklist import CALLS, EXPORTED, ORDERS, Entry, Worklist

FIELD = 690  # height of the film, chosen so that 1440 x 900 needs no scrolling
SUFFIXES = ["png", "jpg", "jpeg", "dcm", "dicom", "zip"]


def main() -> None:
    list_column, film_column, facts_column = st.columns([1.1, 3.75, 1.15], gap="small")
    with facts_column:
        card = choose_model("triage_model", baselines=False)
        point = st.selectbox(
            "Operating point",
            [point.name for point in card.operating_points],
            key="triage_point",
            help="The score at or above which a film is called positive, chosen on validation.",
        )
    worklist = st.session_state.setdefault("worklist", Worklist(bundle(card)))
    if (worklist.bundle.name, worklist.operating_point.name) != (card.name, point):
        worklist.rescore(bundle(card), point)
    with list_column:
        add_films(worklist)
        score_waiting(worklist)
        entry = show_list(worklist)
    with film_column:
        header("Triage")
        show_film(entry)
    with facts_column:
        if entry:
            show_facts(worklist, entry)


def add_films(worklist: Worklist) -> None:
    turn = st.session_state.setdefault("upload_turn", 0)
    place = st.popover("Add films", width="stretch") if len(worklist) else st.container()
    with place:
        uploads = st.file_uploader(
            "PNG, JPEG, DICOM or zip",
            accept_multiple_files=True,
            key=f"uploads_{turn}",
            help=f"Stays in memory, never on disk. Without a suffix, DICOM goes in a zip. "
            f"Known suffixes: {', '.join(SUFFIXES)}.",
        )
        if st.button("Sample films", width="stretch", help="Films that are on this machine"):
            samples = sample_films()
            if not samples:
                st.info(HOW_TO_GET)
            for path in samples:
                worklist.add(path.name, path)
        if len(worklist) and st.button("Clear the list", width="stretch"):
            del st.session_state["worklist"]
            st.rerun()
    if uploads:
        for upload in uploads:
            worklist.add(upload.name, upload.getvalue())
        # A new uploader, empty: the list has the films now, and they are not kept twice.
        st.session_state["upload_turn"] = turn + 1
        st.rerun()


def score_waiting(worklist: Worklist) -> None:
    if not worklist.waiting:
        return
    if st.session_state.get("paused"):
        st.caption(f"{len(worklist.waiting)} films wait.")
        st.button("Go on", on_click=st.session_state.pop, args=("paused",), width="stretch")
        return
    total = len(worklist)
    st.button("Stop", on_click=st.session_state.update, args=({"paused": True},), width="stretch")
    bar = st.progress(0.0, f"Reading {total} films")
    for done in worklist.score():
        bar.progress(done / total, f"{done} of {total} films read")
    st.rerun()


def show_list(worklist: Worklist) -> Entry | None:
    if not len(worklist):
        st.caption("Drop films above, or try the sample films. The highest scores come first.")
        return None
    order = st.segmented_control(
        "Order", ORDERS, default="score", key="order", label_visibility="collapsed", required=True
    )
    entry = worklist.open(order=order)
    unread = sum(not e.opened for e in worklist.entries)
    st.caption(f"{len(worklist)} films, {unread} unread")
    worklist_view(
        worklist.ordered(order),
        entry.number if entry else None,
        on_choose=lambda number: setattr(worklist, "chosen", number),
        height=FIELD - 38,
    )
    return entry


def show_film(entry: Entry | None) -> None:
    if entry is None:
        empty_field(
            "Add films on the left. The one with the highest score opens here.", height=FIELD
        )
    elif not (entry.thumbnail and entry.prediction):
        refusal = entry.prediction.refusal if entry.prediction else None
        reason = refusal.reason if refusal else "It waits to be read."
        empty_field(f"{entry.name}: {reason}", height=FIELD)
    else:
        film_view(entry.film(), entry.prediction.heatmap, name=entry.name, height=FIELD)


def show_facts(worklist: Worklist, entry: Entry) -> None:
    finding = worklist.bundle.card.finding
    st.markdown(f"**{entry.name}**")
    st.caption(entry.facts or "Not read")
    if twins := worklist.twins(entry):
        st.caption(f"Same pixels as film {', '.join(str(twin.number) for twin in twins)}")
    score_view(entry, worklist.operating_point, finding)
    calls = [call.replace("*", finding) for call in CALLS]
    key = f"call_{entry.number}"
    st.radio(
        "Your call",
        calls,
        index=calls.index(entry.call) if entry.call in calls else None,
        key=key,
        # Noted before the page is drawn anew, so that the list shows it at once.
        on_change=lambda: setattr(entry, "call", st.session_state[key]),
        help="Kept with this list, in memory; it goes out with the exports.",
    )
    rows = worklist.rows()
    left, right = st.columns(2)
    left.download_button(
        "CSV", report.to_csv(rows, EXPORTED), "worklist.csv", "text/csv", width="stretch"
    )
    records = report.to_json(rows, EXPORTED)
    right.download_button("JSON", records, "worklist.json", "application/json", width="stretch")


main()
