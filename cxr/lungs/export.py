"""Make the export of the lung network: what finds lungs from then on, without TensorFlow."""

from __future__ import annotations

from pathlib import Path

from ..networks.export_record import FILE, add_export
from ..storage.atomic import FolderWriter
from ..storage.checksum import card_bytes
from ..storage.records import encode
from .segment import LungNetwork

__all__ = ["export_lungs"]


def export_lungs(folder: Path) -> Path:
    """Write the export of the lung network into its folder.

    Parameters
    ----------
    folder : pathlib.Path
        The network's.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    LungsError
        If the network is missing, damaged or changed.
    ConverterError
        If the converter is not installed.
    """
    lungs = LungNetwork(folder)
    model = lungs.network()
    from ..networks.export import export_network

    content = export_network(model, identity=lungs.identity)
    with FolderWriter(folder, "card.json") as writer:
        stored = add_export(writer, content, lungs.card["weights"]["sha256"])
        card = lungs.card | {"export": encode(stored)}
        writer.commit(card_bytes(card))
    return folder / FILE
