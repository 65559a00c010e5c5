"""Validation, third step: what a model did on the site's films."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from .. import figures
from ..evidence.evaluation import confusion_table
from ..monitoring import ReadingsError
from ..monitoring.measures import blind_calls, of_model
from ..reading_room.site_films import SiteEntry
from ..reading_room.site_session import SiteSession
from ..site.agreement import ReaderAgreement, reader_agreement
from ..site.difference import Difference, difference, own_films
from ..site.proof import Measured, Proof, calibrations, errors, needed, prove
from ..site.subgroups import FEWEST, subgroups
from ..stats.wording import count, interval, number, percent
from .look import theme
from .page import plot
from .plain_text import plain, plain_table
from .reading_session import readings
from .site_truth import second_reader
from .trail import trail_allows

__all__ = ["readers_view", "result_step"]

ERRORS = {"fn": "Positives below the threshold", "fp": "Negatives at or above it"}
#: Films shown of each kind of error.
SHOWN = 12
#: Height of what is there in their place, CSS pixels.
FIELD = 128
FORMS = {
    name: st.column_config.NumberColumn(format="percent")
    for rate in ("sensitivity", "specificity")
    for name in (rate, f"{rate}_low", f"{rate}_high")
} | {"auc": st.column_config.NumberColumn("AUC", format="%.3f")}


def result_step(
    session: SiteSession, films: pd.DataFrame, threshold: float, key: str, *, scores_alone: bool
) -> tuple[Proof, pd.DataFrame, Difference | None]:
    """Show the figures at a threshold, the films that are wrong, groups, and what differs.

    Parameters
    ----------
    session : SiteSession
    films : pandas.DataFrame
        With their truth, see `cxr.site.proof.joined`.
    threshold : float
    key : str
        Changes with the films and their labels.
    scores_alone : bool
        Whether there are no films, and the scores may be another tool's.

    Returns
    -------
    tuple
        The figures, the groups, and how far the films differ; None where there are none.
    """
    proof = prove(films, threshold)
    scored = films[films["score"].notna()]
    classes = tuple(session.model.card.classes)
    _figures(session, proof, scores_alone=scores_alone)
    _enough(proof)
    left, right = st.columns([1, 1.5], gap="medium")
    with left:
        plot(
            figures.confusion_matrix(
                proof.counts, classes, threshold=threshold, split="site", theme=theme()
            ),
            "site_matrix",
            table=confusion_table(proof.counts, classes),
        )
    with right:
        plot(
            figures.class_scores(
                (scored["score"].to_numpy(), scored["truth"].to_numpy()),
                _own(session, scores_alone=scores_alone),
                (classes[0], classes[1]),
                threshold,
                theme=theme(),
            ),
            "site_scores",
        )
    _wrong(session, scored, threshold, pictures=not scores_alone)
    groups = subgroups(scored, threshold)
    left, right = st.columns([1, 1.15], gap="medium")
    with right:
        _groups(groups)
    if scores_alone:
        with left:
            st.caption(
                "Scores alone: whether the films differ from those that the model knows, and its "
                "calibration, are told where the films are dropped."
            )
        return proof, groups, None
    with left:
        reliable = session.remember(
            ("calibrations", key), lambda: dict(calibrations(scored, session.model))
        )
        plot(figures.reliability(reliable, theme=theme(), noun="calibrations"), "site_calibration")
        st.caption("Calibrated here: by parts of the films that a score was not fitted on.")
    known = session.films.table()
    differs = session.remember(
        ("difference", session.state), lambda: difference(known, own_films(session.model))
    )
    _difference(differs)
    return proof, groups, differs


def _figures(session: SiteSession, proof: Proof, *, scores_alone: bool) -> None:
    card = session.model.card
    own = None if scores_alone else card.evaluation.get("test") or card.evaluation.get("validation")
    shown = st.columns(4 if own else 3)
    _metric(shown[0], "AUC on these films", number(proof.auc), interval(proof.auc_ci), proof.films)
    if own:
        ends = interval(own.auc_ci) if own.auc_ci else ""
        _metric(shown[1], f"AUC on its own {own.split} films", number(own.auc), ends, own.n)
    for column, name, rate in (
        (shown[-2], "Sensitivity", proof.sensitivity),
        (shown[-1], "Specificity", proof.specificity),
    ):
        _rate(column, name, rate)
    if proof.refused:
        st.caption(f"Left out: {count(proof.refused)} with a label and without a score.")


def _metric(place: DeltaGenerator, name: str, value: str, ends: str, films: int) -> None:
    with place:
        st.metric(name, value, border=True)
        st.caption(f"{ends}, n\u00a0{films:,}".replace(" %", "\u00a0%"))


def _rate(place: DeltaGenerator, name: str, rate: Measured) -> None:
    ends = interval(rate.interval, ".1%")
    _metric(place, f"{name} at the threshold", percent(rate.value), ends, rate.whole)


def _enough(proof: Proof) -> None:
    """Say whether the films are enough for an interval of the width asked."""
    left, right = st.columns([1, 3], vertical_alignment="center")
    width = left.number_input(
        "Interval no wider than (%)", 2, 50, 10, key="site_width", persist_state="session"
    )
    wanted = needed(proof, width / 100)
    have = proof.sensitivity.whole, proof.specificity.whole
    told = (
        f"An interval of {width} points takes {wanted.positives:,} positive films and "
        f"{wanted.negatives:,} negative ones, at these rates; here are {have[0]:,} and {have[1]:,}."
    )
    if have[0] >= wanted.positives and have[1] >= wanted.negatives:
        right.markdown(f"**Enough films.** {told}")
    else:
        more = f" At this share of positives: {count(wanted.films)} in all."
        right.markdown(f"**Too few films for that.** {told}{more}")


def _own(
    session: SiteSession, *, scores_alone: bool
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return scores and labels of the model's validation films; none for another tool's."""
    if scores_alone:
        return np.zeros(0), np.zeros(0, np.int64)
    own = session.model.scored("validation")
    return own["score"].to_numpy(np.float64), own["truth"].to_numpy(np.int64)


