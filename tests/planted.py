"""Films with a bright square each, boxes around these, and a network that sees what is bright."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from cxr.model import Model, load
from cxr.networks.network import Network
from cxr.scoring.operating_points import Calibration
from tests.bundles import copy_bundle
from tests.conftest import png

#: Films a class and split; the squares of the last two are faint, and not called.
N, FAINT = 12, 2


def plant(root: Path) -> Path:
    """Fill a folder with films, as test and as validation, and with ``boxes.csv``."""
    rng = np.random.default_rng(5)
    lines = ["file,finding,x,y,w,h"]
    for split in ("test", "val"):
        for label in ("NORMAL", "PNEUMONIA"):
            (root / split / label).mkdir(parents=True)
        for i in range(N):
            picture = rng.integers(40, 60, (120, 160)).astype(np.uint8)
            (root / split / "NORMAL" / f"IM-{i:04}-{split}.png").write_bytes(png(picture))
            row, column = int(rng.integers(5, 90)), int(rng.integers(5, 130))
            picture[row : row + 25, column : column + 25] = 250 if i < N - FAINT else 120
            name = f"person{i}_virus_{split}.png"
            (root / split / "PNEUMONIA" / name).write_bytes(png(picture))
            lines.append(f"{name},Pneumonia,{column},{row},25,25")
    (root / "boxes.csv").write_text("\n".join(lines) + "\n")
    return root


def seeing(made: Model, folder: Path) -> Model:
    """Copy a bundle whose network is replaced by one that looks for what is bright."""
    import keras

    inputs = keras.Input((64, 64, 1))
    bright = keras.layers.Conv2D(1, 5, strides=2, activation="relu", name="bright")(inputs)
    outputs = keras.layers.Dense(1)(keras.layers.GlobalAveragePooling2D()(bright))
    network = keras.Model(inputs, outputs)
    network.set_weights(
        [
            np.full((5, 5, 1, 1), 1 / 25 / 255, np.float32),
            np.array([-0.3], np.float32),
            np.array([[400.0]], np.float32),
            np.array([-5.0], np.float32),
        ]
    )
    copy_bundle(made.folder, folder)
    card = dataclasses.replace(
        made.card, calibration=Calibration(1.0), default_operating_point="fixed-0.6"
    )
    card.write(folder / "card.json")
    return Model(folder, load(str(folder)).card, network=Network(network))
