"""Validation, steps four to six: a site's threshold and its price, a band, what ranking buys."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import streamlit as st

from .. import figures
from ..reading_room.site_session import SiteSession
from ..scoring.operating_points import OperatingPoint
from ..scoring.site_file import SiteFile
from ..site.calibrate import CalibrationError, calibrate
from ..site.costs import PerThousand, Programme, over_thresholds, per_thousand
from ..site.facts import patients_of
from ..site.proof import Proof, prove
from ..site.subgroups import subgroups
from ..stats.band import Band, band_in_between, fewest_films
from ..stats.waiting import LUNG_IMPACT, Queue, Waiting, waiting
from ..stats.wording import number, percent, with_interval
from .look import theme
from .page import plot
from .plain_text import plain, plain_cells, plain_table

__all__ = ["Choices", "Chosen", "band_step", "threshold_step", "waiting_step"]

SITE = "site"
HERE, CHOSEN, SHIPPED = "Site's point", "Threshold of step 3", "As it ships"
#: How each row of the table of 1,000 people is called and written.
ROWS: dict[str, tuple[str, Callable[[float], str]]] = {
    "sent_on": ("Sent on", "{:,.1f}".format),
    "found": ("Found", "{:,.1f}".format),
    "missed": ("Missed", "{:,.1f}".format),
    "needless": ("Needless tests", "{:,.1f}".format),
    "npv": ("NPV", percent),
    "ppv": ("PPV", percent),
    "cost": ("Cost", "{:,.0f}".format),
    "cost_per_case": ("Cost of a case found", "{:,.2f}".format),
}
PREMISE = (
    "This holds for films like these: the same site, the same kind of patients, the same share of "
    "positives. Monitoring watches for drift. Where it comes about, prove the model anew."
)


@dataclass
class Choices:
    """What a site has chosen, for its report and its file; None for what could not be.

    Attributes
    ----------
    site : SiteFile or None
        With its calibration and operating points.
    point : OperatingPoint or None
        Its default.
    programme : Programme or None
    counted : mapping of str to PerThousand
        Of 1,000 people, by the name of the threshold.
    band : Band or None
        On the site's calibrated score where there is one.
    queue : Queue or None
    waiting : Waiting or None
    """

    site: SiteFile | None = None
    point: OperatingPoint | None = None
    programme: Programme | None = None
    counted: Mapping[str, PerThousand] = field(default_factory=dict)
    band: Band | None = None
    queue: Queue | None = None
    waiting: Waiting | None = None


@dataclass
class Chosen:
    """The choices as they are now: a file is made of them in another thread, at any moment.

    Attributes
    ----------
    now : Choices
        Whole, and never changed: what is chosen next takes its place once it is worked out.
    drawn : bool
        Whether it was filled once: what is drawn after it is of it.
    """

    now: Choices = field(default_factory=Choices)
    drawn: bool = False

    @contextmanager
    def anew(self) -> Iterator[Choices]:
        """Let choices be changed one after the other; all of them hold once the last is."""
        choices = replace(self.now)
        yield choices
        self.now = choices


def threshold_step(
    session: SiteSession,
    films: pd.DataFrame,
    proof: Proof,
    key: str,
    choices: Choices,
    *,
    scores_alone: bool,
) -> None:
    """Choose a site's threshold by the sensitivity asked, and count what it means for a programme.

    Parameters
    ----------
    session : SiteSession
    films : pandas.DataFrame
        With their truth.
    proof : Proof
        At the threshold of the step before.
    key : str
        Changes with the films and their labels.
    choices : Choices
        Is filled.
    scores_alone : bool
        Whether the scores may be another tool's: then no file is made.
    """
    scored = films[films["score"].notna()]
    shown = st.columns(4, vertical_alignment="bottom")
    asked = shown[0].slider(
        "Sensitivity asked (%)", 50, 99, 95, key="site_sensitivity", persist_state="session"
    )
    prevalence = shown[1].number_input(
        "Prevalence where it is used (%)", 0.1, 90.0, 5.0, 0.5, key="site_prevalence",
        persist_state="session",
        help="Share of the people screened who have the finding; seldom that of these films.",
    )  # fmt: skip
    film = shown[2].number_input(
        "Cost of a film", 0.0, None, 1.0, key="site_film_cost", persist_state="session"
    )
    confirm = shown[3].number_input(
        "Cost of the confirmatory test", 0.0, None, 10.0, key="site_confirm_cost",
        persist_state="session",
    )  # fmt: skip
    choices.programme = programme = Programme(prevalence / 100, film, confirm)
    choices.site = choices.point = None
    points = {}
    if not scores_alone:
        try:
            choices.site = session.remember(
                ("site", key, asked), lambda: _site(session, films, asked / 100)
            )
        except CalibrationError as error:
            st.info(plain(error))
    cut = None
    if choices.site:
        choices.point = point = choices.site.point()
        cut = float(
            session.model.card.calibration.score(
                np.array([choices.site.calibration.logit(point.threshold)])
            )[0]
        )
        sensitivity = with_interval(point.sensitivity, point.sensitivity_ci, ".1%")
        specificity = with_interval(point.specificity, point.specificity_ci, ".1%")
        st.markdown(
            f"**Threshold {cut:.3f}** finds {sensitivity} of these positives and clears "
            f"{specificity} of the negatives."
        )
        st.caption(
            f"{point.rule} On the score as calibrated here it is {point.threshold:.3f}; in the "
            "site's file it is kept so."
        )
        points[HERE] = prove(films, cut)
    points[CHOSEN] = proof
    if not scores_alone:
        points[SHIPPED] = prove(films, session.model.card.operating_point().threshold)
    choices.counted = {
        name: per_thousand(programme, at.sensitivity.value, at.specificity.value)
        for name, at in points.items()
    }
    left, right = st.columns([1, 1.3], gap="medium")
    with left:
        st.markdown("**Of 1,000 people**")
        st.table(
            plain_cells(_table(choices.counted, points)),
            border="horizontal",
            alt="What comes of 1,000 people at each threshold",
        )
    with right:
        curve = over_thresholds(scored["score"], scored["truth"], programme)
        drawn = figures.programme(curve, cut or proof.threshold, theme=theme())
        plot(drawn, "site_programme", table=curve)
    with st.expander("The site's point by sex, age, scanner and site"):
        groups = subgroups(scored, cut or proof.threshold)
        if groups.empty:
            st.caption("The sheet tells no groups.")
        else:
            st.dataframe(plain_table(groups), hide_index=True, alt="Rates by group")


def _site(session: SiteSession, films: pd.DataFrame, sensitivity: float) -> SiteFile:
    scored = films[films["score"].notna()]
    refused = len(films) - len(scored)
    return calibrate(session.model, scored, site=SITE, sensitivity=sensitivity, refused=refused)


def _table(counted: Mapping[str, PerThousand], points: Mapping[str, Proof]) -> pd.DataFrame:
    columns = {}
    for name, people in counted.items():
        at = points[name]
        columns[name] = {
            "Threshold": f"{at.threshold:.3f}",
            "Sensitivity": percent(at.sensitivity.value),
            "Specificity": percent(at.specificity.value),
        } | {
            title: written(value) if np.isfinite(value := getattr(people, what)) else "none"
            for what, (title, written) in ROWS.items()
        }
    # Each on one line, however narrow the screen.
    return pd.DataFrame(columns).replace(" ", "\u00a0", regex=True)


def band_step(session: SiteSession, films: pd.DataFrame, key: str, choices: Choices) -> None:
    """Find the band between which a person decides, and say what is promised outside it."""
    scored = films[films["score"].notna()]
    left, right = st.columns([1, 2.2], gap="medium")
    with left:
        level = st.slider(
            "NPV below and PPV above, at least (%)", 70, 99, 95, key="site_level",
            persist_state="session",
        )  # fmt: skip
        probability = st.slider(
            "With a probability of (%)", 50, 99, 90, key="site_probability",
            persist_state="session",
        )  # fmt: skip
        scores = scored["score"].to_numpy(float)
        if choices.site:
            scores = choices.site.calibration.score(scored["logit"].to_numpy(float))
        band = session.remember(
            ("band", key, level, probability, choices.site is not None),
            lambda: band_in_between(
                scores,
                scored["truth"],
                patients_of(scored),
                level=level / 100,
                probability=probability / 100,
            ),
        )
        choices.band = band
        st.markdown(f"**{plain(band.sentence)}**")
        least = fewest_films(level / 100, probability / 100)
        st.caption(
            f"A side takes at least {least:,} films, each of another patient, that are all on the "
            "right side; more where some are not."
        )
        st.caption(PREMISE)
    with right:
        classes = session.model.card.classes
        drawn = figures.band_of_scores(
            scores, scored["truth"], (classes[0], classes[1]), band, theme=theme()
        )
        plot(drawn, "site_band")
        if choices.site:
            st.caption("On the score as calibrated here.")


def waiting_step(proof: Proof, choices: Choices) -> None:
    """Compare waiting times in order of arrival with flagged films first."""
    left, right = st.columns([1, 1.6], gap="medium")
    with left:
        one, two = st.columns(2)
        arrivals = one.number_input(
            "Films an hour", 0.1, None, 10.0, key="site_arrivals", persist_state="session"
        )
        minutes = two.number_input(
            "Minutes a film", 0.1, None, 5.0, key="site_minutes", persist_state="session"
        )
        readers = one.number_input(
            "Readers", 1, 500, 1, key="site_readers", persist_state="session"
        )
        share = two.number_input(
            "Positive films (%)", 0.1, 90.0, 5.0, key="site_queue_share", persist_state="session"
        )
        queue = Queue(arrivals, minutes, int(readers))
        waits = waiting(queue, share / 100, proof.sensitivity.value, proof.specificity.value)
        choices.queue, choices.waiting = queue, waits
        st.caption(
            f"Readers are busy {percent(waits.load, 0)} of the time; "
            f"{percent(waits.flagged_share)} of films are at or above {proof.threshold:.3f}, the "
            "threshold of step 3, and are read first."
        )
    with right:
        if waits.arrival_order is None:
            st.warning(
                "Readers cannot keep up: more comes in than they can read, and the queue grows "
                "without end. Add a reader, or enter fewer films.",
                icon=None,
            )
            if waits.flagged is not None:
                st.caption(f"Flagged films wait {number(waits.flagged, '.1f')} minutes, others "
                           "ever longer.")  # fmt: skip
        else:
            gained = waits.arrival_order - (waits.positives or 0)
            st.markdown(
                f"**Positive films wait {number(waits.positives, '.1f')} minutes in place of "
                f"{waits.arrival_order:.1f}**, negative ones {number(waits.negatives, '.1f')}: "
                f"{gained:.1f} minutes gained."
            )
            plot(figures.waiting_times(waits, theme=theme()), "site_waiting")
    st.caption(plain(LUNG_IMPACT))
