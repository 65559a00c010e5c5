"""The export of a bundle, which scores films without TensorFlow: where it lies, and if it may.

A bundle whose whole weights are in its folder has its export there, and the card names it. Of a
network on a frozen base, whose weights are not in the bundle, the export would bring them along: it
lies in the cache of the user who made it. A bundle without an export runs on TensorFlow. One whose
export is not of its weights is refused.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any, NamedTuple

from ..networks.engine import ENGINES, Engine, ExportError, engine_name
from ..networks.export_record import Export, open_export
from ..storage.hashes import bytes_hash
from ..storage.records import RecordError, decode, encode, read_plain
from .bundle import Bundle, BundleError
from .card import Card

__all__ = [
    "HEAD",
    "Found",
    "check_export",
    "find_engine",
    "find_export",
    "identity_of",
    "own_cache",
    "runs_on",
]

logger = logging.getLogger(__name__)

#: Of an export in the user's cache: the file that names it.
HEAD = "export.json"


class Found(NamedTuple):
    """An export that is there.

    Attributes
    ----------
    folder : pathlib.Path
        That it lies in.
    export : Export
        What is said of it there.
    """

    folder: Path
    export: Export


def identity_of(card: Card) -> dict[str, Any]:
    """Return what a bundle's export must be made of."""
    architecture = card.architecture
    return {
        "weights": card.weights.sha256,
        "architecture": architecture.name,
        "arguments": encode(architecture.arguments),
    }


def own_cache(card: Card) -> Path:
    """Return the folder of a bundle's export in the cache of the user."""
    import platformdirs

    key = bytes_hash(json.dumps(identity_of(card), sort_keys=True).encode())
    return Path(platformdirs.user_cache_dir("cxr")) / "exports" / key[:32]


def find_export(folder: Path, card: Card) -> Found | None:
    """Find the export of the bundle of a folder; None if it has none.

    Raises
    ------
    BundleError
        If what the user's cache says of it is damaged.
    """
    if card.export:
        return Found(folder, card.export)
    # Not the folder: one that was killed while it made the export leaves that without its head.
    if card.architecture.base and ((cache := own_cache(card)) / HEAD).is_file():
        try:
            return Found(cache, decode(Export, read_plain(cache / HEAD)))
        except (OSError, RecordError) as error:
            raise _refused(card, "in your cache is damaged") from error
    return None


def runs_on(folder: Path, card: Card) -> str:
    """Return which of `cxr.networks.engine.ENGINES` scores films for the bundle of a folder."""
    name = engine_name()
    return name if name != ENGINES[0] or find_export(folder, card) else "tensorflow"


def check_export(card: Card) -> None:
    """Raise a BundleError where the engine would refuse a bundle by its card alone."""
    if engine_name() == ENGINES[0] and card.export and card.export.weights != card.weights.sha256:
        raise _refused(card, "was made of other weights")


def find_engine(bundle: Bundle) -> Engine | None:
    """Open the export of a bundle; None if it has none, or TensorFlow is to score.

    Raises
    ------
    BundleError
        If the export is missing, damaged, foreign, or not of the bundle's weights.
    EngineError
        If the engine cannot start.
    """
    card = bundle.card
    if engine_name() != ENGINES[0]:
        return None
    found = find_export(bundle.folder, card)
    if found is None:
        logger.info("No export of weights %s: TensorFlow scores", card.weights.sha256[:12])
        return None
    try:
        engine = open_export(*found, Engine, identity_of(card), card.weights.sha256)
    except ExportError as error:
        raise _refused(card, str(error)) from error
    if card.gate and engine.taps != card.gate.layers:
        raise _refused(card, "lacks the features that its gate judges by")
    return engine


def _refused(card: Card, why: str) -> BundleError:
    return BundleError(
        f"The export of {card.name} {why}. Run: cxr export {card.name}, or set "
        "CXR_ENGINE=tensorflow to do without it."
    )
