"""The lung network's export: finds the same lungs, and is refused for other weights."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from cxr.lungs.export import export_lungs
from cxr.lungs.segment import LungNetwork, LungsError
from tests.bundles import write_card
from tests.conftest import ROOT, chest_like

SHIPPED = ROOT / "models" / "lungs"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return shutil.copytree(SHIPPED, tmp_path / "lungs")


def change(folder: Path, **fields: object) -> None:
    path = folder / "card.json"
    write_card(folder, json.loads(path.read_text()) | fields)


def test_marks_what_the_keras_model_marks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film = chest_like(3, size=224)
    shipped = LungNetwork(SHIPPED)
    assert shipped.exported() is not None
    logits = shipped(film)
    assert (logits > 0).any()
    monkeypatch.setenv("CXR_ENGINE", "tensorflow")
    keras = LungNetwork(folder)
    assert keras.exported() is None
    np.testing.assert_allclose(logits, keras(film), rtol=0, atol=1e-4 * np.ptp(logits))


def test_is_made_anew(folder: Path) -> None:
    film = chest_like(3, size=224)
    expected = LungNetwork(folder)(film)
    card = json.loads((folder / "card.json").read_text())
    del card["export"], card["checksum"]
    write_card(folder, card)
    (folder / "export.onnx").unlink()
    assert LungNetwork(folder).exported() is None
    assert export_lungs(folder) == folder / "export.onnx"
    after = json.loads((folder / "card.json").read_text())
    new = ("export", "checksum")
    assert {key: value for key, value in after.items() if key not in new} == card
    np.testing.assert_allclose(LungNetwork(folder)(film), expected, rtol=0, atol=1e-4)


def test_that_is_not_the_networks_is_refused(folder: Path) -> None:
    film = chest_like(3, size=224)
    export = json.loads((folder / "card.json").read_text())["export"]
    change(folder, export=export | {"weights": "1" * 64})
    with pytest.raises(LungsError, match="cxr export lungs"):
        LungNetwork(folder)(film)
    change(folder, export={"file": 1})
    with pytest.raises(LungsError, match=r"card .* damaged"):
        LungNetwork(folder)(film)
    change(folder, export=export)
    (folder / "export.onnx").write_bytes(b"other")
    with pytest.raises(LungsError, match="cxr export lungs"):
        LungNetwork(folder)(film)
