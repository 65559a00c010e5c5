"""Exports of predictions and heatmaps as files: CSV, JSON, JSON lines, Parquet, PNG.

How rows are written and read is in `cxr.bulk.rows`, whose names are these as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from PIL.PngImagePlugin import PngInfo

from ..bulk.rows import (
    FORMATS,
    Row,
    check_format,
    columns,
    csv_lines,
    read_rows,
    to_csv,
    to_json,
    write_rows,
)
from ..films.radiograph import Radiograph
from ..heatmaps.heatmap import CAPTION, Heatmap
from ..heatmaps.overlay import overlay
from ..scoring.heat_in_lungs import HeatInLungs
from ..scoring.population import INTENDED_USE, intended_use
from ..storage.atomic import write_file
from .item import call_words
from .regions import region_words

if TYPE_CHECKING:
    from ..reading_room.entry import Entry
    from ..reading_room.worklist import Worklist

__all__ = [
    "EXPORTED",
    "FORMATS",
    "check_format",
    "columns",
    "csv_lines",
    "read_rows",
    "rows_of",
    "to_csv",
    "to_json",
    "write_overlay",
    "write_rows",
]

#: What an exported worklist says of a film behind the columns of a prediction row.
EXPORTED = (
    "finding",
    "call",
    "blind",
    "judgement",
    "reason",
    "regions",
    "refusal_overridden",
    "intended_use",
)


def rows_of(worklist: Worklist, order: str = "score") -> Iterator[tuple[Entry, Row]]:
    """Yield the scored films of a worklist, each once for every finding.

    A row is the prediction's with the columns of `EXPORTED`. Films whose scores are still hidden
    are left out.

    Parameters
    ----------
    worklist
        The films.
    order
        One of `cxr.reading_room.worklist.ORDERS`.
    """
    for entry in worklist.ordered(order):
        if entry.waits or worklist.hidden(entry):
            continue
        for finding, assessment in entry.assessments.items():
            prediction, call = assessment.prediction, assessment.call
            assert prediction is not None
            yield (
                entry,
                prediction.row(entry.name)
                | {
                    "finding": finding,
                    "call": call and call_words(call, finding),
                    "blind": assessment.blind if call else None,
                    "judgement": assessment.judgement,
                    "reason": assessment.reason,
                    "regions": region_words(r for r in entry.regions if r.finding == finding)
                    or None,
                    "refusal_overridden": prediction.overridden,
                    "intended_use": intended_use(worklist.model(finding).card.population),
                },
            )


def write_overlay(
    film: Radiograph, heatmap: Heatmap, path: Path, heat: HeatInLungs | None = None
) -> None:
    """Write a film with its heatmap over it as PNG, with the intended use in its text fields.

    And, where `heat` is given, with how much of the map lies in the lungs.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    notes = PngInfo()
    notes.add_text("Description", CAPTION)
    notes.add_text("Disclaimer", INTENDED_USE)
    if heat and (said := heat.statement):
        notes.add_text("Comment", said)
    picture = overlay(film, heatmap)
    write_file(path, lambda new: picture.save(new, "PNG", pnginfo=notes))
