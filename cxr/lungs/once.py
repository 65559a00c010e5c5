"""The lungs of a film, sought once and remembered as long as the film is held."""

from __future__ import annotations

import threading
from pathlib import Path
from weakref import WeakKeyDictionary

from ..films.radiograph import Radiograph
from ..storage.models import models_folder
from .segment import KIND, Search, find_lungs, network_of

__all__ = ["find_once", "has_lung_network"]

_searches: WeakKeyDictionary[Radiograph, dict[Path, Search]] = WeakKeyDictionary()
# One search at a time: whoever asks for the film that is being searched waits for that.
_lock = threading.Lock()


def has_lung_network(models: Path | None = None) -> bool:
    """Say whether a lung network lies next to the models of a folder.

    Parameters
    ----------
    models
        By default the folder of the bundles.
    """
    return ((models or models_folder()) / KIND).is_dir()


def find_once(film: Radiograph, models: Path | None = None) -> Search:
    """Find the lungs of a film, or return what came of it before.

    The network is that next to the models. Safe to call from several threads; the first call in a
    process loads TensorFlow, so that a page asks in the background.

    Parameters
    ----------
    film
        Of any size, upright, white = dense. It is told by its identity: what is remembered goes
        with it.
    models
        By default the folder of the bundles.

    Returns
    -------
    Search
        The lungs; or none, and why.

    Raises
    ------
    LungsError
        If the network is missing, damaged or changed; the next call tries again.
    """
    folder = models or models_folder()
    with _lock:
        searches = _searches.setdefault(film, {})
        if folder not in searches:
            searches[folder] = find_lungs(film, network_of(folder))
        return searches[folder]
