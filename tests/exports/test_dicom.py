"""Heatmaps and scores as DICOM, read back by pydicom and checked by dciodvfy."""

from __future__ import annotations

import csv
import dataclasses
import io
import shutil
import subprocess
import uuid
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import (
    ComprehensiveSRStorage,
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    SecondaryCaptureImageStorage,
)

from cxr.exports import (
    Item,
    to_dicom_zip,
    to_parametric_map,
    to_presentation_state,
    to_secondary_capture,
    to_segmentation,
    to_structured_report,
)
from cxr.exports.dicom import SIDE
from cxr.exports.dicom_origin import origin_of
from cxr.exports.item import OVERRIDDEN, VERSION
from cxr.films.radiograph import Radiograph, read
from cxr.films.windows import apply_window
from cxr.heatmaps.overlay import overlay
from cxr.scoring.explain import CAPTION
from cxr.scoring.population import intended_use
from cxr.scoring.reader import Agreement, Call, Reason
from tests.cards import SHA256, a_card
from tests.conftest import chest_like, film_like, png
from tests.exports.test_pdf import MADE, REASON, said
from tests.film_files import dicom, dicom_dataset, encode, lut, save
from tests.heat import measured
from tests.scoring.test_region import a_region

STUDY, SERIES, IMAGE = "1.2.3.1", "1.2.3.2", "1.2.3.4"
SCORE = 0.8712345678901234
USE = intended_use("children of 1 to 5 years")


@pytest.fixture(scope="session")
def verified() -> Callable[[bytes, Path], list[str]]:
    """Returns dciodvfy's warnings of a file, having asserted that it has no error."""
    program = shutil.which("dciodvfy")
    if program is None:
        pytest.skip("wants dciodvfy, of the package dicom3tools")

    def check(data: bytes, folder: Path) -> list[str]:
        path = folder / "made.dcm"
        path.write_bytes(data)
        done = subprocess.run([program, str(path)], capture_output=True, text=True, timeout=300)
        lines = (done.stderr + done.stdout).splitlines()
        assert [line for line in lines if "Error" in line] == []
        assert done.returncode == 0
        assert lines
        return [line for line in lines if "Warning" in line]

    return check


def a_source(**tags: Any) -> bytes:
    """A DICOM film with all that names it."""
    facts: dict[str, Any] = {
        "StudyInstanceUID": STUDY,
        "SeriesInstanceUID": SERIES,
        "PatientBirthDate": "20200102",
        "PatientSex": "F",
        "StudyDate": "20240506",
        "StudyTime": "101112",
        "StudyID": "S1",
        "AccessionNumber": "A1",
        "ReferringPhysicianName": "DOC^TOR",
        "PatientOrientation": ["L", "F"],
        "ImagerPixelSpacing": [0.2, 0.2],
    }
    return dicom(chest_like(3), **facts | tags)


def capture(source: bytes | None, film: Radiograph | None = None, **more: Any) -> Dataset:
    film = film or read(source or b"")
    prediction = said(film, SCORE, **more)
    data = to_secondary_capture(film, prediction.heatmap, prediction, a_card(), source, MADE)
    return dcmread(io.BytesIO(data))


def report(source: bytes, call: str | None = None, **more: Any) -> Dataset:
    film = read(source)
    data = to_structured_report(film, said(film, SCORE, **more), a_card(), source, call, MADE)
    return dcmread(io.BytesIO(data))


def as_bytes(dataset: Dataset) -> bytes:
    out = io.BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def content(item: Dataset, *path: str) -> list[Dataset]:
    """Content items whose names' meanings make a path from an item downwards."""
    found = [item]
    for meaning in path:
        found = [
            child
            for parent in found
            for child in parent.get("ContentSequence", [])
            if child.ConceptNameCodeSequence[0].CodeMeaning == meaning
        ]
    return found


def group(document: Dataset, meaning: str) -> Dataset:
    (found,) = content(document, "Imaging Measurements", "Measurement Group", meaning)
    return found


def code(item: Dataset) -> tuple[str, str, str]:
    (value,) = item.ConceptCodeSequence
    return value.CodeValue, value.CodingSchemeDesignator, value.CodeMeaning


def test_the_picture_says_where_the_heat_lies():
    source, heat = a_source(), measured()
    plain, told = capture(source), capture(source, heat_in_lungs=heat)
    assert told.Rows > plain.Rows


