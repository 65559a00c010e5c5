"""How often a method's maps peak in the lungs, and how much of them lies there, film by film.

On films that the model calls, against a random place in the picture, which is in the lungs as often
as these are large. What was measured of each film is kept in ``heat_in_lungs.csv`` of the bundle,
after a few films each, so that work which was stopped goes on where it was; the figures are
computed from there.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...films.radiograph import Radiograph, read
from ...heatmaps.attribute import passes
from ...heatmaps.methods import METHODS
from ...lungs.once import find_once
from ...lungs.segment import network_of
from ...progress import Progress
from ...scoring.bundle import Bundle
from ...scoring.classifier import Classifier
from ...scoring.explain import heatmaps
from ...scoring.heat_in_lungs import heat_in_lungs
from ...scoring.store import replace_evidence
from ...stats.bootstrap import mean_interval, owners
from ...storage.models import models_folder
from .store import LUNGS, SANITY, store

__all__ = ["FILE", "FILM_COLUMNS", "figures", "films_measured", "measure"]

FILE = "heat_in_lungs.csv"
#: ``weights`` and ``lung_weights`` are the sha256 of those of both networks; ``lungs`` the share of
#: the picture that the lungs are, NaN where none were found; ``inside``, ``peak_inside`` (0 or 1)
#: and ``area`` as in `cxr.lungs.share.Share`, NaN without lungs or without a map.
FILM_COLUMNS = [
    *("weights", "lung_weights", "films", "method", "layer", "path", "patient"),
    *("lungs", "inside", "peak_inside", "area"),
]
TEXTS = FILM_COLUMNS[:7]
NUMBERS = FILM_COLUMNS[7:]
#: Films of a fast method that are mapped, and kept, at a time.
BATCH = 8


def measure(
    bundle: Classifier,
    drawn: pd.DataFrame,
    folder: Path,
    split: str,
    sizes: dict[str, int],
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Measure methods, the cheap ones first, and keep both the films and the figures.

    Parameters
    ----------
    bundle : Classifier
        Its folder is written to.
    drawn : pandas.DataFrame
        Films, with ``path`` and ``patient``.
    folder : pathlib.Path
        That the paths start from.
    split : str
        What the films are of.
    sizes : dict of str to int
        By method how many of the films, from the first.
    progress : Progress, optional
        Called with the forward passes done and in all.

    Returns
    -------
    list of dict
        Rows for `cxr.evidence.audit.store.store`, which are kept already: see `figures`.

    Raises
    ------
    LungsError
        If the lung network is missing or damaged.
    """
    network = bundle.network
    price = {name: passes(network, name) for name in sizes}
    names = sorted(sizes, key=lambda name: (METHODS[name].slow, price[name]))
    total = float(sum(sizes[name] * price[name] for name in names))
    done, rows = 0.0, []
    keys = drawn.assign(patient=owners(drawn))[["path", "patient"]]
    for name in names:
        place = _place(bundle, split, name)
        table = films_measured(bundle)
        table = table[table["lung_weights"] == place["lung_weights"]]
        there = set(_of(table, place)["path"])
        wanted = keys.iloc[: sizes[name]]
        todo = wanted[~wanted["path"].isin(there)]
        done += (len(wanted) - len(todo)) * price[name]
        for some in _batches(todo, 1 if METHODS[name].slow else BATCH):
            films = [read(folder / path) for path in some["path"]]
            maps = heatmaps(bundle, films, method=name)
            new = some.assign(**place)
            numbers = [_film(film, heat) for film, heat in zip(films, maps, strict=True)]
            new[NUMBERS] = np.round(np.asarray(numbers, np.float64), 6)
            table = pd.concat([table, new[FILM_COLUMNS]], ignore_index=True)
            replace_evidence(bundle, FILE, table)
            done += len(some) * price[name]
            if progress:
                progress(done, total)
        # Those that were drawn now, though more may have been measured before.
        mine = _of(table, place)
        mine = mine[mine["path"].isin(wanted["path"])]
        new_rows = figures(mine)
        store(bundle, new_rows)
        rows += new_rows
    return rows


