"""The sheets of a site's report. Loaded when a PDF is made."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from ..scoring.card import Card
from ..site.proof import Measured, Proof
from ..site.report import SiteReport
from ..stats.band import Side
from ..stats.waiting import LUNG_IMPACT
from ..stats.wording import count, interval, number, percent, with_interval
from .item import VERSION
from .paper import LEFT, LINE, MUTED, WIDTH, Paper

__all__ = ["SiteSheets"]

TOP, BOTTOM = 16.0, 272.0
#: Rows of subgroups at most: what a page or two can hold.
MOST_GROUPS = 60


class SiteSheets:
    """Sets a report, line by line, on as many pages as it takes.

    Parameters
    ----------
    report : SiteReport
    pages : int
        How many it takes, to be written on each.
    """

    def __init__(self, report: SiteReport, pages: int) -> None:
        self.report = report
        population = report.card.population if report.card else "as the tool's maker says"
        self.paper = Paper(population)
        self.paper.pages_in_all = pages
        self.paper.set_title(f"Validation on a site's own films: {report.name}")
        self.paper.set_creator(f"cxr {VERSION}")
        self.paper.set_creation_date(report.made)
        self.y = BOTTOM

    def set(self) -> Paper:
        """Set all parts; return the pages."""
        self._page()
        for part in _PARTS:
            part(self, self.report)
        return self.paper

    def _page(self) -> None:
        self.paper.add_page()
        made = f"{self.report.made:%Y-%m-%d %H:%M} UTC"
        self.paper.put(LEFT, TOP, "Validation on a site's own films", 8.5, colour=MUTED)
        self.paper.put(LEFT + WIDTH - 60, TOP, made, 8.5, width=60, right=True, colour=MUTED)
        self.y = TOP + 7

    def room(self, height: float) -> None:
        """Go on with the next page where there is not so much room left."""
        if self.y + height > BOTTOM:
            self._page()

    def title(self, text: str) -> None:
        """Write the title."""
        self.paper.put(LEFT, self.y, text, 16, bold=True)
        self.y += 9

    def head(self, text: str) -> None:
        """Write the heading of a part, with what follows it on one page."""
        self.room(22)
        self.y += 3
        self.paper.put(LEFT, self.y, text, 11, bold=True)
        self.y += 5.5
        self.paper.rule(self.y, LINE)
        self.y += 2

    def say(self, text: str, *, muted: bool = False) -> None:
        """Write a paragraph."""
        for line in self.paper.lines(text, WIDTH, 9):
            self.room(5)
            self.paper.put(LEFT, self.y, line, 9, colour=MUTED if muted else (30, 34, 39))
            self.y += 4.4
        self.y += 1

    def facts(self, rows: Sequence[tuple[str, str]]) -> None:
        """Write names with their values."""
        for name, value in rows:
            lines = self.paper.lines(value, WIDTH - 52, 9)
            self.room(4.6 * len(lines))
            self.paper.put(LEFT, self.y, name, 9, width=50, colour=MUTED)
            for line in lines:
                self.paper.put(LEFT + 52, self.y, line, 9)
                self.y += 4.6
        self.y += 1

    def table(self, names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Write a table, its first column the widest."""
        first = 58.0
        step = (WIDTH - first) / max(len(names) - 1, 1)

        def line(cells: Sequence[str], *, bold: bool) -> None:
            self.room(5)
            for place, cell in enumerate(cells):
                x = LEFT if place == 0 else LEFT + first + (place - 1) * step
                width = first - 2 if place == 0 else step - 1.5
                self.paper.put(x, self.y, cell, 8.5, width=width, right=place > 0, bold=bold)
            self.y += 4.8

        line(names, bold=True)
        for row in rows:
            line(row, bold=False)
        self.y += 1


