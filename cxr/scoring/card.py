"""The card of a bundle: what a trained model is, was trained on, and how far it can be believed."""

from __future__ import annotations

import math
import reprlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from ..datasets.published import SOURCES
from ..errors import CxrError
from ..films.preprocessing import Preprocessing
from ..networks import BASELINES
from ..networks.export_record import Export
from ..storage import checksum
from ..storage.atomic import write_file
from ..storage.records import (
    Bounds,
    FileName,
    RecordError,
    Sha256,
    decode,
    encode,
    one_line,
    read_plain,
)
from ..storage.stand_ins import stand_in_at
from .card_migrations import SCHEMA_VERSION, migrate
from .evaluation import Evaluation
from .operating_points import Calibration, Count, OperatingPoint, Share
from .recipe import Argument, Recipe

__all__ = [
    "CLASSIFIER",
    "EVIDENCE",
    "SCHEMA_VERSION",
    "Architecture",
    "Base",
    "Card",
    "CardError",
    "DataSet",
    "FilmCount",
    "GateFacts",
    "GateFigures",
    "Imported",
    "OtherKindError",
    "StoredFile",
    "Tables",
    "TrainingFacts",
    "TrainingStep",
]

CLASSIFIER = "classifier"
#: Tables of what is measured of a bundle that is there already: how far its heatmaps hold up, where
#: they lie, how steady its scores are, what its folds scored.
EVIDENCE = ("explanations.csv", "heat_in_lungs.csv", "steadiness.csv", "folds.csv")
#: Cards of this schema and later ones carry a checksum of themselves.
SEALED = 4
#: Side of an input, pixels, that no network reaches.
LARGEST = 4096

Name = Annotated[
    str, Bounds(pattern=r"[^/\\\x00-\x1f]{1,200}", words="a name of one line without slashes")
]
#: What the log of readings keeps.
Label = Annotated[str, one_line(100)]
Seconds = Annotated[float, Bounds(least=0)]


class CardError(CxrError, ValueError):
    """A card that is missing, damaged or of another schema."""

    code = "card"


class OtherKindError(CardError):
    """The card of a bundle that is no classifier."""


@dataclass(frozen=True)
class StoredFile:
    """A file of the bundle.

    Attributes
    ----------
    file : str
        Its name.
    sha256 : str
        Of its bytes, in hexadecimal.
    """

    file: FileName
    sha256: Sha256


@dataclass(frozen=True)
class Base:
    """The frozen base of a network, whose weights are not in the bundle.

    Attributes
    ----------
    base : str
        One of `cxr.networks.bases.FILES`.
    weights : str
        What they were learned from, "imagenet".
    """

    base: Name
    weights: Name


@dataclass(frozen=True)
class Architecture:
    """The network that the weights belong to.

    Attributes
    ----------
    name : str
        One of `cxr.networks.ARCHITECTURES`.
    arguments : dict
        What its function is called with.
    parameters : int
        Their number.
    base : Base or None
        Of a network on a frozen base.
    """

    name: Name
    arguments: dict[str, Argument]
    parameters: Count
    base: Base | None = None


@dataclass(frozen=True)
class TrainingStep:
    """What a shorter run before the run proper came to.

    Attributes
    ----------
    films, input_size, epochs : int
        How many films of what size, pixels, for how long.
    val_accuracy, val_auc : float
        At its end, in [0, 1].
    wall_seconds : float
        Of all its epochs.
    """

    films: Count
    input_size: Annotated[int, Bounds(least=1, most=LARGEST)]
    epochs: Count
    val_accuracy: Share
    val_auc: Share
    wall_seconds: Seconds


@dataclass(frozen=True)
class Imported:
    """Where a network that was trained elsewhere comes from.

    Attributes
    ----------
    model, weights : str
        Names of the files.
    model_sha256, weights_sha256 : str
        Their SHA-256, in hexadecimal.
    last_activation : str
        Of the file's network.
    positive_first : bool
        Whether the finding was class 0 there.
    notes : tuple of str
        What had to be assumed, in sentences.
    validation : float
        Share of the training films that operating points are chosen on, where films were given.
    seed : int
        Of the draw of these films.
    """

    model: str
    model_sha256: Sha256
    weights: str
    weights_sha256: Sha256
    last_activation: str
    positive_first: bool
    notes: tuple[str, ...]
    validation: Share
    seed: int


