from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import (
    HTJ2K,
    MPEG2MPML,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from cxr.films import dicom as dicom_file
from cxr.films.bounds import UnreadableFile
from cxr.films.dicom import open_dataset, render
from cxr.films.dicom_decode import decode
from cxr.films.dicom_facts import facts
from tests.film_files import dicom, dicom_dataset, encode, save, scene

VALUES = scene(top=4095)
FULL = {"BitsStored": 12, "WindowCenter": 2048, "WindowWidth": 4096}


def rendered(data: bytes) -> np.ndarray:
    return render(open_dataset(data)).pixels


def sample(name: str) -> bytes:
    """A file that ships with pydicom or pydicom-data."""
    return Path(get_testdata_file(name, download=False)).read_bytes()


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 15, 16])
def test_every_depth(bits):
    values = scene(top=2**bits - 1)
    data = dicom(values, BitsStored=bits, WindowCenter=2 ** (bits - 1), WindowWidth=2**bits)
    np.testing.assert_allclose(rendered(data), values / (2**bits - 1), atol=1e-6)
    assert facts(open_dataset(data))["bits"] == bits


def test_signed_values():
    values = VALUES.astype(np.int16) - 2048
    window = {"WindowCenter": 0, "WindowWidth": 4096}
    for data in (dicom(values), dicom(values, **window), dicom(values, BitsStored=12, **window)):
        np.testing.assert_allclose(rendered(data), VALUES / 4095, atol=1e-6)


def test_bits_that_are_not_stored_are_not_read():
    overlay = VALUES | (0xF000 * (VALUES % 2)).astype(np.uint16)
    np.testing.assert_array_equal(rendered(dicom(overlay, **FULL)), rendered(dicom(VALUES, **FULL)))


def test_monochrome1_is_inverted_after_the_window():
    """Inverted first, a window away from the middle would show another part of the range."""
    window = {"BitsStored": 12, "WindowCenter": 3000, "WindowWidth": 1000}
    plain = rendered(dicom(VALUES, **window))
    inverted = rendered(dicom(VALUES, **window, PhotometricInterpretation="MONOCHROME1"))
    np.testing.assert_allclose(inverted, 1 - plain, atol=1e-6)
    wrong = rendered(dicom(4095 - VALUES, **window))
    assert np.abs(inverted - wrong).mean() > 0.3


def test_padding_is_black_in_either_sense():
    values = VALUES.copy()
    values[:4] = 65000
    for photometric in ("MONOCHROME1", "MONOCHROME2"):
        for window in ({}, {"WindowCenter": 2048, "WindowWidth": 4096}):
            tags = {"PhotometricInterpretation": photometric, "PixelPaddingValue": 65000, **window}
            grey = rendered(dicom(values, **tags))
            assert grey[:4].max() == 0
            assert grey[4:].max() > 0.9


def test_colour_is_luminance():
    grey = scene()
    colour = dicom(np.dstack([grey] * 3))
    np.testing.assert_array_equal(np.rint(rendered(colour) * 255), grey)
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 0] = 255
    assert rendered(dicom(red))[0, 0] == pytest.approx(0.299, abs=1 / 255)
    deep = np.dstack([scene(top=65535)] * 3)
    np.testing.assert_array_equal(np.rint(rendered(dicom(deep)) * 65535), deep[..., 0])


def test_ybr_is_luminance():
    ybr = np.dstack([scene(), np.full((48, 64, 2), 128, np.uint8)])
    grey = rendered(dicom(ybr, PhotometricInterpretation="YBR_FULL"))
    np.testing.assert_allclose(grey * 255, scene(), atol=1)


