"""Scoring and the one-pass maps never load TensorFlow: each way in a process of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.test_imports import command, loaded

MODELS = ROOT / "models"

#: Films dropped, scored and explained, as Triage does it, and the page drawn.
DASHBOARD = """
from streamlit.testing.v1 import AppTest
app = AppTest.from_file("streamlit_app.py", default_timeout=90).run()
next(b for b in app.button if b.label == "Sample films").click().run()
session = app.session_state["reading_session"]
session.scorer.join()
app.run()
assert not app.exception, app.exception[0].message
entries = session.worklist.entries
scored = [a.prediction for entry in entries for a in entry.assessments.values()]
assert any(prediction and prediction.score is not None for prediction in scored), scored
from cxr.model import load
from cxr.reading_room.explainer import Explainer
model, film = load("pneumonia"), entries[0].film()
explainer = Explainer()
for method in ("gradcam", "layercam"):
    explainer.ask(model, film, method)
    explainer.wait(60)
    state = explainer.state(model, film.sha256, method)
    assert state.kind == "ready", state
"""


@pytest.fixture
def film(data_dir: Path) -> str:
    return str(min((data_dir / "kermany" / "test" / "PNEUMONIA").iterdir()))


@pytest.mark.data
class TestTheModelsThatShip:
    """With gate, picture check and lungs."""

    def test_predict(self, film: str, tmp_path: Path) -> None:
        words = ("--out", str(tmp_path / "rows.json"), "--heatmaps", str(tmp_path))
        assert "LOADED []" in loaded(command("predict", film, *words), MODELS)
        (row,) = json.loads((tmp_path / "rows.json").read_text())
        assert row["refusal_code"] is None
        assert row["heat_in_lungs"] is not None

    def test_explain(self, film: str, tmp_path: Path) -> None:
        words = ("--model", "tuberculosis", "--method", "hirescam", "--out")
        said = loaded(command("explain", film, *words, str(tmp_path / "map.png")), MODELS)
        assert "LOADED []" in said
        assert (tmp_path / "map.png").is_file()


def test_evaluate(made_models: Path, made_films: Path) -> None:
    words = ("evaluate", "pneumonia-made", "--data", str(made_films), "--json")
    assert "LOADED []" in loaded(command(*words), made_models)


@pytest.mark.data
def test_the_dashboard(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXR_DATA", str(data_dir))
    assert "LOADED []" in loaded(DASHBOARD, MODELS)


def test_but_another_layer_loads_it(made_models: Path, made_films: Path, tmp_path: Path) -> None:
    """So that the tests above can fail."""
    film = str(next((made_films / "test" / "PNEUMONIA").iterdir()))
    words = ("--layer", "block2_conv", "--out", str(tmp_path / "map.png"))
    assert "LOADED ['tensorflow', 'keras']" in loaded(command("explain", film, *words), made_models)
