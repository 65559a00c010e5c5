"""The check for negatives and pictures of films: what it is made of, and what it makes of films."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from cxr.films.radiograph import Radiograph
from cxr.model import load
from cxr.scoring.picture_check import (
    KIND,
    KINDS,
    REASONS,
    SIDE,
    Layer,
    PictureCheck,
    PictureCheckError,
    picture_check,
    thumbnail,
)
from cxr.scoring.predict import predict
from cxr.storage.models import models_folder

SHIPPED = models_folder() / KIND


def made_check(kind: str, least: float = 0.5) -> PictureCheck:
    """A check that takes everything for one kind."""
    layer = Layer(np.zeros((3, 3, 1, 2), np.float32), np.zeros(2, np.float32), 2)
    bias = np.where(np.array(KINDS) == kind, 4, 0).astype(np.float32)
    weights = np.zeros((4, len(KINDS)), np.float32)
    return PictureCheck((layer,), weights, bias, dict.fromkeys(REASONS, least))


def film(height: int = 200, width: int = 160, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((height, width), np.float32)


def test_a_layer_is_a_padded_convolution_with_relu():
    keras = pytest.importorskip("keras")
    rng = np.random.default_rng(0)
    maps = rng.random((2, 8, 8, 3), np.float32)
    kernel = rng.normal(size=(3, 3, 3, 5)).astype(np.float32)
    bias = rng.normal(size=5).astype(np.float32)
    for stride in (1, 2):
        convolution = keras.layers.Conv2D(5, 3, stride, activation="relu")
        padded = np.pad(maps, ((0, 0), (1, 1), (1, 1), (0, 0)))
        convolution.build(padded.shape)
        convolution.set_weights([kernel, bias])
        wanted = keras.ops.convert_to_numpy(convolution(padded))
        found = Layer(kernel, bias, stride)(maps)
        np.testing.assert_allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_that_is_no_film_is_refused_with_its_reason(kind):
    (refusal,) = made_check(kind)([film()])
    if kind in REASONS:
        assert (refusal.code, refusal.reason) == (kind, REASONS[kind])
    else:
        assert refusal is None


def test_a_kind_that_is_not_sure_enough_is_none():
    assert made_check("negative", least=0.99)([film()]) == [None]


def test_probabilities_add_up_to_1_whatever_the_size():
    thumbnails = np.stack([thumbnail(film(*size)) for size in ((128, 4000), (900, 130), (64, 64))])
    assert thumbnails.shape == (3, SIDE, SIDE)
    assert thumbnails.min() >= 0
    assert thumbnails.max() <= 1
    found = made_check("photo").probabilities(thumbnails)
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_a_thumbnail_does_not_depend_on_the_window():
    picture = film()
    np.testing.assert_allclose(thumbnail(0.2 + 0.5 * picture), thumbnail(picture), atol=1e-3)


def test_no_films_no_answers():
    assert made_check("negative")([]) == []


def test_stored_and_read_it_says_the_same():
    check = made_check("screenshot")
    again = PictureCheck.from_bytes(check.to_bytes(), check.least)
    seen = np.stack([thumbnail(film())])
    np.testing.assert_allclose(again.probabilities(seen), check.probabilities(seen), atol=1e-3)


@pytest.fixture
def folder(tmp_path) -> Path:
    return Path(shutil.copytree(SHIPPED, tmp_path / KIND))


def test_changed_weights_are_refused(folder):
    weights = folder / json.loads((folder / "card.json").read_text())["weights"]["file"]
    weights.write_bytes(weights.read_bytes() + b"x")
    with pytest.raises(PictureCheckError, match="not the one of its card"):
        PictureCheck.read(folder)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"kind": "lungs", "kinds": []}'])
def test_a_damaged_card_is_an_error(folder, content):
    (folder / "card.json").write_bytes(content)
    with pytest.raises(PictureCheckError):
        PictureCheck.read(folder)


def test_models_without_a_check_have_none(tmp_path):
    assert picture_check(tmp_path) is None


def test_every_shipped_model_has_the_check():
    assert (
        load("pneumonia-thumbnail").pictures is load("tuberculosis-thumbnail").pictures is not None
    )


def test_a_refused_picture_has_no_score_unless_the_reader_wants_it(made_bundle, monkeypatch):
    monkeypatch.setattr(made_bundle, "pictures", made_check("negative"), raising=False)
    pixels = film(200, 200)
    refused, overridden = predict(
        made_bundle, [Radiograph(pixels), Radiograph(pixels)], overridden={1}
    )
    assert refused.refusal.code == overridden.refusal.code == "negative"
    assert refused.score is None
    assert overridden.score is not None


def test_the_card_states_what_was_asked_for():
    card = json.loads((SHIPPED / "card.json").read_text())
    rows = {(row["films"], row["as"]): row for row in card["measured"]}
    for (group, made_as), row in rows.items():
        share = row["told"] / row["n"]
        if made_as.startswith("negative"):
            assert share >= 0.95, group
        if made_as == "film":
            assert row["named"].get("negative", 0) / row["n"] <= 0.005, group
    for group in ("nih", "tuberculosis"):
        for kind in ("two_films", "screenshot", "photo"):
            row = rows[group, kind]
            assert row["n"] == 100
            assert min(row["with_gate"].values()) >= 90, (group, kind)


@pytest.mark.data
def test_films_pass_and_their_negatives_do_not(data_dir):
    check = picture_check(models_folder())
    from cxr.films.radiograph import read

    paths = sorted((data_dir / "kermany" / "test").glob("*/*.jpeg"))[::40]
    paths += sorted((data_dir / "nih").rglob("*.jpeg"))[::60]
    films = [read(path).pixels for path in paths]
    assert sum(refusal is not None for refusal in check(films)) <= 1
    told = check([1 - pixels for pixels in films])
    assert sum(
        refusal is not None and refusal.code == "negative" for refusal in told
    ) >= 0.95 * len(films)