def test_palette_is_luminance():
    ramp = np.arange(256, dtype="<u2")[::-1] * 257
    tags = {"PhotometricInterpretation": "PALETTE COLOR"}
    for colour in ("Red", "Green", "Blue"):
        tags[f"{colour}PaletteColorLookupTableDescriptor"] = [256, 0, 16]
        tags[f"{colour}PaletteColorLookupTableData"] = ramp.tobytes()
    np.testing.assert_allclose(rendered(dicom(scene(), **tags)), 1 - scene() / 255, atol=1e-6)


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
)
def test_uncompressed_syntaxes(syntax):
    dataset = dicom_dataset(VALUES, **FULL)
    if syntax == ExplicitVRBigEndian:
        dataset.PixelData = VALUES.astype(">u2").tobytes()
    np.testing.assert_allclose(rendered(save(dataset, syntax)), VALUES / 4095, atol=1e-6)


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_lossless_compression(syntax):
    dataset = dicom_dataset(VALUES, **FULL)
    dataset.compress(syntax)
    np.testing.assert_allclose(rendered(save(dataset)), VALUES / 4095, atol=1e-6)


def test_jpeg_baseline():
    dataset = dicom_dataset(scene(), WindowCenter=128, WindowWidth=256)
    dataset.PixelData = encapsulate([encode(Image.fromarray(scene()), "JPEG", quality=95)])
    np.testing.assert_allclose(rendered(save(dataset, JPEGBaseline8Bit)), scene() / 255, atol=0.04)


@pytest.mark.parametrize(
    "name",
    [
        "MR_small_RLE.dcm",
        "MR_small_bigendian.dcm",
        "MR_small_implicit.dcm",
        "MR_small_jp2klossless.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
        "MR_small_padded.dcm",
    ],
)
def test_one_picture_in_many_syntaxes(name):
    np.testing.assert_array_equal(rendered(sample(name)), rendered(sample("MR_small.dcm")))


@pytest.mark.parametrize(
    "name",
    [
        "JPEG-LL.dcm",
        "JPGLosslessP14SV1_1s_1f_8b.dcm",
        "JPEGLSNearLossless_08.dcm",
        "JPEGLSNearLossless_16.dcm",
        "693_J2KI.dcm",
        "SC_rgb_jpeg_gdcm.dcm",
        "SC_rgb_gdcm_KY.dcm",
        "SC_rgb_dcmtk_+eb+cy+s4.dcm",
        "SC_ybr_full_422_uncompressed.dcm",
        "OT-PAL-8-face.dcm",
        "image_dfl.dcm",
    ],
)
def test_sample_files_of_other_syntaxes(name):
    grey = rendered(sample(name))
    assert grey.dtype == np.float32
    assert grey.ndim == 2
    assert 0 <= grey.min() < grey.max() <= 1


@pytest.mark.parametrize("syntax", [JPEGLSLossless, JPEGLSNearLossless])
def test_jpeg_ls(syntax):
    dataset = dicom_dataset(VALUES, **FULL)
    near = 3 if syntax == JPEGLSNearLossless else 0
    dataset.PixelData = encapsulate([imagecodecs.jpegls_encode(VALUES, level=near)])
    stored = decode(open_dataset(save(dataset, syntax))).words
    assert np.abs(stored.astype(int) - VALUES).max() <= near


@pytest.mark.parametrize("syntax", [HTJ2K, HTJ2KLossless])
def test_high_throughput_jpeg_2000(syntax):
    dataset = dicom_dataset(VALUES, **FULL)
    dataset.PixelData = encapsulate([imagecodecs.htj2k_encode(VALUES, reversible=True)])
    np.testing.assert_array_equal(decode(open_dataset(save(dataset, syntax))).words, VALUES)


@pytest.mark.parametrize("syntax", [MPEG2MPML, "1.2.840.10008.1.2.4.92"])
def test_a_syntax_that_nothing_decodes_is_named(syntax):
    dataset = dicom_dataset(VALUES, **FULL)
    dataset.PixelData = encapsulate([b"1234"])
    data = save(dataset, UID(syntax))
    with pytest.raises(UnreadableFile, match=UID(syntax).name.split(" ")[0]):
        decode(open_dataset(data))


