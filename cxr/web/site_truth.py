"""Validation, second step: the sheet with the truth, its columns, its labels, and what matched."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from ..plain_text import visible
from ..reading_room.budget import came_in_vain
from ..reading_room.site_session import SiteSession
from ..site.proof import joined
from ..site.truth import (
    FACTS,
    Columns,
    FilmKey,
    KeyKind,
    Matched,
    Meaning,
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

__all__ = ["matched_sheet", "scores_step", "second_reader", "truth_step"]

TYPES = ["csv", "txt", "tsv", "xlsx"]
NONE = "none"
ROW = "row"
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
        a sheet that fits.
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
    found = matched_sheet(session, "truth", table, session.films.keys)
    if found is None:
        return None
    return joined(session.films.table(), found), found


def scores_step(session: SiteSession) -> tuple[pd.DataFrame, Matched] | None:
    """Take one sheet with scores and labels, without films; returns as `truth_step`."""
    table = _sheet(session, "scores", "Scores and labels: CSV or Excel (.xlsx)")
    if table is None:
        st.caption("One row per film: a score between 0 and 1, and a label. No films are needed.")
        return None
    finding = session.model.card.finding
    try:
        guessed = guess_columns(table, finding=finding)
    except TruthError:  # no column names the films: they are told apart by their rows
        table = table.assign(**{ROW: [f"row {k + 2}" for k in range(len(table))]})
        guessed = guess_columns(table, finding=finding, key=ROW)
    scores = _scores(table)
    if scores is None:
        return None
    keys = [FilmKey(name) for name in dict.fromkeys(table[guessed.key].astype(str)) if name]
    found = matched_sheet(session, "scores", table, keys, given=guessed)
    if found is None:
        return None
    first = table.assign(**{"": scores}).drop_duplicates(guessed.key).set_index(guessed.key)[""]
    films = pd.DataFrame(
        {"path": [key.name for key in keys], "score": [first[key.name] for key in keys]}
    )
    return joined(films.assign(refusal=""), found), found


def _scores(table: pd.DataFrame) -> pd.Series[float] | None:
    """Let the reader name the column of the scores; None, and why, where they will not do."""
    told, named = None, ""
    try:
        named = str(scores_of(table).name)
    except TruthError as error:
        told = error
    picked = _select("Score", list(map(str, table.columns)), named, "scores_score")
    try:
        if picked:
            return scores_of(table, picked)
    except TruthError as error:
        told = error
    if told:
        st.error(plain(told))
    return None


def second_reader(session: SiteSession) -> Matched | None:
    """Take a second reader's sheet and match it to the films."""
    table = _sheet(session, "second", "Second reader: CSV or Excel (.xlsx)")
    if table is None:
        st.caption("A second file with the same films, called without a look at the first.")
        return None
    return matched_sheet(session, "second", table, session.films.keys)


def matched_sheet(
    session: SiteSession,
    what: str,
    table: pd.DataFrame,
    films: Sequence[FilmKey],
    *,
    given: Columns | None = None,
) -> Matched | None:
    """Let the reader change what columns and labels mean, and match a sheet with films.

    Parameters
    ----------
    session : SiteSession
    what : str
        What the sheet is for; of the keys of Streamlit's elements.
    table : pandas.DataFrame
    films : sequence of FilmKey
    given : Columns, optional
        What is known of the columns (default: they are guessed).
    """
    finding = session.model.card.finding
    sheet = id(table) if given is None else session.sheets[what][0]
    try:
        guessed = given or session.remember(
            ("columns", what, sheet, len(films)),
            lambda: guess_columns(table, films, finding=finding),
        )
    except TruthError as error:
        st.error(plain(error))
        guessed = Columns(key=str(table.columns[0]))
    columns = _columns(what, table, guessed, fixed=given is not None)
    try:
        labels = labels_of(table, columns)
        meanings = _meanings(what, labels, finding, columns.label)
        key = ("match", what, sheet, columns, tuple(meanings.items()), len(films))
        found = session.remember(key, lambda: match(table, columns, meanings, films))
    except TruthError as error:
        st.error(plain(error))
        return None
    _account(found, len(table))
    return found


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


def _select(label: str, names: Sequence[str], chosen: str, key: str) -> str:
    options = ["", *names]
    picked = st.selectbox(
        label,
        options,
        index=options.index(chosen) if chosen in options else 0,
        format_func=lambda name: visible(name) if name else NONE,
        key=key,
    )
    return str(picked)


def _columns(what: str, table: pd.DataFrame, guessed: Columns, *, fixed: bool) -> Columns:
    names = list(map(str, table.columns))
    # Another guess, as with more films, is another element.
    turn = f"{what}_{abs(hash(guessed)) % 10**8}"
    left, middle, right = st.columns(3)
    with left:
        if fixed:
            st.markdown(f"Films are named in **{plain(guessed.key)}**")
            key, kind = guessed.key, guessed.kind
        else:
            key = _select(TITLES["key"], names, guessed.key, f"{turn}_key") or guessed.key
            kind = guessed.kind
    with middle:
        if not fixed:
            kind = (
                st.selectbox(
                    "by their",
                    list(KeyKind),
                    index=list(KeyKind).index(kind),
                    format_func=lambda k: str(k.value),
                    key=f"{turn}_kind",
                )
                or kind
            )
    with right:
        label = _select(TITLES["label"], names, guessed.label, f"{turn}_label")
    facts: dict[str, str] = {}
    with st.expander("Other columns"):
        rows = [st.columns(4), st.columns(4)]
        for place, fact in enumerate(FACTS):
            with rows[place // 4][place % 4]:
                column = _select(fact.capitalize(), names, getattr(guessed, fact), f"{turn}_{fact}")
                facts[fact] = column
    return Columns(key, kind, label, **facts)


def _meanings(
    what: str, labels: dict[str, int], finding: str, column: str
) -> dict[str, Meaning | None]:
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
                key=f"{what}_meaning_{column}_{label}",
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
        listed = [name for name in remark.names if name]
        if not listed:
            st.caption(plain(remark.text))
            continue
        with st.expander(plain(remark.text)):
            st.dataframe(
                plain_table(pd.DataFrame({"named": listed[:MOST_NAMES]})),
                hide_index=True,
                height=min(240, 38 + 35 * len(listed)),
                alt=remark.text,
            )
            if len(listed) > MOST_NAMES:
                st.caption(f"and {len(listed) - MOST_NAMES:,} more")
