"""The ImageNet weights of the frozen bases: found on this machine or downloaded, never shipped."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import h5py
import keras
import numpy as np
from numpy.typing import NDArray

from ..errors import CxrError
from ..storage.stand_ins import stand_in_at
from .vgg import LAST_POOL

__all__ = [
    "FILES",
    "BaseError",
    "BaseFile",
    "base_path",
    "head_of",
    "load_base",
    "numbers_hash",
]

URL = "https://storage.googleapis.com/tensorflow/keras-applications"


class BaseError(CxrError, ValueError):
    """The weights of a base are not at hand, or are others."""

    code = "base_weights"


@dataclass(frozen=True)
class BaseFile:
    """The weight file that Keras publishes of a base.

    Attributes
    ----------
    name : str
        File name.
    folder : str
        Address of its folder.
    md5 : str
        Its MD5 as Keras records it.
    numbers : str
        `numbers_hash` of its weights: a file that Keras saved anew holds the same weights under
        another MD5. Empty if not known.
    """

    name: str
    folder: str
    md5: str
    numbers: str = ""

    @property
    def url(self) -> str:
        """Where Keras downloads it from."""
        return f"{URL}/{self.folder}/{self.name}"


FILES = {
    "vgg16": BaseFile(
        "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "vgg16",
        "6d6bbae143d832006294945121d1f1fc",
        "9232d8d5a4021e7883ae761ba004ca0441e583e05a547c1c9e0960289fcd594f",
    ),
    "vgg19": BaseFile(
        "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "vgg19",
        "253f8cb515780f3b799900260a226db6",
    ),
}


def base_path(base: str) -> Path:
    """Find the weights of a base: in ``CXR_WEIGHTS``, then where Keras keeps its own, then online.

    Parameters
    ----------
    base : str
        One of `FILES`.

    Returns
    -------
    pathlib.Path
        The file: the one that Keras publishes, by its MD5, or another with the same numbers.

    Raises
    ------
    BaseError
        If it is nowhere to be had, or the file found is another.
    """
    file = FILES[base]
    candidates = [Path.home() / ".keras" / "models" / file.name]
    if home := os.environ.get("KERAS_HOME"):
        candidates.insert(0, Path(home) / "models" / file.name)
    if given := os.environ.get("CXR_WEIGHTS"):
        candidates.insert(0, Path(given) / file.name if Path(given).is_dir() else Path(given))
    path = next(filter(Path.is_file, candidates), None) or _download(base)
    with path.open("rb") as opened:
        digest = hashlib.file_digest(opened, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if kind := stand_in_at(path):
        raise BaseError(f"{path.name} is {kind}.")
    if digest != file.md5 and not (file.numbers and numbers_hash(path) == file.numbers):
        raise BaseError(
            f"{path.name} is not the file that Keras publishes: expected MD5 {file.md5}. "
            f"Received: {digest}. Delete it and get it again from {file.url}"
        )
    return path


def _download(base: str) -> Path:
    file = FILES[base]
    try:
        return Path(
            keras.utils.get_file(file.name, file.url, cache_subdir="models", file_hash=file.md5)
        )
    except Exception as error:  # whatever the network answers
        raise BaseError(
            f"The ImageNet weights of {base.upper()} are not on this machine and cannot be "
            f"downloaded. Get {file.url} and set CXR_WEIGHTS to the folder that it lies in."
        ) from error


def load_base(model: keras.Model, base: str) -> None:
    """Fill the convolutions of a network with the ImageNet weights of its base, in place.

    Raises
    ------
    BaseError
        If the weights are not to be had or do not fit.
    """
    path = base_path(base)
    stored = _read(path)
    ready = []
    for layer in model.layers:
        if not layer.name.startswith("block") or not layer.weights:
            continue
        values = stored.get(layer.name, [])
        if [v.shape for v in values] != [tuple(w.shape) for w in layer.weights]:
            raise BaseError(f"{path.name} does not fit {layer.name} of {model.name}.")
        ready.append((layer, values))
    for layer, values in ready:
        layer.set_weights(values)


def numbers_hash(path: Path) -> str:
    """Return the SHA-256 of a weight file's numbers, layer by layer, each with name and shape.

    Raises
    ------
    BaseError
        If the file cannot be read.
    """
    digest = hashlib.sha256()
    for layer, values in _read(path).items():
        for value in values:
            digest.update(f"{layer} {value.shape}".encode())
            digest.update(np.ascontiguousarray(value, np.dtype("<f4")).tobytes())
    return digest.hexdigest()


def _read(path: Path) -> dict[str, list[NDArray[np.float32]]]:
    """Read the weights of each layer, in the order of the network, from Keras's HDF5 files."""
    try:
        with h5py.File(path, "r") as file:
            layers = [_text(name) for name in file.attrs["layer_names"]]
            return {
                layer: [file[layer][_text(name)][()] for name in file[layer].attrs["weight_names"]]
                for layer in layers
            }
    except (OSError, KeyError) as error:
        raise BaseError(f"{path.name} cannot be read as Keras's weights: {error}") from error


def _text(name: str | bytes) -> str:
    return name.decode() if isinstance(name, bytes) else name


def head_of(model: keras.Model) -> keras.Model:
    """Return the layers after the frozen base as a model that shares its layers and weights.

    Parameters
    ----------
    model : keras.Model
        A network of `cxr.networks.BASES`.

    Returns
    -------
    keras.Model
        Input (batch, rows, columns, 512), the base's features; output (batch, 1): the logit.
    """
    return keras.Model(model.get_layer(LAST_POOL).output, model.output, name="head")
