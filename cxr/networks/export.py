"""A Keras model written as one ONNX file for the engine (`cxr.networks.engine`), by tf2onnx.

What is written is the very graph that TensorFlow runs, the way from the last convolution to the
logit differentiated. tf2onnx knows few of TensorFlow's operations for gradients, and shapes that
are only known at run time are beyond it; so the operations that lie on that way have their
gradients written here, in operations that it knows and in shapes that are known beforehand.
"""

from __future__ import annotations

import importlib.util
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ..errors import CxrError
from .engine import FORMAT, INPUT, METADATA, Engine, Exported, ExportError
from .graph import compile_parts, facts_of, pooled

__all__ = [
    "OPSET",
    "ConverterError",
    "converter_versions",
    "export",
    "export_network",
    "has_converter",
]

#: Of the ONNX operators: one that runtimes of the last years know.
OPSET = 17
#: How far the export may be from the Keras model: logits, and shares of a map's range.
TOLERANCE = 1e-4


class ConverterError(CxrError, ValueError):
    """What exports need is not installed."""

    code = "converter"


def has_converter() -> bool:
    """Say whether exports can be made here."""
    return all(importlib.util.find_spec(name) for name in ("tf2onnx", "onnx", "onnxruntime"))


def converter_versions() -> dict[str, str]:
    """Return the versions of what an export is made with."""
    import onnx
    import tf2onnx

    return {
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "tf2onnx": tf2onnx.__version__,
        "onnx": onnx.__version__,
    }


def export(model: keras.Model, *, taps: Sequence[str], identity: Mapping[str, Any]) -> bytes:
    """Write a network that scores films, and compare the export with it.

    Parameters
    ----------
    model : keras.Model
        A flat functional network with a linear last layer.
    taps : sequence of str
        Layers whose averages over the picture come with every pass.
    identity : mapping
        What the export is made of, as JSON knows it; it is refused for anything else.

    Returns
    -------
    bytes
        The ONNX file, with outputs logits (films,); features (films, features) where there are
        taps; activations and gradients (films, rows, columns, channels) of the last convolution
        where there is one.

    Raises
    ------
    ConverterError
        If the converter is not installed.
    ExportError
        If the network has an operation that cannot be converted, or the export differs from it.
    """
    facts = facts_of(model)
    layer = facts.layer() if facts.convolutions else ""
    tapped = [model.get_layer(name).output for name in taps]
    cut = [model.get_layer(layer).output] if layer else []
    whole = keras.Model(model.inputs, [model.output, *cut, *tapped])

    def outputs(films: tf.Tensor) -> dict[str, tf.Tensor]:
        with tf.compat.v1.get_default_graph().gradient_override_map(_RULES):
            logits, *layers = tf.nest.flatten(whole(films, training=False))
        found = {"logits": logits[:, 0]}
        if layer:
            found["activations"] = layers.pop(0)
            found["gradients"] = tf.gradients(logits, found["activations"])[0]
        if layers:
            found["features"] = pooled(layers, films)
        return found

    told = {"facts": asdict(facts), "taps": list(taps)}
    content = _converted(outputs, model, told, identity)
    films = _noise(model)
    parts = compile_parts(model, layer or None, taps)(films)
    names = ("logits", "features", "activations", "gradients")
    expected = {name: part for name, part in zip(names, parts, strict=False) if part.size}
    _compare(model, Engine(content, identity), films, expected)
    return content


def export_network(model: keras.Model, *, identity: Mapping[str, Any]) -> bytes:
    """Write a network as it is, its output as logits; for the rest see `export`."""
    content = _converted(
        lambda films: {"logits": model(films, training=False)}, model, {}, identity
    )
    films = _noise(model)
    _compare(model, Exported(content, identity), films, {"logits": np.asarray(model(films))})
    return content


def _converted(
    outputs: Callable[[tf.Tensor], dict[str, tf.Tensor]],
    model: keras.Model,
    told: dict[str, Any],
    identity: Mapping[str, Any],
) -> bytes:
    if not has_converter():
        raise ConverterError(
            "An export needs the converter from TensorFlow to ONNX, which is not installed. "
            "Run: pip install -r requirements-train.txt"
        )
    import tf2onnx

    signature = tf.TensorSpec((None, *model.input_shape[1:]), tf.float32, name=INPUT)
    traced = tf.function(outputs, autograph=False)
    # It tells of every step; what it cannot convert shows when the export is run.
    logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)
    try:
        proto, _ = tf2onnx.convert.from_function(traced, [signature], opset=OPSET)
    except (ValueError, KeyError, RuntimeError, LookupError) as error:
        raise ExportError(f"{model.name} cannot be exported: {error}") from error
    entry = proto.metadata_props.add()
    entry.key = METADATA
    told = {"format": FORMAT, "identity": dict(identity), **told}
    entry.value = json.dumps(told, sort_keys=True)
    content: bytes = proto.SerializeToString(deterministic=True)
    return content


def _noise(model: keras.Model) -> NDArray[np.float32]:
    shape = (3, *model.input_shape[1:])
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.float32)


def _compare(
    model: keras.Model,
    exported: Exported,
    films: NDArray[np.float32],
    expected: dict[str, NDArray[np.float32]],
) -> None:
    """Run the export; ExportError if something else comes out than from the network."""
    for name, value in zip(expected, exported.run(films, list(expected)), strict=True):
        scale = max(1.0, float(np.abs(expected[name]).max()))
        if not np.abs(value - expected[name]).max() <= TOLERANCE * scale:
            raise ExportError(f"The export of {model.name} differs from it in its {name}.")


