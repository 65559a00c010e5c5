"""Training: how the models came to be."""

import streamlit as st

from cxr import figures
from cxr.evidence.evaluation import generalisation_gap
from cxr.evidence.runs import kept_epochs, recipe_lines, runs
from cxr.web import (
    among,
    bundles,
    choose_finding,
    choose_models,
    damage_told,
    header,
    in_address,
    messages,
    plain,
    plain_json,
    plain_table,
    plot,
    theme,
)

METRICS = ("auc", "accuracy", "loss")
NAMES = {"auc": "AUC", "accuracy": "Accuracy", "loss": "Loss"}
#: Panels of runs next to each other.
ACROSS = 4


def main() -> None:
    header("Training")
    left, middle, right = st.columns([1.3, 2.6, 1.25], vertical_alignment="bottom")
    with left:
        of_finding = choose_finding("training_finding")
    with middle:
        # Another finding has other runs: a choice of its own.
        key = f"training_models_{of_finding[0].finding}"
        cards = choose_models(key, of_finding, label="Runs", at_first=ACROSS)
    if imported := [card.name for card in cards if not card.training.epochs]:
        st.info(messages.imported_without_epochs(imported))
    cards = [card for card in cards if card.training.epochs]
    if not cards:
        return
    histories = {model.name: model.history for model in bundles(cards, "history")}
    cards = [card for card in cards if card.name in histories]
    if not cards:
        return
    key = f"training_metric_{of_finding[0].finding}"
    in_address("metric", key, first_recorded(histories), among(METRICS))
    metric = right.segmented_control(
        "Metric", METRICS, required=True, format_func=NAMES.__getitem__, key=key
    )
    show_panels(cards, histories, metric)
    st.subheader("The runs", anchor=False)
    st.dataframe(
        plain_table(runs(cards, histories)),
        hide_index=True,
        height="content",
        column_config={"first step": st.column_config.TextColumn(width="medium")},
        placeholder="none",
        alt="The runs compared: epochs, time and recipe",
    )
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


def first_recorded(histories) -> str:
    """Return the first metric that every run has recorded, so that no panel is empty at first."""
    spans = {m: [figures.metric_span([h], m) for h in histories.values()] for m in METRICS}
    return next((metric for metric, found in spans.items() if None not in found), METRICS[0])


def show_panels(cards, histories, metric: str) -> None:
    span = figures.metric_span(histories.values(), metric)
    for start in range(0, len(cards), ACROSS):
        row = cards[start : start + ACROSS]
        for column, card in zip(st.columns(min(len(cards), ACROSS)), row, strict=False):
            name, history = card.name, histories[card.name]
            with column:
                with st.container(key=f"run_name_{name}"):
                    st.markdown(f"**{plain(name)}**")
                if figures.metric_span([history], metric) is None:
                    st.caption(messages.not_recorded(NAMES[metric]))
                    continue
                figure = figures.training_curves(
                    {name: history},
                    metric,
                    kept={name: kept_epochs(card)},
                    notes={name: recipe_lines(card, history)},
                    span=span,
                    theme=theme(),
                )
                plot(figure, f"curves_{name}")


with damage_told():
    main()
