"""The sheet of a PDF that says what its model is for, how good it is, and where it ends."""

from __future__ import annotations

from ..evidence import model_label
from ..scoring.card import Card
from .paper import INK, LEFT, LINE, MUTED, WIDTH, Paper

__all__ = ["label_sheet"]

TOP = 16.0
#: Left edge of the facts' second column, mm.
VALUE = 34.0
STEP = 4.6


def label_sheet(paper: Paper, card: Card) -> None:
    """Set the label of a model on a sheet of its own.

    Parameters
    ----------
    paper : Paper
    card : Card
        Of the model.
    """
    paper.add_page()
    paper.put(LEFT, TOP, f"The model: {card.name}", 15, bold=True)
    paper.put(LEFT, TOP + 8, f"Weights {card.weights.sha256[:12]}", 8.5, colour=MUTED)
    y = TOP + 18
    for fact in model_label.label(card).itertuples():
        paper.put(LEFT, y, str(fact.fact), 9, width=VALUE - 3, bold=True)
        y = paper.paragraph(LEFT + VALUE, y, str(fact.value), 9, WIDTH - VALUE, step=STEP)
        paper.rule(y + 1.5, LINE)
        y += 4
    _figures(paper, card, y + 6)


def _figures(paper: Paper, card: Card, y: float) -> None:
    figures = model_label.figures(card)
    if figures.empty:
        paper.put(LEFT, y, "No figures on films that its threshold was not chosen on.", 9)
        return
    paper.put(LEFT, y, "On films that its threshold was not chosen on", 11, bold=True)
    y += 8
    width = WIDTH / len(figures.columns)
    for column, name in enumerate(figures.columns):
        paper.put(LEFT + column * width, y, str(name), 8, width=width - 2, colour=MUTED)
    paper.rule(y + 5.5, INK)
    y += 7
    for row in figures.itertuples(index=False):
        ends = [
            paper.paragraph(LEFT + column * width, y, str(value), 8, width - 2, step=3.8)
            for column, value in enumerate(row)
        ]
        y = max(ends) + 1.5
        paper.rule(y, LINE)
        y += 2
    paper.put(LEFT, y + 1, "In brackets the 95 % intervals.", 8, colour=MUTED)
