"""A site's file: the threshold and the calibration that a model has on one site's films.

It is made on the site's own films (`cxr.site.calibrate`), and holds for one model alone: for the
weights and the input that the scores came from. Applied to a bundle it gives a bundle whose
operating points are the site's; their names say so wherever a score goes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from ..errors import CxrError
from ..stats.intervals import Array
from ..storage.atomic import write_file
from ..storage.hashes import bytes_hash
from ..storage.records import Bounds, RecordError, Sha256, decode, encode, parse
from .bundle import Bundle
from .card import Card, Name
from .operating_points import (
    LARGEST_LOGIT,
    SITE_MARK,
    Calibration,
    Count,
    OperatingPoint,
    Score,
    Share,
)

__all__ = [
    "SITE_SCHEMA_VERSION",
    "Platt",
    "SiteBand",
    "SiteFile",
    "SiteFileError",
    "SiteFilms",
    "SiteSide",
    "apply_sites",
    "card_hash",
    "is_of_site",
    "read_site",
]

SITE_SCHEMA_VERSION = 1
#: Hexadecimal digits of the file's hash that follow the site's name.
DIGITS = 8
MOST_BYTES = 1_000_000
#: Shares at which the site's scores and statistics are kept, to see later films drift.
QUANTILES = 101

B = TypeVar("B", bound=Bundle)
SiteName = Annotated[
    str,
    Bounds(
        pattern=r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}",
        words="up to 40 letters, digits, dots, dashes and underscores",
    ),
]
Day = Annotated[str, Bounds(pattern=r"\d{4}-\d{2}-\d{2}", words="a day as 2026-11-27")]
_Word = Annotated[str, Bounds(pattern=r"[^\x00-\x1f]{0,100}", words="one line of 100 letters")]
Quantiles = Annotated[tuple[float, ...], Bounds(longest=QUANTILES)]


class SiteFileError(CxrError, ValueError):
    """A site's file that cannot be used; the code says why.

    ``site_file`` for one that is missing, damaged or no such file, ``site_newer`` for one of a
    newer version, ``site_other_model`` for one of other weights, ``site_other_input`` where the
    same weights are fed otherwise.
    """

    code = "site_file"


@dataclass(frozen=True)
class Platt:
    """Platt scaling: score = sigmoid(slope * logit + intercept). Keeps the order of films.

    Attributes
    ----------
    slope : float
        Above 0.
    intercept : float
    method : str
        "platt".

    References
    ----------
    Platt, Probabilistic outputs for support vector machines, 1999.
    """

    slope: Annotated[float, Bounds(above=0, most=1e6)]
    intercept: Annotated[float, Bounds(least=-1e6, most=1e6)]
    method: Literal["platt"] = field(default="platt", metadata={"required": True})

    def score(self, logits: ArrayLike) -> Array:
        """Turn logits of any shape into calibrated scores of that shape, within (0, 1)."""
        z = np.asarray(logits, dtype=np.float64) * self.slope + self.intercept
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(z, -LARGEST_LOGIT, LARGEST_LOGIT))))

    def logit(self, score: float) -> float:
        """Return the network's output that has a calibrated score."""
        return (math.log(score / (1 - score)) - self.intercept) / self.slope


@dataclass(frozen=True)
class _OfSite(Calibration):
    """A site's calibration in the place of a card's."""

    platt: Platt = field(default_factory=lambda: Platt(1.0, 0.0))

    @property
    def slope(self) -> float:
        return self.platt.slope

    @property
    def intercept(self) -> float:
        return self.platt.intercept

    def score(self, logits: ArrayLike) -> Array:
        return self.platt.score(logits)


@dataclass(frozen=True)
class SiteSide:
    """One side of a band: a threshold, and the films on that side when it was chosen.

    Attributes
    ----------
    threshold : float
        On the site's calibrated score.
    films, wrong : int
        Films on that side, and those of them that are of the other class.
    """

    threshold: Score
    films: Count
    wrong: Count


