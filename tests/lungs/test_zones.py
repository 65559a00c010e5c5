import numpy as np
import pytest
from scipy.ndimage import binary_fill_holes, gaussian_filter

from cxr.lungs.zones import ZONES, divide, without_holes, zone_map


def two_lungs(gap=20):
    mask = np.zeros((120, 120), bool)
    mask[20:100, 10 : 60 - gap // 2] = True
    mask[20:100, 60 + gap // 2 : 110] = True
    return mask


def test_the_right_lung_is_to_the_viewers_left():
    sides = divide(two_lungs())
    assert sides.right[:, :60].sum() == sides.right.sum() > 0
    assert sides.left[:, 60:].sum() == sides.left.sum() > 0


def test_flecks_are_left_out_and_holes_filled():
    mask = two_lungs()
    clean = mask.copy()
    mask[2:6, 2:6] = True
    mask[50:54, 20:24] = False
    sides = divide(mask)
    np.testing.assert_array_equal(sides.right | sides.left, clean)


@pytest.mark.parametrize("bridge", [(40, 44), (20, 22)])
def test_lungs_that_run_into_each_other_are_parted_between_them(bridge):
    mask = two_lungs()
    mask[bridge[0] : bridge[1], 45:75] = True
    sides = divide(mask)
    assert not (sides.right & sides.left).any()
    assert abs(int(sides.right.sum()) - int(sides.left.sum())) < 0.05 * mask.sum()


def test_one_lung_is_on_the_side_of_the_film_that_it_lies_on():
    mask = two_lungs()
    mask[:, 60:] = False
    sides = divide(mask)
    assert sides.right.any()
    assert not sides.left.any()


def test_no_lungs_have_no_sides():
    sides = divide(np.zeros((30, 40), bool))
    assert not sides.right.any()
    assert not sides.left.any()
    assert not zone_map(sides).any()


def test_six_zones_cover_the_lungs_in_thirds():
    mask = two_lungs()
    zones = zone_map(divide(mask))
    np.testing.assert_array_equal(zones > 0, mask)
    counts = np.bincount(zones.ravel(), minlength=7)[1:]
    assert len(counts) == len(ZONES)
    assert counts.min() > 0.9 * counts.max()
    assert ZONES[zones[25, 20] - 1] == "right upper"
    assert ZONES[zones[95, 100] - 1] == "left lower"


@pytest.mark.parametrize("seed", range(8))
def test_black_around_a_mask_changes_nothing(seed: int):
    """Only where the lungs are is looked at: that must not show."""
    rough = np.random.default_rng(seed).normal(size=(60, 60))
    mask = gaussian_filter(rough, 4) > 0.05
    margin = 9
    around_it = divide(np.pad(mask, margin))
    for side, wide in zip(divide(mask), around_it, strict=True):
        np.testing.assert_array_equal(np.pad(side, margin), wide)


@pytest.mark.parametrize("seed", range(20))
def test_holes_are_what_scipy_says_they_are(seed: int):
    rng = np.random.default_rng(seed)
    for _ in range(20):
        mask = rng.random(rng.integers(1, 25, 2)) < rng.random()
        np.testing.assert_array_equal(without_holes(mask), binary_fill_holes(mask))
