"""Figures of how far heatmaps can be trusted: with randomized weights, and compared with boxes."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from ..evidence.audit.box_figures import BASELINES
from ..evidence.audit.store import BOXES, SANITY
from ..evidence.audit.verdict import SIMILAR
from ..heatmaps.methods import METHODS
from ..stats.wording import count, interval
from .theme import (
    DASHES,
    PALETTE,
    SHARE_AXIS,
    SYMBOLS,
    colours,
    empty,
    hovered_interval,
    need_columns,
    plain_texts,
)

__all__ = ["box_hits", "randomization"]

COLUMNS = ["kind", "films", "method", "layer", "measure", "n", "value", "low", "high"]
#: Of the bars: the method's is plain, the baselines' differ by their pattern too.
PATTERNS = {"centre": "", "mean": "/", "random": "."}


def _titles(table: pd.DataFrame) -> pd.DataFrame:
    """Add what a method is called, with its layer where it was looked at by more than one."""
    names = table["method"].map(lambda name: METHODS[name].title if name in METHODS else name)
    several = table.groupby("method")["layer"].transform("nunique") > 1
    return table.assign(title=names.where(~several, names + " at " + table["layer"]))


@plain_texts
def randomization(table: pd.DataFrame, *, theme: str = "dark") -> go.Figure:
    """Draw how alike the maps stay while the weights are randomized from the top down.

    One line per method, from 1 where nothing is randomized; above the dashed line at the right end
    a method fails (`cxr.evidence.audit.verdict.failures`).

    Parameters
    ----------
    table : pandas.DataFrame
        Of `cxr.evidence.audit.store`, with rows of ``randomization_rank``.
    theme : {"dark", "light"}
    """
    need_columns(table, [*COLUMNS, "stage"])
    look = colours(theme)
    wanted = (table["kind"] == SANITY) & (table["measure"] == "randomization_rank")
    rows = _titles(table[wanted])
    need_columns(rows, COLUMNS)
    known = rows[rows["n"] > 0]
    figure = empty(
        theme, "Maps as weights are randomized", "Rank correlation with the trained network's map",
        height=380 + 20 * rows["title"].nunique(),
    )  # fmt: skip
    figure.add_hline(SIMILAR, line={"color": look.muted, "width": 1, "dash": "dash"})
    for name, group in known.groupby("title", sort=False):
        position = [*METHODS, *group["method"]].index(group["method"].iloc[0])
        stages = group.sort_values("stage")
        figure.add_scatter(
            x=[0.0, *stages["stage"]], y=[1.0, *stages["value"]], mode="lines+markers",
            name=f"{name}, {count(stages['n'].iloc[-1])}",
            line={"color": PALETTE[position % len(PALETTE)], "width": 2,
                  "dash": DASHES[position % len(DASHES)]},
            marker={"symbol": SYMBOLS[position % len(SYMBOLS)], "size": 7},
            customdata=["", *stages.apply(_interval, axis=1)],
            hovertemplate=f"<b>{name}</b><br>%{{x:.0%}} of the layers randomized<br>"
            "rank correlation %{y:.2f}%{customdata}<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(**SHARE_AXIS, title_text="Layers randomized, from the top down")
    return figure.update_yaxes(range=[-1.02, 1.02], dtick=0.5, title_text="Rank correlation")


def _interval(row: pd.Series) -> str:
    return "" if pd.isna(row["low"]) else f" ({interval((row['low'], row['high']), '.2f')})"


@plain_texts
def box_hits(table: pd.DataFrame, films: str, *, theme: str = "dark") -> go.Figure:
    """Draw how often each method's maps are highest in a box, compared with the baselines.

    Over the films that the model calls; with 95 % intervals.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `cxr.evidence.audit.store`, with rows of boxes.
    films : str
        The split.
    theme : {"dark", "light"}
    """
    need_columns(table, COLUMNS)
    look = colours(theme)
    wanted = (table["kind"] == BOXES) & (table["films"] == films) & (table["n"] > 0)
    rows = _titles(table[wanted])
    need_columns(rows, COLUMNS)
    n = int(rows["n"].max())
    figure = empty(
        theme, f"Hits on {count(n, f'{films} film')}", "Map highest in a box, 95 % intervals"
    )
    names = {"": "the method", "centre": "centre Gaussian", "mean": "mean map", "random": "random"}
    for kind in ("", *BASELINES):
        rates = rows[rows["measure"] == (f"{kind}." if kind else "") + "hit_rate"]
        figure.add_bar(
            x=rates["title"], y=rates["value"], name=names[kind],
            error_y={"array": rates["high"] - rates["value"],
                     "arrayminus": rates["value"] - rates["low"], "color": look.text, "width": 3,
                     "thickness": 1.2},
            marker={"color": look.classes[0] if kind else look.scale[1], "line": {"width": 0},
                    "pattern": {"shape": PATTERNS.get(kind, ""), "bgcolor": look.stripe_ground,
                                "solidity": 0.4, "size": 6}},
            customdata=rates[["n", "low", "high"]],
            hovertemplate=f"<b>{names[kind]}</b>, %{{x}}<br>%{{y:.1%}} of %{{customdata[0]:,d}} "
            f"films ({hovered_interval(1, 2)})<extra></extra>",
        )  # fmt: skip
    figure.update_yaxes(**SHARE_AXIS, title_text="Films hit")
    return figure.update_layout(barmode="group", bargap=0.25)
