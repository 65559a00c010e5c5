"""Figures of maps on films with boxes: the method's, compared with those of trivial maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...datasets.boxes import mask
from ...stats.bootstrap import mean_interval
from .box_measures import (
    Agreement,
    agreement,
    centre_map,
    cross_fitted,
    stretched,
)

if TYPE_CHECKING:
    from ...heatmaps.heatmap import Heatmap

__all__ = ["BASELINES", "MEASURES", "BoxedFilm", "Figures", "Selection", "measure"]

#: Maps that know nothing of a film: a Gaussian at its center, the mean map of the other patients'
#: films, random numbers on a grid of the method's size.
BASELINES = ("centre", "mean", "random")
MEASURES = ("hit_rate", "mean_iou", "share_inside")
#: Random maps per film, over which its measures are averaged.
RANDOM_DRAWS = 10

Interval = tuple[float, float]


@dataclass(frozen=True)
class Figures:
    """How well one kind of map agrees with the boxes, with 95 % intervals.

    Intervals are from a bootstrap over patients. A figure is None if it cannot be computed: all
    of them without films, the intervals and `mean_iou` with the films of a single patient.

    Attributes
    ----------
    hit_rate : float or None
        Share of films whose map is highest inside a box.
    hit_rate_ci : tuple of float or None
        Its interval, low and high.
    mean_iou : float or None
        Mean intersection over union at a fixed threshold, chosen on other patients' films.
    mean_iou_ci : tuple of float or None
        Its interval, low and high.
    share_inside : float or None
        Mean share of the map's sum that is inside the boxes.
    share_inside_ci : tuple of float or None
        Its interval, low and high.
    cuts : tuple of float
        The thresholds that were chosen, one per fold, as shares of the map's maximum.
    hit_rate_difference : float or None
        For a baseline: by how much the method's hit rate is higher, on the same films.
    hit_rate_difference_ci : tuple of float or None
        Its interval, low and high.
    """

    hit_rate: float | None = None
    hit_rate_ci: Interval | None = None
    mean_iou: float | None = None
    mean_iou_ci: Interval | None = None
    share_inside: float | None = None
    share_inside_ci: Interval | None = None
    cuts: tuple[float, ...] = ()
    hit_rate_difference: float | None = None
    hit_rate_difference_ci: Interval | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain values; pairs become lists."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}


@dataclass(frozen=True)
class Selection:
    """The figures over some films: the method's, and those of each of `BASELINES`.

    Attributes
    ----------
    films : int
        Number of films.
    method : Figures
        Figures of the method.
    baselines : dict of str to Figures
        Figures of each baseline, by its name.
    """

    films: int
    method: Figures = field(default_factory=Figures)
    baselines: dict[str, Figures] = field(
        default_factory=lambda: {name: Figures() for name in BASELINES}
    )

    def to_json(self) -> dict[str, Any]:
        """Return ``films``, the method's figures, and the same under ``baselines``."""
        differences = ("hit_rate_difference", "hit_rate_difference_ci")
        of_method = {k: v for k, v in self.method.to_json().items() if k not in differences}
        baselines = {name: figures.to_json() for name, figures in self.baselines.items()}
        return {"films": self.films, **of_method, "baselines": baselines}


@dataclass(frozen=True, eq=False)
class BoxedFilm:
    """A film's heatmap and the boxes that were drawn on the film.

    Attributes
    ----------
    heatmap : Heatmap
        The heatmap.
    corners : numpy.ndarray of float64
        Shape (boxes, 4): left, top, right, bottom in pixels.
    patient : str
        Patient key of the data set.
    """

    heatmap: Heatmap
    corners: NDArray[np.float64]
    patient: str

    @property
    def inside(self) -> NDArray[np.bool_]:
        """Bool (H, W): where the boxes are."""
        return mask(self.corners, self.heatmap.height, self.heatmap.width)

    def agreement(self, grid: NDArray[np.floating] | None = None) -> Agreement:
        """Measure the film's own map, or another grid interpolated in its place."""
        # A map of its own either way, so that the one at the film's size is not kept in memory.
        grid = self.heatmap.grid if grid is None else grid
        other = replace(self.heatmap, grid=np.asarray(grid, np.float32))
        return agreement(other.array, self.inside)


