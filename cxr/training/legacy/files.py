"""Stored models as files: the description as JSON, the weights as plain numbers.

Of an HDF5 file only numeric arrays that lie in the file itself are read, each after its shape was
compared with what the network needs. No object is restored from any file.
"""

from __future__ import annotations

import json
import math
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from ...storage.stand_ins import ENOUGH, stand_in
from .recognition import Shapes
from .steps import LegacyError, Step

__all__ = ["Weights", "read_description", "read_weights"]

#: For each layer that has weights, these by name.
Weights = list[dict[str, NDArray[np.float32]]]
Read = Callable[[Step, str, tuple[int, ...]], NDArray[np.float32]]

LONGEST = 16 * 2**20  # bytes of a description; that of VGG19 has 30,000
#: Real weights hardly get smaller by packing. What unpacks to much more than it is was made so.
EXPANSION = 100
SMALL = 2**20  # bytes that are read whatever they were packed to
PACKINGS = (h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32)
_FILES = "Taken are the JSON of to_json() with an .h5 file of weights, or one .h5 or .keras file."
_STORE_AGAIN = (
    "Load it where it was made and store it with model.save('model.h5'), or with "
    "model.to_json() and model.save_weights('weights.h5'), then give those."
)
_PROGRAM = "It holds a program, which is never run here."
#: Where TensorFlow 2.12 to 2.14 have the groups of weights that later versions have in ``layers``.
OLDER = "_layer_checkpoint_dependencies"
#: The states of random numbers of layers that do nothing to a score.
_STATES = re.compile(r"(^|/)(StateVar|state|seed_generator_state|Variable)(_\d+)?(:0)?$")
VARIABLES = {
    2: ("kernel", "bias"),
    4: ("gamma", "beta", "moving_mean", "moving_variance"),
}


def read_description(model: Path) -> Any:
    """Read the description of the layers from a model file.

    Parameters
    ----------
    model : pathlib.Path
        A ``.json`` file, a whole-model ``.h5`` file or a ``.keras`` file; which of them, its first
        bytes tell.

    Returns
    -------
    object
        The parsed JSON.

    Raises
    ------
    LegacyError
        If it is none of these.
    """
    _check_kind(model)
    if zipfile.is_zipfile(model):
        with _zip(model) as archive:
            if "config.json" not in archive.namelist():
                raise LegacyError(_other_zip(model.name, archive.namelist()))
            return _parse(archive.read(_member(archive, "config.json", LONGEST)), model.name)
    if h5py.is_hdf5(model):
        with _hdf5(model) as file:
            if "model_config" not in file.attrs:
                raise LegacyError(
                    f"{model.name} holds weights without a description of the network. Give the "
                    "JSON file of to_json() before it."
                )
            return _parse(_attribute(file, "model_config"), model.name)
    with model.open("rb") as opened:
        return _parse(opened.read(LONGEST + 1), model.name)


def _check_kind(path: Path) -> None:
    """Name what is none of the files that are read, but of a kind that is known."""
    if path.is_dir():
        inside = {part.name for part in path.iterdir()}
        if {"saved_model.pb", "saved_model.pbtxt", "keras_metadata.pb"} & inside:
            raise LegacyError(f"{path.name} is a SavedModel folder. {_PROGRAM} {_STORE_AGAIN}")
        if {"config.json", "model.weights.h5"} <= inside:
            raise LegacyError(
                f"{path.name} is the folder of an unpacked .keras file. Pack it as a zip again, "
                "or give the .keras file itself."
            )
        raise LegacyError(f"{path.name} is a folder. {_FILES}")
    with path.open("rb") as file:
        start = file.read(ENOUGH)
    if kind := stand_in(start):
        raise LegacyError(f"{path.name} is {kind}.")
    name = path.name.lower()
    if name.endswith((".pb", ".pbtxt")):
        raise LegacyError(
            f"{path.name} is the program of a SavedModel or a frozen graph. {_PROGRAM} "
            f"{_STORE_AGAIN}"
        )
    if name == "checkpoint" or re.search(r"\.(index|data-\d{5}-of-\d{5})$", name):
        raise LegacyError(f"{path.name} is part of a TensorFlow checkpoint. {_STORE_AGAIN}")
    if start[4:8] == b"TFL3":
        raise LegacyError(f"{path.name} is a TensorFlow Lite model. {_STORE_AGAIN}")
    if start[:2] == b"\x80\x02" or name.endswith((".pt", ".pth", ".onnx", ".pkl")):
        raise LegacyError(
            f"{path.name} is no Keras model, but of PyTorch, ONNX or a pickle, and pickles are "
            f"never opened. {_FILES}"
        )


def _other_zip(name: str, members: list[str]) -> str:
    if any(member.endswith("saved_model.pb") for member in members):
        return f"{name} is a SavedModel in a zip. {_PROGRAM} {_STORE_AGAIN}"
    if any(member.endswith("/data.pkl") for member in members):
        return f"{name} is a model of PyTorch, which is not taken. {_FILES}"
    return f"Expected a .keras file with config.json in it. Received: a zip without one, {name}"


