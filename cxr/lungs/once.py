"""The lungs of a film, sought once and remembered as long as the film is held."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from ..films.radiograph import Radiograph
from ..storage.models import models_folder
from .hanging import quarter_turns
from .segment import KIND, Search, Small, as_seen, lungs_of, network_of

__all__ = ["Look", "find_once", "has_lung_network", "look_once"]


class Look(NamedTuple):
    """What the lung network says of a film at a glance.

    Attributes
    ----------
    search : Search
        At the size of the network's input; what depends on the film's own size is not there.
    quarter_turns : int
        Counterclockwise, by which the film would come to hang upright: `quarter_turns`.
    """

    search: Search
    quarter_turns: int


class _Seen(NamedTuple):
    logits: NDArray[np.float32]
    look: Look


_seen: WeakKeyDictionary[Radiograph | Small, dict[Path, _Seen]] = WeakKeyDictionary()
_searches: WeakKeyDictionary[Radiograph | Small, dict[Path, Search]] = WeakKeyDictionary()
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


def look_once(film: Radiograph | Small, models: Path | None = None) -> Look:
    """Look at a film, or return what came of it before; cheaper than `find_once` on a large film.

    Parameters, errors and threads are those of `find_once`, and both look once together.
    """
    with _lock:
        return _look(film, models or models_folder()).look


def _look(film: Radiograph | Small, models: Path) -> _Seen:
    seen = _seen.setdefault(film, {})
    if models not in seen:
        network = network_of(models)
        picture = as_seen(film, network.side)
        logits = network(picture)
        look = Look(lungs_of(logits, logits.shape), quarter_turns(picture, logits, network))
        seen[models] = _Seen(logits, look)
    return seen[models]


def find_once(film: Radiograph | Small, models: Path | None = None) -> Search:
    """Find the lungs of a film, or return what came of it before.

    The network is that next to the models. Safe to call from several threads.

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
            logits = _look(film, folder).logits
            searches[folder] = lungs_of(logits, (film.height, film.width))
        return searches[folder]
