"""Lungs and heatmaps made by hand, of films of 160 x 160 pixels."""

from __future__ import annotations

import numpy as np
import pytest

from cxr.evidence.audit import lungs as audit_lungs
from cxr.films.radiograph import Radiograph
from cxr.heatmaps.heatmap import Heatmap
from cxr.lungs.segment import Search, lungs_of
from cxr.lungs.share import Share
from cxr.lungs.zones import ZONES
from cxr.scoring import heat_in_lungs as module
from cxr.scoring.heat_in_lungs import HeatInLungs

__all__ = ["a_map", "found", "lungs_found", "measured"]

SIDE = 160


def lungs_found(size: tuple[int, int] = (SIDE, SIDE)) -> Search:
    """Two lungs, as the network would put them: a fifth to three fifths of the height."""
    field = np.full((224, 224), -6.0, np.float32)
    field[45:180, 30:95] = field[45:180, 130:195] = 6
    return lungs_of(field, size)


def found(monkeypatch: pytest.MonkeyPatch, search: Search | Exception | None = None) -> list[int]:
    """Have every film searched in vain, or with these lungs; the list counts the films."""
    calls: list[int] = []
    known: dict[Radiograph, Search] = {}

    def find(film, models=None):
        if isinstance(search, Exception):
            raise search
        if film not in known:
            calls.append(1)
            known[film] = search or lungs_found((film.height, film.width))
        return known[film]

    monkeypatch.setattr(module, "find_once", find)
    monkeypatch.setattr(audit_lungs, "find_once", find)
    return calls


def a_map(inside: float, outside: float, method: str = "gradcam") -> Heatmap:
    """A map with a spot in the right upper zone and one of the same size in a corner."""
    grid = np.zeros((SIDE, SIDE), np.float32)
    grid[40:50, 40:50] = inside
    grid[2:12, 2:12] = outside
    return Heatmap(grid, SIDE, SIDE, method, "conv", "pneumonia")


def measured(inside: float = 0.3125, *, peak_inside: bool = False) -> HeatInLungs:
    """What is said of a map with so much of its heat in the lungs, all in one zone."""
    zones = dict.fromkeys(ZONES, 0.0) | {"right upper": inside}
    share = Share(inside, zones, peak_inside, 0.25)
    return HeatInLungs("gradcam", share, module._remark(share))
