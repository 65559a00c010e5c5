"""Lung supervision: a classifier is taught where it must not look.

The film's logit is taught its label. The evidence of a place (`cxr.networks.efficientnet_lite`) is
taught zero everywhere on normal films, and outside the lungs on films with the finding. Where an
opacity was drawn into a normal film, which then counts as one with the finding, it is taught one
inside the opacity and zero outside. Where radiologists drew boxes, it is taught one inside them and
zero outside. Keras's backend is free.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
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
from .transplant import Transplant
from .variation import Amounts, Variation

__all__ = [
    "CLIP",
    "DENSE",
    "LungTaught",
    "amounts_of",
    "film_metrics",
    "film_weights",
    "loss",
    "lungs_of_films",
    "move_origin",
    "rate_at",
]

#: A place counts as in the lungs, or in what was drawn, where these cover this much about it.
COVERED = 0.5
#: A normal film into which an opacity of this density was drawn counts as one with the finding.
DENSE = 0.35
#: Places in a box are few: each counts this many times as much as another place.
BOXED = 3.0
#: Logits are compared with a teacher's up to here to either side: beyond it both are sure.
FAR = 6.0
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
        self.boxes = self.add_weight(shape=(), initializer="ones", trainable=False, name="boxes")

    def _places(self, marked: Any) -> Any:
        """Return (films, places): how far a place's surroundings are marked, 1 from half on."""
        rows = ops.einsum("hr,nhw->nrw", self.reach[0], marked[..., 0])
        places = ops.einsum("nrw,wc->nrc", rows, self.reach[1])
        return ops.reshape(ops.minimum(places / COVERED, 1.0), (-1, math.prod(self.grid)))

    def call(self, label: Any, marks: Any, drawn: Any, boxed: Any = None) -> tuple[Any, Any, Any]:
        """Return the label, (films, 1), and targets and weights, (films, places).

        Marks are lungs, and boxes as a second channel where it is told which films had any,
        (films, 1), before they were varied.
        """
        lungs = marks[..., :1]
        dense = ops.cast(ops.max(drawn, axis=(1, 2)) > DENSE, "float32")
        drawn_in = (1 - label) * dense
        inside = self._places(lungs)
        shown = self._places(drawn) * drawn_in
        one = ops.cast(shown > 0.6, "float32")
        zero = (1 - label) * ops.cast(shown < 0.15, "float32") + label * (1 - inside)
        weights = one * self.drawn + zero * self.outside
        said = ops.maximum(label, drawn_in)
        if boxed is not None:
            shown = self._places(marks[..., 1:2])
            # A film whose boxed parts were cut off shows nothing of the finding.
            seen = ops.cast(ops.max(shown, axis=1, keepdims=True) >= COVERED, "float32")
            said = boxed * seen + (1 - boxed) * said
            one = boxed * shown + (1 - boxed) * one
            taught = self.boxes * (1 + (BOXED - 1) * shown)
            weights = boxed * taught + (1 - boxed) * weights
        return said, one, weights


class Told(keras.layers.Layer):
    """What some networks say of films, and how much it weighs.

    Parameters
    ----------
    teachers
        The networks, by name. They are frozen.
    """

    def __init__(self, teachers: Mapping[str, keras.Model], **arguments: Any) -> None:
        super().__init__(trainable=False, **arguments)
        self.names = list(teachers)
        self.networks = list(teachers.values())
        for network in self.networks:
            network.trainable = False
        self.shares = self.add_weight(
            shape=(len(self.names),), initializer="zeros", trainable=False, name="shares"
        )
        self.weight = self.add_weight(shape=(), initializer="zeros", trainable=False, name="taught")

    def follow(self, recipe: Recipe) -> None:
        """Listen to those that a recipe names."""
        assert recipe.lungs is not None
        named = np.array([name in recipe.teachers for name in self.names], np.float32)
        self.shares.assign(named / max(named.sum(), 1))
        self.weight.assign(recipe.lungs.taught if named.any() else 0.0)

    def call(self, films: Any, changed: Any) -> tuple[Any, Any]:
        """Return their averaged logit and its weight, both (films, 1).

        The weight is 0 where a film counts as another than it was: a teacher does not know what
        was drawn or set into it.
        """
        each = [network(films, training=False) for network in self.networks]
        told = ops.sum(ops.concatenate(each, axis=-1) * self.shares, axis=-1, keepdims=True)
        return told, self.weight * (1.0 - ops.abs(changed))


