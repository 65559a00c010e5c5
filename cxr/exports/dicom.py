"""Heatmaps, scores and what readers said as DICOM, filed with the study of the film."""

from __future__ import annotations

import io
import logging
import zipfile
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from ..errors import CxrError, fault
from ..films.radiograph import Radiograph
from ..heatmaps.heatmap import CAPTION, Heatmap
from ..heatmaps.overlay import CUT, overlay
from ..plain_text import name_of
from ..scoring.card import Card
from ..scoring.population import intended_use
from ..scoring.predict import Prediction
from ..scoring.reader import Agreement, Call, Reason
from ..scoring.region import Region
from ..storage.csv_text import csv_line
from .item import (
    OVERRIDDEN,
    VERSION,
    Item,
    card_of,
    cards_by_model,
    scored_by,
    utc,
)
from .pictures import bounded, with_legend

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = [
    "SIDE",
    "to_dicom_zip",
    "to_parametric_map",
    "to_presentation_state",
    "to_secondary_capture",
    "to_segmentation",
    "to_structured_report",
]

logger = logging.getLogger(__name__)

#: Longest side of the film in a Secondary Capture, pixels.
SIDE = 2048
INDEX = ("number", "name", "finding", "files", "note")
_REFUSED = "A refused film has no score, so there is nothing to export of it as DICOM."
_NOT_DICOM = "A structured report refers to its DICOM image; this film is not from a DICOM file."
_NO_REFERENCE = (
    "The DICOM file does not say which study, series and image it is, or is of no kind of film, "
    "so no report can refer to it."
)
_NO_REGION = "The reader drew no region on the film."
_COLOR = "A film in color has no presentation state in gray."
_KINDS = {
    "sr": "structured report",
    "pm": "parametric map",
    "seg": "segmentation",
    "pr": "presentation state",
}


class ExportError(CxrError, ValueError):
    """Something of a film that there cannot be as DICOM, in words for people."""

    code = "not_exported"


def to_secondary_capture(
    film: Radiograph,
    heatmap: Heatmap,
    prediction: Prediction,
    card: Card,
    source: bytes | None,
    made: datetime | None = None,
) -> bytes:
    """Write a film with its heatmap as a DICOM Secondary Capture (PS3.3 A.8.1).

    An RGB picture of at most 2,048 pixels on a side, not compressed; below it, burnt in, a color
    bar, the heatmap's caption, the model and the intended use. It is a series of its own.

    Parameters
    ----------
    film, heatmap, prediction
        A film, with a heatmap of its size and a score.
    card : Card
        Of the model.
    source : bytes
        The film's file. Of a DICOM file patient and study are kept, so that the picture is filed
        with them, and its image is referred to; of each element only a valid value. Where it does
        not name both its study and its series, as with a PNG or JPEG or None, the picture is a new
        study; without a patient where none is known.
    made : datetime, optional
        When, in UTC where it names no zone (default: now).

    Returns
    -------
    bytes
        A DICOM file, explicit VR little endian. Its UIDs are new at each call.

    Raises
    ------
    ValueError
        If the film is refused, scored by another model, or not that of heatmap or source.
    """
    scored_by(card, prediction)
    if prediction.score is None:
        raise ExportError(_REFUSED)
    from .dicom_capture import secondary_capture
    from .dicom_origin import origin_of

    origin = origin_of(film, source)
    small, fitting = bounded(film, heatmap, SIDE)
    assert fitting is not None
    title = heatmap.title
    model = f"{card.name} {card.weights.sha256[:12]}"
    lines = [CAPTION, f"{title} for {card.finding}, {model}", intended_use(card.population)]
    if (heat := prediction.heat_in_lungs) and heat.statement:
        lines.append(heat.statement)
    note = ""
    if prediction.overridden and prediction.refusal:
        note = f" {OVERRIDDEN} {prediction.refusal.reason}"
        lines.append(note.strip())
    words = (
        f"{title} of {model} for {card.finding} over the film, transparent below {CUT:g} of its "
        f"range. {heatmap.sign} {CAPTION}{note} "
        f"Made {utc(made):%Y-%m-%d %H:%M:%S} UTC by cxr {VERSION}."
    )
    picture = with_legend(overlay(small, fitting), lines)
    return secondary_capture(picture, words, origin, card, utc(made))


