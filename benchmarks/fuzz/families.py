"""Kinds of inputs: how each is damaged, what reads it, and which errors are documented for it."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple

from . import documents, films

__all__ = ["FAMILIES", "Family"]


class Family(NamedTuple):
    """One kind of input.

    Attributes
    ----------
    make : callable
        Takes where damage is drawn from; returns an input.
    read : callable
        Takes an input, reads it as the program does, and says in few words what came of it.
    errors : tuple of str
        Names of the errors that may be raised.
    seeds : callable or None
        Returns whole files for atheris to begin with; None where it does not look for inputs.
    """

    make: Callable[[random.Random], bytes]
    read: Callable[[bytes], str]
    errors: tuple[str, ...]
    seeds: Callable[[], list[bytes]] | None = None


_FILM = ("RadiographError",)
FAMILIES = {
    "png": Family(films.png, films.read_film, _FILM, films.png_seeds),
    "jpeg": Family(films.jpeg, films.read_film, _FILM, films.jpeg_seeds),
    "dicom": Family(films.dicom, films.read_film, _FILM, films.dicom_seeds),
    "zip": Family(films.zipped, films.read_zip, _FILM, films.zip_seeds),
    "card": Family(documents.card, documents.read_card, ("CardError", "OtherKindError")),
    "table": Family(documents.table, documents.read_table, ("BundleError",)),
    "site file": Family(documents.site, documents.read_site_file, ("SiteFileError",)),
    "sheet": Family(documents.sheet, documents.read_sheet, ("TruthError",)),
    "workbook": Family(documents.workbook, documents.read_sheet, ("TruthError",)),
    "boxes": Family(documents.boxes, documents.read_boxes_file, ("DatasetError",)),
    "stored model": Family(documents.stored, documents.read_legacy, ("LegacyError",)),
    "rows": Family(documents.row_file, documents.read_row_file, ("NoRowsError",)),
    "DICOM export": Family(documents.capture, documents.read_export, _FILM),
}
