"""Films of many layouts are rendered as DCMTK renders them."""

from __future__ import annotations

import io
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from cxr.films.radiograph import read
from cxr.films.windows import ValueRange
from tests.film_files import dicom_dataset, lut, save, scene

TOOL = shutil.which("dcmj2pnm")
pytestmark = pytest.mark.skipif(TOOL is None, reason="wants DCMTK: apt-get install dcmtk")


def theirs(data: bytes, folder, *options: str) -> np.ndarray:
    source, out = folder / "film.dcm", folder / "film.png"
    source.write_bytes(data)
    command = [str(TOOL), *options, "--no-overlays", "--write-png", str(source), str(out)]
    subprocess.run(command, check=True, capture_output=True)
    return np.asarray(Image.open(io.BytesIO(out.read_bytes())).convert("L"), float)


@pytest.mark.parametrize(
    ("bits", "high"), [(8, 7), (10, 9), (12, 11), (12, 13), (12, 15), (16, 15)]
)
@pytest.mark.parametrize("negative", [False, True])
@pytest.mark.parametrize("shown", ["LINEAR", "SIGMOID", "table", "range"])
def test_within_one_of_255(tmp_path, bits, high, negative, shown):
    rng = np.random.default_rng(100 * bits + high)
    low = -(2 ** (bits - 1)) if negative else 0
    values = low + scene(40, 50, top=65535).astype(np.int64) * (2**bits - 1) // 65535
    words = (values << (high + 1 - bits)) % 2 ** (high + 1)
    slope, intercept = int(rng.choice([1, 2])), int(rng.integers(-500, 500))
    tags = {"BitsStored": bits, "PixelRepresentation": int(negative)}
    tags |= {"RescaleSlope": slope, "RescaleIntercept": intercept}
    tags["PhotometricInterpretation"] = f"MONOCHROME{rng.integers(1, 3)}"
    middle = (low + 2 ** (bits - 1)) * slope + intercept
    options = ["--use-window", "1"]
    if shown == "table":
        count = min(2**bits, 4096)
        item = lut(np.sort(rng.integers(0, 4096, count)).tolist(), first=0, bits=12)
        item.LUTData = [*item.LUTData[:-1], 4095]
        item.LUTDescriptor = [count, (low * slope + intercept) % 65536, 12]
        tags["VOILUTSequence"], options = [item], ["--use-voi-lut", "1"]
    elif shown == "range":
        options = ["--min-max-window"]
    else:
        tags |= {"WindowCenter": middle + 9, "WindowWidth": slope * 2 ** (bits - 1)}
        tags["VOILUTFunction"] = shown
        options += ["--sigmoid-function"] if shown == "SIGMOID" else []
    dataset = dicom_dataset(words.astype("<u2"), **tags)
    dataset.HighBit = high
    data = save(dataset)
    film = read(data)
    if shown == "range" and high >= bits:
        film_pixels = film.values.pixels(_range(film))  # at first it is that of the bits
    else:
        film_pixels = film.pixels
    assert np.abs(np.rint(film_pixels * 255) - theirs(data, tmp_path, *options)).max() <= 1


def _range(film):
    return ValueRange(film.values.seen[0], film.values.seen[-1])
