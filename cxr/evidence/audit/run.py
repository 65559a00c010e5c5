"""An audit in progress: which films each method gets, how far the work is, the rows so far."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...heatmaps.attribute import attribute, passes
from ...heatmaps.methods import METHODS
from ...networks.network import Network
from ...progress import Progress
from ...scoring.classifier import Classifier
from ...stats.bootstrap import mean_interval
from .sanity import (
    STEPS,
    rank_correlation,
    shown,
    ssim,
)
from .store import SANITY

__all__ = ["BUDGET", "CURVES", "FEWEST", "FILMS", "SPLIT", "Run"]

#: Films for a fast method.
FILMS = 32
#: The least number of films for a slow one.
FEWEST = 4
#: Forward passes that the maps of a slow method may take; from these follows its number of films.
BUDGET = 6000
SPLIT = "validation"
#: Forward passes of a film's deletion and insertion, and of those of its random map.
CURVES = 4 * (STEPS + 1)

Map = NDArray[np.float32]


class Run:
    """An audit in progress: its films, how many each method gets, the rows so far."""

    def __init__(
        self,
        bundle: Classifier,
        inputs: NDArray[np.uint8],
        patients: NDArray[np.str_],
        names: Sequence[str],
        seed: int,
        progress: Progress | None,
    ) -> None:
        from .randomization import stages

        self.bundle, self.inputs, self.patients, self.seed = bundle, inputs, patients, seed
        self.rows: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
        last = len(stages(bundle.network.model)) - 1
        # A slow method is compared with the head randomized, about halfway, and at the end.
        few, all_ = {0, last // 2, last}, set(range(last + 1))
        self.stages = {name: few if METHODS[name].slow else all_ for name in names}
        self.price = {name: passes(bundle.network, name) for name in names}
        self.size = {name: self._size(name) for name in names}
        self.layer = {n: bundle.network.layer() if METHODS[n].layered else "" for n in names}
        self.total = float(sum(self.size[n] * (self._each(n) + CURVES) for n in names))
        self.done, self.progress = 0.0, progress
        self.random: dict[tuple[int, ...], tuple[float, float]] = {}

    def _each(self, name: str) -> int:
        """Forward passes that all maps of one film take: its own, the mirrored, the stages."""
        return self.price[name] * (2 + len(self.stages[name]))

    def _size(self, name: str) -> int:
        wanted = max(FEWEST, BUDGET // self._each(name)) if METHODS[name].slow else FILMS
        return min(FILMS, wanted, len(self.inputs))

    def films(self, name: str) -> NDArray[np.uint8]:
        """The prepared films of a method."""
        return self.inputs[: self.size[name]]

    def maps(self, name: str, films: NDArray[np.uint8], network: Network | None = None) -> Map:
        """Map films, (films, rows, columns), and say how far the work is.

        By the bundle's network, or by another one of the same architecture.
        """
        share = len(films) * self.price[name]

        def within(done: float, total: float) -> None:
            if self.progress:
                self.progress(self.done + share * done / total, self.total)

        grids = attribute(network or self.bundle.network, films, method=name, progress=within)
        self.step(share)
        return grids

    def step(self, passes: float) -> None:
        """Count work that is done, in forward passes."""
        self.done += passes
        if self.progress:
            self.progress(self.done, self.total)

    def shown(self, grid: Map) -> Map | None:
        """Bring a map to the size of the network's input; see `cxr.evidence.audit.sanity.shown`."""
        return shown(grid, self.bundle.card.size)

    def compare(self, one: Map, other: Map) -> tuple[list[float | None], list[float | None]]:
        """Return the rank correlations and the structural similarities of maps, film by film."""
        ranks: list[float | None] = []
        alike: list[float | None] = []
        for first, second in zip(one, other, strict=True):
            a, b = self.shown(first), self.shown(second)
            if a is None or b is None:
                ranks.append(None)
                alike.append(None)
            else:
                ranks.append(rank_correlation(a, b))
                alike.append(ssim(a, b))
        return ranks, alike

    def put(
        self, name: str, measure: str, values: Sequence[float | None], *, stage: float = math.nan
    ) -> None:
        """Add the mean over the films that have a value."""
        known = np.asarray([value is not None for value in values])
        some = np.asarray([value for value in values if value is not None], np.float64)
        interval = mean_interval(some, self.patients[: len(values)][known])
        low, high = interval or (math.nan, math.nan)
        self._row(
            name, measure, len(some), some.mean() if len(some) else math.nan, low, high, stage
        )

    def count(self, name: str, measure: str, value: float, n: int) -> None:
        """Add a value that is no mean over films."""
        self._row(name, measure, n, value, math.nan, math.nan, math.nan)

    def _row(self, name: str, measure: str, n: int, *numbers: float) -> None:
        value, low, high, stage = map(float, numbers)
        self.rows[name].append(
            {
                "kind": SANITY,
                "films": SPLIT,
                "method": name,
                "layer": self.layer[name],
                "measure": measure,
                "stage": stage,
                "n": n,
                "value": value,
                "low": low,
                "high": high,
            }
        )
