"""The threshold of a model, and its rates there."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from ..evidence.comparison import Rate
from ..evidence.evaluation import Confusion
from ..scoring.card import Card
from ..scoring.operating_points import npv, ppv
from ..stats.wording import interval, percent
from .address import among, in_address, number_within

__all__ = ["choose_threshold", "show_rates", "show_values"]


def choose_threshold(
    card: Card, *, label: str = "Threshold", prefix: str = ""
) -> tuple[float, tuple[float, float]]:
    """Let the reader choose an operating point of a model and move its threshold.

    The choice is kept by the model's name, so a model can be in one place of a page only.

    Parameters
    ----------
    card : Card
        Of the model.
    label : str, default: "Threshold"
        Of the slider.
    prefix : str, optional
        Before the names in the address, where a page has several thresholds.

    Returns
    -------
    tuple
        The threshold, within 0 to 1, and the point's `near` zone.
    """
    names = [point.name for point in card.operating_points]
    left, right = st.columns([1, 1.4], vertical_alignment="bottom")
    chosen = f"point_{card.name}"
    in_address(f"{prefix}point", chosen, card.default_operating_point, among(names))
    name = left.selectbox(
        "Operating point",
        names,
        key=chosen,
        persist_state="session",
        help="Each was chosen on validation films, or on films of sources that were left out.",
    )
    point = card.operating_point(name)
    key = f"threshold_{card.name}_{name}"
    in_address(
        f"{prefix}threshold", key, point.threshold, number_within(0, 1), lambda cut: f"{cut:.3f}"
    )
    threshold = right.slider(
        label, 0.0, 1.0, step=0.001, format="%.3f", key=key, persist_state="session"
    )
    return threshold, point.near


def show_rates(rates: Iterable[Rate]) -> None:
    """Show rates side by side, each with its interval and number of films."""
    shown = list(rates)
    for column, rate in zip(st.columns(len(shown)), shown, strict=True):
        column.metric(rate.name, percent(rate.value), help=rate.meaning, border=True)
        ends = interval(rate.interval, ".1%").replace(" %", "\u00a0%")
        column.caption(f"{ends}, n\u00a0{rate.whole:,}")


def show_values(counts: Confusion) -> None:
    """Let the reader set a prevalence and show PPV and NPV there."""
    left, right = st.columns([1, 2], vertical_alignment="bottom")
    in_address("prevalence", "prevalence", 10.0, number_within(0.5, 90))
    prevalence = (
        left.slider("Prevalence", 0.5, 90.0, step=0.5, format="%.1f %%", key="prevalence") / 100
    )
    if counts.sensitivity is None or counts.specificity is None:
        return
    pair = counts.sensitivity, counts.specificity, prevalence
    one, two = right.columns(2)
    one.metric("PPV there", percent(ppv(*pair)), help="Share of positives that would be right")
    two.metric("NPV there", percent(npv(*pair)), help="Share of negatives that would be right")
