"""What a user holds: a trained model that scores films and shows where the scores came from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .films.radiograph import Radiograph
from .heatmaps.heatmap import Heatmap
from .progress import Progress
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
        ``<finding>-<architecture>``.
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
        """Score one film, unless it is refused.

        Parameters
        ----------
        film : Radiograph
            The film, as `cxr.read` returns it.
        operating_point : str, optional
            Name of one of the card's operating points (default: the card's default).
        heatmap : bool, default: False
            Whether to compute the Grad-CAM in the same call, in about a tenth more time.

        Returns
        -------
        Prediction
            With a score and its band, or with the reason of the refusal.

        Raises
        ------
        ValueError
            If the card has no operating point of that name.
        """
        return self.predict_many([film], operating_point=operating_point, heatmaps=heatmap)[0]

    def predict_many(
        self,
        films: Sequence[Radiograph],
        *,
        operating_point: str | None = None,
        heatmaps: bool = False,
    ) -> list[Prediction]:
        """Score several films in one call of the network.

        Parameters
        ----------
        films : sequence of Radiograph
            A few dozen at most, since they are scored together.
        operating_point : str, optional
            Name of one of the card's operating points (default: the card's default).
        heatmaps : bool, default: False
            Whether to compute the Grad-CAM of each film in the same call.

        Returns
        -------
        list of Prediction
            One per film, in order.

        Raises
        ------
        ValueError
            If the card has no operating point of that name.
        """
        return predict.predict(self, films, operating_point=operating_point, heatmaps=heatmaps)

    def explain(
        self,
        film: Radiograph,
        method: str = "gradcam",
        *,
        layer: str | None = None,
        progress: Progress | None = None,
        stopped: Callable[[], bool] | None = None,
    ) -> Heatmap:
        """Show where the score of a film came from, which is not where disease is.

        Parameters
        ----------
        film : Radiograph
            The film, as `cxr.read` returns it.
        method : str, default: "gradcam"
            One of `cxr.heatmaps.methods.METHODS`.
        layer : str, optional
            Layer that the method looks at (default: the last convolution).
        progress : Progress, optional
            Called with the forward passes done and their total, first with none done.
        stopped : callable, optional
            Called between batches; the work stops when it returns True.

        Returns
        -------
        Heatmap

        Raises
        ------
        ValueError
            If the method or the layer is unknown, or the network has no convolution to look at.
        RefusedError
            If the film is refused: then there is no score to explain.
        StoppedError
            If `stopped` returned True.
        """
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