@dataclass(frozen=True)
class TrainingFacts:
    """How the training run went.

    Attributes
    ----------
    epochs : int
        Run; 0 of an imported network.
    kept_epoch : int
        Whose weights ship, from 1.
    wall_seconds : float
        Of these epochs.
    share : float
        Of the films that was used.
    versions : dict
        Of Python and the libraries, by name.
    feature_seconds : float or None
        What a frozen base took before the epochs; None in cards that do not know.
    first_step : TrainingStep or None
        Where there was one.
    imported : Imported or None
        Of a network that was trained elsewhere.
    """

    epochs: Count
    kept_epoch: Count
    wall_seconds: Seconds
    share: Share
    versions: dict[str, str]
    feature_seconds: Seconds | None = None
    first_step: TrainingStep | None = None
    imported: Imported | None = None


@dataclass(frozen=True)
class FilmCount:
    """How many films of how many patients a split has of a class.

    Attributes
    ----------
    split : str
        The split.
    label : str
        "normal" or the finding.
    films, patients : int
        Their number.
    """

    split: str
    label: str
    films: Count
    patients: Count


@dataclass(frozen=True)
class DataSet:
    """The films that the model learned from.

    Attributes
    ----------
    set : str
        Name in `cxr.datasets.published.SOURCES`; empty if it is none of these, as the next four.
    title, citation, doi, licence : str
        What it is, where it was published, under which terms.
    films : tuple of FilmCount
        For each split and class.
    """

    set: str
    title: str
    citation: str
    doi: str
    licence: str
    films: tuple[FilmCount, ...]


@dataclass(frozen=True)
class GateFigures:
    """What the learned gate makes of pictures that had no part in its fit.

    Attributes
    ----------
    films : str
        The set or folder.
    n, refused : int
        Pictures, and those refused.
    share : float
        Share refused, in [0, 1].
    ci : tuple of float
        Its 95 % interval (Wilson), low and high.
    how : str
        How the pictures were held out.
    """

    films: str
    n: Count
    refused: Count
    share: Share
    ci: tuple[Share, Share]
    how: str


@dataclass(frozen=True)
class GateFacts:
    """The learned part of the gate (`cxr.scoring.gate`): its file, and how it was measured.

    Attributes
    ----------
    file, sha256 : str
        As in `StoredFile`.
    layers : tuple of str
        Of the network, whose averages it judges by.
    learned_from : tuple of str
        Sets and folders.
    seed : int
        Of the draw of films.
    measured : tuple of GateFigures
        One entry for each set or folder.
    """

    file: FileName
    sha256: Sha256
    layers: tuple[str, ...]
    learned_from: tuple[str, ...]
    seed: int
    measured: tuple[GateFigures, ...]


@dataclass(frozen=True)
class Tables:
    """The bundle's tables; None if a card of schema 1 did not name them by their hash.

    Attributes
    ----------
    history, predictions : StoredFile or None
        In the bundle's folder.
    films : StoredFile or None
        In the folder ``films`` next to the bundle's, since bundles of one data set share it
        (`cxr.scoring.film_tables`).
    """

    history: StoredFile | None = None
    predictions: StoredFile | None = None
    films: StoredFile | None = None


