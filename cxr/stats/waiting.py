"""Waiting times of films that queue for readers, in order of arrival and with some read first."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["LUNG_IMPACT", "Queue", "Waiting", "waiting"]

#: What is known of patients, not of queues: shown wherever a gain in waiting time is.
LUNG_IMPACT = (
    "A shorter wait for the report need not reach the patient: in the largest trial so far "
    "(LungIMPACT, 93,326 films of five NHS trusts) reading flagged films first had no effect on "
    "the time to CT, 53 days in both groups (Woznitza et al., Nat Med 2026, "
    "doi 10.1038/s41591-026-04253-5)."
)


@dataclass(frozen=True)
class Queue:
    """Films that come in at random and the readers who read them.

    Attributes
    ----------
    arrivals : float
        Films an hour on average, above 0.
    minutes : float
        That a reader takes for a film on average, above 0.
    readers : int
        Who read at the same time, at least 1.
    """

    arrivals: float
    minutes: float
    readers: int

    def __post_init__(self) -> None:
        for name, value in (("arrivals", self.arrivals), ("minutes", self.minutes)):
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"Expected {name} above 0. Received: {value}")
        if self.readers < 1:
            raise ValueError(f"Expected at least 1 reader. Received: {self.readers}")

    @property
    def load(self) -> float:
        """Share of their time that readers are busy; from 1 on the queue grows without end."""
        return self.arrivals * self.minutes / 60 / self.readers

    @property
    def delayed(self) -> float:
        """Share of films that find all readers busy (Erlang C), in [0, 1]."""
        if self.load >= 1:
            return 1.0
        offered = self.load * self.readers
        # Erlang B by its recursion, which neither factorials nor powers can overflow.
        blocked = 1.0
        for readers in range(1, self.readers + 1):
            blocked = offered * blocked / (readers + offered * blocked)
        return blocked / (1 - self.load * (1 - blocked))


@dataclass(frozen=True)
class Waiting:
    """Mean waiting times until reading begins, in minutes; None where the queue never empties.

    Attributes
    ----------
    load : float
        Share of their time that readers are busy.
    flagged_share : float
        Share of films that are at or above the threshold.
    arrival_order : float or None
        Of any film, read in order of arrival.
    flagged, others : float or None
        Of films at or above the threshold and of those below it, if the former are read first.
    positives, negatives : float or None
        Of films with and without the finding, if flagged films are read first.
    """

    load: float
    flagged_share: float
    arrival_order: float | None
    flagged: float | None
    others: float | None
    positives: float | None
    negatives: float | None


def waiting(queue: Queue, prevalence: float, sensitivity: float, specificity: float) -> Waiting:
    """Compare waiting in order of arrival with flagged films first; no reading is interrupted.

    Arrivals are random at a steady rate and reading times vary exponentially about one mean,
    whatever the film: a queue M/M/c with two non-preemptive priorities.

    Parameters
    ----------
    queue : Queue
        Films and readers.
    prevalence : float
        Share of films with the finding, in [0, 1].
    sensitivity, specificity : float
        At the threshold that flags a film, in [0, 1].

    Returns
    -------
    Waiting
        Where readers cannot keep up with all films, they may still with the flagged ones.

    Raises
    ------
    ValueError
        If a share is outside its range.

    References
    ----------
    Cobham, Priority assignment in waiting line problems, Oper Res 2:70, 1954. Kella and Yechiali,
    Waiting times in the non-preemptive priority M/M/c queue, Stoch Models 1:257, 1985.
    """
    shares = {"prevalence": prevalence, "sensitivity": sensitivity, "specificity": specificity}
    for name, value in shares.items():
        if not 0 <= value <= 1:
            raise ValueError(f"Expected {name} between 0 and 1. Received: {value}")
    flagged = prevalence * sensitivity + (1 - prevalence) * (1 - specificity)
    # How long until one of the busy readers is free, times how often all are busy.
    until_free = queue.delayed * queue.minutes / queue.readers
    first_load = queue.load * flagged
    keeps_up = queue.load < 1
    first = until_free / (1 - first_load) if first_load < 1 else None
    others = first / (1 - queue.load) if keeps_up and first is not None else None
    return Waiting(
        load=queue.load,
        flagged_share=flagged,
        arrival_order=until_free / (1 - queue.load) if keeps_up else None,
        flagged=first,
        others=others,
        positives=_mixed(sensitivity, first, others),
        negatives=_mixed(1 - specificity, first, others),
    )


def _mixed(share: float, first: float | None, others: float | None) -> float | None:
    """Return the mean over films of which a share is flagged."""
    if first is None or (others is None and share < 1):
        return None
    return share * first + (1 - share) * (others or 0.0)
