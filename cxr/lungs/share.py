"""How much of a heatmap lies in the lungs, and in which zones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .segment import Lungs
from .zones import ZONES

__all__ = ["Share", "share_in_lungs"]


@dataclass(frozen=True)
class Share:
    """Where the heat of one map lies.

    Attributes
    ----------
    inside : float
        Share of the heat in the lungs, in [0, 1].
    zones : dict
        The same for each of `ZONES`; they add up to `inside`.
    peak_inside : bool
        Whether the hottest pixel lies in the lungs.
    area : float
        What is hotter than half of the maximum, as a share of the lungs' area.
    """

    inside: float
    zones: dict[str, float]
    peak_inside: bool
    area: float


def share_in_lungs(heat: NDArray[np.float32], lungs: Lungs) -> Share | None:
    """Measure a map against the lungs of its film.

    Parameters
    ----------
    heat
        (height, width) at the film's size, not negative, such as `cxr.Heatmap.array`.
    lungs
        Of the same film.

    Returns
    -------
    Share or None
        None for a map without heat.

    Raises
    ------
    ValueError
        If the map has another size than the film.
    """
    if heat.shape != lungs.mask.shape:
        raise ValueError(f"Expected a map of shape {lungs.mask.shape}. Received: {heat.shape}")
    total = float(heat.sum(dtype=np.float64))
    if total <= 0:
        return None
    numbers = np.bincount(
        lungs.zones.ravel(), heat.ravel().astype(np.float64), minlength=len(ZONES) + 1
    )
    shares = {zone: float(part / total) for zone, part in zip(ZONES, numbers[1:], strict=True)}
    return Share(
        inside=float(sum(shares.values())),
        zones=shares,
        peak_inside=bool(lungs.mask.flat[int(heat.argmax())]),
        area=float((heat > heat.max() / 2).sum() / lungs.mask.sum()),
    )
