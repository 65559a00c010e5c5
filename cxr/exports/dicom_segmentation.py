"""Regions that a reader drew as a DICOM Segmentation. Loaded with a DICOM export."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from highdicom.seg import SegmentAlgorithmTypeValues, Segmentation, SegmentDescription
from highdicom.sr import CodedConcept
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from ..scoring.card import Card
from ..scoring.reader import RegionLabel
from ..scoring.region import Region
from .dicom_codes import SCHEME, finding_code
from .dicom_filing import anonymous, equipment, finish, region_uid

__all__ = ["segmentation"]

SERIES = 903
#: PS3.16 CID 7150, Segmentation Property Category.
ABNORMAL = codes.SCT.MorphologicallyAbnormalStructure
PLACE = codes.SCT.SpatialAndRelationalConcept
#: What there is no finding to name for.
PLACES = {
    RegionLabel.NOTHING: CodedConcept("nothing", SCHEME, "Place where nothing is"),
    RegionLabel.OTHER: CodedConcept("other", SCHEME, "Something else"),
}


def segmentation(regions: Sequence[Region], origin: Dataset, card: Card, made: datetime) -> bytes:
    """Write regions as Segmentation (PS3.3 A.51), binary, one segment per region.

    Its pixels are those of the film: a projection has no place in the patient, so there is no frame
    of reference.

    Parameters
    ----------
    regions : sequence of Region
        At least one.
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
    masks = [region.mask(image.Rows, image.Columns) for region in regions]
    made_of = Segmentation(
        [image],
        np.stack(masks, axis=-1).astype(np.uint8)[None],
        "BINARY",
        [_segment(number, region, image) for number, region in enumerate(regions, 1)],
        series_number=SERIES,
        series_description="Regions of the reader (research, not for diagnosis)",
        content_label="REGIONS",
        content_description="Regions that the human reader drew",
        omit_empty_frames=False,
        **equipment(card),
    )
    if "PatientOrientation" in origin:
        made_of.PatientOrientation = origin.PatientOrientation
    else:
        made_of.PatientOrientation = None
    made_of.BodyPartExamined = "CHEST"
    return finish(made_of, origin, made)


def _segment(number: int, region: Region, image: Dataset) -> SegmentDescription:
    place = PLACES.get(region.label)
    return SegmentDescription(
        number,
        f"{number} {region.words}"[:64],
        PLACE if place else ABNORMAL,
        place or finding_code(region.finding),
        SegmentAlgorithmTypeValues.MANUAL,
        tracking_uid=region_uid(image, region),
        tracking_id=f"Region {number} of the reader",
    )
