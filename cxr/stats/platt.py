"""Platt scaling: a logistic curve from a score that ranks to the share of positives."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .intervals import paired

__all__ = ["fit_platt"]

STEPS = 100
#: Where the gradient per film is this small, the fit is done.
DONE = 1e-10


def fit_platt(logits: ArrayLike, labels: ArrayLike) -> tuple[float, float]:
    """Fit the slope and the intercept of a logistic curve by maximum likelihood.

    The labels are drawn in a little, as Platt has it, to (m + 1) / (m + 2) and 1 / (n + 2) of m
    positives and n negatives: films that are told apart without error would else have an infinite
    slope.

    Parameters
    ----------
    logits, labels : array_like
        Shape (n,): finite, and 0 or 1.

    Returns
    -------
    tuple of float
        Slope and intercept: sigmoid(slope * logit + intercept). The slope is 0 or below where the
        logits do not rank positives above negatives.

    Raises
    ------
    ValueError
        If the arrays do not match, a class is missing, or all logits are equal.

    References
    ----------
    Platt, Probabilistic outputs for support vector machines, 1999. Lin, Lin and Weng, A note on
    Platt's probabilistic outputs for support vector machines, Machine Learning 68:267, 2007.
    """
    z, y = paired(logits, labels, both=True)
    middle, scale = float(z.mean()), float(z.std())
    if scale == 0:
        raise ValueError("Expected logits that differ. Received: one value")
    m, n = int(y.sum()), int((1 - y).sum())
    target = np.where(y == 1, (m + 1) / (m + 2), 1 / (n + 2))
    x = np.column_stack([(z - middle) / scale, np.ones(z.size)])
    weights = np.array([0.0, np.log((m + 1) / (n + 1))])
    loss = _loss(x @ weights, target)
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-(x @ weights)))
        gradient = x.T @ (p - target)
        if np.abs(gradient).max() < DONE * z.size:
            break
        hessian = (x * (p * (1 - p))[:, None]).T @ x + 1e-12 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        share = 1.0
        while share > 1e-10:  # no step makes it worse
            new = weights - share * step
            if (better := _loss(x @ new, target)) <= loss:
                weights, loss = new, better
                break
            share /= 2
        else:
            break
    slope = float(weights[0] / scale)
    return slope, float(weights[1] - slope * middle)


def _loss(f: np.ndarray, target: np.ndarray) -> float:
    return float(np.sum(np.logaddexp(0, f) - target * f))
