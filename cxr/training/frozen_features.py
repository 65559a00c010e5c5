"""The features of a frozen base, computed once and kept on disk while its head is trained."""

from __future__ import annotations

import json
import time
from functools import partial
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ..networks.vgg import LAST_POOL
from ..progress import Say
from ..storage.atomic import write_file
from .augmentation import augment
from .recipes import Augmentation, Recipe

__all__ = ["FeatureStore", "seconds_spent"]

BATCH = 16
STILL = Augmentation()


class FeatureStore:
    """Features of films on disk, as float16: (variants, films, rows, columns, channels).

    A run that was stopped continues where the last whole batch was written.

    Parameters
    ----------
    model : keras.Model
        The whole network, the base's weights loaded.
    recipe : Recipe
        Augmentation, seed and channels.
    folder : pathlib.Path
        Where the file is put.
    """

    def __init__(self, model: keras.Model, recipe: Recipe, folder: Path) -> None:
        self.recipe = recipe
        self.folder = folder
        base = keras.Model(model.inputs, model.get_layer(LAST_POOL).output)
        self.shape = tuple(base.output_shape[1:])
        signature = tf.TensorSpec((None, *base.input_shape[1:]), tf.float32)
        self._forward = tf.function(
            lambda films: tf.cast(base(films, training=False), tf.float16),
            input_signature=[signature],
        )

    def of(
        self,
        name: str,
        films: NDArray[np.uint8],
        *,
        variants: int = 1,
        varied: bool = False,
        say: Say,
    ) -> NDArray[np.float16]:
        """Compute features, or read those that are there.

        Parameters
        ----------
        name : str
            Of the file.
        films : numpy.ndarray of uint8
            uint8 (films, height, width, 1 or 3).
        variants : int, default: 1
            How often each film is taken.
        varied : bool, default: False
            Whether films are varied as the recipe says, each variant another way.
        say : Say
            Called with a line about every minute.

        Returns
        -------
        numpy.ndarray
            float16 (variants, films, rows, columns, channels), mapped from the disk.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        file, note = self.folder / f"{name}.npy", self.folder / f"{name}.json"
        shape = (variants, len(films), *self.shape)
        before = json.loads(note.read_text()) if note.is_file() and file.is_file() else {}
        done, spent = before.get("done", 0), before.get("seconds", 0.0)
        mode = "r+" if done else "w+"
        store = np.lib.format.open_memmap(file, mode, None if done else np.float16, shape)
        starts = [(v, i) for v in range(variants) for i in range(0, len(films), BATCH)]
        settings = self.recipe.augmentation if varied else STILL
        began = said = time.monotonic()
        for number, (variant, start) in enumerate(starts[done:], start=done + 1):
            seed = tf.constant([self.recipe.seed, number - 1], tf.int64)
            x = augment(tf.constant(films[start : start + BATCH]), settings, seed)
            if x.shape[-1] != self.recipe.channels:
                x = tf.repeat(x, self.recipe.channels, axis=-1)
            store[variant, start : start + BATCH] = self._forward(x).numpy()
            now = time.monotonic()
            if now - said > 60 or number == len(starts):
                store.flush()
                text = json.dumps({"done": number, "seconds": spent + now - began})
                write_file(note, partial(Path.write_text, data=text))
                left = (now - began) / (number - done) * (len(starts) - number) / 60
                say(f"features of {name}: {number} of {len(starts)} batches, {left:.0f} min left")
                said = now
        return store


def seconds_spent(folder: Path) -> float:
    """Add up how long the features below a folder took, the parts of a stopped run included.

    Parameters
    ----------
    folder : pathlib.Path
        Searched through all its folders for the notes of `FeatureStore`.

    Returns
    -------
    float
        Of wall time, in seconds; 0 where there are no features.
    """
    notes = (json.loads(note.read_text()) for note in folder.glob("**/features/*.json"))
    return sum((note.get("seconds", 0.0) for note in notes), 0.0)
