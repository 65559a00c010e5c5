"""A bundle with its network: what scores films.

Networks are shared: whoever holds the same weights, be it as a model or as the judge of another
model's films, holds the same network.
"""

from __future__ import annotations

import threading
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self
from weakref import WeakValueDictionary

from ..networks.engine import ENGINES, engine_name
from ..networks.network import Network
from .bundle import Bundle, BundleError, default_name
from .card import Card
from .engine_file import check_export, find_engine
from .gate import Gate
from .picture_check import PictureCheck, picture_check

if TYPE_CHECKING:
    import keras

__all__ = ["Classifier", "Judge", "build_network", "shared_network"]

# Of every network that is in use, by what makes it the one it is.
_NETWORKS: WeakValueDictionary[tuple[str, ...], Network] = WeakValueDictionary()
_LOCK = threading.Lock()


class Judge(NamedTuple):
    """A gate, and the model by whose features it judges.

    Attributes
    ----------
    classifier : Classifier
        The model.
    gate : Gate
        The gate.
    """

    classifier: Classifier
    gate: Gate


class Classifier(Bundle):
    """A bundle with its network, which is opened or built at its first use.

    Safe to share between threads. Where the bundle has an export (`cxr.scoring.engine_file`), what
    reads the stored figures, scores films or maps their last convolution never loads TensorFlow.

    Parameters
    ----------
    folder : pathlib.Path
    card : Card
    network : Network, optional
        To take in the place of the bundle's own.

    Attributes
    ----------
    network : Network
        Shared by all that hold the same weights.
    judge : Judge or None
        The gate that films must pass.
    pictures : PictureCheck or None
        What tells a film from its negative and from pictures of films.
    """

    def __init__(self, folder: Path, card: Card, *, network: Network | None = None) -> None:
        super().__init__(folder, card)
        self.network = network or shared_network(self)

    @classmethod
    def load(cls, name: str, *, folder: Path | None = None) -> Self:
        """Load a bundle, see `Bundle.load`; BundleError too if its export is of other weights."""
        bundle = super().load(name, folder=folder)
        check_export(bundle.card)
        return bundle

    def with_card(self, card: Card) -> Self:
        """Return the same model with another card; it shares the network."""
        return type(self)(self.folder, card, network=self.network)

    @cached_property
    def judge(self) -> Judge | None:
        """The gate that its films must pass: its own, else that of its finding's default.

        None if neither has one. BundleError if a gate is missing or was changed.
        """
        if self.card.gate:
            return Judge(self, self.gate)
        folder = self.folder.parent
        name = default_name(self.card.finding, folder)
        if name in (None, self.name):
            return None
        default = Classifier.load(str(name), folder=folder)
        return Judge(default, default.gate) if default.card.gate else None

    @cached_property
    def pictures(self) -> PictureCheck | None:
        """The check for negatives, several films in one picture, screenshots and photos.

        The one that lies next to the model; None if none does. PictureCheckError if it was changed.
        """
        return picture_check(self.folder.parent)


def shared_network(bundle: Bundle) -> Network:
    """Return the network of a bundle: one for all that hold the same weights.

    It also gives the features of the bundle's own gate. It goes when nothing holds it any more.
    """
    card = bundle.card
    # The same weights in another architecture, or with another gate, are another network.
    engine = engine_name()
    exported = repr(card.export) if engine == ENGINES[0] else ""
    key = (card.weights.sha256, repr(card.architecture), repr(card.gate), engine, exported)
    with _LOCK:
        network = _NETWORKS.get(key)
        if network is None:
            # Not the classifier itself: it would never go, since it holds the network.
            plain = Bundle(bundle.folder, card)
            network = Network(
                build=lambda: build_network(plain),
                taps=lambda: plain.gate.layers if card.gate else (),
                find_engine=lambda: find_engine(plain),
            )
            _NETWORKS[key] = network
        return network


def build_network(bundle: Bundle) -> keras.Model:
    """Build the architecture that the card names, and fill it with the bundle's weights.

    Raises
    ------
    BundleError
        If the weights do not fit the network.
    """
    from ..networks.runtime import prepare

    prepare()
    from ..networks import build

    name = bundle.card.architecture.name
    try:
        model = build(name, **bundle.card.architecture.arguments)
        if base := bundle.card.architecture.base:
            from ..networks.bases import head_of, load_base

            load_base(model, base.base)
            head_of(model).load_weights(bundle.weights_path)
        else:
            model.load_weights(bundle.weights_path)
    except (ValueError, TypeError, OSError, KeyError) as error:
        raise BundleError(
            f"The weights of {bundle.name} cannot be loaded into {name}: {error}"
        ) from error
    return model
