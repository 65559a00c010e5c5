"""The networks, one per file: plain functions that return a flat functional ``keras.Model``.

Every network takes a film as ``float32`` of shape (batch, height, width, channels) with values in
[0, 255], scales it inside the graph and ends in one linear unit, the logit of the finding.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

__all__ = ["ARCHITECTURES", "BASELINES", "BASES", "build"]

#: Logistic regressions on what a shortcut would use, to compare the models with.
BASELINES = ("border", "thumbnail")
#: Networks on a frozen base, and the base: its ImageNet weights are not in the bundle.
BASES = {"vgg16_features": "vgg16", "vgg16_transfer": "vgg16", "vgg19_transfer": "vgg19"}
ARCHITECTURES = (
    "efficientnet_lite0",
    "efficientnet_lite2",
    "grey_cnn",
    "small_cnn",
    "tb_cnn",
    *BASES,
    *BASELINES,
)


def build(name: str, **arguments: Any) -> keras.Model:
    """Build a network by name, with random weights.

    Parameters
    ----------
    name
        One of `ARCHITECTURES`.
    **arguments
        Passed to the network's own function.

    Returns
    -------
    keras.Model
        A flat functional model, input (batch, height, width, channels) in [0, 255], output
        (batch, 1): the logit.

    Raises
    ------
    ValueError
        If no network has that name.
    """
    if name not in ARCHITECTURES:
        raise ValueError(f"Expected one of {', '.join(ARCHITECTURES)}. Received: {name!r}")
    # Imported on demand: the modules import Keras, which takes seconds.
    module = importlib.import_module(f".{name}", __name__)
    model: keras.Model = getattr(module, name)(**arguments)
    return model