@pytest.mark.parametrize("share", [0.3, 0.5, 0.9])
def test_a_jpeg_ls_that_was_cut_short_does_not_wait_for_its_end(share):
    """In a process of its own, as the decoder that waits cannot be interrupted."""
    script = (
        "from cxr.films.dicom import open_dataset\n"
        "from cxr.films.dicom_decode import decode\n"
        "from pydicom.data import get_testdata_file\n"
        "from pydicom.encaps import encapsulate, get_frame\n"
        "from pathlib import Path\n"
        "path = get_testdata_file('MR_small_jpeg_ls_lossless.dcm', download=False)\n"
        "dataset = open_dataset(Path(path).read_bytes())\n"
        "frame = get_frame(dataset.PixelData, 0, number_of_frames=1)\n"
        f"dataset.PixelData = encapsulate([frame[: int(len(frame) * {share})]])\n"
        "try:\n"
        "    decode(dataset)\n"
        "except RuntimeError:\n"
        "    print('refused')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=True
    )
    assert done.stdout == "refused\n"


def test_an_extended_jpeg_without_its_end_of_spectral_selection():
    """The two samples hold the same scan; in the first its header says 0 for 63."""
    np.testing.assert_array_equal(
        rendered(sample("JPEG-lossy.dcm")), rendered(sample("JPGExtended.dcm"))
    )


@pytest.mark.parametrize("kind", ["R", "I"])
def test_a_real_chest_film_is_the_same_uncompressed_and_in_jpeg_2000(kind):
    plain = rendered(sample(f"RG1_UNC{kind}.dcm"))
    assert plain.shape == (1955, 1841)
    if kind == "R":  # I: lossy before, and so equal only after the same loss
        np.testing.assert_array_equal(rendered(sample("RG1_J2KR.dcm")), plain)
    assert lungs_are_dark(plain)


