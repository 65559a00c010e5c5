"""What a threshold means for a programme: of 1,000 people, how many are sent on, found, missed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ..scoring.operating_points import npv, ppv
from ..stats.intervals import paired, wilson

__all__ = ["COLUMNS", "PEOPLE", "PerThousand", "Programme", "over_thresholds", "per_thousand"]

#: People that everything is counted for.
PEOPLE = 1000
#: The columns of `over_thresholds`.
COLUMNS = (
    *("threshold", "sensitivity", "sensitivity_low", "sensitivity_high"),
    *("specificity", "specificity_low", "specificity_high"),
    *("sent_on", "found", "missed", "needless", "npv", "ppv", "cost", "cost_per_case"),
)


@dataclass(frozen=True)
class Programme:
    """What a programme knows and pays.

    Attributes
    ----------
    prevalence : float
        Share of the people screened who have the finding, in [0, 1].
    film_cost : float
        Of a film and its score, for each person screened, at least 0.
    confirm_cost : float
        Of the confirmatory test, for each person sent on to it, at least 0; in the same currency.
    """

    prevalence: float
    film_cost: float = 0.0
    confirm_cost: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.prevalence <= 1:
            raise ValueError(f"Expected a prevalence between 0 and 1. Received: {self.prevalence}")
        for name in ("film_cost", "confirm_cost"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"Expected {name} of at least 0. Received: {value}")


@dataclass(frozen=True)
class PerThousand:
    """What comes of 1,000 people at a sensitivity and a specificity, as expected on average.

    Attributes
    ----------
    sent_on : float
        People at or above the threshold, who get the confirmatory test.
    found, missed : float
        People with the finding who are sent on, and who are not.
    needless : float
        People without it who are sent on.
    npv, ppv : float
        Share of those not sent on who do not have it, and of those sent on who do; NaN without any.
    cost : float
        Of all films and tests.
    cost_per_case : float
        `cost` divided by `found`; infinite where none is found.
    """

    sent_on: float
    found: float
    missed: float
    needless: float
    npv: float
    ppv: float
    cost: float
    cost_per_case: float


def per_thousand(programme: Programme, sensitivity: float, specificity: float) -> PerThousand:
    """Count what comes of 1,000 people.

    The confirmatory test is taken to be right. Sensitivity and specificity are taken to be the same
    at any prevalence.

    Parameters
    ----------
    programme : Programme
    sensitivity, specificity : float
        At the threshold, in [0, 1].

    Raises
    ------
    ValueError
        If a rate is outside 0 to 1.
    """
    positives = PEOPLE * programme.prevalence
    worth = (
        npv(sensitivity, specificity, programme.prevalence),
        ppv(sensitivity, specificity, programme.prevalence),
    )
    found = positives * sensitivity
    needless = (PEOPLE - positives) * (1 - specificity)
    sent_on = found + needless
    cost = PEOPLE * programme.film_cost + sent_on * programme.confirm_cost
    return PerThousand(
        sent_on,
        found,
        positives - found,
        needless,
        *worth,
        cost,
        cost / found if found > 0 else math.inf,
    )


def over_thresholds(scores: ArrayLike, labels: ArrayLike, programme: Programme) -> pd.DataFrame:
    """Count what comes of 1,000 people at each threshold that tells a site's films apart.

    Parameters
    ----------
    scores, labels : array_like
        Calibrated scores in [0, 1] and labels 0 or 1, shape (n,), of both classes.
    programme : Programme

    Returns
    -------
    pandas.DataFrame
        `COLUMNS`, thresholds rising: one below each distinct score, and one above all. A film at or
        above its threshold is sent on. Low and high are Wilson's 95 % intervals.

    Raises
    ------
    ValueError
        If the arrays do not match, or a class is missing.
    """
    s, y = paired(scores, labels, both=True)
    distinct = np.unique(s)
    last = (1 + distinct[-1]) / 2 if distinct[-1] < 1 else np.nextafter(1.0, 2.0)
    thresholds = np.array([distinct[0] / 2, *((distinct[:-1] + distinct[1:]) / 2), last])
    positives, negatives = np.sort(s[y == 1]), np.sort(s[y == 0])
    hits = positives.size - np.searchsorted(positives, thresholds)
    clear = np.searchsorted(negatives, thresholds)
    rows = []
    for threshold, hit, passed in zip(thresholds, hits.tolist(), clear.tolist(), strict=True):
        sensitivity, specificity = hit / positives.size, passed / negatives.size
        counted = per_thousand(programme, sensitivity, specificity)
        rows.append(
            (
                float(threshold),
                *(sensitivity, *wilson(hit, positives.size)),
                *(specificity, *wilson(passed, negatives.size)),
                *vars(counted).values(),
            )
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))
