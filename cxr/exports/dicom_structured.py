"""A score and what its reader said as a DICOM Structured Report. Loaded with a DICOM export.

By TID 1500 (Measurement Report, PS3.16): the score and the reader's call and verdict are one
measurement group by TID 1501, each region that the reader drew is one by TID 1410. What the
standard has no code for is in the private scheme 99CXR, whose meanings are the words of the pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from highdicom.coding_schemes import CodingSchemeIdentificationItem
from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    ComprehensiveSR,
    DeviceObserverIdentifyingAttributes,
    FindingSite,
    GraphicTypeValues,
    ImageRegion,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    QualitativeEvaluation,
    RelationshipTypeValues,
    SourceImageForMeasurementGroup,
    SourceImageForRegion,
    TextContentItem,
    TrackingIdentifier,
)
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    SecondaryCaptureImageStorage,
    generate_uid,
)

from ..heatmaps.methods import METHODS
from ..lungs.share import Share
from ..scoring.card import Card
from ..scoring.population import intended_use
from ..scoring.predict import Prediction
from ..scoring.reader import Agreement, Call, Reason, RegionLabel
from ..scoring.region import Region
from .dicom_codes import SCHEME, finding_code
from .dicom_filing import (
    anonymous,
    device_uid,
    equipment,
    finish,
    region_uid,
)
from .dicom_outlines import outline
from .item import OVERRIDDEN, VERSION

__all__ = ["FILMS", "call_code", "structured_report", "verdict_code"]

SERIES = 902
#: Kinds of image that a report can refer to as a film.
FILMS = (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    SecondaryCaptureImageStorage,
)
CHEST_X_RAY = CodedConcept("399208008", "SCT", "Plain chest X-ray")
BANDS = {
    band: CodedConcept(band, SCHEME, f"{band.capitalize()} the operating point")
    for band in ("above", "near", "below")
}
#: The group's finding says what was seen.
CALL_CODES = {
    Call.FINDING: CodedConcept("seen", SCHEME, "Finding seen"),
    Call.NO_FINDING: CodedConcept("not-seen", SCHEME, "Finding not seen"),
    Call.UNSURE: CodedConcept("unsure", SCHEME, "Unsure"),
}
SCORE = CodedConcept("score", SCHEME, "Score of the finding, calibrated, 0 to 1")
THRESHOLD = CodedConcept("threshold", SCHEME, "Threshold of the operating point")
BAND = CodedConcept("band", SCHEME, "Score against the operating point")
CALL = CodedConcept("reader-call", SCHEME, "Call of the human reader")
HEAT = CodedConcept("heat-share", SCHEME, "Share of the heatmap's heat in this site, 0 to 1")
HEAT_AREA = CodedConcept("heat-area", SCHEME, "Area above half of the heatmap's maximum, of lungs")
HEAT_PEAK = CodedConcept("heat-peak", SCHEME, "Peak of the heatmap")
PEAKS = {
    True: CodedConcept("inside", SCHEME, "Inside the lungs"),
    False: CodedConcept("outside", SCHEME, "Outside the lungs"),
}
#: What the reader says of the score. The standard has no code for accepted and rejected.
VERDICT = CodedConcept("verdict", SCHEME, "Verdict of the human reader on the score")
ACCEPTED = CodedConcept("accepted", SCHEME, "Accepted")
REJECTED = CodedConcept("rejected", SCHEME, "Rejected")
UNDETERMINED = CodedConcept("373068000", "SCT", "Undetermined")  # CID 240
REASON = CodedConcept("verdict-reason", SCHEME, "Why the score was rejected")
REASONS = {
    Reason.ARTEFACT: CodedConcept("artifact", SCHEME, "Artifact or device"),
    Reason.OLD_FINDING: CodedConcept("old-finding", SCHEME, "Old finding"),
    Reason.FILM_QUALITY: CodedConcept("film-quality", SCHEME, "Film quality"),
    Reason.OTHER_DISEASE: CodedConcept("other-disease", SCHEME, "Other disease"),
    Reason.HEATMAP_ELSEWHERE: CodedConcept("heat-elsewhere", SCHEME, "Heatmap elsewhere"),
    Reason.CLINICAL_KNOWLEDGE: CodedConcept("clinical", SCHEME, "Clinical knowledge"),
    Reason.OTHER: CodedConcept("other-reason", SCHEME, "Other"),
}
#: What the reader says of a region; present and absent are of CID 240.
REGION = CodedConcept("region", SCHEME, "What the human reader says of the region")
REGION_CODES = {
    RegionLabel.FINDING: CodedConcept("52101004", "SCT", "Present"),
    RegionLabel.MISSED: CodedConcept("missed", SCHEME, "Present, and missed by the heatmap"),
    RegionLabel.NOTHING: CodedConcept("272519000", "SCT", "Absent"),
    RegionLabel.OTHER: CodedConcept("other", SCHEME, "Something else"),
}
#: PS3.16 CID 4 (Anatomic Region), CID 6171 (Zone of Lung) and CID 244 (Laterality). No code names a
#: zone of one lung, so that a site is the zone with its side.
LUNG = CodedConcept("39607008", "SCT", "Lung")
ZONES = {
    "upper": CodedConcept("281392002", "SCT", "Upper zone of lung"),
    "middle": CodedConcept("281393007", "SCT", "Middle zone of lung"),
    "lower": CodedConcept("281394001", "SCT", "Lower zone of lung"),
}
SIDES = {
    "right": CodedConcept("24028007", "SCT", "Right"),
    "left": CodedConcept("7771000", "SCT", "Left"),
}


def call_code(call: Call) -> CodedConcept:
    """Return the code of a reader's call.

    Raises
    ------
    ValueError
        If there is no such call.
    """
    return CALL_CODES[Call(call)]


def verdict_code(call: Call | None, judgement: Agreement | None) -> CodedConcept | None:
    """Return the code of a reader's verdict on the score; None where there is none."""
    if call is Call.UNSURE:
        return UNDETERMINED
    if judgement is None:
        return None
    return ACCEPTED if judgement is Agreement.AGREE else REJECTED


