"""JPEG 2000 in DICOM that ends early: what there is, with a word, and never a crash."""

from __future__ import annotations

import contextlib
import struct
import time

import imagecodecs
import numpy as np
import pytest
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000, JPEG2000Lossless

from cxr.films import dicom_jpeg2000
from cxr.films.dicom_jpeg2000 import check_tiles, ends_early, with_ends
from cxr.films.notes import Note
from cxr.films.radiograph import RadiographError, read
from tests.film_files import dicom_dataset, encode, save, scene

FULL = {"WindowCenter": 32768, "WindowWidth": 65536}
NOISE = np.random.default_rng(0).integers(0, 900, (240, 320)).astype(np.uint16)
VALUES = scene(240, 320, top=64000) + NOISE


def packed(values, **options) -> bytes:
    return imagecodecs.jpeg2k_encode(values, codecformat="j2k", reversible=True, **options)


def film(stream: bytes, values=VALUES, syntax=JPEG2000Lossless, **tags) -> bytes:
    dataset = dicom_dataset(values, **{**FULL, **tags})
    dataset.PixelData = encapsulate([stream])
    return save(dataset, syntax)


STREAM = packed(VALUES)


def test_a_whole_stream_is_whole():
    assert not ends_early(STREAM)
    assert not ends_early(STREAM + b"\0")
    found = read(film(STREAM))
    assert found.notes == ()
    np.testing.assert_array_equal(found.values.array, VALUES)


@pytest.mark.parametrize("share", [0.999, 0.9, 0.6, 0.3])
@pytest.mark.parametrize("of", ["stream", "file"])
def test_a_stream_that_ends_early_is_read_as_far_as_it_goes(share, of):
    cut = STREAM[: int(len(STREAM) * share)]
    data = film(cut) if of == "stream" else film(STREAM)[: -int(len(STREAM) * (1 - share)) - 8]
    assert ends_early(cut)
    found = read(data)
    assert found.notes == (Note.CUT_SHORT,)
    assert np.abs(found.pixels - VALUES / 65535).mean() < 0.05
    assert found.pixels.std() > 0.1


def test_more_of_it_is_more_of_the_film():
    off = [
        np.abs(read(film(STREAM[: int(len(STREAM) * share)])).pixels - VALUES / 65535).mean()
        for share in (0.2, 0.5, 0.8, 0.95)
    ]
    assert off == sorted(off, reverse=True)


@pytest.mark.parametrize(
    ("at", "sides"),
    [
        # Found by damage: tiles that begin far beyond the picture come to billions of them.
        (16, (320, 0x002A282A, 0x323A4858, 0x68000000)),
        (16, (1, 1, 0, 0)),
        (16, (0, 240, 0, 0)),
        (16, (40, 240, 0, 241)),
        (16, (320, 240, 1, 0)),
    ],
)
def test_tiles_that_do_not_cover_the_picture_or_are_too_many(at, sides):
    stream = bytearray(STREAM)
    start = stream.index(b"\xff\x51") + 2
    struct.pack_into(">4I", stream, start + 4 + at, *sides)
    begun = time.process_time()
    with pytest.raises(RadiographError, match="damaged"):
        read(film(bytes(stream)))
    assert time.process_time() - begun < 1
    with pytest.raises(ValueError, match="tiles"):
        check_tiles(stream, start)


