"""Everything that may be dropped into a list: each gives a score or a reason, and the rest goes on.

What each kind of file is read as stands in the tests of `radiograph`, `dicom_file` and `archive`.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from cxr.films import archive
from cxr.reading_room.worklist import Worklist
from tests.conftest import chest_like
from tests.film_files import dicom, dicom_dataset, encode, lut, save

GREY = chest_like(1, size=200)
FILM = Image.fromarray(GREY)
COLOUR = np.stack([GREY, GREY // 2, 255 - GREY], axis=-1)
SCORED = "scored"


def deep(bits: int) -> np.ndarray:
    """The film in so many bits."""
    return np.rint(GREY / 255 * (2**bits - 1)).astype(np.uint16)


def depth(bits: int) -> bytes:
    full = {"BitsStored": bits, "WindowCenter": 2 ** (bits - 1), "WindowWidth": 2**bits}
    return dicom(deep(bits), **full)


def compressed(syntax) -> bytes:
    dataset = dicom_dataset(GREY)
    dataset.compress(syntax)
    return save(dataset)


def baseline() -> bytes:
    dataset = dicom_dataset(GREY)
    dataset.PixelData = encapsulate([encode(FILM, "JPEG", quality=95)])
    return save(dataset, JPEGBaseline8Bit)


def without_preamble() -> bytes:
    data = dicom(GREY)
    return data[132:]


def wrong_vr() -> bytes:
    """Rows as text of a number: what some archives write."""
    data = dicom(GREY)
    tag = b"\x28\x00\x10\x00US\x02\x00"
    assert data.count(tag) == 1
    return data.replace(
        tag + GREY.shape[0].to_bytes(2, "little"), b"\x28\x00\x10\x00IS\x04\x00200 "
    )


def sample(name: str) -> bytes:
    return Path(get_testdata_file(name, download=False)).read_bytes()


def kinds() -> dict[str, tuple[bytes, str]]:
    """Name, bytes, and what must come of it: `SCORED` or the code of a refusal."""
    png, jpeg, film = encode(FILM, "PNG"), encode(FILM, "JPEG"), dicom(GREY)
    several = dicom(GREY, NumberOfFrames=2, PixelData=GREY.tobytes() * 2)
    signed = deep(12).astype(np.int16) - 2048
    table = [round(255 * (k / 255) ** 2) for k in range(256)]
    scored = {
        "png": png,
        "jpeg": jpeg,
        "dicom": film,
        "colour.png": encode(Image.fromarray(COLOUR), "PNG"),
        "colour.dcm": dicom(COLOUR),
        "palette.png": encode(FILM.convert("P"), "PNG"),
        "16-bit.png": encode(Image.fromarray(deep(16)), "PNG"),
        "alpha.png": encode(FILM.convert("LA"), "PNG"),
        "rle": compressed(RLELossless),
        "jpeg-2000": compressed(JPEG2000Lossless),
        "jpeg-ls": compressed(JPEGLSLossless),
        "jpeg-baseline": baseline(),
        "deflated": save(dicom_dataset(GREY), DeflatedExplicitVRLittleEndian),
        "no-preamble": without_preamble(),
        "wrong-vr": wrong_vr(),
        "no-window": dicom(deep(12), BitsStored=12),
        "window-width-0": dicom(deep(12), BitsStored=12, WindowCenter=2048, WindowWidth=0),
        "monochrome1": dicom(255 - GREY, PhotometricInterpretation="MONOCHROME1"),
        "monochrome1-voi-lut": dicom(
            255 - GREY,
            PhotometricInterpretation="MONOCHROME1",
            VOILUTSequence=[lut(table, 0, 8)],
        ),
        "signed": dicom(signed, BitsStored=12, WindowCenter=0, WindowWidth=4096),
        **{f"{bits}-bits": depth(bits) for bits in (10, 12, 14, 16)},
    }
    refused = {
        "empty": (b"", "unreadable"),
        "truncated.jpg": (jpeg[: len(jpeg) // 2], "unreadable"),
        "truncated.png": (png[: len(png) // 2], "unreadable"),
        "truncated.dcm": (film[: len(film) // 2], "unreadable"),
        "text.png": (b"Dear colleague,\n", "unreadable"),
        "no-pixels.dcm": (dicom(GREY, PixelData=None), "unreadable"),
        "report.dcm": (sample("test-SR.dcm"), "unreadable"),
        "several-frames.dcm": (several, "unreadable"),
        "1-bit.png": (encode(FILM.convert("1"), "PNG"), "exposure"),
        "jpeg-lossless.dcm": (sample("JPEG-LL.dcm"), "modality"),
        "document.pdf": (b"%PDF-1.7\n", "unreadable"),
        "gif.png": (encode(FILM, "GIF"), "unreadable"),
        "tiny.png": (encode(FILM.resize((90, 90)), "PNG"), "too_small"),
        "black.png": (encode(Image.new("L", (300, 300)), "PNG"), "blank"),
    }
    return {name: (data, SCORED) for name, data in scored.items()} | refused


KINDS = kinds()


@pytest.fixture(scope="module")
def worklist(made_bundle) -> Worklist:
    """All of them in one list, between two ordinary films."""
    found = Worklist(made_bundle)
    found.add("first", encode(FILM, "PNG"))
    for name, (data, _) in KINDS.items():
        found.add(name, data)
    found.add("last", encode(FILM, "PNG"))
    list(found.score())
    return found


@pytest.mark.parametrize("name", KINDS)
def test_each_gives_a_score_or_a_reason(worklist, name):
    (entry,) = [entry for entry in worklist.entries if entry.name == name]
    prediction = entry.prediction
    if KINDS[name][1] == SCORED:
        assert prediction.refusal is None, prediction.refusal
        assert 0 < prediction.score < 1
        assert prediction.heatmap.array.shape == entry.film().pixels.shape
    else:
        assert prediction.refusal.code == KINDS[name][1]
        assert len(prediction.refusal.reason) > 20
        assert prediction.refusal.reason.endswith(".")
        assert prediction.score is None


def test_the_rest_goes_on(worklist):
    assert len(worklist) == len(KINDS) + 2
    assert worklist.waiting == []
    first, last = worklist.entries[0], worklist.entries[-1]
    assert first.prediction.score == pytest.approx(last.prediction.score, abs=1e-4)


def test_the_same_film_scores_alike_however_it_is_coded(worklist):
    scores = {entry.name: entry.prediction.score for entry in worklist.entries}
    # Without a window the range is stretched, so that these are alike among themselves.
    for name in ("rle", "jpeg-2000", "jpeg-ls", "deflated", "no-preamble", "wrong-vr"):
        assert scores[name] == pytest.approx(scores["dicom"], abs=1e-3), name
    for name in ("16-bit.png", "signed", *(f"{bits}-bits" for bits in (10, 12, 14, 16))):
        assert scores[name] == pytest.approx(scores["png"], abs=0.01), name


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive_file:
        for name, data in files.items():
            archive_file.writestr(name, data)
    return out.getvalue()


class TestZips:
    def bands(self, worklist: Worklist) -> dict[str, str]:
        list(worklist.score())
        return {
            entry.name: SCORED if entry.prediction.score is not None else "refused"
            for entry in worklist.entries
        }

    def test_folders_names_that_lead_elsewhere_and_a_zip_inside(self, made_bundle):
        worklist, png = Worklist(made_bundle), encode(FILM, "PNG")
        inner = zipped({"x.png": png})
        files = {"a/b/one.png": png, "../../two.png": png, "three.zip": inner, "four.png": png}
        worklist.add("films.zip", zipped(files))
        assert self.bands(worklist) == {
            "one.png": SCORED,
            "two.png": SCORED,
            "three.zip": "refused",
            "four.png": SCORED,
        }

    def test_a_bomb_is_a_row_and_the_rest_goes_on(self, made_bundle, monkeypatch):
        monkeypatch.setattr(archive, "most_of_all", lambda: 2 * 1024**2)
        worklist, png = Worklist(made_bundle), encode(FILM, "PNG")
        bomb = zipped({"bomb.png": bytes(50 * 1024**2)})
        assert len(bomb) < 100_000
        worklist.add("bomb.zip", bomb)
        worklist.add("film.png", png)
        assert self.bands(worklist) == {"bomb.png": "refused", "film.png": SCORED}

    def test_500_files(self, made_bundle):
        worklist = Worklist(made_bundle)
        files = {f"{k:03}.png": encode(Image.fromarray(chest_like(k)), "PNG") for k in range(25)}
        many = {f"{turn:02}/{name}": data for turn in range(20) for name, data in files.items()}
        worklist.add("films.zip", zipped(many))
        assert len(worklist) == 500
        list(worklist.score())
        assert worklist.waiting == []
        assert all(entry.prediction.score is not None for entry in worklist.entries)
        assert len({entry.sha256 for entry in worklist.entries}) == 25
        assert len(worklist.twins(worklist.entries[0])) == 19
