from __future__ import annotations

import contextlib
import dataclasses
import io
import logging
import random
import struct
import subprocess
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, ImageFile
from pydicom.uid import JPEG2000Lossless, RLELossless

from cxr.films.notes import Note
from cxr.films.radiograph import Radiograph, RadiographError, read
from tests.film_files import chunk, dicom, dicom_dataset, encode, png_16, save, scene

GREY = Image.fromarray(scene())
PNG = encode(GREY, "PNG")
JPEG = encode(GREY, "JPEG", quality=90)
DICOM = dicom(scene(top=4095), BitsStored=12, WindowCenter=2048, WindowWidth=4096)


def refused(source, match: str) -> RadiographError:
    with pytest.raises(RadiographError, match=match) as caught:
        read(source)
    error = caught.value
    assert error.code == "unreadable"
    assert error.reason == str(error)
    assert error.reason[0].isupper()
    assert error.reason.endswith(".")
    return error


@pytest.mark.parametrize(("data", "kind"), [(PNG, "png"), (JPEG, "jpeg"), (DICOM, "dicom")])
def test_every_source(tmp_path, data, kind):
    path = tmp_path / "film"
    path.write_bytes(data)
    film = read(data)
    assert film.format == kind
    assert film.pixels.shape == (film.height, film.width) == (48, 64)
    assert film.pixels.dtype == np.float32
    assert 0 <= film.pixels.min() < film.pixels.max() <= 1
    opened = io.BytesIO(data)
    opened.read(7)  # an upload may have been looked at before
    with path.open("rb") as handle:
        for source in (path, str(path), bytearray(data), opened, handle):
            assert read(source).sha256 == film.sha256


def test_a_source_of_another_kind():
    for source in (7, None, io.StringIO("text"), Image.new("L", (4, 4))):
        with pytest.raises(TypeError, match="Received"):
            read(source)


def test_content_counts_and_not_the_name(tmp_path):
    for name, data, kind in (
        ("film.png", JPEG, "jpeg"),
        ("film.jpg", DICOM, "dicom"),
        ("film", DICOM, "dicom"),
        ("film.dcm", PNG, "png"),
    ):
        path = tmp_path / name
        path.write_bytes(data)
        assert read(path).format == kind
    (tmp_path / "notes.png").write_text("These are notes.")
    refused(tmp_path / "notes.png", "no picture that can be read.*PNG, JPEG or DICOM")


def test_the_hash_is_of_the_pixels_whatever_the_file():
    values = scene(top=65535)
    films = [
        read(encode(Image.fromarray(values), "PNG")),
        read(png_16(np.dstack([values] * 3), 2)),
        read(dicom(values, WindowCenter=32768, WindowWidth=65536)),
        Radiograph((values / 65535).astype(np.float32)),
    ]
    assert len({film.sha256 for film in films}) == 1
    assert len(films[0].sha256) == 64
    wide = Radiograph(films[0].pixels.reshape(64, 48))
    changed = values.copy()
    changed[0, 0] ^= 1
    one_level = read(encode(Image.fromarray(changed), "PNG"))
    assert len({films[0].sha256, wide.sha256, one_level.sha256}) == 3


def test_other_pixels_have_another_hash():
    film = read(PNG)
    darker = dataclasses.replace(film, pixels=film.pixels / 2)
    assert darker.sha256 == Radiograph(film.pixels / 2).sha256 != film.sha256
    assert dataclasses.replace(film, age=3.0).sha256 == film.sha256


def test_a_film_cannot_be_changed():
    film = read(PNG)
    with pytest.raises(AttributeError):
        film.age = 3.0
    with pytest.raises(ValueError, match="read-only"):
        film.pixels[0, 0] = 0
    pixels = np.zeros((4, 4), np.float32)
    Radiograph(pixels)
    pixels[0, 0] = 1  # what was given in stays the caller's


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((4, 4, 3)), np.zeros((0, 4)), np.full((4, 4), 1.5), np.full((4, 4), np.nan)],
)
def test_pixels_out_of_shape_or_range(pixels):
    with pytest.raises(ValueError, match=r"Expected pixels of shape .* Received: shape"):
        Radiograph(pixels)


def test_png_and_jpeg_say_nothing_of_the_patient():
    for data in (PNG, JPEG):
        film = read(data)
        assert film.bits == 8
        said = (film.age, film.sex, film.view, film.modality, film.body_part, film.pixel_spacing)
        assert said == (None,) * 6


def test_no_name_and_no_identifier(caplog, recwarn):
    caplog.set_level(logging.DEBUG)
    film = read(DICOM)
    assert (film.modality, film.bits) == ("DX", 12)
    assert "SECRET" not in repr(vars(film))
    errors = []
    for data in (DICOM[:-200], DICOM.replace(b"MONOCHROME2", b"SECRETCHROM")):
        with pytest.raises(RadiographError) as caught:
            read(data)
        errors.append(repr(caught.value) + str(caught.value.__cause__))
    told = " ".join([caplog.text, *errors, *(str(warning.message) for warning in recwarn)])
    assert "SECRET" not in told


def test_errors_do_not_name_the_path(tmp_path):
    path = tmp_path / "SECRET NAME.dcm"
    errors = [refused(path, "not found"), refused(tmp_path, "folder")]
    path.write_bytes(DICOM[:600])
    errors.append(refused(path, "incomplete"))
    path.write_bytes(b"")
    errors.append(refused(path, "empty"))
    assert not any("SECRET" in str(error) or str(tmp_path) in str(error) for error in errors)


