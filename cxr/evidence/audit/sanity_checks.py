"""Sanity checks of a bundle's heatmaps: do they follow the weights and the film?

Four questions to each method, on films that the model calls: does the map change when the weights
are randomized; does it lie on the film's edge, where markers are; does the score fall when what it
points at is taken away, and rise when that alone is put back; does it turn with the film. What the
answers mean is in `cxr.evidence.audit.verdict`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...datasets.folders import DatasetError
from ...films.radiograph import read
from ...heatmaps.geometry import over_film
from ...heatmaps.heatmap import Heatmap
from ...heatmaps.methods import METHODS
from ...lungs.once import has_lung_network
from ...networks.network import Network
from ...progress import Progress
from ...scoring.classifier import Classifier
from ...scoring.predict import logits
from ...scoring.scores import scored
from ...stats.bootstrap import owners
from ..score_split import films_folder, score_split
from .lungs import audited_sizes
from .lungs import measure as measure_lungs
from .reference import REFERENCES, reference_rows
from .run import (
    BUDGET,
    CURVES,
    FEWEST,
    FILMS,
    SPLIT,
    Run,
)
from .sanity import (
    STEPS,
    altered,
    area,
    blurred,
    edge_share,
    order,
)
from .store import LUNGS, REFERENCE, SANITY

__all__ = ["BUDGET", "CHECKS", "FEWEST", "FILMS", "audit"]

#: What an audit can measure.
CHECKS = (SANITY, REFERENCE, LUNGS)
# Side of the picture that the share on the edge is measured on: at any size it is the same.
SIDE = 250
Map = NDArray[np.float32]
#: Under the curves of deletion and insertion.
Areas = tuple[float, float]


def audit(
    bundle: Classifier,
    data: str | Path,
    *,
    methods: Sequence[str] | None = None,
    checks: Sequence[str] | None = None,
    films: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Measure how far the heatmaps of a bundle can be trusted.

    On up to `FILMS` validation films that the model calls above its default operating point, drawn
    at random; for a slow method on the first of these, as many as `BUDGET` allows.

    Parameters
    ----------
    bundle, data : Classifier or str or pathlib.Path
        See `cxr.evidence.score_split.score_split`.
    methods : sequence of str, optional
        Of `cxr.scoring.explain.METHODS`; all that the network allows if none are given.
    checks : sequence of str, optional
        Of `CHECKS` (default: all). ``sanity`` asks the four questions, ``reference``
        compares with tf-keras-vis (`cxr.evidence.audit.reference`), ``lungs`` with the lungs
        (`cxr.evidence.audit.lungs`). The latter alone, on a bundle that was audited, takes the
        films and methods of that audit, whose scores are stored, and what it had measured before is
        not measured again. Without a lung network it is left out, unless it is asked for.
    films : int, optional
        How many at most (default: `FILMS`).
    seed : int, default: 0
        Of the draw of films, of the randomized weights and of the random maps.
    progress : Progress, optional
        Called with the work done and the work in all, in forward passes of the sanity checks.

    Returns
    -------
    list of dict
        Rows for `cxr.evidence.audit.store.store`, in the order of the methods, those of the
        reference last: ``reference_difference``. The measures of the sanity checks:
        ``randomization_rank`` and ``randomization_ssim`` (similarity with the map of the trained
        network, by stage), ``edge_share`` and ``edge_area`` (of the map, and of what the network
        sees, on the outer tenth), ``deletion``, ``insertion`` (areas under the curves of the
        score), the same with ``_random`` (a random map of the same grain) and with ``_gain`` (by
        how much the method does better than it), ``flip_rank`` (similarity with the map of the
        mirrored film), ``flat_maps`` (how many films have none, which no other row counts).

    Raises
    ------
    DatasetError
        If the folder has no validation film that the model calls.
    LungsError
        If ``lungs`` is asked for and there is no lung network.
    ValueError
        If `films` is below 1, a method or check is unknown, a method needs a convolution where
        there is none, or nothing is left to measure.
    """
    if unknown := set(methods or ()) - set(METHODS):
        raise ValueError(f"Expected some of {', '.join(METHODS)}. Received: {', '.join(unknown)}")
    if unknown := set(checks or ()) - set(CHECKS):
        raise ValueError(f"Expected some of {', '.join(CHECKS)}. Received: {', '.join(unknown)}")
    if films is not None and films < 1:
        raise ValueError(f"Expected at least 1 film. Received: {films}")
    names = _methods(bundle, methods)
    folder = films_folder(bundle, data, SPLIT)
    if set(checks or CHECKS) == {LUNGS}:
        sizes = audited_sizes(bundle, names, SPLIT)
        if sizes and films is None:
            drawn = _drawn(bundle, bundle.scored(SPLIT), FILMS, seed)
            return measure_lungs(bundle, drawn, folder, SPLIT, sizes, progress)
    drawn = _sample(bundle, data, films or FILMS, seed)
    inputs = np.stack([bundle.prepare(read(folder / path)) for path in drawn["path"]])
    patients = owners(drawn)
    if set(checks or CHECKS) == {REFERENCE} and not set(names) & set(REFERENCES):
        raise ValueError(
            f"tf-keras-vis has only {', '.join(REFERENCES)}. Received: {', '.join(names)}"
        )
    rows: list[dict[str, Any]] = []
    if SANITY in (checks or CHECKS):
        rows += _sanity_rows(bundle, inputs, patients, names, seed, progress)
    if REFERENCE in (checks or CHECKS):
        rows += reference_rows(bundle.network, inputs, names, SPLIT)
    if LUNGS in (checks or ()) or (checks is None and has_lung_network()):
        sizes = Run(bundle, inputs, patients, names, seed, None).size
        rows += measure_lungs(bundle, drawn, folder, SPLIT, sizes, progress)
    return rows


