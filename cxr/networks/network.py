"""A network and all that is traced of it: built at its first use, each graph compiled once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from .outputs import Forward, Numbers

if TYPE_CHECKING:
    import keras

    from .engine import Engine
    from .facts import Facts

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
    before its first use, so that who only holds a network never loads TensorFlow. Nor does who
    asks for what the network's export gives (`cxr.networks.engine`): scores, the taps' features,
    and maps of the last convolution. All else is asked of the Keras model.

    Parameters
    ----------
    model : keras.Model, optional
        Flat: (batch, height, width, channels) in [0, 255] to (batch, 1), the logit.
    build : callable, optional
        In the place of `model`: makes it at its first use.
    taps : sequence of str or callable, optional
        Layers whose averages over the picture come with every forward pass, as the gate wants
        them; or what tells them, asked when the first forward pass is compiled.
    find_engine : callable, optional
        Finds the network's export at the first use; None where there is none.

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
        find_engine: Callable[[], Engine | None] = lambda: None,
    ) -> None:
        if (model is None) == (build is None):
            raise ValueError("Expected either a model or what builds one.")
        self._model = model
        self._build = build
        self._taps = taps
        self._lock = threading.RLock()
        self._find_engine = find_engine
        self._engine: dict[None, Engine | None] = {}
        self._facts: dict[None, Facts] = {}
        self._forwards: dict[tuple[str | None, str | None], Forward] = {}
        self._features: dict[tuple[str, ...], Numbers] = {}
        self._activations: dict[str, Numbers] = {}
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
    def engine(self) -> Engine | None:
        """The export that answers where it can; None if the Keras model answers everything."""
        return self._once(self._engine, None, self._find_engine)

    @property
    def facts(self) -> Facts:
        """What it can be asked for."""

        def of_model() -> Facts:
            from .graph import facts_of

            return facts_of(self.model)

        engine = self.engine
        return engine.facts if engine else self._once(self._facts, None, of_model)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of a film, as the network takes it."""
        return self.facts.input_shape

    @property
    def taps(self) -> tuple[str, ...]:
        """Layers whose averages over the picture come with every forward pass."""
        return tuple(self._taps() if callable(self._taps) else self._taps)

    def convolutions(self) -> list[str]:
        """Name the convolutions from the film to the score."""
        return list(self.facts.convolutions)

    def layer(self, name: str | None = None) -> str:
        """Check the name of a layer to map, or name the last convolution if none is given.

        Raises
        ------
        ValueError
            If the network has no convolution or no such layer; see `cxr.networks.facts.Facts`.
        """
        return self.facts.layer(name)

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
            Takes (films, height, width, channels) in [0, 255], gives
            `cxr.networks.outputs.Outputs`.

        Raises
        ------
        ValueError
            If there is no such method or layer.
        """
        name = self.layer(layer) if method else None
        engine = self.engine

        def make() -> Forward:
            taps = self.taps
            if engine and taps in ((), engine.taps) and name in (None, engine.layer):
                return engine.forward(method, features=bool(taps))
            from .graph import compile_forward

            return compile_forward(self.model, method=method, layer=name, features=taps)

        return self._once(self._forwards, (method, name), make)

    def features(self, layers: Sequence[str]) -> Numbers:
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
        names = tuple(layers)
        engine = self.engine

        def make() -> Numbers:
            if engine and names and names == engine.taps:
                return engine.features
            from .graph import compile_features

            return compile_features(self.model, names)

        return self._once(self._features, names, make)

    def activations(self, layer: str) -> Numbers:
        """Return what gives the activations of a layer.

        Parameters
        ----------
        layer : str
            Its name, see `layer`.

        Returns
        -------
        callable
            Takes (films, height, width, channels) in [0, 255], gives
            (films, rows, columns, channels).
        """
        engine = self.engine

        def make() -> Numbers:
            if engine and layer == engine.layer:
                return engine.activations
            from .graph import compile_activations

            return compile_activations(self.model, layer)

        return self._once(self._activations, layer, make)

    def sweep(self, method: str, layer: str, make: Callable[[], T]) -> T:
        """Return what `make` makes for a method of many passes, made once.

        Parameters
        ----------
        method, layer : str
            That it is for; the layer is "" for a method that looks at the film itself.
        make : callable
            Makes the sweep.
        """
        sweep: T = self._once(self._sweeps, (method, layer), make)
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
