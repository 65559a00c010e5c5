"""What is to be known of an architecture before it is built."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import keras

__all__ = ["Architecture"]


@dataclass(frozen=True)
class Architecture:
    """An architecture: how it is built, and the facts that other rooms ask for.

    Attributes
    ----------
    build : callable
        Takes ``input_size`` and other arguments with defaults, returns a flat functional
        ``keras.Model`` with random weights (see `cxr.networks.build`). Imports Keras when it is
        called, not before. Its name is the architecture's.
    base : str
        The frozen base that it stands on, of `cxr.networks.bases.FILES`, whose weights are not in
        a bundle; empty if it has none.
    baseline : bool
        Whether it is a logistic regression on what a shortcut would use, to compare models with.
    published : tuple of dict
        The arguments of each form in which it was published as a Keras file, without the size of
        the input and the scaling: an imported file is compared with these.
    resample : str
        How the published scripts bring films to size, ``nearest`` or ``bilinear``.
    gate_layers : tuple of str
        The layers whose averages the learned gate is fitted on; empty if it cannot be.
    """

    build: Callable[..., keras.Model]
    base: str = ""
    baseline: bool = False
    published: tuple[Mapping[str, Any], ...] = ()
    resample: Literal["nearest", "bilinear"] = "nearest"
    gate_layers: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """As recipes and cards have it."""
        return self.build.__name__
