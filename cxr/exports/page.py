"""Films as pages of a PDF: what is kept of them until the pages are set."""

from __future__ import annotations

from dataclasses import dataclass

from ..scoring.card import Card
from ..scoring.operating_points import OperatingPoint
from ..scoring.predict import Prediction
from ..scoring.region import Region

__all__ = ["Page", "Section"]


@dataclass(frozen=True)
class Page:
    """What is kept of an item until the pages are set: text and two compressed pictures.

    Attributes
    ----------
    label : str
        Name of the film on the page.
    facts : str
        Size, view, age and sex, in words.
    sha256 : str
        Hash of the film's pixels.
    prediction : Prediction
        Without its heatmap.
    call : str or None
        What the reader said of the film; None without a call.
    size : tuple of int
        Width and height of the pictures, in pixels.
    picture : bytes or None
        JPEG of the film; None if the file could not be read.
    overlay : bytes or None
        JPEG of the film with its heatmap; None without a heatmap.
    method : str
        Title of the heatmap's method.
    sign : str
        What a high value of the map means.
    raised : bool
        Whether the map marks any region.
    others : str
        What other models say of the film, in words.
    notes : str
        What a reader should know of how the film was read, in words.
    regions : tuple of Region
        What the reader drew on the film.
    """

    label: str
    facts: str
    sha256: str
    prediction: Prediction
    call: str | None
    """What the reader said, in words."""
    size: tuple[int, int] = (1, 1)
    picture: bytes | None = None
    overlay: bytes | None = None
    method: str = ""
    sign: str = ""
    raised: bool = False
    notes: str = ""
    others: str = ""
    regions: tuple[Region, ...] = ()


@dataclass(frozen=True)
class Section:
    """The films of one model in a PDF.

    Attributes
    ----------
    card, point : Card or OperatingPoint
        The model, and the operating point that the films were scored against.
    scored, refused : list of Page
        In the order they are printed in.
    """

    card: Card
    point: OperatingPoint
    scored: list[Page]
    refused: list[Page]

    @property
    def pages(self) -> list[Page]:
        """All films."""
        return [*self.scored, *self.refused]
