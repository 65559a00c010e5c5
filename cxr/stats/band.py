"""A band of scores between two thresholds, with what is promised of the films on either side.

Below the band, the share of negatives (NPV) is at least a level; above it, the share of positives
(PPV) is: both at once with a stated probability, whatever the scores are worth. The shares are of
patients, and of those films that the band was found on. Within it a person decides. This is Learn
then Test: each threshold is a hypothesis, and those that an exact test rejects may be used.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .clustered import rate_interval
from .intervals import Array, Labels, paired
from .wording import count, percent

__all__ = ["Band", "Side", "band_in_between", "fewest_films"]

# Thresholds lie between scores that differ by more than what processors differ by.
NARROWEST_GAP = 1e-6


@dataclass(frozen=True)
class Side:
    """What the films that a band was found on say of one of its sides.

    Attributes
    ----------
    threshold : float
        Films below it are ruled out, or films at or above it ruled in.
    films : int
        Films on that side.
    wrong : int
        How many of them are of the other class.
    patients : int
        Patients with a film on that side.
    patients_wrong : int
        Those of them with a film there that is of the other class: what the promise is tested on.
    right_ci : tuple of float
        95 % interval of `right`, by patient (`cxr.stats.clustered.rate_interval`).
    """

    threshold: float
    films: int
    wrong: int
    patients: int
    patients_wrong: int
    right_ci: tuple[float, float]

    @property
    def right(self) -> float:
        """Share of the films on that side that are of its class: NPV below, PPV above."""
        return 1 - self.wrong / self.films


@dataclass(frozen=True)
class Band:
    """Two thresholds and what is promised of the films outside them.

    Attributes
    ----------
    level : float
        Least NPV below and least PPV above, in (0, 1).
    probability : float
        That both hold, over the draw of the films it was found on, in (0, 1).
    films, patients : int
        Films it was found on, and whose they are; films of unknown patients are of one each.
    below, above : Side or None
        Where films are ruled out and ruled in. None where nothing can be promised.
    between : int
        Films it was found on that lie within the band.
    """

    level: float
    probability: float
    films: int
    patients: int
    below: Side | None
    above: Side | None
    between: int

    @property
    def width(self) -> float:
        """Share of films within the band, in [0, 1]: those that a person decides."""
        return self.between / self.films

    @property
    def promised(self) -> bool:
        """Whether anything is promised of either side."""
        return self.below is not None or self.above is not None

    @property
    def sentence(self) -> str:
        """What is promised, for people."""
        shared = self.patients < self.films
        if not self.promised:
            whose = f" of {count(self.patients, 'patient')}" if shared else ""
            return (
                f"No band can be promised: {count(self.films)}{whose} are too few, or too many of "
                "them are on the wrong side. A person decides every film."
            )
        level = percent(self.level, 0)
        told = [f"NPV of at least {level} below"] if self.below else []
        told += [f"PPV of at least {level} above"] if self.above else []
        by = (
            " The promise is of patients, of whom one is wrong on a side where any of their films "
            f"there is. Of the films at hand, at least {level} of those on a side are right."
        )
        return (
            f"{' and '.join(told)}, with a probability of {percent(self.probability, 0)}. A person "
            f"decides {percent(self.width)} of the films.{by if shared else ''}"
        )


def fewest_films(level: float, probability: float) -> int:
    """Return how many films, all of one class, a side takes so that anything can be promised of it.

    Parameters
    ----------
    level, probability : float
        As for `band_in_between`, in (0, 1).
    """
    _check(level, probability)
    return _fewest(level, (1 - probability) / 2)


def band_in_between(
    scores: ArrayLike,
    labels: ArrayLike,
    patients: ArrayLike | None = None,
    *,
    level: float = 0.95,
    probability: float = 0.9,
) -> Band:
    """Find the narrowest band outside which a share of right films can be promised.

    Films of one patient are alike, so patients are what is counted: on a side, a patient is right
    where all their films there are. Of further films nothing is promised where patients have
    several, as a few may have most; but of the films at hand, too, the share on a side that is
    right is at least the level. The patients must be exchangeable with those that the band will be
    used on: the same site, the same kind of patients, the same share of positives.

    Parameters
    ----------
    scores : array_like
        Finite scores, shape (n,), the higher the more likely positive.
    labels : array_like
        0 or 1, shape (n,). One class alone is allowed.
    patients : array_like, optional
        Each film's patient, shape (n,) (default: each film is of another).
    level : float, default: 0.95
        Least NPV below the band and least PPV above it, in (0, 1).
    probability : float, default: 0.9
        That both hold, in (0, 1).

    Returns
    -------
    Band

    Raises
    ------
    ValueError
        If the arrays do not match or a number is outside its range.

    Notes
    -----
    A threshold is tested by the patients on its side: were the share promised not there, the number
    of wrong ones among them would be binomial, which gives an exact p-value. Thresholds are tested
    in a fixed sequence, from the film at the edge inwards, until one is not rejected; it begins at
    as many patients as can be rejected without error, and, where there are enough, once more at
    2, 4, 8... times as many, among which (and between the two sides) the error is divided. It takes
    for granted that NPV falls as its threshold rises, and PPV rises with its own.

    References
    ----------
    Angelopoulos, Bates, Candès, Jordan and Lei, Learn then Test: calibrating predictive algorithms
    to achieve risk control, Ann Appl Stat 19:1641, 2025 (fixed sequence with several starts).
    """
    _check(level, probability)
    s, y = paired(scores, labels)
    owner = _numbered(patients, s.size)
    error = (1 - probability) / 2
    low = _threshold(s, y, owner, level, error)
    mirrored = _threshold(-s, 1 - y, owner, level, error)
    high = None if mirrored is None else -mirrored
    if low is not None and high is not None and high < low:
        # Both promises hold at every threshold between: one serves for both, and no band is left.
        low, high = _one_for_both(s, y, high, low, level)
    below = None if low is None else _side(s < low, y == 1, owner, low)
    above = None if high is None else _side(s >= high, y == 0, owner, high)
    outside = (below.films if below else 0) + (above.films if above else 0)
    many = int(np.unique(owner).size)
    return Band(level, probability, s.size, many, below, above, s.size - outside)


def _check(level: float, probability: float) -> None:
    for name, value in (("level", level), ("probability", probability)):
        if not 0 < value < 1:
            raise ValueError(f"Expected a {name} between 0 and 1. Received: {value}")


def _fewest(level: float, error: float) -> int:
    return math.ceil(math.log(error) / math.log(level) - 1e-12)


def _numbered(patients: ArrayLike | None, films: int) -> NDArray[np.intp]:
    """Number each film's patient from 0."""
    if patients is None:
        return np.arange(films)
    names = np.asarray(patients)
    if names.shape != (films,):
        raise ValueError(f"Expected one patient per film ({films},). Received: {names.shape}")
    return np.unique(names, return_inverse=True)[1]


