"""What a card says of a network's export, and the export that it names, read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

from ..storage.atomic import ChangedError, FolderWriter, read_checked
from ..storage.records import Bounds, FileName, Sha256
from .engine import Exported, ExportError

__all__ = ["FILE", "Export", "add_export", "open_export"]

#: Name of the file in a bundle.
FILE = "export.onnx"
E = TypeVar("E", bound=Exported)


@dataclass(frozen=True)
class Export:
    """The file that the engine runs (`cxr.networks.engine`).

    Attributes
    ----------
    file, sha256 : str
        Its name in the folder, and the SHA-256 of its bytes, in hexadecimal.
    weights : str
        SHA-256 of the weight file that it was made of.
    opset : int
        Version of the ONNX operators.
    versions : dict
        Of what it was made with, by name.
    """

    file: FileName
    sha256: Sha256
    weights: Sha256
    opset: Annotated[int, Bounds(least=1)]
    versions: dict[str, str]


def add_export(writer: FolderWriter, content: bytes, weights: str) -> Export:
    """Add an export to a folder that is being written; TensorFlow is loaded already.

    Parameters
    ----------
    writer : FolderWriter
        Of the folder.
    content : bytes
        As `cxr.networks.export` makes it.
    weights : str
        SHA-256 of the weight file.
    """
    from .export import OPSET, converter_versions

    sha256 = writer.add(FILE, lambda path: path.write_bytes(content))
    return Export(FILE, sha256, weights, OPSET, converter_versions())


def open_export(
    folder: Path, export: Export, kind: type[E], identity: Mapping[str, Any], weights: str
) -> E:
    """Open an export, if it is the one of these weights.

    Parameters
    ----------
    folder : pathlib.Path
        That it lies in.
    export : Export
        What the card says of it.
    kind : type
        `cxr.networks.engine.Exported` or what derives from it.
    identity : mapping
        What it must be made of.
    weights : str
        SHA-256 of the weight file.

    Raises
    ------
    ExportError
        If it is missing, damaged, changed, foreign, or made of something else. The message lacks
        its subject: "is missing".
    EngineError
        If the engine cannot start.
    """
    if export.weights != weights:
        raise ExportError("was made of other weights")
    try:
        content = read_checked(folder, export.file, export.sha256)
    except ChangedError as error:
        raise ExportError("is not the one that the card describes") from error
    except OSError as error:
        raise ExportError("is missing or cannot be read") from error
    return kind(content, identity)