def _place(bundle: Classifier, split: str, method: str) -> dict[str, str]:
    return {
        "weights": bundle.card.weights.sha256,
        "lung_weights": network_of(models_folder()).card["weights"]["sha256"],
        "films": split,
        "method": method,
        "layer": bundle.network.layer() if METHODS[method].layered else "",
    }


def _of(table: pd.DataFrame, place: dict[str, str]) -> pd.DataFrame:
    return table[(table[list(place)] == pd.Series(place)).all(axis=1)]


def _batches(table: pd.DataFrame, size: int) -> Iterator[pd.DataFrame]:
    for start in range(0, len(table), size):
        yield table.iloc[start : start + size]


def _film(film: Radiograph, heat: Any) -> tuple[float, float, float, float]:
    lungs = find_once(film).lungs
    share = heat_in_lungs(film, heat).share
    area = lungs.area if lungs else math.nan
    if share is None:
        return area, math.nan, math.nan, math.nan
    return area, share.inside, float(share.peak_inside), share.area


def films_measured(bundle: Bundle) -> pd.DataFrame:
    """Read what was measured of each film with these weights: `FILM_COLUMNS`.

    Returns
    -------
    pandas.DataFrame
        Empty if nothing was.
    """
    content = bundle.evidence(FILE)
    if content is None:
        return pd.DataFrame({name: [] for name in FILM_COLUMNS}).astype(
            dict.fromkeys(TEXTS, str) | dict.fromkeys(NUMBERS, float)
        )
    table = pd.read_csv(
        io.BytesIO(content),
        dtype=dict.fromkeys(TEXTS, str),
        keep_default_na=False,
        na_values=[""],
    )
    table = table[FILM_COLUMNS].fillna(dict.fromkeys(TEXTS, ""))
    table = table.astype(dict.fromkeys(NUMBERS, float))
    return table[table["weights"] == bundle.card.weights.sha256].reset_index(drop=True)


def figures(films: pd.DataFrame) -> list[dict[str, Any]]:
    """Compute the figures of a method from its films.

    Parameters
    ----------
    films : pandas.DataFrame
        `FILM_COLUMNS`, of one method.

    Returns
    -------
    list of dict
        Rows of ``explanations.csv``, means with 95 % intervals over patients: ``peak_inside``,
        ``share_inside``, ``lungs_area`` (what a random place has), ``peak_gain`` and
        ``share_gain`` (by how much the method has more than it); the median ``hot_area``; and
        ``no_lungs`` and ``flat_maps``, how many films have no figure for which reason.
    """
    if films.empty:
        return []
    first = films.iloc[0]
    base = {"kind": LUNGS, **{key: first[key] for key in ("films", "method", "layer")}}
    base["stage"] = math.nan
    seen = films[films["inside"].notna()]
    patients = seen["patient"].to_numpy(np.str_)
    area = seen["lungs"].to_numpy(np.float64)
    peak, inside = (seen[name].to_numpy(np.float64) for name in ("peak_inside", "inside"))

    def mean(measure: str, values: NDArray[np.float64]) -> dict[str, Any]:
        low, high = mean_interval(values, patients) or (math.nan, math.nan)
        value = float(values.mean()) if len(values) else math.nan
        return base | {
            "measure": measure, "n": len(values), "value": value, "low": low, "high": high
        }  # fmt: skip

    def single(measure: str, n: int, value: float) -> dict[str, Any]:
        ends = {"low": math.nan, "high": math.nan}
        return base | {"measure": measure, "n": n, "value": float(value)} | ends

    hot = float(seen["area"].median()) if len(seen) else math.nan
    without = films["lungs"].isna()
    return [
        mean("peak_inside", peak),
        mean("share_inside", inside),
        mean("lungs_area", area),
        mean("peak_gain", peak - area),
        mean("share_gain", inside - area),
        single("hot_area", len(seen), hot),
        single("no_lungs", len(films), int(without.sum())),
        single("flat_maps", len(films), int((~without & films["inside"].isna()).sum())),
    ]


def audited_sizes(bundle: Bundle, names: Sequence[str], split: str) -> dict[str, int]:
    """Return on how many films each method was audited before; those that were not are left out."""
    table = bundle.explanations
    rows = table[(table["kind"] == SANITY) & (table["films"] == split)]
    counts = rows.groupby("method")["n"].max()
    return {name: int(counts[name]) for name in names if name in counts}