def to_structured_report(
    film: Radiograph,
    prediction: Prediction,
    card: Card,
    source: bytes | None,
    call: Call | None = None,
    made: datetime | None = None,
    *,
    judgement: Agreement | None = None,
    reason: Reason | None = None,
    regions: Sequence[Region] = (),
) -> bytes:
    """Write a film's score as a DICOM Structured Report by TID 1500 (PS3.16, PS3.3 A.35.3).

    One measurement group names the finding, the score, the operating point's threshold, the band,
    the reader's call and verdict, refers to the film's image, and names the model as the observing
    device, with a UID that follows from its weights' hash. Each region that the reader drew is a
    group of its own, with its outline in the image. It is a series of its own in the film's study,
    complete, preliminary and not verified.

    Parameters
    ----------
    film, prediction : Radiograph or Prediction
        A film with a score.
    card : Card
        Of the model.
    source : bytes
        The film's DICOM file, which patient and study are taken from; of each element only a valid
        value.
    call : Call, optional
        What the reader said of the model's finding (default: nothing).
    made : datetime, optional
        When, in UTC where it names no zone (default: now).
    judgement, reason : Agreement and Reason, optional
        What the reader said of the score: it is accepted, rejected, or neither.
    regions : sequence of Region, optional
        What the reader drew on the film.

    Returns
    -------
    bytes
        A DICOM file, explicit VR little endian. Its UIDs are new at each call.

    Raises
    ------
    ValueError
        If the film is refused, scored by another model, not from a DICOM file or not from this
        one; if that does not name its study, series and image or is of no kind of film; or if the
        call is none that is known.
    """
    scored_by(card, prediction)
    if prediction.score is None:
        raise ExportError(_REFUSED)
    origin = _referred(film, source)
    from .dicom_structured import structured_report

    return structured_report(prediction, origin, card, call, utc(made), judgement, reason, regions)


def to_segmentation(
    film: Radiograph,
    regions: Sequence[Region],
    card: Card,
    source: bytes | None,
    made: datetime | None = None,
) -> bytes:
    """Write the regions that a reader drew as a DICOM Segmentation (PS3.3 A.51).

    One segment per region, binary, at the film's size. It is a series of its own in the film's
    study.

    Parameters
    ----------
    film : Radiograph
        The film.
    regions : sequence of Region
        At least one.
    card : Card
        Of the model whose score the reader saw.
    source : bytes
        The film's DICOM file, which patient and study are taken from; of each element only a valid
        value.
    made : datetime, optional
        When, in UTC where it names no zone (default: now).

    Returns
    -------
    bytes
        A DICOM file, explicit VR little endian. Its UIDs are new at each call.

    Raises
    ------
    ValueError
        If there is no region, or the film is not from this DICOM file, or that cannot be referred
        to.
    """
    if not regions:
        raise ExportError(_NO_REGION)
    origin = _referred(film, source)
    from .dicom_segmentation import segmentation

    return segmentation(regions, origin, card, utc(made))


def to_presentation_state(
    film: Radiograph,
    regions: Sequence[Region],
    card: Card,
    source: bytes | None,
    made: datetime | None = None,
) -> bytes:
    """Write the regions that a reader drew as a DICOM presentation state (PS3.3 A.33.1).

    A viewer shows the film with it as its file says, with the lines and the words of the regions.

    Parameters
    ----------
    film, regions, card, source, made
        See `to_segmentation`.

    Returns
    -------
    bytes
        A DICOM file, explicit VR little endian. Its UIDs are new at each call.

    Raises
    ------
    ValueError
        See `to_segmentation`; and if the film is in color.
    """
    if not regions:
        raise ExportError(_NO_REGION)
    origin = _referred(film, source)
    assert source is not None
    if film.values is None:
        raise ExportError(_COLOR)
    from .dicom_presentation import presentation_state

    return presentation_state(regions, film.values, source, origin, card, utc(made))


def to_parametric_map(
    film: Radiograph,
    heatmap: Heatmap,
    card: Card,
    source: bytes | None,
    made: datetime | None = None,
) -> bytes:
    """Write a heatmap as a DICOM Parametric Map (PS3.3 A.75).

    One frame at the film's size with values from 0 to 1; it names the method, the layer and the
    hash of the model's weights.

    Parameters
    ----------
    film : Radiograph
        The film.
    heatmap : Heatmap
        Of its size.
    card : Card
        Of the model.
    source, made
        See `to_segmentation`.

    Returns
    -------
    bytes
        A DICOM file, explicit VR little endian. Its UIDs are new at each call.

    Raises
    ------
    ValueError
        If the heatmap is of another size, or the film is not from this DICOM file, or that cannot
        be referred to.
    """
    if (heatmap.height, heatmap.width) != (film.height, film.width):
        raise ValueError("Expected a heatmap of the film's size.")
    origin = _referred(film, source)
    from .dicom_map import parametric_map

    return parametric_map(heatmap, origin, film.pixel_spacing, card, utc(made))


def _referred(film: Radiograph, source: bytes | None) -> Dataset:
    """Return the origin of a film whose image can be referred to."""
    if film.format != "dicom" or source is None:
        raise ExportError(_NOT_DICOM)
    from .dicom_origin import origin_of
    from .dicom_structured import FILMS

    origin = origin_of(film, source)
    if origin.get("SOPClassUID") not in FILMS:
        raise ExportError(_NO_REFERENCE)
    return origin