@dataclass(frozen=True)
class Card:
    """The contents of ``card.json``. ``docs/card.schema.json`` describes the file.

    Attributes
    ----------
    name : str
        Of the bundle, ``<finding>-<architecture>``.
    finding : str
        That it scores.
    classes : tuple of str
        Normal first, then the finding.
    population : str
        Whose films it is meant for.
    architecture : Architecture
    input : Preprocessing
        How a film is brought to the network's input.
    preprocessing : str
        The same in words.
    training : TrainingFacts
    data : DataSet
    calibration : Calibration
    operating_points : tuple of OperatingPoint
    default_operating_point : str
        Name of one of them.
    evaluation : dict
        For each split its `Evaluation` at the default operating point.
    weights : StoredFile
    recipe : Recipe or None
        None of an imported network.
    gate : GateFacts or None
        None if the bundle has no learned gate of its own.
    tables : Tables
    export : Export or None
        The graph that scores films without TensorFlow; None if the bundle has none.
    evidence : dict or None
        SHA-256 of each file of `EVIDENCE` that the bundle has, by name; None if a card of schema 3
        or older did not name them.
    kind : str
        "classifier": what the bundle is for. Other kinds have other cards.
    """

    name: Label
    finding: Label
    classes: tuple[Label, Label]
    population: str
    architecture: Architecture
    input: Preprocessing
    preprocessing: str
    recipe: Recipe | None
    training: TrainingFacts
    data: DataSet
    calibration: Calibration
    operating_points: tuple[OperatingPoint, ...]
    default_operating_point: str
    evaluation: dict[str, Evaluation]
    weights: StoredFile
    gate: GateFacts | None = None
    tables: Tables = field(default_factory=Tables)
    export: Export | None = None
    evidence: dict[str, Sha256] | None = None
    kind: Literal["classifier"] = field(default="classifier", metadata={"required": True})

    @property
    def baseline(self) -> bool:
        """Whether this is a trivial model to hold the others against, not one to read with."""
        return self.architecture.name in BASELINES

    @property
    def external(self) -> dict[str, tuple[str, ...]]:
        """Films that the model did not learn from: a set's name, and its ``source/label`` parts."""
        return self.recipe.external if self.recipe else {}

    @property
    def seed(self) -> int:
        """Of the draw of the validation films, and of what is drawn from these."""
        if self.recipe:
            return self.recipe.seed
        return self.training.imported.seed if self.training.imported else 0

    @property
    def ages(self) -> tuple[float, float]:
        """The population's ages, years: from the first up to, but not including, the second.

        Of a set that is not known here, all ages.
        """
        source = SOURCES.get(self.data.set)
        return source.ages if source else (0.0, math.inf)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the network's input, pixels."""
        return self.input.height, self.input.width

    def operating_point(self, name: str | None = None) -> OperatingPoint:
        """Return an operating point by name, the default one if none is given.

        Raises
        ------
        ValueError
            If the bundle has none of that name.
        """
        wanted = name or self.default_operating_point
        for point in self.operating_points:
            if point.name == wanted:
                return point
        known = ", ".join(point.name for point in self.operating_points)
        raise ValueError(f"Expected one of {known}. Received: {wanted!r}")

    def to_json(self) -> dict[str, Any]:
        """Return the card as plain data, the schema version and the kind first."""
        plain = encode(self)
        return {"schema_version": SCHEMA_VERSION, "kind": plain.pop("kind"), **plain}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Card:
        """Make a card from plain data, of this schema or an older one.

        Raises
        ------
        CardError
            If the schema is another, or a field is missing, unknown or not what it should be.
        """
        version, shown = data.get("schema_version"), reprlib.repr(data.get("schema_version"))
        if type(version) is not int or not 1 <= version <= SCHEMA_VERSION:
            raise CardError(f"Expected a card of schema 1 to {SCHEMA_VERSION}. Received: {shown}")
        try:
            card = decode(cls, migrate({k: v for k, v in data.items() if k != checksum.FIELD}))
            card.operating_point()
            if unknown := set(card.evidence or ()) - set(EVIDENCE):
                raise ValueError(f"evidence names what is not known: {reprlib.repr(unknown)}")
            if max(card.size) > LARGEST:
                raise ValueError(f"input: expected sides of at most {LARGEST} pixels")
        except ValueError as error:
            raise CardError(f"The card is damaged: {error}") from error
        return card

    @classmethod
    def read(cls, path: Path) -> Card:
        """Read ``card.json``.

        Raises
        ------
        CardError
            If it is not there or cannot be understood; OtherKindError if it is a card of another
            kind of bundle, whatever its schema.
        """
        plain = _plain(path)
        kind = plain.get("kind", CLASSIFIER)  # cards of schema 1 are all of classifiers
        if isinstance(kind, str) and kind != CLASSIFIER:
            raise OtherKindError(f"{path.parent.name} is no model that scores a finding.")
        version = plain.get("schema_version")
        unsealed = type(version) is int and version >= SEALED and checksum.FIELD not in plain
        if unsealed or checksum.was_changed(plain):
            raise CardError(
                f"The card.json of {path.parent.name} was changed after it was written. Restore it."
            )
        return cls.from_json(plain)

    def to_bytes(self) -> bytes:
        """Return what ``card.json`` holds, with its checksum."""
        return checksum.card_bytes(self.to_json())

    def write(self, path: Path) -> None:
        """Write ``card.json``, as a whole or not at all."""
        write_file(path, lambda new: new.write_bytes(self.to_bytes()))


def _plain(path: Path) -> dict[str, Any]:
    name = path.parent.name
    try:
        plain = read_plain(path)
    except FileNotFoundError as error:
        raise CardError(f"{name} holds no card.json.") from error
    except OSError as error:
        raise CardError(f"The card.json of {name} cannot be read: {error.strerror}.") from error
    except RecordError as error:
        if kind := stand_in_at(path):
            raise CardError(f"The card.json of {name} is {kind}.") from error
        raise CardError(f"The card.json of {name} {error}.") from error
    if not isinstance(plain, dict):
        raise CardError(f"The card.json of {name} holds no card.")
    return plain
