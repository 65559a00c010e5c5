"""A score on a scale with its operating point, as HTML: it is there as soon as the page is.

A figure of Plotly would have the browser load and run megabytes before the film is painted.
"""

from __future__ import annotations

from ..figures.theme import colours
from ..scoring.operating_points import OperatingPoint

__all__ = ["score_scale"]


def score_scale(score: float | None, point: OperatingPoint, *, theme: str = "dark") -> str:
    """Draw a score from 0 to 1, the operating point as a line and its `near` zone as a band.

    Parameters
    ----------
    score : float or None
        Calibrated, within 0 to 1; None for a scale that waits for its score.
    point : OperatingPoint
        What the score is compared with.
    theme : {"dark", "light"}

    Returns
    -------
    str
        Nothing of a film's file is in it; how it looks is in ``static/page.css``.
    """
    near, far = (min(1.0, max(0.0, edge)) for edge in point.near)
    at, side = point.threshold, "right" if point.threshold < 0.5 else "left"
    said = f"operating point {at:.3f}"
    told = said if score is None else f"Score {score:.3f}, {said}"
    parts = [
        f'<i class="near" style="left:{near:.2%};width:{far - near:.2%}"></i>',
        f'<i class="point" style="left:{at:.2%}"></i>',
        f'<span class="point {side}" style="left:{at:.2%}">{said}</span>',
        '<span class="end" style="left:0%">0</span><span class="end" style="left:100%">1</span>',
    ]
    if score is not None:
        # Next to the mark if the number would leave the scale.
        side = "left" if score > 0.85 else "right" if score < 0.15 else "above"
        parts += [
            f'<i class="mark" style="left:{score:.2%}" title="score {score:.3f}"></i>',
            f'<b class="{side}" style="left:{score:.2%}">{score:.3f}</b>',
        ]
    look = f"--score-accent:{colours(theme).accent}"
    inside = "".join(parts)
    return f'<div class="score-scale" role="img" aria-label="{told}" style="{look}">{inside}</div>'
