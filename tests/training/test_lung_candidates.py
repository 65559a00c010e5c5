import numpy as np
import pytest

from cxr.training.lung_candidates import CANDIDATES, maps_in_lungs
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
    peak, share, area = maps_in_lungs(evidence, lungs)
    assert list(peak) == [True, False]
    assert share[0] == pytest.approx(1)
    assert share[1] == 0
    assert 0 < area[0] < 0.2
