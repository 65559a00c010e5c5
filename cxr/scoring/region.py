"""A region that a reader drew on a film: a box or an ellipse, and what the reader says of it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..datasets.boxes import mask
from .reader import RegionLabel, RegionShape

__all__ = ["MOST_REGIONS", "Region"]

#: Of one film: more is no reading any more.
MOST_REGIONS = 50
_SHA256 = re.compile(r"[0-9a-f]{64}")
_METHOD = re.compile(r"[a-z0-9_+-]{1,40}")
# What comes from a card: one line, and not a path.
_FINDING = re.compile(r"[^\s/\\][^\n\r/\\]{0,99}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A region of a film.

    Attributes
    ----------
    shape : RegionShape
        Or its value.
    label : RegionLabel
        Or its value.
    left, top, right, bottom : float
        Sides of the box, or of that around the ellipse, as shares of the film's width and height
        in [0, 1], from the left and the top edge of its pixels as they are stored, however the
        film was turned when the region was drawn.
    finding : str
        What the reader was looking for: that of the score shown.
    model_sha256 : str or None
        Hash of the weights of the model whose heatmap was shown; None if none was.
    method : str or None
        Of that heatmap.

    Raises
    ------
    ValueError
        If a value is not of its kind, or the box has no area. Texts are not quoted, since what was
        given by mistake could be a name.
    """

    shape: RegionShape
    label: RegionLabel
    left: float
    top: float
    right: float
    bottom: float
    finding: str
    model_sha256: str | None = None
    method: str | None = None

    def __post_init__(self) -> None:
        self._set("shape", RegionShape(self.shape))
        self._set("label", RegionLabel(self.label))
        for name in ("left", "top", "right", "bottom"):
            self._set(name, _share(name, getattr(self, name)))
        if not (self.left < self.right and self.top < self.bottom):
            raise ValueError("Expected a region with an area.")
        _match(_FINDING, "finding", self.finding)
        if self.model_sha256 is not None:
            _match(_SHA256, "model_sha256", self.model_sha256)
        if self.method is not None:
            _match(_METHOD, "method", self.method)

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom side, as shares of the film."""
        return self.left, self.top, self.right, self.bottom

    @property
    def words(self) -> str:
        """What it is, for people: "pneumonia", "pneumonia, missed by the heatmap"."""
        if self.label is RegionLabel.FINDING:
            return self.finding
        missed = self.label is RegionLabel.MISSED
        return f"{self.finding}, {self.label}" if missed else str(self.label)

    def pixels(self, height: int, width: int) -> tuple[float, float, float, float]:
        """Return left, top, right and bottom side in pixels of a film, a pixel being 1 wide."""
        return self.left * width, self.top * height, self.right * width, self.bottom * height

    def mask(self, height: int, width: int) -> NDArray[np.bool_]:
        """Mark the pixels of a film that lie in the region.

        Parameters
        ----------
        height, width : int
            Of the film, pixels.

        Returns
        -------
        numpy.ndarray
            bool (height, width): of a box the pixels that it touches, of an ellipse those of its
            box whose middle lies in it; at least one.
        """
        sides = self.pixels(height, width)
        touched = mask([sides], height, width)
        if self.shape is RegionShape.BOX:
            return touched
        left, top, right, bottom = sides
        x = (np.arange(width) + 0.5 - (left + right) / 2) / ((right - left) / 2)
        y = (np.arange(height) + 0.5 - (top + bottom) / 2) / ((bottom - top) / 2)
        inside = touched & (np.add.outer(y**2, x**2) <= 1)
        # One smaller than a pixel may meet the middle of none.
        return inside if inside.any() else touched


def _share(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"Expected {name} to be a number.")
    number = float(value)
    if not (math.isfinite(number) and 0 <= number <= 1):
        raise ValueError(f"Expected {name} to be within 0 to 1.")
    return number


def _match(pattern: re.Pattern[str], name: str, value: object) -> None:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ValueError(f"Expected another {name}.")
