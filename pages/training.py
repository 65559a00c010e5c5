"""Training: how the models came to be."""

import pandas as pd
import streamlit as st

from cxr import figures
from cxr.evidence.evaluation import best_epoch, generalisation_gap
from cxr.scoring.card import TrainingStep
from cxr.web import (
    bundle,
    choose_models,
    header,
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
        st.info(
            f"Imported, so that there are no epochs to show: {', '.join(imported)}. To train a "
            "model here: python -m cxr train RECIPE --data DIR --out models"
        )
    cards = [card for card in cards if card.training.epochs]
    if not cards:
        return
    histories = {card.name: bundle(card).history for card in cards}
    wide = {"first step": st.column_config.TextColumn(width=340)}
    st.dataframe(runs(cards), hide_index=True, height="content", column_config=wide)
    plot(figures.training_curves(histories, metric, theme=theme()), "curves")
    left, right = st.columns(2)
    with left:
        plot(figures.learning_rate(histories, theme=theme()), "rate")
    with right:
        gaps = {name: generalisation_gap(history) for name, history in histories.items()}
        kind = "loss" if metric == "loss" else "auc"
        plot(figures.gap(gaps, kind, theme=theme()), "gap")
    for card in cards:
        with st.expander(f"Recipe and epochs of {card.name}"):
            left, right = st.columns([1, 2])
            left.json(card.recipe.to_json())
            right.dataframe(histories[card.name], hide_index=True)


def runs(cards) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "run": card.name,
            "first step": first_step(card.training.first_step),
            "epochs": card.training.epochs,
            "best epoch": best_epoch(bundle(card).history),
            "kept epoch": card.training.kept_epoch,
            "base features": feature_time(card),
            "epochs (min)": round(card.training.wall_seconds / 60, 1),
            "optimizer": card.recipe.optimizer,
            "learning rate": card.recipe.learning_rate,
            "batch": card.recipe.batch_size,
            "seed": card.recipe.seed,
        }
        for card in cards
    )


def feature_time(card) -> str:
    """Say how long the frozen base took before the epochs, whose time is without it."""
    if not card.architecture.base:
        return "none"
    seconds = card.training.feature_seconds
    return "time not recorded" if seconds is None else f"{seconds / 60:.1f} min"


def first_step(step: TrainingStep | None) -> str:
    """Say what was trained before the epochs that the curves show."""
    if not step:
        return "none"
    return (
        f"{step.epochs} epochs, {step.films} films at {step.input_size} pixels, "
        f"{step.wall_seconds / 60:.1f} min"
    )


main()
