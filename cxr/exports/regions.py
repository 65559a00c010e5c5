"""Regions that readers drew as tables: all of them, and as boxes to evaluate a model with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ..scoring.population import INTENDED_USE
from ..scoring.reader import RegionLabel
from ..scoring.region import Region
from ..storage.csv_text import csv_line

if TYPE_CHECKING:
    from ..reading_room.entry import Entry

__all__ = ["BOXES", "REGIONS", "THERE", "boxes_csv", "region_words", "regions_csv"]

#: The columns of `regions_csv`.
REGIONS = (
    *("number", "file", "film_sha256", "height", "width", "shape", "label", "finding"),
    *("left", "top", "right", "bottom", "heatmap", "model_sha256", "intended_use"),
)
#: The columns of `boxes_csv`; the first six are those of `cxr.datasets.boxes.read_boxes`.
BOXES = ("file", "finding", "xmin", "ymin", "xmax", "ymax", "intended_use")
#: What a box of the finding is: what the reader says is there, seen by the heatmap or not.
THERE = (RegionLabel.FINDING, RegionLabel.MISSED)


def regions_csv(entries: Iterable[Entry]) -> str:
    """Write the regions of films as CSV, one row per region.

    Parameters
    ----------
    entries : iterable of Entry
        The films; those without a region have no row.

    Returns
    -------
    str
        The columns of `REGIONS`. The sides are shares of the film's width and height, from the left
        and the top edge of its pixels as they are stored.
    """
    rows = (
        [
            *(entry.number, entry.name, entry.sha256, *entry.size),
            *(region.shape, region.label, region.finding),
            *(round(side, 6) for side in region.box),
            *(region.method, region.model_sha256, INTENDED_USE),
        ]
        for entry, region in _drawn(entries)
    )
    return "".join(map(csv_line, [REGIONS, *rows]))


def boxes_csv(entries: Iterable[Entry]) -> str:
    """Write what readers say is there as boxes, as ``cxr evaluate --boxes`` takes them.

    Parameters
    ----------
    entries : iterable of Entry
        The films.

    Returns
    -------
    str
        CSV with the columns of `BOXES`, one row per region of the finding, missed by the heatmap
        or not: of an ellipse the box around it, in pixels of the film from its upper left corner.
        What is not there, and what is something else, has no row.
    """
    rows = (
        [
            entry.name,
            region.finding,
            *(round(side, 2) for side in region.pixels(*entry.size)),
            INTENDED_USE,
        ]
        for entry, region in _drawn(entries)
        if region.label in THERE
    )
    return "".join(map(csv_line, [BOXES, *rows]))


def region_words(regions: Iterable[Region]) -> str:
    """Write regions in a line, for a cell: "ellipse of pneumonia at 0.12 0.30 0.41 0.66; ..."."""
    told = (
        f"{region.shape} of {region.words} at {' '.join(f'{side:.4f}' for side in region.box)}"
        for region in regions
    )
    return "; ".join(told)


def _drawn(entries: Iterable[Entry]) -> Iterator[tuple[Entry, Region]]:
    return ((entry, region) for entry in entries for region in entry.regions)
