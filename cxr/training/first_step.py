"""What the first step of training would have to make, made before it."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

__all__ = ["build_state"]


def build_state(model: keras.Model, truth: Any, weights: Any = None) -> None:
    """Make the variables of a compiled model's optimizer, losses and metrics, as they begin.

    Keras leaves them to the first step, whose graph is then traced a second time, without their
    making: half a minute for an EfficientNet. What is learned is the same.

    Parameters
    ----------
    model : keras.Model
        Compiled, with outputs of one size.
    truth : array, or dict of array
        What one film or more are compared with, as `keras.Model.fit` takes it.
    weights : array, dict of array or None
        Their weights.
    """

    def of_one(part: Any) -> Any:
        return keras.ops.convert_to_tensor(part[:1])

    truth = keras.tree.map_structure(of_one, truth)
    if weights is not None:
        weights = keras.tree.map_structure(of_one, weights)
    outputs = keras.tree.map_structure(
        lambda output: of_one(np.zeros((1, *output.shape[1:]), output.dtype)), model.output
    )
    model.optimizer.build(model.trainable_variables)
    model.compute_loss(None, truth, outputs, weights)
    model.compute_metrics(None, truth, outputs, weights)
    model.reset_metrics()
