"""What a reader draws on a film: what may be said of it, and which pixels it marks."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from cxr.scoring.reader import RegionLabel, RegionShape
from cxr.scoring.region import Region


def a_region(**changes) -> Region:
    values = {"shape": "box", "label": "finding", "finding": "pneumonia"}
    sides = {"left": 0.1, "top": 0.2, "right": 0.5, "bottom": 0.6}
    return Region(**(values | sides | changes))


def test_values_of_closed_lists_become_their_members() -> None:
    region = a_region()
    assert region.shape is RegionShape.BOX
    assert region.label is RegionLabel.FINDING
    assert region.box == (0.1, 0.2, 0.5, 0.6)
    with pytest.raises(dataclasses.FrozenInstanceError):
        region.left = 0.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shape": "Doe"}, "region shape of box, ellipse"),
        ({"label": "Doe"}, "region label of finding, missed by the heatmap, nothing there, other"),
        ({"left": -0.01}, "left to be within 0 to 1"),
        ({"bottom": 1.01}, "bottom to be within 0 to 1"),
        ({"top": float("nan")}, "top to be within"),
        ({"right": float("inf")}, "right to be within"),
        ({"left": "0.1"}, "left to be a number"),
        ({"left": True}, "left to be a number"),
        ({"left": None}, "left to be a number"),
        ({"left": 0.5}, "an area"),
        ({"bottom": 0.2}, "an area"),
        ({"top": 0.7}, "an area"),
        ({"finding": ""}, "finding"),
        ({"finding": "Doe\nJohn"}, "finding"),
        ({"model_sha256": "Doe"}, "model_sha256"),
        ({"method": "Doe, John"}, "method"),
    ],
)
def test_what_is_none_is_refused_and_not_quoted(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        a_region(**changes)
    assert "Doe" not in str(error.value)


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("finding", "pneumonia"),
        ("missed by the heatmap", "pneumonia, missed by the heatmap"),
        ("nothing there", "nothing there"),
        ("other", "other"),
    ],
)
def test_words(label: str, words: str) -> None:
    assert a_region(label=label).words == words


def test_a_box_marks_its_pixels_and_an_ellipse_those_within() -> None:
    box, ellipse = (a_region(shape=shape).mask(100, 200) for shape in ("box", "ellipse"))
    assert box.shape == (100, 200)
    assert box[20:60, 20:100].all()
    assert box.sum() == 40 * 80
    assert not (ellipse & ~box).any()
    assert ellipse.sum() == pytest.approx(np.pi / 4 * box.sum(), rel=0.01)
    assert ellipse[40, 60]
    assert not ellipse[20, 20]


@pytest.mark.parametrize("shape", RegionShape)
def test_the_smallest_marks_a_pixel_and_the_largest_the_film(shape: RegionShape) -> None:
    tiny = a_region(shape=shape, left=0.5, right=0.5001, top=0.5, bottom=0.5001)
    assert tiny.mask(30, 40).sum() == 1
    whole = a_region(shape=shape, left=0, top=0, right=1, bottom=1)
    assert whole.mask(30, 40).mean() > 0.75


def test_in_pixels() -> None:
    assert a_region().pixels(100, 200) == (20, 20, 100, 60)
