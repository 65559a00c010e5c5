"""Networks built and compiled before the first film comes, so that its score comes soon."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

import numpy as np

from ..errors import fault
from ..films.radiograph import Radiograph
from ..lungs.once import find_once, has_lung_network
from ..model import Model
from ..scoring.predict import predict
from .cluster import cluster_address

__all__ = ["prepare"]

logger = logging.getLogger(__name__)

_prepared: set[str] = set()
_lock = threading.Lock()


def prepare(models: Sequence[Model]) -> threading.Thread | None:
    """Have the models score a made film with its Grad-CAM, in a thread of its own.

    TensorFlow is loaded by it, and each network built and compiled, once in a process. What goes
    wrong is logged; it will be told to the reader when a film is scored.

    Returns
    -------
    threading.Thread or None
        None if all of them are prepared, or being prepared, or if a cluster scores the films.
    """
    if cluster_address():  # the networks are at work elsewhere
        return None
    with _lock:
        new = [model for model in models if model.card.weights.sha256 not in _prepared]
        _prepared.update(model.card.weights.sha256 for model in new)
    if not new:
        return None
    thread = threading.Thread(target=_run, args=(new,), daemon=True)
    thread.start()
    return thread


def _run(models: Sequence[Model]) -> None:
    # Neither blank nor black and white: the network has to run.
    film = Radiograph(np.tile(np.linspace(0.1, 0.9, 256, dtype=np.float32), (256, 1)))
    for model in models:
        try:
            predict(model, [film], heatmaps=bool(model.network.convolutions()))
        except Exception as error:
            logger.error("A model could not be prepared: %s", fault(error))
    try:
        if has_lung_network():
            find_once(film)
    except Exception as error:
        logger.error("The lung network could not be prepared: %s", fault(error))
