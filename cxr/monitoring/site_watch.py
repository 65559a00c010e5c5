"""Whether films still are like those that a site's file was made on.

A site's threshold and band hold for films that are exchangeable with the site's own. That cannot be
proved, but it can be seen to fail: where another share of films lies above the operating point, or
scores or gray values move.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from ..scoring.bundle import Bundle
from ..scoring.operating_points import SITE_MARK, OperatingPoint
from ..scoring.site_file import SiteFile
from ..stats.intervals import wilson
from .drift import FEWEST, Drift, drifts
from .measures import FEW

__all__ = ["SiteWatch", "of_site", "shares_by_week", "watch"]


@dataclass(frozen=True)
class SiteWatch:
    """Logged films against those of a site's file.

    Attributes
    ----------
    point : OperatingPoint
        The site's default.
    n, above : int
        Films that were scored at the site's points, and those at or above the threshold.
    share, expected : float
        Share above among the logged films (NaN without any) and among the site's own.
    share_ci, expected_ci : tuple of float
        Their 95 % intervals (Wilson).
    difference_ci : tuple of float
        Of the difference of the shares, logged less expected (Newcombe).
    drifts : tuple of Drift
        Of scores and gray values against the site's own films.
    """

    point: OperatingPoint
    n: int
    above: int
    share: float
    share_ci: tuple[float, float]
    expected: float
    expected_ci: tuple[float, float]
    difference_ci: tuple[float, float]
    drifts: tuple[Drift, ...]

    @property
    def enough(self) -> bool:
        """Whether there are enough films to say anything."""
        return self.n >= FEWEST

    @property
    def share_moved(self) -> bool:
        """Whether another share of films lies above the point than among the site's own."""
        low, high = self.difference_ci
        return self.enough and not low <= 0 <= high

    @property
    def moved(self) -> tuple[str, ...]:
        """What has moved: "share above", and names of quantities with drift that counts."""
        share = ("share above",) if self.share_moved else ()
        return (*share, *(drift.name for drift in self.drifts if drift.moved))

    @property
    def premise_fails(self) -> bool:
        """Whether the premise of the site's threshold and band is seen to fail."""
        return bool(self.moved)


def of_site(table: pd.DataFrame, site: SiteFile) -> pd.DataFrame:
    """Return the events of films that were scored at a site's operating points, by its own file."""
    points = table["operating_point"].astype(str)
    return table[points.str.endswith(SITE_MARK + site.label)]


def watch(table: pd.DataFrame, site: SiteFile, bundle: Bundle) -> SiteWatch:
    """Compare the films in the log with those of a site's file.

    Parameters
    ----------
    table : pandas.DataFrame
        Events of the model's weights.
    site : SiteFile
    bundle : Bundle
        The model.

    References
    ----------
    Newcombe, Interval estimation for the difference between independent proportions, Statistics in
    Medicine 17:873, 1998 (method 10).
    """
    point = site.point()
    scores = _scored(table, site)["score"]
    n, above = len(scores), int((scores >= point.threshold).sum())
    films = site.films
    hits = round((point.sensitivity or 0) * films.positives)
    hits += round((1 - (point.specificity or 0)) * films.negatives)
    expected, share = hits / films.n if films.n else math.nan, above / n if n else math.nan
    low, high = wilson(above, n)
    first, last = wilson(hits, films.n)
    difference = (-1.0, 1.0)
    if n and films.n:
        gap = share - expected
        difference = (
            gap - math.hypot(share - low, last - expected),
            gap + math.hypot(high - share, expected - first),
        )
    return SiteWatch(
        point=point,
        n=n,
        above=above,
        share=share,
        share_ci=(low, high),
        expected=expected,
        expected_ci=(first, last),
        difference_ci=difference,
        drifts=tuple(drifts(of_site(table, site), bundle, site)),
    )


def shares_by_week(table: pd.DataFrame, site: SiteFile) -> pd.DataFrame:
    """Measure the share of films above a site's default operating point, week by week.

    Returns
    -------
    pandas.DataFrame
        week (its Monday, UTC without a zone), n, above, share, low, high (Wilson, 95 %), note
        (``few`` under 20 films). A week without a film has no row.
    """
    rows = _scored(table, site)
    threshold = site.point().threshold
    day = rows["time"].dt.tz_convert(None).dt.normalize()
    weeks = []
    for monday, group in rows.groupby(day - pd.to_timedelta(day.dt.day_of_week, unit="D")):
        n, above = len(group), int((group["score"] >= threshold).sum())
        weeks.append((monday, n, above, above / n, *wilson(above, n), "few" if n < FEW else ""))
    return pd.DataFrame(weeks, columns=["week", "n", "above", "share", "low", "high", "note"])


def _scored(table: pd.DataFrame, site: SiteFile) -> pd.DataFrame:
    """Return each film that was scored at the site's points once, as it was scored last."""
    rows = of_site(table, site)
    rows = rows[(rows["event"] == "scored") & rows["score"].notna()]
    return rows.drop_duplicates(["film_sha256", "model_sha256"], keep="last")
