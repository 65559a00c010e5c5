"""The sheet of one film in a PDF, or its sheets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from ..evidence.card_tables import made_with, rates
from ..heatmaps.heatmap import CAPTION
from ..heatmaps.overlay import CUT
from ..scoring.card import Card
from ..scoring.heat_in_lungs import HeatInLungs
from ..scoring.operating_points import LEFT_OUT, SITE_MARK, OperatingPoint
from ..scoring.region import Region
from .item import OVERRIDDEN, VERSION
from .page import Page
from .paper import (
    ACCENT,
    FOOT,
    INK,
    LEFT,
    LINE,
    MUTED,
    WASH,
    WIDTH,
    Paper,
)
from .pictures import colour_bar
from .regions import THERE

__all__ = ["film_sheet", "sheets_of"]

GAP = 4.0
FIELD = ((WIDTH - GAP) / 2, 92.0)
PICTURES, WORDS = 36.0, 131.0
#: Where what is said of a film ends at the latest, above the foot of the sheet.
BOTTOM = FOOT - 3.5
#: Between the lines and the rows of the facts: as it is best, and closer.
SPACINGS = (4.4, 0.8), (3.9, 0.2)
#: Height of a line of the facts.
LINE_HEIGHT = 3.5
BLACK = (0, 0, 0)
#: How rates are written, and what stands for one without films.
RATES = ".1%", "no such films"
AS_READ = "The film as it was read."
NOT_MEASURED = "Not measured: there were no validation films."


def film_sheet(
    paper: Paper, page: Page, card: Card, point: OperatingPoint, made: datetime, rank: str
) -> None:
    """Set one film's page; where much is to be said of it, it goes on on another sheet.

    Parameters
    ----------
    paper : Paper
        Where to.
    page : Page
        What is said of the film.
    card, point : Card or OperatingPoint
        The model and the operating point.
    made : datetime
        When, in UTC.
    rank : str
        The film's place in the list, in words; "" where there is none.
    """
    prediction = page.prediction
    _begin(paper, page, card, made, rank)
    _picture(paper, page.picture, page.size, LEFT, "The film could not be read.", page.regions)
    right = LEFT + FIELD[0] + GAP
    if prediction.score is None:
        _refused(paper, page, right)
        y = WORDS + 9
    else:
        _picture(paper, page.overlay, page.size, right, "No heatmap was made.")
        _read(paper, page)
        if page.overlay:
            _caption(paper, page, right)
        y = _score(paper, page, point, card.finding, _heat(paper, page, right))
        y = _rates(paper, card, point, y)
    _facts(paper, page, card, made, y)


def sheets_of(page: Page, card: Card, point: OperatingPoint, made: datetime) -> int:
    """Return how many sheets `film_sheet` takes: one, unless much is to be said of the film."""
    paper = _Rough(card.population)
    film_sheet(paper, page, card, point, made, "")
    return paper.page_no()


class _Rough(Paper):
    """Paper to measure on: without pictures, and what is drawn on them."""

    def image(  # type: ignore[override, unused-ignore]
        self, *_: object, **__: object
    ) -> None:
        """Leave a picture out."""

    def outline(self, *_: object, **__: object) -> None:
        """Leave an outline out."""


def _begin(paper: Paper, page: Page, card: Card, made: datetime, right: str) -> None:
    """Begin a sheet of a film: what it is of, and a word at the right."""
    paper.add_page()
    paper.put(LEFT, 16, f"Chest radiograph, score for {card.finding}", 8.5, colour=MUTED)
    time = f"{made:%Y-%m-%d %H:%M} UTC"
    paper.put(LEFT + WIDTH - 60, 16, time, 8.5, width=60, right=True, colour=MUTED)
    paper.put(LEFT, 21, page.label, 14, bold=True)
    paper.put(LEFT, 28.5, page.facts, 9, width=WIDTH - 42, colour=MUTED)
    paper.put(LEFT + WIDTH - 40, 28.5, right, 9, width=40, right=True, colour=MUTED)


def _picture(
    paper: Paper,
    picture: bytes | None,
    size: tuple[int, int],
    x: float,
    else_: str,
    regions: Sequence[Region] = (),
) -> None:
    width, height = FIELD
    paper.box(x, PICTURES, width, height, BLACK)
    if picture is None:
        middle = PICTURES + height / 2 - 2
        paper.put(x + 8, middle, else_, 9, width=width - 16, colour=(200, 203, 207))
        return
    scale = min(width / size[0], height / size[1])
    w, h = size[0] * scale, size[1] * scale
    left, top = x + (width - w) / 2, PICTURES + (height - h) / 2
    paper.image(picture, left, top, w, h)
    for region in regions:
        at = left + region.left * w, top + region.top * h
        sides = (region.right - region.left) * w, (region.bottom - region.top) * h
        paper.outline(region.shape, *at, *sides, dashed=region.label not in THERE)


def _read(paper: Paper, page: Page) -> None:
    """Say below the film how it is shown, and what its reader drew on it."""
    told = Counter(region.words for region in page.regions)
    drawn = "; ".join(f"{words} ({n})" if n > 1 else words for words, n in told.items())
    words = f"The film as it was read. Outlined by its reader: {drawn}." if drawn else AS_READ
    first, *others = paper.lines(words, FIELD[0], 8)
    # There is room for two lines; of what is longer the middle is left out, as everywhere.
    for k, line in enumerate([first, " ".join(others)] if others else [first]):
        paper.put(LEFT, WORDS + 4.2 * k, line, 8, width=FIELD[0] + 0.1, colour=MUTED)


def _refused(paper: Paper, page: Page, x: float) -> None:
    refusal = page.prediction.refusal
    paper.mark("refused", x + 3, PICTURES + 4, 1.8)
    paper.put(x + 8, PICTURES + 1, "No score", 14, bold=True)
    reason = refusal.reason if refusal else ""
    paper.paragraph(x + 2, PICTURES + 12, reason, 10, FIELD[0] - 2, step=5)
    if page.picture:
        _read(paper, page)


def _caption(paper: Paper, page: Page, x: float) -> None:
    paper.put(x, WORDS, CAPTION, 8, width=FIELD[0], colour=MUTED)
    y = WORDS + 5.2
    if not page.raised:
        paper.put(x, y, "The map marks no region.", 8, width=FIELD[0], colour=MUTED)
        return
    start = x + paper.put(x, y, f"{CUT:g}", 7.5, width=10, colour=MUTED) + 1.5
    paper.image(colour_bar(256, 8), start, y + 0.3, 60, 2.2)
    paper.put(start + 61.5, y, "1", 7.5, width=5, colour=MUTED)


def _heat(paper: Paper, page: Page, x: float) -> float:
    """Set below the map what is to be said of where its heat lies; return the next line."""
    heat = page.prediction.heat_in_lungs
    if not (page.overlay and heat and heat.warns):
        return WORDS + 11
    return paper.paragraph(x, WORDS + 9.8, heat.sentence, 8.5, FIELD[0], step=4.2) + 1


def _score(paper: Paper, page: Page, point: OperatingPoint, finding: str, y: float) -> float:
    prediction = page.prediction
    score = prediction.score or 0.0
    wide = paper.put(LEFT, y, f"{score:.3f}", 24, bold=True)
    paper.mark(prediction.band or "", LEFT + wide + 7, y + 6.2, 1.9)
    words = f"{prediction.band} the operating point for {finding}"
    paper.put(LEFT + wide + 12, y + 3.8, words, 12, bold=True)
    y += 11
    if prediction.overridden and prediction.refusal:
        told = f"{OVERRIDDEN} {prediction.refusal.reason}"
        y = paper.paragraph(LEFT, y, told, 8.5, WIDTH, step=4.2) + 0.5
    bar = y + 4
    paper.box(LEFT, bar - 1.1, WIDTH, 2.2, LINE)
    low, high = point.near
    paper.box(LEFT + low * WIDTH, bar - 2.4, max(0.3, (high - low) * WIDTH), 4.8, WASH)
    at = LEFT + prediction.threshold * WIDTH
    paper.box(at - 0.3, bar - 3.6, 0.6, 7.2, ACCENT)
    paper.mark("near", LEFT + score * WIDTH, bar, 2.2)
    words = f"operating point {prediction.threshold:.3f}"
    if prediction.threshold < 0.5:
        paper.put(at + 1, bar + 3.6, words, 8, width=40, colour=ACCENT)
    else:
        paper.put(at - 41, bar + 3.6, words, 8, width=40, right=True, colour=ACCENT)
    for x, end, right in ((LEFT, "0", False), (LEFT + WIDTH - 5, "1", True)):
        crowded = abs(prediction.threshold - float(end)) < 0.03
        if not crowded:
            paper.put(x, bar + 3.6, end, 8, width=5, right=right, colour=MUTED)
    return bar + 10.5


def _rates(paper: Paper, card: Card, point: OperatingPoint, y: float) -> float:
    wide = paper.put(LEFT, y, f"Operating point {point.name}", 9, bold=True)
    rest = WIDTH - wide - 3
    lines = paper.lines(point.rule, rest, 8.5)
    for line in lines:
        paper.put(LEFT + wide + 3, y + 0.1, line, 8.5, width=rest + 0.1, colour=MUTED)
        y += 4.2
    y += 1.8
    if not point.n:
        paper.put(LEFT, y, NOT_MEASURED, 8.5)
        return y + 7
    columns = ((0.0, 30.0), (32.0, 20.0), (60.0, 54.0), (118.0, 54.0))
    heads = ("Measured on", "films", "sensitivity (95 % interval)", "specificity (95 % interval)")
    where = "the site" if SITE_MARK in point.name else "validation"
    where = "left out" if point.name == LEFT_OUT else where
    rows = [heads, (where, str(point.n), *rates(point, *RATES))]
    test = card.evaluation.get("test")
    if test and test.operating_point == point.name:
        rows.append(("test", str(test.n), *rates(test, *RATES)))
    elif test:
        rows.append(("test", "", "not measured at this operating point", ""))
    for k, row in enumerate(rows):
        for (x, width), text in zip(columns, row, strict=True):
            colour = INK if k else MUTED
            paper.put(LEFT + x, y, text, 8.5, width=width, right=x == 32, colour=colour)
        paper.rule(y + 5, LINE if k else INK)
        y += 6
    return y + 2


def _lungs(heat: HeatInLungs) -> str:
    return f"{heat.words}. {heat.zones}" if heat.share else f"not measured. {heat.sentence}"


def _facts(paper: Paper, page: Page, card: Card, made: datetime, y: float) -> None:
    weights = card.weights.sha256
    training = card.training
    built = made_with(card)
    epoch = f"epoch {training.kept_epoch}; " if training.kept_epoch else ""
    heat = page.prediction.heat_in_lungs
    rows = [
        ("Reader's call", page.call or "none given"),
        ("Model", f"{card.name}, {weights[:12]}"),
        ("Weights, sha256", weights),
        ("Trained", f"{epoch}{built}" if built or epoch else "not known"),
        (
            "Heatmap",
            f"{page.method}, transparent below {CUT:g}. {page.sign}" if page.overlay else "none",
        ),
        *([("In the lungs", _lungs(heat))] if heat and page.overlay else []),
        ("Film, sha256", page.sha256 or "not read"),
        *([("Note", page.notes)] if page.notes else []),
        *([("Other findings", page.others)] if page.others else []),
        ("Made", f"{made:%Y-%m-%d %H:%M:%S} UTC by cxr {VERSION}"),
    ]
    lines = [len(paper.lines(text, WIDTH - 32, 8.5)) for _, text in rows]
    # Where there is not room enough for all, they stand closer; and else go on on another sheet.
    step, gap = next(
        (close for close in SPACINGS if y + _height(lines, *close) <= BOTTOM), SPACINGS[0]
    )
    for (name, text), count in zip(rows, lines, strict=True):
        if y + _height([count], step, gap) > BOTTOM:
            _begin(paper, page, card, made, "continued")
            y = PICTURES
        paper.put(LEFT, y, name, 8.5, width=30, colour=MUTED)
        y = paper.paragraph(LEFT + 32, y, text, 8.5, WIDTH - 32, step=step) + gap


def _height(lines: Sequence[int], step: float, gap: float) -> float:
    """Return how much room rows of so many lines each take, up to the end of the last line."""
    return (sum(lines) - 1) * step + (len(lines) - 1) * gap + LINE_HEIGHT