def _parse(text: Any, name: str) -> Any:
    if len(text) > LONGEST:
        raise LegacyError(f"Expected a description of at most {LONGEST} bytes in {name}.")
    try:
        parsed = json.loads(text)
        # What to_json() returns is text; a script that dumps it as JSON wraps it once more.
        return json.loads(parsed) if isinstance(parsed, str) else parsed
    except (ValueError, TypeError, RecursionError) as error:
        raise LegacyError(
            f"{name} is none of: the JSON of to_json(), a whole-model .h5 file, a .keras file."
        ) from error


def read_weights(file: Path, shapes: Shapes) -> Weights:
    """Read the weights of a network from a Keras 2 or Keras 3 file.

    Parameters
    ----------
    file : pathlib.Path
        An ``.h5`` file of weights or of a whole model, or a ``.keras`` file.
    shapes : Shapes
        What `cxr.training.legacy.recognition.weight_shapes` says.

    Returns
    -------
    list of dict of str to numpy.ndarray
        In the order of `shapes`, float32, the bits as they are in the file.

    Raises
    ------
    LegacyError
        If a weight is missing, has another shape or type, lies elsewhere or is not finite.
    """
    _check_kind(file)
    if zipfile.is_zipfile(file):
        with _zip(file) as archive, tempfile.TemporaryDirectory() as folder:
            numbers = sum(math.prod(shape) for _, wanted in shapes for shape in wanted.values())
            # An optimizer may keep three more numbers for each weight.
            info = _member(archive, "model.weights.h5", 4 * 4 * numbers + 64 * SMALL)
            inner = Path(folder) / "model.weights.h5"
            with archive.open(info) as packed, inner.open("wb") as unpacked:
                shutil.copyfileobj(packed, unpacked, 2**20)
            return read_weights(inner, shapes)
    if not h5py.is_hdf5(file):
        raise LegacyError(f"{file.name} is no HDF5 file of weights.")
    with _hdf5(file) as root:
        group = _node(root, "model_weights") if "model_weights" in root else root
        read = _keras_2(group, shapes) if _has_names(group, "layer_names") else _keras_3(group)
        return [
            {name: read(step, name, shape) for name, shape in wanted.items()}
            for step, wanted in shapes
        ]


