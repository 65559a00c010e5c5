"""Measures of a map and boxes on arrays whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest

from cxr.evidence.audit.box_measures import (
    CENTRE_WIDTH,
    CUTS,
    agreement,
    centre_map,
    cross_fitted,
    stretched,
)


def at(cut: float) -> int:
    return int(np.argmin(np.abs(CUTS - cut)))


class TestAgreement:
    MAP = np.array([[0.0, 0.2, 0.0], [0.0, 1.0, 0.5], [0.0, 0.3, 0.0]], np.float32)

    def test_a_hit_is_the_highest_pixel_in_a_box(self):
        inside = np.zeros((3, 3), bool)
        inside[1, 2] = True
        assert agreement(self.MAP, inside).hit == 0
        inside[1, 1] = True
        assert agreement(self.MAP, inside).hit == 1

    def test_share_is_of_the_sum(self):
        inside = np.zeros((3, 3), bool)
        inside[1, 1:] = True
        assert agreement(self.MAP, inside).share == pytest.approx(0.75)

    def test_overlap_at_each_cut(self):
        inside = np.zeros((3, 3), bool)
        inside[1] = True  # three pixels, of which two are in the map
        ious = agreement(self.MAP, inside).ious
        assert ious.shape == CUTS.shape
        # At 0.2 and below, four pixels; at 0.3, three; at 0.5, two; above, one.
        for cut, expected in ((0.05, 2 / 5), (0.2, 2 / 5), (0.25, 2 / 4), (0.5, 2 / 3)):
            assert ious[at(cut)] == pytest.approx(expected), cut
        assert ious[at(0.55)] == ious[at(0.95)] == pytest.approx(1 / 3)

    def test_is_what_cutting_gives(self):
        rng = np.random.default_rng(0)
        array, inside = rng.random((17, 23), np.float32), rng.random((17, 23)) > 0.7
        expected = [
            (inside & (array >= cut)).sum() / (inside | (array >= cut)).sum() for cut in CUTS
        ]
        np.testing.assert_allclose(agreement(array, inside).ious, expected)

    def test_a_map_of_nothing_is_a_miss(self):
        """Its first pixel is no highest one."""
        inside = np.ones((3, 3), bool)
        found = agreement(np.zeros((3, 3), np.float32), inside)
        assert (found.hit, found.share, found.ious.max()) == (0, 0, 0)

    @pytest.mark.parametrize("inside", [np.zeros((3, 3), bool), np.ones((3, 4), bool)])
    def test_boxes_must_be_on_the_map(self, inside):
        with pytest.raises(ValueError, match=r"boxes on a map of shape \(3, 3\)"):
            agreement(self.MAP, inside)


class TestCrossFitted:
    def test_the_cut_of_a_film_is_chosen_on_others(self):
        """Each film is perfect at a cut of its own, and all are fair at one they share."""
        ious = np.full((10, CUTS.size), 0.1)
        ious[:, 4] = 0.5
        ious[np.arange(10), np.arange(5, 15)] = 1
        values, cuts = cross_fitted(ious, np.arange(10))
        assert values.tolist() == [0.5] * 10
        assert cuts == [0.25] * 5
        # Chosen on the very film it would have been 1: the test can tell the two apart.
        assert ious.max(axis=1).tolist() == [1] * 10

    def test_nor_on_another_film_of_the_patient(self):
        ious = np.full((4, CUTS.size), 0.1)
        ious[:2, 3] = 1  # two films of one patient
        ious[2:, 8] = 1
        values, cuts = cross_fitted(ious, ["a", "a", "b", "b"])
        assert values.tolist() == [0.1] * 4
        assert sorted(cuts) == [0.2, 0.45]

    def test_is_seeded(self):
        ious, patients = np.random.default_rng(0).random((30, CUTS.size)), np.arange(30)
        first = cross_fitted(ious, patients)
        assert first[0].tolist() == cross_fitted(ious, patients)[0].tolist()

    def test_wants_two_patients(self):
        with pytest.raises(ValueError, match=r"two patients at least\. Received: 1"):
            cross_fitted(np.ones((2, CUTS.size)), ["a", "a"])


def test_the_centre_is_highest_in_the_middle_and_as_wide_as_said():
    found = centre_map(101, 201)
    assert found.shape == (101, 201)
    assert np.unravel_index(found.argmax(), found.shape) == (50, 100)
    assert found[50, 100] == pytest.approx(1)
    at_one = round(100.5 + CENTRE_WIDTH * 201 - 0.5)
    assert found[50, at_one] == pytest.approx(np.exp(-0.5), abs=0.01)
    np.testing.assert_allclose(found, found[::-1, ::-1], atol=1e-6)


def test_stretched_to_its_own_range_or_to_nothing():
    assert stretched(np.array([[2.0, 4.0, 3.0]], np.float32)).tolist() == [[0, 1, 0.5]]
    assert stretched(np.full((1, 2), 5.0, np.float32)).tolist() == [[0, 0]]
