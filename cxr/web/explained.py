"""How far a model's heatmaps can be trusted: agreement with boxes, and sanity checks."""

from __future__ import annotations

import math

import pandas as pd
import streamlit as st

from .. import figures
from ..evidence.audit.box_figures import BASELINES, MEASURES
from ..evidence.audit.store import BOXES, BOXES_ALL, REFERENCE, SANITY
from ..evidence.audit.verdict import failures
from ..heatmaps.methods import METHODS
from ..scoring.bundle import Bundle, BundleError
from ..stats.wording import NONE, with_interval
from .look import theme
from .page import plot

__all__ = ["explanations_view"]

BOXES_COMMAND = "python -m cxr evaluate {} --data DIR --boxes boxes.csv --store"
AUDIT_COMMAND = "python -m cxr audit {} --data DIR"
# What the table keeps of a value: a smaller difference stands in it as 0.
KEPT = 1e-6
AGAIN = "where DIR is the folder of the films, then start the dashboard again."
NAMES = {
    "centre": "Gaussian at the centre",
    "mean": "mean map of the other films",
    "random": "random map",
}
BOXES_MEANING = (
    "Hit rate: films whose map is highest in a radiologist's box. IoU: overlap of the boxes and "
    "the map, cut where it is best on other patients' films. Share inside: of the map, what lies "
    "in the boxes. With 95 % intervals over patients. Called: the films that the model calls above "
    "its operating point; the map of another film explains nothing."
)
SANITY_MEANING = (
    "Mean values on validation films that the model calls, with 95 % intervals. Randomized: rank "
    "correlation with the map once all weights are random (near 0 is right). Edge: share of the "
    "map on the outer tenth of the film, and of an even map. Deletion, insertion: how much sooner "
    "than with a random map the score falls, or rises, when what the map points at is blurred, or "
    "put back. Mirrored: rank correlation with the map of the mirrored film (1 is right). "
    "tf-keras-vis: how far a map, scaled to [0, 1], is at most from that of tf-keras-vis on the "
    "same network; it has no HiResCAM."
)


def explanations_view(model: Bundle) -> None:
    """Show how a model's heatmaps agree with boxes, and which methods failed a sanity check.

    Parameters
    ----------
    model : Bundle
        If nothing was measured yet, the commands that do so are named.
    """
    st.subheader("Can the heatmaps be trusted?", anchor=False)
    try:
        table = model.explanations
    except BundleError as error:
        st.error(f"{error} Measure it again: `{AUDIT_COMMAND.format(model.name)}`.")
        return
    kinds = set(table["kind"])
    missing = [
        command.format(model.name)
        for kind, command in ((BOXES, BOXES_COMMAND), (SANITY, AUDIT_COMMAND))
        if kind not in kinds
    ]
    if missing:
        st.info(f"Not measured yet. Run {' and '.join(f'`{m}`' for m in missing)}, {AGAIN}")
    if table.empty:
        return
    said = failures(table)
    st.markdown("\n".join(f"- {sentence}" for sentence in said) or "No method failed a check.")
    left, right = st.columns(2)
    called = table[(table["kind"] == BOXES) & (table["n"] > 0)]
    for split in dict.fromkeys(called["films"]):
        with left:
            plot(figures.box_hits(table, split, theme=theme()), f"hits_{split}")
    if (table["measure"] == "randomization_rank").any():
        with right:
            plot(figures.randomization(table, theme=theme()), "randomization")
    if BOXES in kinds:
        st.dataframe(_boxes(table), hide_index=True)
        st.caption(BOXES_MEANING)
    if SANITY in kinds:
        st.dataframe(_sanity(table), hide_index=True)
        st.caption(SANITY_MEANING)


def _cell(rows: pd.DataFrame, measure: str, digits: int = 2) -> str:
    """Write a measure with its interval; of several stages the last."""
    some = rows[rows["measure"] == measure].sort_values("stage", kind="stable")
    if some.empty:
        return NONE
    value, *ends = some[["value", "low", "high"]].iloc[-1]
    return with_interval(value, ends, f".{digits}f")


def _equal(value: float | None) -> str:
    """Write within what the maps equal those of the reference, rounded up to one digit."""
    if value is None or pd.isna(value):
        return "none"
    value = max(value, KEPT)
    power = math.floor(math.log10(value))
    digit = math.ceil(round(value / 10**power, 6))
    return f"equal within {digit * 10**power:.0e}".replace("e-0", "e-")


def _title(method: str, layer: str) -> str:
    title = METHODS[method].title if method in METHODS else method
    return f"{title}, {layer}" if layer else title


def _boxes(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row per method or baseline and set of films."""
    found = []
    selections = {BOXES: "called", BOXES_ALL: "all with boxes"}
    some = table[table["kind"].isin(selections)]
    for key, rows in some.groupby(["films", "kind", "method", "layer"], sort=False):
        split, kind, method, layer = map(str, key)
        films = f"{split}, {selections[kind]}"
        title = _title(method, layer)
        for baseline in ("", *BASELINES):
            prefix = f"{baseline}." if baseline else ""
            values = (_cell(rows, prefix + measure, 3) for measure in MEASURES)
            name = f"{title}: {NAMES[baseline]}" if baseline else title
            found.append([films, name, int(rows["n"].max()), *values])
    return pd.DataFrame(found, columns=["films", "map", "n", "hit rate", "IoU", "share inside"])


def _sanity(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row per method."""
    found = []
    reference = table[table["kind"] == REFERENCE].set_index(["method", "layer"])["value"]
    sane = table[table["kind"] == SANITY]
    for key, rows in sane.groupby(["method", "layer"], sort=False):
        even = _cell(rows, "edge_area")
        found.append(
            {
                "method": _title(*map(str, key)),
                "n": int(rows["n"].max()),
                "without a map": f"{rows.loc[rows['measure'] == 'flat_maps', 'value'].sum():.0f}",
                "randomized": _cell(rows, "randomization_rank"),
                "edge": f"{_cell(rows, 'edge_share')}; even {even}",
                "deletion": _cell(rows, "deletion_gain", 3),
                "insertion": _cell(rows, "insertion_gain", 3),
                "mirrored": _cell(rows, "flip_rank"),
                "tf-keras-vis": _equal(reference.get(key)),
            }
        )
    return pd.DataFrame(found)
