"""Box supervision: radiologists' boxes teach a network where the finding is.

A network with a layer "evidence" (`cxr.networks.efficientnet_lite`) has a map of its own. Film
by film its logit is compared with the label, and position by position the map with the boxes, so
that it cannot live on what tells one source from another.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from numpy.typing import NDArray

from ..datasets.boxes import boxes_of, mask, read_boxes
from ..datasets.folders import NORMAL, DatasetError
from ..heatmaps.geometry import interpolation
from .recipes import Recipe

__all__ = [
    "EVIDENCE",
    "LOGIT",
    "Places",
    "place_weights",
    "positive_places",
    "read_places",
    "with_evidence",
]

#: The network's layers that are taught: its map, and what it makes of the film.
EVIDENCE = "evidence"
LOGIT = "logit"
#: A position counts as positive if the boxes cover this much of its surroundings.
COVERED = 0.5
#: Ill places are few: each counts this many times as much as a healthy one.
POSITIVE_WEIGHT = 3.0


@dataclass(frozen=True)
class Places:
    """Where the finding is in some films.

    Attributes
    ----------
    masks : numpy.ndarray of uint8
        Shape (films, height, width, 1) at the input's size: 255 inside a box, 0 outside.
    known : numpy.ndarray of bool
        Shape (films,): False for a positive film in which nobody has drawn boxes.
    grid : tuple of int
        Rows and columns of the network's map.
    """

    masks: NDArray[np.uint8]
    known: NDArray[np.bool_]
    grid: tuple[int, int]

    def at(self, rows: NDArray[np.integer]) -> Places:
        """Take some of the films."""
        return Places(self.masks[rows], self.known[rows], self.grid)


def read_places(
    table: pd.DataFrame, data: str | Path, recipe: Recipe, model: keras.Model
) -> Places:
    """Paint the boxes of films as the network sees the films.

    Parameters
    ----------
    table : pandas.DataFrame
        A film table with ``width`` and ``height``.
    data : str or pathlib.Path
        The data set's folder, which holds the recipe's table of boxes.
    recipe : Recipe
        How films are brought to the input, and the finding.
    model : keras.Model
        The network, with a layer "evidence".

    Returns
    -------
    Places

    Raises
    ------
    DatasetError
        If there is no such table, or it names no film with the finding.
    """
    corners = boxes_of(read_boxes(Path(data) / recipe.boxes), list(table["path"]), recipe.finding)
    positive = (table["label"] != NORMAL).to_numpy()
    boxed = np.array([path in corners for path in table["path"]], bool)
    if not (boxed & positive).any():
        raise DatasetError(f"{recipe.boxes} has no box for any of the films of {recipe.finding}.")
    # As films, but for their gray levels: a box stays one where those are equalized.
    to_input = replace(recipe.to_input, channels=1, levels="plain")
    masks = np.zeros((len(table), to_input.height, to_input.width, 1), np.uint8)
    for row in np.flatnonzero(boxed & positive):
        film = table.iloc[row]
        painted = mask(corners[film["path"]], int(film["height"]), int(film["width"]))
        masks[row] = to_input(painted.astype(np.float32))
    rows, columns = model.get_layer(EVIDENCE).output.shape[1:3]
    return Places(masks, np.asarray(boxed | ~positive, bool), (rows, columns))


def positive_places(masks: tf.Tensor, grid: tuple[int, int]) -> tf.Tensor:
    """Return which positions of a map are positive.

    A position is where the heatmap draws it (`cxr.heatmaps.geometry.interpolation`), and its
    surroundings reach as far as its color does.

    Parameters
    ----------
    masks : tf.Tensor
        float32 (films, height, width, 1) in [0, 255].
    grid : tuple of int
        Rows and columns of the map.

    Returns
    -------
    tensorflow.Tensor
        float32 (films, rows, columns, 1) in [0, 1]: 1 where the boxes cover `COVERED` of the
        surroundings or more.
    """
    parts = []
    for size, nodes in zip(masks.shape[1:3], grid, strict=True):
        reach = interpolation(size, nodes)
        parts.append(tf.constant(reach / reach.sum(axis=0, keepdims=True)))
    share = tf.einsum("hr,nhw,wc->nrc", parts[0], masks[..., 0] / 255, parts[1])
    return tf.minimum(share / COVERED, 1.0)[..., None]


def place_weights(places: tf.Tensor, known: tf.Tensor) -> tf.Tensor:
    """Weigh each place in the loss, (films, rows, columns): 0 if it is not known."""
    return known[:, None, None] * (1 + (POSITIVE_WEIGHT - 1) * places[..., 0])


def with_evidence(model: keras.Model) -> keras.Model:
    """Return the network with its map as a second output; both share their weights."""
    outputs = {LOGIT: model.output, EVIDENCE: model.get_layer(EVIDENCE).output}
    return keras.Model(model.input, outputs, name=model.name)