def to_dicom_zip(
    items: Iterable[Item], cards: Card | Sequence[Card], *, made: datetime | None = None
) -> bytes:
    """Write all that is said of each film as DICOM into one zip.

    Files are numbered by the film's place in the list, and named by what they hold:
    ``0001_sc.dcm`` (Secondary Capture), ``0001_sr.dcm`` (Structured Report), ``0001_pm.dcm``
    (Parametric Map of the heatmap), and of films that the reader drew on ``0001_seg.dcm``
    (Segmentation) and ``0001_pr.dcm`` (presentation state). With several models they name the
    finding too, ``0001_tuberculosis_sc.dcm``. Of a refused film only what was drawn on it is
    written, and of a film from no DICOM file the Secondary Capture alone; ``index.csv`` says of
    each film what was written and why not the rest.

    Parameters
    ----------
    items : iterable of Item
        The films, those from DICOM files with their `source`. May be a generator: only one film at
        a time is held at full size.
    cards : Card or sequence of Card
        Of the models that scored them.
    made : datetime, optional
        When, in UTC where it names no zone (default: now).

    Returns
    -------
    bytes
        The zip, made in memory.

    Raises
    ------
    ValueError
        If a film was scored by another model, or has another film's heatmap or file.
    """
    made, known = utc(made), cards_by_model(cards)
    file, index = io.BytesIO(), io.StringIO()
    index.write(csv_line(INDEX))
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:

        def put(name: str, content: bytes | str) -> None:
            entry = zipfile.ZipInfo(name, made.timetuple()[:6])
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED, 1)

        for place, item in enumerate(items, start=1):
            card = card_of(known, item.prediction)
            written, notes = _written(item, card, made)
            number = item.number or place
            of = f"_{card.finding}" if len(known) > 1 else ""
            names = {kind: f"{number:04}{of}_{kind}.dcm" for kind in written}
            for kind, content in written.items():
                put(names[kind], content)
            files, said = " ".join(names.values()), " ".join(notes)
            index.write(csv_line([number, name_of(item.name), card.finding, files, said]))
        put("index.csv", index.getvalue())
    return file.getvalue()


def _written(item: Item, card: Card, made: datetime) -> tuple[dict[str, bytes], list[str]]:
    """Return the files of one film by kind, and what is to be said of it."""
    film, prediction = item.film, item.prediction
    written: dict[str, bytes] = {}
    refused = prediction.refusal.reason if prediction.refusal else "Not read."
    if film is None:
        return {}, [refused]
    notes = [refused] if prediction.score is None else _scored(item, film, card, made, written)
    if film.format != "dicom" or item.source is None:
        if prediction.score is not None:
            notes.append(_NOT_DICOM)
        return written, notes
    for kind, write in (("seg", to_segmentation), ("pr", to_presentation_state)):
        if not item.regions:
            continue
        try:
            written[kind] = write(film, item.regions, card, item.source, made)
        except ValueError as error:
            notes.append(_why_not(kind, error))
    return written, list(dict.fromkeys(notes))


def _scored(
    item: Item, film: Radiograph, card: Card, made: datetime, written: dict[str, bytes]
) -> list[str]:
    """Write what is said of a film with a score; return what is to be said of it."""
    prediction, notes = item.prediction, []
    if prediction.overridden and prediction.refusal:
        notes.append(f"{OVERRIDDEN} {prediction.refusal.reason}")
    heatmap = prediction.heatmap
    if heatmap is None:
        notes.append("There is no heatmap.")
    else:
        written["sc"] = to_secondary_capture(film, heatmap, prediction, card, item.source, made)
    if film.format != "dicom" or item.source is None:
        return notes
    from .dicom_structured import call_code

    call = item.call
    try:
        if call is not None:
            call_code(call)
    except ValueError:
        notes.append("The reader's call is none that is known, and was left out.")
        call = None
    try:
        written["sr"] = to_structured_report(
            film,
            prediction,
            card,
            item.source,
            call,
            made,
            judgement=item.judgement,
            reason=item.reason,
            regions=item.regions,
        )
        if heatmap is not None:
            written["pm"] = to_parametric_map(film, heatmap, card, item.source, made)
    except ValueError as error:
        notes.append(_why_not("pm" if "sr" in written else "sr", error))
    return notes


def _why_not(kind: str, error: ValueError) -> str:
    """Say why there is no file of a kind, but for what a library says to programmers."""
    if isinstance(error, ExportError):
        return str(error)
    logger.warning("A %s could not be made: %s", _KINDS[kind], fault(error))
    return f"The {_KINDS[kind]} could not be made of this film."
