"""Models: what each is, what it is for, and where it ends."""

import streamlit as st

from cxr.evidence import card_tables
from cxr.scoring.population import split_note
from cxr.web import (
    among,
    bundle,
    cards,
    choose_model,
    damage_told,
    explanations_view,
    folds_view,
    gate_view,
    header,
    in_address,
    label_view,
    messages,
    pictures_view,
    plain,
    plain_cells,
    plain_json,
    plain_table,
    show_damaged,
    steadiness_view,
)

LIMITS = """
- It knows frontal films of its population alone. On others its figures differ: see the sets of
  films that it was scored on.
- Its score is for one finding. A low score says nothing of any other disease.
- Operating points were chosen on validation films of the same hospitals, unless their name says
  left out. On other films the sensitivity and specificity differ; the test split shows by how much.
- A heatmap shows where the score came from, not where disease is.
"""
TABS = ["Figures", "Heatmaps", "Refused films", "Steadiness", "Limits", "Making", "All models"]


def main() -> None:
    header("Models")
    listed = cards()
    show_damaged()
    left, _ = st.columns([1, 1.15], gap="medium")
    with left:
        card = choose_model("models_model", label="Facts of")
    model = bundle(card)  # says so if the weights are missing or not those of the card
    label_view(model)
    in_address("tab", "models_tab", TABS[0], among(TABS))
    figures, heatmaps, refused, steadiness, limits, making, every = st.tabs(
        TABS, key="models_tab", on_change="rerun"
    )
    with figures:
        show_figures(card)
        folds_view(model)
    with heatmaps:
        explanations_view(model)
    with refused:
        gate_view(model)
        pictures_view(model)
    with steadiness:
        steadiness_view(model)
    with limits:
        show_limits(card)
    with making:
        st.table(plain_cells(card_tables.facts(card)), hide_index=True)
        with st.expander("The whole card"):
            st.json(plain_json(card.to_json()))
    with every:
        st.dataframe(
            plain_table(card_tables.models(listed)),
            hide_index=True,
            height="content",
            alt="All models by their figures on test films",
        )


def show_figures(card) -> None:
    st.subheader("Operating points, chosen on validation", anchor=False)
    st.table(
        plain_cells(card_tables.operating_points(card)),
        hide_index=True,
        border="horizontal",
        alt="The operating points and their figures on validation",
    )
    st.subheader("At the default operating point", anchor=False)
    if not card.evaluation:
        st.info(messages.evaluate_it(card.name))
        return
    st.table(
        plain_cells(card_tables.splits(card)),
        hide_index=True,
        border="horizontal",
        alt="Figures on each set of films",
    )
    for split in card.external:
        if split in card.evaluation:
            st.caption(plain(f"{split}: {split_note(card, split)}"))


def show_limits(card) -> None:
    st.markdown(LIMITS)
    if origin := card.training.imported:
        for note in origin.notes:
            st.caption(plain(note))


with damage_told():
    main()
