"""Validation, second step: the sheet with the truth, its columns, its labels, and what matched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ..plain_text import visible
from ..reading_room.budget import came_in_vain
from ..reading_room.site_session import SiteSession
from ..site.learned import LEARNED, without_learned
from ..site.other_scores import score_of_each
from ..site.proof import joined
from ..site.truth import (
    FACTS,
    Columns,
    FilmKey,
    KeyKind,
    Matched,
    Meaning,
    Remark,
    TruthError,
    guess_columns,
    guess_meanings,
    labels_of,
    match,
    read_truth,
    scores_of,
)
from ..stats.wording import count
from .arrivals import NO_ROOM
from .plain_text import plain, plain_table

__all__ = ["scores_step", "second_reader", "truth_step"]

TYPES = ["csv", "txt", "tsv", "xlsx"]
NONE = "none"
#: Code of the remark on films on which the program failed.
FAILED = "failed"
#: In place of a column that names the films; names of a sheet's columns are in small letters.
ROW = "(Each row is a film)"
#: Names of a list that are shown at most; the rest is counted.
MOST_NAMES = 200
TITLES = {
    "key": "Films are named in",
    "label": "Label",
    "score": "Score",
}


def truth_step(session: SiteSession) -> tuple[pd.DataFrame, Matched] | None:
    """Take a sheet and match it to the films.

    Returns
    -------
    tuple or None
        The films with their truth, see `cxr.site.proof.joined`, and the match; None until there is
        a sheet that fits. Films that wait, or that the model learned from, are left out.
    """
    table = _sheet(session, "truth", "Truth: CSV or Excel (.xlsx)")
    if table is None:
        st.caption(
            "One row per film: a column that names it (file, accession number or SOP instance UID) "
            "and one with its label. Age, sex, scanner, site and patient are used where given."
        )
        return None
    if not len(session.films):
        st.info("The sheet is here. Drop the films above.")
        return None
    found = _sheet_of_films(session, "truth", table)
    if found is None:
        return None
    films = joined(session.films.table(), found)
    # A film that waits is neither scored nor refused: it counts once it is one of them.
    counts = (films["score"].notna() | (films["refusal"] != "")).to_numpy()
    known = np.zeros(len(films), bool)
    known[counts] = session.learned(films[counts])
    films, found = without_learned(session.model, films.assign(counts=counts), found, known)
    found = _without_failed(session, films, found)
    for remark in found.remarks:
        if remark.code in (LEARNED, FAILED):  # the others were told with the match
            _tell(remark)
    return films[films.pop("counts")].reset_index(drop=True), found


def _without_failed(session: SiteSession, films: pd.DataFrame, found: Matched) -> Matched:
    """Remark on films that have a truth, and on which the program failed."""
    failed = {entry.name for entry in session.scorer.failed if entry.waits}
    names = tuple(films["path"][films["path"].isin(failed)])
    if not names:
        return found
    remark = Remark(FAILED, f"{count(len(names))} could not be scored, and left out.", names)
    return replace(found, remarks=(*found.remarks, remark))


def scores_step(session: SiteSession) -> tuple[pd.DataFrame, Matched] | None:
    """Take one sheet with scores and labels, without films; returns as `truth_step`."""
    table = _sheet(session, "scores", "Scores and labels: CSV or Excel (.xlsx)")
    if table is None:
        st.caption("One row per film: a score between 0 and 1, and a label. No films are needed.")
        return None
    finding = session.model.card.finding
    table = table.assign(**{ROW: [f"row {k + 2}" for k in range(len(table))]})
    try:
        guessed = guess_columns(table.drop(columns=ROW), finding=finding)
    except TruthError:  # no column names the films
        guessed = guess_columns(table, finding=finding, key=ROW)
    places = st.columns(3)
    alone = table.drop(columns=ROW)
    with places[0]:
        picked = _score_column(session, alone)
    guessed = replace(guessed, kind=KeyKind.NAME)  # what names scores is compared with itself
    columns = _columns(session, "scores", table, guessed, places[1:])
    try:
        values = score_of_each(scores_of(alone, picked), table[columns.key])
    except TruthError as error:
        st.error(plain(error))
        return None
    found = _matched(session, "scores", table, columns, [FilmKey(name) for name in values.index])
    if found is None:
        return None
    films = pd.DataFrame({"path": values.index, "score": values.to_numpy()})
    refused = np.where(films["score"].isna(), "no_score", "")
    return joined(films.assign(refusal=refused), found), found


def _score_column(session: SiteSession, table: pd.DataFrame) -> str:
    """Let the reader name the column of the scores; "" where none is recognized and none chosen."""
    try:
        named = str(scores_of(table).name)
    except TruthError:  # told once the reader has had the choice
        named = ""
    names, key = list(map(str, table.columns)), f"scores_{_id(session, 'scores')}_score"
    return _select(TITLES["score"], names, named, key, optional=not named)


def second_reader(session: SiteSession) -> Matched | None:
    """Take a second reader's sheet and match it to the films."""
    table = _sheet(session, "second", "Second reader: CSV or Excel (.xlsx)")
    if table is None:
        st.caption("A second file with the same films, called without a look at the first.")
        return None
    return _sheet_of_films(session, "second", table)


def _sheet_of_films(session: SiteSession, what: str, table: pd.DataFrame) -> Matched | None:
    """Let the reader change what columns and labels mean, and match a sheet with the films."""
    films = session.films.keys
    try:
        guessed = session.remember(
            ("columns", what, _id(session, what), len(films)),
            lambda: guess_columns(table, films, finding=session.model.card.finding),
        )
    except TruthError as error:
        st.error(plain(error))
        guessed = Columns(key=str(table.columns[0]))
    return _matched(
        session, what, table, _columns(session, what, table, guessed, st.columns(3)), films
    )


