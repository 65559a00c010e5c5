"""What a user holds: a trained model that scores films and shows where the scores came from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .films.radiograph import Radiograph
from .heatmaps.heatmap import Heatmap
from .scoring import explain, predict
from .scoring.classifier import Classifier
from .scoring.predict import Prediction

if TYPE_CHECKING:
    import keras

__all__ = ["Model", "load"]


class Model(Classifier):
    """A trained model, as `cxr.load` returns it: its bundle, its network, and what it does.

    Safe to share between threads. The network is built at its first use.

    Attributes
    ----------
    name : str
    card : Card
        What the model is, was trained on, and its figures.
    folder : pathlib.Path
        Of the bundle.
    history, predictions, films, explanations : pandas.DataFrame
        What is stored of its training and of its audit, read at the first use.
    network : Network
        The graph and all that is compiled of it.
    """

    @property
    def model(self) -> keras.Model:
        """The flat `keras.Model`: (batch, height, width, channels) in [0, 255] to a logit.

        Raises
        ------
        BundleError
            If the weights do not fit the network that the card names.
        """
        return self.network.model

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
        return predict.predict(self, films, operating_point=operating_point, heatmaps=heatmaps)

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
        return explain.explain(
            self, film, method=method, layer=layer, progress=progress, stopped=stopped
        )


def load(name: str, *, folder: Path | None = None) -> Model:
    """Load a model and verify that its weights are those that its card describes.

    Parameters
    ----------
    name : str
        A model's name, a finding (which takes that finding's default), or the path of a bundle's
        folder.
    folder : pathlib.Path, optional
        Folder of the bundles (default: `cxr.scoring.bundle.models_folder`).

    Returns
    -------
    Model

    Raises
    ------
    BundleError
        If there is no such bundle, a file is missing or damaged, or the weights are not those
        that the operating points were chosen for.
    """
    return Model.load(name, folder=folder)