def _summary(sheets: SiteSheets, report: SiteReport) -> None:
    proof = report.proof
    what = f"{report.name}, {report.finding}" if report.finding else report.name
    sheets.title(what)
    sheets.facts(
        [
            ("Films", _films(proof)),
            ("AUC", with_interval(proof.auc, proof.auc_ci)),
            ("Threshold", f"{proof.threshold:.3f}"),
            ("Sensitivity there", _rate(proof.sensitivity)),
            ("Specificity there", _rate(proof.specificity)),
            *_own(report.card),
        ]
    )
    counts = proof.counts
    sheets.table(
        ("", "below the threshold", "at the threshold or above"),
        [
            ("Negative films", f"{counts.tn:,}", f"{counts.fp:,}"),
            ("Positive films", f"{counts.fn:,}", f"{counts.tp:,}"),
        ],
    )
    sheets.say("Intervals are of 95 %.", muted=True)
    for note in (*report.notes, *report.remarks):
        sheets.say(note)
    for reason, films in report.refusals.items():
        sheets.say(f"{count(films)} without a score: {reason}", muted=True)


def _films(proof: Proof) -> str:
    counts = proof.counts
    refused = f", {count(proof.refused)} with a label refused" if proof.refused else ""
    return (
        f"{proof.films:,} with a score and a label: {counts.tp + counts.fn:,} positive, "
        f"{counts.tn + counts.fp:,} negative{refused}"
    )


def _rate(rate: Measured) -> str:
    return f"{percent(rate.value)} ({interval(rate.interval, '.1%')}), {rate.part} of {rate.whole}"


def _own(card: Card | None) -> list[tuple[str, str]]:
    """Return the card's figures on its own test films, to be seen next to the site's."""
    split = card and (card.evaluation.get("test") or card.evaluation.get("validation"))
    if not split:
        return []
    return [
        (
            f"On its own {split.split} films",
            f"AUC {with_interval(split.auc, split.auc_ci)}, sensitivity "
            f"{percent(split.sensitivity)}, specificity {percent(split.specificity)} at "
            f"{split.threshold:.3f}, n = {split.n:,}",
        )
    ]


def _difference(sheets: SiteSheets, report: SiteReport) -> None:
    if not report.difference:
        return
    sheets.head("Do these films differ from what the model knows?")
    for sentence in report.difference.sentences:
        sheets.say(sentence)


def _groups(sheets: SiteSheets, report: SiteReport) -> None:
    if report.groups.empty:
        return
    sheets.head("By group")
    sheets.say(f"At {_first_threshold(report)}.", muted=True)
    sheets.table(
        ("Group", "films", "sensitivity", "specificity", "AUC"),
        [
            (
                f"{row['by']}: {row['group']}",
                f"{row['n']:,}",
                _shown(row, "sensitivity"),
                _shown(row, "specificity"),
                number(row["auc"], missing="too few"),
            )
            for row in report.groups.head(MOST_GROUPS).to_dict("records")
        ],
    )


def _first_threshold(report: SiteReport) -> str:
    """Name the threshold of the figures, which need not be the one that is chosen for the site."""
    return f"{report.proof.threshold:.3f}, the threshold of the figures on the first page"


def _shown(row: dict[Any, Any], rate: str) -> str:
    if math.isnan(row[rate]):
        return "too few"
    return with_interval(row[rate], (row[f"{rate}_low"], row[f"{rate}_high"]), ".0%")


