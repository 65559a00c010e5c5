"""Small files that claim or cost a lot are refused before they cost it, and films are not."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import time
import zlib
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from cxr.films import bounds
from cxr.films.bounds import MEGAPIXELS, UnreadableFile, check_ratio, check_size
from cxr.films.radiograph import RadiographError, read
from tests.conftest import ROOT
from tests.film_files import PNG_SAMPLES, chunk, dicom, dicom_dataset, encode, save, scene


def blank_png(side: int, depth: int, colour: int, *extra: bytes, interlaced: int = 0) -> bytes:
    """A black PNG that is as small as one can be."""
    row = bytes(1 + side * PNG_SAMPLES.get(colour, 1) * depth // 8)
    packer = zlib.compressobj(9)
    body = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, depth, colour, 0, 0, interlaced)
    parts = [chunk(b"IHDR", header), *extra, chunk(b"IDAT", body), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def reason(data: bytes) -> str:
    with pytest.raises(RadiographError) as caught:
        read(data)
    return caught.value.reason


def claims(width: int, height: int, depth: int = 8, colour: int = 0) -> bytes:
    """A PNG of a header alone."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


class TestSettings:
    def test_what_holds_unless_set(self):
        assert MEGAPIXELS.value == 36

    def test_a_bound_is_raised_and_lowered(self, monkeypatch):
        film = encode(Image.fromarray(scene(1200, 1000)), "PNG")
        read(film)
        monkeypatch.setenv("CXR_MAX_MEGAPIXELS", "1")
        assert "CXR_MAX_MEGAPIXELS" in reason(film)
        monkeypatch.setenv("CXR_MAX_MEGAPIXELS", "2")
        read(film)

    @pytest.mark.parametrize("said", ["", "0", "-4", "many", "1e9"])
    def test_what_is_no_number_changes_nothing(self, monkeypatch, said):
        monkeypatch.setenv("CXR_MAX_MEGAPIXELS", said)
        assert MEGAPIXELS.value == 36

    def test_each_bound_says_how_to_raise_it(self):
        for call, setting in (
            (lambda: check_size(10**5, 10**5), "CXR_MAX_MEGAPIXELS"),
            (lambda: check_size(6000, 6000, 8), "CXR_MAX_MEGAPIXELS"),
            (lambda: check_ratio(10**9, 10**3), "CXR_MAX_RATIO"),
            (lambda: bounds.check_file(10**9), "CXR_MAX_MEGAPIXELS"),
            (lambda: bounds.check_stream(32_000_000, 16_000_000), "CXR_MAX_MEGAPIXELS"),
        ):
            with pytest.raises(UnreadableFile, match=setting):
                call()


class TestPixels:
    @pytest.mark.parametrize("depth", [8, 16])
    def test_more_than_the_largest_detector_has(self, depth):
        assert "36 megapixels" in reason(claims(6001, 6000, depth))

    def test_a_dicom_film_that_claims_more_than_it_holds(self):
        assert "36 megapixels" in reason(dicom(scene(), Rows=9999, Columns=9999))
        assert reason(dicom(scene(), Rows=6000, Columns=6000))

    @pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEGLSLossless, RLELossless])
    def test_a_compressed_dicom_film_that_claims_more(self, syntax):
        dataset = dicom_dataset(scene())
        dataset.compress(syntax)
        dataset.Rows = dataset.Columns = 9999
        assert "36 megapixels" in reason(save(dataset))


class TestBytes:
    @pytest.mark.parametrize("colour", [2, 6])
    def test_16_bits_of_color_or_alpha_at_the_largest_size(self, colour):
        assert "144 MB" in reason(claims(6000, 6000, 16, colour))

    def test_a_dicom_film_of_too_many_bits_or_samples(self):
        film = dicom_dataset(scene())
        film.Rows = film.Columns = 6000
        film.BitsAllocated = 64
        assert "144 MB" in reason(save(film))
        film.BitsAllocated, film.SamplesPerPixel = 16, 4
        assert "144 MB" in reason(save(film))

    @pytest.mark.parametrize("syntax", [JPEG2000Lossless, RLELossless])
    def test_color_in_a_slow_compression_is_bounded_further(self, syntax, monkeypatch):
        dataset = dicom_dataset(np.zeros((64, 64, 3), np.uint8))
        dataset.compress(syntax)
        dataset.Rows = dataset.Columns = 3500
        monkeypatch.setenv("CXR_MAX_RATIO", "1000000")
        assert "147 MB" in reason(save(dataset))

    def test_a_file_is_not_even_read_when_it_is_too_long(self, tmp_path):
        path = tmp_path / "film.dcm"
        with path.open("wb") as file:
            file.truncate(10**9)  # takes no space
        with pytest.raises(RadiographError, match="1,000 MB"):
            read(path)

    def test_a_file_that_inflates_without_end(self):
        packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        flood = b"".join(packer.compress(bytes(10**6)) for _ in range(400)) + packer.flush()
        head = save(dicom_dataset(scene()), DeflatedExplicitVRLittleEndian)
        head = head[: 144 + int.from_bytes(head[140:144], "little")]
        assert "CXR_MAX" in reason(head + flood)


