"""A trained model on disk: find it, verify it, read it.

A bundle is data. Its weights are read as arrays into a network that is in this package's own
code; nothing in a bundle is executed.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from ..errors import CxrError
from ..films.radiograph import Radiograph
from ..storage.atomic import ChangedError, located, read_checked
from ..storage.csv_text import texts_of
from ..storage.hashes import file_hash
from ..storage.models import models_folder
from ..storage.stand_ins import stand_in_at
from . import explanations
from .card import EVIDENCE, Card, CardError, OtherKindError, StoredFile
from .film_tables import film_table_bytes
from .gate import FILE as GATE
from .gate import Gate
from .scores import scored

if TYPE_CHECKING:
    import pandas as pd

    from .site_file import SiteFile

__all__ = [
    "Bundle",
    "BundleError",
    "available",
    "damaged",
    "default_name",
    "file_hash",
    "models_folder",
]

#: Columns that are read as text, whatever they look like and where they are empty too.
TEXTS = ("split", "path", "patient", "label", "subtype", "source", "sha256", "phash")
#: Columns that the tables have had from the first; those of the second group are numbers.
COLUMNS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "history.csv": ((), ("epoch", "loss", "val_loss")),
    "predictions.csv": (("split", "path", "patient", "label", "subtype"), ("logit",)),
    "films.csv": (("path", "split", "label", "patient"), ()),
}
#: Numbers that a run may not have measured in an epoch.
MAY_BE_EMPTY = ("val_loss",)
RESTORE = "Restore the file, or train the model again."


class BundleError(CxrError, ValueError):
    """A bundle that is missing, damaged or changed."""

    code = "bundle"


class Bundle:
    """What is on disk of one trained model: its card, and all that was stored of its training.

    Data alone, each table read at its first use; `cxr.scoring.classifier` adds the network.

    Attributes
    ----------
    folder : pathlib.Path
    card : Card
    site : SiteFile or None
        Whose operating points the card has; None if they are the model's own.
    """

    site: SiteFile | None = None

    def __init__(self, folder: Path, card: Card) -> None:
        self.folder = folder
        self.card = card

    @classmethod
    def load(cls, name: str, *, folder: Path | None = None) -> Self:
        """Load a bundle and verify that its weights are those that the card describes.

        Parameters
        ----------
        name : str
            A bundle's name, a finding (which takes that finding's default), or the path of a
            bundle's folder.
        folder : pathlib.Path, optional
            Folder of the bundles (default: `models_folder`).

        Returns
        -------
        Bundle
            Of the class that this is called on.

        Raises
        ------
        BundleError
            If there is no such bundle, a file is missing or damaged, or the weights are not those
            that the operating points were chosen for.
        """
        folder = folder or models_folder()
        path = folder / name
        if not (path / "card.json").is_file():
            path = Path(name)
        try:
            if not (path / "card.json").is_file():
                default = default_name(name, folder)
                if default is None:
                    if reasons := _damaged_of(name, folder):
                        raise BundleError(reasons[0])
                    known = ", ".join(card.name for card in available(folder)) or "none"
                    raise BundleError(f"There is no model {name!r}. Known: {known}.")
                path = folder / default
            card = _card(path / "card.json")
        except CardError as error:
            raise BundleError(str(error)) from error
        if card is None:
            raise BundleError(f"{path.name} is no model that scores a finding.")
        bundle = cls(path, card)
        if not bundle.weights_path.is_file():
            raise BundleError(
                f"The weights of {card.name} are missing: {bundle.weights_path.name}."
            )
        if kind := stand_in_at(bundle.weights_path):
            raise BundleError(f"The weights of {card.name} are {kind}.")
        if file_hash(bundle.weights_path) != card.weights.sha256:
            raise BundleError(
                f"The weights of {card.name} are not those that its operating points were chosen "
                f"for. {RESTORE}"
            )
        return bundle

    def with_card(self, card: Card) -> Self:
        """Return the same bundle with another card, as one with a site's operating points."""
        return type(self)(self.folder, card)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.card.name}>"

    @property
    def name(self) -> str:
        """The bundle's name, ``<finding>-<architecture>``."""
        return self.card.name

    @property
    def weights_path(self) -> Path:
        """The file of the weights."""
        weights = self.card.weights
        return located(self.folder, weights.file, weights.sha256)

    @cached_property
    def history(self) -> pd.DataFrame:
        """``history.csv``, the training log: one row per epoch."""
        return self._table("history.csv", self.card.tables.history)

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """``predictions.csv``, one row per film: split, path, patient, label, subtype, logit."""
        return self._table("predictions.csv", self.card.tables.predictions)

    def scored(self, split: str) -> pd.DataFrame:
        """Return the stored predictions of a split with scores and labels.

        Returns
        -------
        pandas.DataFrame
            The rows of `predictions` of that split, none where it has no such; with ``score``,
            calibrated by the card, and ``truth``, 0 or 1, see `cxr.scoring.scores.scored`.
        """
        films = self.predictions[self.predictions["split"] == split]
        return scored(films.reset_index(drop=True), self.card.calibration)

    @cached_property
    def films(self) -> pd.DataFrame:
        """The table of the data set, one row per film; see `cxr.scoring.film_tables`."""
        return self._checked("films.csv", lambda: film_table_bytes(self.folder, self.card))

    @cached_property
    def gate(self) -> Gate:
        """The learned part of the gate, verified as the weights are.

        BundleError if the bundle has none, or its file is missing or was changed.
        """
        facts = self.card.gate
        try:
            path = located(self.folder, facts.file, facts.sha256) if facts else Path()
            if facts is None or file_hash(path) != facts.sha256:
                raise BundleError(f"{GATE} of {self.name} is not the one its card describes.")
            return Gate.read(path)
        except (OSError, ValueError) as error:
            if isinstance(error, BundleError):
                raise
            raise BundleError(f"{GATE} of {self.name} is missing or damaged.") from error

    @cached_property
    def explanations(self) -> pd.DataFrame:
        """``explanations.csv``: how far the heatmaps can be trusted (`cxr.evidence.audit`).

        Rows of other weights are left out, since they tell of another model.
        """
        content = self.evidence(explanations.FILE)
        try:
            table = explanations.parse(content)
        except (ValueError, ArithmeticError) as error:
            raise BundleError(f"{explanations.FILE} of {self.name} is damaged.") from error
        current = table["weights"] == self.card.weights.sha256
        return table[current].reset_index(drop=True)

    def evidence(self, name: str) -> bytes | None:
        """Return a table that was measured afterwards, as it is on disk now.

        Parameters
        ----------
        name : str
            One of `cxr.scoring.card.EVIDENCE`.

        Returns
        -------
        bytes or None
            None if it was not measured.

        Raises
        ------
        BundleError
            If it is missing, or not the one that the card on disk names.
        """
        assert name in EVIDENCE
        try:
            return self._evidence(name)
        except ChangedError:  # measured again between the look at the card and that at the file
            pass
        except OSError as error:
            raise BundleError(f"{name} of {self.name} is missing or cannot be read.") from error
        try:
            return self._evidence(name)
        except (OSError, ChangedError) as error:
            raise BundleError(
                f"{name} of {self.name} is damaged: it is not the one its card describes."
            ) from error

    def _evidence(self, name: str) -> bytes | None:
        path = self.folder / "card.json"
        card = (_card(path) if path.is_file() else None) or self.card
        if card.evidence is None:  # a card of schema 3 or older
            file = self.folder / name
            return file.read_bytes() if file.is_file() else None
        sha256 = card.evidence.get(name)
        return None if sha256 is None else read_checked(self.folder, name, sha256)

    def _table(self, name: str, stored: StoredFile | None) -> pd.DataFrame:
        def read() -> bytes:
            if stored is None:  # a card of schema 1
                return (self.folder / name).read_bytes()
            return read_checked(self.folder, stored.file, stored.sha256)

        return self._checked(name, read)

    def _checked(self, name: str, read: Callable[[], bytes]) -> pd.DataFrame:
        import pandas as pd

        try:
            table = texts_of(pd.read_csv(io.BytesIO(read()), dtype=dict.fromkeys(TEXTS, str)))
            _check_columns(table, *COLUMNS[name])
        except ChangedError as error:
            raise BundleError(
                f"{name} of {self.name} is not the one its card describes. {RESTORE}"
            ) from error
        except (OSError, ValueError, ArithmeticError) as error:
            raise BundleError(f"{name} of {self.name} is missing or damaged. {RESTORE}") from error
        texts = [column for column in TEXTS if column in table]
        table[texts] = table[texts].astype("str").fillna("")
        return table

    def prepare(self, film: Radiograph) -> NDArray[np.uint8]:
        """Bring a film to the network's input, as in training: uint8 (height, width, channels)."""
        return self.card.input(film.pixels)


