"""How well found lungs agree with drawn ones, from the counts that are stored of each film."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["BOUNDARY_LIMIT", "agreement", "figures", "groups"]

#: Pixels of 224 that the 95th percentile of a film's boundary distance is compared with.
BOUNDARY_LIMIT = 6.0


def agreement(predicted: NDArray[np.bool_], drawn: NDArray[np.bool_]) -> pd.DataFrame:
    """Compare masks film by film.

    Parameters
    ----------
    predicted, drawn
        (films, rows, columns).

    Returns
    -------
    pandas.DataFrame
        overlap, predicted and drawn in pixels, and boundary_95: the 95th percentile of the
        distance, in pixels, from either boundary to the other; NaN where a mask is empty.
    """
    rows = [
        {
            "overlap": int((p & d).sum()),
            "predicted": int(p.sum()),
            "drawn": int(d.sum()),
            "boundary_95": round(_boundary_distance(p, d), 3),
        }
        for p, d in zip(predicted, drawn, strict=True)
    ]
    return pd.DataFrame(rows)


def _boundary_distance(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    from scipy.ndimage import binary_erosion, distance_transform_edt

    if not (a.any() and b.any()):
        return math.nan
    edges = [mask & ~binary_erosion(mask) for mask in (a, b)]
    distances = [
        distance_transform_edt(~edge)[other] for edge, other in zip(edges, edges[::-1], strict=True)
    ]
    return float(np.percentile(np.concatenate(distances), 95))


def groups(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Part a table of films as the card does.

    Parameters
    ----------
    table
        Columns split (``validation``, ``adults-held-out``, ``adults-unseen``), certain, label.

    Returns
    -------
    dict
        Validation films with a certain mask, with another, and the certain ones by label; adults
        held out in turns; adults before any was learned from.
    """
    validation = table[table["split"] == "validation"]
    certain = validation[validation["certain"]]
    parts = {"validation": certain, "validation, other masks": validation[~validation["certain"]]}
    parts |= {f"validation, {label}": films for label, films in certain.groupby("label")}
    parts["adults held out"] = table[table["split"] == "adults-held-out"]
    parts["adults unseen"] = table[table["split"] == "adults-unseen"]
    return {name: films for name, films in parts.items() if len(films)}


def figures(table: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Compute a card's figures from the stored counts.

    Parameters
    ----------
    table
        As `groups` takes it, with the columns of `agreement`.

    Returns
    -------
    dict
        For each group films; dice, the mean, with dice_low, the fifth percentile; boundary_95,
        the mean, with boundary_95_median, and boundary_within, the share of films within
        `BOUNDARY_LIMIT`. Films without a distance are left out of the former two, which are
        None where no film has one, and count as beyond the limit.
    """
    return {name: _figures(films) for name, films in groups(table).items()}


def _figures(films: pd.DataFrame) -> dict[str, Any]:
    dice = 2 * films["overlap"] / (films["predicted"] + films["drawn"])
    boundary = films["boundary_95"]
    return {
        "films": len(films),
        "dice": round(float(dice.mean()), 4),
        "dice_low": round(float(dice.quantile(0.05)), 4),
        "boundary_95": _rounded(boundary.mean()),
        "boundary_95_median": _rounded(boundary.median()),
        "boundary_within": round(float((boundary <= BOUNDARY_LIMIT).mean()), 4),
    }


def _rounded(distance: float) -> float | None:
    """Three digits; None for NaN, which JSON does not know."""
    return None if math.isnan(distance) else round(float(distance), 3)