class TestSecondaryCapture:
    @pytest.fixture(scope="class")
    def source(self) -> bytes:
        return a_source()

    @pytest.fixture(scope="class")
    def made(self, source) -> Dataset:
        return capture(source)

    def test_pixels_are_the_overlay_with_words_below(self, source, made):
        film = read(source)
        wanted = np.asarray(overlay(film, said(film, SCORE).heatmap))
        pixels = made.pixel_array
        assert pixels.dtype == np.uint8
        assert made.PhotometricInterpretation == "RGB"
        np.testing.assert_array_equal(pixels[: film.height, : film.width], wanted)
        below = pixels[film.height :]
        assert len(below) > 40
        # White words on black, under a bar of colours.
        assert (below.min(axis=2) > 150).mean() > 0.01
        assert (np.ptp(below.astype(int), axis=2) > 60).mean() > 0.005

    def test_says_what_it_is(self, made):
        assert made.SOPClassUID == SecondaryCaptureImageStorage
        assert made.Modality == "OT"
        assert made.SeriesDescription == "Heatmap (research, not for diagnosis)"
        assert made.BurnedInAnnotation == "YES"
        assert made.ImageComments == USE
        assert CAPTION in made.DerivationDescription
        assert f"pneumonia-made {SHA256[:12]}" in made.DerivationDescription
        assert "2026-02-03 04:05:06 UTC" in made.DerivationDescription
        assert list(made.ImageType) == ["DERIVED", "SECONDARY", "OTHER"]
        assert (made.Manufacturer, made.ManufacturerModelName) == ("cxr", "pneumonia-made")
        assert (made.DeviceSerialNumber, made.SoftwareVersions) == (SHA256[:12], VERSION)

    def test_no_score_in_it(self, made):
        assert "0.87" not in str(made)

    def test_is_filed_with_the_study_as_a_series_of_its_own(self, made):
        assert (made.PatientName, made.PatientID) == ("SECRET^NAME", "SECRET-1")
        assert (made.PatientBirthDate, made.PatientSex) == ("20200102", "F")
        assert (made.StudyInstanceUID, made.StudyDate, made.StudyTime) == (
            STUDY,
            "20240506",
            "101112",
        )
        assert (made.StudyID, made.AccessionNumber) == ("S1", "A1")
        assert made.ReferringPhysicianName == "DOC^TOR"
        assert made.SeriesInstanceUID not in (SERIES, STUDY)
        assert made.SOPInstanceUID != IMAGE

    def test_refers_to_the_film(self, made):
        (reference,) = made.SourceImageSequence
        assert reference.ReferencedSOPInstanceUID == IMAGE
        assert reference.ReferencedSOPClassUID == DigitalXRayImageStorageForPresentation
        assert reference.PurposeOfReferenceCodeSequence[0].CodeValue == "121322"
        assert list(made.PatientOrientation) == ["L", "F"]

    def test_new_uids_at_each_call(self, source, made):
        again = capture(source)
        assert again.SOPInstanceUID != made.SOPInstanceUID
        assert again.SeriesInstanceUID != made.SeriesInstanceUID

    def test_dciodvfy_finds_no_error(self, made, verified, tmp_path):
        assert verified(as_bytes(made), tmp_path) == []

    def test_of_a_large_film_is_bounded(self):
        film = film_like(1, size=SIDE + 500)
        assert capture(None, film).pixel_array.shape[1] == SIDE

    @pytest.mark.parametrize("kind", ["png", "jpeg"])
    def test_of_a_picture_is_a_new_study_without_a_patient(self, kind, verified, tmp_path):
        from PIL import Image

        source = encode(Image.fromarray(chest_like(3)), kind.upper())
        made = capture(source)
        assert not made.PatientName
        assert not made.PatientID
        assert made.StudyInstanceUID != capture(source).StudyInstanceUID
        assert "SourceImageSequence" not in made
        assert made.TimezoneOffsetFromUTC == "+0000"
        assert (made.ContentDate, made.ContentTime) == ("20260203", "040506")
        assert made.get("LossyImageCompression") == ("01" if kind == "jpeg" else None)
        assert all("DICOMDIR" in line for line in verified(as_bytes(made), tmp_path))

    def test_overridden_refusal_is_told(self):
        made = capture(None, film_like(3), refusal=REASON)
        plain = capture(None, film_like(3))
        assert OVERRIDDEN in made.DerivationDescription
        assert REASON.reason in made.DerivationDescription
        assert made.Rows > plain.Rows

    @pytest.mark.parametrize("source", [None, b"", b"\x89PNG nonsense"])
    def test_a_dicom_film_without_its_file_is_a_new_study(self, source):
        film = dataclasses.replace(film_like(1), format="dicom")
        if source is None:
            assert not capture(source, film).PatientID
        else:
            with pytest.raises(ValueError, match=r"DICOM file"):
                capture(source, film)


