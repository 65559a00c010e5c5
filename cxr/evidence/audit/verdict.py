"""What the figures of the heatmaps mean: one plain sentence per check that a method fails."""

from __future__ import annotations

import pandas as pd

from ...heatmaps.methods import METHODS
from ...stats.wording import count, interval
from .box_figures import BASELINES
from .store import BOXES, LUNGS, REFERENCE, SANITY

__all__ = ["EQUAL", "SIMILAR", "TURNED", "failures"]

#: Mean rank correlation with the map of the trained network above which a map behind randomized
#: weights is much the same.
SIMILAR = 0.5
#: Mean rank correlation of the maps of a film and of the mirrored film below which they differ.
TURNED = 0.5
#: Difference from the maps of tf-keras-vis, in [0, 1], above which they are not the same.
EQUAL = 1e-3
_NAMES = {
    "centre": "a Gaussian at the film's centre",
    "mean": "the mean map of the other films",
    "random": "a random map",
}


def failures(table: pd.DataFrame) -> list[str]:
    """Return which methods fail which checks, in plain sentences.

    A method fails where

    - with all weights randomized its maps keep a mean rank correlation above `SIMILAR`;
    - taking away what it points at lowers the score no more, or putting it back raises the score
      no more, than with a random map: the interval of the gain reaches 0;
    - more of its maps lies on the film's outer tenth than an even map would put there: the whole
      interval of the share is above that;
    - the maps of a film and of the mirrored film have a mean rank correlation below `TURNED`;
    - one of its maps is further than `EQUAL` from the one that tf-keras-vis makes;
    - its maps are highest in the lungs no more often than a random place in the picture is: the
      interval of the difference reaches 0;
    - it hits the boxes no more often than one of the baselines or several: the interval of the
      difference reaches 0. One sentence names them all, since each method is judged on the same
      films.

    Where there is no map to compare, or no interval, nothing is shown either, and the sentence says
    so.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `cxr.evidence.audit.store`.

    Returns
    -------
    list of str
        In the order of the methods; empty if all is well, or nothing was measured.
    """
    sentences = []
    for name, rows in table.groupby("method", sort=False):
        title = METHODS[str(name)].title if name in METHODS else str(name)
        sane = rows[rows["kind"] == SANITY]
        for layer, group in sane.groupby("layer", sort=False):
            where = f"{title} at {layer}" if sane["layer"].nunique() > 1 else title
            for check in (_randomized, _curves, _edge, _flip):
                sentences += [f"{where}: {sentence}" for sentence in check(group)]
        sentences += [f"{title}: {sentence}" for sentence in _reference(rows)]
        lungs = rows[rows["kind"] == LUNGS]
        for layer, group in lungs.groupby("layer", sort=False):
            where = f"{title} at {layer}" if lungs["layer"].nunique() > 1 else title
            sentences += [f"{where}: {sentence}" for sentence in _lungs(group)]
        boxes = rows[rows["kind"] == BOXES]
        for key, group in boxes.groupby(["films", "layer"], sort=False):
            split, layer_name = key
            where = f"{title} at {layer_name}" if boxes["layer"].nunique() > 1 else title
            sentences += [f"{where}: {sentence}" for sentence in _boxes(group, str(split))]
    return sentences


def _row(rows: pd.DataFrame, measure: str) -> pd.Series | None:
    """Return a measure's row, of several stages the last."""
    some = rows[rows["measure"] == measure].sort_values("stage", kind="stable")
    return None if some.empty else some.iloc[-1]


def _films(row: pd.Series) -> str:
    return count(row["n"])


def _randomized(rows: pd.DataFrame) -> list[str]:
    row = _row(rows, "randomization_rank")
    if row is None:
        return []
    if row["n"] == 0:
        return [
            "could not be checked against randomized weights: no film had a map both before and "
            "after."
        ]
    if row["value"] <= SIMILAR:
        return []
    return [
        f"hardly changes when the weights are randomized (rank correlation {row['value']:.2f} at "
        f"the end, {_films(row)}): do not trust it as an explanation of what was learned."
    ]


def _curves(rows: pd.DataFrame) -> list[str]:
    said = {
        "deletion": "taking away what it points at is not shown to lower the score more than "
        "taking away random parts",
        "insertion": "putting back what it points at is not shown to raise the score more than "
        "putting back random parts",
    }
    sentences = []
    for measure, words in said.items():
        row = _row(rows, f"{measure}_gain")
        # Not the other way round: without an interval nothing is shown either.
        if row is not None and not row["low"] > 0:
            sentences.append(f"{words} ({_gain(row)}).")
    return sentences


def _gain(row: pd.Series) -> str:
    if pd.isna(row["low"]):
        return f"no interval, {_films(row)}"
    return f"gain {row['value']:.3f}, {interval((row['low'], row['high']))}, {_films(row)}"


def _edge(rows: pd.DataFrame) -> list[str]:
    share, even = _row(rows, "edge_share"), _row(rows, "edge_area")
    if share is None or even is None or not share["low"] > even["value"]:
        return []
    return [
        f"{share['value']:.0%} of it lies on the outer tenth of the film, where an even map would "
        f"have {even['value']:.0%} ({_films(share)}): look for markers there."
    ]


def _flip(rows: pd.DataFrame) -> list[str]:
    row = _row(rows, "flip_rank")
    if row is None or not row["value"] < TURNED:
        return []
    return [
        f"does not turn with the film: the map of a mirrored film is another one (rank correlation "
        f"{row['value']:.2f}, {_films(row)})."
    ]


def _reference(rows: pd.DataFrame) -> list[str]:
    row = _row(rows[rows["kind"] == REFERENCE], "reference_difference")
    if row is None or row["value"] <= EQUAL:
        return []
    if row["n"] == 0:
        return ["could not be compared with tf-keras-vis: no film had a map."]
    by = "values that are no numbers" if pd.isna(row["value"]) else f"up to {row['value']:.3f} of 1"
    return [
        f"differs from tf-keras-vis by {by} ({_films(row)}): the maps are not what the method is "
        "published as."
    ]


def _lungs(rows: pd.DataFrame) -> list[str]:
    peak, random = _row(rows, "peak_inside"), _row(rows, "lungs_area")
    gain = _row(rows, "peak_gain")
    if peak is None or random is None or gain is None:
        return []
    if not gain["n"]:
        return ["could not be compared with the lungs: no film has both lungs and a map."]
    if gain["low"] > 0:
        return []
    return [
        f"is not shown to be highest in the lungs more often than a random place in the picture "
        f"({peak['value']:.0%}, against {random['value']:.0%}, {_films(peak)})."
    ]


def _boxes(rows: pd.DataFrame, split: str) -> list[str]:
    if not (rows["n"] > 0).any():
        return [f"none of the films of {split} with boxes is called, so none has a map to judge."]
    missed, films = [], None
    for baseline in BASELINES:
        row = _row(rows, f"{baseline}.hit_rate_difference")
        if row is not None and row["n"] and not row["low"] > 0:
            missed.append(f"{_NAMES[baseline]} ({_difference(row)})")
            films = _films(row)
    if not missed:
        return []
    than = " or ".join(missed)
    return [f"is not shown to hit the boxes of {split} more often than {than}, on {films}."]


def _difference(row: pd.Series) -> str:
    if pd.isna(row["low"]):
        return "no interval"
    return f"difference {row['value']:+.0%}, {interval((row['low'], row['high']), '+.0%')}"
