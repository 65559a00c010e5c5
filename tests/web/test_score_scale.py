"""A score on its scale: what is said of it, and where it lies."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest

from cxr.figures.theme import THEMES
from cxr.web.score_scale import score_scale

POINT = SimpleNamespace(threshold=0.35, near=(0.3, 0.45))


def lies(html: str, kind: str) -> float:
    """Where a part is, in percent of the scale."""
    return float(re.search(rf'class="{kind}" style="left:([\d.]+)%', html)[1])


def test_a_score_lies_where_it_belongs_and_is_told() -> None:
    html = score_scale(0.625, POINT)
    assert lies(html, "mark") == lies(html, "above") == 62.5
    assert lies(html, "point") == 35
    assert 'style="left:30.00%;width:15.00%"' in html
    assert 'aria-label="Score 0.625, operating point 0.350"' in html


def test_a_scale_that_waits_has_the_point_and_no_mark() -> None:
    html = score_scale(None, POINT)
    assert "mark" not in html
    assert lies(html, "point") == 35
    assert 'aria-label="operating point 0.350"' in html


@pytest.mark.parametrize(("score", "side"), [(0.99, "left"), (0.01, "right"), (0.5, "above")])
def test_a_number_does_not_leave_the_scale(score: float, side: str) -> None:
    assert lies(score_scale(score, POINT), side) == pytest.approx(100 * score)


def test_the_near_zone_ends_where_the_scale_does() -> None:
    html = score_scale(0.5, SimpleNamespace(threshold=0.02, near=(-0.1, 0.1)))
    assert 'style="left:0.00%;width:10.00%"' in html


@pytest.mark.parametrize("theme", THEMES)
def test_the_point_has_the_accent_of_the_theme(theme: str) -> None:
    assert THEMES[theme].accent in score_scale(0.5, POINT, theme=theme)
