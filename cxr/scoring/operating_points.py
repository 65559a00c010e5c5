"""Thresholds, calibration, and what a call is worth at a prevalence.

Everything here is fitted on validation films, or on films of sources left out, and stored in the
bundle's card; nothing is chosen on a test split. Labels are 0 (normal) and 1 (the finding)
throughout.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from ..stats.intervals import Array, Labels, paired, wilson
from ..storage.records import Bounds, decode, encode, one_line

__all__ = [
    "LEFT_OUT",
    "SITE_MARK",
    "Calibration",
    "Count",
    "OperatingPoint",
    "Rule",
    "Score",
    "Share",
    "band",
    "choose",
    "choose_left_out",
    "fit_temperature",
    "npv",
    "ppv",
]

#: A calibrated score, or a threshold on it.
Score = Annotated[float, Bounds(above=0, below=1)]
Share = Annotated[float, Bounds(least=0, most=1)]
Count = Annotated[int, Bounds(least=0)]
#: With a site's mark behind it, it is still one that the log of readings keeps.
PointName = Annotated[str, one_line(50)]

#: Between the name of an operating point and the site that it is of: ``sensitivity-95@north-1a2b``.
SITE_MARK = "@"
ROUNDS = 1000
# Two scores nearer than this count as one: float arithmetic differs by about 1e-7 between
# processors, and a threshold in a narrower gap could call a film differently on another one.
NARROWEST_GAP = 1e-6
TEMPERATURES = (0.05, 20.0)
# sigmoid(36) is the last whole number whose score is still below 1 in float64.
LARGEST_LOGIT = 36.0


def _fraction(value: float, name: str) -> float:
    if not 0.0 <= value <= 1.0:  # also refuses NaN
        raise ValueError(f"Expected {name} between 0 and 1. Received: {value}")
    return float(value)


@dataclass(frozen=True)
class Calibration:
    """Temperature scaling: score = sigmoid(logit / temperature). Keeps the order of films.

    Attributes
    ----------
    temperature : float
        Above 0; 1 changes nothing.
    method : str
        "temperature".
    """

    temperature: Annotated[float, Bounds(above=0)]
    method: Literal["temperature"] = field(default="temperature", metadata={"required": True})

    def __post_init__(self) -> None:
        if not (math.isfinite(self.temperature) and self.temperature > 0):
            raise ValueError(f"Expected a temperature above 0. Received: {self.temperature}")

    @property
    def slope(self) -> float:
        """What logits are multiplied with: score = sigmoid(slope * logit + intercept)."""
        return 1 / self.temperature

    @property
    def intercept(self) -> float:
        """What is added to them."""
        return 0.0

    def score(self, logits: ArrayLike) -> Array:
        """Turn logits of any shape into calibrated scores of that shape, within (0, 1)."""
        z = np.asarray(logits, dtype=np.float64) / self.temperature
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(z, -LARGEST_LOGIT, LARGEST_LOGIT))))

    def to_json(self) -> dict[str, Any]:
        """Return the card's entry, ``{"method": "temperature", "temperature": T}``."""
        plain: dict[str, Any] = encode(self)
        return plain

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> Calibration:
        """Read a card's entry; ValueError for another method or no temperature."""
        return decode(cls, entry, "calibration")