class TestStructuredReport:
    @pytest.fixture(scope="class")
    def made(self) -> Dataset:
        return report(a_source(), Call.NO_FINDING)

    def test_is_a_measurement_report(self, made):
        assert made.SOPClassUID == ComprehensiveSRStorage
        assert made.Modality == "SR"
        assert made.ContentTemplateSequence[0].TemplateIdentifier == "1500"
        (part,) = content(made, "Imaging Measurements", "Measurement Group")
        assert part.ContentTemplateSequence[0].TemplateIdentifier == "1501"
        (procedure,) = content(made, "Procedure reported")
        assert code(procedure) == ("399208008", "SCT", "Plain chest X-ray")
        assert (made.CompletionFlag, made.VerificationFlag) == ("COMPLETE", "UNVERIFIED")
        assert made.PreliminaryFlag == "PRELIMINARY"
        assert made.SeriesDescription == "Score (research, not for diagnosis)"

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("Score of the finding, calibrated, 0 to 1", SCORE),
            ("Threshold of the operating point", 0.4),
        ],
    )
    def test_measured(self, made, name, value):
        (measured,) = group(made, name).MeasuredValueSequence
        assert measured.FloatingPointValue == value
        assert float(measured.NumericValue) == pytest.approx(value, abs=1e-12)
        assert measured.MeasurementUnitsCodeSequence[0].CodeValue == "1"

    def test_finding_band_and_call(self, made):
        assert code(group(made, "Finding")) == ("233604007", "SCT", "Pneumonia")
        band = group(made, "Score against the operating point")
        assert code(band) == ("above", "99CXR", "Above the operating point")
        call = group(made, "Call of the human reader")
        assert code(call) == ("not-seen", "99CXR", "Finding not seen")

    @pytest.mark.parametrize(
        ("call", "value"), zip(Call, ("seen", "not-seen", "unsure"), strict=True)
    )
    def test_calls(self, call, value):
        made = report(a_source(), call)
        assert code(group(made, "Call of the human reader"))[0] == value

    def test_without_a_call(self):
        path = ("Imaging Measurements", "Measurement Group", "Call of the human reader")
        assert content(report(a_source()), *path) == []

    @pytest.mark.parametrize(
        ("finding", "value"),
        [
            ("tuberculosis", ("154283005", "SCT", "Pulmonary tuberculosis")),
            ("something else", ("something-else", "99CXR", "something else")),
        ],
    )
    def test_other_findings(self, finding, value):
        source, card = a_source(), a_card(finding)
        film = read(source)
        data = to_structured_report(film, said(film, SCORE, card), card, source)
        assert code(group(dcmread(io.BytesIO(data)), "Finding")) == value

    def test_where_the_heat_lies_as_coded_anatomy(self):
        source = a_source()
        made = report(source, heat_in_lungs=measured(0.3125))
        named = "Share of the heatmap's heat in this site, 0 to 1"
        path = ("Imaging Measurements", "Measurement Group")
        found = {}
        for item in content(made, *path, named):
            (site,) = content(item, "Finding Site")
            sides = [code(side)[:2] for side in content(site, "Laterality")]
            found[code(site)[:2], *sides] = float(item.MeasuredValueSequence[0].NumericValue)
        right, left = ("24028007", "SCT"), ("7771000", "SCT")
        zones = [(f"28139{digit}00{check}", "SCT") for digit, check in ((2, 2), (3, 7), (4, 1))]
        assert found == {
            (("39607008", "SCT"),): 0.3125,
            **{(zone, side): 0.0 for side in (right, left) for zone in zones},
            (zones[0], right): 0.3125,
        }
        peak = group(made, "Peak of the heatmap")
        assert code(peak) == ("outside", "99CXR", "Outside the lungs")
        (comment,) = content(made, "Comment")
        assert measured(0.3125).sentence in comment.TextValue

    def test_a_reader_of_reports_finds_the_sites(self):
        from highdicom.sr import srread

        source = a_source()
        film = read(source)
        prediction = said(film, SCORE, heat_in_lungs=measured(0.8, peak_inside=True))
        data = to_structured_report(film, prediction, a_card(), source, None, MADE)
        (part,) = srread(io.BytesIO(data)).content.get_image_measurement_groups()
        sites = [site for m in part.get_measurements() for site in m.finding_sites]
        assert len(sites) == 8
        assert {site.topographical_modifier for site in sites} == {None}
        assert sum(site.laterality is None for site in sites) == 2

    def test_without_lungs_there_are_no_sites(self, made):
        path = ("Imaging Measurements", "Measurement Group", "Peak of the heatmap")
        assert content(made, *path) == []

    def test_a_report_with_sites_has_no_error(self, verified, tmp_path):
        source = a_source()
        film = read(source)
        prediction = said(film, SCORE, heat_in_lungs=measured())
        data = to_structured_report(film, prediction, a_card(), source, None, MADE)
        assert verified(data, tmp_path) is not None

    def test_model_as_observer_and_algorithm(self, made):
        (uid,) = content(made, "Device Observer UID")
        wanted = uuid.uuid5(uuid.NAMESPACE_OID, SHA256).int
        assert str(uid.UID) == f"2.25.{wanted}"
        assert content(made, "Device Observer Name")[0].TextValue == "pneumonia-made"
        assert group(made, "Algorithm Name").TextValue == "pneumonia-made"
        assert group(made, "Algorithm Version").TextValue == SHA256[:12]
        path = ("Imaging Measurements", "Measurement Group", "Algorithm Parameters")
        parameters = [item.TextValue for item in content(made, *path)]
        assert f"weights sha256: {SHA256}" in parameters
        assert any("sensitivity-95" in text for text in parameters)

    def test_refers_to_the_film_of_the_study(self, made):
        (study,) = made.CurrentRequestedProcedureEvidenceSequence
        (series,) = study.ReferencedSeriesSequence
        (image,) = series.ReferencedSOPSequence
        assert (study.StudyInstanceUID, series.SeriesInstanceUID) == (STUDY, SERIES)
        assert image.ReferencedSOPInstanceUID == IMAGE
        for item in (
            group(made, "Source of Measurement"),
            *content(made, "Image Library", "Image Library Group", "Source"),
        ):
            assert item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == IMAGE
        assert made.StudyInstanceUID == STUDY
        assert made.SeriesInstanceUID != SERIES
        assert (made.PatientName, made.PatientID) == ("SECRET^NAME", "SECRET-1")

    def test_intended_use_and_time(self, made):
        (comment,) = content(made, "Comment")
        assert comment.TextValue == f"{USE} Made 2026-02-03 04:05:06 UTC."

    def test_overridden_refusal_is_told(self):
        (comment,) = content(report(a_source(), refusal=REASON), "Comment")
        assert comment.TextValue.endswith(f"{OVERRIDDEN} {REASON.reason}")

    def test_dciodvfy_finds_no_error(self, made, verified, tmp_path):
        # It does not know private coding schemes.
        assert all("99CXR" in line for line in verified(as_bytes(made), tmp_path))

    def test_highdicom_reads_it_back(self, made):
        from highdicom.sr import ComprehensiveSR

        document = ComprehensiveSR.from_dataset(made)
        (part,) = document.content.get_image_measurement_groups()
        assert part.get_measurements()[0].value == SCORE


def without(*keywords: str) -> bytes:
    dataset = dcmread(io.BytesIO(a_source()))
    for keyword in keywords:
        delattr(dataset, keyword)
    out = io.BytesIO()
    dataset.save_as(out, enforce_file_format="SOPInstanceUID" not in keywords)
    return out.getvalue()