def _threshold(sheets: SiteSheets, report: SiteReport) -> None:
    if report.point:
        point = report.point
        sheets.head("Threshold for this site")
        sheets.say(point.rule)
        sensitivity = with_interval(point.sensitivity, point.sensitivity_ci, ".1%")
        specificity = with_interval(point.specificity, point.specificity_ci, ".1%")
        sheets.facts(
            [
                ("Threshold", f"{point.threshold:.3f} on the score as calibrated here"),
                ("Sensitivity, specificity", f"{sensitivity}, {specificity}"),
            ]
        )
    if not (report.programme and report.counted):
        return
    programme = report.programme
    sheets.head("Of 1,000 people")
    sheets.say(
        f"At a prevalence of {percent(programme.prevalence)}, a film at {programme.film_cost:g} "
        f"and a confirmatory test at {programme.confirm_cost:g}. The confirmatory test is taken to "
        "be right."
    )
    names = list(report.counted)
    rows: list[tuple[str, Callable[[float], str], str]] = [
        ("Sent on", _tenths, "sent_on"),
        ("Found", _tenths, "found"),
        ("Missed", _tenths, "missed"),
        ("Needless tests", _tenths, "needless"),
        ("NPV", percent, "npv"),
        ("PPV", percent, "ppv"),
        ("Cost", _money, "cost"),
        ("Cost of a case found", _money, "cost_per_case"),
    ]
    sheets.table(
        ("", *names),
        [
            (title, *(write(getattr(report.counted[name], what)) for name in names))
            for title, write, what in rows
        ],
    )


def _tenths(value: float) -> str:
    return f"{value:,.1f}"


def _money(value: float) -> str:
    return f"{value:,.2f}" if math.isfinite(value) else "none found"


def _band(sheets: SiteSheets, report: SiteReport) -> None:
    if not report.band:
        return
    band = report.band
    sheets.head("A band in between")
    sheets.say(band.sentence)
    sheets.facts(
        [
            (name, _side(side))
            for name, side in (("Ruled out", band.below), ("Ruled in", band.above))
        ]
    )
    sheets.say(
        "It holds for films like these: the same site, the same kind of patients, the same share "
        "of positives. Learn then Test (Angelopoulos et al., Ann Appl Stat 2025).",
        muted=True,
    )


def _side(side: Side | None) -> str:
    if side is None:
        return "nothing can be promised"
    whose = (
        f"; {side.patients_wrong} of {count(side.patients, 'patient')} have one that is"
        if side.patients < side.films
        else ""
    )
    return (
        f"at {side.threshold:.3f}: {count(side.films)}, {side.wrong} of them of the other class "
        f"({percent(side.right)} right, {interval(side.right_ci, '.1%')}){whose}"
    )


def _waiting(sheets: SiteSheets, report: SiteReport) -> None:
    if not (report.waiting and report.queue):
        return
    queue, waits = report.queue, report.waiting
    sheets.head("What ranking buys")
    sheets.say(
        f"{queue.arrivals:g} films an hour, {queue.minutes:g} minutes each, "
        f"{count(queue.readers, 'reader')}: busy {percent(waits.load, 0)} of the time, "
        f"{percent(waits.flagged_share)} of films flagged, those at or above "
        f"{_first_threshold(report)}."
    )
    never = "without end"
    sheets.facts(
        [
            ("In order of arrival", f"{number(waits.arrival_order, '.1f', missing=never)} min"),
            (
                "Flagged first",
                f"positive films {number(waits.positives, '.1f', missing=never)} min, negative "
                f"films {number(waits.negatives, '.1f', missing=never)} min",
            ),
        ]
    )
    sheets.say(LUNG_IMPACT, muted=True)


def _readers(sheets: SiteSheets, report: SiteReport) -> None:
    if not report.readers:
        return
    readers = report.readers
    sheets.head("Two readers")
    sheets.say(
        f"{readers.agreed:,} of {count(readers.films)} called alike, {readers.kappa.text}; "
        f"{count(len(readers.adjudicate))} to adjudicate."
    )


def _origin(sheets: SiteSheets, report: SiteReport) -> None:
    sheets.head("What this stands on")
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    weights = report.card.weights.sha256 if report.card else "not known: scores of another tool"
    sheets.facts(
        [
            ("Model's weights, SHA-256", weights),
            ("Films and labels, SHA-256", report.data_sha256),
            ("Versions", versions),
        ]
    )


_PARTS: tuple[Callable[[SiteSheets, SiteReport], None], ...] = (
    _summary,
    _difference,
    _groups,
    _threshold,
    _band,
    _waiting,
    _readers,
    _origin,
)
