"""Figures of two models on the same films."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import plotly.graph_objects as go

from ..evidence.comparison import PairedComparison
from ..scoring.scores import labels_of
from ..stats.wording import count
from .theme import SCORE_AXIS, colours, empty, plain_texts, verbatim, verbatim_table

__all__ = ["score_pairs"]

SYMBOLS = ("square-open", "circle")
# Beyond scores of 0 and 1 there is no film: room for what is said of the corners.
LOW, HIGH = -0.14, 1.14


@plain_texts
def score_pairs(found: PairedComparison, *, theme: str = "dark") -> go.Figure:
    """Draw each film at its two scores, with both thresholds and where the calls differ.

    Films with the finding are filled circles, normal ones open squares, as in `subtypes`.
    The two shaded corners hold the films for which one model is positive and the other is not.

    Parameters
    ----------
    found : PairedComparison
    theme : {"dark", "light"}

    Returns
    -------
    plotly.graph_objects.Figure
        One trace per class; its customdata is ``[path, kind]``, kind the film's label, with
        the subtype in brackets where it has one.
    """
    found = replace(
        found,
        one=verbatim(found.one),
        other=verbatim(found.other),
        classes=(verbatim(found.classes[0]), verbatim(found.classes[1])),
        films=verbatim_table(found.films),
    )
    look, films, y = colours(theme), found.films, labels_of(found.films)
    differ = (films["call_one"] != films["call_other"]).to_numpy()
    figure = empty(theme, f"The two differ on {differ.sum():,} of {count(len(films))}", height=500)
    x_cut, y_cut = found.thresholds
    corners = ((x_cut, 1.02, LOW, y_cut), (-0.02, x_cut, y_cut, HIGH))
    for x0, x1, y0, y1 in corners:
        figure.add_shape(
            type="rect", x0=x0, x1=x1, y0=y0, y1=y1, line_width=0, layer="below",
            fillcolor=look.accent_wash,
        )  # fmt: skip
    for label in (0, 1):
        rows = films[y == label]
        if rows.empty:
            continue
        kind = rows["label"] + rows["subtype"].map(lambda name: f" ({name})" if name else "")
        figure.add_scatter(
            x=rows["score_one"], y=rows["score_other"], mode="markers", cliponaxis=False,
            name=f"{found.classes[label]}, {count(len(rows))}", showlegend=True,
            # Films on which both agree are subdued; the figure is about the others.
            marker={"symbol": SYMBOLS[label], "size": 8, "line": {"width": 1.5},
                    "color": (look.muted, look.text)[label],
                    "opacity": np.where(differ[y == label], 1.0, 0.55)},
            customdata=np.column_stack([rows["path"], kind]),
            hovertemplate="<b>%{customdata[0]}</b><br>%{customdata[1]}<br>"
            f"{found.one} %{{x:.3f}}<br>{found.other} %{{y:.3f}}<extra></extra>",
        )  # fmt: skip
    line = {"color": look.accent, "width": 2}
    figure.add_vline(x_cut, line=line)
    figure.add_hline(y_cut, line=line)
    one, other = films["call_one"], films["call_other"]
    sides = (
        (one & ~other, {"x": 1, "xanchor": "right", "y": LOW, "yanchor": "bottom"}),
        (other & ~one, {"x": 0, "xanchor": "left", "y": HIGH, "yanchor": "top"}),
    )
    for above, anchor in sides:
        figure.add_annotation(
            # The axes name the models: their names would not fit into a narrow corner.
            text=f"{count(above.sum())},<br>{y[above].sum():,} {found.classes[1]}",
            align=anchor["xanchor"], showarrow=False, font={"size": 12, "color": look.text},
            **anchor,
        )  # fmt: skip
    title = f"Score of {found.one}, threshold {x_cut:.3f}"
    figure.update_xaxes(**{**SCORE_AXIS, "range": [-0.02, 1.02]}, title_text=title)
    title = f"Score of {found.other},<br>threshold {y_cut:.3f}"
    return figure.update_yaxes(**{**SCORE_AXIS, "range": [LOW, HIGH]}, title_text=title)