def test_tiles_that_are_missing():
    options = {"tile_size": (80, 80), "irreversible": False, "no_jp2": True}
    tiled = encode(Image.fromarray(VALUES), "JPEG2000", **options)
    assert not ends_early(tiled)
    cut = tiled[: len(tiled) // 2]
    assert ends_early(cut)
    found = read(film(cut))
    assert found.notes == (Note.CUT_SHORT,)
    np.testing.assert_array_equal(found.values.array[:80, :80], VALUES[:80, :80])
    # Cut off where one tile ends: each length is kept, and tiles are missing all the same.
    at = tiled.rfind(b"\xff\x90")
    assert ends_early(tiled[:at])
    assert ends_early(tiled[:at] + b"\xff\xd9")


def test_signed_values_and_color():
    values = (VALUES // 32).astype(np.int16) - 1000
    window = {"WindowCenter": 0, "WindowWidth": 2048, "BitsStored": 16}
    stream = packed(values)
    found = read(film(stream[: int(0.95 * len(stream))], values, **window))
    assert np.abs(found.values.array - values).mean() < 30
    grey = (VALUES // 257).astype(np.uint8)
    color = np.dstack([grey] * 3)
    stream = packed(color)
    tags = {"PhotometricInterpretation": "YBR_RCT", "WindowCenter": None, "WindowWidth": None}
    found = read(film(stream[: int(0.9 * len(stream))], color, JPEG2000, **tags))
    assert found.notes == (Note.CUT_SHORT,)
    assert np.abs(found.pixels * 255 - grey).mean() < 8


@pytest.mark.parametrize("cut", [0, 10, 60, 110])
def test_a_stream_without_any_picture_is_damaged(cut):
    with pytest.raises(RadiographError):
        read(film(STREAM[:cut] or b"\0\0"))


def test_damaged_streams_end_no_process():
    rng = np.random.default_rng(1)
    for _ in range(40):
        damaged = bytearray(STREAM[: int(rng.integers(200, len(STREAM)))])
        for place in rng.integers(100, len(damaged), 8):
            damaged[place] = int(rng.integers(256))
        with contextlib.suppress(RadiographError):
            assert read(film(bytes(damaged))).pixels.shape == VALUES.shape


def test_without_the_library_such_a_film_stays_unreadable(monkeypatch):
    monkeypatch.setattr(dicom_jpeg2000, "_library", lambda: None)
    assert not dicom_jpeg2000.is_available(JPEG2000)
    with pytest.raises(RadiographError):
        read(film(STREAM[:-200]))
    np.testing.assert_array_equal(read(film(STREAM)).values.array, VALUES)


def test_other_files_that_end_early_are_left_alone():
    assert with_ends(save(dicom_dataset(VALUES))[:-100]) is None
    assert with_ends(b"") is None


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("reversible", [True, False])
def test_a_long_stream_is_shared_among_cores_and_comes_out_the_same(
    signed, reversible, monkeypatch
):
    values = (VALUES // 32).astype(np.int16) - 1000 if signed else VALUES
    options = {} if reversible else {"level": 40}
    stream = imagecodecs.jpeg2k_encode(values, codecformat="j2k", reversible=reversible, **options)
    window = {"WindowCenter": 0, "WindowWidth": 2048, "BitsStored": 16}
    syntax = JPEG2000Lossless if reversible else JPEG2000
    data = film(stream, values, syntax, **window)
    whole = read(data)
    asked = []
    decode_frame = dicom_jpeg2000.decode_frame
    monkeypatch.setattr(
        dicom_jpeg2000, "decode_frame", lambda *args: asked.append(1) or decode_frame(*args)
    )
    monkeypatch.setattr(dicom_jpeg2000, "LONG", 1000)
    monkeypatch.setattr(dicom_jpeg2000, "_cores", lambda: 3)
    shared = read(data)
    np.testing.assert_array_equal(shared.values.array, whole.values.array)
    assert shared.sha256 == whole.sha256
    assert shared.notes == ()


def test_a_long_stream_with_a_fault_is_damaged_as_a_short_one_is(monkeypatch):
    broken = STREAM[: len(STREAM) // 2] + bytes(200) + STREAM[len(STREAM) // 2 + 200 :]
    short = read_or_reason(film(broken))
    monkeypatch.setattr(dicom_jpeg2000, "LONG", 1000)
    assert read_or_reason(film(broken)) == short


def read_or_reason(data: bytes) -> str:
    try:
        return read(data).sha256
    except RadiographError as error:
        return error.reason
