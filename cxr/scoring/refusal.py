"""The gate: films that are refused before any score, by rules on the header and the gray values.

A refused film has no score anywhere. After these rules comes what a network has learned of chest
radiographs (`cxr.scoring.gate`). The rules are set so that ordinary chest radiographs pass: of
9,222 films of three sets they refuse none; the narrowest span of gray values among them is 0.34
against the `MIN_SPAN` asked for, the largest share of black and white 0.85 against `MAX_SATURATED`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..films import dicom_words
from ..films.age import age_text
from ..films.radiograph import Radiograph
from ..stats.wording import percent

if TYPE_CHECKING:
    from .card import Card

__all__ = ["MAX_SATURATED", "MIN_SIDE", "MIN_SPAN", "Refusal", "check"]

MIN_SIDE = 128
"""Fewest pixels on a side: about half a network's input."""

MIN_SPAN = 0.08
"""Least span between the 1st and the 99th percentile of the gray values, of a range of 1."""

MAX_SATURATED = 0.95
"""Largest share of pixels within 2 % of black or white."""


@dataclass(frozen=True)
class Refusal:
    """Why a film is not scored.

    Attributes
    ----------
    code : str
        "too_small", "modality", "for_processing", "not_chest", "lateral", "age", "blank" or
        "exposure"; "negative", "two_films", "screenshot" or "photo", see
        `cxr.scoring.picture_check`; "turned" or "no_lungs", see `cxr.scoring.lung_check`;
        "unreadable" where there was no film to check.
    reason : str
        A sentence for people: what is wrong, and what a film needs.
    """

    code: str
    reason: str


def check(film: Radiograph, card: Card | None = None) -> Refusal | None:
    """Say why a film must not be scored.

    Parameters
    ----------
    film : Radiograph
        As `cxr.read` gives it. What its header does not say counts for it.
    card : Card, optional
        Of the model that is to score it, for its population; no rule on age without it.

    Returns
    -------
    Refusal or None
        The first rule that it breaks, in the order of `Refusal`; None if it breaks none.
    """
    return _size(film) or _header(film) or _age(film, card) or _grey_values(film)


def _size(film: Radiograph) -> Refusal | None:
    if min(film.height, film.width) >= MIN_SIDE:
        return None
    return Refusal(
        "too_small",
        f"The picture is {film.width} x {film.height} pixels; "
        f"a film needs at least {MIN_SIDE} on each side.",
    )


def _header(film: Radiograph) -> Refusal | None:
    # Once more brought to terms: a film may be made by hand, and its words are shown.
    modality = dicom_words.modality(film.modality or "")
    if modality and modality not in dicom_words.RADIOGRAPHY:
        name = dicom_words.MODALITIES.get(modality)
        says = _says("modality", "it is", f"{modality} ({name})" if name else modality)
        known = ", ".join(dicom_words.RADIOGRAPHY)
        return Refusal("modality", f"{says}; only radiographs ({known}) are read.")
    if film.intent == "FOR PROCESSING":
        return Refusal(
            "for_processing",
            "The file says that it is for processing: the raw values of the detector, whose grays "
            "are not those of a radiograph. Export the film for presentation.",
        )
    part = dicom_words.body_part(film.body_part or "")
    if part and not dicom_words.is_chest(part):
        says = _says("body part", "it shows", part)
        return Refusal("not_chest", f"{says}; only the chest is read.")
    view = dicom_words.view(film.view or "")
    if dicom_words.is_lateral(view):
        return Refusal(
            "lateral",
            f"The file says that the view is {view}; only frontal films (PA, AP) are read.",
        )
    return None


def _says(what: str, says: str, term: str) -> str:
    if term == dicom_words.OTHER:
        return f"The file gives {term} for its {what}, which is none of the standard's terms"
    return f"The file says that {says} {term}"


def _age(film: Radiograph, card: Card | None) -> Refusal | None:
    if card is None or film.age is None:
        return None
    youngest, end = card.ages
    if youngest <= film.age < end:
        return None
    age = age_text(film.age, film.age_unit)
    return Refusal(
        "age", f"The file says that the patient's age is {age}; the model reads {card.population}."
    )


def _grey_values(film: Radiograph) -> Refusal | None:
    # A grid of some hundred thousand pixels tells the same as all of them, at once.
    step = max(1, min(film.height, film.width) // 512)
    pixels = film.pixels[::step, ::step]
    low, high = np.percentile(pixels, [1, 99])
    if high - low < MIN_SPAN:
        return Refusal(
            "blank",
            "The picture is nearly one single grey: its values span "
            f"{percent(high - low, 0)} of the range. Check the file, and the window it was "
            "exported with.",
        )
    saturated = float(np.mean((pixels <= 0.02) | (pixels >= 0.98)))
    if saturated > MAX_SATURATED:
        return Refusal(
            "exposure",
            f"{percent(saturated, 0)} of the picture is black or white, without grey values to "
            "read. Check the exposure, and the window it was exported with.",
        )
    return None
