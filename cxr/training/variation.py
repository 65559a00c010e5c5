"""Films varied inside the graph, with the lungs moved along, on whatever backend Keras runs.

What a lung network and a classifier taught by lungs must not mind: place, tone, sharpness,
resolution, shutters, devices, and opacities, which are drawn into the lungs.
`cxr.training.augmentation` is the older way, for TensorFlow alone, and has no drawing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

import keras
import numpy as np
from keras import ops

__all__ = ["Amounts", "Variation"]

#: Straight pieces of a random tone curve.
TONE_PIECES = 6
#: Sides in pixels that a film is brought down to, and back, where its resolution is varied.
SOFT_SIDES = (128, 168)
#: Lines (leads, tubes) and bodies (markers, electrodes, generators) drawn over a film.
LINES = 4
BODIES = 3
#: Round opacities drawn into the lungs of a film.
BLOBS = 3
#: Rows and columns of the grid that places in the lungs are drawn from.
GRID = 28


@dataclass(frozen=True)
class Amounts:
    """How much of each change. Zeros change nothing.

    Attributes
    ----------
    rotation : float
        Degrees to either side.
    scale_low : float
        Share of the film's sides that is seen, at least and at most: below 1 zooms in.
    scale_high : float
        At most; above 1 shows what lies beyond the edge, which repeats itself.
    aspect : float
        The sides' shares differ by a factor of exp(u), u to either side of 0 by this much.
    shift : float
        Share of each side, to either side, more than what lets a part lie anywhere in the film.
    flip : float
        Chance that left and right are exchanged.
    gamma : float
        The exponent is exp(u), u to either side of 0 by this much.
    contrast : float
        Factor 1 plus or minus this, about the film's mean.
    brightness : float
        Added to values in [0, 1], to either side.
    tone : float
        Spread of a random rising tone curve: see `cxr.scoring.recipe.Augmentation`.
    sharpness : float
        Share of the fine detail (film less its 3x3 mean) added or taken away at most.
    noise : float
        Largest standard deviation of added Gaussian noise, for values in [0, 1].
    soft : float
        Chance that a film is brought down to one of `SOFT_SIDES` and back.
    shutters : float
        Chance that the edges are covered, as by a collimator.
    devices : float
        Chance that lines and bodies are drawn over the film.
    opacities : float
        Chance that an opacity is drawn into the lungs: a white lung, a white base, or round ones.
    """

    rotation: float = 0.0
    scale_low: float = 1.0
    scale_high: float = 1.0
    aspect: float = 0.0
    shift: float = 0.0
    flip: float = 0.0
    gamma: float = 0.0
    contrast: float = 0.0
    brightness: float = 0.0
    tone: float = 0.0
    sharpness: float = 0.0
    noise: float = 0.0
    soft: float = 0.0
    shutters: float = 0.0
    devices: float = 0.0
    opacities: float = 0.0


class Variation(keras.layers.Layer):
    """Vary a batch of films with its lungs in training; else return it as it is.

    The amounts are variables, so that one compiled step serves several settings (`set_amounts`).
    Takes films, (batch, side, side, 1) in [0, 255], and marks, (batch, side, side, any) in [0, 1]:
    lungs first, and what else must move along. Returns both, and where an opacity was drawn:
    (batch, side, side, 1) in [0, 1].
    """

    def __init__(self, amounts: Amounts, seed: int, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.seeds = keras.random.SeedGenerator(seed)
        self.amounts = {
            field.name: self.add_weight(
                shape=(), initializer="zeros", trainable=False, name=field.name
            )
            for field in fields(Amounts)
        }
        self.set_amounts(amounts)

    def set_amounts(self, amounts: Amounts) -> None:
        """Take other amounts from now on."""
        for name, variable in self.amounts.items():
            variable.assign(getattr(amounts, name))

    def call(self, films: Any, marks: Any, training: bool = False) -> tuple[Any, Any, Any]:
        """Vary a batch; see the class."""
        films, marks = ops.cast(films, "float32"), ops.cast(marks, "float32")
        if not training:
            return films, marks, ops.zeros_like(films)
        both = self._moved(ops.concatenate([films / 255, marks], axis=-1))
        films, marks = both[..., :1], both[..., 1:]
        films, drawn = self._opacities(films, marks[..., :1])
        films = self._devices(films)
        films, marks, drawn = self._shutters(films, marks, drawn)
        films = self._grey(self._soft(films))
        return ops.clip(films, 0.0, 1.0) * 255, marks, drawn

    def _uniform(self, films: Any, low: Any = 0.0, high: Any = 1.0, count: int = 1) -> Any:
        """Draw (batch, 1, 1, count)."""
        shape = (ops.shape(films)[0], 1, 1, count)
        return low + (high - low) * keras.random.uniform(shape, seed=self.seeds)

    def _either(self, films: Any, amount: Any) -> Any:
        return self._uniform(films, -1.0, 1.0) * amount

    def _chosen(self, films: Any, chance: Any) -> Any:
        return ops.cast(self._uniform(films) < chance, "float32")

    def _moved(self, both: Any) -> Any:
        """Move films and lungs by one affine map, so that each is interpolated once."""
        amounts = self.amounts
        side = both.shape[1]
        angle = self._either(both, amounts["rotation"] * (math.pi / 180))
        scale = self._uniform(both, amounts["scale_low"], amounts["scale_high"])
        aspect = ops.exp(self._either(both, amounts["aspect"] / 2))
        sx, sy = scale * aspect, scale / aspect
        # A part of the film may lie as far from its middle as it stays inside.
        dx, dy = (
            self._either(both, ops.maximum(0.0, (1 - s) / 2) + amounts["shift"]) * side
            for s in (sx, sy)
        )
        flip = 1 - 2 * self._chosen(both, amounts["flip"])
        cos, sin = ops.cos(angle), ops.sin(angle)
        a0, a1, b0, b1 = cos * sx * flip, -sin * sy, sin * sx * flip, cos * sy
        middle = (side - 1) / 2
        a2 = middle + dx - (a0 + a1) * middle
        b2 = middle + dy - (b0 + b1) * middle
        zero = ops.zeros_like(a0)
        maps = ops.concatenate([a0, a1, a2, b0, b1, b2, zero, zero], axis=-1)
        return ops.image.affine_transform(
            both, maps[:, 0, 0], interpolation="bilinear", fill_mode="nearest"
        )

    def _opacities(self, films: Any, lungs: Any) -> tuple[Any, Any]:
        """Draw a white lung, a white base or round opacities, as bright as the bright parts."""
        rows, columns = _places(films.shape[1])
        size = ops.sum(lungs, axis=(1, 2), keepdims=True) + 1e-3
        middle_x = ops.sum(lungs * columns, axis=(1, 2), keepdims=True) / size
        middle_y = ops.sum(lungs * rows, axis=(1, 2), keepdims=True) / size
        sign = 1 - 2 * self._chosen(films, 0.5)
        one_side = ops.sigmoid(60 * sign * (columns - middle_x))
        level = middle_y + self._uniform(films, -0.15, 0.2)
        tilt = self._either(films, 0.5)
        base = one_side * ops.sigmoid(25 * (rows - level - tilt * (columns - middle_x)))
        blobs = self._blobs(films, lungs, rows, columns)
        kind = self._uniform(films)
        shape = ops.where(kind < 0.3, one_side, ops.where(kind < 0.5, base, blobs))
        inside = _mean(lungs, 9)
        coarse = keras.random.uniform((ops.shape(films)[0], 14, 14, 1), seed=self.seeds)
        texture = ops.image.resize(coarse, films.shape[1:3], interpolation="bilinear")
        strength = self._uniform(films, 0.45, 1.0) * self._chosen(films, self.amounts["opacities"])
        drawn = strength * shape * inside * (0.75 + 0.25 * texture)
        mean = ops.sum(films * lungs, axis=(1, 2), keepdims=True) / size
        bright = ops.max(ops.average_pool(films, 28, 14), axis=(1, 2), keepdims=True)
        white = mean + self._uniform(films, 0.6, 1.0) * ops.maximum(bright - mean, 0.1)
        fine = 0.5 * (films - _mean(films, 7))
        # An opacity adds density; what is whiter already stays.
        return films + drawn * ops.maximum(white + fine - films, 0.0), drawn

    def _blobs(self, films: Any, lungs: Any, rows: Any, columns: Any) -> Any:
        coarse = ops.image.resize(lungs, (GRID, GRID), interpolation="bilinear")
        chances = ops.log(ops.reshape(coarse, (-1, GRID * GRID)) + 1e-4)
        cells = keras.random.categorical(chances, BLOBS, seed=self.seeds)
        cells = ops.cast(cells, "float32")[:, None, None]
        x = (ops.mod(cells, GRID) + 0.5) / GRID
        y = (ops.floor(cells / GRID) + 0.5) / GRID
        wide = self._uniform(films, 0.03, 0.14, BLOBS)
        long = wide * ops.exp(self._uniform(films, -0.5, 0.5, BLOBS))
        distance = ((columns - x) / wide) ** 2 + ((rows - y) / long) ** 2
        there = ops.cast(self._uniform(films, count=BLOBS) < 0.6, "float32")
        there = ops.concatenate([ops.ones_like(there[..., :1]), there[..., 1:]], axis=-1)
        return ops.max(there * ops.exp(-0.5 * distance**1.5), axis=-1, keepdims=True)

    def _devices(self, films: Any) -> Any:
        rows, columns = _places(films.shape[1])
        chosen = self._chosen(films, self.amounts["devices"])
        ends = [self._uniform(films, -0.1, 1.1, LINES) for _ in range(4)]
        x0, y0, x1, y1 = ends
        along = (columns - x0) * (x1 - x0) + (rows - y0) * (y1 - y0)
        along = ops.clip(along / ((x1 - x0) ** 2 + (y1 - y0) ** 2 + 1e-4), 0.0, 1.0)
        distance = ops.sqrt(
            (columns - x0 - along * (x1 - x0)) ** 2 + (rows - y0 - along * (y1 - y0)) ** 2 + 1e-9
        )
        wide = self._uniform(films, 0.0015, 0.008, LINES)
        lines = ops.sigmoid((wide - distance) * 400) * self._uniform(films, 0.15, 0.8, LINES)
        x, y = self._uniform(films, 0, 1, BODIES), self._uniform(films, 0, 1, BODIES)
        half_x = self._uniform(films, 0.01, 0.07, BODIES)
        half_y = self._uniform(films, 0.01, 0.07, BODIES)
        dx, dy = ops.abs(columns - x) / half_x, ops.abs(rows - y) / half_y
        square = ops.cast(self._uniform(films, count=BODIES) < 0.5, "float32")
        distance = square * ops.maximum(dx, dy) + (1 - square) * ops.sqrt(dx**2 + dy**2)
        bodies = ops.sigmoid((1 - distance) * 12) * self._uniform(films, 0.3, 1.0, BODIES)
        bodies *= ops.cast(self._uniform(films, count=BODIES) < 0.4, "float32")
        lines *= ops.cast(self._uniform(films, count=LINES) < 0.5, "float32")
        over = ops.max(ops.concatenate([lines, bodies], axis=-1), axis=-1, keepdims=True)
        return films + chosen * over * (1 - films)

    def _shutters(self, films: Any, marks: Any, drawn: Any) -> tuple[Any, Any, Any]:
        rows, columns = _places(films.shape[1])
        chosen = self._chosen(films, self.amounts["shutters"])
        left, top, right, bottom = (self._uniform(films, -0.06, 0.1) for _ in range(4))
        seen = (columns >= left) & (columns <= 1 - right) & (rows >= top) & (rows <= 1 - bottom)
        seen = 1 - chosen * (1 - ops.cast(seen, "float32"))
        return (
            films * seen + (1 - seen) * self._uniform(films, 0.0, 0.1),
            marks * seen,
            drawn * seen,
        )

    def _soft(self, films: Any) -> Any:
        size = films.shape[1:3]
        kind = self._uniform(films)
        chosen = self._chosen(films, self.amounts["soft"])
        parts = []
        for side in SOFT_SIDES:
            small = ops.image.resize(films, (side, side), interpolation="bilinear", antialias=True)
            parts.append(ops.image.resize(small, size, interpolation="bilinear"))
        return ops.where(chosen * ops.ones_like(films) > 0, ops.where(kind < 0.5, *parts), films)

    def _grey(self, films: Any) -> Any:
        amounts = self.amounts
        batch = ops.shape(films)[0]
        slopes = keras.random.normal((batch, 1, 1, TONE_PIECES), seed=self.seeds)
        slopes = ops.softmax(slopes * amounts["tone"], axis=-1)
        pieces = ops.arange(TONE_PIECES, dtype="float32")
        x = ops.clip(films, 0.0, 1.0)
        x = ops.sum(slopes * ops.clip(x * TONE_PIECES - pieces, 0.0, 1.0), axis=-1, keepdims=True)
        fine = x - _mean(x, 3)
        x = ops.clip(x + self._either(films, amounts["sharpness"]) * fine, 1e-6, 1.0)
        x = x ** ops.exp(self._either(films, amounts["gamma"]))
        mean = ops.mean(x, axis=(1, 2), keepdims=True)
        x = (x - mean) * (1 + self._either(films, amounts["contrast"])) + mean
        x += self._either(films, amounts["brightness"])
        spread = self._uniform(films) * amounts["noise"]
        return x + spread * keras.random.normal(ops.shape(x), seed=self.seeds)


def _mean(x: Any, width: int) -> Any:
    """Return the mean of the square about each pixel; beyond the edge it repeats itself."""
    half = width // 2
    padded = ops.pad(x, ((0, 0), (half, half), (half, half), (0, 0)), mode="symmetric")
    return ops.average_pool(padded, width, 1)


def _places(side: int) -> tuple[Any, Any]:
    """Return where rows and columns lie, as shares of the side, to be broadcast over films."""
    at = ((np.arange(side) + 0.5) / side).astype(np.float32)
    return at[None, :, None, None], at[None, None, :, None]
