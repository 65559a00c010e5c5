"""The browser's side, run by Node: its own tests, and that it lays heatmaps as Python does."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxr.films.preprocessing import without_margin
from cxr.films.radiograph import Radiograph, read
from cxr.heatmaps.heatmap import Heatmap
from cxr.web.film import Beside, _side
from cxr.web.transfer import sent
from tests.conftest import ROOT
from tests.film_files import dicom, lut, scene

TESTS = Path(__file__).parent / "js"


@pytest.fixture(scope="module")
def node() -> str:
    path = shutil.which("node")
    if path is None:
        pytest.skip("wants Node: apt-get install nodejs")
    return path


def test_the_tests_of_the_modules(node: str) -> None:
    files = sorted(str(path) for path in TESTS.glob("*.test.js"))
    done = subprocess.run([node, "--test", *files], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]


def windowed(seed: int) -> Radiograph:
    """A film of any layout with any window: depth, sign, slope, padding, polarity and table."""
    rng = np.random.default_rng(seed)
    bits = int(rng.integers(6, 17))
    low = -(2 ** (bits - 1)) if rng.random() < 0.5 else 0
    smooth = scene(13, 17, top=65535).astype(np.int64)
    stored = low + smooth * (2**bits - 1) // 65535
    tags: dict[str, Any] = {"BitsStored": bits, "PhotometricInterpretation": "MONOCHROME2"}
    if rng.random() < 0.5:
        tags["PhotometricInterpretation"] = "MONOCHROME1"
    slope, intercept = 1.0, 0.0
    if rng.random() < 0.5:
        slope, intercept = float(rng.choice([0.5, 2, 3.7])), float(rng.integers(-3000, 3000))
        tags |= {"RescaleSlope": slope, "RescaleIntercept": intercept}
    if rng.random() < 0.4:
        stored[2:4] = low
        tags["PixelPaddingValue"] = low
    middle = (low + 2 ** (bits - 1)) * slope + intercept
    kind = rng.integers(0, 5)
    if kind < 3:
        tags |= {
            "WindowCenter": float(np.round(middle + rng.integers(-50, 50), 2)),
            "WindowWidth": float(rng.choice([1, 40, 2**bits])),
            "VOILUTFunction": ["LINEAR", "LINEAR_EXACT", "SIGMOID"][kind],
        }
    elif kind == 3:
        count = min(2**bits, 4096)
        entries = np.sort(rng.integers(0, 4096, count))
        entries[-1] = 4095
        item = lut(entries.tolist(), first=0, bits=12)
        item.LUTDescriptor = [count, round(low * slope + intercept) % 65536, 12]
        tags["VOILUTSequence"] = [item]
    return read(dicom(stored.astype("<i2" if low else "<u2"), **tags))


def test_at_first_a_film_looks_in_the_browser_as_its_pixels_say(node: str) -> None:
    films = [windowed(seed) for seed in range(60)]
    films += [
        Radiograph((scene(13, 17, top=top) / top).astype(np.float32), bits=bits)
        for top, bits in ((255, 8), (65535, 16))
    ]
    told = [
        {
            "film": _side(Beside(film, None, ""), "", 1.0),
            "bytes": base64.b64encode(sent(film)).decode(),
        }
        for film in films
    ]
    done = subprocess.run(
        [node, str(TESTS / "film_greys.js")],
        input=json.dumps(told),
        capture_output=True,
        text=True,
        check=True,
    )
    for film, values in zip(films, json.loads(done.stdout), strict=True):
        exact = 255.0 * film.pixels
        shown = np.reshape(values, film.pixels.shape)
        # At a half, which way to round may hang on the last bit.
        assert np.abs(shown - exact).max() <= 0.5 + 1e-3


def heatmaps() -> list[Heatmap]:
    """Maps of many shapes and units, among them the smallest, on films of all proportions."""
    rng = np.random.default_rng(11)
    shapes = [(1, 1), (1, 2), (2, 1), (7, 7), *rng.integers(1, 30, (20, 2)).tolist()]
    made = []
    for rows, columns in shapes:
        # A film has a pixel a cell at least, as every network's input has.
        height, width = rng.integers(30, 140, 2)
        grid = rng.random((rows, columns)) * 10.0 ** rng.integers(-4, 4)
        margin = float(rng.choice([0.0, 0.05, 0.1]))
        made.append(
            Heatmap(grid.astype(np.float32), int(height), int(width), "gradcam", "", "p", margin)
        )
    return made


def test_the_browser_lays_a_heatmap_as_python_does(node: str) -> None:
    maps = heatmaps()
    told = [
        {
            "grid": each.grid.astype(float).tolist(),
            "inset": [
                part.start for part in without_margin((each.height, each.width), each.margin)
            ],
            "width": each.width,
            "height": each.height,
        }
        for each in maps
    ]
    done = subprocess.run(
        [node, str(TESTS / "heat_arrays.js")],
        input=json.dumps(told),
        capture_output=True,
        text=True,
        check=True,
    )
    for heatmap, values in zip(maps, json.loads(done.stdout), strict=True):
        shown = np.reshape(values, (heatmap.height, heatmap.width))
        np.testing.assert_allclose(shown, heatmap.array, atol=2e-5)
