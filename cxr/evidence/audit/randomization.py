"""A network whose weights are randomized from the top down, stage by stage."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import keras
import numpy as np

__all__ = ["STAGES", "cascade", "stages"]

STAGES = 6


def stages(model: keras.Model) -> list[list[keras.layers.Layer]]:
    """Deal the layers with weights into the stages that are randomized one after the other.

    The last layer alone first: it is the one that turns features into a score. Then the others
    from the top down, in parts of about equal numbers of layers.

    Parameters
    ----------
    model : keras.Model
        A flat functional network.

    Returns
    -------
    list of list of keras.layers.Layer
        `STAGES` parts, or as many as there are layers with weights.
    """
    layers = [layer for layer in reversed(model.layers) if layer.weights]
    parts = min(STAGES, len(layers)) - 1
    return [layers[:1], *([list(part) for part in _deal(layers[1:], parts)] if parts > 0 else [])]


def _deal(layers: list[keras.layers.Layer], parts: int) -> list[list[keras.layers.Layer]]:
    ends = np.linspace(0, len(layers), parts + 1).round().astype(int)
    return [layers[start:end] for start, end in pairwise(ends)]


def cascade(model: keras.Model, *, seed: int = 0) -> Iterator[tuple[float, keras.Model]]:
    """Randomize a copy of a network from the last layer down to the first.

    Each layer's weights are drawn again by its own initializers. The statistics of a batch
    normalization go with its layer: they were learned from the activations of what is no longer
    there.

    Parameters
    ----------
    model : keras.Model
        A flat functional network, which stays as it is.
    seed : int, default: 0
        Of the weights.

    Yields
    ------
    share : float
        Of the layers with weights, what is randomized by now, in (0, 1]; 1 at the end.
    model : keras.Model
        The same copy each time, changed further at the next step.

    References
    ----------
    Adebayo et al., Sanity checks for saliency maps, NeurIPS 2018, section 3.1 (cascading
    randomization).
    """
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    parts = stages(copy)
    total, done = sum(len(part) for part in parts), 0
    rng = np.random.default_rng(seed)
    for part in parts:
        for layer in part:
            layer.set_weights(_drawn(layer, rng))
        done += len(part)
        yield done / total, copy


def _drawn(layer: keras.layers.Layer, rng: np.random.Generator) -> list[np.ndarray]:
    """Draw what a layer of this kind and shape starts from."""
    config = layer.get_config()
    for key, value in config.items():
        # Without a seed of their own they would follow the state of the whole program.
        if key.endswith("_initializer") and value and "seed" in value["config"]:
            value["config"]["seed"] = int(rng.integers(2**31))
    fresh = type(layer).from_config(config)
    fresh.build(layer.input.shape)
    return [np.asarray(weight) for weight in fresh.get_weights()]
