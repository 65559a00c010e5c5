"""The pages that only read bundles never load TensorFlow."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

PROGRAM = """
import sys
from streamlit.testing.v1 import AppTest
app = AppTest.from_file("streamlit_app.py", default_timeout=90)
app.switch_page("pages/{page}.py").run()
assert not app.exception, app.exception[0].message
assert "#### {title}" in [text.value for text in app.markdown], "another page was opened"
print("LOADED", sorted(name for name in ("tensorflow", "keras") if name in sys.modules))
"""


@pytest.mark.parametrize("page", ["dataset", "training", "evaluation", "monitoring", "models"])
def test_a_page_that_reads_bundles_does_not_load_tensorflow(
    page: str, made_models: Path, made_films: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(page=page, title=page.title())],
        cwd=ROOT,
        env=os.environ | {"CXR_MODELS": str(made_models), "CXR_DATA": str(made_films)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "LOADED []" in done.stdout
