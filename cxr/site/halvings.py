"""Halve a site's films again and again: calibrate on one half, check on the other.

``python -m cxr.site.halvings MODEL --data DIR --scores FILE`` does so with the Shenzhen films that
no model learned from (`cxr.datasets.withheld`; of them, those whose file's name has an odd
SHA-256). They are scored once, FILE keeps their logits.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ..datasets.folders import NORMAL
from ..datasets.withheld import odd
from ..model import load
from ..progress import to_stderr
from ..scoring.bundle import Bundle
from ..scoring.operating_points import OperatingPoint
from ..scoring.predict import predict_files
from ..stats.band import Band, band_in_between
from ..stats.curves import auc
from ..stats.intervals import wilson
from .calibrate import calibrate

__all__ = ["halvings", "score_reserved"]

ROUNDS = 200
SENSITIVITY = 0.95
#: Levels of the band; the first is the one that is asked for, the others say how it goes below.
LEVELS, PROBABILITY = (0.95, 0.9, 0.85, 0.8), 0.9
FOLDER = "shenzhen_128"


def score_reserved(name: str, data: Path) -> pd.DataFrame:
    """Score the reserved films.

    Returns
    -------
    pandas.DataFrame
        path, truth (0 or 1), logit (NaN of a refused film) and refusal ("" if it was not refused).
    """
    model = load(name)
    paths = [path for path in sorted((data / FOLDER).glob("*/*.jp*g")) if odd(path.name)]
    rows = []
    for path, _, said in predict_files(model, paths):
        truth = int(path.parent.name != NORMAL)
        refusal = said.refusal.code if said.refusal else ""
        rows.append((f"{path.parent.name}/{path.name}", truth, said.logit, refusal))
    return pd.DataFrame(rows, columns=["path", "truth", "logit", "refusal"])


def halvings(
    logits: ArrayLike,
    labels: ArrayLike,
    bundle: Bundle,
    *,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> dict[str, Any]:
    """Calibrate on a random half of a site's films and check on the other, again and again.

    Parameters
    ----------
    logits, labels : array_like
        Of the films that were not refused, shape (n,); labels 0 or 1, of both classes. Each film is
        of another patient.
    bundle : Bundle
        The model; the points of its card are tried on the same halves.
    rounds : int
        Halvings.
    seed : int
        Of the draw.

    Returns
    -------
    dict
        Figures by name, of all films and over the halvings.
    """
    z, y = np.asarray(logits, np.float64), np.asarray(labels, np.int64)
    films = pd.DataFrame({"logit": z, "truth": y, "path": [f"film {k}" for k in range(y.size)]})
    own = bundle.card.calibration.score(z)
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for turn in range(rounds):
        half = np.zeros(y.size, bool)
        half[rng.permutation(y.size)[: y.size // 2]] = True
        site = calibrate(bundle, films[half], site="half", sensitivity=SENSITIVITY, seed=turn)
        scores, rest = site.calibration.score(z), ~half
        row = _rates(scores[rest], y[rest], site.point().threshold)
        for point in bundle.card.operating_points:
            row[point.name] = _rates(own[rest], y[rest], point.threshold)
        for level in LEVELS:
            band = band_in_between(scores[half], y[half], level=level, probability=PROBABILITY)
            row[f"band {level}"] = _checked(scores[rest], y[rest], band)
        rows.append(row)
    value, interval = auc(own, y)
    table = pd.DataFrame(rows)
    return {
        "films": int(y.size),
        "positives": int(y.sum()),
        "auc": value,
        "auc_ci": list(interval),
        "halvings": rounds,
        "site": {
            "interval_of_sensitivity_holds_95": float(table["holds"].mean()),
            "sensitivity_mean": float(table["sensitivity"].mean()),
            "specificity_mean": float(table["specificity"].mean()),
        },
        "card": {point.name: _card(table, point) for point in bundle.card.operating_points},
        "band": {"probability": PROBABILITY}
        | {str(level): _bands([row[f"band {level}"] for row in rows], level) for level in LEVELS},
    }


def _rates(s: NDArray[np.float64], y: NDArray[np.int64], threshold: float) -> dict[str, Any]:
    positives, negatives = s[y == 1], s[y == 0]
    hits = int((positives >= threshold).sum())
    low, high = wilson(hits, positives.size)
    return {
        "sensitivity": hits / positives.size,
        "holds": low <= SENSITIVITY <= high,
        "specificity": float((negatives < threshold).mean()),
    }


def _card(table: pd.DataFrame, point: OperatingPoint) -> dict[str, float]:
    given = pd.DataFrame(list(table[point.name]))
    return {
        "threshold": point.threshold,
        "sensitivity_mean": float(given["sensitivity"].mean()),
        "specificity_mean": float(given["specificity"].mean()),
        "interval_of_sensitivity_holds_95": float(given["holds"].mean()),
        "site_specificity_above": float((table["specificity"] > given["specificity"]).mean()),
    }


def _checked(s: NDArray[np.float64], y: NDArray[np.int64], band: Band) -> dict[str, Any]:
    """Count on the other half what a band promises: NPV below, PPV above, films between."""
    low = s < band.below.threshold if band.below else np.zeros(s.size, bool)
    high = s >= band.above.threshold if band.above else np.zeros(s.size, bool)
    return {
        "below": band.below is not None,
        "above": band.above is not None,
        "npv": float((y[low] == 0).mean()) if low.any() else math.nan,
        "ppv": float((y[high] == 1).mean()) if high.any() else math.nan,
        "width": float(1 - (low | high).mean()),
    }


def _bands(rows: Sequence[dict[str, Any]], level: float) -> dict[str, Any]:
    table = pd.DataFrame(rows)
    told: dict[str, Any] = {}
    reached = {}
    for side, name in (("below", "npv"), ("above", "ppv")):
        # A side that nothing is promised of, or that no film falls on, breaks no promise.
        reached[name] = ~(table[name] < level)
        promised = table[side]
        told |= {
            f"{side}_promised": float(promised.mean()),
            f"{name}_mean": float(table[name].mean()) if table[name].notna().any() else None,
            f"{name}_reached": float(reached[name].mean()),
            f"{name}_reached_where_promised": float(reached[name][promised].mean())
            if promised.any()
            else None,
        }
    told["both_reached"] = float((reached["npv"] & reached["ppv"]).mean())
    told["width_mean"] = float(table["width"].mean())
    return told


def main(argv: Sequence[str] | None = None) -> None:
    """Score the films or read their scores, halve them, and write the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m cxr.site.halvings", description=__doc__)
    parser.add_argument("model", help="name of a model")
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--scores", type=Path, required=True, help="CSV of logits, made if missing")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args(argv)
    if not options.scores.is_file():
        to_stderr("Scoring the reserved films")
        score_reserved(options.model, options.data).to_csv(options.scores, index=False)
    films = pd.read_csv(options.scores, keep_default_na=False, na_values={"logit": ""})
    scored = films[films["refusal"] == ""]
    bundle = Bundle.load(options.model)
    figures = halvings(scored["logit"], scored["truth"], bundle, rounds=options.rounds)
    refused = films[films["refusal"] != ""]
    figures["refused"] = {"films": len(refused), "codes": dict(Counter(refused["refusal"]))}
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