def _wrong(session: SiteSession, scored: pd.DataFrame, threshold: float, *, pictures: bool) -> None:
    kind = st.segmented_control(
        "Films on the wrong side, the worst first",
        list(ERRORS),
        default="fn",
        required=True,
        key="site_errors",
        format_func=lambda name: ERRORS[name],
    )
    wrong = errors(scored, threshold, str(kind))
    st.caption(f"{count(len(wrong))} of this kind")
    if pictures:
        _pictures(session, wrong.head(SHOWN))
    if not wrong.empty:
        said = f"All {count(len(wrong))} as a table"
        columns = [
            name
            for name in ("path", "score", "said", "age", "sex", "scanner", "site", "subtype")
            if name in wrong and wrong[name].replace("", pd.NA).notna().any()
        ]
        with st.expander(said):
            st.dataframe(plain_table(wrong[columns]), hide_index=True, height=260, alt=said)


def _pictures(session: SiteSession, films: pd.DataFrame) -> None:
    """Show films small, once the audit trail holds that they are shown where that is required."""
    entries = [session.films.entries[place] for place in films["film"]]
    shown = [
        (entry, score)
        for entry, score in zip(entries, films["score"], strict=True)
        if isinstance(entry, SiteEntry) and entry.preview
    ]
    session.note_shown([entry.sha256 for entry, _ in shown])
    if not trail_allows(session.trail, height=FIELD):
        return
    with st.container(horizontal=True, gap="small"):
        for entry, score in shown:
            st.image(
                entry.preview,
                caption=f"{score:.3f}  \n{plain(entry.name)}",
                width=128,
                alt=f"Film {entry.number}, score {score:.3f}",
            )


def _groups(groups: pd.DataFrame) -> None:
    if groups.empty:
        st.caption(
            "No groups: the sheet tells no sex, age, scanner or site in which films differ. Name "
            "the columns under Truth."
        )
        return
    plot(figures.subgroup_rates(groups, theme=theme()), "site_groups", table=groups)
    st.caption(f"Rates want at least {FEWEST} films of their class.")


def _difference(differs: Difference) -> None:
    st.markdown("**Do these films differ from what the model knows?**")
    text = "  \n".join(map(plain, differs.sentences))
    if differs.differs or differs.low_resolution:
        st.warning(text, icon=None)
    else:
        st.caption(text)


LOG, SHEET = "The log of readings", "A sheet"


def _second_calls(session: SiteSession, films: pd.DataFrame) -> pd.Series[float] | None:
    """Return a second reader's call of each film, NaN where there is none; None without any."""
    source = st.segmented_control(
        "Called in", [SHEET, LOG], default=SHEET, required=True, key="site_second"
    )
    if source == SHEET:
        second = second_reader(session)
        if second is None:
            return None
        return films["film"].map(second.films.set_index("film")["truth"]).astype(float)
    card = session.model.card
    try:
        log = readings()
        ours, _ = of_model(log.recent(None), card.name, card.weights.sha256)
    except ReadingsError as error:
        st.error(plain(error))
        return None
    calls = films["sha256"].map(blind_calls(ours)).astype(float)
    if calls.isna().all():
        st.caption("None of these films was called blind. Read them on Triage with Read blind on.")
        return None
    return calls


def readers_view(
    session: SiteSession, films: pd.DataFrame, threshold: float
) -> ReaderAgreement | None:
    """Compare the truth with a second reader's sheet, and list what to look at together."""
    with st.expander("A second reader's calls of the same films"):
        calls = _second_calls(session, films)
        if calls is None:
            return None
        both = films.assign(second=calls)
        agreed = reader_agreement(
            both["path"],
            both["truth"],
            both["second"],
            scores=both["score"].fillna(threshold),
            threshold=threshold,
        )
        st.markdown(
            f"**{agreed.agreed:,} of {count(agreed.films)} called alike**, {agreed.kappa.text}."
        )
        if agreed.only_one:
            st.caption(f"{count(agreed.only_one)} called by one reader alone are left out.")
        if not agreed.adjudicate.empty:
            st.caption("To adjudicate, those that the model is surest of first:")
            st.dataframe(
                plain_table(agreed.adjudicate),
                hide_index=True,
                height=260,
                alt="Films that the two readers call differently",
            )
        return agreed
