"""The description of a stored Keras model, read as data: a chain of layers with their settings.

Nothing here builds, loads or runs a layer. Keras 2 and Keras 3 descriptions are brought to one
form: layers that do nothing to a score (dropout) are left out, activations that are layers of their
own belong to the layer before them, and a model inside a model is unrolled.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .steps import (
    ALIASES,
    IDLE,
    TAKEN,
    LegacyError,
    Step,
    fold,
    read_step,
)

__all__ = ["Chain", "read_chain"]

CONTAINERS = ("Sequential", "Functional", "Model")
DEEPEST = 4  # models within models
LONGEST = 500  # layers


@dataclass(frozen=True)
class Chain:
    """A network without branches.

    Attributes
    ----------
    steps : tuple of Step
        Its layers, in order.
    size : tuple of int
        Height, width and channels of its input.
    scaling : Step or None
        The Rescaling layer that it begins with; None if it has none.
    """

    steps: tuple[Step, ...]
    size: tuple[int, int, int]
    scaling: Step | None = None


def read_chain(description: Any) -> Chain:
    """Read the description of a model, as ``to_json`` wrote it.

    Parameters
    ----------
    description : object
        Parsed JSON: ``class_name`` and ``config`` of a Sequential or functional model.

    Returns
    -------
    Chain

    Raises
    ------
    LegacyError
        If it is damaged, branches, or holds layers that are not taken.
    """
    reader = _Reader()
    try:
        if description["class_name"] not in CONTAINERS:
            raise LegacyError(
                f"Expected a model of class {', '.join(CONTAINERS)}. "
                f"Received: {description['class_name']!r}"
            )
        steps = list(fold(reader.steps(description)))
    except LegacyError:
        raise
    except (
        *(ArithmeticError, AttributeError, LookupError),
        *(TypeError, ValueError, RecursionError),
    ) as error:
        raise LegacyError(f"The description of the model is damaged: {error!r}.") from error
    scaling = steps.pop(0) if steps and steps[0].kind == "Rescaling" else None
    return Chain(tuple(steps), _input_size(reader.shapes), scaling)


class _Reader:
    """Goes through the layers in the order in which a film passes them."""

    def __init__(self) -> None:
        self.shapes: list[Any] = []
        """What is said of the input's shape, up to the first layer that can change it."""
        self.count = 0
        """Such layers so far."""

    def steps(
        self, model: dict[str, Any], outer: str = "", place: str = "", depth: int = 1
    ) -> Iterator[Step]:
        _check_class(model)
        config = model["config"]
        # Before Keras 2.2.3 the config of a Sequential was the list of its layers.
        config = {"layers": config} if isinstance(config, list) else config
        layers = config["layers"]
        if depth > DEEPEST or len(layers) > LONGEST:
            raise LegacyError(
                f"Expected at most {LONGEST} layers, and {DEEPEST} models within each other."
            )
        for layer in layers:
            _check_class(layer)
        for source in (config, model):
            self._note(source.get("build_input_shape"))
            self._note((source.get("build_config") or {}).get("input_shape"))
        places = _places(layers, f"{place}layers/")
        order = range(len(layers)) if model["class_name"] == "Sequential" else _path(config)
        for i in order:
            layer, inner = layers[i], layers[i]["config"]
            kind = ALIASES.get(layer["class_name"], layer["class_name"])
            if kind in CONTAINERS:
                name = layer.get("name") or (inner.get("name") if isinstance(inner, dict) else "")
                yield from self.steps(layer, outer or str(name), f"{places[i]}/", depth + 1)
                continue
            for key in ("batch_input_shape", "batch_shape"):
                self._note(inner.get(key))
            if kind not in IDLE:
                yield read_step(kind, inner, outer=outer, place=places[i])
                self.count += kind != "Rescaling"

    def _note(self, shape: Any) -> None:
        if self.count == 0:
            self.shapes.append(shape)


