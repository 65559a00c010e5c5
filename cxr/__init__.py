"""Chest radiographs read by trained Keras models, with heatmaps and evidence.

>>> import cxr
>>> film = cxr.read("film.dcm")
>>> prediction = cxr.load("pneumonia").predict(film)

Importing this package does not load TensorFlow; building or running a model does.
"""

__version__ = "0.2.0"

import importlib
from typing import Any

from . import _moved
from .films.radiograph import Radiograph, RadiographError, read
from .heatmaps.heatmap import Heatmap
from .lungs.segment import Lungs, LungsError, find_lungs
from .model import Model, load
from .scoring.bundle import Bundle, BundleError, available
from .scoring.card import Card, CardError
from .scoring.heat_in_lungs import HeatInLungs, heat_in_lungs
from .scoring.population import INTENDED_USE, intended_use
from .scoring.predict import Prediction, find_films, predict_files
from .scoring.refusal import Refusal

__all__ = [
    "INTENDED_USE",
    "Bundle",
    "BundleError",
    "Card",
    "CardError",
    "HeatInLungs",
    "Heatmap",
    "Lungs",
    "LungsError",
    "Model",
    "Prediction",
    "Radiograph",
    "RadiographError",
    "Refusal",
    "available",
    "find_films",
    "find_lungs",
    "heat_in_lungs",
    "intended_use",
    "load",
    "predict_files",
    "read",
]

_moved.install()


def __getattr__(name: str) -> Any:
    """Give a module of version 0.1 under its old path; see `cxr._moved`."""
    if name not in _moved.MOVED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return importlib.import_module(f".{name}", __name__)
