"""The learned part of the gate: chest radiographs told from other pictures by a network's features.

The rules of `cxr.scoring.refusal` catch what a header or the gray values give away; a hand, a CT
slice or a photo saved as PNG passes them all. What such a picture is shows in the features of the
network that is to score it, which cost nothing beyond the score itself.

References
----------
Lee et al., A Simple Unified Framework for Detecting Out-of-Distribution Samples, NeurIPS 2018:
the Mahalanobis distance in a network's features, averaged over the picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..networks.network import Network
from .refusal import Refusal

__all__ = ["CLASSES", "FILE", "LEFT_OUT", "Gate"]

#: What the classifier tells apart. A picture is refused unless the first is likely enough.
CLASSES = ("frontal", "lateral", "other")
FILE = "gate.npz"
LEFT_OUT = "The picture does not look like a chest radiograph; only those are read."
LATERAL = "The picture looks like a lateral view; only frontal films (PA, AP) are read."


@dataclass(frozen=True, eq=False)
class Gate:
    """A classifier and a distance on the features of some layers of a network.

    Attributes
    ----------
    layers : tuple of str
        Layers of the network. Their averages over the picture, concatenated, are the features.
    mean : numpy.ndarray of float32
        Shape (features,): the mean over frontal films.
    basis : numpy.ndarray of float32
        Shape (features, components): maps features less their mean to components that are
        uncorrelated, with variance 1, over frontal films.
    weights : numpy.ndarray of float32
        Shape (components, 3): a multinomial logistic regression, one column per class.
    bias : numpy.ndarray of float32
        Shape (3,).
    least : float
        Least probability of `CLASSES[0]` that passes.
    farthest : float
        Largest Mahalanobis distance that passes, in units of its root mean square.
    """

    layers: tuple[str, ...]
    mean: NDArray[np.float32]
    basis: NDArray[np.float32]
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    least: float
    farthest: float

    def measures(self, features: NDArray[np.floating[Any]]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return what the check decides by.

        Parameters
        ----------
        features : numpy.ndarray
            (films, features).

        Returns
        -------
        probabilities : numpy.ndarray
            float64 (films, 3), of `CLASSES`.
        distances : numpy.ndarray
            float64 (films,), from the frontal films, in units of their root mean square.
        """
        parts = (np.asarray(features, np.float64) - self.mean) @ self.basis
        logits = parts @ self.weights + self.bias
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        distances = np.sqrt((parts**2).mean(axis=1))
        return powers / powers.sum(axis=1, keepdims=True), distances

    def __call__(self, features: NDArray[np.floating[Any]]) -> list[Refusal | None]:
        """Return the refusal of each film, or None, from features (films, features)."""
        return [
            self._decide(p, float(distance))
            for p, distance in zip(*self.measures(features), strict=True)
        ]

    def judge(self, network: Network, inputs: NDArray[np.uint8]) -> list[Refusal | None]:
        """Do as a call with the features that a network sees in prepared films.

        Parameters
        ----------
        network : Network
            The one that the gate was fitted on.
        inputs : numpy.ndarray of uint8
            Shape (films, height, width, channels), as the network takes them.
        """
        return self(network.features(self.layers)(inputs))

    def _decide(self, p: NDArray[Any], distance: float) -> Refusal | None:
        if p[0] >= self.least and distance <= self.farthest:
            return None
        if p[0] < self.least and p[1] > p[2]:
            return Refusal("lateral", LATERAL)
        return Refusal("not_chest", LEFT_OUT)

    def save(self, path: Path) -> None:
        """Write the arrays to a file, as numbers alone."""
        np.savez_compressed(
            path,
            layers=np.array(self.layers),
            mean=self.mean.astype(np.float32),
            basis=self.basis.astype(np.float32),
            weights=self.weights.astype(np.float32),
            bias=self.bias.astype(np.float32),
            cuts=np.array([self.least, self.farthest]),
        )

    @classmethod
    def read(cls, path: Path) -> Gate:
        """Read what `save` wrote; nothing in the file is executed.

        Raises
        ------
        ValueError, OSError
            If it is missing or damaged.
        """
        with np.load(path, allow_pickle=False) as file:
            try:
                arrays = {name: file[name] for name in ("mean", "basis", "weights", "bias")}
                least, farthest = map(float, file["cuts"])
                return cls(
                    tuple(map(str, file["layers"])), **arrays, least=least, farthest=farthest
                )
            except KeyError as error:
                raise ValueError(f"{path.name} lacks {error}.") from error
