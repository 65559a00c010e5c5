"""Evidence for and against a data set: films that are alike, splits that differ."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pandas as pd
import streamlit as st

from .. import figures
from ..datasets.describe import FACTS
from ..datasets.near_duplicates import WITHIN, alike
from ..datasets.shift import shift
from ..evidence import folds, steadiness
from ..evidence.card_tables import folds_table, gate_figures, picture_figures, steadiness_table
from ..model import Model
from ..scoring.bundle import BundleError
from ..scoring.picture_check import PictureCheckError
from ..stats.wording import count, number, percent
from .films import film_list
from .look import theme
from .messages import measure_again, not_described, not_steadied
from .page import plot
from .plain_text import plain, plain_table
from .work import table_key, worked_out

__all__ = [
    "folds_view",
    "gate_view",
    "near_duplicates_view",
    "pictures_view",
    "shift_view",
    "steadiness_view",
]

FINGERPRINT, LOGIT, *_ = FACTS
SHARES = ("share", "low", "high")
MEANING = (
    "At 0.5 nothing tells them apart, as it should be. Far above it, train and test differ as "
    "films of different sources do: "
    "figures of validation, which was drawn from train, then say little about the test set."
)
METHOD = (
    "A logistic regression on a thumbnail of 16 × 16 pixels guesses which split a film of a label "
    "is in; 5 folds by patient. Validation counts as train."
)


def near_duplicates_view(table: pd.DataFrame, folder: Path | None, name: str) -> None:
    """Show the films that are alike without being equal, and whether a split shares any.

    Parameters
    ----------
    table : pandas.DataFrame
        A film table; where it has no ``phash``, the command that fills it is named.
    folder : pathlib.Path
        Folder of the films; None if they are not at hand.
    name : str
        Of the model whose data set it is.
    """
    st.subheader("Near duplicates", anchor=False)
    if FINGERPRINT not in table:
        st.info(not_described(name))
        return
    duplicates = worked_out("Comparing films", partial(alike, table), table_key(table))
    if duplicates is None:
        return
    left_out = ""
    if duplicates.without:
        left_out = f" {count(duplicates.without)} without a fingerprint are left out."
    st.caption(
        "The same picture, recompressed, rescaled or a little cropped: fingerprints of 256 bits "
        f"that differ in {WITHIN} at most.{left_out}"
    )
    if duplicates.films.empty:
        st.caption("No two films of different pixels are alike.")
        return
    said = f"{count(len(duplicates.films))} in {count(duplicates.groups, 'group')} are nearly equal"
    if duplicates.leaks:
        names = plain(", ".join(duplicates.splits))
        st.warning(
            f"{said}. Leakage: {duplicates.leaks:,} of the groups are in two splits ({names})."
        )
    else:
        st.caption(f"{said}; none of the groups is in two splits.")
    # What leaks is what must be seen first.
    films = duplicates.leaks_first
    captions = [f"group {film.group}, {film.split}, {film.label}" for film in films.itertuples()]
    film_list(folder, films, captions)


def gate_view(model: Model) -> None:
    """Show what the learned part of the gate lets pass and what it refuses, as measured.

    Parameters
    ----------
    model : Bundle
        The model; a model without a gate of its own is guarded by that of its finding's default.
    """
    st.subheader("Refused as no frontal chest film", anchor=False)
    if model.judge is None:
        st.caption("Rules alone: neither this model nor its finding's default has a learned gate.")
        return
    judge, gate = model.judge
    st.dataframe(
        plain_table(gate_figures(judge.card)),
        hide_index=True,
        height="content",
        column_config={name: st.column_config.NumberColumn(format="percent") for name in SHARES},
    )
    st.caption(
        f"By the features of {plain(judge.name)} ({plain(', '.join(gate.layers))}). "
        "Low and high: 95 % interval."
    )


def pictures_view(model: Model) -> None:
    """Show what the check for negatives and pictures of films tells; nothing where there is none.

    Parameters
    ----------
    model : Model
        The model; the check lies next to it and is the same for all models of a folder.
    """
    try:
        check = model.pictures
    except PictureCheckError:  # the label says so
        return
    if check is None:
        return
    st.subheader("Told as a negative or a picture of a film", anchor=False)
    st.dataframe(
        plain_table(picture_figures(check)),
        hide_index=True,
        height=300,
        column_config={
            name: st.column_config.NumberColumn(format="percent")
            for name in (*SHARES, "with the gate")
        },
        placeholder="not counted",
    )
    st.caption(
        "Of films as they are, few are to be told; of all others, most. With the gate: told, or "
        "refused as no frontal chest film. Low and high: 95 % interval."
    )


def steadiness_view(model: Model) -> None:
    """Show how far a model's scores move where a film is the same to the eye.

    Parameters
    ----------
    model : Model
        If nothing was measured yet, the command that does so is named.
    """
    st.subheader("Is the score steady?", anchor=False)
    try:
        table = steadiness_table(steadiness.figures(model))
    except BundleError as error:
        st.error(measure_again(error, model.name))
        return
    if table.empty:
        st.caption(not_steadied(model.name))
        return
    st.dataframe(plain_table(table), hide_index=True)
    st.caption(
        f"On {count(int(table['n'].max()), 'validation film')} that look the same to a reader. "
        "Score moves by: at most, on 95 % of them. Crosses the threshold, another band: shares of "
        "them, with 95 % intervals. Steady: "
        f"moves by at most {steadiness.LARGEST:.2f}, and comes into another band on at most "
        f"{percent(steadiness.MOST_BANDS, 0)}."
    )


def folds_view(model: Model) -> None:
    """Show how sources score that the network had not learned from, where that was tried.

    Parameters
    ----------
    model : Model
        Nothing is shown for one that learned from one source, or was not tried so.
    """
    table = folds_table(folds.figures(model))
    if table.empty:
        return
    point = model.card.operating_point()
    st.subheader("On sources that were left out", anchor=False)
    st.dataframe(plain_table(table), hide_index=True)
    st.caption(
        "Each row is of a network of the same recipe that learned from the other sources alone; "
        "the model itself learned from all of them. Sensitivity and specificity at the default "
        f"threshold, {number(point.threshold)}. Brackets: 95 % interval."
    )


def shift_view(table: pd.DataFrame, name: str) -> None:
    """Show for each label how well train can be told from test, and what that means.

    Parameters
    ----------
    table : pandas.DataFrame
        A film table; where it has no ``shift_logit``, the command that fills it is named.
    name : str
        Of the model whose data set it is.
    """
    st.subheader("Can train be told from test?", anchor=False)
    if LOGIT not in table:
        st.info(not_described(name))
        return
    shifts = shift(table)
    if shifts.empty:
        st.caption("Not known: the data set has no train and test.")
        return
    left, right = st.columns([1.6, 1], vertical_alignment="center")
    if shifts["auc"].notna().any():
        with left:
            plot(figures.split_shift(shifts, theme=theme()), "shift")
    with right:
        for row in shifts.itertuples():
            films = f"({row.train:,} train, {row.test:,} test)"
            st.markdown(f"**{plain(row.label)}**: {plain(row.note)} {films}")
        st.caption(f"{MEANING} {METHOD}")
