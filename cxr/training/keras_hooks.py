"""Every part of Keras that training leans on though Keras does not document it.

Keras may change these from one minor version to the next. Where a part is missing, the log says so
once and training goes on; what is lost is said with each. The tests fail on every other minor
version than `VERSION`, so that somebody reads the parts again and raises it.
"""

from __future__ import annotations

import logging
from functools import cache

import keras

__all__ = ["VERSION", "restart_dropouts"]

#: The minor version of Keras that the parts were read in.
VERSION = "3.15"

_log = logging.getLogger(__name__)


def restart_dropouts(model: keras.Model, epoch: int) -> None:
    """Have the epoch alone decide what a network's dropouts drop in it.

    A run that goes on after a kill then drops what it would have dropped: the backup does not hold
    how far the dropouts' numbers are drawn. Without this part such a run is as good, but not the
    same.

    Parameters
    ----------
    model : keras.Model
        The network; layers inside layers are not looked at.
    epoch : int
        Number of the epoch, from 0.
    """
    for layer in model.layers:
        generator = getattr(layer, "seed_generator", None)
        if generator is None:
            if isinstance(layer, keras.layers.Dropout) and layer.rate > 0:
                _tell_missing("Dropout.seed_generator")
            continue
        if getattr(generator, "state", None) is None:
            _tell_missing("SeedGenerator.state")
            continue
        seed = int(keras.ops.convert_to_numpy(generator.state)[0])
        generator.state.assign([seed, epoch * 2**20])


@cache
def _tell_missing(part: str) -> None:
    _log.warning(
        "Keras %s has not %s, which training was written for with Keras %s. It goes on without it.",
        keras.__version__,
        part,
        VERSION,
    )
