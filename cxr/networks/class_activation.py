"""Class activation maps: how the activations of a layer are weighted with their gradients.

Each takes the activations (films, rows, columns, channels), the gradients of the logit by them and
the logits (films,), and returns (films, rows, columns), not negative. The first three follow
tf-keras-vis 0.8.7 step by step, so that they agree with it where a denominator is next to zero too.

Written once for whatever ran the network: the first argument is NumPy, or TensorFlow's functions of
the same names, ``tf.experimental.numpy``, to which the rest are tensors of a graph.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["WEIGHTINGS", "gradcam", "gradcam_plus_plus", "hirescam", "layercam", "weighting"]

Weighting = Callable[[Any, Any, Any, Any], Any]


def gradcam(xp: Any, maps: Any, gradients: Any, _logits: Any) -> Any:
    """Weight each channel with its mean gradient; in units of the logit.

    References
    ----------
    Selvaraju et al., Grad-CAM, ICCV 2017, equations 1 and 2.
    """
    weights = xp.mean(gradients, axis=(1, 2), keepdims=True)
    return _positive(xp, xp.sum(weights * maps, axis=-1))


def gradcam_plus_plus(xp: Any, maps: Any, gradients: Any, logits: Any) -> Any:
    """Weight each channel with its positive gradients, more where few places carry them.

    In units of the score's exponential, a factor of each film: the class score of the paper is
    the exponential of the logit, whose derivatives are then powers of the gradient.

    References
    ----------
    Chattopadhay et al., Grad-CAM++, WACV 2018, equations 10, 11 and 19.
    """
    with np.errstate(all="ignore"):  # NumPy warns of what overflows and of nothing over nothing
        # Beyond 80 float32 would overflow; there the factor of the film is another.
        factor = xp.exp(xp.minimum(logits, xp.full_like(logits, 80)))
        first = factor[:, None, None, None] * gradients
        second = first * gradients
        third = second * gradients
        total = xp.sum(maps, axis=(1, 2), keepdims=True)
        denominator = second * 2.0 + third * total
        # Without a gradient there is no share either: 0 over 1.
        shares = second / _where_zero(xp, second, denominator)
        whole = xp.sum(shares, axis=(1, 2), keepdims=True)
        shares = shares / _where_zero(xp, whole, whole)
        weights = xp.sum(_positive(xp, first) * shares, axis=(1, 2), keepdims=True)
        return _positive(xp, xp.sum(weights * maps, axis=-1))


def layercam(xp: Any, maps: Any, gradients: Any, _logits: Any) -> Any:
    """Weight each place of each channel with its own gradient where positive.

    References
    ----------
    Jiang et al., LayerCAM, IEEE Transactions on Image Processing 30, 2021, equations 5 and 6.
    """
    return _positive(xp, xp.sum(maps * _positive(xp, gradients), axis=-1))


def hirescam(xp: Any, maps: Any, gradients: Any, _logits: Any) -> Any:
    """Weight each place of each channel with its own gradient, of either sign.

    References
    ----------
    Draelos and Carin, HiResCAM, arXiv:2011.08891, equation 3; the negative part is not kept here.
    """
    return _positive(xp, xp.sum(maps * gradients, axis=-1))


def _positive(xp: Any, values: Any) -> Any:
    return xp.maximum(values, xp.zeros_like(values))


def _where_zero(xp: Any, tested: Any, values: Any) -> Any:
    """Return values, and 1 where what is tested is 0."""
    return xp.where(tested == 0, xp.ones_like(values), values)


#: By the name of the method.
WEIGHTINGS: dict[str, Weighting] = {
    "gradcam": gradcam,
    "gradcam++": gradcam_plus_plus,
    "layercam": layercam,
    "hirescam": hirescam,
}


def weighting(method: str) -> Weighting:
    """Return one of `WEIGHTINGS`; ValueError if there is none of that name."""
    if method not in WEIGHTINGS:
        raise ValueError(f"Expected one of {', '.join(WEIGHTINGS)}. Received: {method!r}")
    return WEIGHTINGS[method]
