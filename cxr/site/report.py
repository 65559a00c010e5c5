"""Everything that a site has proven, gathered for a report: plain data with hashes and versions."""

from __future__ import annotations

import math
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from .. import __version__
from ..scoring.card import Card
from ..scoring.operating_points import OperatingPoint
from ..scoring.population import intended_use
from ..stats.band import Band
from ..stats.waiting import LUNG_IMPACT, Queue, Waiting
from .agreement import ReaderAgreement
from .costs import PerThousand, Programme
from .difference import Difference
from .proof import Proof

__all__ = ["SiteReport", "report_of"]

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class SiteReport:
    """What a report says.

    Attributes
    ----------
    card : Card or None
        Of the model; None where scores of another tool were proven.
    name : str
        What scored the films.
    proof : Proof
    refusals : mapping of str to int
        Films without a score, by the reason in words.
    remarks : tuple of str
        On how films and truth were matched.
    data_sha256 : str
        Hash of the films and their labels.
    groups : pandas.DataFrame
        See `cxr.site.subgroups.subgroups`.
    difference : Difference or None
    point : OperatingPoint or None
        Chosen on the site's films; on the site's calibrated score.
    programme : Programme or None
    counted : mapping of str to PerThousand
        Of 1,000 people, by the name of the threshold.
    band : Band or None
    queue : Queue or None
    waiting : Waiting or None
    readers : ReaderAgreement or None
    notes : tuple of str
        What else is to be said.
    made : datetime
    """

    card: Card | None
    name: str
    proof: Proof
    data_sha256: str
    refusals: Mapping[str, int] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    groups: pd.DataFrame = field(default_factory=pd.DataFrame)
    difference: Difference | None = None
    point: OperatingPoint | None = None
    programme: Programme | None = None
    counted: Mapping[str, PerThousand] = field(default_factory=dict)
    band: Band | None = None
    queue: Queue | None = None
    waiting: Waiting | None = None
    readers: ReaderAgreement | None = None
    notes: tuple[str, ...] = ()
    made: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def finding(self) -> str:
        """What films are positive for; "" where it is not known."""
        return self.card.finding if self.card else ""

    @property
    def versions(self) -> dict[str, str]:
        """Of what made the report."""
        return {"cxr": __version__, "python": platform.python_version(), "numpy": np.__version__}


def report_of(report: SiteReport) -> dict[str, Any]:
    """Return a report as plain data for JSON: numbers that do not exist are None.

    It holds counts and figures alone: no name of a film, of a patient or of a file.
    """
    proof, card = report.proof, report.card
    told: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "kind": "site-report",
        "intended_use": intended_use(card.population if card else None),
        "made": report.made.isoformat(timespec="seconds"),
        "versions": report.versions,
        "model": {
            "name": report.name,
            "sha256": card.weights.sha256 if card else None,
            "finding": report.finding or None,
        },
        "data": {
            "sha256": report.data_sha256,
            "films": proof.films,
            "positives": proof.counts.tp + proof.counts.fn,
            "negatives": proof.counts.tn + proof.counts.fp,
            "refused": proof.refused,
            "refusals": dict(report.refusals),
            "remarks": list(report.remarks),
        },
        "result": {
            "auc": proof.auc,
            "auc_ci": proof.auc_ci,
            "threshold": proof.threshold,
            "confusion_matrix": proof.counts.matrix,
            "sensitivity": proof.sensitivity.value,
            "sensitivity_ci": proof.sensitivity.interval,
            "specificity": proof.specificity.value,
            "specificity_ci": proof.specificity.interval,
        },
        "subgroups": report.groups.to_dict("records"),
        "difference": report.difference
        and asdict(report.difference) | {"sentences": report.difference.sentences},
        "site_point": report.point and report.point.to_json(),
        "programme": report.programme and asdict(report.programme),
        "per_1000": {name: asdict(counted) for name, counted in report.counted.items()},
        "band": report.band
        and asdict(report.band) | {"width": report.band.width, "premise": "exchangeable films"},
        "queue": report.queue and asdict(report.queue),
        "waiting_minutes": report.waiting
        and asdict(report.waiting) | {"threshold": proof.threshold, "note": LUNG_IMPACT},
        "readers": report.readers and _readers(report.readers),
        "notes": list(report.notes),
    }
    plain: dict[str, Any] = _plain(told)
    return plain


def _readers(readers: ReaderAgreement) -> dict[str, Any]:
    return {
        "films": readers.films,
        "agreed": readers.agreed,
        "kappa": readers.kappa.value,
        "kappa_ci": readers.kappa.interval,
        "only_one": readers.only_one,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
