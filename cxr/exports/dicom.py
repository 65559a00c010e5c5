"""Heatmaps and scores as DICOM, filed with the study that the film came from."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Sequence
from datetime import datetime

from ..films.radiograph import Radiograph
from ..heatmaps.heatmap import CAPTION, Heatmap
from ..heatmaps.overlay import CUT, overlay
from ..plain_text import name_of
from ..scoring.card import Card
from ..scoring.population import intended_use
from ..scoring.predict import Prediction
from ..scoring.reader import Call
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

__all__ = ["SIDE", "to_dicom_zip", "to_secondary_capture", "to_structured_report"]

#: Longest side of the film in a Secondary Capture, pixels.
SIDE = 2048
INDEX = ("number", "name", "finding", "files", "note")
_REFUSED = "A refused film has no score, so there is nothing to export of it as DICOM."
_NOT_DICOM = "A structured report refers to its DICOM image; this film is not from a DICOM file."
_NO_REFERENCE = (
    "The DICOM file does not say which study, series and image it is, or is of no kind of film, "
    "so no report can refer to it."
)


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
        raise ValueError(_REFUSED)
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
) -> bytes:
    """Write a film's score as a DICOM Structured Report by TID 1500 (PS3.16, PS3.3 A.35.3).

    One measurement group names the finding, the score, the operating point's threshold, the band
    and the reader's call, refers to the film's image, and names the model as the observing device,
    with a UID that follows from its weights' hash. It is a series of its own in the film's study,
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
        raise ValueError(_REFUSED)
    if film.format != "dicom" or source is None:
        raise ValueError(_NOT_DICOM)
    from .dicom_origin import origin_of
    from .dicom_structured import FILMS, structured_report

    origin = origin_of(film, source)
    if origin.get("SOPClassUID") not in FILMS:
        raise ValueError(_NO_REFERENCE)
    return structured_report(prediction, origin, card, call, utc(made))


def to_dicom_zip(
    items: Iterable[Item], cards: Card | Sequence[Card], *, made: datetime | None = None
) -> bytes:
    """Write Secondary Capture and Structured Report of each scored film into one zip.

    Files are numbered by the film's place in the list: ``0001_sc.dcm``, ``0001_sr.dcm``; with
    several models they name the finding too, ``0001_tuberculosis_sc.dcm``. Refused films are left
    out, and films from no DICOM file have no report; ``index.csv`` says of each film what was
    written and why not the rest.

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
    if prediction.score is None or film is None:
        return {}, [prediction.refusal.reason if prediction.refusal else "Not read."]
    written: dict[str, bytes] = {}
    notes = []
    if prediction.overridden and prediction.refusal:
        notes.append(f"{OVERRIDDEN} {prediction.refusal.reason}")
    if prediction.heatmap is None:
        notes.append("There is no heatmap.")
    else:
        written["sc"] = to_secondary_capture(
            film, prediction.heatmap, prediction, card, item.source, made
        )
    if film.format != "dicom" or item.source is None:
        return written, [*notes, _NOT_DICOM]
    from .dicom_structured import call_code

    call = item.call
    try:
        if call is not None:
            call_code(call)
    except ValueError:
        notes.append("The reader's call is none that is known, and was left out.")
        call = None
    try:
        written["sr"] = to_structured_report(film, prediction, card, item.source, call, made)
    except ValueError as error:
        notes.append(str(error))
    return written, notes