class TestRatio:
    @pytest.mark.parametrize(("depth", "colour"), [(16, 0), (8, 6)])
    def test_a_png_of_one_color(self, depth, colour):
        assert "CXR_MAX_RATIO" in reason(blank_png(5000, depth, colour))

    @pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEGLSLossless])
    def test_a_dicom_film_of_one_color(self, syntax):
        dataset = dicom_dataset(np.zeros((4500, 4500), np.uint16))
        dataset.compress(syntax)
        assert "CXR_MAX_RATIO" in reason(save(dataset))

    def test_small_pictures_may_be_blank(self):
        read(blank_png(1000, 8, 0))


class TestTime:
    def test_a_jpeg_of_hundreds_of_passes(self):
        data = encode(Image.fromarray(scene()), "JPEG", progressive=True)
        read(data)
        last = data[data.rindex(b"\xff\xda") : -2]
        assert "scans" in reason(data[:-2] + 400 * last + b"\xff\xd9")
        baseline = dicom_dataset(scene())
        baseline.PixelData = encapsulate([data[:-2] + 400 * last + b"\xff\xd9"])
        assert reason(save(baseline, JPEGBaseline8Bit))

    @pytest.mark.parametrize("depth", [8, 16])
    def test_a_png_that_has_no_width_and_any_height(self, depth):
        """Found by damage: of no pixels at all, gone through row by row for 12 seconds."""
        begun = time.process_time()
        assert "no pixels" in reason(claims(0, 2**31 - 1, depth))
        assert "no pixels" in reason(claims(2**31 - 1, 0, depth))
        assert time.process_time() - begun < 1

    def test_a_png_in_a_million_parts(self):
        data = blank_png(100, 8, 0)
        at = data.index(b"IDAT") - 4
        assert "parts" in reason(data[:at] + 200_000 * chunk(b"IDAT", b"") + data[at:])

    def test_many_parts_of_a_film_cost_no_more_than_one(self):
        """What is put together anew with each part takes minutes."""
        data = blank_png(2000, 8, 0)
        at = data.index(b"IDAT")
        size = int.from_bytes(data[at - 4 : at], "big")
        body = data[at + 4 : at + 4 + size]
        parts = b"".join(chunk(b"IDAT", body[i : i + 1]) for i in range(size))
        film = read(data[: at - 4] + parts + data[at + 8 + size :])
        assert film.sha256 == read(data).sha256


def test_text_and_profiles_that_inflate_without_end():
    packer = zlib.compressobj(9)
    flood = b"".join(packer.compress(bytes(10**6)) for _ in range(100)) + packer.flush()
    for kind in (b"zTXt", b"iCCP"):
        data = blank_png(100, 8, 0, chunk(kind, b"a\0\0" + flood))
        with suppress(RadiographError):
            assert read(data).height == 100


#: Prints by how many bytes the peak of memory rose with each film, and how many pixels it has.
MEASURE = """
import sys, json, pathlib
import cxr.films.dicom, imagecodecs
from cxr.films.radiograph import read
def peak():
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    said = dict(line.split(":") for line in lines)
    return {k: int(said[k].split()[0]) * 1024 for k in ("VmHWM", "VmRSS")}
for path in sys.argv[1:]:
    data = pathlib.Path(path).read_bytes()
    pathlib.Path("/proc/self/clear_refs").write_text("5")
    before = peak()["VmRSS"]
    film = read(data)
    film.sha256
    print(json.dumps([path, peak()["VmHWM"] - before, film.pixels.size, len(data)]))
    del film, data
"""


def noisy(bits: int, side: int = 2600) -> np.ndarray:
    rng = np.random.default_rng(1)
    values = np.linspace(0.2, 0.8, side)[:, None] + rng.normal(0, 0.01, (side, side))
    return np.clip(values * (2**bits - 1), 0, 2**bits - 1).astype("u1" if bits == 8 else "<u2")