def _check_class(layer: dict[str, Any]) -> None:
    """Refuse what is no layer of Keras itself, whatever it is called."""
    kind, config = str(layer["class_name"]), layer["config"]
    name = config.get("name") if isinstance(config, dict) else None
    if "Lambda" in kind:
        raise LegacyError(
            f"Layer {name!r} is a {kind}: it carries code, which is never run. Store the model "
            f"without it. Taken: {', '.join(TAKEN)}."
        )
    of_keras = str(layer.get("module") or "keras").split(".")[0] in ("keras", "tf_keras")
    registered = layer.get("registered_name")
    if (
        not of_keras
        or registered not in (None, "", kind)
        or kind not in (*TAKEN, *ALIASES, *CONTAINERS)
    ):
        full = kind if of_keras else f"{layer.get('module')}.{kind}"
        raise LegacyError(
            f"Layer {name!r} is of type {registered or full}, which is not taken. "
            f"Taken: {', '.join(TAKEN)}."
        )


def _places(layers: list[dict[str, Any]], place: str) -> list[str]:
    """Return each layer's group in a Keras 3 file: its class, numbered from the second on."""
    seen: Counter[str] = Counter()
    places = []
    for layer in layers:
        kind = ALIASES.get(layer["class_name"], layer["class_name"])
        kind = "Functional" if kind == "Model" else kind
        snake = "".join(
            f"_{c.lower()}" if c.isupper() and i and kind[i - 1].islower() else c.lower()
            for i, c in enumerate(kind)
        )
        places.append(place + snake + (f"_{seen[snake]}" if seen[snake] else ""))
        seen[snake] += 1
    return places


def _path(config: dict[str, Any]) -> list[int]:
    """Follow a functional model from its input to its output: the layers' numbers in that order."""
    numbers = {layer["name"]: i for i, layer in enumerate(config["layers"])}
    behind: dict[str, str] = {}
    for layer in config["layers"]:
        nodes = layer["inbound_nodes"]
        sources = [source for node in nodes for source in _sources(node)]
        if len(nodes) > 1 or len(sources) > 1 or set(sources) & set(behind):
            raise LegacyError(
                f"The network branches at layer {layer['name']!r}. Taken are networks whose "
                "layers follow one another."
            )
        behind |= dict.fromkeys(sources, layer["name"])
    name, last = _end(config["input_layers"]), _end(config["output_layers"])
    order = [numbers[name]]
    while name != last and len(order) <= len(numbers):
        name = behind[name]
        order.append(numbers[name])
    if len(order) != len(numbers):
        raise LegacyError("The network has layers that do not lie between its input and output.")
    return order


def _end(layers: Any) -> str:
    """Name of the input or output layer; Keras 3 writes a single one without its list."""
    ends = [layers] if isinstance(layers[0], str) else layers
    if len(ends) != 1:
        raise LegacyError(f"Expected one input and one output. Received: {len(ends)}")
    return str(ends[0][0])


def _sources(node: Any) -> Iterator[str]:
    """Find the names of the layers that a layer takes its input from, in either notation."""
    if isinstance(node, dict):
        if "keras_history" in node:
            yield str(node["keras_history"][0])
            return
        _check_call(node.get("kwargs"))
        for value in node.values():
            yield from _sources(value)
    elif isinstance(node, list):
        if len(node) >= 3 and isinstance(node[0], str):
            _check_call(node[3] if len(node) > 3 else None)
            yield node[0]
            return
        for part in node:
            yield from _sources(part)


def _check_call(keywords: Any) -> None:
    """Refuse a layer that is called in another way than with its input alone."""
    if odd := {key: value for key, value in (keywords or {}).items() if value}:
        raise LegacyError(f"A layer is called with {odd}, which is not taken.")


def _input_size(shapes: list[Any]) -> tuple[int, int, int]:
    """Choose the shape (batch, height, width, channels) that is known in full."""
    known = {
        tuple(shape[1:])
        for shape in shapes
        if isinstance(shape, list) and len(shape) == 4 and all(type(n) is int for n in shape[1:])
    }
    if len(known) != 1:
        raise LegacyError(
            "Expected one input size (height, width, channels) in the description. "
            f"Received: {', '.join(map(str, sorted(known))) or 'none'}"
        )
    height, width, channels = known.pop()
    return height, width, channels
