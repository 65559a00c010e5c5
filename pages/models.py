"""Models: what each is, what it is for, and where it ends."""

import streamlit as st

from cxr.evidence import card_tables
from cxr.scoring.population import split_note
from cxr.web import (
    bundle,
    cards,
    choose_model,
    explanations_view,
    folds_view,
    gate_view,
    header,
    messages,
    pictures_view,
    plain,
    plain_cells,
    plain_json,
    plain_table,
    steadiness_view,
)

LIMITS = """
- It knows frontal films of its population alone. Elsewhere its figures are others: see below.
- Its score is for one finding. A low score says nothing of any other disease.
- Operating points were chosen on validation films of the same hospitals, unless their name says
  left out. On other films the sensitivity and specificity differ; the test split shows by how much.
- A heatmap shows where the score came from, not where disease is.
"""


def main() -> None:
    listed = cards()
    header("Models")
    st.dataframe(plain_table(card_tables.models(listed)), hide_index=True, height="content")
    card = choose_model("models_model", label="Card of")
    model = bundle(card)  # says so if the weights are missing or not those of the card
    left, right = st.columns(2)
    with left:
        st.subheader("Intended use", anchor=False)
        st.markdown(
            f"Scores **{plain(card.finding)}** on frontal chest radiographs of "
            f"**{plain(card.population)}**. "
            "Research and demonstration; not for diagnostic use."
        )
        st.subheader("Limits", anchor=False)
        st.markdown(LIMITS)
        if origin := card.training.imported:
            for note in origin.notes:
                st.caption(plain(note))
    with right:
        st.subheader("Facts", anchor=False)
        st.table(plain_cells(card_tables.facts(card)), hide_index=True)
    st.subheader("Operating points, chosen on validation", anchor=False)
    st.dataframe(plain_table(card_tables.operating_points(card)), hide_index=True)
    st.subheader("At the default operating point", anchor=False)
    if card.evaluation:
        st.dataframe(plain_table(card_tables.splits(card)), hide_index=True)
    else:
        st.info(messages.evaluate_it(card.name))
    for split in card.external:
        if split in card.evaluation:
            st.caption(plain(f"{split}: {split_note(card, split)}"))
    gate_view(model)
    pictures_view(model)
    steadiness_view(model)
    folds_view(model)
    explanations_view(model)
    with st.expander("The whole card"):
        st.json(plain_json(card.to_json()))


main()