def films() -> dict[str, bytes]:
    grey, deep = noisy(8), noisy(16)
    image = Image.fromarray(grey)
    side = len(grey)
    header = struct.pack(">IIBBBBB", side, side, 16, 4, 0, 0, 0)
    rows = np.insert(np.repeat(deep.byteswap(), 2, 1).view("u1"), 0, 0, axis=1)
    pairs = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows.tobytes(), 1))
    return {
        "16-bit.png": encode(Image.fromarray(deep), "PNG", compress_level=1),
        "color.png": encode(image.convert("RGB"), "PNG", compress_level=1),
        "alpha.png": encode(image.convert("RGBA"), "PNG", compress_level=1),
        "16-bit-alpha.png": b"\x89PNG\r\n\x1a\n" + pairs + chunk(b"IEND", b""),
        "palette.png": encode(image.convert("P"), "PNG", compress_level=1, transparency=7),
        "gray.jpeg": encode(image, "JPEG"),
        "color.jpeg": encode(image.convert("RGB"), "JPEG", progressive=True, subsampling=0),
        "cmyk.jpeg": encode(image.convert("CMYK"), "JPEG"),
        "deflated.dcm": save(dicom_dataset(deep), DeflatedExplicitVRLittleEndian),
        "window.dcm": dicom(deep, WindowCenter=2000, WindowWidth=900, PixelPaddingValue=0),
        "color.dcm": dicom(np.stack([grey] * 3, -1)),
        "palette.dcm": palette(grey),
        "jpeg-2000.dcm": compressed(deep, JPEG2000Lossless),
        "jpeg-ls.dcm": compressed(deep, JPEGLSLossless),
        "runs.dcm": compressed(deep, RLELossless),
    }


def compressed(values: np.ndarray, syntax: UID) -> bytes:
    dataset = dicom_dataset(values)
    dataset.compress(syntax)
    return save(dataset)


def palette(values: np.ndarray) -> bytes:
    dataset = dicom_dataset(values, PhotometricInterpretation="PALETTE COLOR")
    for color in ("Red", "Green", "Blue"):
        setattr(dataset, f"{color}PaletteColorLookupTableDescriptor", [256, 0, 16])
        table = np.arange(0, 65536, 256, dtype="<u2").tobytes()
        setattr(dataset, f"{color}PaletteColorLookupTableData", table)
    return save(dataset)


def test_reading_takes_less_than_600_mb_for_the_largest_film(tmp_path):
    """Measured on films of a fifth of the largest size, in a process of its own."""
    paths = []
    for name, data in films().items():
        (tmp_path / name).write_bytes(data)
        paths.append(str(tmp_path / name))
    told = subprocess.run(
        [sys.executable, "-c", MEASURE, *paths],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    rows = [json.loads(line) for line in told.stdout.splitlines()]
    assert len(rows) == len(paths)
    costs = {path.rpartition("/")[2]: round(rise / size, 1) for path, rise, size, _ in rows}
    assert max(costs.values()) < 600 / 36, costs


class TestTimeOfJpeg2000:
    """It grows with the stream and with the picture; noise of 16 bits is as long as the picture."""

    SIDE = 700

    def film(self, values: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> bytes:
        imagecodecs = pytest.importorskip("imagecodecs")
        monkeypatch.setenv("CXR_MAX_MEGAPIXELS", "1")
        stream = imagecodecs.jpeg2k_encode(values, codecformat="j2k", reversible=True, level=0)
        dataset = dicom_dataset(values, BitsStored=16, HighBit=15)
        dataset.file_meta.TransferSyntaxUID = JPEG2000Lossless
        dataset.PixelData = encapsulate([stream])
        return save(dataset)

    def test_noise_is_refused_before_it_is_decoded(self, monkeypatch):
        rng = np.random.default_rng(0)
        noise = rng.integers(0, 2**16, (self.SIDE, self.SIDE), dtype=np.uint16)
        film = self.film(noise, monkeypatch)
        assert len(film) > 900_000

        def decoded(*_arguments, **_options):
            raise AssertionError("decoded all the same")

        monkeypatch.setattr("cxr.films.dicom_decode.get_decoder", decoded)
        said = reason(film)
        assert "JPEG 2000" in said
        assert "CXR_MAX_MEGAPIXELS" in said

    def test_a_film_of_16_megapixels_keeps_9_bits_of_each(self):
        bounds.check_stream(18_000_000, 16_000_000)
        with pytest.raises(UnreadableFile):
            bounds.check_stream(18_000_000, 36_000_000)

    def test_a_film_of_that_size_is_read(self, monkeypatch):
        film = self.film(16 * scene(self.SIDE, self.SIDE).astype(np.uint16), monkeypatch)
        assert read(film).width == self.SIDE
