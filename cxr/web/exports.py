"""Exports of the list, or of the open film."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

import streamlit as st

from .. import exports as report
from ..exports import EXPORTED, to_csv, to_json
from ..films.bounds import ALL_LISTS, LIST
from ..reading_room.entry import Entry
from ..reading_room.session import ReadingSession
from ..scoring.card import Card
from ..stats.wording import count
from .work import BEAT, progress_with_stop

__all__ = ["export_view"]

#: Films of which a file with pictures is made within a second or so.
QUICK = 10
HELP = {
    "PDF": "One page per film and finding, with the heatmap by the chosen method",
    "DICOM": "Secondary captures; of films that came as DICOM also structured reports, "
    "heatmaps as parametric maps, and regions as segmentations and presentation states",
    "Regions": "What you drew, one row per region, as shares of the film",
    "Boxes": "Regions of the finding in pixels, as cxr evaluate --boxes takes them",
}
FAILED = "The file could not be made. Make it once more; what went wrong is in the server's log."
CHANGED = "The {} was out of date: something said of its films has changed since {:%H:%M} UTC."
LET_GO = "The {} was let go: films needed its room. Make it once more."
FULL = "There is no room for the {} of so many films. Export them one by one, or {}."


def export_view(session: ReadingSession, entry: Entry) -> None:
    """Offer CSV, JSON, PDF, DICOM and what was drawn, of one film or of the list.

    Each file is made when it is asked for; of many films in the background, so that it can be
    stopped, and it is saved once it is there.

    Parameters
    ----------
    session : ReadingSession
        The reader's.
    entry : Entry
        The film that is open.
    """
    worklist = session.worklist
    with st.popover("Export", width="stretch"):
        scope = st.segmented_control(
            "What", ("the list", "this film"), default="the list", required=True, key="scope"
        )
        if worklist.blind and any(map(worklist.hidden, worklist.entries)):
            st.caption("Films that you have not called yet are left out.")
        entries = [entry] if scope == "this film" else worklist.ordered(session.order)
        entries = [e for e in entries if not e.waits and not worklist.hidden(e)]
        numbers = {e.number for e in entries}

        def rows() -> list[dict[str, object]]:
            listed = report.rows_of(worklist, session.order)
            return [row for e, row in listed if e.number in numbers]

        def items(films: Iterable[Entry]) -> Iterator[report.Item]:
            return report.items_of(films, session.maps.exported)

        stem = "worklist" if scope == "the list" else "film"
        cards = [model.card for model in worklist.models]
        csv = "text/csv"
        noted = partial(_noted, session, entries)
        with_regions = [e for e in entries if e.regions]
        with_boxes = [e for e in entries if any(r.label in report.THERE for r in e.regions)]
        csv_of, json_of = (lambda: to_csv(rows(), EXPORTED)), (lambda: to_json(rows(), EXPORTED))
        _button("CSV", f"{stem}.csv", csv, noted("csv", csv_of), of=entries)
        _button("JSON", f"{stem}.json", "application/json", noted("json", json_of), of=entries)
        for label, file, kind, make in (
            ("PDF", f"{stem}.pdf", "application/pdf", report.to_pdf),
            ("DICOM", f"{stem}-dicom.zip", "application/zip", report.to_dicom_zip),
        ):
            made = partial(_made, session, label.lower(), items, make, cards)
            if len(entries) > QUICK:
                _long(session, label, file, kind, made, entries)
            else:
                _button(label, file, kind, partial(made, entries), of=entries)
        for label, drawn, of_films in (
            ("Regions", with_regions, report.regions_csv),
            ("Boxes", with_boxes, report.boxes_csv),
        ):
            make_csv = _noted(session, drawn, label.lower(), partial(of_films, entries))
            _button(label, f"{label.lower()}.csv", csv, make_csv, of=drawn)


def _button(
    label: str, name: str, kind: str, make: Callable[[], str | bytes], *, of: object
) -> None:
    st.download_button(
        label,
        make,
        name,
        kind,
        width="stretch",
        key=f"export_{label}",
        on_click="ignore",
        disabled=not of,
        help=HELP.get(label),
    )


def _noted(
    session: ReadingSession, films: list[Entry], form: str, make: Callable[[], str]
) -> Callable[[], str]:
    """Return what makes a file, and has the audit trail know before it is handed out."""

    def made() -> str:
        content = make()
        session.note_export(form, films)
        return content

    return made


def _made(
    session: ReadingSession,
    form: str,
    items: Callable[[Iterable[Entry]], Iterator[report.Item]],
    make: Callable[[Iterable[report.Item], list[Card]], bytes],
    cards: list[Card],
    films: Iterable[Entry],
) -> bytes:
    """Make a file, and have the audit trail know before it is handed out."""
    taken: list[Entry] = []

    def each() -> Iterator[Entry]:
        for film in films:
            taken.append(film)
            yield film

    content = make(items(each()), cards)
    session.note_export(form, taken)
    return content


def _long(
    session: ReadingSession,
    label: str,
    name: str,
    kind: str,
    make: Callable[[Iterable[Entry]], bytes],
    films: list[Entry],
) -> None:
    """Offer a file that is made in the background: to begin, to stop, to save."""
    making = session.makings.of(label, films)
    # In a place of its own: what stands in it changes, and what is below it is not to close.
    with st.container(key=f"making_{label}", gap="xsmall"):
        if making and making.state == "running":
            st.fragment(progress_with_stop, run_every=BEAT)(
                making, label, f"stop_{label}", of=count(making.total)
            )
            return
        if making and making.state == "ready":
            st.download_button(
                f"Save {label}",
                making.content,
                name,
                kind,
                width="stretch",
                key=f"save_{label}",
                type="primary",
                on_click="ignore",
                help=f"{count(making.total)}, as they were at {making.begun:%H:%M} UTC",
            )
            if lacks := making.lacks(films):
                st.caption(f"Without {count(lacks)} that came or were scored later.")
        if making and making.state == "changed":
            st.caption(CHANGED.format(label, making.begun))
        if making and making.state == "let go":
            st.caption(LET_GO.format(label))
        if making and making.state == "full":
            st.error(FULL.format(label, f"{LIST.how}, or {ALL_LISTS.how}"))
        if making and making.state == "failed":
            st.error(FAILED)
        st.button(
            f"{label} anew" if making and making.state in ("ready", "changed") else label,
            key=f"export_{label}",
            on_click=session.makings.begin,
            args=(label, films, make),
            width="stretch",
            # The pointer is here after the first press: the words would lie over the other button.
            help=None if making and making.state == "ready" else HELP[label],
        )
