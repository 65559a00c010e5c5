"""Make the export of a bundle: what scores its films from then on, without TensorFlow."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..networks import ARCHITECTURES
from ..networks.export_record import FILE, Export, add_export
from ..storage.atomic import FolderWriter
from ..storage.records import encode
from .bundle import Bundle
from .card import Card
from .classifier import build_network
from .engine_file import HEAD, identity_of, own_cache
from .store import CARD, bundle_writer

if TYPE_CHECKING:
    import keras

__all__ = ["add_to_bundle", "export_bundle", "taps_of"]


def export_bundle(name: str, *, folder: Path | None = None) -> Path:
    """Write the export of a bundle into its folder, or into the user's cache.

    Into the cache where the bundle lacks the weights of its base, which the export brings along.

    Parameters
    ----------
    name : str
        See `Bundle.load`.
    folder : pathlib.Path, optional
        Folder of the bundles.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    BundleError
        If there is no such bundle, or its weights cannot be read.
    ConverterError
        If the converter is not installed.
    ExportError
        If the network has an operation that cannot be converted.
    """
    bundle = Bundle.load(name, folder=folder)
    content = _export(bundle.card, build_network(bundle))
    weights = bundle.card.weights.sha256
    if bundle.card.architecture.base:
        cache = own_cache(bundle.card)
        cache.parent.mkdir(parents=True, exist_ok=True)
        with FolderWriter(cache, HEAD) as writer:
            stored = add_export(writer, content, weights)
            writer.commit((json.dumps(encode(stored), indent=1) + "\n").encode())
        return cache / FILE
    with bundle_writer(bundle.folder) as writer:
        stored = add_export(writer, content, weights)
        # The card as it is now: another writer may have been at work.
        card = Card.read(bundle.folder / CARD)
        writer.commit(replace(card, export=stored).to_bytes())
    return bundle.folder / FILE


def add_to_bundle(writer: FolderWriter, card: Card, model: keras.Model) -> Export:
    """Add the export of a network to a bundle that is being written."""
    return add_export(writer, _export(card, model), card.weights.sha256)


def taps_of(card: Card) -> tuple[str, ...]:
    """Name the layers whose features an export gives: its gate's, or those that one would have."""
    return card.gate.layers if card.gate else ARCHITECTURES[card.architecture.name].gate_layers


def _export(card: Card, model: keras.Model) -> bytes:
    from ..networks.export import export

    return export(model, taps=taps_of(card), identity=identity_of(card))
