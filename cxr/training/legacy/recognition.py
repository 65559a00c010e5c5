"""Which of this package's networks a stored network is, and what its weights must look like.

What a network is compared with is not written down a second time: `reference` takes it from the
network's own code, read in the same way as a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import cache
from itertools import zip_longest
from typing import Any

import numpy as np

from ...networks import ARCHITECTURES, BASES, build
from .steps import (
    IDLE,
    LegacyError,
    Step,
    fold,
    read_step,
)
from .structure import Chain

__all__ = ["CANDIDATES", "Match", "Shapes", "recognize", "reference", "weight_shapes"]

#: For each layer that has weights the name and shape of each, in the order of Keras 3.
Shapes = list[tuple[Step, dict[str, tuple[int, ...]]]]

#: The networks that have been published as Keras files, with the arguments that tell them apart.
CANDIDATES: tuple[tuple[str, dict[str, Any]], ...] = tuple(
    (name, dict(arguments))
    for name, architecture in ARCHITECTURES.items()
    for arguments in architecture.published
)
#: Any of them can be built at this size; their layers are the same at every size.
SIZE = 64
LARGEST = 4096
#: What the last layer may do to its result; all leave the order of films as the logit has it.
ENDINGS = {1: ("linear", "sigmoid"), 2: ("linear", "sigmoid", "softmax")}


@dataclass(frozen=True)
class Match:
    """A stored network that was recognized.

    Attributes
    ----------
    architecture : str
        Its name, see `cxr.networks.build`.
    arguments : dict
        Arguments of `cxr.networks.build`.
    steps : tuple of Step
        The file's layers that count, without the scaling.
    size : int
        Height and width of the input, in pixels.
    channels : int
        Channels of the input.
    ending : str
        Activation of the file's last layer.
    notes : list of str
        What had to be assumed, in sentences.
    """

    architecture: str
    arguments: dict[str, Any]
    steps: tuple[Step, ...]
    size: int
    channels: int
    ending: str
    notes: list[str] = field(default_factory=list)

    @property
    def title(self) -> str:
        """The architecture with what distinguishes it from similar ones."""
        return _title(self.architecture, self.arguments)


def _title(name: str, arguments: Mapping[str, Any]) -> str:
    keys = sorted({key for known in ARCHITECTURES[name].published for key in known})
    told = ", ".join(f"{key} {arguments[key]}" for key in keys if key in arguments)
    return f"{name} ({told})" if told else name


@cache
def reference(name: str, **arguments: Any) -> Chain:
    """Read a network of this package as a published file of it would be read.

    Parameters
    ----------
    name : str
        Of `cxr.networks.ARCHITECTURES`.
    **arguments : object
        Those that it was published with.

    Returns
    -------
    Chain
        Ends in the layer of one or two units that a published file ends in.
    """
    model = build(name, input_size=SIZE, **arguments)
    layers = [layer for layer in model.layers if type(layer).__name__ not in IDLE]
    steps = list(fold(read_step(type(x).__name__, x.get_config()) for x in layers))
    if steps[-2].get("units") == 2:
        steps.pop()  # the difference of the two, which a published file leaves to softmax
    height, width, channels = model.input_shape[1:]
    return Chain(tuple(steps[1:]), (height, width, channels), steps[0])


def recognize(chain: Chain) -> Match:
    """Find the network of this package that a stored one is.

    Parameters
    ----------
    chain : Chain
        What the file says.

    Returns
    -------
    Match

    Raises
    ------
    LegacyError
        If it is none of `CANDIDATES`: names the nearest and the first difference from it.
    """
    if not chain.steps or chain.steps[-1].kind != "Dense":
        raise LegacyError("Expected a network that ends in a dense layer of one or two units.")
    ending = chain.steps[-1].get("activation")
    steps = (*chain.steps[:-1], chain.steps[-1].having(activation="linear"))
    nearest = None
    for name, arguments in CANDIDATES:
        expected = reference(name, **arguments)
        if expected.steps == steps and expected.size[2] == chain.size[2]:
            return _match(name, arguments, expected, chain, ending)
        likeness = SequenceMatcher(None, expected.steps, steps, autojunk=False).ratio()
        if nearest is None or likeness > nearest[0]:
            nearest = likeness, _title(name, arguments), expected
    assert nearest is not None
    _, title, expected = nearest
    raise LegacyError(
        f"This network is none of those that can be taken. The nearest is {title}, and the first "
        f"difference: {_difference(expected, chain.size[2], steps)} Taken: "
        f"{', '.join(_title(*candidate) for candidate in CANDIDATES)}."
    )


def _difference(expected: Chain, channels: int, steps: tuple[Step, ...]) -> str:
    """Say in a sentence where two networks part first."""
    if expected.size[2] != channels:
        return f"expected {expected.size[2]} input channels. Received: {channels}."
    last = len(expected.steps) - 1
    for i, (mine, other) in enumerate(zip_longest(expected.steps, steps)):
        if mine == other:
            continue
        if mine is None:
            return f"expected the end of the network. Received: {other} at layer {other.name!r}."
        if other is None:
            return f"expected {mine}. Received: the end of the network."
        text = f"at layer {other.name!r}, expected {mine}. Received: {other}."
        units = mine.get("units"), other.get("units")
        if i == last and len(steps) == len(expected.steps) and set(units) == {1, 2}:
            text += (
                f" The network here ends in {units[0]}, and the weights of {units[1]} cannot go "
                "into it as they are."
            )
        return text
    raise AssertionError("networks that do not differ")


def _match(
    name: str, arguments: dict[str, Any], expected: Chain, chain: Chain, ending: str
) -> Match:
    """Settle what is left: the size, the scaling and the last activation."""
    height, width, channels = chain.size
    if height != width or not 0 < height <= LARGEST:
        raise LegacyError(
            f"Expected a square input of at most {LARGEST} pixels on a side. "
            f"Received: {height} x {width}"
        )
    units = expected.steps[-1].get("units")
    if ending not in ENDINGS[units]:
        raise LegacyError(
            f"Expected a last layer of {units} units with {' or '.join(ENDINGS[units])}. "
            f"Received: {ending}"
        )
    scaling, notes = _scaling(name, expected, chain)
    arguments = {"input_size": height, **arguments, **scaling}
    return Match(name, arguments, chain.steps, height, channels, ending, notes)


def _scaling(name: str, expected: Chain, chain: Chain) -> tuple[dict[str, str], list[str]]:
    """Settle how films are scaled: the argument for it, if there is a choice, and what to say."""
    known = {"unit": Step("Rescaling", (("scale", (1 / 255,)), ("offset", (0.0,))))}
    if name in BASES:
        assert expected.scaling is not None
        known["imagenet"] = expected.scaling  # the default of these networks
    notes = []
    fitting = ["unit"]
    if chain.scaling is None:
        notes.append(
            "The file holds no scaling. Published scripts divide by 255 before the network, and "
            "so does the network here."
        )
    else:
        fitting = [key for key, step in known.items() if _same(step, chain.scaling)]
        if not fitting:
            raise LegacyError(
                f"Layer {chain.scaling.name!r}: {name} cannot scale its input in this way. "
                f"Expected {' or '.join(map(str, known.values()))}. Received: {chain.scaling}"
            )
    return ({"scaling": fitting[0]} if name in BASES else {}), notes


def _same(one: Step, other: Step) -> bool:
    """Tell whether two scalings are the same to a network, which computes in float32."""
    for setting in ("scale", "offset"):
        a, b = (np.asarray(step.get(setting), np.float32) for step in (one, other))
        if not {a.size, b.size} <= {1, 3} or (a != b).any():  # one number is for all three
            return False
    return True


def weight_shapes(match: Match) -> Shapes:
    """Work out the shape of every weight, so that a file can be checked before it is read.

    Returns
    -------
    list of (Step, dict of str to tuple)
        The file's layers that have weights, in order, with the name and shape of each weight.

    Raises
    ------
    LegacyError
        If nothing is left of the input on its way through the network.
    """
    side, width = match.size, match.channels
    shapes: Shapes = []
    for step in match.steps:
        if step.kind == "Conv2D":
            kernel, filters = step.get("kernel_size"), step.get("filters")
            shapes.append((step, {"kernel": (*kernel, width, filters), "bias": (filters,)}))
            side, width = _left(side, step, kernel[0]), filters
        elif step.kind == "MaxPooling2D":
            side = _left(side, step, step.get("pool_size")[0])
        elif step.kind == "BatchNormalization":
            names = ("gamma", "beta", "moving_mean", "moving_variance")
            shapes.append((step, dict.fromkeys(names, (width,))))
        elif step.kind == "Flatten":
            width *= side * side
        elif step.kind == "Dense":
            units = step.get("units")
            shapes.append((step, {"kernel": (width, units), "bias": (units,)}))
            width = units
        if side < 1:
            raise LegacyError(f"An input of {match.size} pixels is too small for {match.title}.")
    return shapes


def _left(side: int, step: Step, window: int) -> int:
    """Pixels on a side after a convolution or pooling."""
    stride: int = step.get("strides")[0]
    return -(-side // stride) if step.get("padding") == "same" else (side - window) // stride + 1
