"""Small films in every format and transfer syntax, damaged, and read as the program reads them."""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from functools import cache
from typing import Any

import imagecodecs
import numpy as np
from PIL import Image
from pydicom import dcmread
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.encaps import encapsulate
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from cxr.films.archive import unpack
from cxr.films.dicom import TAGS
from cxr.films.preprocessing import Preprocessing
from cxr.films.radiograph import Radiograph, RadiographError, read
from tests.film_files import chunk, dicom_dataset, encode, lut, png_16, save, scene

from . import damage

__all__ = [
    "dicom",
    "jpeg",
    "jpeg_seeds",
    "png",
    "png_seeds",
    "read_film",
    "read_zip",
    "with_checksums",
    "zipped",
]

HEIGHT, WIDTH = 32, 36
BRING = Preprocessing(16, 16, 1, "bilinear")
Made = Callable[[random.Random], bytes]


def read_film(data: bytes) -> str:
    """Read a film and use it as the program does; say what it is."""
    film = read(data)
    _check(film)
    return f"{film.format} of {film.bits} bits, {' '.join(film.notes) or 'no notes'}"


def _check(film: Radiograph) -> None:
    pixels = film.pixels
    assert pixels.dtype == np.float32
    assert pixels.ndim == 2
    assert 0 <= pixels.min() <= pixels.max() <= 1
    assert len(film.sha256) == 64
    assert BRING(pixels).shape == (16, 16, 1)
    if film.values is not None:
        assert len(film.values.sha256) == 64
        for window in film.values.windows[:4]:
            shown = film.values.pixels(window)
            assert 0 <= shown.min() <= shown.max() <= 1


def read_zip(data: bytes) -> str:
    """Read all films of a zip; say how many there are, and how many are told to be damaged."""
    films = refused = 0
    for name, content in unpack(data):
        assert name
        if isinstance(content, bytes):
            try:
                _check(read(content))
            except RadiographError:
                pass
            else:
                films += 1
                continue
        refused += 1
    return f"{min(films, 4)} films, {min(refused, 4)} refused"


def _grey(top: int = 255) -> Any:
    return scene(HEIGHT, WIDTH, top=top)


@cache
def png_seeds() -> list[bytes]:
    """PNG of each color type, depth and order of rows."""
    image = Image.fromarray(_grey())
    eight = [encode(image.convert(mode), "PNG") for mode in ("L", "RGB", "RGBA", "LA", "P", "1")]
    eight.append(encode(image.convert("P"), "PNG", transparency=7))
    deep = _grey(65535)[..., None]
    sixteen = [
        png_16(np.repeat(deep, samples, -1), color, interlaced=interlaced)
        for color, samples in ((0, 1), (2, 3), (4, 2), (6, 4))
        for interlaced in (False, True)
    ]
    more = (chunk(b"sBIT", b"\x0c"), chunk(b"tRNS", b"\0\7"), chunk(b"eXIf", _EXIF))
    return [*eight, *sixteen, png_16(deep, 0, *more)]


_EXIF = b"MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"


def png(rng: random.Random) -> bytes:
    """Return a damaged PNG; most have checksums that fit, so that what lies behind them is read."""
    data = damage.bytes_of(png_seeds(), rng)
    return with_checksums(data, rng) if rng.random() < 0.8 else data


def with_checksums(data: bytes, rng: random.Random) -> bytes:
    """Return a PNG with checksums that fit its chunks; at times its rows are damaged unpacked."""
    out, at = bytearray(data[:8]), 8
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + min(length, len(data) - at - 12)]
        if kind == b"IDAT" and rng.random() < 0.3:
            rows = zlib.decompressobj()
            try:
                raw = rows.decompress(body, 100_000)
                body = zlib.compress(damage.bytes_of([raw], rng) if raw else b"")
            except zlib.error:
                pass
        out += chunk(kind, body)
        at += 12 + length
    return bytes(out)