@dataclass(frozen=True)
class SiteBand:
    """Scores between which a person decides: below them films are ruled out, above them ruled in.

    Attributes
    ----------
    level : float
        Least NPV below and least PPV above: shares of patients where these have several films,
        one of whom is wrong where any of their films there is.
    probability : float
        With which both hold, if further films are like the site's.
    films : int
        That it was found on.
    below, above : SiteSide or None
        Films under the first threshold are ruled out, films at or above the second ruled in; None
        where nothing can be promised.
    between : int
        Films that it was found on that lie within it.
    """

    level: Share
    probability: Share
    films: Count
    below: SiteSide | None
    above: SiteSide | None
    between: Count

    def __post_init__(self) -> None:
        if self.below and self.above and self.below.threshold > self.above.threshold:
            raise ValueError("Expected the band's lower end below its upper one.")

    @property
    def width(self) -> float:
        """Share of films within the band, in [0, 1]; 0 without films."""
        return self.between / self.films if self.films else 0.0

    def side(self, score: float) -> str:
        """Return "below", "above" or "between": where a score lies."""
        if self.below and score < self.below.threshold:
            return "below"
        return "above" if self.above and score >= self.above.threshold else "between"


@dataclass(frozen=True)
class SiteFilms:
    """The films that a site's file was made on.

    Attributes
    ----------
    positives, negatives : int
        Films with a score and a label.
    refused : int
        Films with a label that the model refused.
    patients : int or None
        Of the films with a score; None if not known.
    first, last : str or None
        Days of the oldest and the newest study; None if not known.
    data_sha256 : str
        Hash of the films' pixels and labels.
    """

    positives: Count
    negatives: Count
    refused: Count
    patients: Count | None
    first: Day | None
    last: Day | None
    data_sha256: Sha256

    @property
    def n(self) -> int:
        """All films with a score and a label."""
        return self.positives + self.negatives

    @property
    def prevalence(self) -> float:
        """Share of positives; 0 without films."""
        return self.positives / self.n if self.n else 0.0


@dataclass(frozen=True)
class SiteFile:
    """What a model is on one site's films. Identifies nobody: no film, no name, no identifier.

    Attributes
    ----------
    site : str
        The site's name, as whoever made the file called it.
    model, finding : str
        Of the model.
    weights_sha256 : str
        Hash of the model's weights.
    card_sha256 : str
        Hash of what else its scores depend on, see `card_hash`.
    calibration : Platt
    operating_points : tuple of OperatingPoint
        On the site's calibrated score.
    default_operating_point : str
        Name of one of them.
    films : SiteFilms
    made : str
        The day.
    versions : dict of str to str
        Of this package and what it stands on.
    band : SiteBand or None
    reference : dict of str to tuple of float
        Quantiles, from the least to the largest, of the site's scores (``score``) and of its films'
        statistics (`cxr.films.statistics`): what later films are compared with.
    schema_version : int
    kind : str
        "site".
    """

    site: SiteName
    model: Name
    finding: Name
    weights_sha256: Sha256
    card_sha256: Sha256
    calibration: Platt
    operating_points: Annotated[tuple[OperatingPoint, ...], Bounds(longest=20)]
    default_operating_point: _Word
    films: SiteFilms
    made: Day
    versions: Annotated[dict[str, _Word], Bounds(longest=50)]
    band: SiteBand | None = None
    reference: Annotated[dict[str, Quantiles], Bounds(longest=50)] = field(default_factory=dict)
    schema_version: int = field(default=SITE_SCHEMA_VERSION, metadata={"required": True})
    kind: Literal["site"] = field(default="site", metadata={"required": True})

    def __post_init__(self) -> None:
        names = [point.name for point in self.operating_points]
        if len(set(names)) < len(names):
            raise ValueError("Expected operating points of different names.")
        if self.default_operating_point not in names:
            raise ValueError(f"Expected {self.default_operating_point!r} among {', '.join(names)}.")
        for values in self.reference.values():
            if list(values) != sorted(values):
                raise ValueError("Expected quantiles that rise.")

    @cached_property
    def sha256(self) -> str:
        """Hash of all that it says."""
        # As it is read back: a whole number that stands for a float is written as one.
        return _hash(encode(decode(SiteFile, encode(self))))

    @property
    def label(self) -> str:
        """The site's name with the start of the file's hash: two files never have the same."""
        return f"{self.site}-{self.sha256[:DIGITS]}"

    def point(self, name: str | None = None) -> OperatingPoint:
        """Return an operating point as scores carry it, its name with the site's.

        Parameters
        ----------
        name : str, optional
            With the site's name or without (default: the file's default).

        Raises
        ------
        ValueError
            If there is none of that name.
        """
        wanted = (name or self.default_operating_point).removesuffix(SITE_MARK + self.label)
        for point in self.operating_points:
            if point.name == wanted:
                return replace(point, name=point.name + SITE_MARK + self.label)
        known = ", ".join(point.name for point in self.operating_points)
        raise ValueError(f"Expected one of {known}. Received: {name!r}")

    def check(self, card: Card) -> None:
        """Raise SiteFileError if it was made for another model than that of a card."""
        if self.weights_sha256 != card.weights.sha256:
            if self.model == card.name:
                raise SiteFileError(
                    f"The site's file {self.site} was made for other weights of {card.name}. Make "
                    "it anew with these.",
                    code="site_other_model",
                )
            raise SiteFileError(
                f"The site's file {self.site} was made for {self.model}, not for {card.name}.",
                code="site_other_model",
            )
        if self.card_sha256 != card_hash(card):
            raise SiteFileError(
                f"The site's file {self.site} was made when {card.name} was fed films in another "
                "way. Make it anew.",
                code="site_other_input",
            )

    def card(self, card: Card) -> Card:
        """Return a model's card with the site's calibration and operating points.

        Figures at the card's own points are left out, since they are not of these.

        Raises
        ------
        SiteFileError
            If it was made for another model.
        """
        self.check(card)
        default = self.point().name
        return replace(
            card,
            calibration=_OfSite(1 / self.calibration.slope, platt=self.calibration),
            operating_points=tuple(self.point(point.name) for point in self.operating_points),
            default_operating_point=default,
            evaluation={},
        )

    def apply(self, bundle: B) -> B:
        """Return a model at the site's operating points; its network is shared with the other.

        Parameters
        ----------
        bundle : Bundle
            Or any class of it, such as `cxr.Model`.

        Returns
        -------
        Bundle
            Of the same class.

        Raises
        ------
        SiteFileError
            If it was made for another model.
        """
        applied = bundle.with_card(self.card(bundle.card))
        applied.site = self
        return applied

    def to_bytes(self) -> bytes:
        """Return the file: JSON, the version and the kind first."""
        plain: dict[str, Any] = encode(self)
        first = {name: plain.pop(name) for name in ("schema_version", "kind")}
        return (json.dumps(first | plain, indent=1) + "\n").encode()

    def write(self, path: Path) -> None:
        """Write the file, as a whole or not at all."""
        write_file(path, lambda new: new.write_bytes(self.to_bytes()))