def _matched(
    session: SiteSession,
    what: str,
    table: pd.DataFrame,
    columns: Columns,
    films: Sequence[FilmKey],
) -> Matched | None:
    """Match a sheet with films by the meaning that the reader gives its labels; tell what matched.

    Parameters
    ----------
    session : SiteSession
    what : str
        What the sheet is for; of the keys of Streamlit's elements.
    table : pandas.DataFrame
    columns : Columns
    films : sequence of FilmKey
    """
    try:
        meanings = _meanings(session, what, labels_of(table, columns), columns.label)
        key = ("match", what, _id(session, what), columns, tuple(meanings.items()), len(films))
        found = session.remember(key, lambda: match(table, columns, meanings, films))
    except TruthError as error:
        st.error(plain(error))
        return None
    _account(found, len(table))
    return found


def _id(session: SiteSession, what: str) -> str:
    """Return what tells a sheet from those that were dropped before it."""
    return session.sheets[what][0]


def _sheet(session: SiteSession, what: str, label: str) -> pd.DataFrame | None:
    upload = st.file_uploader(label, type=TYPES, key=f"site_sheet_{what}")
    if upload is not None and upload.getvalue() == NO_ROOM:
        st.error(plain(came_in_vain()))
        return None
    if upload is not None:
        key = ("sheet", what, upload.file_id)
        try:
            table = session.remember(key, lambda: read_truth(upload.getvalue(), upload.name))
        except TruthError as error:
            session.sheets.pop(what, None)
            st.error(plain(error))
            return None
        session.sheets[what] = (upload.file_id, table)
    elif what in session.sheets:
        st.caption("The sheet of before is still here; drop another to replace it.")
    return session.sheets[what][1] if what in session.sheets else None


def _select(
    label: str, names: Sequence[str], chosen: str, key: str, *, optional: bool = True
) -> str:
    options = ["", *names] if optional else list(names)
    picked = st.selectbox(
        label,
        options,
        index=options.index(chosen) if chosen in options else 0,
        format_func=lambda name: visible(name) if name else NONE,
        key=key,
        persist_state="session",
    )
    return str(picked)


def _columns(
    session: SiteSession,
    what: str,
    table: pd.DataFrame,
    guessed: Columns,
    places: Sequence[DeltaGenerator],
) -> Columns:
    """Let the reader change what each column tells; kept while the tab is open, for this sheet."""
    rows = ROW in table
    names = [str(name) for name in table.columns if name != ROW]
    # Another guess, as with more films, is another element.
    turn = f"{what}_{_id(session, what)}_{abs(hash(guessed)) % 10**8}"
    with places[0]:
        keys = [*names, ROW] if rows else names
        key = _select(TITLES["key"], keys, guessed.key, f"{turn}_key", optional=False)
    kind = guessed.kind
    if not rows:
        with places[1]:
            picked = st.selectbox(
                "by their",
                list(KeyKind),
                index=list(KeyKind).index(kind),
                format_func=lambda k: str(k.value),
                key=f"{turn}_kind",
                persist_state="session",
            )
            kind = picked or kind
    with places[-1]:
        label = _select(TITLES["label"], names, guessed.label, f"{turn}_label")
    facts: dict[str, str] = {}
    with st.expander("Other columns"):
        others = [place for _ in range(2) for place in st.columns(4)]
        for place, fact in zip(others, FACTS, strict=False):
            with place:
                column = _select(fact.capitalize(), names, getattr(guessed, fact), f"{turn}_{fact}")
                facts[fact] = column
    return Columns(key, kind, label, **facts)


def _meanings(
    session: SiteSession, what: str, labels: dict[str, int], column: str
) -> dict[str, Meaning | None]:
    """Let the reader change what labels mean; kept as the columns are, for each finding."""
    finding = session.model.card.finding
    guessed = guess_meanings(labels, finding)
    st.caption("What each label means")
    meanings: dict[str, Meaning | None] = {}
    with st.container(horizontal=True, gap="medium"):
        for label, rows in labels.items():
            chosen = st.segmented_control(
                f"{plain(label or '(empty)')}, {count(rows, 'row')}",
                list(Meaning),
                default=guessed[label],
                format_func=lambda meaning: str(meaning.value),
                key=f"{what}_{_id(session, what)}_{finding}_{column}_{label}",
                persist_state="session",
            )
            meanings[label] = chosen
    return meanings


def _account(found: Matched, rows: int) -> None:
    positives = int(found.films["truth"].sum())
    st.markdown(
        f"**{count(len(found.films))} with a truth**: {positives:,} positive, "
        f"{len(found.films) - positives:,} negative, of {count(rows, 'row')}."
    )
    for remark in found.remarks:
        _tell(remark)


def _tell(remark: Remark) -> None:
    listed = [name for name in remark.names if name]
    if not listed:
        st.caption(plain(remark.text))
        return
    with st.expander(plain(remark.text)):
        st.dataframe(
            plain_table(pd.DataFrame({"named": listed[:MOST_NAMES]})),
            hide_index=True,
            height=min(240, 38 + 35 * len(listed)),
            alt=remark.text,
        )
        if len(listed) > MOST_NAMES:
            st.caption(f"and {len(listed) - MOST_NAMES:,} more")