class TestHeadersThatBreakTheStandard:
    WRONG: ClassVar[dict[str, Any]] = {
        "PatientBirthDate": "2020.01.02",
        "PatientSex": "FEMALE",
        "PatientAge": "81",
        "StudyDate": "unknown",
        "StudyTime": "noon",
        "AccessionNumber": "x" * 40,
        "StudyID": "x" * 17,
        "PatientOrientation": ["LEFT", "FOOT"],
        "ImagerPixelSpacing": [0, 0],
        "TimezoneOffsetFromUTC": "UTC",
        "PatientID": "a\x01b",
        "ReferringPhysicianName": "x" * 70,
        "StudyDescription": "x" * 65,
    }

    @pytest.fixture(scope="class")
    def broken(self) -> bytes:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return a_source(**self.WRONG)

    def test_an_element_of_no_kind_is_not_taken(self):
        """Found by damage: the film is read, and the library that reads its header raises."""
        source, tag = a_source(StudyID=""), b"\x20\0\x10\0"
        assert source.count(tag + b"SH\0\0") == 1
        origin = origin_of(read(source), source.replace(tag + b"SH", tag + b"S\n"))
        assert origin.StudyInstanceUID == STUDY
        assert not origin.StudyID

    @pytest.mark.parametrize("kind", ["capture", "report"])
    def test_only_valid_values_are_taken(self, broken, kind, verified, tmp_path):
        with warnings.catch_warnings():
            # Warnings of the libraries quote values, names among them, and end up in logs.
            warnings.simplefilter("error")
            made = capture(broken) if kind == "capture" else report(broken)
            for keyword in set(self.WRONG) - {"StudyDescription"}:
                assert not made.get(keyword), keyword
        assert made.PatientName == "SECRET^NAME"
        assert made.StudyInstanceUID == STUDY
        verified(as_bytes(made), tmp_path)

    @pytest.mark.parametrize("name", ["Anonymized", "x" * 60, ""])
    def test_a_name_of_one_part_is_kept_and_not_quoted_in_a_warning(self, name, caplog):
        source = a_source(PatientName=name)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert str(capture(source).PatientName) == name
            assert str(report(source).PatientName) == name
        assert caplog.text == ""

    @pytest.mark.parametrize(
        ("charset", "stored", "name"),
        [
            (None, "Müller^Jörg".encode("latin-1"), "Müller^Jörg"),
            (None, "Müller^Jörg".encode(), "Müller^Jörg"),
            ("ISO_IR 6", "山田^太郎".encode(), "山田^太郎"),
            ("ISO_IR 999", "Müller^Jörg".encode(), "Müller^Jörg"),
            ("ISO_IR 100", "Müller^Jörg".encode("latin-1"), "Müller^Jörg"),
            ("ISO_IR 192", "Łoś^胸".encode(), "Łoś^胸"),
            ("ISO_IR 144", "Люкс^Илья".encode("iso8859_5"), "Люкс^Илья"),
            ("GB18030", "王^小东".encode("gb18030"), "王^小东"),
            (
                ["", "ISO 2022 IR 87"],
                b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B",
                "Yamada^Tarou=山田^太郎",
            ),
        ],
    )
    def test_names_in_any_script_come_out_in_utf_8(self, charset, stored, name, verified, tmp_path):
        dataset = dicom_dataset(
            chest_like(3), StudyInstanceUID=STUDY, SeriesInstanceUID=SERIES, PatientName=None
        )
        if charset:
            dataset.SpecificCharacterSet = charset
        # Put in as bytes, as a file holds it.
        dataset.PatientName = "@" * len(stored)
        source = save(dataset).replace(b"@" * len(stored), stored)
        for made in (capture(source), report(source)):
            assert str(made.PatientName) == name
            assert made.SpecificCharacterSet == "ISO_IR 192"
            verified(as_bytes(made), tmp_path)

    @pytest.mark.filterwarnings("ignore")
    @pytest.mark.parametrize(
        "charset", ["", "LATIN1", "ISO_IR 999", ["ISO 2022 IR 6", "ISO_IR 192"]]
    )
    def test_a_wrong_character_set_is_no_hindrance(self, charset):
        assert capture(a_source(SpecificCharacterSet=charset)).PatientName == "SECRET^NAME"

    @pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID"])
    def test_without_study_or_series_is_a_new_study(self, keyword, verified, tmp_path):
        made = capture(without(keyword))
        assert made.StudyInstanceUID != STUDY
        assert made.PatientID == "SECRET-1"
        assert "SourceImageSequence" not in made
        verified(as_bytes(made), tmp_path)

    @pytest.mark.filterwarnings("ignore")
    @pytest.mark.parametrize("uid", ["1.2.03", "not a uid", "1." + "2" * 70])
    def test_a_wrong_uid_is_none(self, uid):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            source = a_source(StudyInstanceUID=uid)
        assert capture(source).StudyInstanceUID not in (uid, STUDY)

    def test_without_the_kind_of_image_it_is_filed_but_not_referred_to(self):
        made = capture(_no_class())
        assert made.StudyInstanceUID == STUDY
        assert "SourceImageSequence" not in made

    @pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID"])
    def test_no_report_without_study_or_series(self, keyword):
        with pytest.raises(ValueError, match="no report can refer to it"):
            report(without(keyword))

    def test_no_report_of_another_kind_of_image(self):
        with pytest.raises(ValueError, match="no report can refer to it"):
            report(_no_class())
        with pytest.raises(ValueError, match="no report can refer to it"):
            report(a_source(SOPClassUID="1.2.840.10008.5.1.4.1.1.2"))

    @pytest.mark.parametrize("tags", [{"PatientOrientation": None}, {"Modality": "OT"}])
    def test_a_report_wants_neither_orientation_nor_modality(self, tags, verified, tmp_path):
        verified(as_bytes(report(a_source(**tags))), tmp_path)

    def test_zone_of_the_study(self):
        made = capture(a_source(TimezoneOffsetFromUTC="-0430"))
        assert made.TimezoneOffsetFromUTC == "-0430"
        assert (made.ContentDate, made.ContentTime) == ("20260202", "233506")

    def test_zone_of_this_machine_where_the_study_has_none(self):
        made = capture(a_source())
        local = MADE.astimezone()
        assert "TimezoneOffsetFromUTC" not in made
        assert (made.ContentDate, made.ContentTime) == (f"{local:%Y%m%d}", f"{local:%H%M%S}")


