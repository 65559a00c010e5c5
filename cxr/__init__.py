"""Chest radiographs read by trained Keras models, with heatmaps and evidence.

>>> import cxr
>>> film = cxr.read("film.dcm")
>>> prediction = cxr.load("pneumonia").predict(film)

Importing this package does not load TensorFlow; building or running a model does.
"""

from .bundle import Bundle, BundleError, available, load
from .card import Card, CardError
from .heatmap import Heatmap
from .prediction import Prediction, find_films, predict_files
from .quality import Refusal
from .radiograph import Radiograph, RadiographError, read
from .sources import INTENDED_USE, intended_use

__all__ = [
    "INTENDED_USE",
    "Bundle",
    "BundleError",
    "Card",
    "CardError",
    "Heatmap",
    "Prediction",
    "Radiograph",
    "RadiographError",
    "Refusal",
    "available",
    "find_films",
    "intended_use",
    "load",
    "predict_files",
    "read",
]