def measure(films: Sequence[BoxedFilm], called: NDArray[np.bool_]) -> tuple[Selection, Selection]:
    """Measure heatmaps and baselines over the positive films, and over all.

    Parameters
    ----------
    films : sequence of BoxedFilm
        With the heatmaps of one method, whose grids are of one size.
    called : numpy.ndarray of bool
        bool (films,)

    Returns
    -------
    tuple of Selection
        Over the called films, over all.
    """
    agreements = [film.agreement() for film in films]
    centre = [
        agreement(centre_map(film.heatmap.height, film.heatmap.width), film.inside)
        for film in films
    ]
    random = [_random(film, index) for index, film in enumerate(films)]

    def selection(chosen: NDArray[np.bool_]) -> Selection:
        if not chosen.any():
            return Selection(0)
        places = np.flatnonzero(chosen).tolist()
        some, method = [films[i] for i in places], [agreements[i] for i in places]
        others = ([centre[i] for i in places], _means(some), [random[i] for i in places])
        patients = [film.patient for film in some]
        return Selection(
            len(places),
            _figures(method, patients),
            {
                # Without another patient's film there is no mean map.
                name: _figures(baseline, patients, method) if baseline else Figures()
                for name, baseline in zip(BASELINES, others, strict=True)
            },
        )

    return selection(called), selection(np.ones(len(films), np.bool_))


def _random(film: BoxedFilm, seed: int) -> Agreement:
    rng = np.random.default_rng(seed)
    shape = film.heatmap.grid.shape
    draws = [film.agreement(rng.random(shape)) for _ in range(RANDOM_DRAWS)]
    return Agreement(
        float(np.mean([draw.hit for draw in draws])),
        np.mean([draw.ious for draw in draws], axis=0),
        float(np.mean([draw.share for draw in draws])),
    )


def _means(films: Sequence[BoxedFilm]) -> list[Agreement]:
    """Measure on each film the mean map of the other patients'; empty if there is none."""
    patients = np.asarray([film.patient for film in films])
    if len(set(patients)) < 2:
        return []
    grids = np.stack([stretched(film.heatmap.grid) for film in films]).astype(np.float64)
    total, agreements = grids.sum(axis=0), []
    for film in films:
        same = patients == film.patient
        agreements.append(film.agreement((total - grids[same].sum(axis=0)) / (~same).sum()))
    return agreements


def _figures(
    agreements: Sequence[Agreement],
    patients: Sequence[str],
    method: Sequence[Agreement] | None = None,
) -> Figures:
    """Average over films; with the method's own measures, a baseline's difference to them."""
    hits = np.asarray([one.hit for one in agreements])
    shares = np.asarray([one.share for one in agreements])
    figures = Figures(
        hit_rate=float(hits.mean()),
        hit_rate_ci=mean_interval(hits, patients),
        share_inside=float(shares.mean()),
        share_inside_ci=mean_interval(shares, patients),
    )
    if len(set(patients)) > 1:
        ious, cuts = cross_fitted(np.stack([one.ious for one in agreements]), patients)
        # The cuts stay as they were chosen: the interval is that of films, not of choosing.
        iou, iou_ci = float(ious.mean()), mean_interval(ious, patients)
        figures = replace(figures, mean_iou=iou, mean_iou_ci=iou_ci, cuts=tuple(cuts))
    if method is not None:
        gain = np.asarray([one.hit for one in method]) - hits
        figures = replace(
            figures,
            hit_rate_difference=float(gain.mean()),
            hit_rate_difference_ci=mean_interval(gain, patients),
        )
    return figures
