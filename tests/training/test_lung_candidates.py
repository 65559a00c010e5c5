import numpy as np
import pytest

from cxr.training.lung_candidates import CANDIDATES, disturbed, heat_in_lungs, steadiness
from cxr.training.recipes import RECIPES


def test_the_candidate_that_ships_is_the_recipe_but_for_where_heat_begins():
    ships = RECIPES["pneumonia-efficientnet-lite0"]
    devices = CANDIDATES["devices"]
    assert devices.lungs.origin == 0
    plain = ships.to_json()
    plain["lungs"]["origin"] = 0.0
    assert devices.to_json() == plain


def test_heat_is_measured_as_it_is_drawn():
    lungs = np.zeros((2, 224, 224), bool)
    lungs[:, :, :112] = True
    evidence = np.full((2, 14, 14), -1.0, np.float32)
    evidence[0, 3:6, 2:5] = 4
    peak, share, area = heat_in_lungs(evidence, lungs)
    assert list(peak) == [True, False]
    assert share[0] == pytest.approx(1)
    assert share[1] == 0
    assert 0 < area[0] < 0.2


def test_disturbed_films_differ_a_little_and_steadiness_says_by_how_much():
    films = np.random.default_rng(0).integers(0, 255, (3, 32, 32, 1)).astype(np.uint8)
    moved = disturbed(films, 0)
    assert set(moved) == {"noise", "jpeg", "right", "down"}
    np.testing.assert_array_equal(moved["right"][:, :, 2:], films[:, :, :-2])
    found = steadiness(np.array([0.2, 0.6]), np.array([0.2, 0.4]), 0.5)
    assert found["crosses"] == 0.5
