"""Regions that a reader drew as a DICOM presentation state. Loaded with a DICOM export."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

import numpy as np
from highdicom import (
    VOILUT,
    ModalityLUT,
    ModalityLUTTransformation,
    PresentationLUTShapeValues,
    PresentationLUTTransformation,
    RescaleTypeValues,
)
from highdicom.pr import (
    AnnotationUnitsValues,
    GraphicAnnotation,
    GraphicLayer,
    GraphicObject,
    GraphicTypeValues,
    GrayscaleSoftcopyPresentationState,
    SoftcopyVOILUTTransformation,
    TextObject,
)
from pydicom.dataset import Dataset

from ..films.dicom import open_dataset
from ..films.dicom_grey import numbers, read_table
from ..films.dicom_quiet import quiet
from ..films.values import FilmValues
from ..films.windows import Window, WindowTable
from ..scoring.card import Card
from ..scoring.region import Region
from .dicom_filing import anonymous, equipment, finish, region_uid
from .dicom_outlines import outline

__all__ = ["presentation_state"]

SERIES = 904
LAYER = "READER"
UNITS = AnnotationUnitsValues.PIXEL
_LONGEST_TABLE = 65535
Table = TypeVar("Table", VOILUT, ModalityLUT)


def presentation_state(
    regions: Sequence[Region],
    values: FilmValues | None,
    source: bytes,
    origin: Dataset,
    card: Card,
    made: datetime,
) -> bytes:
    """Write regions as Grayscale Softcopy Presentation State (PS3.3 A.33.1).

    It shows the film as its file does, with the regions and their words in a layer of their own.

    Parameters
    ----------
    regions : sequence of Region
        At least one.
    values : FilmValues or None
        Of the film, for window and polarity; without them it is shown as it is stored.
    source : bytes
        The film's DICOM file, in gray.
    origin : Dataset
        Of the film, as `cxr.exports.dicom_origin.origin_of` returns it; its image can be referred
        to.
    card : Card
        Of the model whose score the reader saw.
    made : datetime
        When, in UTC.

    Returns
    -------
    bytes
        A DICOM file.
    """
    image = anonymous(origin)
    image.SamplesPerPixel = 1
    layer = GraphicLayer(LAYER, 1, description="Regions that the human reader drew")
    annotation = GraphicAnnotation(
        [image],
        layer,
        graphic_objects=[_line(number, region, image) for number, region in enumerate(regions, 1)],
        text_objects=[_words(region, image) for region in regions],
    )
    shape = "INVERSE" if values is not None and values.inverted else "IDENTITY"
    shown = _window(values)
    state = GrayscaleSoftcopyPresentationState(
        [image],
        series_number=SERIES,
        series_description="Regions of the reader (research, not for diagnosis)",
        content_label="REGIONS",
        content_description="Regions that the human reader drew",
        graphic_annotations=[annotation],
        graphic_layers=[layer],
        modality_lut_transformation=_modality(source),
        voi_lut_transformations=[shown] if shown else None,
        presentation_lut_transformation=PresentationLUTTransformation(
            presentation_lut_shape=PresentationLUTShapeValues(shape)
        ),
        **equipment(card),
    )
    state.BodyPartExamined = "CHEST"
    return finish(state, origin, made)


def _line(number: int, region: Region, image: Dataset) -> GraphicObject:
    kind, points = outline(region, image.Rows, image.Columns)
    return GraphicObject(
        GraphicTypeValues(kind),
        points,
        units=UNITS,
        tracking_id=f"Region {number} of the reader",
        tracking_uid=region_uid(image, region),
    )


def _words(region: Region, image: Dataset) -> TextObject:
    left, top, _, _ = region.pixels(image.Rows, image.Columns)
    return TextObject(region.words, units=UNITS, anchor_point=(left, top))


def _modality(source: bytes) -> ModalityLUTTransformation | None:
    """Return how stored values become the film's own, as its file says."""
    with quiet():
        header = open_dataset(source)
        tables = header.get("ModalityLUTSequence") or []
        if tables and "LUTDescriptor" in tables[0] and "LUTData" in tables[0]:
            # A value that can go in tells the sign of the first one.
            stored = np.full(1, -1 if header.get("PixelRepresentation") == 1 else 0)
            table, _ = read_table(tables[0], header, stored)
            entries = table.entries[:_LONGEST_TABLE]
            if entries.max() < 256:  # by the fewest bits that do
                entries = entries.astype(np.uint8)
            unit = RescaleTypeValues.US
            lut = _first(ModalityLUT(unit, 0, entries), table.first)
            return ModalityLUTTransformation(modality_lut=lut)
        slope = (numbers(header, "RescaleSlope") or [1.0])[0] or 1.0
        intercept = (numbers(header, "RescaleIntercept") or [0.0])[0]
    if (slope, intercept) == (1.0, 0.0):
        return None
    return ModalityLUTTransformation(intercept, slope, RescaleTypeValues.US)


def _first(table: Table, value: int) -> Table:
    """Have a table that begins at 0 begin at another value.

    The library knows no values below 0. A descriptor with a sign has one in all of its numbers, so
    that the number of entries may be written as that of the same 16 bits (PS3.3 C.11.1.1.1).
    """
    length, _, bits = table.LUTDescriptor
    if value < 0:
        signed = length - 2**16 if length >= 2**15 else length
        table.add_new("LUTDescriptor", "SS", [signed, value, bits])
    else:
        table.LUTDescriptor = [length, value, bits]
    return table


def _window(values: FilmValues | None) -> SoftcopyVOILUTTransformation | None:
    """Return what the film is shown at first with."""
    if values is None:
        return None
    start = values.start
    if isinstance(start, WindowTable):
        # To 16 bits: whoever reads the table takes the highest of its bits for white.
        entries = np.rint(start.entries.astype(float) * (65535 / start.top))
        table = np.minimum(entries, 65535).astype(np.uint16)[:_LONGEST_TABLE]
        return SoftcopyVOILUTTransformation(voi_luts=[_first(VOILUT(0, table), start.first)])
    if isinstance(start, Window):
        center, width, function = start.center, start.width, start.function
    elif start.low == start.high:
        return None
    else:
        center, width = (start.low + start.high) / 2, start.high - start.low
        function = "LINEAR_EXACT"
    return SoftcopyVOILUTTransformation(center, width, voi_lut_function=function)
