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


class _Known:
    """What is remembered of a film, by the folder of the models."""

    def __init__(self) -> None:
        # Whoever asks for a film that is being searched waits for that; other films do not.
        self.lock = threading.Lock()
        self.seen: dict[Path, _Seen] = {}
        self.searches: dict[Path, Search] = {}


_films: WeakKeyDictionary[Radiograph | Small, _Known] = WeakKeyDictionary()
_lock = threading.Lock()


def _known(film: Radiograph | Small) -> _Known:
    with _lock:
        return _films.setdefault(film, _Known())


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
    known = _known(film)
    with known.lock:
        return _look(film, models or models_folder(), known.seen).look


def _look(film: Radiograph | Small, models: Path, seen: dict[Path, _Seen]) -> _Seen:
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
    folder, known = models or models_folder(), _known(film)
    with known.lock:
        if folder not in known.searches:
            logits = _look(film, folder, known.seen).logits
            known.searches[folder] = lungs_of(logits, (film.height, film.width))
        return known.searches[folder]
