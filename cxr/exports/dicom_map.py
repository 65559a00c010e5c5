"""A heatmap as a DICOM Parametric Map. Loaded with a DICOM export."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from highdicom import VOILUTTransformation
from highdicom.pm import ParametricMap, RealWorldValueMapping
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid
from pydicom.valuerep import DS

from ..heatmaps.heatmap import CAPTION, Heatmap
from ..scoring.card import Card
from ..scoring.population import intended_use
from .dicom_filing import anonymous, equipment, finish

__all__ = ["parametric_map"]

SERIES = 905
MOST = 65535
#: In the place of a size of pixels that no one knows: the standard wants one.
UNKNOWN = (1.0, 1.0)
#: What the values are, PS3.16 CID 7180. A method without an entry is any other saliency.
QUANTITIES = {
    **dict.fromkeys(
        ("gradcam", "gradcam++", "layercam", "hirescam"), codes.DCM.GradientWeightedClassActivation
    ),
    "scorecam": codes.DCM.ClassActivation,
}


def parametric_map(
    heatmap: Heatmap,
    origin: Dataset,
    spacing: tuple[float, float] | None,
    card: Card,
    made: datetime,
) -> bytes:
    """Write a heatmap as Parametric Map (PS3.3 A.75), one frame of the film's size.

    Stored are 16 bits; the real world values are those of `Heatmap.array`, from 0 to 1. The
    standard wants a frame of reference, which a projection has none of: it is one of the map's
    own, and its pixels are those of the film.

    Parameters
    ----------
    heatmap : Heatmap
        Of the film.
    origin : Dataset
        Of the film, as `cxr.exports.dicom_origin.origin_of` returns it; its image can be referred
        to.
    spacing : tuple of float, or None
        Size of the film's pixels (row, column) in mm; None where its file does not say.
    card : Card
        Of the model.
    made : datetime
        When, in UTC.

    Returns
    -------
    bytes
        A DICOM file. It names the method, the layer and the hash of the weights.
    """
    sha256, layer = card.weights.sha256, f", layer {heatmap.layer}" if heatmap.layer else ""
    mapping = RealWorldValueMapping(
        "HEAT",
        f"{heatmap.title}{layer}"[:64],
        codes.UCUM.NoUnits,
        (0, MOST),
        slope=1 / MOST,
        intercept=0.0,
        quantity_definition=QUANTITIES.get(heatmap.method, codes.DCM.Saliency),
    )
    made_of = ParametricMap(
        [_placed(origin, spacing)],
        np.rint(heatmap.array * MOST).astype(np.uint16),
        series_number=SERIES,
        series_description="Heatmap (research, not for diagnosis)",
        content_label="HEATMAP",
        content_description=CAPTION,
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[mapping],
        voi_lut_transformations=[VOILUTTransformation(MOST / 2, MOST)],
        **equipment(card),
    )
    made_of.BodyPartExamined = "CHEST"
    (frame,) = made_of.PerFrameFunctionalGroupsSequence
    words = (
        f"{heatmap.title}{layer} of {card.name} for {card.finding}, weights sha256 {sha256}. "
        f"{heatmap.sign} {CAPTION}"
    )
    for group in (*made_of.SharedFunctionalGroupsSequence, frame):
        for derivation in group.get("DerivationImageSequence", []):
            derivation.DerivationDescription = words[:1024]
    frame.FrameContentSequence[0].FrameComments = intended_use(card.population)
    return finish(made_of, origin, made)


def _placed(origin: Dataset, spacing: tuple[float, float] | None) -> Dataset:
    """Return the film's image in a frame of reference of its own."""
    image = anonymous(origin)
    image.FrameOfReferenceUID = generate_uid()
    image.PositionReferenceIndicator = None
    image.ImagePositionPatient = [0, 0, 0]
    image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    image.PixelSpacing = [DS(side, auto_format=True) for side in spacing or UNKNOWN]
    image.SliceThickness = 1
    return image
