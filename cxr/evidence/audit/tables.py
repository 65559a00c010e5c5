"""What an audit measured, as tables for people: figures on boxes, sanity checks."""

from __future__ import annotations

import math

import pandas as pd

from ...heatmaps.methods import METHODS
from ...stats.wording import NONE, with_interval
from .box_figures import BASELINES, MEASURES
from .store import BOXES, BOXES_ALL, BOXES_NAMED, LUNGS, REFERENCE, SANITY

__all__ = ["box_table", "lung_table", "named_box_table", "sanity_table"]

NOT_MEASURED = "not measured"
HALF = "above half, of lungs"

# What the table keeps of a value: a smaller difference is 0 in it.
KEPT = 1e-6
NAMES = {
    "centre": "Gaussian at the centre",
    "mean": "mean map of the other films",
    "random": "random map",
}


def _cell(rows: pd.DataFrame, measure: str, digits: int = 2) -> str:
    """Write a measure with its interval; of several stages the last."""
    some = rows[rows["measure"] == measure].sort_values("stage", kind="stable")
    if some.empty:
        return NONE
    value, *ends = some[["value", "low", "high"]].iloc[-1]
    return with_interval(value, ends, f".{digits}f")


def _equal(value: float | None) -> str:
    """Write within what the maps equal those of the reference, rounded up to one digit."""
    if value is None or pd.isna(value):
        return NONE
    value = max(value, KEPT)
    power = math.floor(math.log10(value))
    digit = math.ceil(round(value / 10**power, 6))
    return f"equal within {digit * 10**power:.0e}".replace("e-0", "e-")


def _title(method: str, layer: str) -> str:
    title = METHODS[method].title if method in METHODS else method
    return f"{title}, {layer}" if layer else title


def box_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return the figures on boxes, one row per method and baseline on each set of films.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `cxr.evidence.audit.store`.

    Returns
    -------
    pandas.DataFrame
        films, map, n, hit rate, IoU, share inside; with intervals.
    """
    lines = []
    selections = {BOXES: "called", BOXES_ALL: "all with boxes"}
    some = table[table["kind"].isin(selections)]
    for key, rows in some.groupby(["films", "kind", "method", "layer"], sort=False):
        split, kind, method, layer = map(str, key)
        films = f"{split}, {selections[kind]}"
        title = _title(method, layer)
        for baseline in ("", *BASELINES):
            prefix = f"{baseline}." if baseline else ""
            values = (_cell(rows, prefix + measure, 3) for measure in MEASURES)
            name = f"{title}: {NAMES[baseline]}" if baseline else title
            lines.append([films, name, int(rows["n"].max()), *values])
    return pd.DataFrame(lines, columns=["films", "map", "n", "hit rate", "IoU", "share inside"])


def named_box_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return the figures on boxes by what these are called, one row per method and name.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `cxr.evidence.audit.store`.

    Returns
    -------
    pandas.DataFrame
        films (the split), boxes (their name), map, n, called, hit rate; with intervals. Empty
        where all boxes have one name.
    """
    lines = []
    some = table[table["kind"] == BOXES_NAMED]
    some = some.assign(name=[measure.rpartition(".")[0] for measure in some["measure"]])
    for key, rows in some.groupby(["films", "method", "layer", "name"], sort=False):
        split, method, layer, name = map(str, key)
        cells = (_cell(rows, f"{name}.{measure}", 3) for measure in ("called", "hit_rate"))
        lines.append([split, name, _title(method, layer), int(rows["n"].max()), *cells])
    return pd.DataFrame(lines, columns=["films", "boxes", "map", "n", "called", "hit rate"])


def sanity_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return the sanity checks, one row per method and layer.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `cxr.evidence.audit.store`.

    Returns
    -------
    pandas.DataFrame
        method, n, no map, randomized, edge, deletion, insertion, mirrored, tf-keras-vis;
        with intervals.
    """
    lines = []
    reference = table[table["kind"] == REFERENCE].set_index(["method", "layer"])["value"]
    sane = table[table["kind"] == SANITY]
    for key, rows in sane.groupby(["method", "layer"], sort=False):
        even = _cell(rows, "edge_area")
        lines.append(
            {
                "method": _title(*map(str, key)),
                "n": int(rows["n"].max()),
                "no map": f"{rows.loc[rows['measure'] == 'flat_maps', 'value'].sum():.0f}",
                "randomized": _cell(rows, "randomization_rank"),
                "edge": f"{_cell(rows, 'edge_share')}; even {even}",
                "deletion": _cell(rows, "deletion_gain", 3),
                "insertion": _cell(rows, "insertion_gain", 3),
                "mirrored": _cell(rows, "flip_rank"),
                "tf-keras-vis": _equal(reference.get(key)),
            }
        )
    return pd.DataFrame(lines)


def lung_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return how the maps lie to the lungs, one row per method and layer that was audited.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `cxr.evidence.audit.store`.

    Returns
    -------
    pandas.DataFrame
        method, n, no lungs found, peak inside, heat inside, random place, above half, of lungs;
        with intervals. "not measured" where only the other checks were made.
    """
    lines = []
    audited = table[table["kind"].isin([SANITY, LUNGS])]
    for key, some in audited.groupby(["method", "layer"], sort=False):
        rows = some[some["kind"] == LUNGS]
        if rows.empty:
            texts = ["no lungs found", "peak inside", "heat inside", "random place", HALF]
            line = {"method": _title(*map(str, key)), "n": 0}
            lines.append(line | dict.fromkeys(texts, NOT_MEASURED))
            continue
        missing = rows.loc[rows["measure"] == "no_lungs", "value"].sum()
        lines.append(
            {
                "method": _title(*map(str, key)),
                "n": int(rows.loc[rows["measure"] == "peak_inside", "n"].sum()),
                "no lungs found": f"{missing:.0f}",
                "peak inside": _cell(rows, "peak_inside"),
                "heat inside": _cell(rows, "share_inside"),
                "random place": _cell(rows, "lungs_area"),
                HALF: _cell(rows, "hot_area"),
            }
        )
    return pd.DataFrame(lines)
