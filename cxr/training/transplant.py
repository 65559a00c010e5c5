"""Parts of films set into other films, so that no source of films has one label alone.

Where all films with a finding come from one hospital and the normal ones from another, a network
learns to tell the hospitals apart. What radiologists boxed in one film is therefore set into a
normal film of another source, which then has the finding, and what is normal at that place into
the film with the boxes, which then is normal. A seam tells nothing, as parts of normal films are
set into normal films as well. Keras's backend is free.

References
----------
Dwibedi et al., Cut, Paste and Learn, ICCV 2017, for pictures of things.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

__all__ = ["Transplant"]

#: Pixels by which a part is larger than its boxes on each side, and over which it fades.
WIDER = 4
FADES = 8
#: Share of what is set into a film that must lie in its lungs.
INSIDE = 0.6


class Transplant(keras.layers.Layer):
    """Exchange boxed parts between the films of a batch in training; else return it as it is.

    Takes films, (batch, side, side, 1) in [0, 255]; marks, (batch, side, side, 2) in [0, 1]: lungs
    and boxes; and labels, (batch, 1) of 0 and 1. Returns the same three. A film with the finding
    and without boxes neither gives nor takes.

    Parameters
    ----------
    seed : int
        Of the pairs that are drawn.
    """

    def __init__(self, seed: int, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.seeds = keras.random.SeedGenerator(seed)
        self.chance = self.add_weight(shape=(), initializer="zeros", trainable=False, name="chance")

    def call(
        self, films: Any, marks: Any, labels: Any, training: bool = False
    ) -> tuple[Any, Any, Any]:
        """Exchange parts; see the class."""
        films, marks = ops.cast(films, "float32"), ops.cast(marks, "float32")
        labels = ops.cast(labels, "float32")
        if not training:
            return films, marks, labels
        other, third = (self._drawn(films) for _ in range(2))
        lungs, boxes = marks[..., :1], marks[..., 1:2]
        ill = labels[:, :, None, None]
        boxed = ill * ops.max(boxes, axis=(1, 2), keepdims=True)
        well = 1 - ill
        theirs = ops.take(boxes, other, axis=0)
        given = well * ops.take(boxed, other, axis=0)
        healed = boxed * ops.take(well, other, axis=0)
        neutral = well * ops.take(well, other, axis=0)
        part = given * theirs + healed * boxes + neutral * ops.take(boxes, third, axis=0)
        reaches = ops.sum(part * lungs, axis=(1, 2), keepdims=True)
        reaches = reaches / (ops.sum(part, axis=(1, 2), keepdims=True) + 1e-3)
        # What is healed lies where it lies.
        fits = ops.maximum(ops.cast(reaches >= INSIDE, "float32"), healed)
        shape = (ops.shape(films)[0], 1, 1, 1)
        chosen = ops.cast(keras.random.uniform(shape, seed=self.seeds) < self.chance, "float32")
        part, chosen = part * fits * chosen, fits * chosen
        soft = ops.max_pool(part, 2 * WIDER + 1, 1, padding="same")
        for _ in range(2):
            soft = ops.average_pool(soft, FADES + 1, 1, padding="same")
        plain = lungs * (1 - boxes) + 1e-4
        level = ops.sum(films * plain, axis=(1, 2), keepdims=True)
        level = level / ops.sum(plain, axis=(1, 2), keepdims=True)
        donor = ops.take(films, other, axis=0) + level - ops.take(level, other, axis=0)
        films = ops.clip(films * (1 - soft) + donor * soft, 0.0, 255.0)
        gained, lost = (given * chosen), (healed * chosen)
        boxes = boxes * (1 - lost) * (1 - gained) + gained * theirs
        now = ops.maximum(ill * (1 - lost), gained * ops.max(part, axis=(1, 2), keepdims=True))
        return films, ops.concatenate([lungs, boxes], axis=-1), now[:, :, 0, 0]

    def _drawn(self, films: Any) -> Any:
        """Draw another film for each: its row."""
        noise = keras.random.uniform((ops.shape(films)[0],), seed=self.seeds)
        return ops.argsort(noise)
