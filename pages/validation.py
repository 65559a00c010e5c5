"""Validation: a site proves a model on its own films."""

import streamlit as st

from cxr.site.calibrate import data_hash, inputs_hash
from cxr.stats.wording import count
from cxr.web import (
    Chosen,
    band_step,
    bundle,
    choose_model,
    choose_threshold,
    damage_told,
    films_step,
    header,
    readers_view,
    report_step,
    report_waits,
    result_step,
    scores_step,
    site_session,
    stop_without_readers,
    threshold_step,
    truth_step,
    waiting_step,
)

WAYS = ("Films", "Scores in a table")


def main() -> None:
    stop_without_readers("Validation")
    header("Validation")
    left, right = st.columns([1, 2], vertical_alignment="bottom")
    with left:
        card = choose_model("validation_model", baselines=False)
    way = right.segmented_control(
        "What you have",
        WAYS,
        default=WAYS[0],
        required=True,
        key="validation_way",
        persist_state="session",
    )
    session = site_session(bundle(card))
    scores_alone = way == WAYS[1]
    step(1, "Films" if not scores_alone else "Scores")
    waiting = 0
    if scores_alone:
        given = scores_step(session)
    else:
        films_step(session)
        # Before their scores are looked at: a film that gets its own meanwhile is not in them.
        waiting = len(set(session.films.waiting) - session.scorer.failed)
        step(2, "Truth")
        given = truth_step(session)
    if given is None or (not scores_alone and session.scorer.pending and len(session.films) < 2):
        st.caption("Result, threshold, band, waiting and report come here once films have a truth.")
        return
    show(session, *given, waiting, scores_alone=scores_alone)


def show(session, films, found, waiting: int, *, scores_alone: bool) -> None:
    ready = films[films["score"].notna()]
    if ready["truth"].nunique() < 2:
        if waiting:
            st.info("The result comes here as soon as films of both classes have a score.")
        else:
            st.error(
                "Films of both classes with a score are needed. See which were refused or left "
                "out, and what the labels mean."
            )
        return
    data = data_hash(ready.assign(logit=ready.get("logit", ready["score"])))
    key = inputs_hash(films)
    step(3, "Result")
    if waiting:
        waits = "waits" if waiting == 1 else "wait"
        st.caption(f"{count(waiting)} still {waits}: all figures are of those scored so far.")
    if scores_alone:
        threshold = st.slider(
            "Threshold",
            0.0,
            1.0,
            0.5,
            0.001,
            format="%.3f",
            key="validation_threshold",
            persist_state="session",
        )
    else:
        threshold, _ = choose_threshold(session.model.card)
    proof, groups, differs = result_step(session, films, threshold, key, scores_alone=scores_alone)
    readers = None if scores_alone else readers_view(session, films, threshold)
    chosen = Chosen()
    # Each is drawn anew by itself while its sliders move; the report is made of what they say last.
    st.fragment(choose)(session, films, proof, key, chosen, scores_alone=scores_alone)
    st.fragment(rank)(proof, chosen)
    step(7, "Report")
    if waiting:
        report_waits(session, waiting)
        return
    report_step(
        session,
        proof,
        chosen,
        data_sha256=data,
        remarks=[remark.text for remark in found.remarks],
        groups=groups,
        differs=differs,
        readers=readers,
        scores_alone=scores_alone,
    )


def choose(session, films, proof, key: str, chosen: Chosen, *, scores_alone: bool) -> None:
    before = chosen.drawn, chosen.now.site is None
    with chosen.anew() as choices:
        step(4, "Threshold for this site")
        threshold_step(session, films, proof, key, choices, scores_alone=scores_alone)
        step(5, "A band in between")
        band_step(session, films, key, choices)
    chosen.drawn = True
    if before == (True, choices.site is not None):  # there is a file now, or there is none any more
        st.rerun(scope="app")


def rank(proof, chosen: Chosen) -> None:
    step(6, "What ranking buys")
    with chosen.anew() as choices:
        waiting_step(proof, choices)


def step(number: int, title: str) -> None:
    st.container(key=f"step_{number}").subheader(f"{number}  {title}", anchor=False)


with damage_told():
    main()
