"""A network and all that is traced of it: built at its first use, each graph compiled once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import keras

    from .graph import Forward, Inputs

__all__ = ["Network"]

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class _Timed(NamedTuple):
    """What the time of a film's map was measured for."""

    method: str
    layer: str | None
    films: int
    """In a call."""


class Network:
    """A flat functional network with a linear last layer, and what is compiled of it.

    Safe to share between threads: what one of them compiles, the others wait for. Nothing is built
    before its first use, so that who only holds a network never loads TensorFlow.

    Parameters
    ----------
    model : keras.Model, optional
        Flat: (batch, height, width, channels) in [0, 255] to (batch, 1), the logit.
    build : callable, optional
        In the place of `model`: makes it at its first use.
    taps : sequence of str or callable, optional
        Layers whose averages over the picture come with every forward pass, as the gate wants
        them; or what tells them, asked when the first forward pass is compiled.

    Raises
    ------
    ValueError
        If not exactly one of `model` and `build` is given.
    """

    def __init__(
        self,
        model: keras.Model | None = None,
        *,
        build: Callable[[], keras.Model] | None = None,
        taps: Sequence[str] | Callable[[], Sequence[str]] = (),
    ) -> None:
        if (model is None) == (build is None):
            raise ValueError("Expected either a model or what builds one.")
        self._model = model
        self._build = build
        self._taps = taps
        self._lock = threading.RLock()
        self._convolutions: list[str] | None = None
        self._layers: dict[str | None, str] = {}
        self._forwards: dict[tuple[str | None, str | None], Forward] = {}
        self._features: dict[tuple[str, ...], Callable[[Inputs], NDArray[np.float32]]] = {}
        self._sweeps: dict[tuple[str, str], Any] = {}
        self._seconds: dict[_Timed, float] = {}

    @property
    def model(self) -> keras.Model:
        """The flat `keras.Model`."""
        with self._lock:
            if self._model is None:
                assert self._build is not None
                self._model = self._build()
            return self._model

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of a film, as the network takes it."""
        _, height, width, channels = self.model.input_shape
        return height, width, channels

    @property
    def taps(self) -> tuple[str, ...]:
        """Layers whose averages over the picture come with every forward pass."""
        return tuple(self._taps() if callable(self._taps) else self._taps)

    def convolutions(self) -> list[str]:
        """Name the convolutions from the film to the score."""
        from .graph import convolutions

        with self._lock:
            if self._convolutions is None:
                self._convolutions = convolutions(self.model)
            return list(self._convolutions)

    def layer(self, name: str | None = None) -> str:
        """Check the name of a layer to map, or name the last convolution if none is given.

        Raises
        ------
        ValueError
            If the network has no convolution or no such layer; see `cxr.networks.graph.find_layer`.
        """
        from .graph import find_layer

        return self._once(self._layers, name, lambda: find_layer(self.model, name))

    def forward(self, method: str | None = None, layer: str | None = None) -> Forward:
        """Return the forward pass: the logits, a map where asked for, the features of the taps.

        Parameters
        ----------
        method : str, optional
            One of `cxr.networks.class_activation.WEIGHTINGS`; no map if none is given.
        layer : str, optional
            To map, see `layer`.

        Returns
        -------
        callable
            Takes (films, height, width, channels) in [0, 255], gives `cxr.networks.graph.Outputs`.

        Raises
        ------
        ValueError
            If there is no such method or layer.
        """
        from .graph import compile_forward

        name = self.layer(layer) if method else None
        return self._once(
            self._forwards,
            (method, name),
            lambda: compile_forward(self.model, method=method, layer=name, features=self.taps),
        )

    def features(self, layers: Sequence[str]) -> Callable[[Inputs], NDArray[np.float32]]:
        """Return what averages layers over the picture, without the rest of the network.

        Parameters
        ----------
        layers : sequence of str
            Their names.

        Returns
        -------
        callable
            Takes (films, height, width, channels) in [0, 255], gives (films, features).
        """
        from .graph import compile_features

        names = tuple(layers)
        return self._once(self._features, names, lambda: compile_features(self.model, names))

    def sweep(self, method: str, layer: str, make: Callable[[keras.Model], T]) -> T:
        """Return what `make` makes of the network for a method of many passes, made once.

        Parameters
        ----------
        method, layer : str
            That it is for; the layer is "" for a method that looks at the film itself.
        make : callable
            Takes the model and compiles the sweep.
        """
        sweep: T = self._once(self._sweeps, (method, layer), lambda: make(self.model))
        return sweep

    def seconds(
        self, method: str, layer: str | None, films: int, measure: Callable[[], float]
    ) -> float:
        """Return how long a film's map takes, measured once.

        Parameters
        ----------
        method : str
            That it is made by.
        layer : str, optional
            That is mapped.
        films : int
            In a call of the network.
        measure : callable
            Measures it, in seconds. Others do not wait for it: it may be measured twice.

        Returns
        -------
        float
            Seconds per film.
        """
        key = _Timed(method, layer, films)
        if key not in self._seconds:
            self._seconds[key] = measure()
        return self._seconds[key]

    def _once(self, kept: dict[K, T], key: K, make: Callable[[], T]) -> T:
        with self._lock:
            if key not in kept:
                kept[key] = make()
            return kept[key]