@cache
def jpeg_seeds() -> list[bytes]:
    """JPEG in gray, color and CMYK, sequential and progressive, turned by EXIF."""
    image = Image.fromarray(_grey())
    exif = Image.Exif()
    exif[0x0112] = 6
    return [
        encode(image, "JPEG"),
        encode(image, "JPEG", progressive=True, exif=exif),
        encode(image.convert("RGB"), "JPEG", quality=90),
        encode(
            image.convert("RGB"), "JPEG", progressive=True, subsampling=0, restart_marker_rows=1
        ),
        encode(image.convert("CMYK"), "JPEG"),
    ]


def jpeg(rng: random.Random) -> bytes:
    """Return a damaged JPEG."""
    return damage.bytes_of(jpeg_seeds(), rng)


FULL = {"BitsStored": 12, "WindowCenter": 2048, "WindowWidth": 4096}


def _compressed(stream: bytes, syntax: UID, top: int = 4095, **tags: Any) -> bytes:
    dataset = dicom_dataset(_grey(top), **({**FULL, **tags} if top > 255 else tags))
    dataset.PixelData = encapsulate([stream])
    return save(dataset, syntax)


@cache
def dicom_seeds() -> list[bytes]:
    """DICOM films of every transfer syntax that is read, and of each way to mean gray."""
    deep, eight, wide = _grey(4095), _grey(), _grey(65535)
    color = np.dstack([eight] * 3)
    ramp = (np.arange(256, dtype="<u2")[::-1] * 257).tobytes()
    palette = {"PhotometricInterpretation": "PALETTE COLOR"} | {
        f"{name}PaletteColorLookupTable{part}": value
        for name in ("Red", "Green", "Blue")
        for part, value in (("Descriptor", [256, 0, 16]), ("Data", ramp))
    }
    told = {
        **FULL,
        "PatientAge": "045Y",
        "PatientSex": "F",
        "ViewPosition": "PA",
        "BodyPartExamined": "CHEST",
        "ImagerPixelSpacing": [0.14, 0.14],
        "StudyInstanceUID": "1.2.3.4.5",
        "StudyDate": "20240105",
        "StudyTime": "101500.25",
        "PatientBirthDate": "19790301",
        "AccessionNumber": "A17",
    }
    tabled = {"VOILUTSequence": [lut(list(range(0, 4096, 16)), 0, 12)]}
    modal = {"ModalityLUTSequence": [lut(list(range(256)), 0, 8)], "BitsStored": 8}
    padded = {"PixelPaddingValue": 0, "PixelPaddingRangeLimit": 5}
    native = [
        dicom_dataset(deep, **told),
        dicom_dataset(deep.astype(np.int16) - 2048, RescaleSlope=2, RescaleIntercept=-7),
        dicom_dataset(deep, **FULL, **padded, PhotometricInterpretation="MONOCHROME1"),
        dicom_dataset(deep, BitsStored=12, **tabled),
        dicom_dataset(eight, **{**modal, "VOILUTFunction": "SIGMOID"}),
        dicom_dataset(wide, WindowCenter=[100, 2000], WindowWidth=[50, 900]),
        dicom_dataset(color),
        dicom_dataset(color, PhotometricInterpretation="YBR_FULL"),
        dicom_dataset(eight, **palette),
    ]
    files = [save(dataset) for dataset in native]
    files += [
        save(dicom_dataset(deep, **told), syntax)
        for syntax in (ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian)
    ]
    swapped = dicom_dataset(deep.astype(">u2"), **told)
    files += [save(swapped, ExplicitVRBigEndian), files[0][132:]]
    for syntax in (RLELossless, JPEG2000Lossless):
        dataset = dicom_dataset(deep, **FULL)
        dataset.compress(syntax, generate_instance_uid=False)
        files.append(save(dataset))
    jpeg8 = imagecodecs.jpeg8_encode
    files += [
        _compressed(imagecodecs.jpeg2k_encode(deep, level=40, codecformat="j2k"), JPEG2000),
        _compressed(imagecodecs.jpegls_encode(deep), JPEGLSLossless),
        _compressed(imagecodecs.jpegls_encode(deep, level=3), JPEGLSNearLossless),
        _compressed(imagecodecs.htj2k_encode(deep, reversible=True), HTJ2KLossless),
        _compressed(imagecodecs.htj2k_encode(deep, reversible=True), HTJ2K),
        _compressed(jpeg8(deep, level=98, bitspersample=12), JPEGExtended12Bit),
        _compressed(jpeg8(deep, lossless=True, predictor=4, bitspersample=12), JPEGLossless),
        _compressed(jpeg8(deep, lossless=True, predictor=1, bitspersample=12), JPEGLosslessSV1),
        _compressed(jpeg_seeds()[0], JPEGBaseline8Bit, top=255),
        _compressed(
            jpeg_seeds()[2],
            JPEGBaseline8Bit,
            top=255,
            SamplesPerPixel=3,
            PlanarConfiguration=0,
            PhotometricInterpretation="YBR_FULL_422",
        ),
    ]
    return files