def lungs_are_dark(grey: np.ndarray) -> bool:
    height, width = grey.shape
    rows = slice(height // 3, height // 2)
    middle = np.median(grey[rows, width * 9 // 20 : width * 11 // 20])
    sides = [
        grey[rows, width // 4 : width * 7 // 20],
        grey[rows, width * 13 // 20 : width * 3 // 4],
    ]
    return any(np.median(side) < middle - 0.05 for side in sides)  # one may be full of disease


@pytest.mark.parametrize("syntax", [None, ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_without_preamble_and_file_meta_information(syntax):
    dataset = dicom_dataset(VALUES, **FULL)
    if syntax == ExplicitVRBigEndian:
        dataset.PixelData = VALUES.astype(">u2").tobytes()
    data = save(dataset, syntax)
    data = data[144 + int.from_bytes(data[140:144], "little") :]
    assert b"DICM" not in data
    np.testing.assert_allclose(rendered(data), VALUES / 4095, atol=1e-6)


def test_no_picture():
    with pytest.raises(UnreadableFile, match="no picture"):
        open_dataset(dicom(VALUES, PixelData=None))
    with pytest.raises(UnreadableFile, match="no picture"):
        open_dataset(sample("test-SR.dcm"))


def test_several_frames():
    with pytest.raises(UnreadableFile, match="holds 2 frames"):
        open_dataset(dicom(VALUES, NumberOfFrames=2, PixelData=VALUES.tobytes() * 2))
    rendered(dicom(VALUES, NumberOfFrames=1))


def test_an_unknown_photometric_interpretation():
    for value in ("", "CMYK", None):
        with pytest.raises(UnreadableFile, match="known way"):
            rendered(dicom(VALUES, PhotometricInterpretation=value))


def test_the_size_is_checked_before_anything_is_decoded():
    with pytest.raises(UnreadableFile, match="30,000 x 20,000 pixels; at most 36 megapixels"):
        open_dataset(dicom(VALUES, Rows=20000, Columns=30000))


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEGBaseline8Bit])
def test_a_stream_larger_than_its_header_says(syntax):
    dataset = dicom_dataset(scene())
    if syntax == JPEG2000Lossless:
        dataset.compress(syntax)
    else:
        dataset.PixelData = encapsulate([encode(Image.fromarray(scene()), "JPEG")])
        dataset.file_meta.TransferSyntaxUID = syntax
    frame = bytearray(next(generate_frames(dataset.PixelData, number_of_frames=1)))
    if syntax == JPEG2000Lossless:
        at = frame.index(b"\xff\x51") + 6
        frame[at : at + 8] = (60000).to_bytes(4, "big") * 2
    else:
        at = frame.index(b"\xff\xc0") + 5
        frame[at : at + 4] = (60000).to_bytes(2, "big") * 2
    dataset.PixelData = encapsulate([bytes(frame)])
    with pytest.raises(UnreadableFile, match="60,000 x 60,000"):
        decode(open_dataset(save(dataset)))


def test_a_deflated_file_is_inflated_up_to_a_bound(monkeypatch):
    data = save(dicom_dataset(np.zeros((4000, 3000), np.uint16)), DeflatedExplicitVRLittleEndian)
    open_dataset(data)
    monkeypatch.setenv("CXR_MAX_MEGAPIXELS", "1")
    with pytest.raises(UnreadableFile, match="too large"):
        open_dataset(data)


def test_a_deflated_file_cut_short():
    data = save(dicom_dataset(scene()), DeflatedExplicitVRLittleEndian)
    with pytest.raises(UnreadableFile, match="incomplete"):
        open_dataset(data[:-40])


def test_only_what_is_needed_is_parsed():
    dataset = open_dataset(dicom(VALUES, PatientAddress="Somewhere", ReferringPhysicianName="Who"))
    assert {element.keyword for element in dataset} <= set(dicom_file.TAGS)
    identifying = ("PatientName", "PatientID", "AccessionNumber", "StudyInstanceUID")
    assert not set(identifying) & set(dicom_file.TAGS)


@pytest.mark.data
def test_one_real_film_in_two_files_and_in_two_codings(data_dir):
    chest, other = data_dir / "dicom" / "chest", data_dir / "dicom" / "non_chest"
    for one, two in (
        (
            chest / "dwv_data_gdcm-CR-MONO1-10-chest.dcm",
            chest / "fo-dicom_Test_Data_CR-MONO1-10-chest",
        ),
        (other / "dicom-test-files_JLSL_RG3_JLSL", other / "dicom-test-files_JPLL_RG3_JPLL"),
        (
            other / "dicom-test-files_RLE_RG2_RLE",
            other / "pylibjpeg-data_JPEGLSLossless_RG2_JLSL.dcm",
        ),
    ):
        np.testing.assert_array_equal(rendered(one.read_bytes()), rendered(two.read_bytes()))


@pytest.mark.data
def test_a_real_12_bit_extended_jpeg_is_close_to_the_lossless_film(data_dir):
    other = data_dir / "dicom" / "non_chest"
    lossy = rendered((other / "dicom-test-files_JPLY_RG3_JPLY").read_bytes())
    lossless = rendered((other / "dicom-test-files_JPLL_RG3_JPLL").read_bytes())
    assert np.abs(lossy - lossless).mean() < 0.005


@pytest.mark.data
def test_every_real_file_is_read_and_chests_have_dark_lungs(data_dir):
    wrong = []
    for path in sorted((data_dir / "dicom").glob("*chest/*")):
        grey = rendered(path.read_bytes())
        header = dcmread(path, force=True, stop_before_pixels=True)
        assert grey.shape == (header.Rows, header.Columns), path.name
        if path.parent.name == "chest" and not lungs_are_dark(grey):
            wrong.append(path.name)
    # The window of this one lies far below its values: shown as it asks, it is white all over.
    assert wrong == ["pylibjpeg-data_JPEG2000Lossless_JPEG2KLossless_1s_1f_u_16_16.dcm"]
