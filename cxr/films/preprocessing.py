"""The way of a film into a network: the same for training, prediction and evaluation."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

__all__ = ["LEVELS", "Levels", "Preprocessing", "Resample", "without_margin"]

Resample = Literal["nearest", "bilinear"]
Levels = Literal["plain", "equalized"]
LEVELS = ("plain", "equalized")


def without_margin(shape: tuple[int, ...], margin: float) -> tuple[slice, slice]:
    """Return what a network sees of a film: its rows and its columns.

    Parameters
    ----------
    shape : tuple of int
        Height and width of the film, pixels.
    margin : float
        Share of the height and width left out at each edge, in [0, 0.4].

    Returns
    -------
    tuple of slice
        Rows and columns, to index pixels with.
    """
    height, width = shape
    top, left = round(height * margin), round(width * margin)
    return slice(top, height - top), slice(left, width - left)


@dataclass(frozen=True)
class Preprocessing:
    """A network's input, and how a film is brought to it. Scaling happens inside the graph.

    Attributes
    ----------
    height, width : int
        Of the input, in pixels.
    channels : int
        1, or 3 equal ones.
    resample : Resample
        "nearest" takes the pixel in the middle of each cell: that is how the 224-pixel copy of the
        Kermany films was made, so a film at full size looks to the model as in training. "bilinear"
        averages over the cell. A film smaller than the input is always enlarged bilinearly.
    margin : float
        Share of the film's height and width left out at each edge, in [0, 0.4]: markers, shutters
        and burnt-in text are there.
    levels : Levels
        "equalized" spreads the gray levels of the remaining picture evenly, so that exposure and
        the scanner's tone curve carry no information; "plain" leaves them.
    through : int
        Side in pixels that a larger film is first brought to, by `resample`: that of the training
        set's own copy, where the input is larger than that copy. A film at full size then lacks the
        same detail as in training. 0 for none.

    Raises
    ------
    ValueError
        If a field is out of range.
    """

    height: int
    width: int
    channels: int
    resample: Resample = field(default="nearest", metadata={"required": True})
    margin: float = 0.0
    levels: Levels = "plain"
    through: int = 0

    def __post_init__(self) -> None:
        if min(self.height, self.width) < 1:
            raise ValueError(
                "Expected height and width in pixels, 1 at least. "
                f"Received: {self.height} x {self.width}"
            )
        if self.channels not in (1, 3):
            raise ValueError(f"Expected 1 or 3 channels. Received: {self.channels!r}")
        if self.resample not in ("nearest", "bilinear"):
            raise ValueError(
                f"Expected resample 'nearest' or 'bilinear'. Received: {self.resample!r}"
            )
        if self.through < 0:
            raise ValueError(f"Expected through in pixels, or 0. Received: {self.through!r}")
        if not 0 <= self.margin <= 0.4:
            raise ValueError(f"Expected a margin in [0, 0.4]. Received: {self.margin!r}")
        if self.levels not in LEVELS:
            raise ValueError(f"Expected levels of {LEVELS}. Received: {self.levels!r}")

    def to_json(self) -> dict[str, Any]:
        """Return the fields as plain data."""
        return dataclasses.asdict(self)

    def __call__(self, pixels: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Bring a film to the input: crop the margin, squash, round, equalize, repeat channels.

        Parameters
        ----------
        pixels : numpy.ndarray of float32
            (height, width) in [0, 1]. At the input's size already, the levels stay as they are.

        Returns
        -------
        numpy.ndarray
            uint8 of shape (height, width, channels).

        Raises
        ------
        ValueError
            If `pixels` has another shape.
        """
        if np.ndim(pixels) != 2:
            raise ValueError(
                f"Expected pixels of shape (height, width). Received: {np.shape(pixels)}"
            )
        inside = pixels[without_margin(pixels.shape, self.margin)]
        image = Image.fromarray(np.ascontiguousarray(inside, np.float32))
        if self.through and min(image.size) > self.through:
            image = self._resized(image, (self.through, self.through))
        if image.size != (self.width, self.height):
            image = self._resized(image, (self.width, self.height))
        levels = np.rint(np.asarray(image) * np.float32(255)).clip(0, 255).astype(np.uint8)
        if self.levels == "equalized":
            levels = np.asarray(ImageOps.equalize(Image.fromarray(levels)))
        return np.repeat(levels[:, :, None], self.channels, axis=2)

    def _resized(self, image: Image.Image, size: tuple[int, int]) -> Image.Image:
        shrinks = image.width >= size[0] and image.height >= size[1]
        nearest = self.resample == "nearest" and shrinks
        return image.resize(
            size, Image.Resampling.NEAREST if nearest else Image.Resampling.BILINEAR
        )