@contextmanager
def _hdf5(path: Path) -> Iterator[h5py.File]:
    try:
        with h5py.File(path, "r") as file:
            yield file
    except LegacyError:
        raise
    except (OSError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise LegacyError(f"{path.name} is damaged: {error}") from error


@contextmanager
def _zip(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, OSError) as error:
        raise LegacyError(f"{path.name} is damaged: {error}") from error


def _member(archive: zipfile.ZipFile, name: str, most: int) -> zipfile.ZipInfo:
    """Find a file in a .keras file that does not unpack to more bytes than are of use."""
    try:
        info = archive.getinfo(name)
    except KeyError as error:
        raise LegacyError(f"Expected a .keras file with {name} in it. Received: none") from error
    if info.file_size > min(most, SMALL + EXPANSION * info.compress_size):
        raise LegacyError(f"{name} unpacks to {info.file_size} bytes, which is not taken.")
    return info


def _attribute(node: h5py.Group, name: str) -> Any:
    """Read an attribute that is not too long."""
    stored = node.attrs.get_id(name)
    if math.prod(stored.shape) * stored.dtype.itemsize > LONGEST:
        raise LegacyError(f"The attribute {name!r} is longer than {LONGEST} bytes.")
    return node.attrs[name]


def _has_names(group: h5py.Group, name: str) -> bool:
    return name in group.attrs or f"{name}0" in group.attrs


def _names(group: h5py.Group, name: str) -> list[str]:
    """Read a list of names; one that is too long for an attribute is spread over several."""
    parts = [name] if name in group.attrs else []
    while not parts or parts[-1] != name:
        following = f"{name}{len(parts)}"
        if following not in group.attrs:
            break
        parts.append(following)
    texts = [text for part in parts for text in np.ravel(_attribute(group, part))]
    return [text.decode() if isinstance(text, bytes) else str(text) for text in texts]


def _node(group: h5py.Group, path: str) -> Any:
    """Go down to a group or an array, by hard links alone: what they name is in this file."""
    node: Any = group
    for part in path.split("/"):
        link = node.get(part, getlink=True) if isinstance(node, h5py.Group) else None
        if link is None:
            raise LegacyError(f"The file of weights lacks {path!r}.")
        if not isinstance(link, h5py.HardLink):
            raise LegacyError(f"{path!r} is a link to elsewhere, which is not followed.")
        node = node[part]
    return node


def _array(group: h5py.Group, path: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Read an array of numbers, once everything about it was found in order."""
    data = _node(group, path)
    if not isinstance(data, h5py.Dataset):
        raise LegacyError(f"Expected an array at {path!r}. Received: a group")
    if data.shape != shape:
        raise LegacyError(f"Expected {path!r} of shape {shape}. Received: {data.shape}")
    if data.dtype.kind != "f" or data.dtype.itemsize > 4:
        raise LegacyError(f"Expected {path!r} as float32. Received: {data.dtype}")
    if data.external or data.is_virtual:
        raise LegacyError(f"{path!r} lies outside of the file, where nothing is read.")
    packing = data.id.get_create_plist()
    if any(packing.get_filter(i)[0] not in PACKINGS for i in range(packing.get_nfilters())):
        raise LegacyError(f"{path!r} is packed in a way that is not taken.")
    if data.nbytes > SMALL + EXPANSION * data.id.get_storage_size():
        raise LegacyError(f"{path!r} unpacks to {data.nbytes} bytes, which is not taken.")
    values = np.asarray(data[()], np.float32)
    if not np.isfinite(values).all():
        raise LegacyError(f"Expected finite numbers in {path!r}. Received: others")
    return values


def _keras_3(group: h5py.Group) -> Read:
    """Weights are numbered, in groups named for the layers' classes."""

    def read(step: Step, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
        order = VARIABLES[4 if step.kind == "BatchNormalization" else 2]
        address = f"{_place(group, step.place)}/vars"
        node = _node(group, address)
        # Newer files tell the layer's name as well.
        if "name" in node.attrs and str(_attribute(node, "name")) != step.name:
            raise LegacyError(
                f"Expected the weights of layer {step.name!r} at {address!r}. "
                f"Received: those of {_attribute(node, 'name')!r}"
            )
        return _array(group, f"{address}/{order.index(name)}", shape)

    return read


def _place(group: h5py.Group, place: str) -> str:
    """Return where a layer's group is, in files of TensorFlow 2.12 to 2.14 as well.

    Those count layers that have weights twice where they list them twice: among the groups of one
    class that hold something, the order tells.
    """
    if "layers" in group or OLDER not in group:
        return place
    node, parts = group, []
    for name in place.split("/")[1::2]:
        container = OLDER if OLDER in node else "layers"
        kind, number = re.fullmatch(r"(.+?)(?:_(\d+))?", name).groups()  # type: ignore[union-attr]
        groups = _node(node, container)
        same = sorted(
            (int(match[1] or 0), other)
            for other in groups
            if (match := re.fullmatch(rf"{kind}(?:_(\d+))?", other)) and _filled(groups, other)
        )
        if int(number or 0) >= len(same):
            raise LegacyError(f"The file of weights lacks {place!r}.")
        found = same[int(number or 0)][1]
        parts += [container, found]
        node = _node(groups, found)
    return "/".join(parts)


def _filled(groups: h5py.Group, name: str) -> bool:
    node = _node(groups, name)
    if not isinstance(node, h5py.Group):
        return False
    return OLDER in node or "layers" in node or ("vars" in node and len(_node(node, "vars")) > 0)


def _keras_2(group: h5py.Group, shapes: Shapes) -> Read:
    """Weights have names, in groups named for the layers of the whole model."""
    wanted = list(dict.fromkeys(step.outer for step, _ in shapes))
    layers = _names(group, "layer_names")
    there = {name: _names(_node(group, name), "weight_names") for name in layers}
    # Idle layers keep the state of their random numbers among the weights.
    there = {
        name: [path for path in paths if not _STATES.search(path)] for name, paths in there.items()
    }
    there = {name: weights for name, weights in there.items() if weights}
    if len(wanted) != len(there):
        raise LegacyError(
            f"Expected weights of {len(wanted)} layers: {', '.join(wanted)}. "
            f"Received: of {len(there)}, {', '.join(there)}"
        )
    # The numbers in names count the layers made in a session, so that weights may stem from
    # another one than the description. The order is the same.
    same = set(wanted) == set(there)
    groups = dict(zip(wanted, wanted if same else there, strict=True))
    owners = {
        outer: _owners(outer, [step.name for step, _ in shapes if step.outer == outer], there[name])
        for outer, name in groups.items()
    }

    def read(step: Step, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
        path = owners[step.outer].get((step.name, name))
        if path is None:
            raise LegacyError(f"The file of weights lacks the {name} of layer {step.name!r}.")
        return _array(group, f"{groups[step.outer]}/{path}", shape)

    return read


def _owners(outer: str, layers: list[str], paths: list[str]) -> dict[tuple[str, str], str]:
    """Tell which layer of a group each weight belongs to, as ``block1_conv1/kernel:0`` says."""
    parts = [path.removesuffix(":0").rsplit("/", 2) for path in paths]
    names = [part[-2] if len(part) > 1 else "" for part in parts]
    if len(layers) == 1:
        names = layers * len(paths)  # the group is the layer's own
    elif not set(layers) <= set(names):
        # A layer that is called twice has its weights under a number of its own.
        names = [re.sub(r"_\d+$", "", name) for name in names]
    variables = [re.sub(r"_\d+$", "", part[-1]) for part in parts]
    owners = dict(zip(zip(names, variables, strict=True), paths, strict=True))
    if len(owners) != len(paths) or {name for name, _ in owners} != set(layers):
        raise LegacyError(f"The weights in {outer!r} cannot be told apart by their names.")
    return owners
