"""What all figures share: two templates, the colors of models and classes, an empty figure."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import wraps
from html import escape
from itertools import cycle
from typing import Any, ParamSpec

import pandas as pd
import plotly.graph_objects as go
import plotly.io as pio

from ..networks import BASELINES
from ..plain_text import visible
from ..stats.wording import percent
from ..storage.csv_text import changed

__all__ = [
    "DASHES",
    "PALETTE",
    "SCORE_AXIS",
    "SHARE_AXIS",
    "SYMBOLS",
    "THEMES",
    "Theme",
    "class_fill",
    "colours",
    "empty",
    "hovered_interval",
    "model_colour",
    "need_columns",
    "need_some",
    "plain_texts",
    "share_ticks",
    "verbatim",
    "verbatim_table",
]

Given = ParamSpec("Given")


@dataclass(frozen=True)
class Theme:
    """Colors of one theme: neutral grays, and one accent that is kept for thresholds.

    Attributes
    ----------
    text, muted, grid, panel, accent, accent_wash : str
        Colors as CSS text.
    classes : tuple of str
        Fills of normal and of the finding.
    stripe_ground : str
        The finding is drawn as stripes on this color.
    scale : tuple of str
        The two ends of the single hue of a matrix.
    """

    text: str
    muted: str
    grid: str
    panel: str
    accent: str
    accent_wash: str
    classes: tuple[str, str]
    stripe_ground: str
    scale: tuple[str, str]


THEMES = {
    "dark": Theme(
        text="#D9DBDF", muted="#9BA1A9", grid="#26292E", panel="#1B1D21",
        accent="#4FB3BF", accent_wash="rgba(79, 179, 191, 0.20)",
        classes=("#6F757E", "#CDD1D7"), stripe_ground="#3A3E45",
        scale=("#17191D", "#3A5C80"),
    ),
    "light": Theme(
        text="#1E2227", muted="#59606A", grid="#E4E7EA", panel="#FFFFFF",
        accent="#126A75", accent_wash="rgba(18, 106, 117, 0.16)",
        classes=("#A9AFB8", "#3D444D"), stripe_ground="#D3D7DC",
        scale=("#F4F6F8", "#8DB4DA"),
    ),
}  # fmt: skip

# Okabe and Ito's palette without black and yellow, which vanish on one of the grounds.
PALETTE = ("#E69F00", "#56B4E9", "#009E73", "#D55E00", "#CC79A7", "#0072B2")
# Chosen so that the networks of this project get different colors within each finding.
_SALT = 260522
# The baselines are subdued: what is not a network has no color.
_BASELINE_COLOURS = dict(zip(BASELINES, cycle(("#7F868F", "#A9AFB8")), strict=False))

DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "star")
#: Between two ticks of an axis of shares, and how many of these there are at most.
STEPS, MOST_STEPS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2), 6


def share_ticks(top: float) -> dict[str, Any]:
    """Return the ticks of an axis of shares from 0 on: "20 %", where Plotly would write "20%".

    Parameters
    ----------
    top : float
        The largest share, within 0 to 1.
    """
    step = next((step for step in STEPS if top <= MOST_STEPS * step), STEPS[-1])
    values = [round(step * i, 3) for i in range(round(1 / step) + 1) if step * i < top + step]
    digits = 0 if step >= 0.01 else 1
    return {"tickvals": values, "ticktext": [percent(value, digits) for value in values]}


SHARE_AXIS: dict[str, Any] = {"range": [-0.01, 1.01], **share_ticks(1.0)}
SCORE_AXIS: dict[str, Any] = {"range": [0, 1], "dtick": 0.2, "title": {"text": "Score"}}


def model_colour(name: str) -> str:
    """Return the color of a model, the same in every figure and session; gray of a baseline."""
    _, _, architecture = name.partition("-")
    if architecture in _BASELINE_COLOURS:
        return _BASELINE_COLOURS[architecture]
    return PALETTE[zlib.crc32(f"{_SALT}{name}".encode()) % len(PALETTE)]


def colours(theme: str) -> Theme:
    """Return a theme by name; ValueError for another than "dark" and "light"."""
    if theme not in THEMES:
        raise ValueError(f"Expected a theme of {', '.join(THEMES)}. Received: {theme}")
    return THEMES[theme]


def class_fill(index: int, theme: str) -> dict[str, Any]:
    """Return the marker of a class's bars: normal (0) plain, the finding (1) striped."""
    look = colours(theme)
    return {
        "color": look.classes[index],
        "line": {"width": 0},
        "pattern": {
            "shape": "/" if index else "",
            "bgcolor": look.stripe_ground,
            "solidity": 0.4,
            "size": 6,
        },
    }


def verbatim(text: str) -> str:
    """Return a text that Plotly shows as it is.

    Plotly takes texts for a kind of HTML with links, and ``%{...}`` and ``$...$`` for more. What
    cannot be seen is shown, see `cxr.plain_text.visible`.
    """
    shown = escape(visible(text), quote=False)
    return shown.replace("%{", "%&#123;").replace("$", "&#36;")