def fit_temperature(logits: ArrayLike, labels: ArrayLike) -> Calibration:
    """Fit the temperature that minimizes the log loss of validation films.

    `logits` and `labels` (0 or 1) have shape (n,). The loss is convex in 1 / T, so its
    slope has one root, found by bisection. T is kept within 0.05 to 20: films separated
    without error would drive it to 0, logits that rank no better than chance to infinity.
    ValueError when the arrays do not match or only one class is present.
    Source: Guo et al., On calibration of modern neural networks, ICML 2017.
    """
    z, y = paired(logits, labels, both=True)
    low, high = 1.0 / TEMPERATURES[1], 1.0 / TEMPERATURES[0]
    for _ in range(60):
        middle = math.sqrt(low * high)  # of 1 / T, on a log scale
        slope = float(np.mean(z * (Calibration(1.0 / middle).score(z) - y)))
        low, high = (middle, high) if slope < 0 else (low, middle)
    return Calibration(1.0 / math.sqrt(low * high))


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold on the calibrated score, and the rates it had where it was chosen.

    A film is positive when its score is at or above the threshold. Intervals are 95 %. Where `n` is
    0 nothing was measured, and the rates and their intervals are None.

    Attributes
    ----------
    name : str
        Name of the operating point.
    rule : str
        How the threshold was chosen, in words.
    threshold : float
        On the calibrated score, in (0, 1).
    near : tuple of float
        Low and high: within these, another draw of validation patients could have put the
        threshold.
    n : int
        Number of films it was chosen on.
    sensitivity : float or None
        Share of positive films at or above the threshold.
    sensitivity_ci : tuple of float or None
        Its interval, low and high.
    specificity : float or None
        Share of negative films below the threshold.
    specificity_ci : tuple of float or None
        Its interval, low and high.
    """

    name: PointName
    rule: str
    threshold: Score
    near: tuple[Share, Share]
    n: Count
    sensitivity: Share | None
    sensitivity_ci: tuple[Share, Share] | None
    specificity: Share | None
    specificity_ci: tuple[Share, Share] | None

    def __post_init__(self) -> None:
        if not self.near[0] <= self.threshold <= self.near[1]:
            raise ValueError(f"Expected near around {self.threshold}. Received: {self.near}")
        if (self.n == 0) != (self.sensitivity is None) or self.n < 0:
            raise ValueError(f"Expected rates where films were counted. Received: n {self.n}")

    @property
    def measured_on(self) -> str:
        """What kind of film the rates are of: "validation film", "film of the site" or the like."""
        if SITE_MARK in self.name:
            return "film of the site"
        return "film of sources left out" if self.name == LEFT_OUT else "validation film"

    def to_json(self) -> dict[str, Any]:
        """Return the card's entry; pairs become lists."""
        plain: dict[str, Any] = encode(self)
        return plain

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> OperatingPoint:
        """Read a card's entry; ValueError naming the keys that are missing or unknown."""
        return decode(cls, entry, "operating point")


def ppv(sensitivity: float, specificity: float, prevalence: float) -> float:
    """Share of positive calls that are right at a prevalence; NaN if none is called."""
    prevalence = _fraction(prevalence, "prevalence")
    right = _fraction(sensitivity, "sensitivity") * prevalence
    wrong = (1 - _fraction(specificity, "specificity")) * (1 - prevalence)
    return right / (right + wrong) if right + wrong > 0 else math.nan


def npv(sensitivity: float, specificity: float, prevalence: float) -> float:
    """Share of negative calls that are right at a prevalence; as `ppv` otherwise."""
    return ppv(specificity, sensitivity, 1 - _fraction(prevalence, "prevalence"))


def band(score: float, point: OperatingPoint) -> str:
    """Return "near" within the point's `near` range, ends included, else "above" or "below"."""
    score = _fraction(score, "score")
    if point.near[0] <= score <= point.near[1]:
        return "near"
    return "above" if score > point.near[1] else "below"


