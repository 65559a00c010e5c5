"""What runs an exported graph best: ONNX Runtime, OpenVINO, LiteRT and TensorFlow, side by side.

Each engine runs in a process of its own, which notes how long it took to come up (its import, the
graph, the first film), the memory at its peak, and the time of warm passes of one film and of 32.
Engines that are not installed are left out: ``pip install openvino ai-edge-litert``.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FILM, BATCH = 1, 32
Floats = NDArray[np.float32]
Run = Callable[[Floats], object]
#: Engine and the module that must be there.
ENGINES = {
    "onnxruntime": "onnxruntime",
    "openvino": "openvino",
    "litert": "ai_edge_litert",
    "tensorflow": "tensorflow",
}


def threads() -> int:
    return len(os.sched_getaffinity(0))


def onnxruntime(folder: Path, _shape: tuple[int, ...]) -> Run:
    import onnxruntime as runtime

    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    content = (folder / "export.onnx").read_bytes()
    session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return lambda films: session.run(["logits"], {"films": films})


def openvino(folder: Path, _shape: tuple[int, ...]) -> Run:
    import openvino as ov

    core = ov.Core()
    config = {"INFERENCE_NUM_THREADS": threads(), "INFERENCE_PRECISION_HINT": "f32"}
    compiled = core.compile_model(core.read_model(folder / "export.onnx"), "CPU", config)
    return lambda films: compiled({"films": films})


def litert(folder: Path, shape: tuple[int, ...]) -> Run:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(folder / "model.tflite"), num_threads=threads())
    place, result = (
        details()[0]["index"]
        for details in (interpreter.get_input_details, interpreter.get_output_details)
    )

    def run(films: Floats) -> object:
        if tuple(interpreter.get_input_details()[0]["shape"]) != films.shape:
            interpreter.resize_tensor_input(place, films.shape)
            interpreter.allocate_tensors()
        interpreter.set_tensor(place, films)
        interpreter.invoke()
        return interpreter.get_tensor(result)

    interpreter.resize_tensor_input(place, (FILM, *shape))
    interpreter.allocate_tensors()
    return run


def tensorflow(folder: Path, _shape: tuple[int, ...]) -> Run:
    from cxr.networks.runtime import prepare

    prepare()
    from cxr.networks.graph import compile_forward
    from cxr.scoring.bundle import Bundle
    from cxr.scoring.classifier import build_network

    return compile_forward(build_network(Bundle.load(str(folder))))


def measure(engine: str, folder: Path, shape: tuple[int, ...]) -> dict[str, float]:
    """Time one engine in this process, which must be a fresh one."""
    begun = time.perf_counter()
    run: Run = globals()[engine](folder, shape)
    rng = np.random.default_rng(0)
    films = rng.integers(0, 256, (BATCH, *shape)).astype(np.float32)
    run(films[:FILM])
    found = {"cold s": time.perf_counter() - begun}
    for count, rounds in ((FILM, 60), (BATCH, 8)):
        some = films[:count]
        times = []
        for _ in range(rounds):
            start = time.perf_counter()
            run(some)
            times.append(time.perf_counter() - start)
        found[f"{count} ms"] = statistics.median(times) * 1000
        if count == FILM:
            found["MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    return found


def write_litert(name: str, to: Path) -> None:
    """Convert a bundle's network for LiteRT, from the Keras model, in a process of its own."""
    import tensorflow as tf

    from cxr.scoring.bundle import Bundle
    from cxr.scoring.classifier import build_network

    converter = tf.lite.TFLiteConverter.from_keras_model(build_network(Bundle.load(name)))
    to.write_bytes(converter.convert())


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engines", description=__doc__)
    parser.add_argument(
        "names", nargs="*", default=["pneumonia-efficientnet-lite0", "pneumonia-grey-cnn"]
    )
    parser.add_argument(
        "--one", nargs=3, metavar=("ENGINE", "FOLDER", "SHAPE"), help=argparse.SUPPRESS
    )
    parser.add_argument("--litert", nargs=2, metavar=("NAME", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    if options.one:
        engine, folder, shape = options.one
        print(json.dumps(measure(engine, Path(folder), tuple(json.loads(shape)))))
        return
    if options.litert:
        write_litert(options.litert[0], Path(options.litert[1]))
        return
    for name in options.names:
        compare(name)


def compare(name: str) -> None:
    from cxr.scoring.bundle import Bundle

    bundle = Bundle.load(name)
    shape = json.dumps([*bundle.card.size, bundle.card.input.channels])
    for engine, module in ENGINES.items():
        if importlib.util.find_spec(module) is None:
            continue
        with tempfile.TemporaryDirectory() as made:
            folder = bundle.folder
            if engine == "litert":
                folder = Path(made)
                started("--litert", name, str(folder / "model.tflite"))
            said = started("--one", engine, str(folder), shape)
        print(json.dumps({"model": name, "engine": engine, **json.loads(said)}), flush=True)


def started(*words: str) -> str:
    """Run this program in a process of its own, and return the last line that it prints."""
    command = [sys.executable, "-m", "benchmarks.engines", *words]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return (done.stdout.strip().splitlines() or [""])[-1]


if __name__ == "__main__":
    main()