def _no_class() -> bytes:
    """A film whose dataset does not say of which kind it is."""
    whole = dcmread(io.BytesIO(a_source()))
    del whole.SOPClassUID
    out = io.BytesIO()
    whole.save_as(out, enforce_file_format=False)
    return out.getvalue()


class TestWhatIsTurnedAway:
    def test_refused_films(self):
        source = a_source()
        film = read(source)
        refused, heatmap = said(film, None), said(film, SCORE).heatmap
        with pytest.raises(ValueError, match="A refused film has no score"):
            to_structured_report(film, refused, a_card(), source)
        with pytest.raises(ValueError, match="A refused film has no score"):
            to_secondary_capture(film, heatmap, refused, a_card(), source)

    def test_a_report_of_a_picture(self):
        film = film_like(1)
        source = png(chest_like(1))
        with pytest.raises(ValueError, match="this film is not from a DICOM file"):
            to_structured_report(film, said(film, SCORE), a_card(), source)

    def test_another_model(self):
        source = a_source()
        film = read(source)
        prediction = said(film, SCORE)
        card = a_card("tuberculosis")
        with pytest.raises(ValueError, match="Expected films scored by tuberculosis-made"):
            to_structured_report(film, prediction, card, source)
        with pytest.raises(ValueError, match="Expected films scored by tuberculosis-made"):
            to_secondary_capture(film, prediction.heatmap, prediction, card, source)

    def test_a_call_that_is_none(self):
        with pytest.raises(ValueError, match="Expected a call of finding, no finding"):
            report(a_source(), "tuberculosis seen")

    def test_the_file_of_another_film(self):
        film = dataclasses.replace(film_like(1, size=200), format="dicom")
        with pytest.raises(ValueError, match="Expected the file of a film of 200 x 200"):
            capture(a_source(), film)


REGIONS = (
    a_region(left=0.125, top=0.25, right=0.5, bottom=0.75),
    a_region(shape="ellipse", label="missed by the heatmap", left=0.5, right=0.75),
    a_region(shape="ellipse", label="nothing there", left=0.0, top=0.0, right=1.0, bottom=0.5),
    a_region(label="other", left=0.75, top=0.75, right=1.0, bottom=1.0),
)
#: Films with a window or a table of their own, and films that say little.
HEADERS: dict[str, dict[str, Any]] = {
    "plain": {},
    "says little": {"Modality": "CR", "PatientOrientation": None, "ImagerPixelSpacing": None},
    "window": {"RescaleSlope": 2, "RescaleIntercept": -5, "WindowCenter": 100, "WindowWidth": 50},
    "white is low": {"PhotometricInterpretation": "MONOCHROME1"},
    "tables": {
        "VOILUTSequence": [lut(list(range(0, 1024, 4)), 0, 10)],
        "ModalityLUTSequence": [lut(list(range(255, -1, -1)), 0, 8)],
    },
    # Tables that begin at -128.
    "table of signed values": {
        "RescaleIntercept": -128,
        "VOILUTSequence": [lut(list(range(0, 1024, 4)), 2**16 - 128, 10)],
    },
    "table of signed pixels": {
        "PixelRepresentation": 1,
        "ModalityLUTSequence": [lut(list(range(256)), 2**16 - 128, 8)],
    },
}


def looked_up(values: np.ndarray, item: Dataset) -> np.ndarray:
    """What a lookup table, of 8 or 16 bits, makes of values."""
    kind = "<u1" if item.LUTDescriptor[2] == 8 else "<u2"
    data = item.LUTData
    entries = np.frombuffer(data, kind).astype(float) if isinstance(data, bytes) else np.array(data)
    return entries[values.astype(int) - item.LUTDescriptor[1]]


