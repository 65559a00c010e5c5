"""How far the maps of a network are from those of tf-keras-vis on the same network.

The reference of the methods that take one pass: an independent implementation of the same papers.
It has Grad-CAM, Grad-CAM++ and LayerCAM. It has no HiResCAM, which is left out here, as are the
methods of many passes: they sample, or tile the film, in ways of their own.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...heatmaps.attribute import attribute
from ...networks.network import Network
from .store import REFERENCE

if TYPE_CHECKING:
    import keras

__all__ = ["MEASURE", "REFERENCES", "difference", "reference_maps", "reference_rows"]

#: Module and class of each method in tf-keras-vis.
REFERENCES = {
    "gradcam": ("tf_keras_vis.gradcam", "Gradcam"),
    "gradcam++": ("tf_keras_vis.gradcam_plus_plus", "GradcamPlusPlus"),
    "layercam": ("tf_keras_vis.layercam", "Layercam"),
}
MEASURE = "reference_difference"
# Films in a call: tf-keras-vis keeps all that the gradient needs, which for VGG is a lot.
BATCH = 8

Map = NDArray[np.float32]


def reference_maps(model: keras.Model, films: NDArray[np.uint8], *, method: str, layer: str) -> Map:
    """Map prepared films with tf-keras-vis, at the layer's own size.

    Parameters
    ----------
    model : keras.Model
        A flat functional network with a linear last layer.
    films : ndarray of uint8, shape (films, height, width, channels)
        As the network takes them.
    method : str
        One of `REFERENCES`.
    layer : str
        Name of the layer to look at.

    Returns
    -------
    ndarray of float32, shape (films, rows, columns)
        Not negative, in the units of tf-keras-vis.
    """
    module, name = REFERENCES[method]
    mapper = getattr(importlib.import_module(module), name)(model, clone=False)
    parts = [
        mapper(
            lambda output: output[:, 0],
            films[start : start + BATCH].astype(np.float32),
            penultimate_layer=layer,
            # A depthwise convolution is none to tf-keras-vis: it would take the one before.
            seek_penultimate_conv_layer=False,
            expand_cam=False,
            normalize_cam=False,
        )
        for start in range(0, len(films), BATCH)
    ]
    return np.concatenate([np.asarray(part, np.float32) for part in parts])


def difference(one: Map, other: Map) -> float:
    """Return the largest absolute difference of maps, each scaled to [0, 1] by its own maximum.

    Parameters
    ----------
    one, other : ndarray, shape (films, rows, columns)
        Not negative. A map that is 0 everywhere stays so.

    Returns
    -------
    float
        In [0, 1]; NaN if a map is not finite.

    Raises
    ------
    ValueError
        If the shapes differ or there is no film.
    """
    if one.shape != other.shape or not len(one):
        raise ValueError(
            "Expected maps of the same films and size. "
            f"Received: shapes {one.shape} and {other.shape}"
        )
    scaled = []
    for maps in (one, other):
        highest = maps.max(axis=(1, 2), keepdims=True).astype(np.float64)
        scaled.append(maps / np.where(highest > 0, highest, 1.0))
    return float(np.abs(scaled[0] - scaled[1]).max())


def reference_rows(
    network: Network, films: NDArray[np.uint8], methods: Sequence[str], split: str
) -> list[dict[str, Any]]:
    """Compare a network's maps with those of tf-keras-vis, at the last convolution.

    Parameters
    ----------
    network : Network
        That both map.
    films : ndarray of uint8, shape (films, height, width, channels)
        Prepared; at least one.
    methods : sequence of str
        Those that are not of `REFERENCES` are left out.
    split : str
        Of the films, for the rows.

    Returns
    -------
    list of dict
        For each method a row for `cxr.evidence.audit.store.store`, of the kind `REFERENCE`: as
        `MEASURE` the `difference` over the films that have a map by either. Where none has, there
        is nothing to compare and the value is NaN.
    """
    rows = []
    for name in methods:
        if name not in REFERENCES:
            continue
        layer = network.layer()
        ours = attribute(network, films, method=name)
        theirs = reference_maps(network.model, films, method=name, layer=layer)
        some = ours.any(axis=(1, 2)) | theirs.any(axis=(1, 2))
        rows.append(
            {
                "kind": REFERENCE,
                "films": split,
                "method": name,
                "layer": layer,
                "measure": MEASURE,
                "stage": math.nan,
                "n": int(some.sum()),
                "value": difference(ours[some], theirs[some]) if some.any() else math.nan,
                "low": math.nan,
                "high": math.nan,
            }
        )
    return rows
