"""How much of a heatmap lies in the lungs of its film: figures, and a sentence where it is little.

Pages, command line and exports all ask here.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import fault
from ..films.radiograph import Radiograph
from ..heatmaps.heatmap import Heatmap
from ..lungs.once import find_once
from ..lungs.segment import LungsError, Remark, Search, Small, network_of
from ..lungs.share import Share, share_in_lungs
from ..lungs.zones import ZONES, Sides
from ..stats.wording import percent
from ..storage.models import models_folder

__all__ = ["HALF", "SIDE", "HeatInLungs", "heat_in_lungs", "no_lung_network"]

logger = logging.getLogger(__name__)

#: Of the heat: where less lies in the lungs, a sentence says so.
HALF = 0.5
#: Longest side, in pixels, that a map and the lungs are compared at; a smaller film's is its own.
SIDE = 1024
NO_HEAT = Remark("no_heat", "The map marks no region.")
_ADVICE = "judge the film without this map."


@dataclass(frozen=True)
class HeatInLungs:
    """Where the heat of one heatmap lies.

    Attributes
    ----------
    method : str
        That the map was made by, one of `cxr.heatmaps.methods.METHODS`.
    share : Share or None
        None where no lungs were found, nothing can find them, or the map has no heat.
    remark : Remark or None
        With figures, what is to be said of them: ``heat_outside``, ``peak_outside``,
        ``heat_and_peak_outside``, or None. Without, why there are none: ``no_network``,
        ``no_heat``, or that of the search (`cxr.lungs.segment.Search`).
    """

    method: str
    share: Share | None
    remark: Remark | None

    @property
    def words(self) -> str:
        """The figures in a few words; "" where there are none."""
        if self.share is None:
            return ""
        peak = "inside" if self.share.peak_inside else "outside"
        return f"{percent(self.share.inside, 0)} of heat in lungs, peak {peak}"

    @property
    def zones(self) -> str:
        """How much lies in each zone, and how large it is, in words; "" without figures."""
        if self.share is None:
            return ""
        told = ", ".join(f"{zone} {percent(self.share.zones[zone], 0)}" for zone in ZONES)
        return (
            f"{told.capitalize()} of the heat. "
            f"Above half of its maximum: {percent(self.share.area, 0)} of the lungs' area."
        )

    @property
    def sentence(self) -> str:
        """What is said next to the map: of the figures, or why there are none; "" for nothing."""
        return self.remark.reason if self.remark else ""

    @property
    def statement(self) -> str:
        """Figures, zones and the sentence in one line; why there are none, where there are none."""
        figures = f"{self.words}. {self.zones}" if self.share else ""
        return " ".join(filter(None, (figures, self.sentence)))

    @property
    def warns(self) -> bool:
        """Whether the figures come with a sentence."""
        return self.share is not None and self.remark is not None

    def figures(self) -> dict[str, Any] | None:
        """Return the figures as plain data, shares rounded to four digits; None without any."""
        if self.share is None:
            return None
        return {
            "method": self.method,
            "share": round(self.share.inside, 4),
            "peak_inside": self.share.peak_inside,
            "area": round(self.share.area, 4),
            "zones": {zone: round(self.share.zones[zone], 4) for zone in ZONES},
        }

    def row(self) -> dict[str, Any]:
        """Return what a row of a prediction says of the map."""
        remark = self.remark
        return {
            "heat_in_lungs": self.figures(),
            "heat_remark_code": remark.code if remark else None,
            "heat_remark": remark.reason if remark else None,
        }


def heat_in_lungs(
    film: Radiograph | Small, heatmap: Heatmap, models: Path | None = None
) -> HeatInLungs:
    """Measure how much of a heatmap lies in the lungs of its film.

    The lungs are sought once for all heatmaps of a film that is held.

    Parameters
    ----------
    film : Radiograph
        The film.
    heatmap : Heatmap
        Of the film. It is not enlarged for good by this.
    models : pathlib.Path, optional
        Folder with the lung network (default: the folder of the bundles). What looks at the lungs
        before a film is scored takes that of the model's own folder.

    Returns
    -------
    HeatInLungs
        Without figures where the lung network is missing or damaged, or finds no lungs.

    Raises
    ------
    ValueError
        If the heatmap is not of the film's size.
    """
    if (heatmap.height, heatmap.width) != (film.height, film.width):
        raise ValueError(
            f"Expected a heatmap of {film.height} x {film.width}. "
            f"Received: {heatmap.height} x {heatmap.width}"
        )
    search = _lungs_of(film, models)
    if search.lungs is None:
        return HeatInLungs(heatmap.method, None, search.remark)
    height, width = search.lungs.mask.shape
    share = share_in_lungs(replace(heatmap, height=height, width=width).array, search.lungs)
    if share is None:
        return HeatInLungs(heatmap.method, None, NO_HEAT)
    return HeatInLungs(heatmap.method, share, _remark(share))


def _lungs_of(film: Radiograph | Small, models: Path | None) -> Search:
    """Find the lungs of a film, at most `SIDE` pixels on a side."""
    try:
        search = find_once(film, models)
    except LungsError as error:
        _log(fault(error))
        return Search(None, Remark("no_network", str(error)))
    largest = max(film.height, film.width)
    if search.lungs is None or largest <= SIDE:
        return search
    rows, columns = (
        np.linspace(0, side - 1, max(1, round(side * SIDE / largest))).round().astype(int)
        for side in (film.height, film.width)
    )
    right, left = (side[np.ix_(rows, columns)] for side in search.lungs.sides)
    return search._replace(lungs=replace(search.lungs, sides=Sides(right, left)))


def no_lung_network() -> str:
    """Return why no lungs can be found in any film: a sentence; "" where they can."""
    try:
        _ = network_of(models_folder()).card
    except LungsError as error:
        return str(error)
    return ""


@cache
def _log(said: str) -> None:
    """Log once that no lungs can be found: it is the same for every film."""
    logger.warning("No lungs are sought: %s", said)


def _remark(share: Share) -> Remark | None:
    below = f"Only {min(49, round(100 * share.inside))} % of the heat lies in the lungs"
    if share.inside >= HALF:
        if share.peak_inside:
            return None
        return Remark("peak_outside", f"The heat peaks outside the lungs: {_ADVICE}")
    if share.peak_inside:
        return Remark("heat_outside", f"{below}: {_ADVICE}")
    both = f"{below}, its peak outside: {_ADVICE}"
    return Remark("heat_and_peak_outside", both)