def structured_report(
    prediction: Prediction,
    origin: Dataset,
    card: Card,
    call: Call | None,
    made: datetime,
    judgement: Agreement | None = None,
    reason: Reason | None = None,
    regions: Sequence[Region] = (),
) -> bytes:
    """Write a score as Comprehensive SR (PS3.3 A.35.3).

    Parameters
    ----------
    prediction : Prediction
        With a score.
    origin : Dataset
        Of the film, as `cxr.exports.dicom_origin.origin_of` returns it; its image is one of
        `FILMS`.
    card : Card
        Of the model.
    call : str
        The reader's, or None.
    made : datetime
        When, in UTC.
    judgement, reason : Agreement and Reason, or None
        What the reader said of the score.
    regions : sequence of Region, optional
        What the reader drew on the film.

    Returns
    -------
    bytes
        A DICOM file.
    """
    image = anonymous(origin)
    # The library wants orientation and spacing of these; without them, an image is described by
    # its size alone.
    known = all(keyword in image for keyword in ("PatientOrientation", "ImagerPixelSpacing"))
    if not (known and image.get("Modality") in ("CR", "DX")):
        image.Modality = "OT"
    report = MeasurementReport(
        observation_context=_observer(card),
        procedure_reported=CHEST_X_RAY,
        imaging_measurements=[
            _group(prediction, image, card, call, judgement, reason),
            *(_region_group(number, region, image) for number, region in enumerate(regions, 1)),
        ],
        referenced_images=[image],
    )
    comment = f"{intended_use(card.population)} Made {made:%Y-%m-%d %H:%M:%S} UTC."
    if prediction.overridden and prediction.refusal:
        comment += f" {OVERRIDDEN} {prediction.refusal.reason}"
    if (heat := prediction.heat_in_lungs) and heat.sentence:
        comment += f" {METHODS[heat.method].title}: {heat.sentence}"
    report[0].ContentSequence.append(
        TextContentItem(codes.DCM.Comment, comment, RelationshipTypeValues.CONTAINS)
    )
    document = ComprehensiveSR(
        evidence=[image],
        content=report,
        series_number=SERIES,
        series_description="Score (research, not for diagnosis)",
        is_complete=True,
        coding_schemes=[
            CodingSchemeIdentificationItem(
                SCHEME, name="Words of the cxr package", responsible_organization="cxr"
            )
        ],
        **equipment(card),
    )
    return finish(document, origin, made)


