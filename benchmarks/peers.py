"""What a user would pick instead, side by side: the same films, from files, in one run.

- ``cxr``: this package's flagship, gate and plausibility of the film included;
- ``tf-keras-vis``: the same network by ``model.predict``, with Grad-CAM of tf-keras-vis;
- ``notebook``: as the published notebooks do it: `ImageDataGenerator`, ``model.predict``, and
  Grad-CAM by a gradient tape, as in the example of Keras;
- ``torchxrayvision``: its DenseNet121 with Grad-CAM of pytorch-grad-cam; random weights, since
  only the time is asked for (``pip install torch torchvision torchxrayvision grad-cam``).

Each runs in a process of its own, that notes the seconds until the first film is scored and
explained, imports included; the memory at its peak; the median time of a warm film, score and
map; and the films a second when they are scored alone, in batches of 32. All begin with files on
the disk. They take turns, round by round, so that what slows one slows all; the last object has
each peer's figures over those of ``cxr``.
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
from typing import Any

import numpy as np

BATCH = 32
One = Callable[[Path], object]
Many = Callable[[Sequence[Path]], object]
#: Peer and the modules that must be there.
PEERS = {
    "cxr": [],
    "tf-keras-vis": ["tf_keras_vis"],
    "notebook": ["pandas"],
    "torchxrayvision": ["torch", "torchxrayvision", "pytorch_grad_cam"],
}


def cxr(name: str) -> tuple[One, Many]:
    import cxr as package

    model = package.load(name)

    def one(path: Path) -> object:
        return model.predict(package.read(path), heatmap=True)

    def many(paths: Sequence[Path]) -> object:
        return list(package.predict_files(model, paths))

    return one, many


def keras_model(name: str) -> Any:
    from cxr.networks.runtime import prepare

    prepare()
    from cxr.scoring.bundle import Bundle
    from cxr.scoring.classifier import build_network

    return build_network(Bundle.load(name))


def array(path: Path, model: Any) -> Any:
    from PIL import Image

    _, height, width, channels = model.input_shape
    picture = Image.open(path).convert("RGB" if channels == 3 else "L")
    pixels = np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR), np.float32)
    return pixels.reshape(1, height, width, channels)


def tf_keras_vis(name: str) -> tuple[One, Many]:
    model = keras_model(name)
    from tf_keras_vis.gradcam import Gradcam

    # Made once: it clones the model.
    gradcam = Gradcam(model)

    def score(output: Any) -> Any:
        return output[:, 0]

    def one(path: Path) -> object:
        film = array(path, model)
        return model.predict(film, verbose=0), gradcam(score, film)

    def many(paths: Sequence[Path]) -> object:
        return model.predict(np.concatenate([array(p, model) for p in paths]), verbose=0)

    return one, many


def notebook(name: str) -> tuple[One, Many]:
    model = keras_model(name)
    import keras
    import pandas as pd
    import tensorflow as tf

    generator = tf.keras.preprocessing.image.ImageDataGenerator()

    last = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)][-1]
    explained = keras.Model(model.inputs, [last.output, model.output])
    size = model.input_shape[1:3]
    mode = "rgb" if model.input_shape[3] == 3 else "grayscale"

    def one(path: Path) -> object:
        film = array(path, model)
        with tf.GradientTape() as tape:
            maps, output = explained(film)
            score = output[:, 0]
        weights = tf.reduce_mean(tape.gradient(score, maps), axis=(1, 2))
        heat = tf.nn.relu(tf.reduce_sum(maps * weights[:, None, None], axis=-1))
        return model.predict(film, verbose=0), heat.numpy()

    def many(paths: Sequence[Path]) -> object:
        films = generator.flow_from_dataframe(
            pd.DataFrame({"filename": [str(path) for path in paths]}),
            x_col="filename", y_col=None, class_mode=None, target_size=size, color_mode=mode,
            batch_size=BATCH, shuffle=False,
        )  # fmt: skip
        return model.predict(films, verbose=0)

    return one, many


def torchxrayvision(_name: str) -> tuple[One, Many]:
    import torch
    import torchxrayvision as xrv
    from PIL import Image
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    model = xrv.models.DenseNet(num_classes=18, in_channels=1).eval()
    gradcam = GradCAM(model=model, target_layers=[model.features[-1]])

    def tensor(path: Path) -> Any:
        picture = Image.open(path).convert("L").resize((224, 224), Image.Resampling.BILINEAR)
        pixels = xrv.datasets.normalize(np.asarray(picture, np.float32), 255)
        return torch.from_numpy(pixels)[None, None]

    def one(path: Path) -> object:
        # The score is of the same forward pass as the map, which is kept by the library.
        heat = gradcam(input_tensor=tensor(path), targets=[ClassifierOutputTarget(8)])
        return gradcam.outputs, heat

    def many(paths: Sequence[Path]) -> object:
        with torch.inference_mode():
            batches = [paths[i : i + BATCH] for i in range(0, len(paths), BATCH)]
            return [model(torch.cat([tensor(p) for p in some])) for some in batches]

    return one, many


MADE = {
    "cxr": cxr,
    "tf-keras-vis": tf_keras_vis,
    "notebook": notebook,
    "torchxrayvision": torchxrayvision,
}


def measure(peer: str, name: str, films: Sequence[Path]) -> dict[str, float]:
    """Time one peer in this process, which must be a fresh one."""
    begun = time.perf_counter()
    one, many = MADE[peer](name)
    one(films[0])
    found = {"cold s": time.perf_counter() - begun}
    times = []
    for path in [*films[:BATCH], *films[:BATCH]]:
        start = time.perf_counter()
        one(path)
        times.append(time.perf_counter() - start)
    found["film ms"] = statistics.median(times[BATCH:]) * 1000
    many(films[:BATCH])  # traced, warm
    start = time.perf_counter()
    many(films)
    found["films a second"] = len(films) / (time.perf_counter() - start)
    found["MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    return found


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("folder", type=Path, help="films, PNG or JPEG")
    parser.add_argument("--model", default="pneumonia-efficientnet-lite0")
    parser.add_argument("--films", type=int, default=128, help="at most (default: 128)")
    parser.add_argument("--rounds", type=int, default=3, help="(default: 3)")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    found = options.folder.rglob("*")
    films = sorted(p for p in found if p.suffix.lower() in (".png", ".jpg", ".jpeg"))
    if not films:
        parser.error(f"There is no PNG or JPEG in {options.folder.name}.")
    # Spread over the folder, so that both classes are there.
    films = films[:: max(1, len(films) // options.films)][: options.films]
    if options.one:
        print(json.dumps(measure(options.one, options.model, films)))
        return
    rounds: dict[str, list[dict[str, float]]] = {}
    for _ in range(options.rounds):
        for peer, modules in PEERS.items():
            if any(importlib.util.find_spec(module) is None for module in modules):
                continue
            said = started(sys.argv[1:] if words is None else words, peer)
            rounds.setdefault(peer, []).append(said)
            print(json.dumps({"peer": peer, **said}), flush=True)
    middle = {
        peer: {key: statistics.median(one[key] for one in found) for key in found[0]}
        for peer, found in rounds.items()
    }
    over = {
        peer: {key: round(value / middle["cxr"][key], 2) for key, value in figures.items()}
        for peer, figures in middle.items()
    }
    print(json.dumps({"films": len(films), "median": middle, "over cxr": over}, indent=1))


def started(words: Sequence[str], peer: str) -> dict[str, float]:
    """Run a peer in a process of its own, and return its figures."""
    command = [sys.executable, "-m", "benchmarks.peers", *words, "--one", peer]
    with tempfile.TemporaryFile("w+") as log:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=log, text=True, check=False)
        if done.returncode:
            log.seek(0)
            raise SystemExit(f"{peer} failed:\n{log.read()[-2000:]}")
    figures: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return figures


if __name__ == "__main__":
    main()
