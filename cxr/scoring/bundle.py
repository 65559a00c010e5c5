"""A trained model on disk: find it, verify it, load it.

A bundle is data. Its weights are read as arrays into a network that is in this package's own
code; nothing in a bundle is executed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..errors import CxrError
from ..films.radiograph import Radiograph
from ..networks.network import Network
from ..networks.network import Network
from ..storage.hashes import file_hash
from . import explanations
from .card import Card, CardError

if TYPE_CHECKING:
    import keras

    from ..heatmaps.heatmap import Heatmap
    from .gate import Gate
    from .predict import Prediction

__all__ = [
    "Bundle",
    "BundleError",
    "available",
    "default_name",
    "file_hash",
    "load",
    "models_folder",
]

#: Columns that are read as text, whatever they look like and where they are empty too.
TEXTS = ("split", "path", "patient", "label", "subtype", "source", "sha256", "phash")


class BundleError(CxrError, ValueError):
    """A bundle that is missing, damaged or changed."""

    code = "bundle"


def models_folder() -> Path:
    """Return the folder of the bundles: ``CXR_MODELS``, or ``models`` next to the package."""
    given = os.environ.get("CXR_MODELS")
    return Path(given) if given else Path(__file__).resolve().parents[2] / "models"


class Bundle:
    """One trained model with its card and everything that was stored of its training.

    Safe to share between threads. The network is built at its first use, so that a page which
    only reads the stored figures never loads TensorFlow.
    """

    def __init__(self, folder: Path, card: Card, *, network: Network | None = None) -> None:
        self.folder = folder
        self.card = card
        self.network = network or Network(
            build=self._build, taps=lambda: self.gate.layers if self.card.gate else ()
        )

    def __repr__(self) -> str:
        return f"<Bundle {self.card.name}>"

    @property
    def name(self) -> str:
        """The bundle's name, ``<finding>-<architecture>``."""
        return self.card.name

    @property
    def weights_path(self) -> Path:
        """The file of the weights."""
        return self.folder / self.card.weights["file"]

    @cached_property
    def history(self) -> pd.DataFrame:
        """``history.csv``, the training log: one row per epoch."""
        return self._table("history.csv")

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """``predictions.csv``, one row per film: split, path, patient, label, subtype, logit."""
        return self._table("predictions.csv")

    @cached_property
    def films(self) -> pd.DataFrame:
        """``films.csv``, one row per film of the data set."""
        return self._table("films.csv")

    @cached_property
    def gate(self) -> Gate:
        """The learned part of the gate, verified as the weights are.

        BundleError where the bundle has none, or its file is missing or was changed.
        """
        from .gate import FILE, Gate

        path = self.folder / FILE
        try:
            if file_hash(path) != self.card.gate.get("sha256"):
                raise BundleError(f"{FILE} of {self.name} is not the one its card describes.")
            return Gate.read(path)
        except (OSError, ValueError) as error:
            if isinstance(error, BundleError):
                raise
            raise BundleError(f"{FILE} of {self.name} is missing or damaged.") from error

    @cached_property
    def explanations(self) -> pd.DataFrame:
        """``explanations.csv``: how far the heatmaps hold up (`cxr.evidence.audit`).

        Rows of other weights are left out, since they tell of another model.
        """
        try:
            table = explanations.read(self.folder)
        except (OSError, ValueError) as error:
            raise BundleError(f"{explanations.FILE} of {self.name} is damaged.") from error
        own = table["weights"] == self.card.weights["sha256"]
        return table[own].reset_index(drop=True)

    def _table(self, name: str) -> pd.DataFrame:
        try:
            table = pd.read_csv(self.folder / name, dtype=dict.fromkeys(TEXTS, str))
        except (OSError, ValueError) as error:
            raise BundleError(f"{name} of {self.name} is missing or damaged.") from error
        texts = [column for column in TEXTS if column in table]
        table[texts] = table[texts].fillna("")
        return table

    def prepare(self, film: Radiograph) -> NDArray[np.uint8]:
        """Bring a film to the network's input, as in training: uint8 (height, width, channels)."""
        return self.card.to_input(film.pixels)

    @property
    def model(self) -> keras.Model:
        """The flat `keras.Model`: (batch, height, width, channels) in [0, 255] to a logit.

        Raises
        ------
        BundleError
            If the weights do not fit the network that the card names.
        """
        return self.network.model

    def _build(self) -> keras.Model:
        from ..networks.runtime import prepare

        prepare()
        from ..networks import build

        name = self.card.architecture["name"]
        try:
            model = build(name, **self.card.architecture["arguments"])
            if base := self.card.architecture.get("base"):
                from ..networks.bases import head_of, load_base

                load_base(model, base["base"])
                head_of(model).load_weights(self.weights_path)
            else:
                model.load_weights(self.weights_path)
        except (ValueError, TypeError, OSError, KeyError) as error:
            raise BundleError(
                f"The weights of {self.name} cannot be loaded into {name}: {error}"
            ) from error
        return model

    # What a bundle does stands in the modules above it; these are their short names.

    def predict(
        self, film: Radiograph, *, operating_point: str | None = None, heatmap: bool = False
    ) -> Prediction:
        """Score one film; see `cxr.scoring.predict.predict`."""
        return self.predict_many([film], operating_point=operating_point, heatmaps=heatmap)[0]

    def predict_many(
        self,
        films: Sequence[Radiograph],
        *,
        operating_point: str | None = None,
        heatmaps: bool = False,
    ) -> list[Prediction]:
        """Score films in one call; see `cxr.scoring.predict.predict`."""
        from .predict import predict

        return predict(self, films, operating_point=operating_point, heatmaps=heatmaps)

    def explain(
        self,
        film: Radiograph,
        method: str = "gradcam",
        *,
        layer: str | None = None,
        progress: Callable[[int, int], None] | None = None,
        stopped: Callable[[], bool] | None = None,
    ) -> Heatmap:
        """Show where the score of a film came from; see `cxr.scoring.explain.explain`."""
        from .explain import explain

        return explain(self, film, method=method, layer=layer, progress=progress, stopped=stopped)


