import numpy as np
import pytest
from PIL import Image, ImageDraw

from cxr.lungs.outline import outline
from cxr.lungs.segment import CUT_OFF, Lungs
from cxr.lungs.zones import Sides


def lungs(height=400, width=500, remarks=()):
    """Two ellipses."""
    y, x = np.mgrid[:height, :width]

    def ellipse(middle):
        return ((x / width - middle) / 0.15) ** 2 + ((y / height - 0.5) / 0.35) ** 2 < 1

    return Lungs(Sides(ellipse(0.28), ellipse(0.72)), 0.97, remarks)


def filled(polygons, size):
    picture = Image.new("1", size[::-1])
    for polygon in polygons:
        ImageDraw.Draw(picture).polygon(polygon, fill=1)
    return np.asarray(picture)


@pytest.mark.parametrize("size", [(224, 224), (400, 500), (3000, 2400)])
def test_the_outline_encloses_the_lungs_with_few_corners(size):
    found = lungs(*size)
    drawn = outline(found)
    assert len(drawn.lungs) == 2
    both = filled(drawn.lungs, size)
    assert 2 * (both & found.mask).sum() / (both.sum() + found.mask.sum()) > 0.985
    assert sum(map(len, drawn.lungs)) < 150


def test_films_can_be_matched_by_the_box_of_two_whole_lungs():
    found = lungs(400, 500)
    rows, columns = np.flatnonzero(found.mask.any(axis=1)), np.flatnonzero(found.mask.any(axis=0))
    wanted = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    assert outline(found).box == pytest.approx(wanted, abs=2)
    sides = found.sides
    assert outline(Lungs(sides, 0.97, (CUT_OFF,))).box is None
    one = Sides(sides.right, np.zeros_like(sides.right))
    assert outline(Lungs(one, 0.97)).box is None


def test_two_borders_part_each_lung_into_thirds():
    found = lungs()
    borders = np.array(outline(found).borders, int)
    assert len(borders) == 4
    for (left, row), (right, other) in borders:
        assert row == other
        assert left < right
        assert (found.zones[row - 1, left:right] != found.zones[row, left:right]).all()
        assert found.mask[row, left:right].all()


def test_a_lung_at_the_edge_ends_with_the_film():
    right = np.zeros((100, 90), bool)
    right[20:, :40] = True
    drawn = outline(Lungs(Sides(right, np.zeros_like(right)), 0.97, (CUT_OFF,)))
    points = np.array(drawn.lungs[0])
    assert points.min(axis=0) == pytest.approx((0, 20), abs=1)
    assert points.max(axis=0) == pytest.approx((40, 100), abs=1)
    assert drawn.said == (CUT_OFF.reason,)


def test_pixels_that_touch_at_a_corner_do_not_trap_the_tracing():
    right = np.zeros((60, 60), bool)
    right[10:30, 10:30] = right[30:50, 30:50] = True
    drawn = outline(Lungs(Sides(right, np.zeros_like(right)), 0.97))
    assert (filled(drawn.lungs, (60, 60)) == right).mean() > 0.95
