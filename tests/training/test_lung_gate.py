"""What is counted of the gate's look at the lungs, and where the figures go."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

import cxr.lungs.once
import cxr.training.lung_gate as module
from cxr.lungs.segment import KIND
from cxr.training.lung_gate import measure, store

SIDE = 96


class Network:
    """Sees lungs where the film's bright corner is the upper left one, and nothing elsewhere."""

    side = SIDE

    def __call__(self, picture):
        logits = np.full(picture.shape, -9.0, np.float32)
        if picture[:10, :10].min() > 200:
            logits[20:70, 10:40] = logits[20:70, 56:86] = 9
        return logits


@pytest.fixture
def models(tmp_path, monkeypatch):
    folder = tmp_path / "models" / KIND
    folder.mkdir(parents=True)
    (folder / "card.json").write_text(json.dumps({"kind": KIND, "figures": {"films": 3}}))
    (folder / "weights").write_bytes(b"many")
    for place in (module, cxr.lungs.once):
        monkeypatch.setattr(place, "network_of", lambda models: Network())
    return folder.parent


def film(path, turns=0, bright=True):
    pixels = np.tile(np.linspace(30, 120, 150), (150, 1)).astype(np.uint8)
    if bright:
        pixels[:40, :40] = 255
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.ascontiguousarray(np.rot90(pixels, turns))).save(path)


def test_films_turned_films_and_others_are_counted(models, tmp_path):
    for number in range(3):
        film(tmp_path / f"kermany/train/{number}.png")
    film(tmp_path / "kermany/train/lies.png", turns=1)
    film(tmp_path / "not_chest/fruit/apple.png", bright=False)
    (tmp_path / "not_chest/fruit/no.png").write_bytes(b"no picture")
    said = []
    frontal, other = rows = measure(tmp_path, models, {}, say=said.append)
    assert [(row["films"], row["kind"], row["n"]) for row in rows] == [
        ("kermany train", "frontal", 4),
        ("fruit", "other", 1),
    ]
    assert (frontal["turned"], frontal["no_lungs"], frontal["newly"]) == (1, 0, 1)
    assert frontal["looked_again"] == 1
    assert frontal["turned_films"]["refused"] == {90: 3, 180: 3, 270: 3}
    assert (other["turned"], other["no_lungs"]) == (0, 1)
    assert "turned_films" not in other
    assert len(said) == 2


def test_the_draw_is_that_of_the_seed(models, tmp_path):
    for number in range(6):
        film(tmp_path / f"nih/images/{number}.png", turns=number % 2)
    one, again = (measure(tmp_path, models, {}, most=3, say=lambda line: None) for _ in range(2))
    assert one == again
    assert one[0]["n"] == 3


def test_the_figures_go_into_the_card_and_the_rest_stays(models):
    store([{"films": "nih", "n": 2}], models / KIND)
    card = json.loads((models / KIND / "card.json").read_text())
    assert card["gate"] == [{"films": "nih", "n": 2}]
    assert card["figures"] == {"films": 3}
    assert (models / KIND / "weights").read_bytes() == b"many"