#: A rule in words, and what applies it: it takes the sensitivities and specificities at the cuts,
#: highest cut first, and returns the index of the one it wants.
Rule = tuple[str, Callable[[Array, Array], int]]
# 1e-9: 0.95 times a count may land a hair too high.
_RULES: dict[str, Rule] = {
    "sensitivity-95": (
        "The highest threshold with a sensitivity of at least 95 % on validation.",
        lambda sens, spec: int(np.argmax(sens >= 0.95 - 1e-9)),
    ),
    "sensitivity-97": (
        "The highest threshold with a sensitivity of at least 97 % on validation.",
        lambda sens, spec: int(np.argmax(sens >= 0.97 - 1e-9)),
    ),
    "specificity-95": (
        "The lowest threshold with a specificity of at least 95 % on validation.",
        lambda sens, spec: int(np.flatnonzero(spec >= 0.95 - 1e-9)[-1]),
    ),
    "youden": (
        "The threshold with the highest sum of sensitivity and specificity on validation.",
        # Of equals the lowest, which is the more sensitive.
        lambda sens, spec: int(np.flatnonzero(sens + spec >= (sens + spec).max() - 1e-9)[-1]),
    ),
}
_FIXED = ("fixed-0.6", "Fixed at 0.6, whatever the validation films say.", 0.6, (0.55, 0.65))


def _cuts(scores: Array, positive: Labels, negative: Labels) -> tuple[Array, Array, Array]:
    """Return thresholds midway between neighboring scores, with their two rates.

    `scores` fall; `positive` and `negative` say how often each counts in its class. The
    first cut is above every film and the last below, so that each rule finds one.
    """
    ends = [np.nextafter(1.0, 2.0)] if scores[0] >= 1 else [(1 + scores[0]) / 2]
    middles = np.concatenate([ends, (scores[:-1] + scores[1:]) / 2, [scores[-1] / 2]])
    wide = np.concatenate([[True], scores[:-1] - scores[1:] >= NARROWEST_GAP, [True]])
    called = np.concatenate([[0], np.cumsum(positive)])
    alarms = np.concatenate([[0], np.cumsum(negative)])
    return middles[wide], called[wide] / called[-1], 1 - alarms[wide] / alarms[-1]


def choose(
    scores: ArrayLike,
    labels: ArrayLike,
    patients: ArrayLike,
    *,
    seed: int = 0,
    rules: Mapping[str, Rule] | None = None,
) -> list[OperatingPoint]:
    """Choose the operating points on validation films.

    Thresholds lie midway between two neighboring scores, never on a film. `near` is the
    95 % interval of the threshold over 1000 bootstrap rounds that draw patients, not films,
    since the films of a patient are alike; it is widened to hold the threshold where need
    be. For the fixed point it is 0.05 to either side. The other intervals are Wilson's.

    Parameters
    ----------
    scores, labels, patients : array_like, shape (n,)
        Calibrated scores within 0 to 1, labels 0 or 1, and each film's patient by name.
    seed : int
        Of the bootstrap; the same seed gives the same points.
    rules : mapping of str to Rule, optional
        By the names of the points (default: those of a card).

    Returns
    -------
    list of OperatingPoint
        One per rule; of a card sensitivity-95, sensitivity-97, specificity-95, youden, fixed-0.6.
        ValueError when the arrays do not match, a score is outside 0 to 1 or a class is missing.
    """
    s, y = paired(scores, labels, both=True)
    names = np.asarray(patients).astype(str)
    if names.shape != s.shape:
        raise ValueError(f"Expected one patient a film, {s.size}. Received: shape {names.shape}")
    if s.min() < 0 or s.max() > 1:
        raise ValueError(f"Expected scores within 0 to 1. Received: {s.min()} to {s.max()}")
    used = _RULES if rules is None else rules

    order = np.argsort(-s, kind="stable")
    s, y = s[order], y[order]
    owners, owner = np.unique(names[order], return_inverse=True)
    cuts, sens, spec = _cuts(s, y, 1 - y)
    thresholds = {name: float(cuts[pick(sens, spec)]) for name, (_, pick) in used.items()}

    rng = np.random.default_rng(seed)
    drawn: dict[str, list[float]] = {name: [] for name in used}
    for _ in range(ROUNDS):
        draw = rng.integers(owners.size, size=owners.size)
        times = np.bincount(draw, minlength=owners.size)[owner]
        kept = times > 0
        positive, negative = (times * y)[kept], (times * (1 - y))[kept]
        if not (positive.any() and negative.any()):
            continue  # a draw without one of the classes has no rates
        cuts, sens, spec = _cuts(s[kept], positive, negative)
        for name, (_, pick) in used.items():
            drawn[name].append(float(cuts[pick(sens, spec)]))

    points = []
    for name, (rule, _) in used.items():
        t = thresholds[name]
        low, high = np.quantile(drawn[name] or [t], [0.025, 0.975])
        near = (min(float(low), t), max(float(high), t))
        points.append(_measure(name, rule, t, near, s, y))
    return points if rules is not None else [*points, _measure(*_FIXED, s, y)]