def read_site(source: Path | bytes) -> SiteFile:
    """Read a site's file.

    Parameters
    ----------
    source : pathlib.Path or bytes
        The file, or what it holds.

    Raises
    ------
    SiteFileError
        ``site_file`` if it is none or is damaged, ``site_newer`` if a newer version wrote it.
    """
    if isinstance(source, Path):
        try:
            with source.open("rb") as file:
                source = file.read(MOST_BYTES + 1)
        except OSError as error:
            raise SiteFileError(f"The site's file cannot be read: {error.strerror}.") from error
    if len(source) > MOST_BYTES:
        raise SiteFileError("This is no site's file: it is too large for one.")
    try:
        plain = parse(source)
        if not isinstance(plain, dict) or plain.get("kind") != "site":
            raise SiteFileError("This is no site's file. Make one on the page Validation.")
        version = plain.get("schema_version")
        if type(version) is int and version > SITE_SCHEMA_VERSION:
            raise SiteFileError(
                "The site's file was written by a newer version of cxr. Update cxr.",
                code="site_newer",
            )
        if version != SITE_SCHEMA_VERSION:
            raise RecordError("schema_version is none that is known")
        return decode(SiteFile, plain)
    except RecordError as error:
        raise SiteFileError(f"The site's file is damaged: {error}.") from error


def apply_sites(bundles: Sequence[B], sites: Sequence[SiteFile]) -> list[B]:
    """Apply sites' files to the models that they were made for; the other models stay as they are.

    Raises
    ------
    SiteFileError
        If a file is of none of the models, or two are of one.
    """
    applied = list(bundles)
    for site in sites:
        own = [k for k, b in enumerate(bundles) if b.card.weights.sha256 == site.weights_sha256]
        if not own:
            site.check(bundles[0].card)
        for k in own:
            if applied[k].site:
                raise SiteFileError(f"Two sites' files are of {site.model}. Give one.")
            applied[k] = site.apply(bundles[k])
    return applied


def card_hash(card: Card) -> str:
    """Hash what the scores of a card's model depend on: weights, architecture, input, classes."""
    parts = [card.weights.sha256, card.architecture, card.input, card.finding, card.classes]
    return _hash([encode(part) for part in parts])


def _hash(plain: Any) -> str:
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return bytes_hash(text.encode())


def is_of_site(operating_point: str) -> bool:
    """Whether an operating point's name says that it is a site's."""
    return SITE_MARK in operating_point
