"""The facts of a model on one screen: what it is for, how good it is, whether its maps hold up."""

from __future__ import annotations

import streamlit as st

from ..evidence import folds, model_label
from ..evidence.audit.store import BOXES, SANITY
from ..evidence.audit.verdict import verdicts
from ..heatmaps.heatmap import CAPTION
from ..model import Model
from ..plain_text import visible
from ..scoring.bundle import BundleError
from ..scoring.picture_check import PictureCheckError
from ..scoring.population import split_note
from .messages import NO_PICTURE_CHECK, evaluate_it, measure_again, not_explained
from .plain_text import plain, plain_cells

__all__ = ["label_view"]


def label_view(model: Model) -> None:
    """Show the label of a model, and what is missing next to it.

    Parameters
    ----------
    model : Model
        Where its heatmaps were not measured, or cannot be, what to do is said.
    """
    card = model.card
    left, right = st.container(key="model_label").columns([1, 1.15], gap="medium")
    with left:
        facts = model_label.label(card, left_out=not folds.figures(model).empty)
        st.table(
            plain_cells(facts),
            hide_index=True,
            hide_header=True,
            border="horizontal",
            alt=f"What {visible(card.name)} is for, and what it was not tried on",
        )
    with right:
        _figures_view(model)
    st.subheader("Do its heatmaps hold up?", anchor=False)
    _heatmaps_view(model)
    try:
        if model.pictures is None:
            st.warning(NO_PICTURE_CHECK)
    except PictureCheckError as error:
        st.error(plain(error))


def _figures_view(model: Model) -> None:
    card = model.card
    figures = model_label.figures(card)
    if figures.empty:
        st.info(evaluate_it(card.name))
        return
    st.table(
        plain_cells(figures),
        hide_index=True,
        border="horizontal",
        alt=f"How good {visible(card.name)} is at its default operating point",
    )
    notes = [
        f"{split}: {split_note(card, split)}" for split in card.external if split in card.evaluation
    ]
    st.caption(
        plain(" ".join(["At the default threshold. In brackets: the 95 % interval.", *notes]))
    )


def _heatmaps_view(model: Model) -> None:
    try:
        table = model.explanations
    except BundleError as error:
        st.error(measure_again(error, model.name))
        return
    kinds = set(table["kind"])
    if not table.empty:
        with st.container(horizontal=True, gap="small", key="verdicts"):
            for verdict in verdicts(table):
                st.metric(
                    verdict.title,
                    verdict.answer.capitalize(),
                    help=plain(verdict.reason),
                    border=True,
                    width="content",
                )
        st.caption(f"{plain(CAPTION)} Why: at the question mark; all checks: under Heatmaps.")
    if not {BOXES, SANITY} <= kinds:
        st.info(not_explained(model.name, boxes=BOXES not in kinds, checks=SANITY not in kinds))
