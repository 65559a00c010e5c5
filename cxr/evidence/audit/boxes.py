"""Heatmaps compared with radiologists' boxes, and with maps that know nothing of the film."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...datasets.boxes import boxes_of, names_of
from ...datasets.folders import DatasetError
from ...films.radiograph import read
from ...progress import Progress, Say, silent
from ...scoring.classifier import Classifier
from ...scoring.explain import heatmaps
from ...scoring.scores import scored as with_scores
from ...stats.bootstrap import mean_interval, owners
from ..evaluation import Evaluation
from ..score_split import (
    evaluated,
    films_folder,
    score_split,
    store,
)
from .box_figures import MEASURES, BoxedFilm, Selection, measure
from .store import BOXES, BOXES_ALL, BOXES_NAMED
from .store import store as store_rows

__all__ = ["Localization", "Named", "assess_boxes", "box_rows", "localize"]

FILMS_AT_ONCE = 16


@dataclass(frozen=True)
class Named:
    """The films whose boxes have one name: how many are called, and how often their maps hit.

    Active and healed tuberculosis are told apart so in TBX11K, the latter being what such models
    call in vain.

    Attributes
    ----------
    name : str
        As `cxr.datasets.boxes.names_of` gives it.
    films : int
        Number of films.
    called, called_ci : float, tuple of float or None
        Share of them that is positive at the operating point, and its 95 % interval, from a
        bootstrap over patients.
    hit_rate, hit_rate_ci : float, tuple of float or None
        Share of all of them whose map is highest inside a box, and its interval.
    """

    name: str
    films: int
    called: float
    called_ci: tuple[float, float] | None
    hit_rate: float
    hit_rate_ci: tuple[float, float] | None

    def to_json(self) -> dict[str, Any]:
        """Return plain values; pairs become lists."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}