def _check_columns(table: pd.DataFrame, texts: tuple[str, ...], numbers: tuple[str, ...]) -> None:
    """Raise ValueError if a column is missing, or holds no numbers where it should."""
    if missing := {*texts, *numbers} - set(table):
        raise ValueError(f"It lacks {', '.join(sorted(missing))}.")
    for column in numbers:
        values = table[column].astype(np.float64)
        if np.isinf(values).any() or (column not in MAY_BE_EMPTY and values.isna().any()):
            raise ValueError(f"{column} has cells that are no numbers.")


def available(folder: Path | None = None) -> list[Card]:
    """Read the cards of all classifiers in a folder, by name; each is parsed once until it changes.

    Cards that cannot be read are left out: `damaged` says why.
    """
    return [card for card in _read_all(folder).values() if isinstance(card, Card)]


def damaged(folder: Path | None = None) -> dict[str, str]:
    """Return, by the names of their folders, why the cards of bundles cannot be read."""
    return {
        name: str(card) for name, card in _read_all(folder).items() if isinstance(card, CardError)
    }


def _read_all(folder: Path | None) -> dict[str, Card | CardError]:
    read: dict[str, Card | CardError] = {}
    for path in sorted((folder or models_folder()).glob("*/card.json")):
        try:
            card = _card(path)
        except CardError as error:
            read[path.parent.name] = error
        else:
            if card is not None:
                read[path.parent.name] = card
    return read


