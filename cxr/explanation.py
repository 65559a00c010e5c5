"""Heatmaps: where in a film a score came from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .radiograph import Radiograph

if TYPE_CHECKING:
    from .bundle import Bundle

__all__ = ["CAPTION", "METHODS", "Heatmap", "RefusedError", "explain", "heatmaps_of"]

#: The words under every heatmap.
CAPTION = "Where the score came from, not where disease is."

#: Name and title of each method.
METHODS = {"gradcam": "Grad-CAM"}


#: Added to the range when a map is stretched, as tf-keras-vis adds it; a smaller range is none.
EPSILON = 1e-7


class RefusedError(ValueError):
    """A film that was refused has no heatmap."""


@dataclass(frozen=True, eq=False)
class Heatmap:
    """A map of the regions that raised a film's score towards the finding."""

    grid: NDArray[np.float32]
    """(rows, columns) at the convolution's size, not negative, in units of the logit."""
    height: int
    """Of the film, pixels."""
    width: int
    method: str
    layer: str
    finding: str
    """The class that higher values speak for."""
    margin: float = 0.0
    """Share of the height and width at each edge that the network does not see."""

    @cached_property
    def array(self) -> NDArray[np.float32]:
        """(H, W) at the film's size, in [0, 1]: 0 the least, 1 the most; all 0 where none is.

        Over what the network sees, interpolated linearly with the corners aligned, then stretched
        to its own range, as tf-keras-vis does. The margin, which it does not see, is 0.
        """
        result = np.zeros((self.height, self.width), np.float32)
        top, left = round(self.height * self.margin), round(self.width * self.margin)
        rows = _interpolation(self.height - 2 * top, self.grid.shape[0])
        columns = _interpolation(self.width - 2 * left, self.grid.shape[1])
        inside = np.asarray(rows @ self.grid @ columns.T, np.float32)
        low, high = float(inside.min()), float(inside.max())
        # With nothing positive anywhere, stretching would paint noise.
        if high - low > EPSILON:
            stretched = (inside - low) / (high - low + EPSILON)
            result[top : self.height - top, left : self.width - left] = stretched
        return result


def _interpolation(size: int, nodes: int) -> NDArray[np.float32]:
    """Return the matrix (size, nodes) that interpolates linearly with the corners aligned."""
    at = np.linspace(0, nodes - 1, size, dtype=np.float32)
    weights = 1 - np.abs(at[:, None] - np.arange(nodes, dtype=np.float32))
    return np.asarray(np.maximum(weights, 0), np.float32)


def heatmaps_of(
    bundle: Bundle, maps: NDArray[np.float32], sizes: list[tuple[int, int]]
) -> list[Heatmap]:
    """Say what the maps of `cxr.inference.compile_forward` are, one a film.

    Parameters
    ----------
    bundle
        The model.
    maps
        (films, rows, columns).
    sizes
        (height, width) of each film as it was read, pixels.
    """
    from .inference import last_convolution

    layer = bundle.compiled("last_convolution", lambda: last_convolution(bundle.model))
    margin, finding = bundle.card.to_input.margin, bundle.card.finding
    return [
        Heatmap(grid, height, width, "gradcam", layer, finding, margin)
        for grid, (height, width) in zip(maps, sizes, strict=True)
    ]


def explain(bundle: Bundle, film: Radiograph, *, method: str = "gradcam") -> Heatmap:
    """Show where the score of a film came from.

    Parameters
    ----------
    bundle
        The model.
    film
        The film.
    method
        One of `METHODS`.

    Returns
    -------
    Heatmap

    Raises
    ------
    ValueError
        If the method is unknown or the network has no convolution.
    RefusedError
        If the film is refused: then there is no score to explain.
    """
    from .prediction import predict

    if method not in METHODS:
        raise ValueError(f"Expected one of {', '.join(METHODS)}. Received: {method!r}")
    (prediction,) = predict(bundle, [film], heatmaps=True)
    if prediction.refusal:
        reason = prediction.refusal.reason
        raise RefusedError(f"The film was refused, so it has no heatmap. {reason}")
    assert prediction.heatmap is not None
    return prediction.heatmap
