"""Lung supervision: a classifier is taught where it must not look.

The film's logit is taught its label. The evidence of a place (`cxr.networks.efficientnet_lite`) is
taught zero everywhere on normal films, and outside the lungs on films with the finding. Where an
opacity was drawn into a normal film, which then counts as one with the finding, it is taught one
inside the opacity and zero outside. Keras's backend is free.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from keras import ops
from numpy.typing import NDArray

from ..datasets.lung_masks import read_lung_masks, read_pictures
from ..heatmaps.geometry import interpolation
from .lungs import predict_whole
from .recipes import Recipe
from .variation import Amounts, Variation

__all__ = [
    "CLIP",
    "DENSE",
    "LungTaught",
    "amounts_of",
    "film_metrics",
    "loss",
    "lungs_of_films",
    "move_origin",
    "rate_at",
]

#: A place counts as in the lungs, or in what was drawn, where these cover this much about it.
COVERED = 0.5
#: A normal film into which an opacity of this density was drawn counts as one with the finding.
DENSE = 0.35
#: Most that the length of a step's gradient may be.
CLIP = 5.0


def amounts_of(recipe: Recipe) -> Amounts:
    """Return how much a recipe with lung supervision varies films."""
    seen, lungs = recipe.augmentation, recipe.lungs
    if lungs is None:
        raise ValueError(f"Expected lung supervision. Received: {recipe.name} without")
    return Amounts(
        rotation=seen.rotation,
        scale_low=seen.scale[0],
        scale_high=seen.scale[1],
        aspect=lungs.aspect,
        shift=seen.shift,
        flip=0.5 if seen.flip else 0.0,
        gamma=seen.gamma,
        contrast=seen.contrast,
        brightness=seen.brightness,
        tone=seen.tone,
        sharpness=seen.sharpness,
        noise=seen.noise,
        soft=lungs.soft,
        shutters=lungs.shutters,
        devices=lungs.devices,
        opacities=lungs.opacities,
    )


def rate_at(recipe: Recipe) -> Callable[[int, float], float]:
    """Return the learning rate of each epoch, from 0, under the schedule ``stepped``."""

    def rate(epoch: int, _: float = 0) -> float:
        along = epoch / max(recipe.epochs - 1, 1)
        # Falls to a twentieth: with zero the last epochs would not differ to be averaged.
        fall = 0.05 + 0.95 * (0.5 + 0.5 * math.cos(math.pi * along))
        return recipe.learning_rate * fall * (0.3 if epoch == 0 else 1.0)

    return rate


class Targets(keras.layers.Layer):
    """What the evidence of each place is taught, and how much it weighs.

    Parameters
    ----------
    side
        Of the input, in pixels.
    grid
        Rows and columns of the map.
    """

    def __init__(self, side: int, grid: tuple[int, int], **arguments: Any) -> None:
        super().__init__(**arguments)
        self.grid = grid
        reach = [interpolation(side, nodes) for nodes in grid]
        self.reach = [part / part.sum(axis=0, keepdims=True) for part in reach]
        self.outside = self.add_weight(
            shape=(), initializer="ones", trainable=False, name="outside"
        )
        self.drawn = self.add_weight(shape=(), initializer="zeros", trainable=False, name="drawn")

    def _places(self, marked: Any) -> Any:
        """Return (films, places): how far a place's surroundings are marked, 1 from half on."""
        rows = ops.einsum("hr,nhw->nrw", self.reach[0], marked[..., 0])
        places = ops.einsum("nrw,wc->nrc", rows, self.reach[1])
        return ops.reshape(ops.minimum(places / COVERED, 1.0), (-1, math.prod(self.grid)))

    def call(self, label: Any, lungs: Any, drawn: Any) -> tuple[Any, Any, Any]:
        """Return the label, (films, 1), and targets and weights, (films, places)."""
        dense = ops.cast(ops.max(drawn, axis=(1, 2)) > DENSE, "float32")
        drawn_in = (1 - label) * dense
        inside = self._places(lungs)
        shown = self._places(drawn) * drawn_in
        one = ops.cast(shown > 0.6, "float32")
        zero = (1 - label) * ops.cast(shown < 0.15, "float32") + label * (1 - inside)
        return ops.maximum(label, drawn_in), one, one * self.drawn + zero * self.outside