def _card(path: Path) -> Card | None:
    """Read a card, parsed anew only where its file was changed; None if it is no classifier's."""
    try:
        facts = path.stat()
    except OSError:
        return Card.read(path)  # which says what is wrong
    return _parsed(path, facts.st_mtime_ns, facts.st_size, facts.st_ino)


@lru_cache(maxsize=512)
def _parsed(path: Path, *_state: int) -> Card | None:
    try:
        return Card.read(path)
    except OtherKindError:
        return None


def default_name(finding: str, folder: Path | None = None) -> str | None:
    """Return the bundle that answers to a finding's name, from ``defaults.json``; None if none.

    A finding with a single bundle, baselines apart, needs no entry. One that cannot be read counts:
    no other takes its place.

    Raises
    ------
    BundleError
        If ``defaults.json`` is damaged.
    """
    folder = folder or models_folder()
    file = folder / "defaults.json"
    try:
        defaults = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    except ValueError as error:
        raise BundleError("defaults.json is not JSON.") from error
    if not isinstance(defaults, dict):
        raise BundleError("Expected defaults.json to name a model for each finding.")
    if finding in defaults:
        return str(defaults[finding])
    cards = [card for card in available(folder) if card.finding == finding]
    names = [card.name for card in cards if not card.baseline]
    return names[0] if len(names) == 1 and not _damaged_of(finding, folder) else None


def _damaged_of(finding: str, folder: Path) -> list[str]:
    """Return why bundles of a finding, by the names of their folders, cannot be read."""
    return [why for name, why in damaged(folder).items() if name.startswith(f"{finding}-")]
