"""What is not in the log of readings and its audit trail yet, and what that means to a reader."""

from __future__ import annotations

import streamlit as st

from ..monitoring import Backlog
from ..reading_room.trail import Trail
from ..stats.wording import count
from .film import empty_field
from .plain_text import plain
from .sign_in import opens

__all__ = ["backlog_view", "trail_allows"]

#: Seconds between two looks whether the trail can be written again.
BEAT = 0.5
#: Seconds an entry may wait before that is told: it is written in less, unless something is wrong.
PATIENCE = 3.0
NOT_SHOWN = (
    "Films are shown as soon as the audit trail has recorded it. If this stays, tell whoever "
    "runs the dashboard: the log's database cannot be written."
)


def trail_allows(trail: Trail, *, height: int) -> bool:
    """Whether films may be shown; if not, say why, and look again until they may.

    Only where the audit trail is required (``audit_required``) they ever may not.

    Parameters
    ----------
    trail : Trail
        Of the list.
    height : int
        Of the film's field in CSS pixels.
    """
    if trail.holds():
        return True
    empty_field(NOT_SHOWN, height=height)
    st.fragment(_watch, run_every=BEAT)(trail)
    return False


def _watch(trail: Trail) -> None:
    if trail.holds(0):
        st.rerun(scope="app")


def backlog_view(backlog: Backlog) -> None:
    """Say what is not recorded, if that is not only a moment's work.

    An administrator is told besides what it means to the audit trail.

    Parameters
    ----------
    backlog : Backlog
        Of the log.
    """
    # Both counts have the entries of the trail among them.
    lost, waiting = backlog.lost - backlog.trail_lost, backlog.waiting - backlog.trail_waiting
    if lost:
        st.warning(f"Readings that could not be kept: {lost:,}.")
    if backlog.problem or (waiting and backlog.seconds > PATIENCE):
        why = plain(backlog.problem or "The log answers slowly.")
        st.warning(f"Readings are not kept yet: {waiting:,} wait to be recorded. {why}")
    if not opens("monitoring"):
        return
    if backlog.trail_lost:
        st.error(
            f"{count(backlog.trail_lost, 'entry', 'entries')} of the audit trail could not be kept "
            "since the server was started. Each is in the server's messages: "
            '"Not in the audit trail".'
        )
    if backlog.trail_waiting and backlog.seconds > PATIENCE:
        st.error(
            "Not recorded in the audit trail yet, and in memory alone until the database can be "
            f"written: {count(backlog.trail_waiting, 'entry', 'entries')}."
        )
