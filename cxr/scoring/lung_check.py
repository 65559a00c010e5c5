"""The gate's look at the lungs: films without any, films that do not hang upright, and what is odd.

How often each rule is right and wrong, `cxr.training.lung_gate` measures; the card of the lung
network has the figures. A lung that the edge of the picture cuts off is no ground for a note: of
children's films one in eleven has one.
"""

from __future__ import annotations

import logging
from functools import cache
from pathlib import Path
from typing import NamedTuple

from ..errors import fault
from ..films.notes import Note
from ..films.radiograph import Radiograph
from ..lungs.once import has_lung_network, look_once
from ..lungs.segment import LungsError, Small
from .refusal import Refusal

__all__ = ["TURNED", "LungCheck", "lung_check"]

logger = logging.getLogger(__name__)

TURNED = "turned"
NO_LUNGS = Refusal(
    "no_lungs",
    "No lungs could be made out on the picture; only frontal films of the chest are read.",
)
#: By the quarter turns counterclockwise that would set the film upright.
_HANGS = {
    1: "The film lies on its side. Turn it by 90 degrees counterclockwise and export it again.",
    2: "The film stands on its head. Turn it by 180 degrees and export it again.",
    3: "The film lies on its side. Turn it by 90 degrees clockwise and export it again.",
}
#: Remarks of the search that become notes.
_NOTES = {"one_lung": Note.ONE_LUNG, "small": Note.SMALL_LUNGS}


class LungCheck(NamedTuple):
    """What the lungs of a film say of it.

    Attributes
    ----------
    refusal : Refusal or None
        Why it must not be scored: ``turned`` or ``no_lungs``.
    notes : tuple of Note
        What is to be said of a film that is scored.
    """

    refusal: Refusal | None = None
    notes: tuple[Note, ...] = ()


def lung_check(film: Radiograph | Small, models: Path) -> LungCheck:
    """Check a film by its lungs; once for all models of a folder.

    Parameters
    ----------
    film : Radiograph
        As `cxr.read` gives it.
    models : pathlib.Path
        Folder with the lung network. Without one nothing is said.

    Returns
    -------
    LungCheck
        With the note ``lungs_unchecked`` where the network is damaged.
    """
    if not has_lung_network(models):
        return LungCheck()
    try:
        (lungs, _), turns = look_once(film, models)
    except LungsError as error:
        _log(fault(error))
        return LungCheck(notes=(Note.LUNGS_UNCHECKED,))
    if turns:
        return LungCheck(Refusal(TURNED, _HANGS[turns]))
    if lungs is None:
        return LungCheck(NO_LUNGS)
    return LungCheck(notes=tuple(_NOTES[r.code] for r in lungs.remarks if r.code in _NOTES))


@cache
def _log(said: str) -> None:
    """Log once that no film is checked: it is the same for all."""
    logger.warning("No film is checked by its lungs: %s", said)
