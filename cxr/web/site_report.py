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
from ..site.calibrate import band_of
from ..site.difference import Difference
from ..site.proof import Proof
from ..site.report import SiteReport
from .sign_in import can
from .site_choices import Choices
from .site_file import keep_site

__all__ = ["report_step"]

NOT_YOURS = "An administrator makes the site's file, which sets its threshold."
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
WHAT = (
    "All of the above in one file, with the hashes of the model and of the films and their labels, "
    "and the versions. It names no film, no patient and no file. Nothing is kept on the server."
)


def report_step(
    session: SiteSession,
    proof: Proof,
    choices: Choices,
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
        _file(choices)


def _file(choices: Choices) -> None:
    if not can(Act.SET_THRESHOLD):
        st.caption(NOT_YOURS)
        return
    if choices.site is None:
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
            lambda: _named(name, choices).to_bytes(),
            f"{name}.json",
            "application/json",
            key="site_file",
            on_click="ignore",
            help="Choose it on Triage and Monitoring, or with cxr predict --site",
        )
        st.button(
            "Use it in this tab",
            key="site_use",
            help="On Triage and Monitoring",
            on_click=_use,
            args=(name, choices),
        )


def _use(name: str, choices: Choices) -> None:
    keep_site(_named(name, choices))
    st.toast("Triage and Monitoring use the site's file in this tab.")


def _named(name: str, choices: Choices) -> SiteFile:
    """Return the site's file as it was chosen last, with its name and band."""
    assert choices.site is not None  # without it there is no button
    band = band_of(choices.band) if choices.band else None
    return replace(choices.site, site=name, band=band)
