"""A site's file that nothing was calibrated for."""

from __future__ import annotations

from dataclasses import replace

from cxr.scoring.card import Card
from cxr.scoring.operating_points import OperatingPoint
from cxr.scoring.site_file import Platt, SiteBand, SiteFile, SiteFilms, SiteSide, card_hash
from tests.cards import a_card

SITE_POINT = OperatingPoint(
    "sensitivity-95", "A rule.", 0.3, (0.2, 0.4), 90, 0.96, (0.9, 1), 0.7, (0, 1)
)


def a_site(card: Card | None = None, **changes: object) -> SiteFile:
    """Make one for a card, with other values for some fields."""
    card = card or a_card()
    fields = {
        "site": "north",
        "model": card.name,
        "finding": card.finding,
        "weights_sha256": card.weights.sha256,
        "card_sha256": card_hash(card),
        "calibration": Platt(0.5, -1.0),
        "operating_points": (SITE_POINT, replace(SITE_POINT, name="youden", threshold=0.35)),
        "default_operating_point": "sensitivity-95",
        "films": SiteFilms(40, 50, 3, 80, "2026-01-02", "2026-03-04", "ab" * 32),
        "made": "2026-11-27",
        "versions": {"cxr": "0.2.0"},
        "band": SiteBand(0.95, 0.9, 90, SiteSide(0.1, 30, 1), SiteSide(0.8, 20, 1), 40),
        "reference": {"score": (0.1, 0.5, 0.9)},
    }
    return SiteFile(**fields | changes)