@dataclass(frozen=True)
class Localization:
    """How well a bundle's heatmaps agree with the boxes of a split.

    Attributes
    ----------
    split : str
        The split.
    method : str
        The heatmap method.
    layer : str
        The layer it looks at; "" for none.
    boxed : int
        Number of films with boxes of the finding.
    called : Selection
        Over the films that are positive at the operating point: the main figures, since the map of
        any other film explains nothing.
    all_films : Selection
        Over all films with boxes.
    named : tuple of Named
        The same films by what their boxes are called, the most frequent name first; empty where
        all have one name.
    message : str or None
        Why there is no figure, or None.
    """

    split: str
    method: str
    layer: str
    boxed: int
    called: Selection
    all_films: Selection
    named: tuple[Named, ...] = ()
    message: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain values: the figures over the called films, the others in ``all_films``."""
        return {
            "method": self.method,
            "layer": self.layer,
            "boxed": self.boxed,
            **self.called.to_json(),
            "all_films": self.all_films.to_json(),
            "named": [one.to_json() for one in self.named],
            "message": self.message,
        }


def assess_boxes(
    bundle: Classifier,
    data: str | Path,
    boxes: pd.DataFrame,
    *,
    split: str = "test",
    method: str = "gradcam",
    layer: str | None = None,
    operating_point: str | None = None,
    keep: bool = False,
    progress: Progress | None = None,
    say: Say = silent,
) -> tuple[Evaluation, Localization]:
    """Score the films of a split and compare the heatmaps of those with boxes with the boxes.

    Parameters
    ----------
    bundle, data, boxes, split, method, layer, operating_point, progress
        See `localize`; the progress is that of scoring, then, from none done, that of explaining.
    say : Say, optional
        See `cxr.evidence.score_split.score_split`.
    keep : bool, default: False
        Whether to store the figures on boxes in the bundle, of whichever split, and the
        predictions of an external set.

    Raises
    ------
    DatasetError, ValueError
        See `localize`; also where figures at another operating point than the default one are to
        be kept.
    """
    default = bundle.card.default_operating_point
    if keep and operating_point not in (None, default):
        raise ValueError(
            f"Figures are kept at the operating point {default}. Received: {operating_point}"
        )
    table = score_split(bundle, data, split=split, progress=progress, say=say)
    evaluation = evaluated(bundle, table, split, operating_point)
    localization = localize(
        bundle,
        data,
        boxes,
        split=split,
        method=method,
        layer=layer,
        operating_point=operating_point,
        scored=table,
        progress=progress,
    )
    if keep:
        if split in bundle.card.external:
            store(bundle, table)
        store_rows(bundle, box_rows(localization))
    return evaluation, localization


def localize(
    bundle: Classifier,
    data: str | Path,
    boxes: pd.DataFrame,
    *,
    split: str = "test",
    method: str = "gradcam",
    layer: str | None = None,
    operating_point: str | None = None,
    scored: pd.DataFrame | None = None,
    progress: Progress | None = None,
) -> Localization:
    """Compare the heatmaps of a split's films with the boxes on them.

    Parameters
    ----------
    bundle, data, split
        See `cxr.evidence.score_split.score_split`.
    boxes : pandas.DataFrame
        What `cxr.datasets.boxes.read_boxes` returns; those of the bundle's finding count.
    method, layer : str
        See `cxr.scoring.explain.heatmaps`.
    operating_point : str, optional
        Above which a film counts as called (default: the default one).
    scored : pandas.DataFrame, optional
        What `score_split` returned for these films, where that is at hand; else they are scored.
    progress : Progress, optional
        Called with the films explained and the films in all.

    Returns
    -------
    Localization

    Raises
    ------
    DatasetError
        If no film of the split has a box of the finding, or a film's boxes lie outside it.
    ValueError
        If the bundle has no such method, layer or operating point.
    """
    card = bundle.card
    point = card.operating_point(operating_point)
    if scored is None:
        scored = score_split(bundle, data, split=split)
    boxed = boxes_of(boxes, scored["path"], card.finding)
    table = scored[scored["path"].isin(boxed)].reset_index(drop=True)
    if table.empty:
        raise DatasetError(
            f"No film of the split {split!r} has a box of {card.finding}. The boxes are of "
            f"{', '.join(sorted(set(boxes['finding']))[:5])}, on {boxes['file'].iloc[0]} and "
            "others. Give the boxes of these films, or another split."
        )
    called = with_scores(table, card.calibration)["score"].to_numpy() >= point.threshold
    folder = films_folder(bundle, data, split)
    films = list(_explained(bundle, folder, table, boxed, method, layer, progress))
    above, everywhere = measure(films, called)
    message = None
    if not called.any():
        message = (
            f"None of the {len(films)} films with boxes is called above the operating point "
            f"{point.name} ({point.threshold:.3f}), so no heatmap has anything to explain."
        )
    return Localization(
        split=split,
        method=method,
        layer=films[0].heatmap.layer,
        boxed=len(films),
        called=above,
        all_films=everywhere,
        named=_named(films, called, names_of(boxes, table["path"], card.finding)),
        message=message,
    )


def _named(
    films: list[BoxedFilm], called: NDArray[np.bool_], names: dict[str, str]
) -> tuple[Named, ...]:
    """Tell films apart by what their boxes are called; `names` are those of `films`, in order."""
    table = pd.DataFrame(
        {
            "name": list(names.values()),
            "patient": [film.patient for film in films],
            "called": called.astype(float),
            "hit": [float(film.agreement().hit) for film in films],
        }
    )
    counts = table["name"].value_counts()
    if len(counts) == 1:
        return ()
    found = []
    for name in counts.index:
        some = table[table["name"] == name]
        patients = some["patient"].tolist()
        rates = [some[column].to_numpy() for column in ("called", "hit")]
        (calls, called_ci), (hits, hits_ci) = (
            (float(rate.mean()), mean_interval(rate, patients)) for rate in rates
        )
        found.append(Named(str(name), len(some), calls, called_ci, hits, hits_ci))
    return tuple(found)


def box_rows(found: Localization) -> list[dict[str, Any]]:
    """Return the figures on boxes as rows: each measure, and ``baseline.measure`` of a baseline."""
    rows = []
    for kind, selection in ((BOXES, found.called), (BOXES_ALL, found.all_films)):
        maps = {"": selection.method} | {f"{k}.": v for k, v in selection.baselines.items()}
        for prefix, figures in maps.items():
            measures = (*MEASURES, "hit_rate_difference") if prefix else MEASURES
            for name in measures:
                value, interval = getattr(figures, name), getattr(figures, f"{name}_ci")
                low, high = interval or (math.nan, math.nan)
                rows.append(
                    {
                        "kind": kind,
                        "films": found.split,
                        "method": found.method,
                        "layer": found.layer,
                        "measure": prefix + name,
                        "n": selection.films,
                        "value": math.nan if value is None else value,
                        "low": low,
                        "high": high,
                    }
                )
    for one in found.named:
        for name in ("called", "hit_rate"):
            low, high = getattr(one, f"{name}_ci") or (math.nan, math.nan)
            rows.append(
                {
                    "kind": BOXES_NAMED,
                    "films": found.split,
                    "method": found.method,
                    "layer": found.layer,
                    "measure": f"{one.name}.{name}",
                    "n": one.films,
                    "value": getattr(one, name),
                    "low": low,
                    "high": high,
                }
            )
    return rows


def _explained(
    bundle: Classifier,
    folder: Path,
    table: pd.DataFrame,
    boxes: dict[str, NDArray[np.float64]],
    method: str,
    layer: str | None,
    progress: Progress | None,
) -> Iterator[BoxedFilm]:
    """Explain the films of a table, a few at a time: films at full size are large."""
    if progress:
        progress(0, len(table))
    patients = owners(table)
    for start in range(0, len(table), FILMS_AT_ONCE):
        paths = table["path"].iloc[start : start + FILMS_AT_ONCE].tolist()
        maps = heatmaps(bundle, [read(folder / p) for p in paths], method=method, layer=layer)
        for i, (path, heatmap) in enumerate(zip(paths, maps, strict=True), start=start):
            film = BoxedFilm(heatmap, boxes[path], str(patients[i]))
            if not film.inside.any():
                raise DatasetError(
                    f"The boxes of {path} lie outside the film, which is {heatmap.width} x "
                    f"{heatmap.height} pixels. Give boxes in pixels of this copy of the films."
                )
            yield film
        if progress:
            progress(start + len(paths), len(table))
