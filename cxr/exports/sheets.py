"""The sheets of a PDF: list, one page per film, the model's label. Loaded when a PDF is made."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import accumulate

from ..stats.wording import count
from .film_sheet import film_sheet, sheets_of
from .item import VERSION
from .label_sheet import label_sheet
from .page import Page, Section
from .paper import (
    ACCENT,
    INK,
    LEFT,
    LINE,
    MUTED,
    WIDTH,
    Colour,
    Paper,
)

__all__ = ["Sheets"]

TOP, BOTTOM = 16.0, 274.0
ROW = 6.4
#: Left edge and width of each column, mm.
COLUMNS = {
    "Rank": (0.0, 10.0),
    "Film": (14.0, 66.0),
    "Score": (82.0, 13.0),
    "Band": (100.0, 32.0),
    "Call": (134.0, 30.0),
    "Page": (165.0, 9.0),
}
RIGHT_ALIGNED = ("Rank", "Score", "Page")
REASON = (72.0, 88.0)


class Sheets:
    """Sets the pages of one PDF.

    Parameters
    ----------
    made : datetime
        When, in UTC.
    """

    def __init__(self, made: datetime) -> None:
        self.made = made

    def set(self, sections: Sequence[Section]) -> bytes:
        """Set for each model the page of each film, and its label; before several films their list.

        Parameters
        ----------
        sections : sequence of Section
            One per model.
        """
        cards = [section.card for section in sections]
        several = ", ".join(f"{card.population} ({card.finding})" for card in cards)
        self.paper = Paper(cards[0].population if len(cards) == 1 else several)
        findings = " and ".join(card.finding for card in cards)
        self.paper.set_title(f"Chest radiographs, score for {findings}")
        self.paper.set_creator(f"cxr {VERSION}")
        self.paper.set_creation_date(self.made)
        lists = [self._listed(s.scored, s.refused) if len(s.pages) > 1 else [] for s in sections]
        sheets = [
            [sheets_of(page, s.card, s.point, self.made) for page in s.pages] for s in sections
        ]
        self.paper.pages_in_all = sum(map(len, lists)) + sum(map(sum, sheets)) + len(sections)
        for section, listed, of_film in zip(sections, lists, sheets, strict=True):
            self.card, self.point = section.card, section.point
            first = self.paper.page_no() + len(listed) + 1
            self.numbers = list(accumulate(of_film, initial=first))
            scored = len(section.scored)
            for number, lines in enumerate(listed):
                self._list_sheet(lines, number, scored, len(section.refused))
            for position, page in enumerate(section.pages, start=1):
                rank = f"Rank {position} of {scored}" if position <= scored > 1 else ""
                film_sheet(self.paper, page, self.card, self.point, self.made, rank)
            label_sheet(self.paper, self.card)
        return bytes(self.paper.output())

    def _listed(
        self, scored: Sequence[Page], refused: Sequence[Page]
    ) -> list[list[tuple[float, Page | str, int]]]:
        """Distribute the lines of the list over sheets: height, what is printed, its position."""
        lines: list[tuple[float, Page | str, int]] = [
            (ROW, page, position) for position, page in enumerate(scored, start=1)
        ]
        if refused:
            lines.append((16.0, f"Without a score: {len(refused)}", 0))
        for position, page in enumerate(refused, start=len(scored) + 1):
            reason = self.paper.lines(self._reason(page), REASON[1], 8)
            lines.append((max(ROW, 2.6 + 3.8 * len(reason)), page, position))
        sheets: list[list[tuple[float, Page | str, int]]] = [[]]
        room = BOTTOM - TOP - 34
        for line in lines:
            # A heading needs a film below it.
            if line[0] + (ROW if isinstance(line[1], str) else 0) > room:
                sheets.append([])
                room = BOTTOM - TOP - 16
            sheets[-1].append(line)
            room -= line[0]
        return sheets

    @staticmethod
    def _reason(page: Page) -> str:
        refusal = page.prediction.refusal
        return refusal.reason if refusal else ""

    def _list_sheet(
        self,
        lines: list[tuple[float, Page | str, int]],
        number: int,
        scored: int,
        refused: int,
    ) -> None:
        paper = self.paper
        paper.add_page()
        y = TOP
        if number == 0:
            paper.put(LEFT, y, f"Worklist, score for {self.card.finding}", 15, bold=True)
            about = (
                f"{count(scored + refused)}, {scored} scored, {refused} without a score. "
                f"{self.card.name} {self.card.weights.sha256[:12]}, "
                f"operating point {self.point.name} at {self.point.threshold:.3f}."
            )
            paper.put(LEFT, y + 8, about, 8.5, colour=MUTED)
            paper.put(LEFT, y + 12.5, f"{self.made:%Y-%m-%d %H:%M} UTC", 8.5, colour=MUTED)
            y += 22
        first = lines[0][1]
        if not isinstance(first, str) and first.prediction.score is not None:
            self._head(y)
            y += 8
        for height, what, position in lines:
            if isinstance(what, str):
                paper.put(LEFT, y + 6, what, 10, bold=True)
                paper.rule(y + 13.5, INK)
            else:
                self._row(y, height, what, position)
                paper.rule(y + height, LINE)
            y += height

    def _head(self, y: float) -> None:
        for title, (x, width) in COLUMNS.items():
            right = title in RIGHT_ALIGNED
            self.paper.put(LEFT + x, y, title, 8, width=width, right=right, colour=MUTED)
        self.paper.rule(y + 6, INK)

    def _row(self, y: float, height: float, page: Page, position: int) -> None:
        paper, prediction = self.paper, page.prediction
        at = y + 1.6
        number = self.numbers[position - 1]
        if prediction.score is None:
            left, _ = COLUMNS["Film"]
            paper.mark("refused", LEFT + 5, at + 1.9)
            paper.put(LEFT + left, at, page.label, 8.5, width=REASON[0] - left - 4)
            paper.paragraph(LEFT + REASON[0], at, self._reason(page), 8, REASON[1], step=3.8)
        else:
            # In the order in which they are read, for programs that read the page aloud.
            self._cell("Rank", at, str(position))
            self._cell("Film", at, page.label)
            self._cell("Score", at, f"{prediction.score:.3f}")
            left, width = COLUMNS["Band"]
            paper.mark(prediction.band or "", LEFT + left + 1.6, at + 1.9)
            told = f"{prediction.band}{', overridden' if prediction.overridden else ''}"
            paper.put(LEFT + left + 5, at, told, 8.5, width=width - 5)
            self._cell("Call", at, page.call or "")
        self._cell("Page", at, str(number), ACCENT)
        paper.link(LEFT, y, WIDTH, height, paper.add_link(page=number))

    def _cell(self, title: str, y: float, text: str, colour: Colour = INK) -> None:
        left, width = COLUMNS[title]
        right = title in RIGHT_ALIGNED
        self.paper.put(LEFT + left, y, text, 8.5, width=width, right=right, colour=colour)