def _spread(operation: tf.Operation, gradient: tf.Tensor) -> tuple[tf.Tensor, int]:
    """Return a sum's gradient at the size of what was summed, and how many were."""
    whole = operation.inputs[0]
    axes = tf.get_static_value(operation.inputs[1])
    summed = {int(axis) % len(whole.shape) for axis in np.ravel(axes)}
    kept = [1 if axis in summed else whole.shape[axis] for axis in range(1, len(whole.shape))]
    count = int(np.prod([whole.shape[axis] for axis in summed]))
    return tf.reshape(gradient, [-1, *kept]) * tf.ones_like(whole), count


@tf.RegisterGradient("CxrSum")
def _sum(operation: tf.Operation, gradient: tf.Tensor) -> tuple[tf.Tensor, None]:
    return _spread(operation, gradient)[0], None


@tf.RegisterGradient("CxrMean")
def _mean(operation: tf.Operation, gradient: tf.Tensor) -> tuple[tf.Tensor, None]:
    spread, count = _spread(operation, gradient)
    return spread / count, None


@tf.RegisterGradient("CxrRelu")
def _relu(operation: tf.Operation, gradient: tf.Tensor) -> tf.Tensor:
    return gradient * tf.cast(operation.outputs[0] > 0, gradient.dtype)


@tf.RegisterGradient("CxrRelu6")
def _relu6(operation: tf.Operation, gradient: tf.Tensor) -> tf.Tensor:
    value = operation.outputs[0]
    return gradient * tf.cast((value > 0) & (value < 6), gradient.dtype)


def _as(value: tf.Tensor, gradient: tf.Tensor) -> tf.Tensor:
    """Sum a gradient over the axes along which a value was repeated."""
    extra = len(gradient.shape) - len(value.shape)
    shape = [1] * extra + list(value.shape)
    repeated = [axis for axis, n in enumerate(shape) if n == 1 and gradient.shape[axis] != 1]
    summed = tf.reduce_sum(gradient, axis=repeated, keepdims=True) if repeated else gradient
    return tf.squeeze(summed, axis=list(range(extra))) if extra else summed


@tf.RegisterGradient("CxrAdd")
def _add(operation: tf.Operation, gradient: tf.Tensor) -> tuple[tf.Tensor, ...]:
    one, other = operation.inputs
    return _as(one, gradient), _as(other, gradient)


@tf.RegisterGradient("CxrSub")
def _sub(operation: tf.Operation, gradient: tf.Tensor) -> tuple[tf.Tensor, ...]:
    one, other = operation.inputs
    return _as(one, gradient), _as(other, -gradient)


@tf.RegisterGradient("CxrMul")
def _mul(operation: tf.Operation, gradient: tf.Tensor) -> tuple[tf.Tensor, ...]:
    one, other = operation.inputs
    return _as(one, gradient * other), _as(other, gradient * one)


@tf.RegisterGradient("CxrMaxPool")
def _max_pool(operation: tf.Operation, gradient: tf.Tensor) -> tf.Tensor:
    """Give each window's gradient to its largest value, of equal ones to the first."""
    value, largest = operation.inputs[0], operation.outputs[0]
    _, high, wide, _ = operation.get_attr("ksize")
    if list(operation.get_attr("strides")) != [1, high, wide, 1]:
        raise ExportError("Expected windows of a max pooling that do not overlap.")
    rows, columns, channels = largest.shape[1:]
    before, after = zip(
        _margins(value.shape[1], rows * high), _margins(value.shape[2], columns * wide), strict=True
    )
    padded = tf.pad(
        value,
        [(0, 0), (before[0], after[0]), (before[1], after[1]), (0, 0)],
        constant_values=value.dtype.min,
    )[:, : rows * high, : columns * wide]
    windows = tf.reshape(padded, (-1, rows, high, columns, wide, channels))
    windows = tf.transpose(windows, (0, 1, 3, 2, 4, 5))
    windows = tf.reshape(windows, (-1, rows, columns, high * wide, channels))
    equal = tf.cast(windows == largest[:, :, :, None], value.dtype)
    first = equal * tf.cast(tf.cumsum(equal, axis=3) < 1.5, value.dtype)
    back = tf.reshape(first * gradient[:, :, :, None], (-1, rows, columns, high, wide, channels))
    back = tf.transpose(back, (0, 1, 3, 2, 4, 5))
    back = tf.reshape(back, (-1, rows * high, columns * wide, channels))
    back = back[:, before[0] : before[0] + value.shape[1], before[1] : before[1] + value.shape[2]]
    left = [
        max(0, value.shape[axis] - size) for axis, size in ((1, rows * high), (2, columns * wide))
    ]
    return tf.pad(back, [(0, 0), (0, left[0]), (0, left[1]), (0, 0)])


def _margins(size: int, covered: int) -> tuple[int, int]:
    """Return how far the windows reach beyond the picture, before and after it."""
    total = max(0, covered - size)
    return total // 2, total - total // 2


#: By the name of TensorFlow's operation the gradient that is taken in the place of its own.
_RULES = {
    "Sum": "CxrSum",
    "Mean": "CxrMean",
    "Relu": "CxrRelu",
    "Relu6": "CxrRelu6",
    "Add": "CxrAdd",
    "AddV2": "CxrAdd",
    "Sub": "CxrSub",
    "Mul": "CxrMul",
    "MaxPool": "CxrMaxPool",
}