@cache
def _parsed() -> list[Any]:
    return [dcmread(io.BytesIO(data), force=True) for data in dicom_seeds()]


ODD_VALUES: dict[str, tuple[Any, ...]] = {
    "US": (0, 1, 2, 3, 7, 8, 12, 16, 17, 32, 64, 255, 4096, 65535, [], [1, 2, 3]),
    "DS": ("", "0", "-1", "1e308", "-1E-300", "NaN", "1\\2\\3\\4", "\\", "abc", "1e-9"),
    "IS": ("", "0", "1", "2", "-1", "99999999999", "1.5", "x"),
    "CS": (
        "",
        "MONOCHROME1",
        "RGB",
        "PALETTE COLOR",
        "YBR_FULL",
        "SIGMOID",
        "A" * 90,
        "\\",
        "X\\Y",
    ),
    "AS": ("", "000D", "999Y", "045X", "-01Y", "Y"),
    "DA": ("", "20240231", "99999999", "2024.01.05", "19000101-20240101"),
    "TM": ("", "999999", "10:15", "1"),
    "SQ": ([],),
}


def dicom(rng: random.Random) -> bytes:
    """Return a damaged DICOM film: an element changed by its meaning, or bytes by chance."""
    if rng.random() < 0.6:
        return damage.bytes_of(dicom_seeds(), rng)
    import copy

    dataset = copy.copy(rng.choice(_parsed()))
    dataset._dict = dict(dataset._dict)  # noqa: SLF001 - a shallow copy shares it
    for _ in range(rng.randint(1, 3)):
        keyword = rng.choice(TAGS)
        tag = tag_for_keyword(keyword)
        if rng.random() < 0.25:
            dataset.pop(tag, None)
            continue
        kind = dictionary_VR(tag).split(" ")[0]
        value = rng.choice(ODD_VALUES.get(kind, (b"", b"\0" * 7, rng.randbytes(40))))
        try:
            dataset.add_new(tag, kind, value)
        except (ValueError, TypeError, OverflowError):
            continue
    out = io.BytesIO()
    try:
        dataset.save_as(out, enforce_file_format=False)
    except Exception:  # noqa: BLE001 - the library refuses to write some values
        return damage.bytes_of(dicom_seeds(), rng)
    return damage.bytes_of([out.getvalue()], rng) if rng.random() < 0.3 else out.getvalue()


@cache
def zip_seeds() -> list[bytes]:
    """Archives as they come: stored, deflated, with folders and other files."""
    pictures = [png_seeds()[0], jpeg_seeds()[0], dicom_seeds()[0], dicom_seeds()[13]]
    archives = []
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for name, content in {
                "CD/DICOMDIR": b"\0" * 128 + b"DICM" + bytes(40),
                "CD/ä/film": pictures[2],
                "a/film.png": pictures[0],
                "b/film.png": pictures[1],
                "readme.txt": b"nothing to see",
                "folder/": b"",
            }.items():
                # With a date of its own, so that the archive is the same whenever it is made.
                archive.writestr(zipfile.ZipInfo(name), content, method)
        archives.append(out.getvalue())
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo("inner.zip"), archives[0])
        archive.writestr(zipfile.ZipInfo("film.dcm"), pictures[3])
    return [*archives, out.getvalue()]


def zipped(rng: random.Random) -> bytes:
    """Return a damaged archive."""
    data = damage.bytes_of(zip_seeds(), rng)
    return b"PK\3\4" + data[4:] if rng.random() < 0.5 else data