class TestRegions:
    @pytest.fixture(scope="class", params=HEADERS)
    def source(self, request) -> bytes:
        return a_source(**HEADERS[request.param])

    @pytest.fixture(scope="class")
    def film(self, source) -> Radiograph:
        return read(source)

    def test_segmentation_has_a_segment_of_each_in_the_films_pixels(
        self, source, film, verified, tmp_path
    ):
        data = to_segmentation(film, REGIONS, a_card(), source, MADE)
        assert all("99CXR" in line for line in verified(data, tmp_path))
        made = dcmread(io.BytesIO(data))
        assert (made.Modality, made.SegmentationType) == ("SEG", "BINARY")
        assert (made.Rows, made.Columns) == (film.height, film.width)
        frames = made.pixel_array
        assert len(frames) == len(REGIONS)
        for frame, region in zip(frames, REGIONS, strict=True):
            np.testing.assert_array_equal(frame.astype(bool), region.mask(film.height, film.width))
        assert [segment.SegmentLabel for segment in made.SegmentSequence] == [
            f"{number} {region.words}" for number, region in enumerate(REGIONS, 1)
        ]
        types = [s.SegmentedPropertyTypeCodeSequence[0].CodeValue for s in made.SegmentSequence]
        assert types == ["233604007", "233604007", "nothing", "other"]
        assert {segment.SegmentAlgorithmType for segment in made.SegmentSequence} == {"MANUAL"}
        assert made.StudyInstanceUID == STUDY
        (series,) = made.ReferencedSeriesSequence
        assert series.SeriesInstanceUID == SERIES
        assert series.ReferencedInstanceSequence[0].ReferencedSOPInstanceUID == IMAGE
        assert (made.PatientName, made.PatientID) == ("SECRET^NAME", "SECRET-1")
        assert "FrameOfReferenceUID" not in made

    def test_presentation_state_has_lines_and_words(self, source, film, verified, tmp_path):
        data = to_presentation_state(film, REGIONS, a_card(), source, MADE)
        assert verified(data, tmp_path) == []
        made = dcmread(io.BytesIO(data))
        assert made.Modality == "PR"
        (annotation,) = made.GraphicAnnotationSequence
        (image,) = annotation.ReferencedImageSequence
        assert image.ReferencedSOPInstanceUID == IMAGE
        kinds = [line.GraphicType for line in annotation.GraphicObjectSequence]
        assert kinds == ["POLYLINE", "ELLIPSE", "ELLIPSE", "POLYLINE"]
        for line, region in zip(annotation.GraphicObjectSequence, REGIONS, strict=True):
            assert line.GraphicAnnotationUnits == "PIXEL"
            points = np.reshape(line.GraphicData, (-1, 2))
            left, top, right, bottom = region.pixels(film.height, film.width)
            np.testing.assert_allclose(points.min(axis=0), (left, top), atol=1e-4)
            np.testing.assert_allclose(points.max(axis=0), (right, bottom), atol=1e-4)
        words = [text.UnformattedTextValue for text in annotation.TextObjectSequence]
        assert words == [region.words for region in REGIONS]
        assert (made.PresentationCreationDate, made.StudyInstanceUID) != ("", "")
        assert made.StudyInstanceUID == STUDY

    def test_presentation_state_shows_the_film_as_its_file_does(self, source, film):
        """The standard's way through the presentation state gives the film's own gray."""
        made = dcmread(io.BytesIO(to_presentation_state(film, REGIONS, a_card(), source, MADE)))
        shown = dcmread(io.BytesIO(source)).pixel_array.astype(float)
        if items := made.get("ModalityLUTSequence"):
            shown = looked_up(shown, items[0])
        else:
            shown = shown * float(made.get("RescaleSlope", 1)) + float(
                made.get("RescaleIntercept", 0)
            )
        (interest,) = made.SoftcopyVOILUTSequence
        if items := interest.get("VOILUTSequence"):
            shown = looked_up(shown, items[0]) / 65535
        else:
            words = (interest.WindowCenter, interest.WindowWidth, interest.VOILUTFunction)
            shown = apply_window(shown, float(words[0]), float(words[1]), words[2])
        shown = 1 - shown if made.PresentationLUTShape == "INVERSE" else shown
        np.testing.assert_allclose(shown, film.pixels, atol=1e-4)

    def test_report_has_a_group_of_each(self, source, film, verified, tmp_path):
        data = to_structured_report(
            film, said(film, SCORE), a_card(), source, made=MADE, regions=REGIONS
        )
        assert all("99CXR" in line for line in verified(data, tmp_path))
        made = dcmread(io.BytesIO(data))
        groups = content(made, "Imaging Measurements", "Measurement Group")[1:]
        assert [g.ContentTemplateSequence[0].TemplateIdentifier for g in groups] == ["1410"] * 4
        said_of = [content(g, "What the human reader says of the region")[0] for g in groups]
        assert [code(item)[:2] for item in said_of] == [
            ("52101004", "SCT"),
            ("missed", "99CXR"),
            ("272519000", "SCT"),
            ("other", "99CXR"),
        ]
        for part, region in zip(groups, REGIONS, strict=True):
            (area,) = content(part, "Image Region")
            assert area.GraphicType == ("POLYLINE" if region.shape == "box" else "ELLIPSE")
            points = np.reshape(area.GraphicData, (-1, 2))
            left, top, right, bottom = region.pixels(film.height, film.width)
            np.testing.assert_allclose(points.min(axis=0), (left, top), atol=1e-4)
            np.testing.assert_allclose(points.max(axis=0), (right, bottom), atol=1e-4)
            assert code(content(part, "Finding")[0])[0] == "233604007"

    def test_one_region_has_one_uid_in_all(self, source, film):
        drawn = (film, REGIONS, a_card(), source, MADE)
        segments = dcmread(io.BytesIO(to_segmentation(*drawn))).SegmentSequence
        state = dcmread(io.BytesIO(to_presentation_state(*drawn)))
        lines = state.GraphicAnnotationSequence[0].GraphicObjectSequence
        data = to_structured_report(
            film, said(film, SCORE), a_card(), source, made=MADE, regions=REGIONS
        )
        path = ("Imaging Measurements", "Measurement Group", "Tracking Unique Identifier")
        told = [item.UID for item in content(dcmread(io.BytesIO(data)), *path)][1:]
        assert [s.TrackingUID for s in segments] == [line.TrackingUID for line in lines] == told
        assert len(set(told)) == len(REGIONS)

    @pytest.mark.parametrize("write", [to_segmentation, to_presentation_state])
    def test_what_cannot_be(self, write):
        source, plain = a_source(), png(chest_like(3))
        with pytest.raises(ValueError, match="no region"):
            write(read(source), (), a_card(), source)
        with pytest.raises(ValueError, match="not from a DICOM"):
            write(read(plain), REGIONS, a_card(), plain)
        with pytest.raises(ValueError, match="no report can refer"):
            write(read(source), REGIONS, a_card(), _no_class())


