"""Training runs compared: what was trained, for how long, which epoch was kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from ..scoring.card import Card, TrainingStep
from .evaluation import best_epoch

__all__ = ["kept_epochs", "recipe_lines", "runs"]


def runs(cards: Iterable[Card], histories: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Compare training runs.

    Parameters
    ----------
    cards : iterable of Card
        Of models trained here: an imported one has neither a recipe nor epochs.
    histories : mapping of str to pandas.DataFrame
        The training log of each model, by its name.

    Returns
    -------
    pandas.DataFrame
        One row per card: run, first step (what was trained before the epochs that the curves
        show), epochs, best epoch (missing where validation films were not scored), kept epoch,
        base features (how long the frozen base took, which the time of the epochs leaves out),
        epochs (min), seconds an epoch (the median, missing where it was not recorded), optimizer,
        learning rate, batch, seed.

    Raises
    ------
    ValueError
        If a model was not trained here.
    """
    rows = []
    for card in cards:
        training, recipe = card.training, card.recipe
        if recipe is None:
            raise ValueError(f"Expected models that were trained here. Received: {card.name}")
        rows.append(
            {
                "run": card.name,
                "first step": _first_step(training.first_step),
                "epochs": training.epochs,
                "best epoch": _best_epoch(histories[card.name]),
                "kept epoch": training.kept_epoch,
                "base features": _feature_time(card),
                "epochs (min)": round(training.wall_seconds / 60, 1),
                "seconds an epoch": _epoch_seconds(histories[card.name]),
                "optimizer": recipe.optimizer,
                "learning rate": recipe.learning_rate,
                "batch": recipe.batch_size,
                "seed": recipe.seed,
            }
        )
    table = pd.DataFrame(rows)
    # Whole numbers, also where one is missing.
    return table.astype({"best epoch": "Int64"}) if rows else table


def kept_epochs(card: Card) -> tuple[int, int]:
    """Return the first and the last of the epochs whose weights ship: their average, if several."""
    last = card.training.kept_epoch
    averaged = card.recipe.lungs.averaged if card.recipe and card.recipe.lungs else 1
    return last - averaged + 1, last


def recipe_lines(card: Card, history: pd.DataFrame) -> list[str]:
    """Say in a few short lines how a run was made.

    Parameters
    ----------
    card : Card
        Of a model that was trained here.
    history : pandas.DataFrame
        Its training log.
    """
    recipe, size = card.recipe, card.input
    if recipe is None:
        raise ValueError(f"Expected a model that was trained here. Received: {card.name}")
    seconds = _epoch_seconds(history)
    first, last = kept_epochs(card)
    kept = f"epoch {last}" if first == last else f"epochs {first} to {last}, averaged"
    lines = [
        f"{card.architecture.name}, {size.height} × {size.width} pixels",
        f"{recipe.optimizer}, learning rate {recipe.learning_rate:g}, batch {recipe.batch_size}",
        f"kept: {kept}",
    ]
    return lines if seconds is None else [*lines, f"{seconds:,.1f} s an epoch"]


def _epoch_seconds(history: pd.DataFrame) -> float | None:
    """Return the median time of an epoch, seconds; None where it was not recorded."""
    if "seconds" not in history or history["seconds"].isna().all():
        return None
    return round(float(history["seconds"].median()), 1)


def _best_epoch(history: pd.DataFrame) -> int | None:
    return best_epoch(history) if history["val_auc"].notna().any() else None


def _feature_time(card: Card) -> str:
    if not card.architecture.base:
        return "none"
    seconds = card.training.feature_seconds
    return "time not recorded" if seconds is None else f"{seconds / 60:.1f} min"


def _first_step(step: TrainingStep | None) -> str:
    if not step:
        return "none"
    return (
        f"{step.epochs} epochs, {step.films} films at {step.input_size} pixels, "
        f"{step.wall_seconds / 60:.1f} min"
    )