def _sanity_rows(
    bundle: Classifier,
    inputs: NDArray[np.uint8],
    patients: NDArray[np.str_],
    names: Sequence[str],
    seed: int,
    progress: Progress | None,
) -> list[dict[str, Any]]:
    """Ask the four questions to each method."""
    run = Run(bundle, inputs, patients, names, seed, progress)
    grids = {name: run.maps(name, run.films(name)) for name in names}
    for name in names:
        _film_checks(run, name, grids[name])
    from .randomization import cascade

    for stage, (share, model) in enumerate(cascade(bundle.network.model, seed=seed)):
        network = Network(model)
        for name in names:
            if stage in run.stages[name]:
                other = run.maps(name, run.films(name), network)
                ranks, alike = run.compare(grids[name], other)
                run.put(name, "randomization_rank", ranks, stage=share)
                run.put(name, "randomization_ssim", alike, stage=share)
    return [row for name in names for row in run.rows[name]]


def _methods(bundle: Classifier, wanted: Sequence[str] | None) -> list[str]:
    """Take the methods that are wanted, or all that the network allows, in their usual order."""
    names = [name for name in METHODS if name in (wanted or METHODS)]
    if bundle.network.convolutions():
        return names
    plain = [name for name in names if not METHODS[name].layered]
    if wanted and plain != names:
        without = ", ".join(name for name in names if name not in plain)
        raise ValueError(f"{bundle.name} has no convolution, which {without} would look at.")
    return plain


def _sample(bundle: Classifier, data: str | Path, films: int, seed: int) -> pd.DataFrame:
    """Score the films of the split, and draw some that the model calls."""
    table = scored(score_split(bundle, data, split=SPLIT), bundle.card.calibration)
    return _drawn(bundle, table, films, seed)


def _drawn(bundle: Classifier, table: pd.DataFrame, films: int, seed: int) -> pd.DataFrame:
    point = bundle.card.operating_point()
    called = table[table["score"] >= point.threshold]
    if called.empty:
        raise DatasetError(
            f"{bundle.name} calls none of the {len(table)} {SPLIT} films above its operating point "
            f"{point.name}, so no heatmap has anything to explain."
        )
    places = np.random.default_rng(seed).permutation(len(called))[:films]
    return called.iloc[places]


def _film_checks(run: Run, name: str, grids: Map) -> None:
    """Measure what needs no other weights: the mirrored film, the edge, both curves."""
    films = run.films(name)
    flipped = run.maps(name, np.ascontiguousarray(films[:, :, ::-1]))[:, :, ::-1]
    pictures = [run.shown(grid) for grid in grids]
    run.count(name, "flat_maps", sum(one is None for one in pictures), len(pictures))
    run.put(name, "flip_rank", run.compare(grids, flipped)[0])

    margin = run.bundle.card.input.margin
    run.put(name, "edge_share", [_edge(grid, margin) for grid in grids])
    even = over_film(np.ones((1, 1), np.float32), SIDE, SIDE, margin)
    run.count(name, "edge_area", edge_share(even), len(pictures))

    pairs = [_pair(run, i, one, grids.shape[1:]) for i, one in enumerate(pictures)]
    # A deletion is good where the score falls soon, an insertion where it rises soon.
    for side, (measure, sign) in enumerate((("deletion", -1), ("insertion", 1))):
        areas, random = ([pair and pair[k][side] for pair in pairs] for k in (0, 1))
        run.put(name, measure, areas)
        run.put(name, f"{measure}_random", random)
        gains = [pair and sign * (pair[0][side] - pair[1][side]) for pair in pairs]
        run.put(name, f"{measure}_gain", gains)


def _edge(grid: Map, margin: float) -> float | None:
    """Return the share of a map on the film's edge; the margin, which is not seen, holds none."""
    high = float(grid.max())
    if not high > 0 or not np.isfinite(high):
        return None
    # Whatever the unit: very small values would count as nothing.
    array = Heatmap(grid / np.float32(high), SIDE, SIDE, "", "", "", margin).array
    return edge_share(array) if array.any() else None


def _pair(
    run: Run, index: int, picture: Map | None, grid: tuple[int, ...]
) -> tuple[Areas, Areas] | None:
    """Measure deletion and insertion by a film's map and by a random one; None without a map."""
    if picture is None:
        run.step(CURVES)
        return None
    return _curves(run, index, picture), _random(run, index, grid)


def _curves(run: Run, index: int, picture: Map) -> Areas:
    """Return the areas of deletion and insertion of a film, its pixels ranked by a picture."""
    film, ranks = run.inputs[index], order(picture, run.seed)
    soft = blurred(film)
    steps = np.concatenate([altered(film, soft, ranks), altered(soft, film, ranks)])
    scores = run.bundle.card.calibration.score(logits(run.bundle, steps))
    run.step(len(steps))
    return area(scores[: STEPS + 1]), area(scores[STEPS + 1 :])


def _random(run: Run, index: int, grid: tuple[int, ...]) -> Areas:
    """Do as `_curves` with a random map: on a grid of the same size, so of the same grain.

    Pixels in a random order would be no fair rival to a map of 8 x 8: a film peppered with blurred
    pixels looks like none that the network has seen.
    """
    key = (index, *grid)
    if key not in run.random:
        rng = np.random.default_rng([run.seed, *key])
        picture = run.shown(rng.random(grid).astype(np.float32))
        assert picture is not None
        run.random[key] = _curves(run, index, picture)
    else:
        run.step(CURVES / 2)
    return run.random[key]