class TestVerdict:
    @pytest.mark.parametrize(
        ("call", "judgement", "value"),
        [
            (Call.FINDING, Agreement.AGREE, ("accepted", "99CXR")),
            (Call.NO_FINDING, Agreement.OVERRIDE, ("rejected", "99CXR")),
            (Call.UNSURE, None, ("373068000", "SCT")),
        ],
    )
    def test_is_beside_the_score(self, call, judgement, value):
        source = a_source()
        film = read(source)
        data = to_structured_report(
            film, said(film, SCORE), a_card(), source, call, MADE, judgement=judgement
        )
        verdict = group(dcmread(io.BytesIO(data)), "Verdict of the human reader on the score")
        assert code(verdict)[:2] == value

    def test_without_one_nothing_is_said(self):
        made = report(a_source(), Call.FINDING)
        path = ("Imaging Measurements", "Measurement Group")
        assert content(made, *path, "Verdict of the human reader on the score") == []
        assert content(made, *path, "Why the score was rejected") == []

    @pytest.mark.parametrize("reason", Reason)
    def test_a_rejection_has_its_reason(self, reason, verified, tmp_path):
        source = a_source()
        film = read(source)
        judged = {"judgement": Agreement.OVERRIDE, "reason": reason}
        data = to_structured_report(film, said(film, SCORE), a_card(), source, made=MADE, **judged)
        verified(data, tmp_path)
        assert group(dcmread(io.BytesIO(data)), "Why the score was rejected")


class TestParametricMap:
    @pytest.mark.parametrize("header", HEADERS)
    def test_has_the_heatmap_and_what_made_it(self, header, verified, tmp_path):
        source = a_source(**HEADERS[header])
        film = read(source)
        heatmap = said(film, SCORE).heatmap
        data = to_parametric_map(film, heatmap, a_card(), source, MADE)
        # A term of the standard (PS3.3 C.8.32.2) that this version of the program does not know.
        assert all("<QUANTITY>" in line for line in verified(data, tmp_path))
        made = dcmread(io.BytesIO(data))
        assert (made.Rows, made.Columns) == (film.height, film.width)
        shared = made.SharedFunctionalGroupsSequence[0]
        (mapping,) = shared.RealWorldValueMappingSequence
        values = made.pixel_array * mapping.RealWorldValueSlope + mapping.RealWorldValueIntercept
        np.testing.assert_allclose(values, heatmap.array, atol=1e-5)
        assert mapping.LUTExplanation == "Grad-CAM, layer conv"
        (quantity,) = mapping.QuantityDefinitionSequence
        assert quantity.ConceptCodeSequence[0].CodeValue == "130403"
        (frame,) = made.PerFrameFunctionalGroupsSequence
        (derivation,) = frame.DerivationImageSequence
        for words in ("Grad-CAM", "layer conv", "pneumonia-made", SHA256, CAPTION):
            assert words in derivation.DerivationDescription
        (origin,) = derivation.SourceImageSequence
        assert origin.ReferencedSOPInstanceUID == IMAGE
        assert frame.FrameContentSequence[0].FrameComments == USE
        assert (made.ContentDescription, made.StudyInstanceUID) == (CAPTION, STUDY)
        assert (made.PatientName, made.PatientID) == ("SECRET^NAME", "SECRET-1")
        spacing = shared.PixelMeasuresSequence[0].PixelSpacing
        assert list(spacing) == ([1, 1] if header == "says little" else [0.2, 0.2])

    @pytest.mark.parametrize(
        ("method", "value"),
        [("scorecam", "130402"), ("layercam", "130403"), ("occlusion", "130404"), ("x", "130404")],
    )
    def test_says_what_it_measures(self, method, value):
        source = a_source()
        film = read(source)
        heatmap = dataclasses.replace(said(film, SCORE).heatmap, method=method, layer="")
        made = dcmread(io.BytesIO(to_parametric_map(film, heatmap, a_card(), source)))
        mapping = made.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
        quantity = mapping.QuantityDefinitionSequence[0].ConceptCodeSequence[0]
        assert quantity.CodeValue == value

    @pytest.mark.parametrize(
        ("tags", "spacing"),
        [
            ({"ImagerPixelSpacing": None, "PixelSpacing": [0.143, 0.143]}, [0.143, 0.143]),
            # Calibrated at the body.
            ({"PixelSpacing": [0.1, 0.15]}, [0.1, 0.15]),
            ({"EstimatedRadiographicMagnificationFactor": 1.3}, [0.2 / 1.3] * 2),
        ],
    )
    def test_its_pixels_are_as_large_as_those_of_the_film(self, tags, spacing, verified, tmp_path):
        source = a_source(Modality="CR", SOPClassUID=ComputedRadiographyImageStorage, **tags)
        film = read(source)
        data = to_parametric_map(film, said(film, SCORE).heatmap, a_card(), source)
        assert all("<QUANTITY>" in line for line in verified(data, tmp_path))
        shared = dcmread(io.BytesIO(data)).SharedFunctionalGroupsSequence[0]
        told = shared.PixelMeasuresSequence[0].PixelSpacing
        assert list(told) == pytest.approx(spacing, abs=1e-9)

    def test_of_another_film_or_no_dicom_file_there_is_none(self):
        source, plain = a_source(), png(chest_like(3))
        film = read(source)
        heatmap = said(film, SCORE).heatmap
        other = dataclasses.replace(heatmap, height=film.height + 1)
        with pytest.raises(ValueError, match="size"):
            to_parametric_map(film, other, a_card(), source)
        with pytest.raises(ValueError, match="not from a DICOM"):
            to_parametric_map(read(plain), heatmap, a_card(), plain)


