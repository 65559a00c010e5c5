"""Exports of the list, or of the open film."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import streamlit as st

from .. import exports as report
from ..exports import EXPORTED, to_csv, to_json
from ..reading_room.entry import Entry
from ..reading_room.session import ReadingSession

__all__ = ["export_view"]


def export_view(session: ReadingSession, entry: Entry) -> None:
    """Offer CSV, JSON, PDF, DICOM and what was drawn, of one film or of the list.

    Each file is made when it is asked for.

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

        def items() -> Iterator[report.Item]:
            return report.items_of(entries, session.maps.exported)

        stem = "worklist" if scope == "the list" else "film"
        cards = [model.card for model in worklist.models]
        csv, drawn = "text/csv", any(e.regions for e in entries)
        there = any(r.label in report.THERE for e in entries for r in e.regions)
        _button("CSV", f"{stem}.csv", csv, lambda: to_csv(rows(), EXPORTED), of=entries)
        _button(
            "JSON",
            f"{stem}.json",
            "application/json",
            lambda: to_json(rows(), EXPORTED),
            of=entries,
        )
        _button(
            "PDF",
            f"{stem}.pdf",
            "application/pdf",
            lambda: report.to_pdf(items(), cards),
            of=entries,
        )
        _button(
            "DICOM",
            f"{stem}-dicom.zip",
            "application/zip",
            lambda: report.to_dicom_zip(items(), cards),
            of=entries,
        )
        _button("Regions", "regions.csv", csv, lambda: report.regions_csv(entries), of=drawn)
        _button("Boxes", "boxes.csv", csv, lambda: report.boxes_csv(entries), of=there)


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
        help={
            "PDF": "One page per film and finding, with the heatmap by the chosen method",
            "DICOM": "Secondary captures; of films that came as DICOM also structured reports, "
            "heatmaps as parametric maps, and regions as segmentations and presentation states",
            "Regions": "What you drew, one row per region, as shares of the film",
            "Boxes": "Regions of the finding in pixels, as cxr evaluate --boxes takes them",
        }.get(label),
    )
