"""Training: how the models came to be."""

import streamlit as st

from cxr import figures
from cxr.evidence.evaluation import generalisation_gap
from cxr.evidence.runs import runs
from cxr.web import (
    bundle,
    choose_models,
    header,
    messages,
    plain,
    plain_json,
    plain_table,
    plot,
    theme,
)

METRICS = ("auc", "accuracy", "loss")


def main() -> None:
    header("Training")
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    with left:
        cards = choose_models("training_models", label="Runs")
    metric = right.segmented_control("Metric", METRICS, default="auc", required=True)
    if imported := [card.name for card in cards if not card.training.epochs]:
        st.info(messages.imported_without_epochs(imported))
    cards = [card for card in cards if card.training.epochs]
    if not cards:
        return
    histories = {card.name: bundle(card).history for card in cards}
    wide = {"first step": st.column_config.TextColumn(width=340)}
    table = plain_table(runs(cards, histories))
    st.dataframe(
        table,
        hide_index=True,
        height="content",
        column_config=wide,
        placeholder="not recorded",
    )
    plot(figures.training_curves(histories, metric, theme=theme()), "curves")
    left, right = st.columns(2)
    with left:
        plot(figures.learning_rate(histories, theme=theme()), "rate")
    with right:
        gaps = {name: generalisation_gap(history) for name, history in histories.items()}
        kind = "loss" if metric == "loss" else "auc"
        plot(figures.gap(gaps, kind, theme=theme()), "gap")
    for card in cards:
        with st.expander(f"Recipe and epochs of {plain(card.name)}"):
            left, right = st.columns([1, 2])
            left.json(plain_json(card.recipe.to_json()))
            right.dataframe(plain_table(histories[card.name]), hide_index=True)


main()