class TestZip:
    @pytest.fixture(scope="class")
    def made(self) -> zipfile.ZipFile:
        source = a_source()
        film = read(source)
        plain = film_like(5)
        items = [
            Item("a.dcm", film, said(film, SCORE), "unsure", source, regions=REGIONS),
            Item("b, b.png", plain, said(plain, 0.1), source=png(chest_like(5)), regions=REGIONS),
            Item("c.dcm", film, said(film, None), source=source, regions=REGIONS),
            Item("d.dcm", None, said(None, None)),
            Item("e.dcm", film, said(film, 0.2), "tuberculosis seen", source),
            Item("f.dcm", film, said(film, 0.2, heatmap=None), None, source),
            Item("g.dcm", film, said(film, 0.2, refusal=REASON), None, _no_class()),
        ]
        return zipfile.ZipFile(io.BytesIO(to_dicom_zip(iter(items), a_card(), made=MADE)))

    def test_names(self, made):
        assert made.testzip() is None
        assert made.namelist() == [
            *("0001_sc.dcm", "0001_sr.dcm", "0001_pm.dcm", "0001_seg.dcm", "0001_pr.dcm"),
            *("0002_sc.dcm", "0003_seg.dcm", "0003_pr.dcm"),
            *("0005_sc.dcm", "0005_sr.dcm", "0005_pm.dcm"),
            *("0006_sr.dcm", "0007_sc.dcm", "index.csv"),
        ]
        assert {entry.date_time for entry in made.infolist()} == {(2026, 2, 3, 4, 5, 6)}

    def test_index(self, made):
        rows = list(csv.DictReader(io.StringIO(made.read("index.csv").decode())))
        assert [row["name"] for row in rows] == [
            *("a.dcm", "b, b.png", "c.dcm", "d.dcm", "e.dcm", "f.dcm", "g.dcm")
        ]
        assert rows[0] == {
            "number": "1",
            "name": "a.dcm",
            "finding": a_card().finding,
            "files": "0001_sc.dcm 0001_sr.dcm 0001_pm.dcm 0001_seg.dcm 0001_pr.dcm",
            "note": "",
        }
        assert "not from a DICOM file" in rows[1]["note"]
        # A refused film has what was drawn on it, and no score.
        for row, files in zip(rows[2:4], ("0003_seg.dcm 0003_pr.dcm", ""), strict=True):
            assert (row["files"], row["note"]) == (files, REASON.reason)
        assert "left out" in rows[4]["note"]
        assert rows[5]["note"] == "There is no heatmap."
        assert rows[6]["note"].startswith(f"{OVERRIDDEN} {REASON.reason}")
        assert "no report can refer to it" in rows[6]["note"]

    def test_files(self, made):
        score = "Score of the finding, calibrated, 0 to 1"
        for name in made.namelist()[:-1]:
            dataset = dcmread(io.BytesIO(made.read(name)))
            kind = name.removesuffix(".dcm").rpartition("_")[2]
            assert dataset.Modality == {"sc": "OT", "pm": "OT"}.get(kind, kind.upper())
        first = dcmread(io.BytesIO(made.read("0001_sr.dcm")))
        assert group(first, score).MeasuredValueSequence[0].FloatingPointValue == SCORE

    def test_what_a_library_says_to_programmers_is_not_for_people(self, monkeypatch, caplog):
        def refuse(*_):
            raise ValueError("Argument first_mapped_value must be non-negative.")

        monkeypatch.setattr(f"{to_dicom_zip.__module__}.to_presentation_state", refuse)
        source = a_source()
        film = read(source)
        item = Item("a.dcm", film, said(film, None), source=source, regions=REGIONS)
        zipped = zipfile.ZipFile(io.BytesIO(to_dicom_zip([item], a_card())))
        assert zipped.namelist() == ["0001_seg.dcm", "index.csv"]
        (row,) = csv.DictReader(io.StringIO(zipped.read("index.csv").decode()))
        assert "presentation state" in row["note"]
        assert "Argument" not in row["note"]
        assert "ValueError" in caplog.text

    def test_of_nothing(self):
        made = zipfile.ZipFile(io.BytesIO(to_dicom_zip([], a_card())))
        assert made.namelist() == ["index.csv"]


@pytest.mark.data
def test_real_files(data_dir: Path, verified, tmp_path):
    """Files of many makers, few of which keep to the standard."""
    paths = sorted((data_dir / "dicom" / "chest").iterdir())
    assert len(paths) >= 9
    for path in paths:
        source = path.read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            film = read(source)
            drawn = (film, REGIONS, a_card(), source)
            heatmap = said(film, SCORE).heatmap
            made = [
                capture(source),
                report(source),
                dcmread(io.BytesIO(to_segmentation(*drawn))),
                dcmread(io.BytesIO(to_presentation_state(*drawn))),
                dcmread(io.BytesIO(to_parametric_map(film, heatmap, a_card(), source))),
            ]
        original = dcmread(path, force=True, stop_before_pixels=True)
        for dataset in made:
            verified(as_bytes(dataset), tmp_path)
            assert dataset.StudyInstanceUID == original.StudyInstanceUID
            assert dataset.PatientID == original.get("PatientID", "") or not dataset.PatientID
            assert str(dataset.PatientName or "") == str(original.get("PatientName", ""))
        assert made[0].SourceImageSequence[0].ReferencedSOPInstanceUID == original.SOPInstanceUID