@pytest.mark.parametrize("path", ["no/such/film.png", "nul\0byte.png"])
def test_a_file_that_is_not_there(path):
    refused(path, "not found")


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (encode(GREY, "GIF"), "GIF"),
        (encode(GREY, "BMP"), "BMP"),
        (encode(GREY, "TIFF"), "TIFF"),
        (encode(GREY, "WEBP"), "WebP"),
        (encode(GREY, "GIF", save_all=True, append_images=[GREY.rotate(90)]), "GIF"),
        (encode(GREY, "TIFF", save_all=True, append_images=[GREY.rotate(90)]), "TIFF"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"PK\x03\x04....", "zip"),
        (b"\0\0\0\x18ftypheic....", "HEIC"),
    ],
)
def test_other_formats_are_named_with_those_that_are_taken(data, name):
    refused(data, f"This is a.* {name}.*PNG, JPEG or DICOM")


def test_animated_png():
    data = encode(GREY, "PNG", save_all=True, append_images=[GREY.rotate(90)])
    refused(data, "animated.*single picture")


def test_files_without_a_film():
    refused(b"", "empty")
    refused(dicom(scene(), PixelData=None), "no picture.*Export the film")
    refused(dicom(scene(), NumberOfFrames=3), "3 frames.*Export the frame")


@pytest.mark.parametrize("data", [PNG, JPEG, DICOM])
def test_incomplete_files(data):
    for part in (len(data) // 2, len(data) * 9 // 10):
        refused(data[:part], "incomplete")


def too_large() -> dict[str, bytes]:
    """Files of 600 megapixels as far as their headers go."""
    header = struct.pack(">IIBBBBB", 30000, 20000, 8, 0, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    png += chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    jpeg = bytearray(JPEG)
    at = jpeg.index(b"\xff\xc0") + 5
    jpeg[at : at + 4] = struct.pack(">HH", 20000, 30000)
    return {"png": png, "jpeg": bytes(jpeg), "dicom": dicom(scene(), Rows=20000, Columns=30000)}


@pytest.mark.parametrize("kind", ["png", "jpeg", "dicom"])
def test_the_size_is_checked_before_anything_is_decoded(kind, monkeypatch, recwarn):
    monkeypatch.setattr(Image.core, "new", None)  # no picture of any size can be made
    refused(too_large()[kind], "30,000 x 20,000 pixels; at most 36 megapixels.*Export it smaller")
    assert not recwarn.list


def test_a_picture_between_the_limit_of_pillow_and_ours_is_no_warning(monkeypatch, recwarn):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 64)
    for data in (PNG, JPEG):
        read(data)
    assert not recwarn.list
    assert Image.MAX_IMAGE_PIXELS == 64
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


def compressed(syntax) -> bytes:
    dataset = dicom_dataset(scene(), WindowCenter=128, WindowWidth=256)
    dataset.compress(syntax)
    return save(dataset)


FILES = {
    "png": PNG,
    "png 16": encode(Image.fromarray(scene(top=65535)), "PNG"),
    "jpeg": JPEG,
    "jpeg colour": encode(GREY.convert("RGB"), "JPEG", progressive=True),
    "dicom": DICOM,
    "dicom run-length": compressed(RLELossless),
    "dicom jpeg 2000": compressed(JPEG2000Lossless),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", FILES)
def test_damage_is_a_radiograph_error_and_nothing_else(kind):
    data = FILES[kind]
    assert read(data).pixels.shape == (48, 64)
    rng = random.Random(kind)
    cut = [data[: rng.randrange(len(data))] for _ in range(20)]
    flipped = []
    for turn in range(60):
        damaged = bytearray(data)
        # Every other time near the start, where the headers are.
        end = len(data) if turn % 2 else min(len(data), 700)
        for _ in range(1 + turn % 5):
            damaged[rng.randrange(end)] ^= 1 << rng.randrange(8)
        flipped.append(bytes(damaged))
    for damaged in cut + flipped:
        with contextlib.suppress(RadiographError):
            film = read(damaged)
            assert np.isfinite(film.pixels).all()


def test_damage_to_a_png_is_never_shown():
    for at in range(8, len(PNG)):
        damaged = bytearray(PNG)
        damaged[at] ^= 4
        with pytest.raises(RadiographError):
            read(bytes(damaged))


def test_threads_agree():
    files = [PNG, JPEG, DICOM, FILES["dicom jpeg 2000"]] * 8
    with ThreadPoolExecutor(8) as pool:
        hashes = [film.sha256 for film in pool.map(read, files)]
    assert hashes == [read(data).sha256 for data in files]


def test_pictures_are_read_without_loading_pydicom():
    code = (
        "import sys, cxr.films.radiograph\n"
        f"cxr.films.radiograph.read({PNG!r})\n"
        "print([name for name in ('pydicom', 'tensorflow', 'streamlit') if name in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_a_film_of_fewer_bits_than_its_png_says_so():
    levels = scene(60, 80, 4095)
    film = read(png_16(levels[..., None], 0))
    assert film.bits == 12
    assert film.notes == (Note.BIT_DEPTH,)
    assert read(png_16(scene(60, 80, 65535)[..., None], 0)).notes == ()
    assert read(PNG).notes == ()
