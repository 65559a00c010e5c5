"""What kind of picture a film came as: a film, its negative, two films, a screenshot, a photo.

The learned gate (`cxr.scoring.gate`) tells chest radiographs from other things. A negative, two
films in one picture, a viewer's screenshot and a photo of a light box all show chests, and it lets
many of them pass. A small network of its own tells them by a thumbnail: a few milliseconds a
film, in numpy, whatever the model. `cxr.training.picture_check` makes it.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import CxrError
from ..storage.atomic import ChangedError, read_checked
from ..storage.checksum import was_changed
from .refusal import Refusal

__all__ = [
    "CHOSEN_ON",
    "KIND",
    "KINDS",
    "OTHER_THINGS",
    "REASONS",
    "SIDE",
    "Layer",
    "PictureCheck",
    "PictureCheckError",
    "part_in_fit",
    "picture_check",
    "thumbnail",
]

#: Of the card, and name of the folder next to the models.
KIND = "picture-check"
#: What is told apart. The last are pictures of other things, left to the learned gate.
KINDS = ("film", "negative", "two_films", "screenshot", "photo", "other")
#: In a card's rows: the pictures of other things, which are learned from, and the films of a set
#: that the thresholds are set on.
OTHER_THINGS = "not_chest"
CHOSEN_ON = ", validation"
#: Of the thumbnail, pixels.
SIDE = 64
#: Of the shorter side that a film is thinned out to before it is made small.
THINNED = 384

REASONS = {
    "negative": (
        "Black and white look changed over: the lungs are bright, the bones dark. Export the film "
        "as it is read, or turn it to positive by hand."
    ),
    "two_films": "The picture looks like two films or more in one. Give one frontal film a file.",
    "screenshot": (
        "The picture looks like a screenshot of a viewer. Export the film itself, without the "
        "viewer around it."
    ),
    "photo": (
        "The picture looks like a photo of a film on a light box or a screen. Scan the film, or "
        "export it from its archive."
    ),
}


class PictureCheckError(CxrError, ValueError):
    """The network of the picture check is missing, damaged or changed."""

    code = "picture_check"


@dataclass(frozen=True, eq=False)
class Layer:
    """A 3 x 3 convolution, padded by one pixel on every side, with ReLU.

    Attributes
    ----------
    kernel : numpy.ndarray of float32
        (3, 3, channels in, channels out).
    bias : numpy.ndarray of float32
        (channels out,).
    stride : int
        1 or 2.
    """

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]
    stride: int

    def __call__(self, maps: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (films, rows, columns, channels out)."""
        films, rows, columns, channels = maps.shape
        padded = np.zeros((films, rows + 2, columns + 2, channels), maps.dtype)
        padded[:, 1:-1, 1:-1] = maps
        seen = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
        seen = seen[:, :: self.stride, :: self.stride]
        kernel = self.kernel.transpose(2, 0, 1, 3).reshape(-1, self.kernel.shape[-1])
        sums = seen.reshape(*seen.shape[:3], -1) @ kernel + self.bias
        return np.asarray(np.maximum(sums, 0), np.float32)


