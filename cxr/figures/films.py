"""Figures of a data set: balance, sizes, the mean film, how far train and test differ."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from ..stats.wording import count, percent
from .theme import (
    class_fill,
    colours,
    empty,
    hovered_interval,
    need_columns,
    plain_texts,
)

__all__ = ["class_balance_bars", "class_balance_pie", "film_sizes", "mean_film", "split_shift"]

SIZE_SYMBOLS = ("circle-open", "x-thin-open", "square-open")
SPLITS = ("train", "validation", "test")


@plain_texts
def class_balance_bars(table: pd.DataFrame, *, theme: str = "dark") -> go.Figure:
    """Draw films per split and label, from `cxr.datasets.table.balance`.

    The customdata of a bar is ``[patients, share, row]``, row its place in the table.
    """
    need_columns(table, ["split", "label", "films", "patients", "share"])
    table = table.assign(row=range(len(table)))
    labels = _labels(table)
    by_label = table.groupby("label")["films"].sum()
    subtitle = ", ".join(f"{by_label[label]:,} {label}" for label in labels)
    figure = empty(theme, count(int(by_label.sum())), subtitle, height=340)
    for label in labels:
        rows = table[table["label"] == label]
        figure.add_bar(
            x=rows["split"], y=rows["films"], name=label, showlegend=True,
            marker=_fill(label, theme), text=rows["films"], texttemplate="%{text:,d}",
            textposition="outside", cliponaxis=False,
            # Lists: of a packed array a click would bring something else.
            customdata=rows[["patients", "share", "row"]].to_numpy().tolist(),
            hovertemplate=f"<b>%{{x}}, {label}</b><br>%{{y:,d}} films of %{{customdata[0]:,d}} "
            "patients<br>%{customdata[1]:.1%} of the split<extra></extra>",
        )  # fmt: skip
    names = sorted(set(table["split"]), key=_split_order)
    figure.update_layout(barmode="group", bargap=0.3)
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=names, ticks="")
    return figure.update_yaxes(title_text="Films", tickformat=",d", rangemode="tozero")


@plain_texts
def class_balance_pie(table: pd.DataFrame, split: str, *, theme: str = "dark") -> go.Figure:
    """Draw the share of each label in one split, from `cxr.datasets.table.balance`.

    ValueError, naming the splits, where the table has none of that name.
    """
    need_columns(table, ["split", "label", "films", "patients", "share"])
    rows = table[table["split"] == split].set_index("label")
    if rows.empty:
        known = ", ".join(sorted(set(table["split"]), key=_split_order))
        raise ValueError(f"Expected one of the splits {known}. Received: {split}")
    look, labels = colours(theme), _labels(rows.reset_index())
    most = rows.sort_values("films").iloc[-1]
    title = f"{percent(most['share'], 0)} of {split} is {most.name}"
    fills = [_fill(label, theme) for label in labels]
    figure = empty(theme, title, height=300)
    figure.add_pie(
        labels=labels, values=rows.loc[labels, "films"], hole=0.55, sort=False,
        direction="clockwise",
        marker={
            "colors": [fill["color"] for fill in fills],
            "pattern": {**fills[0]["pattern"], "shape": [f["pattern"]["shape"] for f in fills]},
            "line": {"width": 0},
        },
        customdata=rows.loc[labels, "patients"],
        texttemplate="%{label}<br>%{value:,d} (%{percent:.1%})", textposition="outside",
        textfont={"color": look.text}, showlegend=False, automargin=True,
        hovertemplate="<b>%{label}</b><br>%{value:,d} films of %{customdata[0]:,d} patients<br>"
        "%{percent:.1%}<extra></extra>",
    )  # fmt: skip
    return figure


@plain_texts
def film_sizes(table: pd.DataFrame, *, theme: str = "dark") -> go.Figure:
    """Draw width against height of the films, one marker per size and label.

    `table` is a film table; the area of a marker grows with the number of films.
    """
    need_columns(table, ["path", "label", "width", "height"])
    sizes = table.groupby(["label", "width", "height"], as_index=False).agg(
        films=("path", "size"), path=("path", "first")
    )
    distinct = len(sizes[["width", "height"]].drop_duplicates())
    title = f"{count(len(table))} in {count(distinct, 'size')}"
    if distinct == 1:
        one = sizes.iloc[0]
        title = f"All {count(len(table))}: {one['width']} × {one['height']} pixels"
    figure = empty(theme, title, height=400)
    most = int(sizes["films"].max())
    for i, label in enumerate(_labels(table)):
        rows = sizes[sizes["label"] == label]
        figure.add_scatter(
            x=rows["width"], y=rows["height"], mode="markers", name=label, showlegend=True,
            marker={
                "symbol": SIZE_SYMBOLS[i % len(SIZE_SYMBOLS)],
                "color": _fill(label, theme)["color"],
                "size": 5 + 20 * np.sqrt(rows["films"] / most) * (most > 1),
                "line": {"width": 1.5}, "opacity": 0.8,
            },
            customdata=rows[["films", "path"]].to_numpy(),
            hovertemplate=f"<b>%{{customdata[1]}}</b><br>{label}, %{{x}} × %{{y}} pixels<br>"
            "%{customdata[0]:,d} films of this size<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(title_text="Width (pixels)", tickformat=",d", nticks=8)
    return figure.update_yaxes(title_text="Height (pixels)", tickformat=",d", nticks=8)


@plain_texts
def mean_film(array: ArrayLike, title: str, *, theme: str = "dark") -> go.Figure:
    """Draw a film of shape (H, W) in [0, 1]: gray, square pixels, no axes.

    ValueError for another shape or range.
    """
    film = np.asarray(array, dtype=np.float32)
    if film.ndim != 2 or film.size == 0:
        raise ValueError(f"Expected an array of shape (H, W). Received: {film.shape}")
    if not (film.min() >= 0 and film.max() <= 1):  # also refuses NaN
        raise ValueError(f"Expected pixels within 0 to 1. Received: {film.min()} to {film.max()}")
    figure = empty(theme, title, height=340)
    figure.add_heatmap(
        z=np.rint(film * 255).astype(np.uint8), zmin=0, zmax=255, showscale=False, hoverinfo="skip",
        colorscale=[[0, "rgb(0, 0, 0)"], [1, "rgb(255, 255, 255)"]],
    )  # fmt: skip
    figure.update_layout(margin={"l": 8, "r": 8, "t": 40, "b": 8}, dragmode=False)
    figure.update_xaxes(visible=False, constrain="domain", constraintoward="left")
    return figure.update_yaxes(
        visible=False, autorange="reversed", scaleanchor="x", constrain="domain",
        constraintoward="top",
    )  # fmt: skip


@plain_texts
def split_shift(found: pd.DataFrame, *, theme: str = "dark") -> go.Figure:
    """Draw how well train is told from test for each label, from `cxr.datasets.shift.shift`.

    One marker per label with its 95 % interval; the dashed line at 0.5 is where none is told
    apart. Labels with too few films are left out; ValueError where that leaves none.
    """
    need_columns(found, ["label", "auc", "low", "high", "train", "test", "note"])
    rows = found[found["auc"].notna()]
    if rows.empty:
        raise ValueError("Expected a label with an AUC. Received: none with enough films")
    look = colours(theme)
    aucs = rows["auc"].to_numpy(float)
    told = ", ".join(f"{label} {auc:.2f}" for label, auc in zip(rows["label"], aucs, strict=True))
    title, height = "How well train is told from test", 150 + 50 * len(rows)
    figure = empty(theme, title, f"AUC of {told}", height=height)
    figure.add_vline(x=0.5, line={"color": look.muted, "width": 1.5, "dash": "dash"})
    figure.add_scatter(
        x=aucs, y=rows["label"], mode="markers", name="AUC", showlegend=False,
        error_x={
            "array": rows["high"] - aucs, "arrayminus": aucs - rows["low"], "symmetric": False,
            "color": look.text, "thickness": 1.5, "width": 6,
        },
        marker={"color": look.text, "size": 11, "symbol": "diamond"},
        customdata=rows[["low", "high", "train", "test", "note"]].to_numpy(),
        hovertemplate="<b>%{y}</b>, %{customdata[4]}<br>"
        f"AUC %{{x:.3f}} ({hovered_interval(0, 1, '.3f')})<br>"
        "%{customdata[2]:,d} train, %{customdata[3]:,d} test films<extra></extra>",
    )  # fmt: skip
    least = min(0.4, float(rows["low"].min()) - 0.05)
    figure.update_xaxes(range=[least, 1.01], dtick=0.1, title_text="AUC (0.5: not told apart)")
    figure.update_yaxes(
        type="category", categoryorder="array", categoryarray=list(rows["label"])[::-1],
        range=[-0.6, len(rows) - 0.4], ticks="",
    )  # fmt: skip
    return figure


def _labels(table: pd.DataFrame) -> list[str]:
    """Return the labels, normal first."""
    return sorted(set(table["label"]), key=lambda label: (label != "normal", label))


def _split_order(split: str) -> tuple[int, str]:
    return SPLITS.index(split) if split in SPLITS else len(SPLITS), split


def _fill(label: str, theme: str) -> dict[str, Any]:
    return class_fill(int(label != "normal"), theme)
