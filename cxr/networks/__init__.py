"""The networks: plain functions that return a flat functional ``keras.Model``.

Every network takes a film as ``float32`` of shape (batch, height, width, channels) with values in
[0, 255], scales it inside the graph and ends in one linear unit, the logit of the finding. Each
architecture is a file in `cxr.networks.architectures`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .architectures import discover

if TYPE_CHECKING:
    import keras

__all__ = ["ARCHITECTURES", "BASELINES", "BASES", "build"]

#: By name; see `cxr.networks.architecture.Architecture`.
ARCHITECTURES = discover()
#: Logistic regressions on what a shortcut would use, to compare the models with.
BASELINES = tuple(name for name, architecture in ARCHITECTURES.items() if architecture.baseline)
#: Networks on a frozen base, and the base: its ImageNet weights are not in the bundle.
BASES = {
    name: architecture.base for name, architecture in ARCHITECTURES.items() if architecture.base
}


def build(name: str, **arguments: Any) -> keras.Model:
    """Build a network by name, with random weights.

    Parameters
    ----------
    name : str
        One of `ARCHITECTURES`.
    **arguments : object
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
    return ARCHITECTURES[name].build(**arguments)
