"""White paper with a foot on every page, and the few marks that the sheets are drawn with."""

from __future__ import annotations

from fpdf import FPDF

from ..scoring.population import intended_use
from .latin import ENCODING, latin, shortened

__all__ = [
    "ACCENT",
    "FOOT",
    "INK",
    "LEFT",
    "LINE",
    "MUTED",
    "WASH",
    "WIDTH",
    "Colour",
    "Paper",
]

Colour = tuple[int, int, int]
# The light theme of the pages.
INK: Colour = (30, 34, 39)
MUTED: Colour = (89, 96, 106)
LINE: Colour = (221, 224, 228)
ACCENT: Colour = (23, 128, 141)
WASH: Colour = (218, 236, 238)
BLACK: Colour = (0, 0, 0)
#: Of what a reader drew, as on the screen.
VIOLET: Colour = (204, 85, 255)
LEFT = 18.0
WIDTH = 174.0
FOOT = 281.0
#: A point in mm.
POINT = 25.4 / 72


class Paper(FPDF):  # type: ignore[misc, unused-ignore]
    """A4, upright, in mm from the upper left corner; type sizes in points.

    Parameters
    ----------
    population : str
        Printed in the intended use at the foot of every page.
    """

    def __init__(self, population: str) -> None:
        super().__init__(orientation="portrait", unit="mm", format="A4")
        self.core_fonts_encoding = ENCODING
        self.set_auto_page_break(False)
        self.set_margin(0)
        self.c_margin = 0.0
        self.set_lang("en")
        self.use = intended_use(population)
        self.pages_in_all = 1

    def footer(self) -> None:
        """Write the intended use and the page's number; called by fpdf at the end of each page."""
        self.rule(FOOT - 2.5, LINE)
        self.paragraph(LEFT, FOOT, self.use, 7.5, WIDTH - 30, step=3.4, colour=MUTED)
        number = f"{self.page_no()} of {self.pages_in_all}"
        self.put(LEFT + WIDTH - 25, FOOT, number, 7.5, width=25, right=True, colour=MUTED)

    def _type(self, size: float, bold: bool, colour: Colour) -> None:
        # Of the standard fonts, this one sets figures at one width.
        self.set_font("Helvetica", "B" if bold else "", size)
        self.set_text_color(*colour)

    def put(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        *,
        width: float | None = None,
        bold: bool = False,
        right: bool = False,
        colour: Colour = INK,
    ) -> float:
        """Write one line, its middle left out where it is too long; return its width.

        Parameters
        ----------
        x, y : float
            Upper left corner.
        text : str
            Written in the letters of `latin`.
        size : float
            Of the type, points.
        width : float, optional
            Room for it; up to the right margin if none is given.
        bold, right, colour : bool or Colour
            Weight, alignment to the right end of the room, color.
        """
        self._type(size, bold, colour)
        room = LEFT + WIDTH - x if width is None else width
        line = shortened(latin(text), room, self.get_string_width)
        self.set_xy(x, y)
        self.cell(room, size * POINT * 1.15, line, align="R" if right else "L")
        return float(self.get_string_width(line))

    def lines(self, text: str, width: float, size: float) -> list[str]:
        """Break a text into lines of at most `width`."""
        self._type(size, False, INK)
        rows = [""]
        for word in latin(text).split():
            longer = f"{rows[-1]} {word}".strip()
            if self.get_string_width(longer) <= width or not rows[-1]:
                rows[-1] = longer
            else:
                rows.append(word)
        return [shortened(row, width, self.get_string_width) for row in rows]

    def paragraph(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        width: float,
        *,
        step: float,
        colour: Colour = INK,
    ) -> float:
        """Write a text in as many lines as it needs, `step` apart; return where it ends."""
        for line in self.lines(text, width, size):
            self.put(x, y, line, size, width=width + 0.1, colour=colour)
            y += step
        return y

    def rule(self, y: float, colour: Colour) -> None:
        """Draw a thin line across the page."""
        self.set_draw_color(*colour)
        self.set_line_width(0.2)
        self.line(LEFT, y, LEFT + WIDTH, y)

    def box(self, x: float, y: float, width: float, height: float, colour: Colour) -> None:
        """Fill a rectangle."""
        self.set_fill_color(*colour)
        self.rect(x, y, width, height, style="F")

    def outline(
        self, shape: str, x: float, y: float, width: float, height: float, *, dashed: bool
    ) -> None:
        """Draw a box or an ellipse over a picture: a line in violet with a dark edge."""
        draw = self.ellipse if shape == "ellipse" else self.rect
        for colour, line in ((BLACK, 0.9), (VIOLET, 0.45)):
            self.set_draw_color(*colour)
            self.set_line_width(line)
            if dashed and colour is VIOLET:
                self.set_dash_pattern(dash=1.6, gap=1.0)
            draw(x, y, width, height, style="D")
        self.set_dash_pattern()

    def mark(self, band: str, x: float, y: float, size: float = 1.3) -> None:
        """Draw a band's sign, which the fonts lack, around a point: no band goes by color alone.

        ``above`` a full triangle, ``near`` a full diamond, ``below`` an open triangle that points
        down, anything else a cross.
        """
        self.set_fill_color(*INK)
        self.set_draw_color(*INK)
        self.set_line_width(0.25)
        s = size
        shapes = {
            "above": ([(x - s, y + s * 0.8), (x + s, y + s * 0.8), (x, y - s)], "F"),
            "near": ([(x - s, y), (x, y - s), (x + s, y), (x, y + s)], "F"),
            "below": ([(x - s, y - s * 0.8), (x + s, y - s * 0.8), (x, y + s)], "D"),
        }
        if band in shapes:
            points, style = shapes[band]
            self.polygon(points, style=style)
            return
        s *= 0.75
        self.line(x - s, y - s, x + s, y + s)
        self.line(x - s, y + s, x + s, y - s)
