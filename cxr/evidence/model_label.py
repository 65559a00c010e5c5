"""The label of a model: what it is for, how good it is, and what it was not tried on."""

from __future__ import annotations

import pandas as pd

from ..datasets.published import SOURCES
from ..scoring.card import Card
from ..scoring.population import INTENDED_USE
from ..stats.wording import count, interval, number
from . import card_tables

__all__ = ["VALIDATION", "figures", "label", "not_tried"]

#: The split that thresholds are chosen on: its figures say too much.
VALIDATION = "validation"


def label(card: Card, *, left_out: bool = False) -> pd.DataFrame:
    """Say of a model what must be known before it is used.

    Parameters
    ----------
    card : Card
    left_out : bool
        Whether networks of its recipe were tried on sources that they had not learned from.

    Returns
    -------
    pandas.DataFrame
        fact and value, both text: what for, for whom, learned from, positive at, not tried on.
    """
    rows = {
        "What for": f"Scores {card.finding} on frontal chest radiographs. {INTENDED_USE}",
        "For whom": _capital(card.population),
        "Learned from": _learned_from(card),
        "Positive at": _positive_at(card),
        "Not tried on": " ".join(not_tried(card, left_out=left_out)),
    }
    return pd.DataFrame({"fact": rows.keys(), "value": rows.values()})


def figures(card: Card) -> pd.DataFrame:
    """Return a model's figures on films that its threshold was not chosen on.

    Returns
    -------
    pandas.DataFrame
        films of, n, AUC, sensitivity, specificity, each with its interval; empty where no such
        films were scored.
    """
    splits = card_tables.splits(card)
    if splits.empty:
        return splits
    others = splits[splits["films of"] != VALIDATION]
    return others.drop(columns="accuracy").reset_index(drop=True)


def not_tried(card: Card, *, left_out: bool = False) -> list[str]:
    """Say what films a model has no figures of.

    Parameters
    ----------
    card : Card
    left_out : bool
        As for `label`.

    Returns
    -------
    list of str
        Sentences without a verb.
    """
    scored = [split for split in card.evaluation if split != VALIDATION]
    if not scored:
        return ["Any film: none was scored."]
    tried = _populations(card, scored)
    said = []
    if not left_out and card.population not in tried:
        said.append(f"{_capital(card.population)} of a source that it did not learn from.")
    others = sorted(tried - {card.population})
    people = " nor ".join([card.population, *others])
    said.append(f"Patients who are {'neither' if others else 'not'} {people}.")
    return [*said, f"Findings other than {card.finding}.", "Films that are not frontal."]


def _populations(card: Card, scored: list[str]) -> set[str]:
    """Return whose films the external sets hold that were scored."""
    names = {part.split("/")[0] for split in scored for part in card.external.get(split, ())}
    return {SOURCES[name].population for name in names if name in SOURCES}


def _learned_from(card: Card) -> str:
    if card.training.imported:
        return "The imported file does not say."
    films = [f"{c.films:,} {c.label}" for c in card.data.films if c.split == "train"]
    total = sum(c.films for c in card.data.films if c.split == "train")
    known = f" {count(total)}: {', '.join(films)}." if films else ""
    return f"{card.data.title} ({card.data.citation}), {card.data.licence}.{known}"


def _positive_at(card: Card) -> str:
    point = card.operating_point()
    return (
        f"{number(point.threshold)} or above ({point.name}); near it from {interval(point.near)}. "
        f"{point.rule}"
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
