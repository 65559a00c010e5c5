"""The browser's side, run by Node: its own tests, and that it lays heatmaps as Python does."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from cxr.films.preprocessing import without_margin
from cxr.heatmaps.heatmap import Heatmap
from tests.conftest import ROOT

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
