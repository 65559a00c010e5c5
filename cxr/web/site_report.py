"""Validation, last step: the report, and the site's file to take along."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
import streamlit as st

from ..access import Act
from ..exports import site_report_json, site_report_pdf
from ..reading_room.site_session import SiteSession
from ..scoring.site_file import SiteFile
from ..site.agreement import ReaderAgreement
from ..site.calibrate import CalibrationError, band_of
from ..site.difference import Difference
from ..site.proof import Proof
from ..site.report import SiteReport
from ..stats.wording import count
from .plain_text import plain
from .sign_in import can
from .site_choices import Chosen
from .site_file import keep_site

__all__ = ["report_step", "report_waits"]

NOT_YOURS = "An administrator makes the site's file, which sets its threshold."
#: Of the session: the site's file is to be used once the page is drawn.
ASKED = "site_use_asked"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
WHAT = (
    "All of the above in one file, with the hashes of the model and of the films and their labels, "
    "and the versions. It names no film, no patient and no file. Nothing is kept on the server."
)


def report_step(
    session: SiteSession,
    proof: Proof,
    chosen: Chosen,
    *,
    data_sha256: str,
    remarks: Sequence[str],
    groups: pd.DataFrame,
    differs: Difference | None,
    readers: ReaderAgreement | None,
    scores_alone: bool,
    tool: str = "",
) -> None:
    """Offer the report as PDF and JSON, and the site's file."""
    card = session.model.card

    def made() -> SiteReport:
        choices = chosen.now
        return SiteReport(
            card=None if scores_alone else card,
            name=tool or "scores of a table" if scores_alone else card.name,
            proof=proof,
            data_sha256=data_sha256,
            refusals={} if scores_alone else session.films.refusals,
            remarks=tuple(remarks),
            groups=groups,
            difference=differs,
            point=choices.point,
            programme=choices.programme,
            counted=choices.counted,
            band=choices.band,
            queue=choices.queue,
            waiting=choices.waiting,
            readers=readers,
        )

    st.caption(WHAT)
    left, right = st.columns(2, gap="large")
    with left, st.container(horizontal=True, gap="small"):
        st.download_button(
            "Report (PDF)",
            lambda: site_report_pdf(made()),
            "validation.pdf",
            "application/pdf",
            key="site_pdf",
            on_click="ignore",
            type="primary",
        )
        st.download_button(
            "Report (JSON)",
            lambda: site_report_json(made()),
            "validation.json",
            "application/json",
            key="site_json",
            on_click="ignore",
        )
    with right:
        _file(chosen)


def report_waits(session: SiteSession, waiting: int) -> None:
    """Say why there is no report while films wait, and what to do where scoring was stopped.

    Parameters
    ----------
    session : SiteSession
    waiting : int
        Films.
    """
    told = f"Report and site's file come here once all films are scored: {count(waiting)} "
    told += "waits." if waiting == 1 else "wait."
    if not session.scorer.pending:
        told += " Scoring has stopped: press Go on under Films, or clear all films."
    st.info(told)


def _file(chosen: Chosen) -> None:
    if not can(Act.SET_THRESHOLD):
        st.caption(NOT_YOURS)
        return
    if chosen.now.site is None:
        st.caption("No site's file: a threshold could not be chosen on these films, see step 4.")
        return
    name = st.text_input(
        "Name of the site", "site", max_chars=40, key="site_name", persist_state="session",
        help="Letters, digits, dots, dashes and underscores. It is written next to every score.",
    )  # fmt: skip
    if not NAME.fullmatch(name):
        st.error("Use letters, digits, dots, dashes and underscores, without a space.")
        return
    with st.container(horizontal=True, gap="small"):
        st.download_button(
            f"Site's file ({name}.json)",  # a name that was just typed is not taken yet
            lambda: _named(name, chosen).to_bytes(),
            f"{name}.json",
            "application/json",
            key="site_file",
            on_click="ignore",
            help="Choose it on Triage and Monitoring, or with cxr predict --site",
        )
        st.button(
            "Use it in this tab", key="site_use", help="On Triage and Monitoring", on_click=_asked
        )
    if st.session_state.pop(ASKED, False):
        _use(name, chosen)


def _asked() -> None:
    # Done once the page is drawn this far, by what it says then: a name that was just typed, and a
    # threshold that was being worked out, come with the press.
    st.session_state[ASKED] = True


def _use(name: str, chosen: Chosen) -> None:
    try:
        keep_site(_named(name, chosen))
    except CalibrationError as error:
        st.toast(plain(error))
    else:
        st.toast(f"Triage and Monitoring use the file of {plain(name)} in this tab.")


def _named(name: str, chosen: Chosen) -> SiteFile:
    """Return the site's file as it was chosen last, with its name and band."""
    choices = chosen.now
    if choices.site is None:  # chosen away a moment ago: the page is being drawn without the button
        raise CalibrationError("There is no threshold for this site any more: see step 4.")
    band = band_of(choices.band) if choices.band else None
    return replace(choices.site, site=name, band=band)
