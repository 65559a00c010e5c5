"""A film with its heatmap as a DICOM Secondary Capture. Loaded with a DICOM export."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from highdicom.sc import SCImage
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian

from ..scoring.card import Card
from ..scoring.population import intended_use
from .dicom_filing import anonymous, equipment, finish
from .dicom_origin import referable

__all__ = ["secondary_capture"]

SERIES = 901


def secondary_capture(
    picture: NDArray[np.uint8], words: str, origin: Dataset, card: Card, made: datetime
) -> bytes:
    """Write a picture as Secondary Capture (PS3.3 A.8.1), uncompressed.

    Parameters
    ----------
    picture : numpy.ndarray of uint8
        uint8 (H, W, 3), RGB.
    words : str
        What it is and how it was made; at most 1,024 characters are kept.
    origin : Dataset
        Of the film, as `cxr.exports.dicom_origin.origin_of` returns it.
    card : Card
        Of the model.
    made : datetime
        When, in UTC.

    Returns
    -------
    bytes
        A DICOM file.
    """
    image = SCImage.from_ref_dataset(
        anonymous(origin),
        pixel_array=picture,
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        patient_orientation=("L", "F"),  # replaced below by what is known
        series_number=SERIES,
        series_description="Heatmap (research, not for diagnosis)",
        transfer_syntax_uid=ExplicitVRLittleEndian,
        **equipment(card),
    )
    image.PatientOrientation = origin.get("PatientOrientation")
    image.BodyPartExamined = "CHEST"
    image.BurnedInAnnotation = "YES"
    image.DerivationDescription = words[:1024]
    image.ImageComments = intended_use(card.population)
    if origin.get("LossyImageCompression") == "01":
        for part in ("", "Ratio", "Method"):
            keyword = f"LossyImageCompression{part}"
            if keyword in origin:
                setattr(image, keyword, origin[keyword].value)
    if referable(origin):
        purpose = Dataset()
        code = codes.DCM.SourceImageForImageProcessingOperation
        purpose.CodeValue = code.value
        purpose.CodingSchemeDesignator = code.scheme_designator
        purpose.CodeMeaning = code.meaning
        source = Dataset()
        source.ReferencedSOPClassUID = origin.SOPClassUID
        source.ReferencedSOPInstanceUID = origin.SOPInstanceUID
        source.PurposeOfReferenceCodeSequence = [purpose]
        image.SourceImageSequence = [source]
    return finish(image, origin, made)
