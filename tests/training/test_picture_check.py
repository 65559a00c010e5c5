"""The picture check, trained on few pictures: that it learns, is stored, and is measured."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cxr.scoring.picture_check import KINDS, REASONS, PictureCheck, thumbnail
from cxr.training.picture_check import (
    THIN_BAR,
    Films,
    Recipe,
    fit_picture_check,
    make_pictures,
    measure,
    store_picture_check,
    thresholds,
)
from tests.training.test_implausible import lungs

RECIPE = Recipe(pictures=(60, 60, 2, 2, 2, 2), channels=(4, 8), strides=(2, 2), epochs=6)


@pytest.fixture(scope="module")
def films() -> list[np.ndarray]:
    return [lungs(160 + 8 * k) for k in range(6)]


@pytest.fixture(scope="module")
def check(films) -> PictureCheck:
    pytest.importorskip("keras")
    pictures = make_pictures(films, films, films, RECIPE.pictures, seed=0, workers=1)
    assert pictures[0].shape[0] == sum(RECIPE.pictures)
    assert np.bincount(pictures[1]).tolist() == list(RECIPE.pictures)
    return fit_picture_check(*pictures, RECIPE)


def test_it_learns_black_from_white(check, films):
    seen = np.stack([thumbnail(film) for film in films])
    as_they_are, turned = check.probabilities(seen), check.probabilities(1 - seen)
    negative = KINDS.index("negative")
    assert (turned[:, negative] > as_they_are[:, negative]).all()


def test_screenshots_with_a_thin_bar_are_learned_as_screenshots(films):
    pictures, kinds = make_pictures(
        films, films, films, (1, 1, 1, 5, 1, 1), seed=0, thin_bars=3, workers=1
    )
    assert len(pictures) == len(kinds)
    assert np.bincount(kinds).tolist() == [1, 1, 1, 5, 1, 1]


def test_thresholds_are_at_least_the_recipes(check, films):
    least = thresholds(check, films, RECIPE)
    assert set(least) == set(REASONS)
    assert all(RECIPE.least <= value <= 1 for value in least.values())


def test_what_is_measured_and_stored_can_be_read(check, films, tmp_path):
    small = {"nih": [np.rint(film * 255).astype(np.uint8) for film in films[:2]]}
    measured = measure(check, Films(small), films[:1], seed=1)
    told_as = [row["as"] for row in measured]
    films_as = ["film", "negative", "negative, raw"]
    assert told_as == [*films_as, "two_films", "screenshot", THIN_BAR, "photo"]
    assert [row["n"] for row in measured] == [2, 2, 2, 100, 100, 100, 100]
    store_picture_check(check, RECIPE, measured, tmp_path)
    assert json.loads((tmp_path / "card.json").read_text())["measured"] == measured
    again = PictureCheck.read(tmp_path)
    assert again.least == check.least