class LungTaught:
    """A network with what varies its films and what teaches its places, as one graph.

    Parameters
    ----------
    network
        A classifier with a layer "evidence"; it shares its weights.
    recipe
        With lung supervision.

    Attributes
    ----------
    model : keras.Model
        Inputs: films (batch, side, side, 1) in [0, 255], lungs (the same), labels (batch, 1) of 0
        and 1. Output: what `loss` and `film_metrics` take apart.
    """

    def __init__(self, network: keras.Model, recipe: Recipe) -> None:
        side = recipe.input_size
        evidence = network.get_layer("evidence").output
        look = keras.Model(network.input, [network.output, evidence])
        film = keras.Input((side, side, 1), name="film")
        lungs = keras.Input((side, side, 1), name="lungs")
        label = keras.Input((1,), name="label")
        self.variation = Variation(Amounts(), recipe.seed)
        varied, moved, drawn = self.variation(film, lungs / 255)
        logit, places = look(ops.repeat(varied, recipe.channels, axis=-1))
        self.targets = Targets(side, tuple(evidence.shape[1:3]))
        said, *held = self.targets(label, moved, drawn)
        flat = keras.layers.Flatten()(places)
        self.model = keras.Model(
            [film, lungs, label], keras.layers.Concatenate()([logit, said, flat, *held])
        )
        self.follow(recipe)

    def follow(self, recipe: Recipe) -> None:
        """Vary and teach as a recipe for the same network says, from its seed on."""
        assert recipe.lungs is not None
        self.variation.set_amounts(amounts_of(recipe))
        self.variation.seeds.state.assign([recipe.seed, 0])
        self.targets.outside.assign(recipe.lungs.outside)
        self.targets.drawn.assign(recipe.lungs.drawn)

    def compile(self, recipe: Recipe) -> None:
        """Compile the graph with the recipe's optimizer and the losses."""
        optimizer = keras.optimizers.AdamW(
            recipe.learning_rate, weight_decay=recipe.weight_decay, global_clipnorm=CLIP
        )
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        self.model.compile(
            optimizer,
            loss(recipe.label_smoothing),
            metrics=film_metrics(),
            jit_compile=keras.backend.backend() == "jax",
        )


def loss(smoothing: float) -> Callable[[Any, Any], Any]:
    """Return the loss of each film: of its logit, and of its places, averaged over all of them.

    Parameters
    ----------
    smoothing
        Of the film's label, in [0, 1).
    """

    def of_films(_: Any, y_pred: Any) -> Any:
        logit, label = y_pred[:, 0], y_pred[:, 1]
        target = label * (1 - smoothing) + 0.5 * smoothing
        film = ops.softplus(logit) - target * logit
        evidence, targets, weights = ops.split(y_pred[:, 2:], 3, axis=-1)
        places = weights * (ops.softplus(evidence) - targets * evidence)
        return film + ops.mean(places, axis=-1)

    return of_films


class _Accuracy(keras.metrics.BinaryAccuracy):
    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        return super().update_state(y_pred[:, 1:2], y_pred[:, :1])


class _Auc(keras.metrics.AUC):
    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        return super().update_state(y_pred[:, 1:2], y_pred[:, :1])


def film_metrics() -> list[keras.metrics.Metric]:
    """Return accuracy and AUC of the films, each against what it counts as once it is varied."""
    return [_Accuracy(threshold=0.0, name="accuracy"), _Auc(from_logits=True, name="auc")]


def move_origin(network: keras.Model, origin: float) -> None:
    """Have the heat of a place begin at another evidence, and leave every score as it is.

    Parameters
    ----------
    network
        With layers "evidence" and "logit", one finding; changed in place.
    origin
        The evidence, in logits, that becomes 0.
    """
    evidence, logit = network.get_layer("evidence"), network.get_layer("logit")
    kernel, bias = (ops.convert_to_numpy(weight) for weight in evidence.weights)
    evidence.set_weights([kernel, bias - origin])
    # The log of the sum of the exponentials falls by as much.
    slope, offset = (ops.convert_to_numpy(weight) for weight in logit.weights)
    logit.set_weights([slope, offset + slope.sum(axis=0) * origin])


def lungs_of_films(
    table: pd.DataFrame,
    pixels: NDArray[np.uint8],
    data: str | Path,
    network: keras.Model,
    *,
    batch: int = 64,
) -> pd.DataFrame:
    """Find the lungs of films: as people drew them where they did, else as the network says.

    Parameters
    ----------
    table
        A film table with ``film``, the path from `data`.
    pixels
        uint8 (films, side, side, 1), in the table's order.
    data
        The folder of the data sets, with or without ``lungs/masks.csv``.
    network
        A lung network for that side, with its weights.
    batch
        Films at a time.

    Returns
    -------
    pandas.DataFrame
        The table with mask ("" where nobody drew one), certain, and lungs: uint8
        (side, side, 1), 255 inside.
    """
    table_there = (Path(data) / "lungs" / "masks.csv").is_file()
    masks = read_lung_masks(data) if table_there else pd.DataFrame(columns=["film", "mask"])
    masks = masks.reindex(columns=["film", "mask", "certain"])
    found = table.merge(masks, on="film", how="left").fillna({"mask": ""})
    found["certain"] = found["certain"].eq(True)
    fields = (np.asarray(predict_whole(network, pixels, batch)) > 0).astype(np.uint8) * 255
    drawn = np.flatnonzero(found["mask"] != "")
    if len(drawn):
        fields[drawn] = read_pictures(found["mask"].iloc[drawn], data, pixels.shape[1])
    return found.assign(lungs=list(fields))
