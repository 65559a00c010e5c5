"""A film as a page of a PDF: what is kept of it until the sheets are set."""

from __future__ import annotations

from dataclasses import dataclass

from ..scoring.predict import Prediction

__all__ = ["Page"]


@dataclass(frozen=True)
class Page:
    """What is kept of an item until the sheets are set: words and two packed pictures."""

    label: str
    facts: str
    sha256: str
    prediction: Prediction
    """Without its heatmap."""
    call: str | None
    size: tuple[int, int] = (1, 1)
    """Width and height of the pictures, pixels."""
    picture: bytes | None = None
    """JPEG of the film; None where it could not be read."""
    overlay: bytes | None = None
    """JPEG of the film with its heatmap; None where there is none."""
    method: str = ""
    sign: str = ""
    """What a high value of the map means."""
    raised: bool = False
    """Whether the map marks any region."""