def _starts(patients: int, level: float, error: float) -> tuple[list[int], float]:
    """Return after how many patients testing begins, and the error that each sequence may take.

    Both depend on the number of patients alone, never on their labels.
    """
    for many in range(math.frexp(max(patients, 1))[1], 1, -1):
        first = _fewest(level, error / many)
        if first * 2**many <= patients:  # the last begins within the lower half
            return [first * 2**k for k in range(many)], error / many
    return [_fewest(level, error)], error


def _threshold(
    s: Array, y: Labels, owner: NDArray[np.intp], level: float, error: float
) -> float | None:
    """Return the highest threshold below which the share of label 0 can be promised."""
    from scipy.stats import binom  # takes a second to import

    order = np.argsort(s, kind="stable")
    s, y, owner = s[order], y[order], owner[order]
    ends = np.append(s[1:] - s[:-1] >= NARROWEST_GAP, True)
    films = np.flatnonzero(ends) + 1  # on the side of each threshold
    every = np.ones(s.size, bool)
    patients, wrong = (_patients_so_far(owner, of)[films - 1] for of in (every, y == 1))
    # One patient may have so many films that most are wrong where nearly all patients are right.
    enough = 1 - np.cumsum(y)[films - 1] / films >= level
    p_values = binom.cdf(wrong, patients, 1 - level)
    starts, share = _starts(int(patients[-1]), level, error)
    rejected = p_values <= share
    best = -1
    for start in starts:
        first = int(np.searchsorted(patients, start))
        stops = np.flatnonzero(~rejected[first:])
        last = first + (int(stops[0]) if stops.size else films.size - first) - 1
        # Any of those that are rejected may be used: the last of which enough films are right.
        if (usable := np.flatnonzero(enough[first : last + 1])).size:
            best = max(best, first + int(usable[-1]))
    if best < 0:
        return None
    n = int(films[best])
    return float((s[n - 1] + s[n]) / 2 if n < s.size else np.nextafter(s[-1], np.inf))


def _patients_so_far(owner: NDArray[np.intp], of: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Count, film by film, the patients who have had one of some films."""
    rows = np.flatnonzero(of)
    first = np.zeros(owner.size, np.int64)
    first[rows[np.unique(owner[rows], return_index=True)[1]]] = 1
    return np.cumsum(first)


def _one_for_both(
    s: Array, y: Labels, low: float, high: float, level: float
) -> tuple[float, float | None]:
    """Return one threshold between two for both sides, midway among the films there.

    Where enough films are right on both sides of none (which needs patients of many films), the
    higher one, below which alone something is promised.
    """
    inside = np.sort(s[(s >= low) & (s < high)])
    if not inside.size:
        return ((low + high) / 2,) * 2
    cuts = np.concatenate([[low], (inside[:-1] + inside[1:]) / 2, [high]])
    wide = np.concatenate([[True], np.diff(inside) >= NARROWEST_GAP, [True]])
    cuts = cuts[wide]
    fit = [(y[s < cut] == 0).mean() >= level and (y[s >= cut] == 1).mean() >= level for cut in cuts]
    if not any(fit):
        return high, None
    cuts = cuts[fit]
    return (float(cuts[cuts.size // 2]),) * 2


def _side(
    there: NDArray[np.bool_], wrong: NDArray[np.bool_], owner: NDArray[np.intp], threshold: float
) -> Side | None:
    """Count the films and patients on one side; None if there are none."""
    if not there.any():
        return None
    return Side(
        threshold,
        films=int(there.sum()),
        wrong=int(wrong[there].sum()),
        patients=int(np.unique(owner[there]).size),
        patients_wrong=int(np.unique(owner[there & wrong]).size),
        right_ci=rate_interval(~wrong[there], owner[there]),
    )
