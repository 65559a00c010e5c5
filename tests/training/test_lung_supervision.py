import numpy as np
import pytest

from cxr.networks import build
from cxr.training.lung_supervision import _Targets, disturbed, heat_in_lungs, steadiness


def test_a_fine_map_of_evidence_has_four_times_the_places():
    network = build("efficientnet_lite0", input_size=64, pooling="fine_evidence")
    assert network.get_layer("evidence").output.shape[1:3] == (4, 4)
    coarse = build("efficientnet_lite0", input_size=64, pooling="evidence")
    assert coarse.get_layer("evidence").output.shape[1:3] == (2, 2)


def test_evidence_is_taught_zero_outside_the_lungs_alone():
    targets = _Targets((14, 14))
    lungs = np.zeros((2, 224, 224, 1), np.float32)
    lungs[:, 64:160, 64:160] = 1
    label = np.array([[0.0], [1.0]], np.float32)
    said, target, weight = (np.asarray(p) for p in targets(label, lungs, np.zeros_like(lungs)))
    np.testing.assert_array_equal(said, label)
    assert not target.any()
    assert (weight[0] == 1).all()
    places = weight[1].reshape(14, 14)
    assert places[7, 7] == 0
    assert places[0, 0] == 1


def test_a_drawn_opacity_makes_a_normal_film_one_with_the_finding_there_and_nowhere_else():
    targets = _Targets((14, 14))
    targets.drawn.assign(2.0)
    lungs = np.ones((1, 224, 224, 1), np.float32)
    drawn = np.zeros_like(lungs)
    drawn[:, :112] = 0.9
    said, target, weight = (
        np.asarray(part) for part in targets(np.zeros((1, 1), np.float32), lungs, drawn)
    )
    assert said[0, 0] == 1
    target, weight = target.reshape(14, 14), weight.reshape(14, 14)
    assert target[2, 5] == 1
    assert weight[2, 5] == 2
    assert target[12, 5] == 0
    assert weight[12, 5] == 1


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
