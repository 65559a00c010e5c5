"""The pages that only read bundles never load TensorFlow."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

PAGES = ("dataset", "training", "evaluation", "monitoring", "models")
# One process opens them all: what none of them loads, each does not load.
PROGRAM = f"""
import sys
from streamlit.testing.v1 import AppTest
for page in {PAGES}:
    app = AppTest.from_file("streamlit_app.py", default_timeout=90)
    app.switch_page(f"pages/{{page}}.py").run()
    assert not app.exception, app.exception[0].message
    title = "#### " + page.title()
    assert title in [text.value for text in app.markdown], "another page was opened"
    loaded = sorted(name for name in ("tensorflow", "keras") if name in sys.modules)
    print("LOADED", page, loaded, flush=True)
"""


@pytest.fixture(scope="module")
def opened(made_models: Path, made_films: Path) -> subprocess.CompletedProcess[str]:
    """What the program says of each page; it ends at the first that fails."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env=os.environ | {"CXR_MODELS": str(made_models), "CXR_DATA": str(made_films)},
        capture_output=True,
        text=True,
        timeout=400,
    )


@pytest.mark.parametrize("page", PAGES)
def test_a_page_that_reads_bundles_does_not_load_tensorflow(
    page: str, opened: subprocess.CompletedProcess[str]
) -> None:
    assert f"LOADED {page} []" in opened.stdout, opened.stderr[-2000:]


def test_every_page_opens(opened: subprocess.CompletedProcess[str]) -> None:
    assert opened.returncode == 0, opened.stderr[-2000:]
