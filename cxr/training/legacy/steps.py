"""The layers that are taken from a stored model, and what the result of each depends on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from ...errors import CxrError

__all__ = ["ALIASES", "IDLE", "TAKEN", "LegacyError", "Step", "fold", "read_step"]

#: Names that older versions had for the same layers.
ALIASES = {
    "Convolution2D": "Conv2D",
    "MaxPool2D": "MaxPooling2D",
    "GlobalAvgPool2D": "GlobalAveragePooling2D",
    "BatchNormalizationV1": "BatchNormalization",
}
#: They change nothing when a film is scored.
IDLE = (
    *("InputLayer", "Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"),
    *("GaussianDropout", "GaussianNoise", "AlphaDropout", "ActivityRegularization"),
    *("RandomFlip", "RandomRotation", "RandomZoom", "RandomTranslation", "RandomShear"),
    *("RandomContrast", "RandomBrightness", "RandomSaturation", "RandomHue", "RandomSharpness"),
    *("RandomColorJitter", "RandomColorDegeneration", "RandomGrayscale", "RandomPosterization"),
    *("RandomErasing", "RandomGaussianBlur", "RandomInvert", "RandomPerspective"),
    *("RandomElasticTransform", "RandAugment", "AugMix", "MixUp", "CutMix"),
)
ACTIVATIONS = ("Activation", "ReLU", "Softmax")
TAKEN = (
    *IDLE,
    "Rescaling",
    "Conv2D",
    "MaxPooling2D",
    "BatchNormalization",
    "GlobalAveragePooling2D",
    "Flatten",
    "Dense",
    *ACTIVATIONS,
)


class LegacyError(CxrError, ValueError):
    """A model file that cannot be taken over."""

    code = "legacy"


@dataclass(frozen=True)
class Step:
    """One layer that counts; two steps are equal if they compute the same from the same weights.

    Attributes
    ----------
    kind : str
        Its class, as Keras 3 calls it.
    settings : tuple[tuple[str, Any], ...]
        Names and values of its settings.
    name : str
        Its name in the file.
    outer : str
        Name of the layer of the whole model that it is or is part of: a group of a Keras 2 file.
    place : str
        Its group in a Keras 3 file.
    """

    kind: str
    settings: tuple[tuple[str, Any], ...] = ()
    name: str = field(default="", compare=False)
    outer: str = field(default="", compare=False)
    place: str = field(default="", compare=False)

    def get(self, setting: str) -> Any:
        """Return a setting; None if this kind of layer has none of that name."""
        return dict(self.settings).get(setting)

    def having(self, **settings: Any) -> Step:
        """Return the same step with other settings."""
        return replace(self, settings=tuple((dict(self.settings) | settings).items()))

    def __str__(self) -> str:
        return f"{self.kind}({', '.join(f'{key}={value}' for key, value in self.settings)})"


def read_step(kind: str, config: dict[str, Any], *, outer: str = "", place: str = "") -> Step:
    """Read one layer's configuration.

    Parameters
    ----------
    kind : str
        Of `TAKEN`, but for `IDLE`.
    config : dict
        As the file has it.
    outer, place : str, optional
        See `Step`.

    Raises
    ------
    LegacyError
        If a setting is one that the networks of this package have no use for, or no setting.
    KeyError
        If one is missing.
    """
    name = str(config["name"])
    settings = tuple(_settings(kind, name, config))
    return Step(kind, settings, name, outer or name, place)


def _settings(kind: str, name: str, config: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    def refuse(setting: str, wanted: str) -> None:
        value = config.get(setting)
        raise LegacyError(f"Layer {name!r}: expected {setting} {wanted}. Received: {value!r}")

    def of(setting: str, sort: type) -> tuple[str, Any]:
        if type(config[setting]) is not sort:
            refuse(setting, f"of type {sort.__name__}")
        return setting, config[setting]

    def pair(setting: str, source: str = "") -> tuple[str, tuple[int, int]]:
        value = config[source or setting]
        both = value if isinstance(value, list | tuple) else [value, value]
        if len(both) != 2 or not all(type(n) is int and 0 < n < 1000 for n in both):
            refuse(source or setting, "of two whole numbers")
        return setting, (both[0], both[1])

    def only(setting: str, *values: Any) -> None:
        if config.get(setting, values[0]) not in values:
            refuse(setting, repr(values[0]))

    def numbers(setting: str) -> tuple[str, tuple[float, ...]]:
        value = config[setting]
        return setting, tuple(map(float, value if isinstance(value, list | tuple) else [value]))

    only("data_format", "channels_last", None)
    if kind == "Conv2D":
        yield of("filters", int)
        yield pair("kernel_size")
        yield pair("strides")
        yield of("padding", str)
        only("dilation_rate", 1, [1, 1], (1, 1))
        only("groups", 1)
    elif kind == "MaxPooling2D":
        yield pair("pool_size")
        yield pair("strides", "strides" if config.get("strides") else "pool_size")
        yield of("padding", str)
    elif kind == "BatchNormalization":
        only("axis", -1, 3, [-1], [3])
        only("renorm", False)
        yield "epsilon", float(config["epsilon"])
        yield of("center", bool)
        yield of("scale", bool)
    elif kind == "Dense":
        yield of("units", int)
    elif kind == "Rescaling":
        yield numbers("scale")
        yield numbers("offset")
    elif kind == "GlobalAveragePooling2D":
        only("keepdims", False)
    elif kind == "ReLU":
        only("max_value", None)
        only("negative_slope", 0, None)
        only("threshold", 0, None)
        yield "activation", "relu"
    elif kind == "Softmax":
        only("axis", -1, [-1])
        yield "activation", "softmax"
    if kind in ("Conv2D", "Dense"):
        yield of("use_bias", bool)
    if kind in ("Conv2D", "Dense", "Activation"):
        # Absent means none; anything but a name would be code of somebody's own.
        yield ("activation", "linear") if config["activation"] is None else of("activation", str)


def fold(steps: Iterable[Step]) -> Iterator[Step]:
    """Join activations that are layers of their own to the convolution or dense layer before."""
    last: Step | None = None
    for step in steps:
        if step.kind in ACTIVATIONS:
            activation = step.get("activation")
            if activation == "linear":
                continue
            if last and last.kind in ("Conv2D", "Dense") and last.get("activation") == "linear":
                last = last.having(activation=activation)
                continue
        if last:
            yield last
        last = step
    if last:
        yield last