def _observer(card: Card) -> ObservationContext:
    sha256 = card.weights.sha256
    device = DeviceObserverIdentifyingAttributes(
        uid=device_uid(sha256),
        name=card.name,
        manufacturer_name="cxr",
        model_name=card.name,
        serial_number=sha256[:12],
    )
    return ObservationContext(ObserverContext(codes.DCM.Device, device))


def _group(
    prediction: Prediction,
    image: Dataset,
    card: Card,
    call: Call | None,
    judgement: Agreement | None,
    reason: Reason | None,
) -> MeasurementsAndQualitativeEvaluations:
    point = card.operating_point(prediction.operating_point)
    sha256 = card.weights.sha256
    parameters = [f"weights sha256: {sha256}", f"operating point: {point.name}. {point.rule}"]
    parameters.append(f"package: cxr {VERSION}")
    assert prediction.score is not None
    assert prediction.band is not None
    evaluations = [QualitativeEvaluation(BAND, BANDS[prediction.band])]
    measured = [
        Measurement(SCORE, float(prediction.score), codes.UCUM.NoUnits),
        Measurement(THRESHOLD, float(prediction.threshold), codes.UCUM.NoUnits),
    ]
    if (heat := prediction.heat_in_lungs) and heat.share:
        parameters.append(f"heatmap: {METHODS[heat.method].title}")
        measured += _heat(heat.share)
        evaluations.append(QualitativeEvaluation(HEAT_PEAK, PEAKS[heat.share.peak_inside]))
    if call is not None:
        evaluations.append(QualitativeEvaluation(CALL, call_code(call)))
    if verdict := verdict_code(call, judgement):
        evaluations.append(QualitativeEvaluation(VERDICT, verdict))
    if judgement is Agreement.OVERRIDE and reason is not None:
        evaluations.append(QualitativeEvaluation(REASON, REASONS[Reason(reason)]))
    return MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(generate_uid(), f"{card.finding} score"),
        finding_type=finding_code(card.finding),
        algorithm_id=AlgorithmIdentification(card.name, sha256[:12], parameters),
        measurements=measured,
        qualitative_evaluations=evaluations,
        source_images=[SourceImageForMeasurementGroup.from_source_image(image)],
    )


def _region_group(
    number: int, region: Region, image: Dataset
) -> PlanarROIMeasurementsAndQualitativeEvaluations:
    """Return a region of the film with what the reader says of it."""
    kind, points = outline(region, image.Rows, image.Columns)
    return PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(
            region_uid(image, region), f"Region {number} of the reader"
        ),
        referenced_region=ImageRegion(
            GraphicTypeValues(kind), points, SourceImageForRegion.from_source_image(image)
        ),
        finding_type=finding_code(region.finding),
        qualitative_evaluations=[QualitativeEvaluation(REGION, REGION_CODES[region.label])],
    )


def _heat(share: Share) -> list[Measurement]:
    """Return how much of a heatmap's heat lies in the lungs, and in each zone."""
    shares = [(FindingSite(LUNG), share.inside)]
    for zone, part in share.zones.items():
        side, third = zone.split()
        shares.append((FindingSite(ZONES[third], laterality=SIDES[side]), part))
    return [
        *(
            Measurement(HEAT, round(part, 4), codes.UCUM.NoUnits, finding_sites=[site])
            for site, part in shares
        ),
        Measurement(
            HEAT_AREA, round(share.area, 4), codes.UCUM.NoUnits, finding_sites=[FindingSite(LUNG)]
        ),
    ]
