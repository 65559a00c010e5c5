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
    """Offer CSV, JSON, PDF and DICOM of one film or of the list.

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
        for label, name, kind, make in (
            ("CSV", f"{stem}.csv", "text/csv", lambda: to_csv(rows(), EXPORTED)),
            (
                "JSON",
                f"{stem}.json",
                "application/json",
                lambda: to_json(rows(), EXPORTED),
            ),
            (
                "PDF",
                f"{stem}.pdf",
                "application/pdf",
                lambda: report.to_pdf(items(), cards),
            ),
            (
                "DICOM",
                f"{stem}-dicom.zip",
                "application/zip",
                lambda: report.to_dicom_zip(items(), cards),
            ),
        ):
            _button(label, name, kind, make, disabled=not entries)


def _button(
    label: str, name: str, kind: str, make: Callable[[], str | bytes], *, disabled: bool
) -> None:
    st.download_button(
        label,
        make,
        name,
        kind,
        width="stretch",
        key=f"export_{label}",
        on_click="ignore",
        disabled=disabled,
        help={
            "PDF": "One page per film and finding, with the heatmap by the chosen method",
            "DICOM": "Secondary captures, and structured reports of films that came as DICOM",
        }.get(label),
    )