#: Sources left out: share of the films with the finding that is to be found on their average.
LEFT_OUT_SENSITIVITY = 0.9
LEFT_OUT = "left-out-90"
_LEFT_OUT = (
    LEFT_OUT,
    "The highest threshold that finds at least 90 % of the films with the finding on the average "
    "of the sources that were left out, each scored by a network that had not learned from it.",
)


def choose_left_out(
    groups: Sequence[tuple[ArrayLike, ArrayLike, ArrayLike]], *, seed: int = 0
) -> OperatingPoint:
    """Choose an operating point on films of sources that a network did not learn from.

    A threshold of validation films does not hold elsewhere: on a source left out it may find next
    to no film with the finding, or call most of the normal ones.

    Parameters
    ----------
    groups
        For each source left out: calibrated scores, labels and patients, as `choose` takes them.
        Each group counts the same in the average.
    seed : int
        Of the bootstrap, which draws patients within each group.

    Returns
    -------
    OperatingPoint
        "left-out-90". Its rates are over the films of all groups.

    Raises
    ------
    ValueError
        If there is no group, or arrays do not match or lack a class.
    """
    if not groups:
        raise ValueError("Expected films of a source left out. Received: none")
    parts = [(*paired(s, y, both=True), np.asarray(p).astype(str)) for s, y, p in groups]
    s, y = (np.concatenate([part[k] for part in parts]) for k in (0, 1))
    falling = np.sort(np.unique(s))[::-1]
    cuts = np.append((falling[:-1] + falling[1:]) / 2, falling[-1] / 2)

    def found(times: Sequence[Array]) -> float:
        rates = []
        for (scores, labels, _), weight in zip(parts, times, strict=True):
            counts = weight * labels
            order = np.argsort(scores)
            below = np.concatenate([[0.0], np.cumsum(counts[order])])
            at = np.searchsorted(scores[order], cuts, side="left")
            rates.append(1 - below[at] / below[-1])
        return float(cuts[np.argmax(np.mean(rates, axis=0) >= LEFT_OUT_SENSITIVITY - 1e-9)])

    threshold = found([np.ones(len(part[0])) for part in parts])
    rng = np.random.default_rng(seed)
    drawn = []
    owned = [np.unique(part[2], return_inverse=True)[1] for part in parts]
    for _ in range(ROUNDS):
        times = []
        for owner in owned:
            many = int(owner.max()) + 1
            draw = rng.integers(many, size=many)
            times.append(np.bincount(draw, minlength=many)[owner].astype(float))
        if all((time * part[1]).sum() > 0 for time, part in zip(times, parts, strict=True)):
            drawn.append(found(times))
    low, high = np.quantile(drawn or [threshold], [0.025, 0.975])
    near = (min(float(low), threshold), max(float(high), threshold))
    return _measure(*_LEFT_OUT, threshold, near, s, y)


def _measure(
    name: str, rule: str, threshold: float, near: tuple[float, float], s: Array, y: Labels
) -> OperatingPoint:
    positives, negatives = int(y.sum()), int((1 - y).sum())
    hits, clear = int((s[y == 1] >= threshold).sum()), int((s[y == 0] < threshold).sum())
    rates = (hits / positives, wilson(hits, positives), clear / negatives, wilson(clear, negatives))
    return OperatingPoint(name, rule, threshold, near, int(s.size), *rates)