@dataclass(frozen=True, eq=False)
class PictureCheck:
    """The network, and how sure it must be.

    Attributes
    ----------
    layers : tuple of Layer
        From the thumbnail, (films, `SIDE`, `SIDE`, 1) in [0, 1].
    weights : numpy.ndarray of float32
        (2 x channels, kinds): of the averages and the maxima of the last maps.
    bias : numpy.ndarray of float32
        (kinds,).
    least : dict
        For each of `REASONS` the least probability that counts.
    measured : tuple of dict
        What was told of sets of films and of pictures made of them: the rows of its card.
    """

    layers: tuple[Layer, ...]
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    least: dict[str, float]
    measured: tuple[dict[str, Any], ...] = ()

    @property
    def parameters(self) -> int:
        """Their number."""
        layers = sum(layer.kernel.size + layer.bias.size for layer in self.layers)
        return int(layers + self.weights.size + self.bias.size)

    def probabilities(self, thumbnails: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return (films, kinds) for what `thumbnail` made, (films, `SIDE`, `SIDE`)."""
        maps = thumbnails[..., None]
        for layer in self.layers:
            maps = layer(maps)
        features = np.concatenate([maps.mean(axis=(1, 2)), maps.max(axis=(1, 2))], axis=1)
        logits = np.asarray(features @ self.weights + self.bias, np.float64)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    def kinds(self, probabilities: NDArray[np.float64]) -> list[str]:
        """Name the kind of each film: the likeliest if it is sure enough, else a film."""
        likeliest = [KINDS[number] for number in probabilities.argmax(axis=1)]
        return [
            kind if p.max() >= self.least.get(kind, 0.0) else KINDS[0]
            for kind, p in zip(likeliest, probabilities, strict=True)
        ]

    def __call__(self, films: Sequence[NDArray[np.float32]]) -> list[Refusal | None]:
        """Say of films, each (height, width) in [0, 1], why they must not be scored."""
        if not films:
            return []
        small = np.stack([thumbnail(pixels) for pixels in films])
        return [
            Refusal(kind, REASONS[kind]) if kind in REASONS else None
            for kind in self.kinds(self.probabilities(small))
        ]

    def to_bytes(self) -> bytes:
        """Return what `read` takes: numbers alone, in half precision."""
        arrays: dict[str, Any] = {"weights": self.weights, "bias": self.bias}
        for number, layer in enumerate(self.layers):
            arrays |= {f"kernel_{number}": layer.kernel, f"bias_{number}": layer.bias}
        halved = {name: array.astype(np.float16) for name, array in arrays.items()}
        out = io.BytesIO()
        np.savez_compressed(out, strides=np.array([x.stride for x in self.layers]), **halved)
        return out.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes, least: dict[str, float]) -> PictureCheck:
        """Make a check of what `to_bytes` gave; ValueError if it is damaged."""
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            try:
                arrays = {name: file[name].astype(np.float32) for name in file.files}
                layers = tuple(
                    Layer(arrays[f"kernel_{number}"], arrays[f"bias_{number}"], int(stride))
                    for number, stride in enumerate(arrays["strides"])
                )
                return cls(layers, arrays["weights"], arrays["bias"], least)
            except KeyError as error:
                raise ValueError(f"It lacks {error}.") from error

    @classmethod
    def read(cls, folder: Path) -> PictureCheck:
        """Read the folder that `cxr.training.picture_check` wrote.

        Raises
        ------
        PictureCheckError
            If it is missing, damaged, or not what its card describes.
        """
        try:
            card = json.loads((folder / "card.json").read_bytes())
            if card["kind"] != KIND or tuple(card["kinds"]) != KINDS:
                raise PictureCheckError("The card of the picture check is of another kind.")
            if was_changed(card):
                raise PictureCheckError("The card of the picture check was changed. Restore it.")
            stored, least = card["weights"], {kind: float(card["least"][kind]) for kind in REASONS}
            check = cls.from_bytes(read_checked(folder, stored["file"], stored["sha256"]), least)
            return replace(check, measured=tuple(dict(row) for row in card.get("measured", ())))
        except ChangedError as error:
            raise PictureCheckError("The picture check is not the one of its card.") from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            if isinstance(error, PictureCheckError):
                raise
            raise PictureCheckError("The picture check is missing or damaged.") from error


@lru_cache(maxsize=8)
def picture_check(models: Path) -> PictureCheck | None:
    """Return the check that lies next to the models of a folder, read once; None if none does."""
    folder = models / KIND
    return PictureCheck.read(folder) if folder.is_dir() else None


def part_in_fit(films: str) -> str:
    """Say what part the films of one of a card's rows had in the fit: "none" of most.

    Parameters
    ----------
    films : str
        As the row names them.
    """
    if films == OTHER_THINGS:
        return "learned from"
    return "thresholds set on" if films.endswith(CHOSEN_ON) else "none"


def thumbnail(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a film as the check sees it.

    Squashed to (`SIDE`, `SIDE`), the middle 98 % of its gray values stretched to [0, 1].
    """
    step = max(1, min(pixels.shape) // THINNED)
    thinned = np.ascontiguousarray(pixels[::step, ::step], np.float32)
    picture = Image.fromarray(thinned).resize((SIDE, SIDE), Image.Resampling.BOX)
    small = np.asarray(picture, np.float32)
    low, high = np.percentile(small, [1, 99])
    return np.asarray(np.clip((small - low) / max(high - low, 1e-3), 0, 1), np.float32)