def verbatim_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with all its texts as `verbatim`."""
    return changed(table, _verbatim)


def plain_texts(draw: Callable[Given, go.Figure]) -> Callable[Given, go.Figure]:
    """Have a figure's function get all texts, in tables and dictionaries too, as `verbatim`.

    Labels, splits, paths and names of models come from files.
    """

    @wraps(draw)
    def drawn(*args: Given.args, **options: Given.kwargs) -> go.Figure:
        return draw(*map(_verbatim, args), **{name: _verbatim(v) for name, v in options.items()})

    return drawn


def _verbatim(value: Any) -> Any:
    if isinstance(value, str):
        return verbatim(value)
    if isinstance(value, pd.DataFrame):
        return verbatim_table(value)
    if isinstance(value, Mapping):
        return {_verbatim(name): _verbatim(part) for name, part in value.items()}
    if type(value) in (list, tuple) and all(isinstance(part, str) for part in value):
        return type(value)(map(verbatim, value))
    return value


def need_columns(table: pd.DataFrame, columns: Iterable[str]) -> None:
    """Raise ValueError if a table is empty or lacks one of the columns."""
    missing = [column for column in columns if column not in table]
    if missing:
        has = ", ".join(map(str, table.columns)) or "none"
        raise ValueError(f"Expected a column {', '.join(missing)}. Received: columns {has}")
    if table.empty:
        raise ValueError("Expected a table with rows. Received: an empty one")


def need_some(items: Mapping[str, Any], what: str) -> None:
    """Raise ValueError if a mapping has nothing to draw."""
    if not items:
        raise ValueError(f"Expected at least one {what}. Received: none")


def empty(
    theme: str, title: str, subtitle: str = "", *, height: int = 380, **layout: Any
) -> go.Figure:
    """Return a figure with template, left-aligned title and height, and nothing drawn."""
    colours(theme)
    figure = go.Figure()
    figure.update_layout(
        template=f"cxr-{theme}",
        title={"text": title, "subtitle": {"text": subtitle}},
        height=height,
        margin_t=66 if subtitle else 46,
    )
    return figure.update_layout(**layout)


def hovered_interval(low: int, high: int, form: str = ".1%") -> str:
    """Return what writes an interval on hover, as `cxr.stats.wording.interval` does elsewhere.

    Parameters
    ----------
    low, high : int
        Where the ends are in a point's customdata.
    form : str
        How Plotly writes them.
    """
    return f"%{{customdata[{low}]:{form}}} to %{{customdata[{high}]:{form}}}"


def _template(theme: Theme) -> go.layout.Template:
    axis = {
        "gridcolor": theme.grid,
        "linecolor": theme.muted,
        "tickcolor": theme.muted,
        "tickfont": {"color": theme.muted, "size": 12},
        "title": {"font": {"color": theme.text, "size": 13}, "standoff": 8},
        "zeroline": False,
        "showline": True,
        "ticks": "outside",
        "ticklen": 4,
        "automargin": True,
    }
    # Source Sans is Streamlit's own; like the others it sets figures at one width.
    font = "Source Sans, Source Sans Pro, Helvetica Neue, Arial, sans-serif"
    return go.layout.Template(
        layout={
            "font": {"family": font, "color": theme.text, "size": 13},
            "title": {
                "x": 0, "xref": "container", "xanchor": "left",
                "y": 1, "yref": "container", "yanchor": "top", "pad": {"l": 8, "t": 10},
                "font": {"size": 16}, "subtitle": {"font": {"size": 13, "color": theme.muted}},
            },
            "paper_bgcolor": "rgba(0, 0, 0, 0)",
            "plot_bgcolor": "rgba(0, 0, 0, 0)",
            "margin": {"l": 8, "r": 12, "t": 46, "b": 8},
            "xaxis": axis,
            "yaxis": axis,
            "hovermode": "closest",
            "hoverlabel": {
                "bgcolor": theme.panel, "bordercolor": theme.muted,
                "font": {"color": theme.text, "size": 13, "family": font}, "align": "left",
            },
            "legend": {
                "orientation": "h", "x": 0, "xanchor": "left", "xref": "container",
                "y": 0, "yanchor": "bottom", "yref": "container",
                # No bar to scroll it by: on a telephone each entry has a line of its own.
                "maxheight": 600,
                "font": {"color": theme.text, "size": 12}, "bgcolor": "rgba(0, 0, 0, 0)",
            },
            "bargap": 0.08,
            "modebar": {
                "bgcolor": "rgba(0, 0, 0, 0)", "color": theme.muted, "activecolor": theme.text,
            },
        }
    )  # fmt: skip


for _name, _theme in THEMES.items():
    pio.templates[f"cxr-{_name}"] = _template(_theme)