def available(folder: Path | None = None) -> list[Card]:
    """Read the cards of all bundles in a folder, by name.

    Raises
    ------
    CardError
        If one of the cards is damaged.
    """
    folder = folder or models_folder()
    return [Card.read(path) for path in sorted(folder.glob("*/card.json"))]


def default_name(finding: str, folder: Path | None = None) -> str | None:
    """Return the bundle that answers to a finding's name, from ``defaults.json``; None if none.

    A finding with a single bundle, baselines apart, needs no entry.

    Raises
    ------
    BundleError
        If ``defaults.json`` is damaged.
    CardError
        If one of the cards is.
    """
    folder = folder or models_folder()
    file = folder / "defaults.json"
    try:
        defaults = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    except ValueError as error:
        raise BundleError("defaults.json is not JSON.") from error
    if not isinstance(defaults, dict):
        raise BundleError("Expected defaults.json to name a model for each finding.")
    if finding in defaults:
        return str(defaults[finding])
    found = [card for card in available(folder) if card.finding == finding]
    names = [card.name for card in found if not card.baseline]
    return names[0] if len(names) == 1 else None


def load(name: str, *, folder: Path | None = None) -> Bundle:
    """Load a bundle and verify that its weights are those that the card describes.

    Parameters
    ----------
    name
        A bundle's name, a finding (which takes that finding's default), or the path of a bundle's
        folder.
    folder
        Folder of the bundles (default: `models_folder`).

    Returns
    -------
    Bundle

    Raises
    ------
    BundleError
        If there is no such bundle, a file is missing or damaged, or the weights are not those
        that the operating points were chosen for.
    """
    folder = folder or models_folder()
    place = folder / name
    if not (place / "card.json").is_file():
        place = Path(name)
    try:
        if not (place / "card.json").is_file():
            default = default_name(name, folder)
            if default is None:
                known = ", ".join(card.name for card in available(folder)) or "none"
                raise BundleError(f"There is no model {name!r}. Known: {known}.")
            place = folder / default
        card = Card.read(place / "card.json")
    except CardError as error:
        raise BundleError(str(error)) from error
    bundle = Bundle(place, card)
    if not bundle.weights_path.is_file():
        raise BundleError(f"The weights of {card.name} are missing: {bundle.weights_path.name}.")
    if file_hash(bundle.weights_path) != card.weights["sha256"]:
        raise BundleError(
            f"The weights of {card.name} are not those that its operating points were chosen "
            "for. Restore the file, or train the model again."
        )
    return bundle