class LungTaught:
    """A network with what varies its films and what teaches its places, as one graph.

    Parameters
    ----------
    network
        A classifier with a layer "evidence"; it shares its weights.
    recipe
        With lung supervision.
    teachers
        Networks for the same input, by the names of their bundles. A recipe that names some learns
        from their logits, averaged, as well (`LungSupervision.taught`); their weights stay.

    Attributes
    ----------
    model : keras.Model
        Inputs: films (batch, side, side, 1) in [0, 255], lungs (the same; with a second channel of
        boxes where the recipe has boxes), labels (batch, 1) of 0 and 1. Output: what `loss` and
        `film_metrics` take apart.
    """

    def __init__(
        self,
        network: keras.Model,
        recipe: Recipe,
        teachers: Mapping[str, keras.Model] | None = None,
    ) -> None:
        side = recipe.input_size
        evidence = network.get_layer("evidence").output
        look = keras.Model(network.input, [network.output, evidence])
        film = keras.Input((side, side, 1), name="film")
        lungs = keras.Input((side, side, 2 if recipe.boxes else 1), name="lungs")
        label = keras.Input((1,), name="label")
        self.variation = Variation(Amounts(), recipe.seed)
        self.transplant = Transplant(recipe.seed + 1) if recipe.boxes else None
        given = film, lungs / 255, label
        shown, marks, counts = self.transplant(*given) if self.transplant else given
        varied, moved, drawn = self.variation(shown, marks)
        seen = ops.repeat(varied, recipe.channels, axis=-1)
        logit, places = look(seen)
        self.targets = Targets(side, tuple(evidence.shape[1:3]))
        boxed = counts * ops.max(marks[..., 1], axis=(1, 2))[:, None] if recipe.boxes else None
        said, *held = self.targets(counts, moved, drawn, boxed)
        parts = [logit, said, keras.layers.Flatten()(places), *held]
        self.teachers = dict(teachers or {})
        if self.teachers:
            self.told = Told(self.teachers)
            parts += self.told(seen, said - label)
        self.model = keras.Model([film, lungs, label], keras.layers.Concatenate()(parts))
        self.follow(recipe)

    def follow(self, recipe: Recipe) -> None:
        """Vary and teach as a recipe for the same network says, from its seed on."""
        assert recipe.lungs is not None
        self.variation.set_amounts(amounts_of(recipe))
        self.variation.seeds.state.assign([recipe.seed, 0])
        self.targets.outside.assign(recipe.lungs.outside)
        self.targets.drawn.assign(recipe.lungs.drawn)
        self.targets.boxes.assign(recipe.boxes_weight)
        if missing := set(recipe.teachers) - set(self.teachers):
            raise ValueError(f"Expected the teachers of {recipe.name}: {', '.join(missing)}")
        if self.teachers:
            self.told.follow(recipe)
        if self.transplant:
            self.transplant.seeds.state.assign([recipe.seed + 1, 0])
            self.transplant.chance.assign(recipe.lungs.transplanted)

    def compile(self, recipe: Recipe) -> None:
        """Compile the graph with the recipe's optimizer and the losses."""
        optimizer = keras.optimizers.AdamW(
            recipe.learning_rate, weight_decay=recipe.weight_decay, global_clipnorm=CLIP
        )
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        self.model.compile(
            optimizer,
            loss(recipe.label_smoothing, teachers=bool(self.teachers)),
            metrics=film_metrics(),
            jit_compile=keras.backend.backend() == "jax",
        )


def loss(smoothing: float, *, teachers: bool = False) -> Callable[[Any, Any], Any]:
    """Return the loss of each film: of its logit, and of its places, averaged over all of them.

    Parameters
    ----------
    smoothing
        Of the film's label, in [0, 1).
    teachers
        Whether the output ends with what teachers say, and with the weight of half the squared
        distance from it.

    References
    ----------
    Hinton, Vinyals and Dean, Distilling the Knowledge in a Neural Network, 2015, section 2.1: the
    distance of logits is the limit of soft labels at a high temperature.
    """

    def of_films(_: Any, y_pred: Any) -> Any:
        logit, label = y_pred[:, 0], y_pred[:, 1]
        target = label * (1 - smoothing) + 0.5 * smoothing
        film = ops.softplus(logit) - target * logit
        parts = y_pred[:, 2:]
        if teachers:
            told, weight = ops.clip(parts[:, -2], -FAR, FAR), parts[:, -1]
            film = film + weight * 0.5 * (ops.clip(logit, -FAR, FAR) - told) ** 2
            parts = parts[:, :-2]
        evidence, targets, weights = ops.split(parts, 3, axis=-1)
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


def film_weights(table: pd.DataFrame) -> NDArray[np.float32]:
    """Weigh films so that both labels count the same, and within one a source by its root.

    Parameters
    ----------
    table
        With source and label.

    Returns
    -------
    numpy.ndarray
        Of mean 1.
    """
    sizes = table.groupby(["label", "source"])["path"].transform("size").to_numpy(float)
    weights = 1 / np.sqrt(sizes)
    total = pd.Series(weights, table.index).groupby(table["label"]).transform("sum").to_numpy()
    weights = weights / total
    return np.asarray(weights / weights.mean(), np.float32)


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
