"""How far a model's heatmaps can be trusted: agreement with boxes, and sanity checks."""

from __future__ import annotations

import streamlit as st

from .. import figures
from ..evidence.audit.store import BOXES, LUNGS, SANITY
from ..evidence.audit.tables import box_table, lung_table, named_box_table, sanity_table
from ..evidence.audit.verdict import checks_table, failures
from ..scoring.bundle import Bundle, BundleError
from ..scoring.heat_in_lungs import no_lung_network
from ..stats.wording import count
from .look import theme
from .messages import no_lungs
from .page import plot
from .plain_text import plain, plain_table

__all__ = ["explanations_view"]

CHECKS_MEANING = (
    "Random weights: the map changes once the network has forgotten what it learned. Taken away, "
    "put back: the score falls, or rises, sooner than with random parts. Film's edge: no more of "
    "the map than an even one has. Mirrored film: the map turns with it. As published: as "
    "tf-keras-vis draws it. In the lungs, in boxes: highest there more often than without aim."
)
BOXES_MEANING = (
    "Hit rate: films whose map is highest in a radiologist's box. IoU: overlap of the boxes and "
    "the map, cut where it is best on other patients' films. Share inside: of the map, what lies "
    "in the boxes. With 95 % intervals over patients. Called: the films that the model calls above "
    "its operating point; the map of another film explains nothing."
)
NAMED_MEANING = (
    "The same films by what the radiologist called the boxes. Called: films above the operating "
    "point. A healed scar is what such models often call in vain."
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
LUNGS_MEANING = (
    "On validation films that the model calls, with 95 % intervals over patients. Peak inside: "
    "films whose map is highest in the lungs. Heat inside: of the map, what lies in the lungs. "
    "Random place: of the picture, what the lungs are, so that a map without aim has as much. "
    "Above half: the median area above half of the map's maximum, as a share of the lungs' area."
)


def explanations_view(model: Bundle) -> None:
    """Show how a model's heatmaps agree with boxes, and which methods failed a sanity check.

    Parameters
    ----------
    model : Bundle
        Nothing is shown of one whose heatmaps were not measured, or cannot be read: its label says
        so.
    """
    if missing := no_lung_network():
        st.caption(no_lungs(missing))
    try:
        table = model.explanations
    except BundleError:  # the label says so
        return
    if table.empty:
        return
    kinds = set(table["kind"])
    st.dataframe(
        plain_table(checks_table(table)),
        hide_index=True,
        height="content",
        alt="Which checks the maps of each method passed",
    )
    st.caption(CHECKS_MEANING)
    if said := failures(table):
        with st.expander(f"What failed or could not be done: {count(len(said), 'finding')}"):
            st.markdown("\n".join(f"- {plain(sentence)}" for sentence in said))
    left, right = st.columns(2)
    called = table[(table["kind"] == BOXES) & (table["n"] > 0)]
    for split in dict.fromkeys(called["films"]):
        with left:
            plot(figures.box_hits(table, split, theme=theme()), f"hits_{split}")
    if (table["measure"] == "randomization_rank").any():
        with right:
            plot(figures.randomization(table, theme=theme()), "randomization")
    if BOXES in kinds:
        st.dataframe(plain_table(box_table(table)), hide_index=True)
        st.caption(BOXES_MEANING)
    if not (named := named_box_table(table)).empty:
        st.dataframe(plain_table(named), hide_index=True)
        st.caption(NAMED_MEANING)
    if SANITY in kinds:
        st.dataframe(plain_table(sanity_table(table)), hide_index=True)
        st.caption(SANITY_MEANING)
    if {SANITY, LUNGS} & kinds:
        st.dataframe(plain_table(lung_table(table)), hide_index=True)
        st.caption(LUNGS_MEANING)
